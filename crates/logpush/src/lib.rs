//! The Logpush wire format in both directions: object keys, gzip NDJSON, records and sealed fields.

mod envelope;
mod key;
mod lines;
mod record;

pub use envelope::{
    Envelope, KeyBits, KeyError, KeyPairPem, KeyProblem, KeyRing, LineSealer, OpenError, Opener, SealError, SealingKey,
    generate_key_pair, text_of,
};
pub use key::{LogKey, NotALog, day_prefix};
pub use lines::{Line, LineLimits, LineReader, ReadError};
pub use record::{Field, Record, parse_line};
