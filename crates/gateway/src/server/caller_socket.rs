//! The socket of a caller, which is reset where its end alone would look like the end of an answer.
//!
//! HTTP/1.0 knows no chunks: an answer of unknown length ends with its connection. One that breaks off has to end in another way,
//! or the caller takes the part for the whole. TLS has an end of its own, but not every caller minds whether it came.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// What is known of how a connection ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The caller speaks HTTP/1.0.
    is_old: AtomicBool,
    /// All was said that was to be said.
    is_whole: AtomicBool,
}

impl Ending {
    /// Takes note of a request.
    pub(crate) fn asked(&self, version: http::Version) {
        if version < http::Version::HTTP_11 {
            self.0.is_old.store(true, Ordering::Relaxed);
        }
    }

    /// Every answer of the connection was sent to its end.
    pub(crate) fn whole(&self) {
        self.0.is_whole.store(true, Ordering::Relaxed);
    }

    /// Whether the caller would take a part for the whole.
    fn misleads(&self) -> bool {
        self.0.is_old.load(Ordering::Relaxed) && !self.0.is_whole.load(Ordering::Relaxed)
    }
}

/// The socket.
#[derive(Debug)]
pub(crate) struct CallerSocket {
    stream: TcpStream,
    ending: Ending,
}

impl CallerSocket {
    pub(crate) fn new(stream: TcpStream, ending: Ending) -> Self {
        Self { stream, ending }
    }
}

impl Drop for CallerSocket {
    fn drop(&mut self) {
        if self.ending.misleads() {
            // If it fails, the connection is gone already.
            let _gone = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for CallerSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CallerSocket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
