//! The lines of an object: gzip or plain, bounded, each with its number and place.
//!
//! gzip is recognised by its first two bytes, because what Logpush names `.log.gz` may arrive already decoded. What the reader
//! holds is bounded by twice the longest line, or 64 MiB of an object that is in memory; who keeps a line keeps the text around
//! it. Time is bounded by the size limit of the object. There is no limit on the compression ratio: DEFLATE cannot swell more
//! than 1032 times and honest logs of repeated prompts come close, so it would only hit them.

mod gzip;
mod source;
mod whole;

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use bytes::{Buf, BytesMut};
use memchr::memchr;

use source::Source;

/// Longest line, bytes. Cloudflare caps an exported log at 1 MB; our own gateway may record more, and three sealed
/// bodies of a long-context request (a million tokens, 4 bytes each, base64) come to about 11 MB.
const LINE_BYTES_MAX: usize = 16 << 20;
/// Most text of one object, bytes: eight times the largest batch that Logpush can be told to write (1 GB).
const OBJECT_BYTES_MAX: u64 = 8 << 30;
/// Text asked of the decoder at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Least memory taken at once for the text of a stream; behind a long line it is twice that line. Lines share it, so each of
/// them keeps as much.
const BLOCK_BYTES: usize = 1 << 20;

/// How much of an object is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineLimits {
    /// Longest line without its newline, bytes; a longer one is skipped and told.
    pub line_bytes_max: usize,
    /// Most text of one object, bytes: the guard against bombs. More is an error.
    pub object_bytes_max: u64,
}

impl Default for LineLimits {
    fn default() -> Self {
        Self { line_bytes_max: LINE_BYTES_MAX, object_bytes_max: OBJECT_BYTES_MAX }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A line within the limit.
    Text {
        /// Which line it is, from 1; whitespace-only lines are not counted.
        number: u64,
        /// Where it starts in the uncompressed text, bytes.
        offset: u64,
        /// Its bytes without the newline or CRLF: a part of the object's text, nobody else's, that keeps the memory
        /// around it alive.
        text: BytesMut,
    },
    /// A line that was skipped without being held.
    TooLong {
        /// Which line it is, from 1.
        number: u64,
        /// Where it starts in the uncompressed text, bytes.
        offset: u64,
        /// Its length without the newline.
        bytes: u64,
    },
}

/// Why an object cannot be read to its end. How many lines are missing is then unknown, so none of those that were read
/// may be committed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not gzip after all, a wrong CRC or length, or something behind the last member that is neither a member nor zeros.
    #[error("gzip data is corrupt at compressed byte {compressed_offset}")]
    Corrupt {
        /// How far the decoder had read.
        compressed_offset: u64,
    },
    /// The object ends inside a gzip member.
    #[error("gzip data breaks off at compressed byte {compressed_offset}")]
    Truncated {
        /// The length of what is there.
        compressed_offset: u64,
    },
    /// More text than the limit.
    #[error("object has more than {object_bytes_max} bytes of text")]
    TooLarge {
        /// The limit.
        object_bytes_max: u64,
    },
    /// The object could not be read.
    #[error("cannot read the object")]
    Io(#[source] io::Error),
    /// The reader was asked again after it had failed.
    #[error("the object had already failed")]
    AlreadyFailed,
}

/// Reads the lines of one object, one after the other.
///
/// A line ends at a newline or at the end of the text; one CR before that belongs to the ending. Lines of nothing but
/// JSON whitespace are skipped and are *not* lines: writers of NDJSON end with a newline, and some with two. So the
/// number of the last line is the number of lines of the object.
pub struct LineReader<R> {
    source: Source<R>,
    limits: LineLimits,
    /// The unread text, and room behind it for more.
    buffer: BytesMut,
    /// The unread text is `buffer[..end]`; `buffer[..searched]` has no newline.
    searched: usize,
    end: usize,
    /// Where the unread text starts in the whole text.
    offset: u64,
    /// Text taken from the source so far.
    text_bytes: u64,
    number: u64,
}

/// What stood before the newline that was just stepped over.
enum Extent {
    /// A line, or nothing but blanks.
    Held(BytesMut),
    /// It was over the limit and this long.
    Skipped(u64),
}

impl<'a> LineReader<&'a [u8]> {
    /// Reads an object that is in memory; one of up to 64 MiB of text is inflated in one piece, twice as fast.
    pub fn in_memory(object: &'a [u8], limits: LineLimits) -> Self {
        match whole::inflate_whole(object, limits.object_bytes_max) {
            None => Self::new(object, limits),
            Some(text) => Self {
                source: Source::Ended,
                end: text.len(),
                text_bytes: text.len() as u64,
                buffer: text,
                ..Self::new(object, limits)
            },
        }
    }
}

impl<R: Read> LineReader<R> {
    /// Reads an object as a stream; `read` needs no buffer of its own.
    pub fn new(read: R, limits: LineLimits) -> Self {
        Self {
            source: Source::Unknown(read),
            limits,
            buffer: BytesMut::new(),
            searched: 0,
            end: 0,
            offset: 0,
            text_bytes: 0,
            number: 0,
        }
    }

    /// Bytes of text decoded so far; after the last line, the size of the object's text.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// The next line, or `None` at the proper end of the object.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the object cannot be read to its end. The lines before that have been handed out by then: do
    /// not commit them. Every later call fails too.
    pub fn next_line(&mut self) -> Result<Option<Line>, ReadError> {
        loop {
            let offset = self.offset;
            match self.next_extent()? {
                None => return Ok(None),
                Some(Extent::Held(text)) if is_blank(&text) => {}
                Some(Extent::Held(mut text)) => {
                    self.number += 1;
                    text.truncate(text.strip_suffix(b"\r").unwrap_or(&text).len());
                    return Ok(Some(Line::Text { number: self.number, offset, text }));
                }
                Some(Extent::Skipped(bytes)) => {
                    self.number += 1;
                    return Ok(Some(Line::TooLong { number: self.number, offset, bytes }));
                }
            }
        }
    }

    fn next_extent(&mut self) -> Result<Option<Extent>, ReadError> {
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[self.searched..self.end]) {
                return Ok(Some(self.step_over(self.searched + at, 1)));
            }
            self.searched = self.end;
            if self.end > self.limits.line_bytes_max {
                return self.skip_line().map(Some);
            }
            if !self.fill()? {
                return Ok((self.end > 0).then(|| self.step_over(self.end, 0)));
            }
        }
    }

    fn step_over(&mut self, line_bytes: usize, newline: usize) -> Extent {
        let mut text = self.buffer.split_to(line_bytes + newline);
        self.stepped_over(text.len());
        text.truncate(line_bytes);
        if line_bytes > self.limits.line_bytes_max { Extent::Skipped(line_bytes as u64) } else { Extent::Held(text) }
    }

    /// Steps over a line of any length without holding it.
    fn skip_line(&mut self) -> Result<Extent, ReadError> {
        let mut bytes = 0;
        loop {
            let newline = memchr(b'\n', &self.buffer[..self.end]);
            let part = newline.unwrap_or(self.end);
            bytes += part as u64;
            if newline.is_some() {
                self.buffer.advance(part + 1);
                self.stepped_over(part + 1);
                return Ok(Extent::Skipped(bytes));
            }
            // Nobody has a part of this text, so its memory is room again.
            self.stepped_over(part);
            if !self.fill()? {
                return Ok(Extent::Skipped(bytes));
            }
        }
    }

    fn stepped_over(&mut self, bytes: usize) {
        self.end -= bytes;
        self.searched = 0;
        self.offset += bytes as u64;
    }

    /// Takes more text from the source behind what is unread; false at its end.
    fn fill(&mut self) -> Result<bool, ReadError> {
        if matches!(self.source, Source::Ended) {
            return Ok(false);
        }
        self.make_room();
        let count = self.source.read_text(&mut self.buffer[self.end..self.end + CHUNK_BYTES])?;
        self.text_bytes += count as u64;
        if self.text_bytes > self.limits.object_bytes_max {
            self.source = Source::Failed;
            return Err(ReadError::TooLarge { object_bytes_max: self.limits.object_bytes_max });
        }
        self.end += count;
        Ok(count > 0)
    }

    /// Takes new memory when there is no room for a chunk, and moves the unread text (never more than one line) to it.
    fn make_room(&mut self) {
        if self.buffer.len() - self.end < CHUNK_BYTES {
            // Doubling, so that a long line is moved few times.
            let mut room = BytesMut::zeroed(BLOCK_BYTES.max(2 * self.end + CHUNK_BYTES));
            room[..self.end].copy_from_slice(&self.buffer[..self.end]);
            self.buffer = room;
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}
