//! A cursor over the members of a JSON object.
//!
//! Strings, which are nearly all of a line, are read here, sixteen bytes at a time and once. Every other value is left to
//! serde_json, which steps over it without recursion, so no depth of nesting can overflow the stack.

use std::{borrow::Cow, marker::PhantomData};

use gatelog_model::RejectReason;
use serde::de::Deserialize;
use serde_json::value::RawValue;

use super::{
    quoted::{Scratch, skip_text},
    rest::{Rest, utf8},
};

const NOT_JSON: RejectReason = RejectReason::NotJson;

/// The value of a member.
pub(super) enum Value<'a> {
    /// A string, lone surrogates replaced by U+FFFD.
    Text(Cow<'a, str>),
    /// Any other value, as written.
    Other(&'a RawValue),
}

/// A place in the text of an object: before what is left of it.
pub(super) struct Cursor<'a, R> {
    rest: R,
    text: PhantomData<&'a [u8]>,
}

/// Calls `each` with the name of every member of the object that `json` is, as written, quotes included. The cursor then
/// stands before the member's value, which `each` takes exactly once.
///
/// # Errors
///
/// `NotJson`, or `NotObject` for JSON of another kind, or what `each` fails with. `each` may have been called by then.
pub(super) fn members<'a, R: Rest<'a>>(
    json: R,
    mut each: impl FnMut(&'a str, &mut Cursor<'a, R>) -> Result<(), RejectReason>,
) -> Result<(), RejectReason> {
    let mut cursor = Cursor { rest: json, text: PhantomData };
    if !cursor.take(b'{') {
        serde_json::from_slice::<&RawValue>(&cursor.rest).map_err(|_| NOT_JSON)?;
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

impl<'a, R: Rest<'a>> Cursor<'a, R> {
    /// Takes a value with its meaning.
    pub(super) fn value(&mut self, scratch: &mut Scratch) -> Result<Value<'a>, RejectReason> {
        if self.peek() == Some(b'"') {
            self.rest.cut_text(scratch).map(Value::Text)
        } else {
            self.other().map(Value::Other)
        }
    }

    /// Takes a value as it is written.
    pub(super) fn raw(&mut self) -> Result<&'a str, RejectReason> {
        if self.peek() == Some(b'"') { self.raw_text() } else { self.other().map(RawValue::get) }
    }

    fn name(&mut self) -> Result<&'a str, RejectReason> {
        if self.peek() == Some(b'"') { self.raw_text() } else { Err(NOT_JSON) }
    }

    fn raw_text(&mut self) -> Result<&'a str, RejectReason> {
        let end = skip_text(&self.rest)?;
        utf8(self.rest.cut(end))
    }

    fn other(&mut self) -> Result<&'a RawValue, RejectReason> {
        let mut rest = serde_json::Deserializer::from_slice(&self.rest);
        let length = <&RawValue>::deserialize(&mut rest).map_err(|_| NOT_JSON)?.get().len();
        // Once more, because only what was cut off lives as long as the line.
        serde_json::from_slice(self.rest.cut(length)).map_err(|_| NOT_JSON)
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let blanks = self.rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
        if blanks > 0 {
            self.rest.cut(blanks);
        }
        self.rest.first().copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        if is_there {
            self.rest.cut(1);
        }
        is_there
    }

    fn expect(&mut self, byte: u8) -> Result<(), RejectReason> {
        if self.take(byte) { Ok(()) } else { Err(NOT_JSON) }
    }
}
