//! The members of a JSON object as they come.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Names and values in their order, a name also twice; of more than `MAX` members, `MAX + 1`.
pub(crate) struct Members<'a, const MAX: usize>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de, const MAX: usize> Deserialize<'de> for Members<'de, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder::<MAX>)
    }
}

struct InOrder<const MAX: usize>;

impl<'de, const MAX: usize> Visitor<'de> for InOrder<MAX> {
    type Value = Members<'de, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while members.len() <= MAX {
            let Some(member) = map.next_entry()? else { return Ok(Members(members)) };
            members.push(member);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Members(members))
    }
}
