//! Where the text comes from: a plain or a gzip stream, told apart by the first two bytes.

use std::{io::Read, mem};

use super::{
    ReadError,
    gzip::{GzipStream, read_some},
};

/// How gzip begins (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// An object's text, decoded as it is read.
pub(super) enum Source<R> {
    /// Nothing was read yet.
    Unknown(R),
    Plain(R),
    Gzip(Box<GzipStream<R>>),
    /// Everything was read and is well.
    Ended,
    /// Something was wrong; what was read must not be used.
    Failed,
}

impl<R: Read> Source<R> {
    /// Writes some text into `room` (at least two bytes); 0 is the proper end. After an error every call fails.
    pub(super) fn read_text(&mut self, room: &mut [u8]) -> Result<usize, ReadError> {
        let (next, count) = match mem::replace(self, Self::Failed) {
            Self::Unknown(read) => Self::recognise(read, room)?,
            Self::Plain(mut read) => {
                let count = read_some(&mut read, room)?;
                (Self::Plain(read), count)
            }
            Self::Gzip(mut stream) => {
                let count = stream.read_text(room)?;
                (Self::Gzip(stream), count)
            }
            Self::Ended => (Self::Ended, 0),
            Self::Failed => return Err(ReadError::AlreadyFailed),
        };
        *self = if count == 0 { Self::Ended } else { next };
        Ok(count)
    }

    fn recognise(mut read: R, room: &mut [u8]) -> Result<(Self, usize), ReadError> {
        let mut count = 0;
        while count < GZIP_MAGIC.len() {
            match read_some(&mut read, &mut room[count..GZIP_MAGIC.len()])? {
                0 => break,
                more => count += more,
            }
        }
        let sniffed = &room[..count];
        if sniffed == GZIP_MAGIC {
            let mut stream = GzipStream::new(read, &GZIP_MAGIC);
            let count = stream.read_text(room)?;
            return Ok((Self::Gzip(Box::new(stream)), count));
        }
        if sniffed == &GZIP_MAGIC[..1] {
            // No text of ours begins with this byte, so this is what is left of a gzip file.
            return Err(ReadError::Truncated { compressed_offset: 1 });
        }
        Ok((Self::Plain(read), count))
    }
}
