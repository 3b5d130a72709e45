//! A day of Logpush objects whose every total is known beforehand.
//!
//! The plaintext is a function of the plan alone. Sealed bytes are not, because RSA-OAEP is randomised; what is in them
//! is. Every event carries a label of its own in its metadata ([`LABEL_KEY`]), so that in the lake a label seen twice is
//! a double count and a missing one a loss. Costs come from prices that stand here as constants, so that they check the
//! `pricing` crate instead of repeating it.

mod bad;
mod bodies;
mod day;
mod deployments;
mod exchange;
mod line;
mod plan;
mod random;
mod truth;

pub use deployments::{DEPLOYMENTS, Deployment, TokenPrice};
pub use plan::{CorpusError, DayCorpus, DayPlan, PlannedObject, Role};
pub(crate) use random::Random;
pub use truth::{GroundTruth, Usage};

/// The metadata entry that holds an event's label.
pub const LABEL_KEY: &str = "traceId";

/// A phrase in every request and every answer, and nowhere else: wherever it turns up, content has leaked.
pub const CONTENT_NEEDLE: &str = "zebra quartz confidential";
