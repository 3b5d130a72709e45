//! The words of gatelog as types: what an event is, why a line is rejected, what money and time are.
//!
//! Nothing here does I/O, reads the clock or knows a file format. A type that is stored or sent is converted at the edge
//! of the crate that owns that format.

mod clock;
mod digest;
mod event;
mod money;
mod quarantine;
mod reject;
mod source;
mod tally;
mod tenant;
mod time;
mod tokens;

pub use clock::{Clock, FixedClock};
pub use digest::{Digest, LineDigest};
pub use event::{
    BodyState, CostSource, DeploymentType, Event, EventTimeSource, Operation, Outcome, TokenSource, UnknownLabel,
};
pub use money::{MoneyOutOfRange, PicoUsd};
pub use quarantine::QuarantineReason;
pub use reject::{Reject, RejectReason};
pub use source::{ObjectId, SourceObject};
pub use tally::{Tally, Unbalanced};
pub use tenant::{BadTenant, TENANT_BYTES_MAX, TenantId};
pub use time::{TimestampMicros, TimestampOutOfRange};
pub use tokens::{TOKENS_MAX, Tokens};
