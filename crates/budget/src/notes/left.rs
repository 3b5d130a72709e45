//! Closing what processes that died had leased.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use tracing::{info, warn};

use super::{
    BootId, EXTENSION, NOTES_MAX,
    slot::{HEADER_BYTES, Header, SLOT_BYTES, Slot},
};
use crate::{BudgetStore, LeaseReport, REPORTS_MAX, Report, ReportAnswer, StoreError};

/// Number of the last word on a lease; whatever the dead process had sent before is older. The largest that a store keeps.
const LAST_SEQ: u64 = i64::MAX as u64;

/// What became of the leases of processes that died.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SettledLeft {
    /// Leases that were closed: what they had left is free again.
    pub closed: u64,
    /// Leases that the store did not know: it had closed them before.
    pub unknown: u64,
    /// Files that prove nothing, because the machine was started since or they are not whole: what they are about counts as
    /// spent until its windows end.
    pub unproven: u64,
}

/// Why leases were not closed; their files are there still.
#[derive(Debug, thiserror::Error)]
pub enum LeftError {
    /// The folder or a file in it.
    #[error("cannot read or remove `{}`", .path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Files of notes that other processes have left.
#[derive(Debug)]
pub struct LeftNotes {
    files: Vec<PathBuf>,
}

impl LeftNotes {
    /// Looks for them; there are none without the folder.
    ///
    /// To be called before this process makes a file of its own there, and only by who knows that the processes that wrote
    /// the others are dead.
    ///
    /// # Errors
    ///
    /// The folder cannot be listed.
    pub fn find(folder: &Path) -> io::Result<Self> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { files: Vec::new() }),
            entries => entries?,
        };
        let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        let is_notes = |path: &PathBuf| path.extension().is_some_and(|found| found == EXTENSION);
        Ok(Self { files: paths.into_iter().filter(is_notes).collect() })
    }

    /// Closes the leases that are noted, and removes the files. What was reserved of them counts as used: nobody knows what
    /// became of those requests. Must not be dropped half-way: the store may hold a transaction.
    ///
    /// # Errors
    ///
    /// The first [`LeftError`], after all files were tried. What was not closed can be closed the next time; to close a lease
    /// twice changes nothing.
    pub async fn settle(self, store: &dyn BudgetStore, boot: BootId) -> Result<SettledLeft, LeftError> {
        let (mut settled, mut failed) = (SettledLeft::default(), None);
        for path in &self.files {
            if let Err(error) = settle_file(store, path, boot, &mut settled).await {
                failed.get_or_insert(error);
            }
        }
        if settled.closed > 0 {
            info!(
                leases = settled.closed,
                "closed the leases of a gateway that was killed; what it had left is free again"
            );
        }
        failed.map_or(Ok(settled), Err)
    }
}

async fn settle_file(
    store: &dyn BudgetStore,
    path: &Path,
    boot: BootId,
    settled: &mut SettledLeft,
) -> Result<(), LeftError> {
    let failed = |source| LeftError::Io { path: path.to_owned(), source };
    let bytes = read(path).map_err(failed)?;
    match Header::parse(&bytes) {
        Some(header) if header.boot == boot => close(store, &header, &bytes, settled).await?,
        Some(_) | None => {
            warn!(
                file = %path.display(),
                "notes of leases are from before this machine started, or not whole: what a gateway had leased counts as spent \
                 until its windows end"
            );
            settled.unproven += 1;
        }
    }
    fs::remove_file(path).map_err(failed)
}

async fn close(
    store: &dyn BudgetStore,
    header: &Header,
    bytes: &[u8],
    settled: &mut SettledLeft,
) -> Result<(), StoreError> {
    let (places, _cut) = bytes.get(HEADER_BYTES..).unwrap_or_default().as_chunks::<SLOT_BYTES>();
    let reports: Vec<_> = places.iter().filter_map(Slot::parse).map(last_word).collect();
    for batch in reports.chunks(REPORTS_MAX) {
        for answer in store.settle(header.holder, batch).await? {
            match answer {
                ReportAnswer::Booked => settled.closed += 1,
                ReportAnswer::Fenced => settled.unknown += 1,
            }
        }
    }
    Ok(())
}

fn last_word(slot: Slot) -> LeaseReport {
    let report = Report { seq: LAST_SEQ, spent: slot.used_at_most, overrun: slot.overrun, held: 0 };
    LeaseReport { lease: slot.lease, report, close: true }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let most = HEADER_BYTES as u64 + u64::from(NOTES_MAX) * SLOT_BYTES as u64;
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
