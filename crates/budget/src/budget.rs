//! What a budget is: who it holds for, what it counts, and how much of it there is.

use std::{fmt, str::FromStr, sync::Arc};

use gatelog_model::TenantId;

use crate::{Amount, Period};

/// Longest name of a budget.
pub const BUDGET_ID_BYTES_MAX: usize = 64;
/// The name of a budget: 1 to [`BUDGET_ID_BYTES_MAX`] ASCII letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetId(Arc<str>);

/// A name that no budget can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name of a budget has 1 to {BUDGET_ID_BYTES_MAX} letters, digits, `-`, `_` and `.`; `{name}` does not")]
pub struct BadBudgetId {
    /// What was given.
    pub name: String,
}

impl BudgetId {
    /// Takes a name.
    ///
    /// # Errors
    ///
    /// [`BadBudgetId`].
    pub fn parse(name: &str) -> Result<Self, BadBudgetId> {
        let fits = !name.is_empty() && name.len() <= BUDGET_ID_BYTES_MAX;
        if fits && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            Ok(Self(name.into()))
        } else {
            Err(BadBudgetId { name: name.to_owned() })
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BudgetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Requests: one each.
    Requests,
    /// Tokens, input and output.
    Tokens,
    /// Money in pico-USD (1e-12 USD).
    PicoUsd,
}

/// A unit that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{label}` is no unit of a budget; they are `requests`, `tokens` and `usd`")]
pub struct UnknownUnit {
    /// What was given.
    pub label: String,
}

impl Unit {
    /// The label in configuration, SQL and messages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::PicoUsd => "usd",
        }
    }
}

impl FromStr for Unit {
    type Err = UnknownUnit;

    fn from_str(label: &str) -> Result<Self, UnknownUnit> {
        [Self::Requests, Self::Tokens, Self::PicoUsd]
            .into_iter()
            .find(|unit| unit.label() == label)
            .ok_or_else(|| UnknownUnit { label: label.to_owned() })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A limit on what a tenant may use within a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its name; unique.
    pub id: BudgetId,
    /// Whose it is; `None` gives every tenant one of its own.
    pub tenant: Option<TenantId>,
    /// What it counts.
    pub unit: Unit,
    /// Its windows.
    pub period: Period,
    /// What is allowed per window.
    pub amount: Amount,
}

impl Budget {
    /// Whether it holds for `tenant`.
    pub fn applies_to(&self, tenant: &TenantId) -> bool {
        self.tenant.as_ref().is_none_or(|own| own == tenant)
    }

    /// Whether what was counted for `other` means the same for this one: only the amount may differ.
    pub fn counts_like(&self, other: &Self) -> bool {
        self.id == other.id && self.tenant == other.tenant && self.unit == other.unit && self.period == other.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_units_are_checked() {
        assert_eq!(BudgetId::parse("daily-tokens_1.a").unwrap().as_str(), "daily-tokens_1.a");
        for bad in ["", "a b", "é", &"x".repeat(65)] {
            assert!(BudgetId::parse(bad).is_err(), "{bad}");
        }
        assert_eq!("usd".parse(), Ok(Unit::PicoUsd));
        assert!("pico".parse::<Unit>().is_err());
    }
}
