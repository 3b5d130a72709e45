//! The three fields that may be sealed.

use std::{borrow::Cow, fmt};

use gatelog_model::RejectReason;
use serde_json::value::RawValue;

use super::{
    object::{Value, members},
    quoted::text_of,
};
use crate::Envelope;

/// The value of a field that may be sealed.
///
/// `Debug` prints what kind it is and how long, never what it says.
#[derive(Clone, Default)]
pub enum Field<'a> {
    /// The record does not have it.
    #[default]
    Absent,
    /// Null.
    Null,
    /// A string, lone surrogates replaced by U+FFFD.
    Text(Cow<'a, str>),
    /// Any other JSON, byte for byte.
    Json(&'a RawValue),
    /// An envelope, not opened yet.
    Sealed(Envelope<'a>),
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Null => f.write_str("Null"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Json(json) => write!(f, "Json({} bytes)", json.get().len()),
            Self::Sealed(envelope) => envelope.fmt(f),
        }
    }
}

impl<'a> Field<'a> {
    /// Tells envelopes from plain values.
    ///
    /// An object with a member `key` is an envelope if it also has `iv` or `data` or says `"type":"encrypted"`. An
    /// object with a `key` and none of the others is plain: metadata may have an entry of that name.
    pub(super) fn of_value(value: Value<'a>) -> Result<Self, RejectReason> {
        match value {
            Value::Text(text) => Ok(Self::Text(text)),
            Value::Other(other) => match other.get().as_bytes().first() {
                Some(b'n') => Ok(Self::Null),
                Some(b'{') => Self::of_object(other),
                _ => Ok(Self::Json(other)),
            },
        }
    }

    fn of_object(raw: &'a RawValue) -> Result<Self, RejectReason> {
        let (mut kind, mut key, mut iv, mut data) = (None, None, None, None);
        members(raw.get().as_bytes(), |name, value| {
            let value = value.raw()?;
            match text_of(name).as_ref() {
                "type" => kind = Some(value),
                "key" => key = Some(value),
                "iv" => iv = Some(value),
                "data" => data = Some(value),
                _ => {}
            }
            Ok(())
        })?;
        let says_so = kind.is_some_and(|kind| kind.starts_with('"') && text_of(kind) == "encrypted");
        if !(says_so || key.is_some() && (iv.is_some() || data.is_some())) {
            return Ok(Self::Json(raw));
        }
        Ok(Self::Sealed(Envelope { key: part(key)?, iv: part(iv)?, data: part(data)? }))
    }
}

fn part(raw: Option<&str>) -> Result<Cow<'_, str>, RejectReason> {
    raw.filter(|raw| raw.starts_with('"')).map(text_of).ok_or(RejectReason::BadEnvelope)
}
