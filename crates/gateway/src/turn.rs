//! Letting everything else on this thread go first.

use std::{
    future::Future as _,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

/// Comes when every other task of the thread that could run has run, and its sockets were looked at.
///
/// A task that just wakes itself may be polled again within the same turn: hyper polls a body more than once.
#[derive(Debug)]
pub(crate) struct Turn {
    has_come: AtomicBool,
    task: Waker,
}

impl Turn {
    /// Asks for the next turn; the task is woken when it comes.
    pub(crate) fn ask(context: &Context<'_>) -> Arc<Self> {
        let turn = Arc::new(Self { has_come: AtomicBool::new(false), task: context.waker().clone() });
        let waker = Waker::from(Arc::clone(&turn));
        // Polled once, it leaves the waker with the runtime, which is all that is wanted of it.
        let _left = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waker));
        turn
    }

    pub(crate) fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Acquire)
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_come.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, sync::atomic::AtomicUsize, task::Poll, time::Duration};

    use super::*;

    #[tokio::test]
    async fn it_comes_after_everything_else_that_could_run() {
        const STEPS: usize = 10;
        let steps = Arc::new(AtomicUsize::new(0));
        let made = Arc::clone(&steps);
        tokio::spawn(async move {
            for _ in 0..STEPS {
                // Each step waits for another task, as a body waits for its connection.
                tokio::spawn(async {}).await.unwrap();
                made.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut turn = None;
        let seen = poll_fn(|context| {
            let turn = turn.get_or_insert_with(|| Turn::ask(context));
            // What is asked again within the turn, as hyper does, gets the same answer.
            if turn.has_come() { Poll::Ready(steps.load(Ordering::SeqCst)) } else { Poll::Pending }
        });
        let seen = tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap();
        assert_eq!(seen, STEPS);
    }
}
