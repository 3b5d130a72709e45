//! One record on disk: `marker u32 | line bytes u32 | crc32 u32 | time i64 | line`, numbers little-endian.
//!
//! The CRC covers length, time and line, so no cut and no changed byte yields a record that was never written. The marker
//! has bytes that UTF-8 does not, so no text can pass for the start of a frame.

use std::io::{self, Read};

use gatelog_model::TimestampMicros;

/// Longest line, its newline included: what `logpush::LineLimits` lets ingest read, and the newline.
pub const LINE_BYTES_MAX: usize = (16 << 20) + 1;
/// Bytes before the line.
pub(crate) const HEAD_BYTES: usize = 20;
const MARKER: [u8; 4] = [0xff, b'g', b'l', 0xfe];

/// What stands before a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head(pub(crate) [u8; HEAD_BYTES]);

/// One record as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) at: TimestampMicros,
    /// With its newline.
    pub(crate) line: &'a [u8],
}

/// What comes next in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    Record(Record<'a>),
    /// The proper end.
    End,
    /// Something that is no whole frame, or another than was written.
    Bad,
}

impl Head {
    /// `line` must not be longer than [`LINE_BYTES_MAX`].
    pub(crate) fn new(at: TimestampMicros, line: &[u8]) -> Self {
        let length = u32::try_from(line.len()).expect("lines have at most 16 MiB").to_le_bytes();
        let time = at.micros().to_le_bytes();
        let mut head = [0; HEAD_BYTES];
        head[..4].copy_from_slice(&MARKER);
        head[4..8].copy_from_slice(&length);
        head[8..12].copy_from_slice(&checksum(length, time, line).to_le_bytes());
        head[12..].copy_from_slice(&time);
        Self(head)
    }

    /// Length of the line, if this can be a head at all.
    fn line_bytes(&self) -> Option<usize> {
        let length = usize::try_from(u32::from_le_bytes(self.part(4))).ok()?;
        (self.part(0) == MARKER && (1..=LINE_BYTES_MAX).contains(&length)).then_some(length)
    }

    /// The time, if the line belongs to this head.
    fn time_of(&self, line: &[u8]) -> Option<TimestampMicros> {
        let time: [u8; 8] = self.0[12..].try_into().expect("a head ends in eight bytes of time");
        let is_whole = checksum(self.part(4), time, line) == u32::from_le_bytes(self.part(8));
        is_whole.then(|| TimestampMicros::try_new(i64::from_le_bytes(time)).ok()).flatten()
    }

    fn part(&self, from: usize) -> [u8; 4] {
        self.0[from..from + 4].try_into().expect("four bytes are four bytes")
    }
}

/// Bytes of a frame on disk.
pub(crate) fn frame_bytes(line: &[u8]) -> u64 {
    (HEAD_BYTES + line.len()) as u64
}

/// Reads frames one after the other; holds one line at a time.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    read: R,
    line: Vec<u8>,
    /// Where the good frames end so far, counted from where reading began.
    good_bytes: u64,
}

impl<R: Read> FrameReader<R> {
    /// `read` should have a buffer.
    pub(crate) fn new(read: R) -> Self {
        Self { read, line: Vec::new(), good_bytes: 0 }
    }

    /// The next record; after anything else, the reader is at its end.
    ///
    /// # Errors
    ///
    /// Of reading; a short file is none.
    pub(crate) fn next(&mut self) -> io::Result<Next<'_>> {
        let mut head = [0; HEAD_BYTES];
        match read_up_to(&mut self.read, &mut head)? {
            0 => return Ok(Next::End),
            HEAD_BYTES => {}
            _ => return Ok(Next::Bad),
        }
        let head = Head(head);
        let Some(length) = head.line_bytes() else { return Ok(Next::Bad) };
        self.line.clear();
        // Not allocated from the length alone: that could be a damaged one.
        self.read.by_ref().take(length as u64).read_to_end(&mut self.line)?;
        match head.time_of(&self.line) {
            Some(at) if self.line.len() == length => {
                self.good_bytes += frame_bytes(&self.line);
                Ok(Next::Record(Record { at, line: &self.line }))
            }
            _ => Ok(Next::Bad),
        }
    }

    /// Bytes of the frames that were good.
    pub(crate) fn good_bytes(&self) -> u64 {
        self.good_bytes
    }
}

/// Most places that are looked at closely by [`has_frame`]; only a file that was tampered with has more.
const CANDIDATES_MAX: usize = 10_000;

/// Whether a whole frame stands anywhere in these bytes.
pub(crate) fn has_frame(bytes: &[u8]) -> bool {
    let starts = bytes.windows(MARKER.len()).enumerate().filter(|(_, window)| **window == MARKER);
    starts.map(|(start, _)| start).take(CANDIDATES_MAX).any(|start| {
        let mut frames = FrameReader::new(&bytes[start..]);
        matches!(frames.next(), Ok(Next::Record(_)))
    })
}

fn checksum(length: [u8; 4], time: [u8; 8], line: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(&time);
    hasher.update(line);
    hasher.finalize()
}

/// Fills the buffer as far as there is something to read.
pub(crate) fn read_up_to(read: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use gatelog_logpush::LineLimits;

    use super::*;

    fn frame(micros: i64, line: &[u8]) -> Vec<u8> {
        let head = Head::new(TimestampMicros::try_new(micros).unwrap(), line);
        [&head.0[..], line].concat()
    }

    #[test]
    fn frames_are_read_back_in_order() {
        let file = [frame(1, b"{}\n"), frame(2, b"{\"a\":1}\n")].concat();
        let mut reader = FrameReader::new(&file[..]);
        for (micros, line) in [(1, &b"{}\n"[..]), (2, b"{\"a\":1}\n")] {
            let at = TimestampMicros::try_new(micros).unwrap();
            assert_eq!(reader.next().unwrap(), Next::Record(Record { at, line }));
        }
        assert_eq!(reader.next().unwrap(), Next::End);
        assert_eq!(reader.good_bytes(), file.len() as u64);
    }

    #[test]
    fn a_length_beyond_the_limit_is_bad_before_it_is_read() {
        let mut file = frame(1, b"{}\n");
        file[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(FrameReader::new(&file[..]).next().unwrap(), Next::Bad);
    }

    #[test]
    fn ingest_reads_the_longest_line_that_is_taken() {
        assert_eq!(LINE_BYTES_MAX, LineLimits::default().line_bytes_max + 1);
    }

    #[test]
    fn a_frame_is_found_behind_rubbish_only_if_it_is_whole() {
        let whole = frame(1, b"{}\n");
        assert!(has_frame(&[b"rubbish\xff", &whole[..]].concat()));
        assert!(!has_frame(&[b"rubbish\xff", &whole[..whole.len() - 1]].concat()));
    }
}
