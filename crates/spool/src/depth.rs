//! How much is in the spool: what every segment that was not shipped holds.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gatelog_model::TimestampMicros;

/// Of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) records: u64,
    pub(crate) file_bytes: u64,
    pub(crate) earliest: TimestampMicros,
}

/// Of all segments with records, by number.
#[derive(Debug, Default)]
pub(crate) struct Depth(Mutex<BTreeMap<u64, Tally>>);

/// The sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Total {
    pub(crate) segments: u64,
    pub(crate) records: u64,
    pub(crate) file_bytes: u64,
    pub(crate) oldest: Option<TimestampMicros>,
}

impl Depth {
    pub(crate) fn set(&self, number: u64, tally: Tally) {
        self.lock().insert(number, tally);
    }

    pub(crate) fn remove(&self, number: u64) {
        self.lock().remove(&number);
    }

    pub(crate) fn total(&self) -> Total {
        self.lock().values().fold(Total::default(), |total, tally| Total {
            segments: total.segments + 1,
            records: total.records + tally.records,
            file_bytes: total.file_bytes + tally.file_bytes,
            oldest: Some(total.oldest.map_or(tally.earliest, |oldest| oldest.min(tally.earliest))),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Tally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
