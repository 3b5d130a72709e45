//! Why an object is set aside as a whole.

/// A reason that is known of the object, not of one of its lines; a small fixed set, so that it can label a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuarantineReason {
    /// It was listed and is no longer there.
    Missing,
    /// Another object lies under its key.
    Replaced,
    /// Its gzip cannot be read from some offset on.
    CorruptGzip,
    /// Its gzip ends too soon.
    TruncatedGzip,
    /// It has more bytes than the object limit.
    TooLarge,
    /// It has more lines than can be numbered.
    TooManyLines,
    /// A bug: reading it made the decoder panic.
    DecoderPanicked,
}

impl QuarantineReason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::Replaced,
        Self::CorruptGzip,
        Self::TruncatedGzip,
        Self::TooLarge,
        Self::TooManyLines,
        Self::DecoderPanicked,
    ];

    /// The label used in the ledger, in metrics and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Replaced => "replaced",
            Self::CorruptGzip => "corrupt_gzip",
            Self::TruncatedGzip => "truncated_gzip",
            Self::TooLarge => "too_large",
            Self::TooManyLines => "too_many_lines",
            Self::DecoderPanicked => "decoder_panicked",
        }
    }
}
