//! The caller's metadata as text entries.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Most entries kept of one record. Cloudflare keeps five; our gateway refuses more.
const ENTRIES_MAX: usize = 64;
/// The entry that holds metadata which is no JSON object, so that it is not lost.
const UNREADABLE: &str = "_raw";

/// Which metadata entries have a meaning of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataKeys {
    /// Names the tenant.
    pub tenant: String,
    /// Names the user.
    pub user: String,
    /// Names the version of the prompt.
    pub prompt_version: String,
}

impl Default for MetadataKeys {
    fn default() -> Self {
        Self { tenant: "tenantId".into(), user: "userId".into(), prompt_version: "promptVersion".into() }
    }
}

/// Reads the entries of a JSON object: strings as they are, other values as their JSON text, nulls left out.
pub(super) fn entries(text: Option<&str>) -> BTreeMap<String, String> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty() && *text != "null") else {
        return BTreeMap::new();
    };
    let Ok(object) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else {
        return BTreeMap::from([(UNREADABLE.to_owned(), text.to_owned())]);
    };
    object
        .into_iter()
        .filter(|(_, value)| value.get() != "null")
        .take(ENTRIES_MAX)
        .map(|(key, value)| {
            let text = String::deserialize(value).unwrap_or_else(|_| value.get().to_owned());
            (key, text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_become_text_and_what_cannot_be_read_is_kept() {
        let read = entries(Some(r#"{"tenantId":"a\"b","n":1.50,"ok":true,"none":null,"deep":{"x":1}}"#));
        assert_eq!(read["tenantId"], "a\"b");
        assert_eq!(read["n"], "1.50");
        assert_eq!(read["ok"], "true");
        assert_eq!(read["deep"], r#"{"x":1}"#);
        assert!(!read.contains_key("none"));
        assert_eq!(entries(Some("[1]"))["_raw"], "[1]");
        assert!(entries(Some(" null ")).is_empty());
        assert!(entries(None).is_empty());
    }
}
