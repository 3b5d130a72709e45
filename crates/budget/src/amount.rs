//! Amounts: how they are bounded, read and written. Integers throughout; money is pico-USD.

use gatelog_model::PicoUsd;

use crate::Unit;

/// Largest amount of a budget: a million dollars in pico-USD, the same bound as one cost in the lake. Sums of it have room
/// in a `bigint`.
pub const AMOUNT_MAX: u64 = 1_000_000_000_000_000_000;

/// A pico-dollar is the twelfth decimal of a dollar.
const DOLLAR_DECIMALS: usize = 12;

/// How much a budget allows per window, 1 to [`AMOUNT_MAX`] of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u64);

/// An amount that no budget can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the amount of a budget is 1 to {AMOUNT_MAX} of its unit (money: pico-USD, up to a million dollars), not {amount}"
)]
pub struct BadAmount {
    /// What was given.
    pub amount: u64,
}

impl Amount {
    /// Checks the range.
    ///
    /// # Errors
    ///
    /// [`BadAmount`].
    pub const fn try_new(amount: u64) -> Result<Self, BadAmount> {
        if amount >= 1 && amount <= AMOUNT_MAX { Ok(Self(amount)) } else { Err(BadAmount { amount }) }
    }

    /// Reads an amount as a person writes it: a whole number, or dollars with up to twelve decimals for money; commas and
    /// underscores may stand between digits.
    ///
    /// # Errors
    ///
    /// [`BadAmountText`].
    pub fn parse(text: &str, unit: Unit) -> Result<Self, BadAmountText> {
        let bad = || BadAmountText { text: text.to_owned(), unit };
        let digits: String = text.chars().filter(|char| !matches!(char, ',' | '_')).collect();
        let (whole, decimals) = match unit {
            Unit::Requests | Unit::Tokens => (digits.as_str(), ""),
            Unit::PicoUsd => digits.split_once('.').unwrap_or((&digits, "")),
        };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(decimals) || decimals.len() > DOLLAR_DECIMALS {
            return Err(bad());
        }
        let places = if unit == Unit::PicoUsd { DOLLAR_DECIMALS } else { 0 };
        let number = format!("{whole}{decimals:0<places$}").parse().map_err(|_| bad())?;
        Self::try_new(number).map_err(|_| bad())
    }

    /// The number, in the budget's unit.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A text that is no amount of its unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no amount of {unit}: it takes {}", match unit {
    Unit::Requests | Unit::Tokens => "a whole number from 1, such as 1,000,000",
    Unit::PicoUsd => "dollars up to a million with at most twelve decimals, such as 25.50",
})]
pub struct BadAmountText {
    /// What was given.
    pub text: String,
    /// What it should be an amount of.
    pub unit: Unit,
}

impl Unit {
    /// An amount as a person reads it: `800,000`, or dollars and cents at least, `12.50 USD`.
    pub fn display(self, amount: u64) -> String {
        match self {
            Self::Requests | Self::Tokens => grouped(amount),
            Self::PicoUsd => dollars(amount),
        }
    }
}

/// Thousands apart by commas.
fn grouped(amount: u64) -> String {
    let digits = amount.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Dollars without the zeros that say nothing, but always with cents.
fn dollars(pico_usd: u64) -> String {
    let exact = PicoUsd::new(i128::from(pico_usd)).to_string();
    let (whole, decimals) = exact.split_once('.').unwrap_or((&exact, ""));
    let kept = decimals.trim_end_matches('0').len().max(2);
    format!("{}.{} USD", grouped(whole.parse().unwrap_or(u64::MAX)), &decimals[..kept])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_bounded() {
        assert!(Amount::try_new(0).is_err() && Amount::try_new(AMOUNT_MAX + 1).is_err());
        assert_eq!(Amount::try_new(AMOUNT_MAX).unwrap().get(), AMOUNT_MAX);
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let good = [
            (Unit::Tokens, "1,000,000", 1_000_000),
            (Unit::Requests, "60", 60),
            (Unit::PicoUsd, "25.50", 25_500_000_000_000),
            (Unit::PicoUsd, "25", 25_000_000_000_000),
            (Unit::PicoUsd, "0.000000000001", 1),
            (Unit::PicoUsd, "1_000_000", AMOUNT_MAX),
        ];
        for (unit, text, amount) in good {
            assert_eq!(Amount::parse(text, unit).map(Amount::get), Ok(amount), "{text}");
        }
        let bad = [
            (Unit::Tokens, "0"),
            (Unit::Tokens, "1.5"),
            (Unit::Tokens, ""),
            (Unit::Tokens, "-1"),
            (Unit::PicoUsd, "1.0000000000001"),
            (Unit::PicoUsd, "1000000.01"),
            (Unit::PicoUsd, ".5"),
            (Unit::PicoUsd, "1e3"),
            (Unit::PicoUsd, "99999999999999999999999"),
        ];
        for (unit, text) in bad {
            assert!(Amount::parse(text, unit).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_read_well() {
        let table = [
            (Unit::Tokens, 0, "0"),
            (Unit::Tokens, 999, "999"),
            (Unit::Requests, 1_000, "1,000"),
            (Unit::Tokens, 1_234_567, "1,234,567"),
            (Unit::PicoUsd, 12_500_000_000_000, "12.50 USD"),
            (Unit::PicoUsd, 1_234_000_000_000_001, "1,234.000000000001 USD"),
        ];
        for (unit, amount, text) in table {
            assert_eq!(unit.display(amount), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(amount in 1..=AMOUNT_MAX) {
            for unit in [Unit::Tokens, Unit::PicoUsd] {
                let text = unit.display(amount);
                let read = Amount::parse(text.trim_end_matches(" USD"), unit).map(Amount::get);
                prop_assert_eq!(read, Ok(amount), "{}", text);
            }
        }
    }
}
