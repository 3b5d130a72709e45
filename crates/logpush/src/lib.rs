//! The Logpush wire format in both directions: object keys, gzip NDJSON, records and sealed fields.
//!
//! Reading an object goes through the modules in this order: [`LogKey::parse`] says whether a key of the bucket names a
//! log object, [`LineReader`] turns its bytes into lines, [`LineParser`] a line into a [`Record`], [`Opener::open`] a
//! sealed field into text. Writing goes through [`SealingKey`], [`RecordLine`] and [`Batch`]. Nothing here does I/O
//! beyond [`std::io::Read`], and nothing prints or logs a key, a prompt or a line.

mod envelope;
mod key;
mod lines;
mod record;
mod write;

pub use envelope::{
    Envelope, KeyBits, KeyError, KeyPairPem, KeyProblem, KeyRing, LineSealer, OpenError, Opener, SealError, SealingKey,
    generate_key_pair, text_of,
};
pub use key::{LogKey, NotALog, day_prefix, folder_prefix};
pub use lines::{Line, LineLimits, LineReader, ReadError};
pub use record::{Field, LineParser, Record, parse_line};
pub use write::{Batch, Payload, RecordLine, WriteError};
