//! The streaming gzip decoder: any number of members, every fault with its place.
//!
//! flate2's own multi-member reader neither tells where a stream broke nor tolerates padding, so the loop over members
//! is ours; the inflating, the header checks and the CRC are flate2's.

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::ReadError;

/// Compressed bytes held at once; larger ones measured no faster.
const INPUT_BYTES: usize = 64 << 10;
/// zlib's largest window, the one every gzip file may use.
const WINDOW_BITS: u8 = 15;

/// Inflates a gzip file of any number of members read from `R`.
pub(super) struct GzipStream<R> {
    read: R,
    read_ended: bool,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    /// Bytes of the object before `input[start]`.
    consumed: u64,
    inflate: Decompress,
    place: Place,
}

/// Where in the file the next byte belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Member,
    BetweenMembers,
}

impl<R: Read> GzipStream<R> {
    /// Starts with the bytes that were read to recognise the format.
    pub(super) fn new(read: R, sniffed: &[u8]) -> Self {
        let mut input = vec![0; INPUT_BYTES].into_boxed_slice();
        input[..sniffed.len()].copy_from_slice(sniffed);
        Self {
            read,
            read_ended: false,
            input,
            start: 0,
            end: sniffed.len(),
            consumed: 0,
            inflate: Decompress::new_gzip(WINDOW_BITS),
            place: Place::Member,
        }
    }

    /// Writes some text into `text`, which is not empty; 0 means that the file ended as it should.
    pub(super) fn read_text(&mut self, text: &mut [u8]) -> Result<usize, ReadError> {
        loop {
            if self.start == self.end && !self.read_ended {
                self.refill()?;
            }
            match self.place {
                Place::BetweenMembers => {
                    self.skip_padding();
                    if self.start < self.end {
                        // Every member but the first begins here; what is none fails its header check.
                        self.inflate.reset(true);
                        self.place = Place::Member;
                    } else if self.read_ended {
                        return Ok(0);
                    }
                }
                Place::Member => {
                    let written = self.inflate_some(text)?;
                    if written > 0 {
                        return Ok(written);
                    }
                }
            }
        }
    }

    fn inflate_some(&mut self, text: &mut [u8]) -> Result<usize, ReadError> {
        let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(&self.input[self.start..self.end], text, FlushDecompress::None);
        let (taken, written) = (self.inflate.total_in() - in_before, self.inflate.total_out() - out_before);
        self.advance(length(taken));
        match status {
            Err(_) => Err(ReadError::Corrupt { compressed_offset: self.consumed }),
            Ok(Status::StreamEnd) => {
                self.place = Place::BetweenMembers;
                Ok(length(written))
            }
            Ok(Status::Ok | Status::BufError) if taken > 0 || written > 0 => Ok(length(written)),
            Ok(Status::Ok | Status::BufError) if self.start < self.end => {
                // There is input and room, yet nothing moves: never wait on such a decoder.
                Err(ReadError::Corrupt { compressed_offset: self.consumed })
            }
            Ok(Status::Ok | Status::BufError) if self.read_ended => {
                Err(ReadError::Truncated { compressed_offset: self.consumed })
            }
            Ok(Status::Ok | Status::BufError) => Ok(0),
        }
    }

    /// Zero bytes after a member are padding (tape blocks, preallocated files); gzip(1) drops them too.
    fn skip_padding(&mut self) {
        let zeros = self.input[self.start..self.end].iter().take_while(|byte| **byte == 0).count();
        self.advance(zeros);
    }

    fn advance(&mut self, count: usize) {
        self.start += count;
        self.consumed += count as u64;
    }

    fn refill(&mut self) -> Result<(), ReadError> {
        self.start = 0;
        self.end = read_some(&mut self.read, &mut self.input)?;
        self.read_ended = self.end == 0;
        Ok(())
    }
}

/// One read, tried again when a signal interrupted it; 0 is the end.
pub(super) fn read_some(read: &mut impl Read, into: &mut [u8]) -> Result<usize, ReadError> {
    loop {
        match read.read(into) {
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ReadError::Io(error)),
        }
    }
}

fn length(count: u64) -> usize {
    usize::try_from(count).expect("no more than a slice holds")
}
