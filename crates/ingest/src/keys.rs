//! Key files to a key ring.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gatelog_logpush::{KeyError, KeyRing};

/// Largest key file; a PEM of 4096 bit has 3.2 kB, so this holds a ring of hundreds.
const KEY_FILE_BYTES_MAX: u64 = 1 << 20;

/// The key ring cannot be loaded. Never shows a byte of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// A file cannot be read.
    #[error("cannot read key file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What a file holds is no key that can be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Loads the keys of all files, in order; a ring without keys opens nothing, and every sealed line is a `no_key` reject.
///
/// # Errors
///
/// [`KeyFileError`] for the first file that cannot be used.
pub fn load_key_ring(files: &[PathBuf]) -> Result<KeyRing, KeyFileError> {
    let mut texts = Vec::with_capacity(files.len());
    for path in files {
        let text = read(path).map_err(|source| KeyFileError::Read { path: path.clone(), source })?;
        texts.push((path.display().to_string(), text));
    }
    Ok(KeyRing::from_pem(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))?)
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > KEY_FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than any key file"));
    }
    fs::read_to_string(path)
}
