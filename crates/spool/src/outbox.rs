//! Closed segments on their way to the store, oldest first.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

use crate::segment::ClosedSegment;

/// Filled by the syncing thread, emptied by the shipper.
#[derive(Debug)]
pub(crate) struct Outbox {
    segments: Mutex<VecDeque<ClosedSegment>>,
    arrived: Notify,
    /// True when nothing more will come.
    is_closed: watch::Sender<bool>,
}

impl Outbox {
    pub(crate) fn new(segments: Vec<ClosedSegment>) -> Self {
        Self { segments: Mutex::new(segments.into()), arrived: Notify::new(), is_closed: watch::Sender::new(false) }
    }

    pub(crate) fn push(&self, segment: ClosedSegment) {
        self.lock().push_back(segment);
        self.arrived.notify_one();
    }

    pub(crate) fn close(&self) {
        self.is_closed.send_replace(true);
    }

    /// Ends when nothing more will come.
    pub(crate) async fn closed(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let mut is_closed = self.is_closed.subscribe();
        let _seen = is_closed.wait_for(|is_closed| *is_closed).await;
    }

    /// The oldest segment, once there is one; it stays until [`Outbox::remove`]. `None` when nothing more will come. Only one
    /// may wait.
    pub(crate) async fn oldest(&self) -> Option<ClosedSegment> {
        loop {
            // Looked at before the list: whoever closes has pushed everything before.
            let is_closed = *self.is_closed.borrow();
            if let Some(segment) = self.lock().front() {
                return Some(segment.clone());
            }
            if is_closed {
                return None;
            }
            tokio::select! {
                () = self.arrived.notified() => {}
                () = self.closed() => {}
            }
        }
    }

    /// Takes a segment out.
    pub(crate) fn remove(&self, number: u64) {
        self.lock().retain(|segment| segment.id.number != number);
    }

    /// Changes what is known about a segment.
    pub(crate) fn replace(&self, segment: ClosedSegment) {
        if let Some(known) = self.lock().iter_mut().find(|known| known.id.number == segment.id.number) {
            *known = segment;
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<ClosedSegment>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
