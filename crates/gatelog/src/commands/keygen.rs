//! `gatelog keygen`.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use gatelog_logpush::generate_key_pair;
use gatelog_runtime::crash_point;

use crate::cli::KeygenArgs;

/// Its owner alone reads it.
const PRIVATE_MODE: u32 = 0o600;
/// Anybody may; what the umask takes away stays away.
const PUBLIC_MODE: u32 = 0o644;

/// Makes a pair.
///
/// # Order of writes
///
/// The public file is taken, empty; the private half is written; then the public one. A public half without its private one
/// must never be there, whenever this ends: somebody would seal to it, and nobody could open that.
pub(crate) fn run(args: &KeygenArgs) -> anyhow::Result<()> {
    let pair = generate_key_pair(args.bits.into())?;
    let public =
        args.public.as_deref().map(|path| Ok::<_, anyhow::Error>((path, create(path, PUBLIC_MODE)?))).transpose()?;
    if let Err(error) = write_private(&args.private, &pair.private) {
        if let Some((path, _empty)) = public {
            fs::remove_file(path).with_context(|| format!("remove `{}`, which is empty", path.display()))?;
        }
        return Err(error);
    }
    crash_point("keygen.private_written");
    match public {
        Some((path, file)) => write(file, path, &pair.public),
        None => {
            print!("{}", pair.public);
            Ok(())
        }
    }
}

/// Writes a private key that only its owner can read, durably, over nothing.
pub(crate) fn write_private(path: &Path, pem: &str) -> anyhow::Result<()> {
    write(create(path, PRIVATE_MODE)?, path, pem)
}

fn create(path: &Path, mode: u32) -> anyhow::Result<File> {
    let shown = path.display();
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!("`{shown}` exists already; an existing key is never replaced"),
        _ => anyhow::Error::new(error).context(format!("create `{shown}`")),
    })
}

fn write(mut file: File, path: &Path, pem: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    file.write_all(pem.as_bytes())
        .and_then(|()| file.sync_all())
        // Its name is in the folder, which is as easily lost.
        .and_then(|()| File::open(folder)?.sync_all())
        .with_context(|| format!("write `{}`", path.display()))
}
