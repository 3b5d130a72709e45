//! The file itself: what is written is read, what is not whole proves nothing, and a disk that fails.

use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;

use super::*;
use crate::{
    Budget, BudgetStatus, BudgetStore, LeaseAnswer, LeaseReport, LeaseRequest, Report, ReportAnswer, StoreError,
};

const HOLDER: HolderId = HolderId(0x0123_4567_89ab_cdef);
const BOOT: BootId = BootId(5);

/// A store that only keeps what it is told.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<(HolderId, Vec<LeaseReport>)>>);

#[async_trait]
impl BudgetStore for Told {
    async fn settle(&self, holder: HolderId, reports: &[LeaseReport]) -> Result<Vec<ReportAnswer>, StoreError> {
        self.0.lock().unwrap().push((holder, reports.to_vec()));
        Ok(vec![ReportAnswer::Booked; reports.len()])
    }

    async fn budgets(&self) -> Result<Vec<Budget>, StoreError> {
        unreachable!("not asked")
    }

    async fn lease(&self, _: &LeaseRequest) -> Result<LeaseAnswer, StoreError> {
        unreachable!("not asked")
    }

    async fn statuses(&self, _: u32) -> Result<Vec<BudgetStatus>, StoreError> {
        unreachable!("not asked")
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        unreachable!("not asked")
    }
}

fn notes() -> (TempDir, Arc<LeaseNotes>) {
    let folder = tempfile::tempdir().unwrap();
    let notes = LeaseNotes::create(folder.path(), HOLDER, BOOT).unwrap();
    (folder, notes)
}

/// What is told of the files of `folder`: lease, use and overrun.
async fn told(folder: &Path) -> Vec<(u64, u64, u64)> {
    let store = Told::default();
    LeftNotes::find(folder).unwrap().settle(&store, BOOT).await.unwrap();
    let told = store.0.into_inner().unwrap();
    let mut leases = Vec::new();
    for (holder, reports) in told {
        assert_eq!(holder, HOLDER);
        for LeaseReport { lease, report: Report { seq, spent, overrun, held }, close } in reports {
            assert_eq!((seq, held, close), (i64::MAX as u64, 0, true));
            leases.push((lease.0, spent, overrun));
        }
    }
    leases.sort_unstable();
    leases
}

#[tokio::test]
async fn what_is_noted_is_told() {
    let (folder, notes) = notes();
    let mut open: Vec<_> = (1..=600).map(|lease| notes.open(LeaseId(lease), 0, 0).unwrap()).collect();
    open[9].write(70, 3).unwrap();
    open[9].write(60, 4).unwrap();
    drop(open.remove(1));
    let again = notes.open(LeaseId(601), 0, 0).unwrap();
    assert_eq!(again.index, 1, "a place is used again");
    let expected = |lease| if lease == 10 { (10, 60, 4) } else { (lease, 0, 0) };
    drop(open.pop());
    let leases = (1..=601).filter(|lease| ![2, 600].contains(lease));
    assert_eq!(told(folder.path()).await, leases.map(expected).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_place_that_is_not_whole_is_left_out() {
    let (folder, notes) = notes();
    let _open = [1, 2, 3].map(|lease| notes.open(LeaseId(lease), 0, 0).unwrap());
    // A bit of the second; the third is cut.
    notes.file.write_all_at(&[1], offset(1) + 9).unwrap();
    notes.file.set_len(offset(3) - 1).unwrap();
    assert_eq!(told(folder.path()).await, [(1, 0, 0)]);
}

#[tokio::test]
async fn a_file_that_is_not_whole_proves_nothing() {
    let (folder, notes) = notes();
    let _open = notes.open(LeaseId(1), 0, 0).unwrap();
    notes.file.write_all_at(&[1], 12).unwrap();
    let settled = LeftNotes::find(folder.path()).unwrap().settle(&Told::default(), BOOT).await.unwrap();
    assert_eq!(settled, SettledLeft { unproven: 1, ..SettledLeft::default() });
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_not_in_the_way_of_others() {
    let (folder, notes) = notes();
    let _open = notes.open(LeaseId(1), 3, 0).unwrap();
    for name in ["0.leases", "z.leases"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let store = Told::default();
    LeftNotes::find(folder.path()).unwrap().settle(&store, BOOT).await.unwrap_err();
    assert_eq!(store.0.into_inner().unwrap().len(), 1);
}

#[tokio::test]
async fn no_folder_has_no_notes() {
    let folder = tempfile::tempdir().unwrap();
    let settled = LeftNotes::find(&folder.path().join("none")).unwrap().settle(&Told::default(), BOOT).await.unwrap();
    assert_eq!(settled, SettledLeft::default());
}

#[test]
fn only_the_owner_reads_them() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let notes = LeaseNotes::create(&folder.path().join("leases"), HOLDER, BOOT).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(notes.path.parent().unwrap()), mode(&notes.path)), (0o700, 0o600));
}

/// Notes on a disk that takes nothing.
fn full(path: PathBuf) -> Arc<LeaseNotes> {
    LeaseNotes::on(path, OpenOptions::new().write(true).open("/dev/full").unwrap())
}

fn note(notes: &Arc<LeaseNotes>) -> Note {
    Note { notes: Arc::clone(notes), index: 0, slot: Slot { lease: LeaseId(1), used_at_most: 0, overrun: 0 } }
}

#[test]
fn a_disk_that_fails_leaves_no_notes_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.leases");
    fs::write(&path, "too low").unwrap();
    let notes = full(path.clone());
    note(&notes).write(10, 0).unwrap();
    assert!(!path.exists(), "nobody is told too little");
    assert!(notes.open(LeaseId(2), 0, 0).is_none());
}

#[test]
fn notes_that_can_be_neither_written_nor_removed_allow_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.leases");
    fs::create_dir_all(path.join("in-the-way")).unwrap();
    let notes = full(path.clone());
    let mut note = note(&notes);
    assert_eq!(note.write(10, 0), Err(CannotNote));
    assert_eq!(note.used_at_most(), 0);
    fs::remove_dir_all(path).unwrap();
    note.write(10, 0).unwrap();
}
