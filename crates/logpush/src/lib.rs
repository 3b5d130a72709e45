//! The Logpush wire format in both directions: object keys, gzip NDJSON, records and sealed fields.

mod key;
mod lines;

pub use key::{LogKey, NotALog, day_prefix};
pub use lines::{Line, LineLimits, LineReader, ReadError};
