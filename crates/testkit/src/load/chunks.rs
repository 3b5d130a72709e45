//! A chunked body (RFC 9112, section 7.1), counted without being kept.

/// Where the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the digits of a chunk's size.
    Size(u64),
    /// Behind them, before the end of the line.
    Extension(u64),
    /// In the bytes of a chunk.
    Data(u64),
    /// In the line end after a chunk.
    DataEnd,
    /// In the lines after the last chunk.
    Trailer { is_line_empty: bool },
    /// After the empty line that ends it all.
    End,
}

/// Reads a chunked body, however it is cut.
#[derive(Debug)]
pub(super) struct Chunks {
    state: State,
    /// Bytes of data so far.
    pub(super) data_bytes: u64,
}

/// What is there is no chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotChunked;

impl Chunks {
    pub(super) fn new() -> Self {
        Self { state: State::Size(0), data_bytes: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.state == State::End
    }

    /// Takes the next bytes and returns how many of them belong to the body: all, unless it ends within them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, NotChunked> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::End {
            if let State::Data(left) = self.state {
                let there = bytes.len() - at;
                let taken = usize::try_from(left).map_or(there, |left| left.min(there));
                let taken_bytes = u64::try_from(taken).unwrap_or(u64::MAX);
                self.data_bytes += taken_bytes;
                self.state = if taken_bytes == left { State::DataEnd } else { State::Data(left - taken_bytes) };
                at += taken;
            } else {
                self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// Takes a byte that is not data.
    fn step(&mut self, byte: u8) -> Result<(), NotChunked> {
        self.state = match (self.state, byte) {
            (State::Size(size), _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                let size = size.checked_mul(16).ok_or(NotChunked)?;
                State::Size(size + u64::from(digit))
            }
            (State::Size(size) | State::Extension(size), b'\n') => match size {
                0 => State::Trailer { is_line_empty: true },
                size => State::Data(size),
            },
            (State::Size(size), b'\r' | b';' | b' ') | (State::Extension(size), _) => State::Extension(size),
            (State::DataEnd, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => State::Size(0),
            (State::Trailer { is_line_empty: true }, b'\n') => State::End,
            (State::Trailer { is_line_empty }, b'\r') => State::Trailer { is_line_empty },
            (State::Trailer { .. }, b'\n') => State::Trailer { is_line_empty: true },
            (State::Trailer { .. }, _) => State::Trailer { is_line_empty: false },
            (State::Size(_) | State::DataEnd | State::Data(_) | State::End, _) => return Err(NotChunked),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nx-trailer: 1\r\n\r\nrest";

    #[test]
    fn it_ends_where_the_body_ends_wherever_it_is_cut() {
        for cut in 1..BODY.len() {
            let mut chunks = Chunks::new();
            let used: usize = BODY.chunks(cut).map(|piece| chunks.take(piece).unwrap()).sum();
            assert_eq!((used, chunks.data_bytes, chunks.is_at_end()), (BODY.len() - 4, 15, true), "cut {cut}");
        }
    }

    #[test]
    fn a_short_body_has_no_end() {
        let mut chunks = Chunks::new();
        chunks.take(&BODY[..BODY.len() - 6]).unwrap();
        assert!(!chunks.is_at_end());
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for bad in [&b"x\r\n"[..], b"5\r\nhello!", b"fffffffffffffffff\r\n"] {
            assert_eq!(Chunks::new().take(bad), Err(NotChunked), "{bad:?}");
        }
    }
}
