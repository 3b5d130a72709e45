//! Why a line could not become an event.

use std::{fmt, str::FromStr};

use crate::UnknownLabel;

/// The reason of a reject; a small fixed set, so that it can label a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// Not JSON, not UTF-8, or nested deeper than the parser goes.
    NotJson,
    /// JSON, but not an object.
    NotObject,
    /// Longer than the line limit.
    LineTooLong,
    /// A known field has a type that cannot be read.
    BadField,
    /// An envelope whose parts are missing, not base64 or of impossible length.
    BadEnvelope,
    /// An envelope that no key of the ring opens; tried again when the ring changes.
    NoKey,
    /// An envelope whose wrapped key opens but whose content fails authentication.
    Tampered,
    /// An opened field that is not UTF-8 text.
    NotText,
}

impl RejectReason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::NotJson,
        Self::NotObject,
        Self::LineTooLong,
        Self::BadField,
        Self::BadEnvelope,
        Self::NoKey,
        Self::Tampered,
        Self::NotText,
    ];

    /// The label used in SQL, metrics and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotObject => "not_object",
            Self::LineTooLong => "line_too_long",
            Self::BadField => "bad_field",
            Self::BadEnvelope => "bad_envelope",
            Self::NoKey => "no_key",
            Self::Tampered => "tampered",
            Self::NotText => "not_text",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RejectReason {
    type Err = UnknownLabel;

    fn from_str(label: &str) -> Result<Self, UnknownLabel> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == label)
            .ok_or_else(|| UnknownLabel { kind: "reject reason", label: label.to_owned() })
    }
}

/// A line that could not become an event; its text stays in the source object, never in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// Line number in the object, from 1.
    pub line: u64,
    /// Where the line starts in the uncompressed object, bytes.
    pub byte_offset: u64,
    /// Why.
    pub reason: RejectReason,
}
