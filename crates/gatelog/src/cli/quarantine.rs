//! `gatelog quarantine`.

use clap::{Args, Subcommand};
use gatelog_model::{QuarantineReason, RejectReason};

/// `gatelog quarantine`.
#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// List quarantined objects and objects with rejected lines.
    List {
        /// Most rows to print.
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        limit: u32,
        /// Only objects with this quarantine or reject reason, such as `no_key`.
        #[arg(long, value_parser = reason)]
        reason: Option<String>,
    },
    /// Show every open reject of one object: line, byte offset, reason. Never the text: that stays in the bucket.
    Show {
        /// Number of the object, from `list`.
        object: i64,
    },
    /// Have objects read again: quarantined ones whole, others for their rejected lines.
    Retry(RetryArgs),
}

/// What to retry.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RetryArgs {
    /// One object, from `list`.
    pub(crate) object: Option<i64>,
    /// Every object that was set aside for this reason, or has open rejects of it.
    #[arg(long, value_parser = reason)]
    pub(crate) reason: Option<String>,
    /// Everything.
    #[arg(long)]
    pub(crate) all: bool,
}

/// A reason that exists: a list that is empty for a slip of the pen would look like good news.
fn reason(text: &str) -> Result<String, String> {
    let lines = RejectReason::ALL.map(RejectReason::as_str);
    let objects = QuarantineReason::ALL.map(QuarantineReason::as_str);
    if lines.contains(&text) || objects.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("lines are rejected for {}; objects are set aside for {}", lines.join(", "), objects.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reasons_that_exist_can_be_asked_for() {
        assert_eq!(reason("no_key").as_deref(), Ok("no_key"));
        assert_eq!(reason("corrupt_gzip").as_deref(), Ok("corrupt_gzip"));
        let refusal = reason("nokey").unwrap_err();
        assert!(refusal.contains("no_key") && refusal.contains("truncated_gzip"), "{refusal}");
    }
}
