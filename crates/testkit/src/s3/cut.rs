//! A response body that ends early.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame};

/// How the body ends once its bytes are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As if that had been all of it.
    Quiet,
    /// With an error, on which the server closes the connection.
    Broken,
}

/// Passes on the first bytes of another body.
pub(super) struct CutBody {
    inner: Pin<Box<s3s::Body>>,
    bytes_left: usize,
    end: End,
    /// Whether the bytes before a broken end have had their chance to be sent.
    is_flushed: bool,
}

impl CutBody {
    pub(super) fn new(inner: s3s::Body, bytes_left: usize, end: End) -> Self {
        Self { inner: Box::pin(inner), bytes_left, end, is_flushed: false }
    }
}

impl HttpBody for CutBody {
    type Data = Bytes;
    type Error = s3s::StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, s3s::StdError>>> {
        if self.bytes_left == 0 {
            if self.end == End::Broken && !self.is_flushed {
                // hyper drops what it has buffered when a body fails, and sends it when a body is not ready.
                self.is_flushed = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(match self.end {
                End::Quiet => None,
                End::Broken => Some(Err("cut by a fault rule".into())),
            });
        }
        let frame = std::task::ready!(self.inner.as_mut().poll_frame(context));
        Poll::Ready(match frame {
            Some(Ok(frame)) => frame.into_data().ok().map(|mut bytes| {
                bytes.truncate(self.bytes_left);
                self.bytes_left -= bytes.len();
                Ok(Frame::data(bytes))
            }),
            ended_or_failed => ended_or_failed,
        })
    }
}
