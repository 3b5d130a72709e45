//! Hourly totals of events.
//!
//! A [`Rollup`] is a map of sums. Merging is associative and commutative, so batches may be folded in any order and by
//! any number of workers; iteration is in key order, so two transactions that upsert the same cells lock them in the
//! same order and cannot deadlock. Sums saturate rather than wrap: a nonsense count must stay visibly huge.
#![warn(clippy::wildcard_enum_match_arm)]

mod cell;
mod histogram;
mod key;
mod rollup;

pub use cell::RollupCell;
pub use histogram::{BOUNDS_MS, BUCKET_COUNT, BadBuckets, LatencyHistogram, VALUES_MS};
pub use key::{CellKey, RollupKey, RollupOptions};
pub use rollup::Rollup;
