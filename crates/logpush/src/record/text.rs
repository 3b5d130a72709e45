//! JSON strings to text.

use std::borrow::Cow;

use memchr::memchr;

/// Stands for half of a surrogate pair whose other half is missing.
const LOST_HALF: char = char::REPLACEMENT_CHARACTER;

/// The text of a JSON string that serde_json has scanned, quotes included; borrowed when nothing is escaped.
///
/// Lone surrogates become U+FFFD. serde_json refuses them, as do most Rust parsers, but JavaScript clients that cut a
/// prompt in the middle of an emoji do send them, and such a line must not be lost.
pub(super) fn unquoted(raw: &str) -> Cow<'_, str> {
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    match memchr(b'\\', inner.as_bytes()) {
        None => Cow::Borrowed(inner),
        Some(first) => Cow::Owned(unescaped(inner, first)),
    }
}

fn unescaped(inner: &str, first: usize) -> String {
    // No escape is shorter than what it stands for.
    let mut text = String::with_capacity(inner.len());
    let (mut rest, mut next) = (inner, Some(first));
    while let Some(at) = next {
        text.push_str(&rest[..at]);
        let (character, length) = escape(&rest[at..]);
        text.push(character);
        rest = &rest[at + length..];
        next = memchr(b'\\', rest.as_bytes());
    }
    text.push_str(rest);
    text
}

/// The character that the escape at the front of `rest` stands for, and how many bytes that took.
fn escape(rest: &str) -> (char, usize) {
    let simple = match rest.as_bytes().get(1) {
        Some(b'u') => return unicode_escape(rest),
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        // Scanned strings have no other escape.
        _ => return (LOST_HALF, 1),
    };
    (simple, 2)
}

fn unicode_escape(rest: &str) -> (char, usize) {
    let Some(unit) = code_unit(rest) else { return (LOST_HALF, 1) };
    if let Some(character) = char::from_u32(unit.into()) {
        return (character, 6);
    }
    // Half of a pair: a high one followed by a low one is a character, anything else is lost.
    let pair = rest.get(6..).and_then(code_unit).map(|second| char::decode_utf16([unit, second]).next());
    match pair {
        Some(Some(Ok(character))) => (character, 12),
        _ => (LOST_HALF, 6),
    }
}

/// The UTF-16 code unit of a `\uXXXX` at the front.
fn code_unit(rest: &str) -> Option<u16> {
    let digits = rest.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_become_text() {
        let table = [
            (r#""""#, ""),
            (r#""plain é 日""#, "plain é 日"),
            (r#""a\n\t\r\b\f\"\\\/z""#, "a\n\t\r\u{8}\u{c}\"\\/z"),
            (r#""\u0041\u00e9\u65e5""#, "Aé日"),
            (r#""\u0000""#, "\0"),
            (r#""\ud83d\ude00!""#, "😀!"),
            (r#""\uD83D\uDE00""#, "😀"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""cut \ud83d\"""#, "cut \u{fffd}\""),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\ud83dé""#, "\u{fffd}é"),
            (r#""\\ud83d""#, "\\ud83d"),
        ];
        for (raw, text) in table {
            assert_eq!(unquoted(raw), text, "{raw}");
        }
        assert!(matches!(unquoted(r#""plain""#), Cow::Borrowed("plain")));
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in any::<String>(), tail in "[\"\\\\/\n\t日😀\u{0}a]{0,30}") {
            let text = text + &tail;
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(unquoted(&written), text.as_str());
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let written = format!("\"{escaped}\"");
            prop_assert_eq!(unquoted(&written), text.as_str());
        }

        #[test]
        fn any_halves_are_read_as_utf16_lossy(units in prop::collection::vec(prop_oneof![0xd7f0_u16..0xe010, any::<u16>()], 0..12)) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04X}")).collect();
            let written = format!("\"{escaped}\"");
            prop_assert_eq!(unquoted(&written), String::from_utf16_lossy(&units));
        }
    }
}
