//! The ledger of source objects: discovered, leased, committed or quarantined.

mod backlog;
mod claim;
mod discover;
mod lease;

pub use backlog::Backlog;
pub(crate) use claim::read_source;
pub use claim::{CLAIM_OBJECTS_MAX, Claim, ClaimRequest, Work};
pub use discover::{LISTED_MAX, Listed};
pub use lease::{Lease, Quarantine};
