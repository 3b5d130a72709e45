//! What a process may have used of its leases, noted on its disk for whoever comes after it.
//!
//! A note is one number per lease that is never less than what is spent and reserved: it is raised before a reservation is
//! handed out. If the process is killed, the next one reads it and tells the store that this much was spent and nothing is
//! held ([`LeftNotes`]): what the dead process had certainly not handed out goes back to the tenant at once.
//!
//! # Order of writes
//!
//! Raised before what it covers is handed out; lowered before the store is told that less is held, so that nobody is said to
//! have used what he had given back (if it cannot be lowered because the disk fails, he may be: never too little). A note is
//! erased when the process forgets the lease, because the store has closed it or never opened it; not when the process ends.
//!
//! # After a crash
//!
//! Of the process: a note is one write into the page cache, which outlives it. Of the machine: the disk may have older notes,
//! too low ones. So a file says which boot it belongs to, and one of another boot proves nothing: its leases count as
//! spent until their windows end. Nothing here is synced for that reason. What this cannot tell is a disk that was taken away
//! from a running machine and lost what it had not written; whoever mounts it again removes the files.
//!
//! # Who may read them
//!
//! Only whoever knows that the process is dead, by a lock that both would hold on the folder's owner.

mod left;
mod slot;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::warn;

pub use left::{LeftError, LeftNotes, SettledLeft};

use crate::{HolderId, LeaseId};
use slot::{Header, SLOT_BYTES, Slot, offset};

/// One start of a machine; the kernel makes up a number for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootId(pub u128);

/// Most leases of one process that are noted, 8 MiB of them; those beyond count as spent if it dies.
pub(crate) const NOTES_MAX: u32 = 1 << 18;
/// How the files end.
const EXTENSION: &str = "leases";

/// The notes of one process.
#[derive(Debug)]
pub struct LeaseNotes {
    path: PathBuf,
    file: File,
    slots: Mutex<Slots>,
    /// Nothing is noted any more: the process is ending, or the file is gone because it could not be written.
    is_over: AtomicBool,
    /// That neither works was said.
    is_stuck: AtomicBool,
}

/// Which places of the file are in use.
#[derive(Debug, Default)]
struct Slots {
    free: Vec<u32>,
    next: u32,
}

/// The place of one lease in the file; it is erased when this is dropped.
#[derive(Debug)]
pub(crate) struct Note {
    notes: Arc<LeaseNotes>,
    index: u32,
    slot: Slot,
}

/// What is about to be handed out could not be noted, and what is on disk, too low now, could not be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CannotNote;

impl LeaseNotes {
    /// Makes the file of a process in `folder`, which is made too.
    ///
    /// # Errors
    ///
    /// The folder or file cannot be made.
    pub fn create(folder: &Path, holder: HolderId, boot: BootId) -> io::Result<Arc<Self>> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(format!("{:032x}.{EXTENSION}", holder.0));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let notes = Self::on(path, file);
        let written = notes.file.write_all_at(&Header { holder, boot }.to_bytes(), 0);
        written.or_else(|error| notes.unlink().and(Err(error))).map(|()| notes)
    }

    fn on(path: PathBuf, file: File) -> Arc<Self> {
        Arc::new(Self {
            path,
            file,
            slots: Mutex::default(),
            is_over: AtomicBool::default(),
            is_stuck: AtomicBool::default(),
        })
    }

    /// Takes a place for a lease, and notes its use; `None` if there is no place, or nothing is noted any more.
    pub(crate) fn open(self: &Arc<Self>, lease: LeaseId, used_at_most: u64, overrun: u64) -> Option<Note> {
        if self.is_over.load(Ordering::Acquire) {
            return None;
        }
        let index = self.slots().take()?;
        let note = Note { notes: Arc::clone(self), index, slot: Slot { lease, used_at_most, overrun } };
        self.put(index, &note.slot.to_bytes()).ok().map(|()| note)
    }

    /// Removes the file, when every lease is closed.
    pub(crate) fn remove(&self) {
        match self.unlink() {
            Ok(()) => self.is_over.store(true, Ordering::Release),
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "cannot remove notes of leases that are all closed");
            }
        }
    }

    /// Leaves the file as it is, when the process ends, or removes it if no lease was ever noted: starts may fail in a loop.
    pub(crate) fn leave(&self) {
        if self.slots().next == 0 {
            self.remove();
        }
        self.is_over.store(true, Ordering::Release);
    }

    /// Writes at the place of a slot.
    fn put(&self, index: u32, bytes: &[u8; SLOT_BYTES]) -> Result<(), CannotNote> {
        if self.is_over.load(Ordering::Acquire) {
            return Ok(());
        }
        self.file.write_all_at(bytes, offset(index)).or_else(|error| self.give_up(&error))
    }

    /// Removes the file rather than leave one that says too little.
    fn give_up(&self, error: &io::Error) -> Result<(), CannotNote> {
        if let Err(stays) = self.unlink() {
            if !self.is_stuck.swap(true, Ordering::AcqRel) {
                warn!(
                    error = error as &dyn std::error::Error,
                    removal = &stays as &dyn std::error::Error,
                    "cannot note what leases are used for, nor remove the notes: refusing until one of them works"
                );
            }
            return Err(CannotNote);
        }
        self.is_over.store(true, Ordering::Release);
        warn!(
            error = error as &dyn std::error::Error,
            "cannot note what leases are used for: if this process dies, they count as spent until their windows end"
        );
        Ok(())
    }

    fn unlink(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn take(&mut self) -> Option<u32> {
        self.free.pop().or_else(|| {
            let index = Some(self.next).filter(|index| *index < NOTES_MAX)?;
            self.next += 1;
            Some(index)
        })
    }
}

impl Note {
    /// How much of what was granted is noted.
    pub(crate) fn used_at_most(&self) -> u64 {
        self.slot.used_at_most
    }

    /// Notes that no more than this of what was granted, and `overrun` beyond reservations, is used.
    pub(crate) fn write(&mut self, used_at_most: u64, overrun: u64) -> Result<(), CannotNote> {
        let slot = Slot { used_at_most, overrun, ..self.slot };
        if slot != self.slot {
            self.notes.put(self.index, &slot.to_bytes())?;
            self.slot = slot;
        }
        Ok(())
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // One that stays is of a lease that the store does not know, and changes nothing.
        if self.notes.put(self.index, &[0; SLOT_BYTES]).is_ok() {
            self.notes.slots().free.push(self.index);
        }
    }
}

#[cfg(test)]
mod tests;
