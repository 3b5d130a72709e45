//! `gatelog keygen`.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::Context;
use gatelog_logpush::generate_key_pair;

use crate::cli::KeygenArgs;

pub(crate) fn run(args: &KeygenArgs) -> anyhow::Result<()> {
    let pair = generate_key_pair(args.bits.into())?;
    write_private(&args.private, &pair.private)?;
    print!("{}", pair.public);
    Ok(())
}

/// Writes a private key that only its owner can read, durably, over nothing.
pub(crate) fn write_private(path: &Path, pem: &str) -> anyhow::Result<()> {
    let shown = path.display();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("create `{shown}`; an existing key is never replaced"))?;
    file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).with_context(|| format!("write `{shown}`"))
}
