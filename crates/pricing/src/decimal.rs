//! Decimal text to pico-USD without a float in between.

use gatelog_model::PicoUsd;

/// Decimals of a dollar that a pico-dollar has.
const DECIMALS: i32 = 12;
/// Longest number that is read; the longest exact price has 25 characters.
const NUMBER_BYTES_MAX: usize = 64;

/// Text that is no exact amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not a JSON number, or longer than any price is written.
    #[error("is no decimal number")]
    NotDecimal,
    /// Below zero.
    #[error("is negative")]
    Negative,
    /// Finer than a pico-dollar: cannot be billed exactly.
    #[error("has more than 12 decimals")]
    TooFine,
    /// Too large for money.
    #[error("is too large")]
    TooLarge,
}

/// Reads a JSON number, exponent allowed, as dollars.
pub(crate) fn parse(text: &str) -> Result<PicoUsd, DecimalError> {
    if text.starts_with('-') {
        return Err(DecimalError::Negative);
    }
    if text.len() > NUMBER_BYTES_MAX {
        return Err(DecimalError::NotDecimal);
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().map_err(|_| DecimalError::NotDecimal)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = !whole.is_empty() && [whole, fraction].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !is_number || mantissa.ends_with('.') {
        return Err(DecimalError::NotDecimal);
    }
    let digits = [whole, fraction].concat();
    let significant = digits.trim_end_matches('0');
    if significant.trim_start_matches('0').is_empty() {
        return Ok(PicoUsd::ZERO);
    }
    let length = |text: &str| i32::try_from(text.len()).expect("at most NUMBER_BYTES_MAX");
    let zeros = length(&digits) - length(significant);
    let shift = exponent.saturating_sub(length(fraction)).saturating_add(zeros).saturating_add(DECIMALS);
    let shift = u32::try_from(shift).map_err(|_| DecimalError::TooFine)?;
    let value: i128 = significant.parse().map_err(|_| DecimalError::TooLarge)?;
    let scale = 10_i128.checked_pow(shift).ok_or(DecimalError::TooLarge)?;
    value.checked_mul(scale).map(PicoUsd::new).ok_or(DecimalError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_exact_or_refused() {
        for (text, pico_usd) in [
            ("0", 0),
            ("0.000", 0),
            ("0e99", 0),
            ("1", 1_000_000_000_000),
            ("0.000000000001", 1),
            ("0.0000025", 2_500_000),
            ("2.5e-6", 2_500_000),
            ("2.50E-06", 2_500_000),
            ("25000000e-13", 2_500_000),
            ("1.0000000000010", 1_000_000_000_001),
            ("3e+2", 300_000_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(PicoUsd::new(pico_usd)), "{text}");
        }
        for (text, error) in [
            ("0.0000000000001", DecimalError::TooFine),
            ("1.5e-12", DecimalError::TooFine),
            ("1e-2147483648", DecimalError::TooFine),
            ("-1", DecimalError::Negative),
            ("-0", DecimalError::Negative),
            ("", DecimalError::NotDecimal),
            (".5", DecimalError::NotDecimal),
            ("5.", DecimalError::NotDecimal),
            ("1e", DecimalError::NotDecimal),
            ("+1", DecimalError::NotDecimal),
            ("\"1\"", DecimalError::NotDecimal),
            ("NaN", DecimalError::NotDecimal),
            ("1e99999999999", DecimalError::NotDecimal),
            ("1e2147483647", DecimalError::TooLarge),
            ("9e30", DecimalError::TooLarge),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
