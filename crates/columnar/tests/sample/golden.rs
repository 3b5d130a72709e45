//! The rows of every golden file, in file order.

use gatelog_columnar::{EventRow, Stamp};

use crate::sample::{START, bare, full, stamp};

pub(crate) fn rows() -> Vec<EventRow> {
    let events = [bare("bare", START + 5), full("full", START + 3), full("full-last", START + 4)];
    let Stamp { commit_seq, ingest_time } = stamp();
    events.into_iter().map(|event| EventRow { event, ingest_time, commit_seq }).collect()
}
