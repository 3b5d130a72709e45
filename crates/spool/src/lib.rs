//! The append-only spool of audit records and the shipper that turns it into Logpush objects.
//!
//! [`Spool::admit`] gives a request a [`Ticket`]; [`Ticket::append`] puts a sealed NDJSON line into the open segment, a
//! file, and resolves when it is kept; [`Shipper`] makes a log object of every closed segment. [`SealerPool`] keeps the RSA
//! operation of sealing off the path of requests.

mod account;
mod background;
mod depth;
mod disk;
#[cfg(test)]
mod faulty_disk;
mod frame;
mod health;
mod metrics;
mod object;
mod options;
mod outbox;
mod queue;
mod recover;
mod sealer_pool;
mod segment;
mod shared;
mod shipper;
mod spool;
mod syncer;
mod ticket;
mod writer;

pub use account::NotAdmitted;
pub use frame::LINE_BYTES_MAX;
pub use metrics::describe as describe_metrics;
pub use options::{Audit, BadSpoolOptions, OnFull, SpoolOptions};
pub use sealer_pool::{SEALERS_DEFAULT, SealerPool};
pub use shipper::{Shipper, ShipperOptions};
pub use spool::{Spool, SpoolError, SpoolStatus};
pub use ticket::{AppendError, Appending, Ticket};
