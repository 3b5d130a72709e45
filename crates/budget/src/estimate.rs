//! What a request will use, and what it did use.

use gatelog_model::PicoUsd;

use crate::{AMOUNT_MAX, Unit};

/// The most that a request may use: what is reserved before the provider is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Input tokens plus the most output tokens it may get.
    pub tokens: u64,
    /// What those cost at most; `None` when no rate is known. Budgets of money then reserve one pico-dollar: they cannot
    /// count what has no price, but one that is used up refuses it.
    pub cost: Option<PicoUsd>,
}

/// What a request has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// All tokens.
    pub tokens: u64,
    /// Their cost; `None` when it is not known: what was reserved then counts as used.
    pub cost: Option<PicoUsd>,
}

impl Estimate {
    /// What to reserve of a budget that counts `unit`.
    pub(crate) fn amount(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => 1,
            Unit::Tokens => self.tokens.min(AMOUNT_MAX),
            Unit::PicoUsd => self.cost.map_or(1, pico),
        }
    }
}

impl Usage {
    /// What to book on a budget that counts `unit`; `None` books what was reserved.
    pub(crate) fn amount(&self, unit: Unit) -> Option<u64> {
        match unit {
            Unit::Requests => Some(1),
            Unit::Tokens => Some(self.tokens.min(AMOUNT_MAX)),
            Unit::PicoUsd => self.cost.map(pico),
        }
    }
}

/// A credit counts as nothing; more than any budget can have counts as that much.
fn pico(cost: PicoUsd) -> u64 {
    u64::try_from(cost.pico_usd().max(0)).unwrap_or(AMOUNT_MAX).min(AMOUNT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_costs_are_never_free_and_credits_never_refill() {
        let estimate = Estimate { tokens: u64::MAX, cost: None };
        assert_eq!([Unit::Requests, Unit::Tokens, Unit::PicoUsd].map(|unit| estimate.amount(unit)), [1, AMOUNT_MAX, 1]);
        let usage = Usage { tokens: 5, cost: None };
        assert_eq!(usage.amount(Unit::PicoUsd), None);
        let credit = Usage { tokens: 5, cost: Some(PicoUsd::new(-7)) };
        assert_eq!(credit.amount(Unit::PicoUsd), Some(0));
        assert_eq!(Estimate { tokens: 0, cost: Some(PicoUsd::new(i128::MAX)) }.amount(Unit::PicoUsd), AMOUNT_MAX);
    }
}
