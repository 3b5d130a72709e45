//! Segment files: names, header, and what is known about a closed one.
//!
//! A segment is `header | frames`, and becomes one log object. Its header and its frames decide the object's key and
//! lines, nothing else does: shipping it twice names the same object twice.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use gatelog_logpush::LogKey;
use gatelog_model::TimestampMicros;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{depth::Tally, frame::read_up_to};

/// Size of the header: `magic 8 | version u32 | number u64 | instance 16 | crc32 u32`.
pub(crate) const HEADER_BYTES: usize = 40;
const MAGIC: [u8; 8] = *b"gatespol";
const VERSION: u32 = 1;
const EXTENSION: &str = ".segment";
/// Digits of the number in a file's name: as many as a `u64` has, so that names sort as numbers do.
const NUMBER_DIGITS: usize = 20;

/// Which segment it is, over all gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentId {
    pub(crate) instance: Uuid,
    /// Counts up within a folder.
    pub(crate) number: u64,
}

/// What begins a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    Whole(SegmentId),
    /// The file ends inside the header: it was cut while it was made.
    Cut,
    /// Not a header of ours.
    Bad,
}

/// A segment that nobody writes to any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosedSegment {
    pub(crate) id: SegmentId,
    pub(crate) path: PathBuf,
    pub(crate) records: u64,
    /// Size of the file.
    pub(crate) file_bytes: u64,
    /// Earliest and latest time of a record. Records come in the order in which requests end, not of their times.
    pub(crate) window: Window,
}

/// The times of some records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) earliest: TimestampMicros,
    pub(crate) latest: TimestampMicros,
}

impl Window {
    pub(crate) fn of(at: TimestampMicros) -> Self {
        Self { earliest: at, latest: at }
    }

    pub(crate) fn with(self, at: TimestampMicros) -> Self {
        Self { earliest: self.earliest.min(at), latest: self.latest.max(at) }
    }
}

impl SegmentId {
    pub(crate) fn path(self, folder: &Path) -> PathBuf {
        folder.join(format!("{:0width$}{EXTENSION}", self.number, width = NUMBER_DIGITS))
    }

    pub(crate) fn header(self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[12..20].copy_from_slice(&self.number.to_le_bytes());
        header[20..36].copy_from_slice(self.instance.as_bytes());
        let crc = crc32fast::hash(&header[..36]);
        header[36..].copy_from_slice(&crc.to_le_bytes());
        header
    }

    /// The number that tells the objects of one window apart; another one for each try.
    fn suffix(self, attempt: u32) -> u32 {
        let mut hasher = Sha256::new();
        hasher.update(self.instance.as_bytes());
        hasher.update(self.number.to_le_bytes());
        hasher.update(attempt.to_le_bytes());
        let digest = hasher.finalize();
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }
}

impl ClosedSegment {
    pub(crate) fn tally(&self) -> Tally {
        Tally { records: self.records, file_bytes: self.file_bytes, earliest: self.window.earliest }
    }

    /// The name of its object at the given try, from 0.
    pub(crate) fn key(&self, prefix: &str, attempt: u32) -> LogKey {
        LogKey::new(prefix, self.window.earliest, self.window.latest, self.id.suffix(attempt))
    }
}

/// Reads the header that a file begins with.
///
/// # Errors
///
/// Of reading; a short file is none.
pub(crate) fn read_header(read: &mut impl Read) -> io::Result<Header> {
    let mut header = [0; HEADER_BYTES];
    if read_up_to(read, &mut header)? < HEADER_BYTES {
        return Ok(Header::Cut);
    }
    let instance = Uuid::from_bytes(header[20..36].try_into().expect("sixteen bytes are sixteen bytes"));
    let number = u64::from_le_bytes(header[12..20].try_into().expect("eight bytes are eight bytes"));
    let id = SegmentId { instance, number };
    Ok(if id.header() == header { Header::Whole(id) } else { Header::Bad })
}

/// The number in a segment's file name, if it is one.
pub(crate) fn number_of(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_suffix(EXTENSION)?;
    let is_number = digits.len() == NUMBER_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_and_any_other_byte_is_noticed() {
        let id = SegmentId { instance: Uuid::from_u128(7), number: 9 };
        let header = id.header();
        assert_eq!(read_header(&mut &header[..]).unwrap(), Header::Whole(id));
        assert_eq!(read_header(&mut &header[..39]).unwrap(), Header::Cut);
        for index in 0..HEADER_BYTES {
            let mut changed = header;
            changed[index] ^= 1;
            assert_eq!(read_header(&mut &changed[..]).unwrap(), Header::Bad, "byte {index}");
        }
    }

    #[test]
    fn names_carry_the_number_and_nothing_else_is_a_segment() {
        let id = SegmentId { instance: Uuid::nil(), number: 42 };
        assert_eq!(number_of(&id.path(Path::new("/spool"))), Some(42));
        for other in
            ["lock", "damaged", "42.segment", "0000000000000000004+.segment", "00000000000000000042.segment.part"]
        {
            assert_eq!(number_of(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn each_try_has_a_name_of_its_own() {
        let at = TimestampMicros::try_new(1_500_000).unwrap();
        let id = SegmentId { instance: Uuid::nil(), number: 1 };
        let window = Window::of(at);
        let segment = ClosedSegment { id, path: PathBuf::new(), records: 1, file_bytes: 60, window };
        let keys: Vec<String> = (0..2).map(|attempt| segment.key("logs", attempt).to_string()).collect();
        assert!(keys[0].starts_with("logs/19700101/19700101T000001Z_19700101T000002Z_"));
        assert_ne!(keys[0], keys[1]);
    }
}
