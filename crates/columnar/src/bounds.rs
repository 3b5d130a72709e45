//! Smallest and largest value of a column, short enough for a manifest.

use std::cmp::Ordering;

/// Longest text bound, characters: what Iceberg's own writers keep (`write.metadata.metrics.default`, truncate(16)).
/// Every commit writes all bounds into a manifest, so their length is paid for each file.
pub const BOUND_CHARS_MAX: usize = 16;

/// A value that no value of the column is below, or above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// Of a bool column.
    Bool(bool),
    /// Of a 32-bit integer column.
    Int(i32),
    /// Of a 64-bit integer column.
    Long(i64),
    /// Microseconds since 1970.
    Timestamp(i64),
    /// Pico-dollars.
    Money(i64),
    /// At most [`BOUND_CHARS_MAX`] characters.
    Text(String),
}

impl Bound {
    /// Orders two bounds of one column; bounds of different kinds never meet and compare equal.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Long(a), Self::Long(b))
            | (Self::Timestamp(a), Self::Timestamp(b))
            | (Self::Money(a), Self::Money(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// A text no longer than the limit and not above `text`.
pub(crate) fn text_below(text: &str) -> String {
    text.chars().take(BOUND_CHARS_MAX).collect()
}

/// A text no longer than the limit and not below `text`; `None` if there is none (all characters are the last one).
pub(crate) fn text_above(text: &str) -> Option<String> {
    let mut chars: Vec<char> = text.chars().take(BOUND_CHARS_MAX + 1).collect();
    if chars.len() <= BOUND_CHARS_MAX {
        return Some(text.to_owned());
    }
    chars.truncate(BOUND_CHARS_MAX);
    while let Some(last) = chars.pop() {
        if let Some(next) = next_char(last) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

/// The next character in code point order, which is also UTF-8's byte order; the surrogates are jumped over.
fn next_char(c: char) -> Option<char> {
    match c {
        '\u{d7ff}' => Some('\u{e000}'),
        char::MAX => None,
        _ => char::from_u32(u32::from(c) + 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_upper_bound_carries_over_characters_that_have_no_next() {
        assert_eq!(text_above("short").as_deref(), Some("short"));
        assert_eq!(text_above("aaaaaaaaaaaaaaaaZ").as_deref(), Some("aaaaaaaaaaaaaaab"));
        assert_eq!(text_above(&format!("b{}", "\u{10ffff}".repeat(20))).as_deref(), Some("c"));
        assert_eq!(text_above(&"\u{10ffff}".repeat(17)), None);
        assert_eq!(text_above(&format!("{}x", "\u{d7ff}".repeat(16))).unwrap().chars().last(), Some('\u{e000}'));
    }

    proptest! {
        #[test]
        fn bounds_are_short_and_enclose_the_text(text in "\\PC{0,40}|[\\u{d7f0}-\\u{e010}\\u{10fff0}-\\u{10ffff}]{0,20}") {
            prop_assert!(text_below(&text) <= text);
            prop_assert!(text_below(&text).chars().count() <= BOUND_CHARS_MAX);
            if let Some(above) = text_above(&text) {
                prop_assert!(above >= text);
                prop_assert!(above.chars().count() <= BOUND_CHARS_MAX);
            }
        }
    }
}
