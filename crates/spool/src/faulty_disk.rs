//! A disk that fails on demand and remembers what was asked of it; for tests.

use std::{
    fmt,
    io::{self, IoSlice},
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

use crate::disk::{Disk, DiskFile, LocalDisk};

/// The local disk behind switches.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultyDisk(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    is_full: AtomicBool,
    syncs_to_fail: AtomicU64,
    sync_held: Mutex<bool>,
    released: Condvar,
    syncs: AtomicU64,
}

impl FaultyDisk {
    /// While full, a write takes half of its bytes and then fails.
    pub(crate) fn fill(&self, is_full: bool) {
        self.0.is_full.store(is_full, SeqCst);
    }

    /// The next syncs fail.
    pub(crate) fn fail_syncs(&self, count: u64) {
        self.0.syncs_to_fail.store(count, SeqCst);
    }

    /// Until the guard is dropped, a sync does not end.
    pub(crate) fn hold_sync(&self) -> Held {
        *self.0.sync_held.lock().unwrap() = true;
        Held(Arc::clone(&self.0))
    }

    /// Syncs that have begun.
    pub(crate) fn syncs(&self) -> u64 {
        self.0.syncs.load(SeqCst)
    }
}

/// Holds syncs back; a failed test must not, or its spool would wait for ever.
#[derive(Debug)]
pub(crate) struct Held(Arc<Switches>);

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.sync_held.lock().unwrap() = false;
        self.0.released.notify_all();
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(FaultyFile { file: LocalDisk.create(path)?, switches: Arc::clone(&self.0) }))
    }
}

struct FaultyFile {
    file: Box<dyn DiskFile>,
    switches: Arc<Switches>,
}

impl fmt::Debug for FaultyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyFile")
    }
}

impl DiskFile for FaultyFile {
    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.switches.is_full.load(SeqCst) {
            return self.file.write(parts);
        }
        let all: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        self.file.write(&[IoSlice::new(&all[..all.len() / 2])])?;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn sync(&self) -> io::Result<()> {
        self.switches.syncs.fetch_add(1, SeqCst);
        let held = self.switches.sync_held.lock().unwrap();
        let held = self.switches.released.wait_while(held, |is_held| *is_held).unwrap();
        drop(held);
        let fails = self.switches.syncs_to_fail.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        if fails {
            return Err(io::Error::other("the disk lost its mind"));
        }
        self.file.sync()
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.file.cut(bytes)
    }
}
