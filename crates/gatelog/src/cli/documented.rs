//! Every command line and every configuration in the documentation is one that the binary takes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Parser, error::ErrorKind};

use crate::{cli::Cli, config::Config};

/// Pages with commands for people.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.clone(), root.join("docs")];
    folders.extend(fs::read_dir(root.join("deploy")).unwrap().map(|entry| entry.unwrap().path()));
    let mut pages = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    pages
}

/// Fenced blocks of a language, without their fences and without what indents them.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, bool, String)> = None;
    for line in page.lines() {
        let indent = line.len() - line.trim_start().len();
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => open = Some((indent, info.split(' ').next() == Some(language), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take().filter(|(_, wanted, _)| *wanted).map(|(_, _, text)| text)),
            (Some((indent, _, text)), None) => {
                text.push_str(line.get(*indent..).unwrap_or_default());
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Words as a shell makes them, quotes taken off; what ends a command is a word of its own.
fn words(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ").replace("$(", " ; ");
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for character in text.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '|' | ';' | '&' | '>' | '<' | ')' | '\n') => {
                words.extend([std::mem::take(&mut word), ";".to_owned()]);
            }
            (None, ' ') => words.push(std::mem::take(&mut word)),
            (_, other) => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The arguments of every call of `gatelog`, on the machine or in its image.
fn calls(text: &str) -> Vec<Vec<String>> {
    let words = words(text);
    words.split(|word| word == ";").filter_map(call).map(<[String]>::to_vec).collect()
}

/// What stands after `gatelog` in one command, if that is what it runs.
fn call(command: &[String]) -> Option<&[String]> {
    let (program, rest) = command.split_first()?;
    let rest = match program.as_str() {
        "gatelog" => rest,
        "until" | "while" | "if" => return call(rest),
        "docker" if rest.first().is_some_and(|word| word != "build") => {
            let at = rest.iter().position(|word| word == "gatelog" || word == "gatelog:local")?;
            &rest[at + 1..]
        }
        _ => return None,
    };
    let comment = rest.iter().position(|word| word.starts_with('#')).unwrap_or(rest.len());
    // A number at the end names the stream that is led elsewhere.
    Some(rest[..comment].strip_suffix(&["2".to_owned()]).unwrap_or(&rest[..comment]))
}

fn parse(arguments: &[String]) -> Result<(), clap::Error> {
    let all = ["gatelog".to_owned()].into_iter().chain(arguments.iter().cloned());
    match Cli::try_parse_from(all) {
        Err(error) if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => Err(error),
        _ => Ok(()),
    }
}

#[test]
fn commands_in_blocks_are_understood() {
    let mut count = 0;
    for (path, page) in pages() {
        for block in blocks(&page, "sh") {
            // What is fed to a program is no command.
            let commands = without_here_documents(&block);
            for arguments in calls(&commands) {
                count += 1;
                parse(&arguments).unwrap_or_else(|error| panic!("{}: gatelog {arguments:?}\n{error}", path.display()));
            }
        }
    }
    assert!(count >= 20, "only {count} commands were found: are they still read right?");
}

fn without_here_documents(block: &str) -> String {
    let mut end: Option<&str> = None;
    let mut kept = Vec::new();
    for line in block.lines() {
        match end {
            Some(word) if line == word => end = None,
            Some(_) => {}
            None => {
                kept.push(line);
                end = line.split_once("<<").map(|(_, word)| word.trim_matches(['\'', '"', '-']));
            }
        }
    }
    kept.join("\n")
}

/// Where a sentence names a command, its arguments may be left out.
#[test]
fn commands_in_sentences_exist() {
    let mut count = 0;
    for (path, page) in pages() {
        for code in
            page.split('`').skip(1).step_by(2).filter(|code| code.starts_with("gatelog ") && !code.contains('|'))
        {
            let arguments: Vec<String> = code.split_whitespace().skip(1).map(str::to_owned).collect();
            count += 1;
            match parse(&arguments) {
                Err(error)
                    if !matches!(
                        error.kind(),
                        ErrorKind::MissingRequiredArgument
                            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                            | ErrorKind::MissingSubcommand
                    ) =>
                {
                    panic!("{}: {code}\n{error}", path.display())
                }
                _ => {}
            }
        }
    }
    assert!(count >= 15, "only {count} commands were found: are they still read right?");
}

#[test]
fn configurations_are_understood() {
    let mut count = 0;
    for (path, page) in pages() {
        let here_documents = blocks(&page, "sh").iter().flat_map(|block| here_documents(block)).collect::<Vec<_>>();
        for text in blocks(&page, "toml").iter().chain(&here_documents) {
            count += 1;
            let read = toml::from_str::<Config>(text);
            assert!(read.is_ok(), "{}: {}\n{text}", path.display(), read.unwrap_err());
        }
    }
    assert!(count >= 5, "only {count} configurations were found: are they still read right?");
}

fn here_documents(block: &str) -> Vec<String> {
    let parts = block.split("<<TOML\n").skip(1);
    parts.filter_map(|part| part.split_once("\nTOML\n")).map(|(text, _)| text.to_owned()).collect()
}

#[test]
fn a_shell_is_read_as_a_shell_does() {
    let found = calls(
        "TOKEN=$(gatelog --config a.toml token create x --tenant acme)\n\
         gatelog gateway 2> log &\nuntil gatelog health; do sleep 1; done\n\
         docker compose exec ingest gatelog check # proves it\nsudo -u postgres createdb gatelog",
    );
    let expected: [&[&str]; 4] =
        [&["--config", "a.toml", "token", "create", "x", "--tenant", "acme"], &["gateway"], &["health"], &["check"]];
    assert_eq!(found, expected);
    let wrong = ["gateway".to_owned(), "--no-such".to_owned()];
    assert!(parse(&wrong).is_err());
}
