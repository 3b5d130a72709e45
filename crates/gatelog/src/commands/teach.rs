//! What the binary says of itself: schema, completions, manual.

use std::{fs, path::Path};

use anyhow::Context;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{cli::Cli, config::Config};

/// Prints the JSON Schema of the configuration.
pub(crate) fn schema() -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&Config::schema())?);
    Ok(())
}

/// Prints the completions of a shell.
pub(crate) fn completions(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gatelog", &mut script);
    print!("{}", String::from_utf8_lossy(&script));
}

/// Prints the manual page, or writes one for each command into a folder.
pub(crate) fn manual(folder: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        print!("{}", String::from_utf8_lossy(&page));
        return Ok(());
    };
    fs::create_dir_all(folder).with_context(|| format!("create `{}`", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("write manual pages to `{}`", folder.display()))
}
