//! A closed segment as a log object, and whether an object is that of a segment.

use std::io;

use bytes::Bytes;
use gatelog_logpush::{Batch, Line, LineLimits, LineReader};

use crate::{frame::Next, recover::frames_of, segment::ClosedSegment};

/// Why a segment did not become an object.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The file cannot be read.
    #[error("cannot read a spool segment")]
    Read(#[source] io::Error),
    /// The file holds other records than it did when it was closed.
    #[error("a spool segment has {found} records, not {expected}")]
    Damaged { found: u64, expected: u64 },
}

impl From<io::Error> for BuildError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Compresses the lines of a segment. Holds the compressed object and a block of text.
///
/// # Errors
///
/// [`BuildError::Damaged`] when the segment does not hold exactly the records it should.
pub(crate) fn build(segment: &ClosedSegment) -> Result<Bytes, BuildError> {
    let mut frames = frames_of(&segment.path)?;
    let mut batch = Batch::with_room_for(usize::try_from(segment.file_bytes).unwrap_or_default());
    loop {
        match frames.next()? {
            Next::Record(record) => batch.push_line(record.line),
            Next::End if batch.lines() == segment.records => return Ok(batch.finish().into()),
            Next::End | Next::Bad => {
                return Err(BuildError::Damaged { found: batch.lines(), expected: segment.records });
            }
        }
    }
}

/// Whether an object holds exactly the lines of a segment, in their order. How it is compressed does not matter.
///
/// # Errors
///
/// Of reading the segment. An object that cannot be read is another one.
pub(crate) fn has_lines_of(object: &[u8], segment: &ClosedSegment) -> io::Result<bool> {
    let mut frames = frames_of(&segment.path)?;
    let mut lines = LineReader::new(object, LineLimits::default());
    loop {
        let expected = match frames.next()? {
            Next::Record(record) => Some(text_of(record.line)),
            Next::End | Next::Bad => None,
        };
        match (expected, lines.next_line()) {
            (None, Ok(None)) => return Ok(true),
            (Some(expected), Ok(Some(Line::Text { text, .. }))) if text == expected => {}
            _ => return Ok(false),
        }
    }
}

/// A line as a reader of objects sees it.
fn text_of(line: &[u8]) -> &[u8] {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    text.strip_suffix(b"\r").unwrap_or(text)
}
