//! The head of an answer, and how long its body is.

use std::{io, time::Instant};

use super::chunks::{Chunks, NotChunked};

/// An answer that was read whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body_bytes: u64,
    /// When its head was there.
    pub(super) begun: Instant,
    /// When its last byte was there.
    pub(super) ended: Instant,
}

/// Why there is no whole answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection could not be made, or failed.
    Io(io::Error),
    /// The server closed it too early.
    Closed,
    /// What came is not HTTP/1.1, or more than one answer.
    NotHttp,
}

impl Broken {
    /// For the count.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Io(error) if is_timeout(error) => "timed out",
            Self::Io(_) => "connection failed",
            Self::Closed => "connection closed early",
            Self::NotHttp => "not an answer",
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<NotChunked> for Broken {
    fn from(NotChunked: NotChunked) -> Self {
        Self::NotHttp
    }
}

/// Whether a read ended because nothing came for as long as the socket waits.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// What of a head matters.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) body: Body,
    /// The server closes the connection after this answer.
    pub(super) is_last: bool,
}

impl Head {
    /// Reads a head without the empty line that ends it.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(text).ok()?.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let (mut body, mut is_last) = (Body::UntilClosed { bytes: 0 }, false);
        for line in lines {
            let (name, value) = line.split_once(':')?;
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                body = Body::Sized { bytes: 0, left: value.parse().ok()? };
            } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
                body = Body::Chunked(Chunks::new());
            } else if name.eq_ignore_ascii_case("connection") {
                is_last = value.eq_ignore_ascii_case("close");
            }
        }
        Some(Self { status, body, is_last })
    }
}

/// A body that is counted as it comes.
#[derive(Debug)]
pub(super) enum Body {
    Sized { bytes: u64, left: u64 },
    Chunked(Chunks),
    UntilClosed { bytes: u64 },
}

impl Body {
    /// Takes what came; all of it must belong to the body, as nothing else was asked for.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), Broken> {
        let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        match self {
            Self::Sized { bytes, left } => {
                *left = left.checked_sub(count).ok_or(Broken::NotHttp)?;
                *bytes += count;
            }
            Self::Chunked(chunks) => {
                if chunks.take(piece)? < piece.len() {
                    return Err(Broken::NotHttp);
                }
            }
            Self::UntilClosed { bytes } => *bytes += count,
        }
        Ok(())
    }

    /// Whether it is whole, given whether the connection is closed.
    pub(super) fn is_whole(&self, is_closed: bool) -> bool {
        match self {
            Self::Sized { left, .. } => *left == 0,
            Self::Chunked(chunks) => chunks.is_at_end(),
            Self::UntilClosed { .. } => is_closed,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Sized { bytes, .. } | Self::UntilClosed { bytes } => *bytes,
            Self::Chunked(chunks) => chunks.data_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_how_long_the_body_is() {
        let head = Head::parse(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y").unwrap();
        assert!(matches!(head, Head { status: 200, body: Body::Sized { left: 12, .. }, is_last: false }));
        let head = Head::parse(b"HTTP/1.1 429 Too\r\ntransfer-encoding: chunked\r\nConnection: close").unwrap();
        assert!(matches!(head, Head { status: 429, body: Body::Chunked(_), is_last: true }));
        let head = Head::parse(b"HTTP/1.1 200 OK").unwrap();
        assert!(!head.body.is_whole(false) && head.body.is_whole(true));
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for bad in ["", "HTTP/1.0 200 OK", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nnonsense", "\u{ff}"] {
            assert!(Head::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn more_than_the_body_is_an_error() {
        let mut body = Body::Sized { bytes: 0, left: 3 };
        body.take(b"abc").unwrap();
        assert!(body.is_whole(false) && body.bytes() == 3);
        assert!(body.take(b"d").is_err());
    }
}
