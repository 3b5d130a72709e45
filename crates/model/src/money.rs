//! Money as integers: one unit is a pico-dollar, 1e-12 USD.

use std::{fmt, iter::Sum};

/// Pico-dollars in one dollar.
const PICO_PER_USD: i128 = 1_000_000_000_000;
/// The lake's column is decimal(18,12): 18 digits in all.
const COLUMN_LIMIT: i128 = 1_000_000_000_000_000_000;

/// An exact amount in pico-USD; prices per token are whole numbers of it, so costs need no rounding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoUsd(i128);

/// An amount that the lake's decimal(18,12) column cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{amount} USD does not fit decimal(18,12)")]
pub struct MoneyOutOfRange {
    /// The refused amount.
    pub amount: PicoUsd,
}

impl PicoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Takes an amount in pico-USD.
    pub const fn new(pico_usd: i128) -> Self {
        Self(pico_usd)
    }

    /// The amount in pico-USD.
    pub const fn pico_usd(self) -> i128 {
        self.0
    }

    /// The price of `count` units at `self` each; `None` on overflow, which no plausible rate reaches.
    pub fn checked_mul(self, count: u64) -> Option<Self> {
        self.0.checked_mul(i128::from(count)).map(Self)
    }

    /// The sum of two amounts; `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The unscaled value of the lake's decimal(18,12) column.
    ///
    /// # Errors
    ///
    /// [`MoneyOutOfRange`] at one million dollars and above.
    pub fn column_value(self) -> Result<i64, MoneyOutOfRange> {
        if self.0.abs() >= COLUMN_LIMIT {
            return Err(MoneyOutOfRange { amount: self });
        }
        i64::try_from(self.0).map_err(|_| MoneyOutOfRange { amount: self })
    }
}

impl Sum for PicoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| Self(sum.0.saturating_add(amount.0)))
    }
}

/// Prints dollars with all twelve decimals: `1.250000000000`.
impl fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let unit = PICO_PER_USD.unsigned_abs();
        write!(f, "{sign}{}.{:012}", magnitude / unit, magnitude % unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_every_decimal_and_knows_its_column() {
        assert_eq!(PicoUsd::new(1).to_string(), "0.000000000001");
        assert_eq!(PicoUsd::new(-1_250_000_000_000).to_string(), "-1.250000000000");
        assert_eq!(PicoUsd::new(999_999_999_999_999_999).column_value(), Ok(999_999_999_999_999_999));
        assert!(PicoUsd::new(1_000_000_000_000_000_000).column_value().is_err());
    }
}
