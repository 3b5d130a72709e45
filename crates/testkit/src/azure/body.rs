//! The body of an answer on its way, at the pace and to the end that its behaviour wants.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{
    behaviour::{Behaviour, Ending},
    frames::Rendered,
    journal::{CallEnd, OpenCall},
};

/// Between the last bytes and a cut: hyper drops what it has buffered when a body fails, and sends it when one waits.
const BEFORE_CUT: Duration = Duration::from_millis(5);

/// The connection ends here, on purpose. hyper closes an HTTP/1 connection on any error of a body.
#[derive(Debug, thiserror::Error)]
#[error("cut by a behaviour")]
pub(super) struct CutHere;

/// What comes after the last chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    End,
    Cut,
    Stall,
}

/// Hands over the chunks of a body.
pub(super) struct AnswerBody {
    bytes: Bytes,
    ends: std::vec::IntoIter<usize>,
    at: usize,
    chunk_every: Duration,
    /// Whether every chunk is to be a TCP write of its own: hyper writes when a body is not ready.
    flushes: bool,
    is_flush_due: bool,
    tail: Tail,
    pause: Option<Pin<Box<Sleep>>>,
    stall: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    call: OpenCall,
}

impl AnswerBody {
    pub(super) fn new(rendered: Rendered, how: &Behaviour, call: OpenCall) -> Self {
        let (bytes, mut ends, tail) = cut(rendered, how.ending);
        if let Some(size) = how.write_bytes {
            ends = (0..bytes.len())
                .step_by(size.get())
                .skip(1)
                .chain((!bytes.is_empty()).then_some(bytes.len()))
                .collect();
        }
        let pause = (ends.is_empty() && tail == Tail::Cut).then(|| Box::pin(sleep(BEFORE_CUT)));
        Self {
            bytes,
            ends: ends.into_iter(),
            at: 0,
            chunk_every: how.frame_every,
            flushes: how.write_bytes.is_some(),
            is_flush_due: false,
            tail,
            pause,
            stall: None,
            call,
        }
    }

    /// Waits for what comes before the next chunk.
    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.is_flush_due) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        Poll::Ready(())
    }

    fn poll_tail(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutHere>>> {
        match self.tail {
            Tail::End => return Poll::Ready(None),
            Tail::Cut => {}
            Tail::Stall => {
                let stop = self.call.stop();
                let stall = self.stall.get_or_insert_with(|| Box::pin(stop.clone().cancelled_owned()));
                std::task::ready!(stall.as_mut().poll(context));
            }
        }
        self.call.close(CallEnd::Cut);
        Poll::Ready(Some(Err(CutHere)))
    }

    /// Prepares for what comes after a chunk.
    fn chunk_taken(&mut self) {
        let is_last = self.ends.as_slice().is_empty();
        match self.tail {
            Tail::End if is_last => self.call.close(CallEnd::Finished),
            Tail::Cut if is_last => self.pause = Some(Box::pin(sleep(BEFORE_CUT))),
            Tail::Stall if is_last => {}
            _ if !self.chunk_every.is_zero() => self.pause = Some(Box::pin(sleep(self.chunk_every))),
            _ => self.is_flush_due = self.flushes,
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = CutHere;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutHere>>> {
        std::task::ready!(self.poll_wait(context));
        let Some(end) = self.ends.next() else { return self.poll_tail(context) };
        let chunk = self.bytes.slice(self.at..end);
        self.at = end;
        self.chunk_taken();
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.tail == Tail::End && self.ends.as_slice().is_empty()
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.bytes.len() - self.at;
        formatter.debug_struct("AnswerBody").field("left", &left).field("call", &self.call).finish_non_exhaustive()
    }
}

/// The bytes that are sent before the end, where their frames end, and what the end is.
fn cut(rendered: Rendered, ending: Ending) -> (Bytes, Vec<usize>, Tail) {
    let is_plain = !rendered.is_stream();
    let Rendered { bytes, mut ends, .. } = rendered;
    let half = bytes.len() / 2;
    let (kept, tail) = match ending {
        Ending::Complete => (bytes.len(), Tail::End),
        Ending::CutBody => (half, Tail::Cut),
        Ending::CutAfterFrames(0) => (0, Tail::Cut),
        Ending::StallAfterFrames(0) => (0, Tail::Stall),
        Ending::CutAfterFrames(_) if is_plain => (half, Tail::Cut),
        Ending::StallAfterFrames(_) if is_plain => (half, Tail::Stall),
        Ending::CutAfterFrames(count) => (ends.get(count - 1).copied().unwrap_or(bytes.len()), Tail::Cut),
        Ending::StallAfterFrames(count) => (ends.get(count - 1).copied().unwrap_or(bytes.len()), Tail::Stall),
    };
    ends.retain(|end| *end < kept);
    if kept > 0 {
        ends.push(kept);
    }
    (bytes.slice(..kept), ends, tail)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, task::Waker};

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::azure::journal::{Journal, Names};

    /// Polls to the end; `.` stands for a poll that had nothing, `!` for a cut.
    async fn polled(text: &str, how: &Behaviour) -> String {
        let names = Names { deployment: "d".into(), tenant: None };
        let call = Arc::new(Journal::new(0)).open(names, None, CancellationToken::new());
        let mut body = AnswerBody::new(Rendered::plain(text.to_owned(), String::new()), how, call);
        let mut seen = String::new();
        loop {
            match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => {
                    seen.push('.');
                    sleep(Duration::from_millis(1)).await;
                }
                Poll::Ready(Some(Ok(frame))) => seen.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap()),
                Poll::Ready(Some(Err(CutHere))) => return seen + "!",
                Poll::Ready(None) => return seen,
            }
        }
    }

    #[tokio::test]
    async fn azure_bodies_wait_between_writes_so_that_hyper_writes() {
        assert_eq!(polled("abcde", &Behaviour::default()).await, "abcde");
        assert_eq!(polled("abcde", &Behaviour::default().write_bytes(2)).await, "ab.cd.e");
        assert_eq!(polled("", &Behaviour::default().write_bytes(2)).await, "");
    }

    #[tokio::test]
    async fn azure_bodies_wait_before_a_cut_so_that_hyper_writes() {
        let seen = polled("abcde", &Behaviour::ending(Ending::CutBody)).await;
        assert!(seen.starts_with("ab.") && seen.ends_with(".!"), "{seen}");
        let seen = polled("abcde", &Behaviour::ending(Ending::CutAfterFrames(0))).await;
        assert!(seen.starts_with('.') && seen.ends_with(".!"), "{seen}");
    }
}
