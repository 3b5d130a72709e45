//! `cf-aig-metadata`: up to five facts about a request, in the caller's words.
//!
//! Cloudflare keeps the first five entries and, measured, loses all of them when one is null or an object. Here the
//! strict reading refuses what it cannot keep whole, and the lenient one drops only the entries it cannot keep.

use std::{borrow::Cow, fmt};

use serde_json::value::RawValue;

use super::{HeaderMode, members::Members};

/// Most entries a caller may send.
const ENTRIES_MAX: usize = 5;
/// Longest key.
const KEY_BYTES_MAX: usize = 128;
/// Longest header: what most servers take for all headers of a request.
const HEADER_BYTES_MAX: usize = 8 * 1024;
/// Keys of the gateway itself, as Cloudflare's `cf.user_id`.
const RESERVED_PREFIX: &str = "cf.";

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataValue {
    /// A string.
    Text(String),
    /// A number, its text as sent.
    Number(String),
    /// A boolean.
    Flag(bool),
}

impl MetadataValue {
    /// The value as text: a string's content, a number as sent, `true` or `false`.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Flag(true) => "true",
            Self::Flag(false) => "false",
        }
    }
}

/// The entries in the order they were sent, each key once.
///
/// `Debug` shows keys only: values name people and tenants.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, MetadataValue)>);

/// What was read of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadMetadata {
    /// The entries that were kept.
    pub metadata: Metadata,
    /// Whether entries were dropped; never in strict reading.
    pub is_partial: bool,
}

impl Metadata {
    /// Reads the JSON object of a header.
    ///
    /// Strict: 1 to 128 bytes of key without the reserved prefix `cf.`, strings, numbers and booleans as values, no key
    /// twice, five entries at most. Lenient: of a key sent twice the last value counts, at the place of the first; then
    /// entries that strict reading refuses are dropped; then the first five are kept.
    ///
    /// # Errors
    ///
    /// What is allowed, without the value: in both modes for more than 8 KiB and for what is no JSON object in UTF-8.
    pub fn parse(header: &[u8], mode: HeaderMode) -> Result<ReadMetadata, Cow<'static, str>> {
        if header.len() > HEADER_BYTES_MAX {
            return Err("must be at most 8192 bytes".into());
        }
        let text = str::from_utf8(header).map_err(|_| "must be UTF-8")?;
        // No header has as many members as bytes.
        let Members::<HEADER_BYTES_MAX>(members) = serde_json::from_str(text).map_err(|_| "must be a JSON object")?;
        match mode {
            HeaderMode::Strict => Self::all_of(members),
            HeaderMode::Lenient => Ok(Self::most_of(members)),
        }
    }

    fn all_of(members: Vec<(String, &RawValue)>) -> Result<ReadMetadata, Cow<'static, str>> {
        if members.len() > ENTRIES_MAX {
            return Err("must have at most 5 entries".into());
        }
        let mut metadata = Self::default();
        for (key, raw) in members {
            check_key(&key)?;
            if metadata.value(&key).is_some() {
                return Err("must not have a key twice".into());
            }
            let value = scalar(raw).ok_or("must have strings, numbers and booleans as values")?;
            metadata.0.push((key, value));
        }
        Ok(ReadMetadata { metadata, is_partial: false })
    }

    fn most_of(members: Vec<(String, &RawValue)>) -> ReadMetadata {
        let sent = members.len();
        let mut last: Vec<(String, &RawValue)> = Vec::new();
        for (key, raw) in members {
            match last.iter_mut().find(|(known, _)| *known == key) {
                Some((_, value)) => *value = raw,
                None => last.push((key, raw)),
            }
        }
        let kept: Vec<_> = last
            .into_iter()
            .filter(|(key, _)| check_key(key).is_ok())
            .filter_map(|(key, raw)| Some((key, scalar(raw)?)))
            .take(ENTRIES_MAX)
            .collect();
        ReadMetadata { is_partial: kept.len() < sent, metadata: Self(kept) }
    }

    /// The value of a key as text, see [`MetadataValue::as_text`].
    pub fn get(&self, key: &str) -> Option<&str> {
        self.value(key).map(MetadataValue::as_text)
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&MetadataValue> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The entries in their order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &MetadataValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The same with one more entry, or with another value for a key that is there.
    ///
    /// For what the gateway itself knows, such as the tenant of a token: neither the five entries nor the reserved
    /// prefix apply.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        let value = MetadataValue::Text(value.to_owned());
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => self.0.push((key.to_owned(), value)),
        }
        self
    }

    /// The JSON object for the log: the order and the numbers as they were sent.
    pub fn to_json(&self) -> String {
        let mut json = String::from("{");
        for (index, (key, value)) in self.entries().enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push_str(&quoted(key));
            json.push(':');
            match value {
                MetadataValue::Text(text) => json.push_str(&quoted(text)),
                MetadataValue::Number(_) | MetadataValue::Flag(_) => json.push_str(value.as_text()),
            }
        }
        json.push('}');
        json
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metadata ")?;
        f.debug_set().entries(self.entries().map(|(key, _)| key)).finish()
    }
}

fn check_key(key: &str) -> Result<(), &'static str> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err("must have keys of 1 to 128 bytes");
    }
    if key.starts_with(RESERVED_PREFIX) {
        return Err("must not have keys that start with `cf.`");
    }
    Ok(())
}

/// `None` for null, objects, arrays and strings that are no Unicode (lone surrogates).
fn scalar(raw: &RawValue) -> Option<MetadataValue> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok().map(MetadataValue::Text),
        b't' => Some(MetadataValue::Flag(true)),
        b'f' => Some(MetadataValue::Flag(false)),
        b'-' | b'0'..=b'9' => Some(MetadataValue::Number(text.to_owned())),
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(json: &str) -> Metadata {
        Metadata::parse(json.as_bytes(), HeaderMode::Strict).unwrap().metadata
    }

    #[test]
    fn order_and_numbers_stay_as_sent() {
        let sent = r#"{"z":1.50,"a":-0e5,"t":true,"é\n":"\"x\"","n":12345678901234567890123}"#;
        assert_eq!(strict(sent).to_json(), sent);
        assert_eq!(strict("{}").to_json(), "{}");
        assert_eq!(strict(r#"{"z":1.50,"t":true}"#).get("z"), Some("1.50"));
        assert_eq!(strict(r#"{"z":1.50,"t":true}"#).get("t"), Some("true"));
        assert_eq!(strict("{}").get("z"), None);
    }

    #[test]
    fn the_gateway_adds_what_it_knows() {
        let metadata = strict(r#"{"tenantId":"theirs","b":2,"c":3,"d":4,"e":5}"#);
        let named = metadata.with("tenantId", "ours").with("cf.user_id", "u");
        assert_eq!(named.to_json(), r#"{"tenantId":"ours","b":2,"c":3,"d":4,"e":5,"cf.user_id":"u"}"#);
    }

    #[test]
    fn debug_shows_keys_only() {
        assert_eq!(format!("{:?}", strict(r#"{"userId":"alice@example.com"}"#)), r#"Metadata {"userId"}"#);
    }

    #[test]
    fn lone_surrogates_are_no_text() {
        let sent = br#"{"a":"\ud800","b":"x"}"#;
        assert!(Metadata::parse(sent, HeaderMode::Strict).is_err());
        let read = Metadata::parse(sent, HeaderMode::Lenient).unwrap();
        assert_eq!((read.metadata.to_json().as_str(), read.is_partial), (r#"{"b":"x"}"#, true));
    }
}
