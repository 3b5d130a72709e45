//! JSON strings to text.

use std::borrow::Cow;

use memchr::memchr;

/// Stands for half of a surrogate pair whose other half is missing.
const LOST_HALF: char = char::REPLACEMENT_CHARACTER;

/// Bytes looked at together.
const WORD: usize = size_of::<u64>();

/// The text of a JSON string that serde_json has scanned, quotes included; borrowed when nothing is escaped.
///
/// Lone surrogates become U+FFFD. serde_json refuses them, as do most Rust parsers, but JavaScript clients that cut a
/// prompt in the middle of an emoji do send them, and such a line must not be lost.
pub(super) fn unquoted(raw: &str) -> Cow<'_, str> {
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    match memchr(b'\\', inner.as_bytes()) {
        None => Cow::Borrowed(inner),
        Some(_) => Cow::Owned(unescaped(inner)),
    }
}

/// Copies word by word up to each escape: bodies are JSON inside of JSON, so one stands every ten to twenty bytes.
fn unescaped(inner: &str) -> String {
    let source = inner.as_bytes();
    // No escape is shorter than what it stands for, so `written` never overtakes `read`.
    let mut text = vec![0; source.len() + WORD];
    let (mut read, mut written) = (0, 0);
    while read < source.len() {
        let run = match source[read..].first_chunk::<WORD>() {
            Some(word) => {
                text[written..written + WORD].copy_from_slice(word);
                match first_backslash(*word) {
                    Some(at) => at,
                    // A branch, so that the processor need not wait for the search before it loads the next word.
                    None => {
                        (read, written) = (read + WORD, written + WORD);
                        continue;
                    }
                }
            }
            None => {
                let rest = &source[read..];
                text[written..written + rest.len()].copy_from_slice(rest);
                memchr(b'\\', rest).unwrap_or(rest.len())
            }
        };
        (read, written) = (read + run, written + run);
        let Some(letter) = source.get(read + 1) else { break };
        match SIMPLE_ESCAPES[usize::from(*letter)] {
            0 => {
                let (character, length) = unicode_escape(&inner[read..]);
                written += character.encode_utf8(&mut text[written..]).len();
                read += length;
            }
            simple => {
                text[written] = simple;
                (read, written) = (read + 2, written + 1);
            }
        }
    }
    text.truncate(written);
    String::from_utf8(text).expect("UTF-8 was cut at ASCII bytes and joined with characters")
}

/// Where in a word the first backslash is.
///
/// Subtracting one from each byte borrows into the top bit of those that are zero, and of no byte before the first such
/// one (Mycroft 1987).
fn first_backslash(word: [u8; WORD]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; WORD]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; WORD]);
    const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; WORD]);
    let zero_where_backslash = u64::from_le_bytes(word) ^ BACKSLASHES;
    let top_where_zero = zero_where_backslash.wrapping_sub(ONES) & !zero_where_backslash & TOPS;
    if top_where_zero == 0 { None } else { Some((top_where_zero.trailing_zeros() / u8::BITS) as usize) }
}

/// What a backslash and this letter stand for; 0 if that is no escape of two bytes.
const SIMPLE_ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    table[b'n' as usize] = b'\n';
    table[b't' as usize] = b'\t';
    table[b'r' as usize] = b'\r';
    table[b'b' as usize] = 8;
    table[b'f' as usize] = 12;
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[b'/' as usize] = b'/';
    table
};

/// The character that the `\uXXXX` or pair of them at the front of `rest` stands for, and how many bytes that took.
fn unicode_escape(rest: &str) -> (char, usize) {
    // Scanned strings have no other escape.
    let Some(unit) = code_unit(rest) else { return ('\\', 1) };
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
