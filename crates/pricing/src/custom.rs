//! Prices that come with a request: Cloudflare's `cf-aig-custom-cost` header.

use gatelog_model::{PicoUsd, Tokens};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{DecimalError, PRICE_MAX, UnpricedReason, charge::Counts, decimal};

/// What the caller says a request costs.
///
/// Source: Cloudflare's custom costs page and changelog of 2026-09-09 (`per_cache_*`); `total_cost` is only in the type
/// definitions of Workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomCost {
    /// One price for the request.
    Total(PicoUsd),
    /// Prices per token.
    PerToken {
        /// Plain input.
        input: PicoUsd,
        /// Input read from the prompt cache; as plain input unless given.
        cache_read: PicoUsd,
        /// Input written to the prompt cache; as plain input unless given.
        cache_write: PicoUsd,
        /// Output.
        output: PicoUsd,
    },
}

/// A custom cost that cannot be billed exactly.
#[derive(Debug, thiserror::Error)]
pub enum CustomCostError {
    /// Not a JSON object of the known fields.
    #[error("custom cost is no JSON object of known fields")]
    NotJson(#[source] serde_json::Error),
    /// A price is no exact amount.
    #[error("`{field}` of the custom cost {problem}")]
    Price {
        /// Which.
        field: &'static str,
        /// Why not.
        problem: DecimalError,
    },
    /// Neither a total nor prices of input and output.
    #[error("custom cost needs `per_token_in` and `per_token_out`, or `total_cost` alone")]
    Incomplete,
}

/// The header's fields, numbers still as text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    #[serde(borrow)]
    per_token_in: Option<&'a RawValue>,
    #[serde(borrow)]
    per_token_out: Option<&'a RawValue>,
    #[serde(borrow)]
    per_cache_read_token: Option<&'a RawValue>,
    #[serde(borrow)]
    per_cache_write_token: Option<&'a RawValue>,
    #[serde(borrow)]
    total_cost: Option<&'a RawValue>,
}

impl CustomCost {
    /// Reads the header's JSON; decimal text becomes pico-USD without a float in between.
    ///
    /// # Errors
    ///
    /// [`CustomCostError`] for anything that cannot be billed to the last pico-dollar, also more than 12 decimals and
    /// more than [`PRICE_MAX`] for one token.
    pub fn parse(json: &str) -> Result<Self, CustomCostError> {
        let fields: Fields<'_> = serde_json::from_str(json).map_err(CustomCostError::NotJson)?;
        let input = price("per_token_in", fields.per_token_in)?;
        let output = price("per_token_out", fields.per_token_out)?;
        let cache_read = price("per_cache_read_token", fields.per_cache_read_token)?;
        let cache_write = price("per_cache_write_token", fields.per_cache_write_token)?;
        match (amount("total_cost", fields.total_cost)?, input, output) {
            (None, Some(input), Some(output)) => Ok(Self::PerToken {
                input,
                cache_read: cache_read.unwrap_or(input),
                cache_write: cache_write.unwrap_or(input),
                output,
            }),
            (Some(total), None, None) if cache_read.is_none() && cache_write.is_none() => Ok(Self::Total(total)),
            _ => Err(CustomCostError::Incomplete),
        }
    }

    /// What these tokens cost.
    ///
    /// # Errors
    ///
    /// [`UnpricedReason::NoTokens`], [`UnpricedReason::InconsistentTokens`] or [`UnpricedReason::TooLarge`]; a total
    /// needs no tokens.
    pub fn cost(&self, tokens: &Tokens) -> Result<PicoUsd, UnpricedReason> {
        match *self {
            Self::Total(total) => Ok(total),
            Self::PerToken { input, cache_read, cache_write, output } => {
                let counts = Counts::of(tokens)?;
                [
                    (input, counts.plain),
                    (cache_read, counts.cache_read),
                    (cache_write, counts.cache_write),
                    (output, counts.output),
                ]
                .into_iter()
                .try_fold(PicoUsd::ZERO, |sum, (price, count)| sum.checked_add(price.checked_mul(count)?))
                .ok_or(UnpricedReason::TooLarge)
            }
        }
    }
}

fn amount(field: &'static str, number: Option<&RawValue>) -> Result<Option<PicoUsd>, CustomCostError> {
    let problem = |problem| CustomCostError::Price { field, problem };
    number.map(|number| decimal::parse(number.get())).transpose().map_err(problem)
}

fn price(field: &'static str, number: Option<&RawValue>) -> Result<Option<PicoUsd>, CustomCostError> {
    match amount(field, number)? {
        Some(price) if price > PRICE_MAX => Err(CustomCostError::Price { field, problem: DecimalError::TooLarge }),
        price => Ok(price),
    }
}
