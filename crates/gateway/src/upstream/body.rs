//! The body of a provider's answer, which drives the connection it comes on.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::wire::Lease;

/// Ready as long as the connection has something to read.
pub(crate) struct UpstreamBody {
    incoming: Incoming,
    /// Given back at the end of the body; a connection of HTTP/2 needs none.
    lease: Option<Lease>,
}

impl UpstreamBody {
    pub(super) fn new(incoming: Incoming, lease: Option<Lease>) -> Self {
        Self { incoming, lease }
    }

    /// If nothing more will come.
    pub(super) fn give_back_if_over(&mut self, context: &mut Context<'_>) {
        if self.incoming.is_end_stream() {
            self.give_back(context);
        }
    }

    fn give_back(&mut self, context: &mut Context<'_>) {
        if let Some(lease) = self.lease.take() {
            lease.give_back(context);
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let body = &mut *self;
        let mut frame = Pin::new(&mut body.incoming).poll_frame(context);
        if frame.is_pending()
            && let Some(lease) = &mut body.lease
        {
            lease.drive(context);
            frame = Pin::new(&mut body.incoming).poll_frame(context);
        }
        match &frame {
            Poll::Ready(Some(Ok(_))) => body.give_back_if_over(context),
            Poll::Ready(Some(Err(_)) | None) => body.give_back(context),
            Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
