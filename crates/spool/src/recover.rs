//! What a crash left behind, put in order before anything is written or shipped.
//!
//! A segment that ends in a cut or wrong frame with nothing whole behind it was being written when the process or the
//! machine died: the tail was never acknowledged as durable and is cut off. A wrong frame with whole ones behind it is
//! damage: the good frames before it stay, the file as it was found is kept under `damaged/` for a person to look at.
//!
//! # Order of writes
//!
//! The copy under `damaged/` is durable before the segment is cut.
//!
//! # After a crash
//!
//! In the middle of it, the next start finds the same and does the same; there may then be two copies.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use tracing::{error, warn};

use crate::{
    disk::private_folder,
    frame::{FrameReader, Next, has_frame},
    segment::{ClosedSegment, HEADER_BYTES, Header, SegmentId, Window, number_of, read_header},
};

/// Where damaged files are kept, below the spool's folder.
pub(crate) const DAMAGED_FOLDER: &str = "damaged";
/// Text read from disk at once.
const READ_BYTES: usize = 256 << 10;
/// Most copies of one segment under `damaged/`.
const COPIES_MAX: u32 = 1_000;

/// What a folder holds.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// Oldest first.
    pub(crate) segments: Vec<ClosedSegment>,
    /// Above every number that was ever used in the folder, as far as it shows.
    pub(crate) next_number: u64,
    /// Segments whose tail was cut off.
    pub(crate) torn: u64,
    /// Segments that were found damaged now.
    pub(crate) damaged: u64,
}

/// One segment after it was put in order.
#[derive(Debug)]
pub(crate) struct Settled {
    /// What is to be shipped; `None` when nothing is left, and then the file is gone.
    pub(crate) segment: Option<ClosedSegment>,
    pub(crate) finding: Finding,
}

/// How a segment was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    Whole,
    Torn { cut_bytes: u64 },
    Damaged { good_records: u64 },
}

/// Opens the frames of a segment that has a whole header.
pub(crate) fn frames_of(path: &Path) -> io::Result<FrameReader<BufReader<File>>> {
    let mut read = BufReader::with_capacity(READ_BYTES, File::open(path)?);
    match read_header(&mut read)? {
        Header::Whole(_) => Ok(FrameReader::new(read)),
        Header::Cut | Header::Bad => Err(io::Error::new(io::ErrorKind::InvalidData, "the segment has no header")),
    }
}

/// Puts every segment of a folder in order, oldest first.
pub(crate) fn recover(folder: &Path) -> io::Result<Recovered> {
    let damaged = folder.join(DAMAGED_FOLDER);
    private_folder(&damaged)?;
    let mut numbers: Vec<(u64, PathBuf)> = list(folder)?.filter_map(|path| Some((number_of(&path)?, path))).collect();
    numbers.sort();
    let newest = numbers.last().map(|(number, _)| *number);
    let newest_damaged = list(&damaged)?.filter_map(|path| number_of(&path.with_extension(""))).max();
    let next_number = newest.max(newest_damaged).map_or(1, |number| number + 1);
    let mut recovered = Recovered { next_number, ..Recovered::default() };
    for (_, path) in numbers {
        let settled = settle(&path)?;
        report(&path, settled.finding);
        recovered.segments.extend(settled.segment);
        match settled.finding {
            Finding::Whole => {}
            Finding::Torn { .. } => recovered.torn += 1,
            Finding::Damaged { .. } => recovered.damaged += 1,
        }
    }
    sync_folder(folder)?;
    Ok(recovered)
}

/// Files under `damaged/`.
pub(crate) fn count_damaged(folder: &Path) -> io::Result<u64> {
    Ok(list(&folder.join(DAMAGED_FOLDER))?.count() as u64)
}

/// Says what was found, once.
pub(crate) fn report(path: &Path, finding: Finding) {
    let segment = path.file_name().unwrap_or_default().to_string_lossy();
    match finding {
        Finding::Whole => {}
        Finding::Torn { cut_bytes } => warn!(%segment, cut_bytes, "cut the unfinished end off a spool segment"),
        Finding::Damaged { good_records } => {
            error!(%segment, good_records, "spool segment is damaged: shipping the records before, keeping the file");
        }
    }
}

/// Puts one segment in order that nobody writes to.
pub(crate) fn settle(path: &Path) -> io::Result<Settled> {
    let file = File::open(path)?;
    let file_bytes = file.metadata()?.len();
    let mut read = BufReader::with_capacity(READ_BYTES, file);
    let id = match read_header(&mut read)? {
        Header::Whole(id) => id,
        Header::Cut => {
            fs::remove_file(path)?;
            let finding = if file_bytes == 0 { Finding::Whole } else { Finding::Torn { cut_bytes: file_bytes } };
            return Ok(Settled { segment: None, finding });
        }
        Header::Bad => {
            keep_copy(path)?;
            fs::remove_file(path)?;
            return Ok(Settled { segment: None, finding: Finding::Damaged { good_records: 0 } });
        }
    };
    let scan = scan(read)?;
    let good_bytes = HEADER_BYTES as u64 + scan.good_bytes;
    let finding = match scan.rest {
        Rest::Nothing => Finding::Whole,
        Rest::Bad if is_torn(path, good_bytes)? => Finding::Torn { cut_bytes: file_bytes.saturating_sub(good_bytes) },
        Rest::Bad => {
            keep_copy(path)?;
            Finding::Damaged { good_records: scan.records }
        }
    };
    let segment = keep_good(path, id, &scan, good_bytes, finding)?;
    Ok(Settled { segment, finding })
}

/// What frames a file has, from the first on.
struct Scan {
    records: u64,
    window: Option<Window>,
    good_bytes: u64,
    rest: Rest,
}

enum Rest {
    Nothing,
    Bad,
}

fn scan(read: impl Read) -> io::Result<Scan> {
    let mut frames = FrameReader::new(read);
    let mut records = 0;
    let mut window: Option<Window> = None;
    let rest = loop {
        match frames.next()? {
            Next::Record(record) => {
                records += 1;
                window = Some(window.map_or(Window::of(record.at), |window| window.with(record.at)));
            }
            Next::End => break Rest::Nothing,
            Next::Bad => break Rest::Bad,
        }
    };
    Ok(Scan { records, window, good_bytes: frames.good_bytes(), rest })
}

/// Cuts the file behind its good frames, or removes it when it has none.
fn keep_good(
    path: &Path,
    id: SegmentId,
    scan: &Scan,
    good_bytes: u64,
    finding: Finding,
) -> io::Result<Option<ClosedSegment>> {
    let Some(window) = scan.window else {
        fs::remove_file(path)?;
        return Ok(None);
    };
    let file = File::options().write(true).open(path)?;
    if finding != Finding::Whole {
        file.set_len(good_bytes)?;
    }
    // Before it is shipped: what is shipped must still be there, unchanged, if the machine dies before it is removed.
    file.sync_all()?;
    Ok(Some(ClosedSegment { id, path: path.to_owned(), records: scan.records, file_bytes: good_bytes, window }))
}

/// Whether nothing whole stands behind the good frames.
fn is_torn(path: &Path, good_bytes: u64) -> io::Result<bool> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(good_bytes))?;
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    Ok(!has_frame(&rest))
}

/// Copies a file to `damaged/` under a name that is free there.
fn keep_copy(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(".")).join(DAMAGED_FOLDER);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = (0..COPIES_MAX).map(|copy| folder.join(format!("{name}.{copy}"))).find(|path| !path.exists());
    let copy = free.ok_or_else(|| io::Error::other("too many copies of one damaged segment"))?;
    fs::copy(path, &copy)?;
    File::open(&copy)?.sync_all()?;
    sync_folder(&folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn list(folder: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    Ok(entries.into_iter())
}

#[cfg(test)]
mod tests;
