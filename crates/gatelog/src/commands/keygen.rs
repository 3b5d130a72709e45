//! `gatelog keygen`.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, process::ExitCode};

use anyhow::Context;
use gatelog_logpush::generate_key_pair;

use crate::cli::KeygenArgs;

pub(crate) fn run(args: &KeygenArgs) -> anyhow::Result<ExitCode> {
    let pair = generate_key_pair(args.bits.into())?;
    let path = args.private.display();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&args.private)
        .with_context(|| format!("create `{path}`; an existing key is never replaced"))?;
    file.write_all(pair.private.as_bytes()).and_then(|()| file.sync_all()).with_context(|| format!("write `{path}`"))?;
    print!("{}", pair.public);
    Ok(ExitCode::SUCCESS)
}
