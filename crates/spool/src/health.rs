//! Whether the disk takes writes.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::{error, info};

/// Failing from the first error to the next success.
#[derive(Debug, Default)]
pub(crate) struct Health {
    is_failing: AtomicBool,
    problem: Mutex<Option<String>>,
}

impl Health {
    /// Remembers a failure and logs the first of a row.
    pub(crate) fn fail(&self, doing: &'static str, error: &dyn fmt::Display) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("audit spool: {doing}: {error}"));
        if !self.is_failing.swap(true, Ordering::SeqCst) {
            error!(%error, doing, "the disk of the audit spool fails");
        }
    }

    pub(crate) fn recover(&self) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if self.is_failing.swap(false, Ordering::SeqCst) {
            info!("the disk of the audit spool takes writes again");
        }
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::SeqCst)
    }

    pub(crate) fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
