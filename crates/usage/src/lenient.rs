//! Reading the few fields of a JSON body that matter, whatever the rest looks like.
//!
//! A field of the wrong type is skipped, not an error; only text that is no JSON stops the reading, and what was seen until
//! then stays. What is skipped is checked for balance only, and without recursion: depth costs no stack, and long texts
//! are passed at the speed of `memchr`. `serde_json` with `IgnoredAny` does the same at half the speed on answers, and
//! stops at lone surrogates and numbers out of range, which a provider may well send.

use std::ops::Range;

/// How many words of eight bytes of a string are looked at before `memchr` is worth its call; most strings are shorter.
const SHORT_STRING_WORDS: usize = 4;

/// The text is no JSON from here on: cut, or something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// Takes the fields of an object one by one.
pub(crate) trait Fields {
    /// Takes the value of `key`, exactly once: [`Reader::skip`] if it does not matter. Keys come as written.
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken>;

    /// The object was closed; until then it may have been cut anywhere.
    fn closed(&mut self) {}
}

/// A place in a JSON text; every method but [`Self::is_at_end`] and [`Self::into_skipped`] takes one value.
pub(crate) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// Where strings lie that nobody has looked at, without their quotes.
    skipped: Vec<Range<usize>>,
    skipped_max: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self::noting_skipped(text, 0)
    }

    /// Notes where the first strings lie that nobody looks at, up to so many.
    pub(crate) fn noting_skipped(text: &'a [u8], skipped_max: usize) -> Self {
        Self { text, at: 0, skipped: Vec::new(), skipped_max }
    }

    /// Where strings lie that nobody has looked at, without their quotes: whatever they said, reading would have been the
    /// same. Not all of them.
    pub(crate) fn into_skipped(self) -> Vec<Range<usize>> {
        self.skipped
    }

    /// Whether only white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Reads an object, or skips a value that is none.
    pub(crate) fn object(&mut self, fields: &mut impl Fields) -> Result<(), Broken> {
        if self.peek() != Some(b'{') {
            return self.skip();
        }
        self.at += 1;
        if self.take(b'}') {
            fields.closed();
            return Ok(());
        }
        loop {
            self.expect(b'"')?;
            let key = self.string_rest()?;
            self.expect(b':')?;
            fields.field(key, self)?;
            if !self.take(b',') {
                self.expect(b'}')?;
                fields.closed();
                return Ok(());
            }
        }
    }

    /// Reads each object of an array into the same fields; one object alone counts as an array of it.
    pub(crate) fn objects(&mut self, fields: &mut impl Fields) -> Result<(), Broken> {
        if self.peek() != Some(b'[') {
            return self.object(fields);
        }
        self.at += 1;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.object(fields)?;
            if !self.take(b',') {
                return self.expect(b']');
            }
        }
    }

    /// Reads a text that says something; `None` for anything else, for no characters and for more than `bytes_max`.
    pub(crate) fn text(&mut self, bytes_max: usize) -> Result<Option<String>, Broken> {
        Ok(unquoted(self.raw()?, bytes_max))
    }

    /// Reads a text as [`Self::text`] does, or a whole number as its digits.
    pub(crate) fn text_or_whole(&mut self, bytes_max: usize) -> Result<Option<String>, Broken> {
        let raw = self.raw()?;
        let number: Option<i64> = std::str::from_utf8(raw).ok().and_then(|digits| digits.parse().ok());
        Ok(number.map(|number| number.to_string()).or_else(|| unquoted(raw, bytes_max)))
    }

    /// Reads a whole number that is not negative; `None` for anything else, `1.0` and `"1"` included.
    pub(crate) fn whole(&mut self) -> Result<Option<u64>, Broken> {
        let raw = self.raw()?;
        Ok(std::str::from_utf8(raw).ok().and_then(|digits| digits.parse().ok()))
    }

    /// Reads whether a value is `true`.
    pub(crate) fn is_true(&mut self) -> Result<bool, Broken> {
        Ok(self.raw()? == b"true")
    }

    /// Skips a value.
    pub(crate) fn skip(&mut self) -> Result<(), Broken> {
        match self.peek().ok_or(Broken)? {
            b'"' => {
                self.at += 1;
                self.skip_string_rest()
            }
            b'{' | b'[' => self.skip_nested().map(drop),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            b'-' | b'0'..=b'9' => {
                let rest = &self.text[self.at..];
                let is_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                self.at += rest.iter().position(|byte| !is_number(byte)).unwrap_or(rest.len());
                Ok(())
            }
            _ => Err(Broken),
        }
    }

    /// Reads an object if anything in it is `true`, else skips it, which is quicker.
    pub(crate) fn object_if_true(&mut self, fields: &mut impl Fields) -> Result<(), Broken> {
        if self.peek() != Some(b'{') {
            return self.skip();
        }
        let (start, skipped) = (self.at, self.skipped.len());
        if self.skip_nested()? {
            self.at = start;
            self.skipped.truncate(skipped);
            return self.object(fields);
        }
        Ok(())
    }

    /// Skips to the bracket that closes the one here; tells whether there was a `true` between.
    fn skip_nested(&mut self) -> Result<bool, Broken> {
        let mut depth = 0_usize;
        let mut has_true = false;
        loop {
            let byte = *self.text.get(self.at).ok_or(Broken)?;
            self.at += 1;
            match byte {
                b'"' => self.skip_string_rest()?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(has_true);
                    }
                }
                // Outside strings nothing else begins so.
                b't' => has_true = true,
                _ => {}
            }
        }
    }

    /// Skips a value and gives it as written.
    fn raw(&mut self) -> Result<&'a [u8], Broken> {
        self.peek();
        let (start, skipped) = (self.at, self.skipped.len());
        self.skip()?;
        self.skipped.truncate(skipped);
        Ok(&self.text[start..self.at])
    }

    /// Skips a string after its opening quote. Names are not noted: they are many, and hardly ever differ.
    fn skip_string_rest(&mut self) -> Result<(), Broken> {
        let start = self.at;
        let string = self.string_rest()?;
        if self.skipped.len() < self.skipped_max && self.text.get(self.at) != Some(&b':') {
            self.skipped.push(start..start + string.len());
        }
        Ok(())
    }

    /// Takes a string after its opening quote, escapes as written.
    fn string_rest(&mut self) -> Result<&'a [u8], Broken> {
        let start = self.at;
        let end = start + string_end(&self.text[start..]).ok_or(Broken)?;
        self.at = end + 1;
        Ok(&self.text[start..end])
    }

    fn literal(&mut self, literal: &[u8]) -> Result<(), Broken> {
        let is_there = self.text[self.at..].starts_with(literal);
        self.at += if is_there { literal.len() } else { 0 };
        if is_there { Ok(()) } else { Err(Broken) }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8) -> Result<(), Broken> {
        if self.take(byte) { Ok(()) } else { Err(Broken) }
    }
}

/// Where the quote is that ends the string whose opening quote is just before `text`.
pub(crate) fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += quote_or_escape(text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Where the first quote or backslash is.
fn quote_or_escape(text: &[u8]) -> Option<usize> {
    let (words, _) = text.as_chunks::<8>();
    let words = &words[..words.len().min(SHORT_STRING_WORDS)];
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ every_byte(b'"')) | zero_bytes(word ^ every_byte(b'\\'));
        if found != 0 {
            return Some(index * 8 + usize::try_from(found.trailing_zeros() / 8).expect("below eight"));
        }
    }
    let seen = words.len() * 8;
    memchr::memchr2(b'"', b'\\', &text[seen..]).map(|offset| seen + offset)
}

const fn every_byte(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Sets the top bit of the lowest byte that is zero, and maybe of bytes above it (Bit Twiddling Hacks, "haszero").
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(every_byte(0x01)) & !word & every_byte(0x80)
}

fn unquoted(raw: &[u8], bytes_max: usize) -> Option<String> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    // An escape has at most six bytes for one.
    if inner.is_empty() || inner.len() > 6 * bytes_max {
        return None;
    }
    let text = match memchr::memchr(b'\\', inner) {
        Some(_) => serde_json::from_slice(raw).ok()?,
        None => std::str::from_utf8(inner).ok()?.to_owned(),
    };
    Some(text).filter(|text| !text.is_empty() && text.len() <= bytes_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skips(text: &str) -> Option<usize> {
        let mut reader = Reader::new(text.as_bytes());
        reader.skip().ok().map(|()| reader.at)
    }

    #[test]
    fn values_end_where_they_end() {
        for value in [
            "1",
            "-1.5e+7",
            "true",
            "false",
            "null",
            "\"\"",
            r#""a\"b""#,
            r#""\\""#,
            r#""\ud800""#,
            "[]",
            "{}",
            r#"[1,{"a":"]"},"\"}"]"#,
            "\"0123456789abcdef\"",
            "\"0123456789abcde\\\"\"",
            "\"0123456789abcdef\\\\\"",
        ] {
            assert_eq!(skips(value), Some(value.len()), "{value}");
            assert_eq!(skips(&format!(" {value},")), Some(value.len() + 1), "{value}");
        }
        for broken in
            ["", " ", "x", "tru", "\"", "\"\\", "\"\\\"", "[", "{\"a\":1", "[\"]", "]", ",", "\"0123456789abcdef"]
        {
            assert_eq!(skips(broken), None, "{broken}");
        }
    }
}
