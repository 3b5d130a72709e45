//! What the spool asks of a disk, so that a test can put a failing one in its place.

use std::{
    fmt,
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io::{self, IoSlice, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Nobody but the owner enters; prompts are sealed, but who asked and when is not.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Makes files that records are written to.
pub(crate) trait Disk: Send + Sync + fmt::Debug {
    /// Makes a file that was not there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

/// A file that records are appended to.
pub(crate) trait DiskFile: Send + Sync + fmt::Debug {
    /// Appends some of the bytes and says how many.
    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Makes what was written durable.
    fn sync(&self) -> io::Result<()>;

    /// Cuts off what is behind `bytes`.
    fn cut(&self, bytes: u64) -> io::Result<()>;
}

/// The real one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LocalDisk;

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().append(true).create_new(true).mode(FILE_MODE).open(path)?;
        Ok(Box::new(file))
    }
}

impl DiskFile for File {
    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(parts)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}

/// Appends all of the bytes.
///
/// # Errors
///
/// Of the disk; some of the bytes may then be there.
pub(crate) fn write_all(file: &dyn DiskFile, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match file.write(parts) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut parts, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes a folder that only its owner enters; one that is there is closed to others.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))
}

/// Opens a file for writing that only its owner reads; makes it if needed, keeps what it has.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(path)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Takes at most seven bytes at a time.
    #[derive(Debug, Default)]
    struct Slow(Mutex<Vec<u8>>);

    impl DiskFile for Slow {
        fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).take(7).collect();
            self.0.lock().unwrap().extend_from_slice(&all);
            Ok(all.len())
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn cut(&self, _bytes: u64) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn short_writes_are_carried_on() {
        let file = Slow::default();
        let mut parts = [IoSlice::new(b""), IoSlice::new(b"0123456789"), IoSlice::new(b"abcdefghij")];
        write_all(&file, &mut parts).unwrap();
        assert_eq!(*file.0.lock().unwrap(), b"0123456789abcdefghij");
    }
}
