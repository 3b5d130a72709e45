//! Reading the few fields of a JSON body that matter, whatever the rest looks like.
//!
//! A field of the wrong type is skipped, not an error; only text that is no JSON at all stops the reading, and what was seen
//! until then stays. Values are skipped without recursion, so depth costs no stack.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// Takes the fields of an object one by one.
pub(crate) trait Fields<'de> {
    /// Takes the value of `key`, exactly once: [`skip`] if it does not matter.
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error>;

    /// The object was closed; until then it may have been cut anywhere.
    fn closed(&mut self) {}
}

/// Reads an object, or skips a value that is none.
pub(crate) struct Object<'a, F>(pub(crate) &'a mut F);

/// Reads each object of an array into the same fields; one object alone counts as an array of it.
pub(crate) struct Objects<'a, F>(pub(crate) &'a mut F);

/// Skips a value.
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// Reads a text; `None` for anything else and for text longer than `bytes_max`.
pub(crate) fn text<'de, A: MapAccess<'de>>(map: &mut A, bytes_max: usize) -> Result<Option<String>, A::Error> {
    map.next_value::<&'de RawValue>().map(|raw| unquoted(raw.get(), bytes_max))
}

/// Reads a text, or a whole number as its digits.
pub(crate) fn text_or_whole<'de, A: MapAccess<'de>>(map: &mut A, bytes_max: usize) -> Result<Option<String>, A::Error> {
    let raw = map.next_value::<&'de RawValue>()?.get();
    let number = raw.parse::<i64>().ok().map(|number| number.to_string());
    Ok(number.or_else(|| unquoted(raw, bytes_max).filter(|text| !text.is_empty())))
}

fn unquoted(raw: &str, bytes_max: usize) -> Option<String> {
    // An escape has at most six bytes for one.
    if !raw.starts_with('"') || raw.len() > 6 * bytes_max + 2 {
        return None;
    }
    let text: Option<String> = serde_json::from_str(raw).ok();
    text.filter(|text| text.len() <= bytes_max)
}

/// Reads a whole number that is not negative; `None` for anything else, `1.0` and `"1"` included.
pub(crate) fn whole<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<u64>, A::Error> {
    map.next_value::<&'de RawValue>().map(|raw| raw.get().parse().ok())
}

/// Reads whether a value is `true`.
pub(crate) fn is_true<'de, A: MapAccess<'de>>(map: &mut A) -> Result<bool, A::Error> {
    map.next_value::<&'de RawValue>().map(|raw| raw.get() == "true")
}

impl<'de, F: Fields<'de>> DeserializeSeed<'de> for Object<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: Fields<'de>> DeserializeSeed<'de> for Objects<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// What both visitors do with scalars: nothing.
macro_rules! skip_scalars {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON")
        }
        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }
        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }
        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }
        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }
        fn visit_str<E>(self, _: &str) -> Result<(), E> {
            Ok(())
        }
        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
    };
}

impl<'de, F: Fields<'de>> Visitor<'de> for Object<'_, F> {
    type Value = ();

    skip_scalars!();

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<(), S::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key)? {
            self.0.field(&key, &mut map)?;
        }
        self.0.closed();
        Ok(())
    }
}

impl<'de, F: Fields<'de>> Visitor<'de> for Objects<'_, F> {
    type Value = ();

    skip_scalars!();

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<(), S::Error> {
        while items.next_element_seed(Object(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Object(self.0).visit_map(map)
    }
}

/// Reads a key as bytes: as text a lone surrogate in a key nobody looks for would stop the reading.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, [u8]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_bytes<E>(self, key: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_vec()))
    }
}
