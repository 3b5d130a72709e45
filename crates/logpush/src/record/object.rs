//! A cursor over the members of a JSON object.
//!
//! Strings, which are nearly all of a line, are read here, sixteen bytes at a time and once. Every other value is left to
//! serde_json, which steps over it without recursion, so no depth of nesting can overflow the stack.

use std::borrow::Cow;

use gatelog_model::RejectReason;
use serde::de::{Deserialize, IgnoredAny};
use serde_json::value::RawValue;

use super::quoted::{Scratch, read_text, skip_text};

const NOT_JSON: RejectReason = RejectReason::NotJson;

/// The value of a member.
pub(super) enum Value<'a> {
    /// A string, lone surrogates replaced by U+FFFD.
    Text(Cow<'a, str>),
    /// Any other value, as written.
    Other(&'a RawValue),
}

/// A place in the text of an object.
pub(super) struct Cursor<'a> {
    json: &'a str,
    at: usize,
}

/// Calls `each` with the name of every member of the object that `json` is, as written, quotes included. The cursor then
/// stands before the member's value, which `each` takes exactly once.
///
/// # Errors
///
/// `NotJson`, or `NotObject` for JSON of another kind, or what `each` fails with. `each` may have been called by then.
pub(super) fn members<'a>(
    json: &'a str,
    mut each: impl FnMut(&'a str, &mut Cursor<'a>) -> Result<(), RejectReason>,
) -> Result<(), RejectReason> {
    let mut cursor = Cursor { json, at: 0 };
    if !cursor.take(b'{') {
        serde_json::from_str::<IgnoredAny>(json).map_err(|_| NOT_JSON)?;
        return Err(RejectReason::NotObject);
    }
    if !cursor.take(b'}') {
        loop {
            let name = cursor.name()?;
            cursor.expect(b':')?;
            each(name, &mut cursor)?;
            if !cursor.take(b',') {
                break;
            }
        }
        cursor.expect(b'}')?;
    }
    if cursor.peek().is_none() { Ok(()) } else { Err(NOT_JSON) }
}

impl<'a> Cursor<'a> {
    /// Takes a value with its meaning.
    pub(super) fn value(&mut self, scratch: &mut Scratch) -> Result<Value<'a>, RejectReason> {
        if self.peek() != Some(b'"') {
            return self.other().map(Value::Other);
        }
        let (text, end) = read_text(self.json, self.at, scratch)?;
        self.at = end;
        Ok(Value::Text(text))
    }

    /// Takes a value as it is written.
    pub(super) fn raw(&mut self) -> Result<&'a str, RejectReason> {
        if self.peek() == Some(b'"') { self.raw_text() } else { self.other().map(RawValue::get) }
    }

    fn name(&mut self) -> Result<&'a str, RejectReason> {
        if self.peek() == Some(b'"') { self.raw_text() } else { Err(NOT_JSON) }
    }

    fn raw_text(&mut self) -> Result<&'a str, RejectReason> {
        let start = self.at;
        self.at = skip_text(self.json, start)?;
        Ok(&self.json[start..self.at])
    }

    fn other(&mut self) -> Result<&'a RawValue, RejectReason> {
        let mut rest = serde_json::Deserializer::from_str(&self.json[self.at..]);
        let value = <&RawValue>::deserialize(&mut rest).map_err(|_| NOT_JSON)?;
        self.at += value.get().len();
        Ok(value)
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.json.as_bytes().get(self.at) {
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

    fn expect(&mut self, byte: u8) -> Result<(), RejectReason> {
        if self.take(byte) { Ok(()) } else { Err(NOT_JSON) }
    }
}
