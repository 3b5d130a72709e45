//! JSON strings: where they end, and their text.

use std::borrow::Cow;

use gatelog_model::RejectReason;
use memchr::memchr;

use super::{
    block::{BLOCK, run_length, specials},
    rest::Rest,
};

const NOT_JSON: RejectReason = RejectReason::NotJson;

/// Stands for half of a surrogate pair whose other half is missing.
const LOST_HALF: char = char::REPLACEMENT_CHARACTER;

/// Bytes of `\uXXXX`.
const UNICODE_ESCAPE: usize = 6;

/// Where text without its escapes is put together; used again, so that it is zeroed once.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch(Vec<u8>);

impl Scratch {
    /// Room for a text of this many bytes and for a block that is copied past its end.
    fn room_for(&mut self, bytes: usize) -> &mut [u8] {
        let needed = bytes + BLOCK;
        if self.0.len() < needed {
            self.0.resize(needed, 0);
        }
        &mut self.0
    }
}

/// Where a string ends, and its text if that is not what stands between its quotes.
pub(super) struct StringEnd<'s> {
    /// Behind the closing quote.
    pub(super) end: usize,
    /// The text without its escapes; UTF-8 if the string is.
    pub(super) unescaped: Option<&'s [u8]>,
}

/// Reads the string at the front of `json`, opening quote included.
///
/// Lone surrogates become U+FFFD. serde_json refuses them, as do most Rust parsers, but JavaScript clients that cut a
/// prompt in the middle of an emoji do send them, and such a line must not be lost.
///
/// # Errors
///
/// `NotJson` when the string does not end, or has a control character or an unknown escape in it.
pub(super) fn read_text<'s>(json: &[u8], scratch: &'s mut Scratch) -> Result<StringEnd<'s>, RejectReason> {
    let run = run_length(&json[1..]);
    let stop = 1 + run;
    if json.get(stop) == Some(&b'"') {
        return Ok(StringEnd { end: stop + 1, unescaped: None });
    }
    let text = scratch.room_for(json.len());
    text[..run].copy_from_slice(&json[1..stop]);
    let (end, length) = unescape(json, stop, text, run)?;
    Ok(StringEnd { end, unescaped: Some(&text[..length]) })
}

/// The text of a string that was stepped over before, quotes included.
pub(super) fn text_of(raw: &str) -> Cow<'_, str> {
    let inner = &raw[1..raw.len() - 1];
    if memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut rest = raw.as_bytes();
    rest.cut_text(&mut Scratch::default()).expect("a string that was stepped over is one")
}

/// Where the string at the front of `json` ends.
///
/// # Errors
///
/// As [`read_text`].
pub(super) fn skip_text(json: &[u8]) -> Result<usize, RejectReason> {
    let mut at = 1;
    loop {
        at += run_length(&json[at..]);
        match json.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at += Escape::read(json, at)?.length,
            _ => return Err(NOT_JSON),
        }
    }
}

/// Reads on from `read`, writes on from `written`, up to the closing quote: where it ends, and the length of the text.
///
/// Whole blocks are copied and then cut at their first special byte: bodies are JSON inside of JSON, so an escape stands
/// every ten to twenty bytes. No escape is shorter than what it stands for, so `text` needs room for the source and a block.
fn unescape(
    source: &[u8],
    mut read: usize,
    text: &mut [u8],
    mut written: usize,
) -> Result<(usize, usize), RejectReason> {
    loop {
        let run = match source[read..].first_chunk::<BLOCK>() {
            Some(block) => {
                text[written..written + BLOCK].copy_from_slice(block);
                let specials = specials(block);
                if specials == 0 {
                    (read, written) = (read + BLOCK, written + BLOCK);
                    continue;
                }
                specials.trailing_zeros() as usize
            }
            None => {
                let rest = &source[read..];
                text[written..written + rest.len()].copy_from_slice(rest);
                run_length(rest)
            }
        };
        (read, written) = (read + run, written + run);
        match source.get(read) {
            Some(b'"') => return Ok((read + 1, written)),
            Some(b'\\') => {}
            _ => return Err(NOT_JSON),
        }
        let simple = source.get(read + 1).map_or(0, |letter| SIMPLE_ESCAPES[usize::from(*letter)]);
        if simple == 0 {
            let escape = Escape::read(source, read)?;
            written += escape.character.encode_utf8(&mut text[written..]).len();
            read += escape.length;
        } else {
            text[written] = simple;
            (read, written) = (read + 2, written + 1);
        }
    }
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

/// An escape: what it stands for, and how many bytes it has.
struct Escape {
    character: char,
    length: usize,
}

impl Escape {
    /// Reads the escape whose backslash is at `at`; two of a surrogate pair count as one.
    fn read(source: &[u8], at: usize) -> Result<Self, RejectReason> {
        let rest = &source[at..];
        let simple = rest.get(1).map_or(0, |letter| SIMPLE_ESCAPES[usize::from(*letter)]);
        if simple != 0 {
            return Ok(Self { character: simple.into(), length: 2 });
        }
        let unit = code_unit(rest).ok_or(NOT_JSON)?;
        if let Some(character) = char::from_u32(unit.into()) {
            return Ok(Self { character, length: UNICODE_ESCAPE });
        }
        // Half of a pair: a high one followed by a low one is a character, anything else is lost.
        let second = rest.get(UNICODE_ESCAPE..).and_then(code_unit);
        match second.map(|second| char::decode_utf16([unit, second]).next()) {
            Some(Some(Ok(character))) => Ok(Self { character, length: 2 * UNICODE_ESCAPE }),
            _ => Ok(Self { character: LOST_HALF, length: UNICODE_ESCAPE }),
        }
    }
}

/// The UTF-16 code unit of a `\uXXXX` at the front.
fn code_unit(rest: &[u8]) -> Option<u16> {
    let digits: &[u8; 4] = rest.strip_prefix(b"\\u")?.first_chunk()?;
    digits.iter().try_fold(0, |unit: u16, digit| {
        let value = char::from(*digit).to_digit(16).and_then(|value| u16::try_from(value).ok())?;
        Some(unit << 4 | value)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads one string in every way; all must agree on whether it is one, where it ends, and what it says.
    fn read(json: &str) -> Option<Cow<'_, str>> {
        let mut scratch = Scratch::default();
        let mut rest = json.as_bytes();
        let text = rest.cut_text(&mut scratch).ok();
        let end = json.len() - rest.len();
        assert_eq!(skip_text(json.as_bytes()).ok(), text.as_ref().map(|_| end), "{json}");

        let mut line = json.as_bytes().to_vec();
        let mut rest = line.as_mut_slice();
        let in_place = rest.cut_text(&mut scratch).ok();
        assert_eq!(in_place, text, "{json}");
        assert!(in_place.is_none_or(|text| matches!(text, Cow::Borrowed(_))), "{json}");
        assert_eq!(rest, &json.as_bytes()[end..], "what follows is untouched");

        let text = text.filter(|_| end == json.len())?;
        assert_eq!(text_of(json), text);
        Some(text)
    }

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
            assert_eq!(read(raw).as_deref(), Some(text), "{raw}");
        }
        assert!(matches!(read(r#""plain""#), Some(Cow::Borrowed("plain"))));
    }

    #[test]
    fn what_is_no_string_is_refused() {
        for broken in [
            "\"",
            "\"a",
            "\"\\",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "\"\\u12g4\"",
            "\"\\U0041\"",
            "\"\\ud83d\\u12\"",
            "\"a\nb\"",
            "\"a\\n\0\"",
            "\"0123456789abcdef\u{1f}\"",
            "\"\\\u{e9}\"",
        ] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in any::<String>(), tail in "[\"\\\\/\n\t日😀\u{0}a]{0,30}") {
            let text = text + &tail;
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(read(&written).unwrap(), text.as_str());
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let written = format!("\"{escaped}\"");
            prop_assert_eq!(read(&written).unwrap(), text.as_str());
        }

        #[test]
        fn any_halves_are_read_as_utf16_lossy(units in prop::collection::vec(prop_oneof![0xd7f0_u16..0xe010, any::<u16>()], 0..12)) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04X}")).collect();
            let written = format!("\"{escaped}\"");
            prop_assert_eq!(read(&written).unwrap(), String::from_utf16_lossy(&units));
        }
    }
}
