//! Token counts of one answer.

/// Most tokens that one field of one answer may claim; a hundred times the largest context window sold in 2026.
///
/// A body is written by whoever answered, so a count is not to be trusted: above this it is taken as not reported. It
/// also keeps every cost below the lake's money column (1e8 tokens at 600 USD per million are 60,000 USD).
pub const TOKENS_MAX: u64 = 100_000_000;

/// What an answer says it used; `None` where it does not say.
///
/// `cached_input` and `cache_write` are parts of `input`, `reasoning` is a part of `output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// All input tokens.
    pub input: Option<u64>,
    /// Input read from the provider's prompt cache.
    pub cached_input: Option<u64>,
    /// Input written to the provider's prompt cache.
    pub cache_write: Option<u64>,
    /// All output tokens.
    pub output: Option<u64>,
    /// Output spent on reasoning.
    pub reasoning: Option<u64>,
}

impl Tokens {
    /// Whether nothing at all was reported.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
