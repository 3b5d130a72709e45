//! What a price depends on.

use gatelog_model::PicoUsd;
use serde::Deserialize;

/// Highest price of one token that is believed, 1 USD: some two thousand times the dearest token sold in 2026.
///
/// A price typed per thousand or per million tokens exceeds it, and any token count at it stays far from overflow.
pub const PRICE_MAX: PicoUsd = PicoUsd::new(1_000_000_000_000);

/// Which tokens a rate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateKind {
    /// Input that is neither read from nor written to the prompt cache.
    Input,
    /// Input read from the prompt cache.
    CacheRead,
    /// Input written to the prompt cache.
    CacheWrite,
    /// Output, reasoning included.
    Output,
}

/// How a request is processed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// At once, at the list price.
    #[default]
    Standard,
    /// Within a day, usually at half the price.
    Batch,
    /// Before others, at about twice the price.
    Priority,
}

impl Mode {
    /// The mode that an answer's `service_tier` names; `None` for a tier that no rate is known for, as `flex` or `scale`.
    pub fn of_service_tier(tier: &str) -> Option<Self> {
        match tier {
            "auto" | "default" | "standard" => Some(Self::Standard),
            "priority" => Some(Self::Priority),
            "batch" => Some(Self::Batch),
            _ => None,
        }
    }
}

/// Which tier the length of the input puts a whole request in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// Up to the model's threshold, or the model has none.
    Short,
    /// Above it.
    Long,
}
