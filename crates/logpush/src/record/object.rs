//! The members of a JSON object as raw text, without reading what is in them.

use std::fmt;

use gatelog_model::RejectReason;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Calls `each` with the raw name (quotes included) and raw value of every member of the object that `text` is.
///
/// serde_json skips values without recursion, so no depth of nesting can overflow the stack.
///
/// # Errors
///
/// `NotJson`, or `NotObject` for JSON of another kind. `each` may have been called by then.
pub(crate) fn members<'a>(text: &'a str, each: impl FnMut(&'a RawValue, &'a RawValue)) -> Result<(), RejectReason> {
    let mut json = serde_json::Deserializer::from_str(text);
    let is_object = text.trim_ascii_start().starts_with('{');
    let outcome = if is_object {
        (&mut json).deserialize_map(Members(each))
    } else {
        (&mut json).deserialize_ignored_any(IgnoredAny).map(|_| ())
    };
    outcome.and_then(|()| json.end()).map_err(|_| RejectReason::NotJson)?;
    if is_object { Ok(()) } else { Err(RejectReason::NotObject) }
}

struct Members<F>(F);

impl<'a, F: FnMut(&'a RawValue, &'a RawValue)> Visitor<'a> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry()? {
            (self.0)(name, value);
        }
        Ok(())
    }
}
