//! `gatelog keygen`.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::Context;
use gatelog_logpush::generate_key_pair;

use crate::cli::KeygenArgs;

/// Its owner alone reads it.
const PRIVATE_MODE: u32 = 0o600;
/// Anybody may; what the umask takes away stays away.
const PUBLIC_MODE: u32 = 0o644;

pub(crate) fn run(args: &KeygenArgs) -> anyhow::Result<()> {
    if let Some(public) = args.public.as_deref().filter(|path| path.exists()) {
        // Before the private half is there: nobody has to tidy up half a pair.
        anyhow::bail!("`{}` exists already; an existing key is never replaced", public.display());
    }
    let pair = generate_key_pair(args.bits.into())?;
    write_private(&args.private, &pair.private)?;
    match &args.public {
        Some(path) => write_new(path, &pair.public, PUBLIC_MODE),
        None => {
            print!("{}", pair.public);
            Ok(())
        }
    }
}

/// Writes a private key that only its owner can read, durably, over nothing.
pub(crate) fn write_private(path: &Path, pem: &str) -> anyhow::Result<()> {
    write_new(path, pem, PRIVATE_MODE)
}

fn write_new(path: &Path, pem: &str, mode: u32) -> anyhow::Result<()> {
    let shown = path.display();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("create `{shown}`; an existing key is never replaced"))?;
    file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).with_context(|| format!("write `{shown}`"))
}
