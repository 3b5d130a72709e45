//! The Logpush wire format in both directions: object keys, gzip NDJSON, records and sealed fields.

mod key;

pub use key::{LogKey, NotALog, day_prefix};
