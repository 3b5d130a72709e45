//! `gatelog keygen`.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use gatelog_logpush::generate_key_pair;

use crate::cli::KeygenArgs;

/// Its owner alone reads it.
const PRIVATE_MODE: u32 = 0o600;
/// Anybody may; what the umask takes away stays away.
const PUBLIC_MODE: u32 = 0o644;

pub(crate) fn run(args: &KeygenArgs) -> anyhow::Result<()> {
    let pair = generate_key_pair(args.bits.into())?;
    // The public half first: what cannot be written to ends it before there is a private half without its other.
    if let Some(path) = &args.public {
        write_new(path, &pair.public, PUBLIC_MODE)?;
    }
    if let Err(error) = write_private(&args.private, &pair.private) {
        if let Some(path) = &args.public {
            fs::remove_file(path).with_context(|| format!("remove `{}`, which belongs to no key", path.display()))?;
        }
        return Err(error);
    }
    if args.public.is_none() {
        print!("{}", pair.public);
    }
    Ok(())
}

/// Writes a private key that only its owner can read, durably, over nothing.
pub(crate) fn write_private(path: &Path, pem: &str) -> anyhow::Result<()> {
    write_new(path, pem, PRIVATE_MODE)
}

fn write_new(path: &Path, pem: &str, mode: u32) -> anyhow::Result<()> {
    let shown = path.display();
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => anyhow::anyhow!("`{shown}` exists already; an existing key is never replaced"),
            _ => anyhow::Error::new(error).context(format!("create `{shown}`")),
        })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    file.write_all(pem.as_bytes())
        .and_then(|()| file.sync_all())
        // Its name is in the folder, which is as easily lost.
        .and_then(|()| fs::File::open(folder)?.sync_all())
        .with_context(|| format!("write `{shown}`"))
}
