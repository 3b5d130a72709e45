//! Writes the golden file of the current schema version: `cargo run --example golden > testdata/events-vN.parquet`.
//! Run it once when the version goes up; files of earlier versions stay as they are.
#![expect(clippy::unwrap_used, reason = "a developer's tool fails by panicking")]

use std::io::Write;

use gatelog_columnar::{WriteOptions, write_day_files};

#[path = "../tests/sample/golden.rs"]
mod golden;
#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() {
    let events = golden::rows().into_iter().map(|row| row.event).collect();
    let file = write_day_files(events, sample::stamp(), WriteOptions::default()).unwrap().remove(0);
    std::io::stdout().write_all(&file.bytes).unwrap();
}
