//! The body of the universal endpoint: an array of calls, tried in order.

use std::{borrow::Cow, fmt};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{AccountId, GatewayId, Route, RouteError, path};
use crate::controls::{BadHeader, Controls, EntryConfig, HeaderMode, Members as ObjectMembers, ReadControls};

/// Most calls in one body; each may be tried five times.
const ENTRIES_MAX: usize = 10;
/// Most headers of one call.
const HEADERS_MAX: usize = 64;

/// One call of a universal body. `Debug` shows neither headers nor the query: they hold keys and prompts.
#[derive(Clone)]
pub struct UniversalEntry {
    /// Slug of the provider.
    pub provider: String,
    /// Path and query at the provider, with or without a slash in front.
    pub endpoint: String,
    /// Headers as sent, control headers and those of one connection included: whoever sends them on takes those out.
    /// All are marked sensitive.
    pub headers: HeaderMap,
    /// The provider's request body, byte for byte.
    pub query: Box<RawValue>,
    /// What the call asks of the gateway.
    pub config: EntryConfig,
}

/// A body that is no list of calls; nothing of it is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUniversal {
    /// Not JSON, or not an array.
    #[error("universal request must be a JSON array")]
    NotAnArray,
    /// No entry, or too many.
    #[error("universal request must have 1 to 10 entries")]
    Count,
    /// An entry that cannot be understood.
    #[error("entry {index} of the universal request {problem}")]
    Entry {
        /// Which, from 0 as in `cf-aig-step`.
        index: usize,
        /// What is wrong.
        problem: Cow<'static, str>,
    },
}

/// The members as they come; others are ignored.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
    #[serde(borrow)]
    endpoint: Option<&'a RawValue>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    #[serde(borrow)]
    authorization: Option<&'a RawValue>,
    #[serde(borrow)]
    query: Option<&'a RawValue>,
    #[serde(borrow)]
    config: Option<&'a RawValue>,
}

impl UniversalEntry {
    /// Reads a universal body, 1 to 10 entries of `{provider, endpoint, headers, query, config?}`.
    ///
    /// The member `authorization`, which Cloudflare's text names and no example has, is the header of that name unless
    /// `headers` has it. Values of headers may also be numbers and booleans, which count as their text.
    ///
    /// # Errors
    ///
    /// [`BadUniversal`]. A provider or endpoint that leads nowhere is found by [`UniversalEntry::route`].
    pub fn parse_all(body: &[u8]) -> Result<Vec<Self>, BadUniversal> {
        let Items(items) = serde_json::from_slice(body).map_err(|_| BadUniversal::NotAnArray)?;
        if items.is_empty() || items.len() > ENTRIES_MAX {
            return Err(BadUniversal::Count);
        }
        let entry = |(index, item): (usize, &&RawValue)| {
            Self::parse(item.get()).map_err(|problem| BadUniversal::Entry { index, problem })
        };
        items.iter().enumerate().map(entry).collect()
    }

    fn parse(json: &str) -> Result<Self, Cow<'static, str>> {
        // serde's structs are also read from arrays, member by member.
        if !json.starts_with('{') {
            return Err("must be an object".into());
        }
        let members: Members<'_> = serde_json::from_str(json).map_err(|_| "must not have a member twice")?;
        let mut headers = members.headers.map_or_else(|| Ok(HeaderMap::new()), |raw| header_map(raw.get()))?;
        if let (Some(raw), false) = (members.authorization, headers.contains_key(header::AUTHORIZATION)) {
            let value = header_value(raw).ok_or("must have a header's value as `authorization`")?;
            headers.insert(header::AUTHORIZATION, value);
        }
        let config = members.config.map(|raw| EntryConfig::parse(raw.get())).transpose();
        Ok(Self {
            provider: text(members.provider).ok_or("must have a string `provider`")?,
            endpoint: text(members.endpoint).ok_or("must have a string `endpoint`")?,
            headers,
            query: members.query.ok_or("must have a `query`")?.to_owned(),
            config: config.map_err(|error| format!("has a bad `config`, which {error}"))?.unwrap_or_default(),
        })
    }

    /// Where this call goes: the same as for a request to `/v1/{account}/{gateway}/{provider}/{endpoint}`.
    ///
    /// # Errors
    ///
    /// [`RouteError`].
    pub fn route(&self, account: &AccountId, gateway: &GatewayId) -> Result<Route, RouteError> {
        let endpoint = self.endpoint.strip_prefix('/').unwrap_or(&self.endpoint);
        let (rest, query) = path::split(endpoint)?;
        if !rest.is_empty() {
            path::check(rest)?;
        }
        Route::to_provider(account.clone(), gateway.clone(), &self.provider, rest, query)
    }

    /// The controls of this call: its headers over its `config` over those of the request.
    ///
    /// # Errors
    ///
    /// [`BadHeader`], strict only, also for a header that only the request may have: its authorization, metadata, event
    /// id and trace, which lenient reading leaves out.
    pub fn controls(&self, request: &Controls, mode: HeaderMode) -> Result<ReadControls, BadHeader> {
        request.of_entry(&self.headers, &self.config, mode)
    }
}

impl fmt::Debug for UniversalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UniversalEntry")
            .field("provider", &self.provider)
            .field("endpoint", &self.endpoint)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn text(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

fn header_map(json: &str) -> Result<HeaderMap, &'static str> {
    let ObjectMembers::<HEADERS_MAX>(members) =
        serde_json::from_str(json).map_err(|_| "must have an object `headers`")?;
    if members.len() > HEADERS_MAX {
        return Err("must have at most 64 headers");
    }
    let mut headers = HeaderMap::with_capacity(members.len());
    for (name, raw) in members {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "has a bad header name")?;
        headers.append(name, header_value(raw).ok_or("has a bad header value")?);
    }
    Ok(headers)
}

fn header_value(raw: &RawValue) -> Option<HeaderValue> {
    let value = match raw.get().as_bytes().first()? {
        b'"' => text(Some(raw))?,
        b'{' | b'[' | b'n' => return None,
        _ => raw.get().to_owned(),
    };
    let mut value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The entries as they stand in the body, one more than is allowed at most.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;

        impl<'de> Visitor<'de> for Bounded {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while items.len() <= ENTRIES_MAX {
                    let Some(item) = seq.next_element()? else { return Ok(Items(items)) };
                    items.push(item);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Items(items))
            }
        }

        deserializer.deserialize_seq(Bounded)
    }
}

#[cfg(test)]
mod tests;
