//! Which headers go on to the provider and back to the caller.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::controls::is_control;

/// Headers that belong to one connection, not to the message (RFC 9110, section 7.6.1, and what proxies of old added).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
/// What a provider may not say to our caller, because it is ours to say.
const RESERVED_PREFIX: &str = "cf-aig-";

/// The headers of a request as the provider gets them: without those of the connection, without any control header, and
/// asking for an answer that is not compressed.
///
/// Usage is read out of the answer while it passes, and the audit record keeps it as text; the client libraries accept
/// an answer without compression whatever they offered.
pub(crate) fn for_provider(from: &HeaderMap) -> HeaderMap {
    let mut headers = without_hops(from, |name| is_control(name) || is_framing(name));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
}

/// The headers of an answer as the caller gets them: the provider's, without those of the connection and without any that
/// the gateway itself answers for.
pub(crate) fn for_caller(from: &HeaderMap) -> HeaderMap {
    without_hops(from, |name| name.as_str().starts_with(RESERVED_PREFIX))
}

/// The same headers in memory of their own. What was read of a connection shares the buffer that it was read into, and
/// whoever keeps one value of that keeps all of it.
pub(crate) fn apart(from: &HeaderMap) -> HeaderMap {
    let mut values = Vec::with_capacity(from.values().map(HeaderValue::len).sum());
    from.values().for_each(|value| values.extend_from_slice(value.as_bytes()));
    let values = Bytes::from(values);
    let mut headers = HeaderMap::with_capacity(from.keys_len());
    let mut start = 0;
    for (name, value) in from {
        let own = values.slice(start..start + value.len());
        start += value.len();
        headers.append(name, HeaderValue::from_maybe_shared(own).expect("it was a header's value before"));
    }
    headers
}

/// Whether a body is a stream of events.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

/// Bytes of names and values.
pub(crate) fn bytes_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Sets a header; text that cannot stand in one is left out.
pub(crate) fn set_text(headers: &mut HeaderMap, name: &'static str, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Set anew for every connection: the host is the provider's, the length is that of the body as it is sent.
fn is_framing(name: &HeaderName) -> bool {
    matches!(*name, header::HOST | header::CONTENT_LENGTH | header::EXPECT | header::ACCEPT_ENCODING)
}

fn without_hops(from: &HeaderMap, is_left_out: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let named = named_by_connection(from);
    let is_hop = |name: &HeaderName| {
        HOP_BY_HOP.contains(name) || named.iter().any(|named| named.eq_ignore_ascii_case(name.as_str()))
    };
    let mut headers = HeaderMap::with_capacity(from.keys_len() + 8);
    for (name, value) in from.iter().filter(|(name, _)| !is_hop(name) && !is_left_out(name)) {
        headers.append(name, value.clone());
    }
    headers
}

/// The headers that `Connection` declares to be of the connection; mostly none.
fn named_by_connection(headers: &HeaderMap) -> Vec<&str> {
    let lists = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in entries {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_provider_sees_neither_controls_nor_the_connection() {
        let sent = map(&[
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("cf-aig-metadata", "{}"),
            ("cf-aig-source", "spoofed"),
            ("cf-cache-ttl", "60"),
            ("transfer-encoding", "chunked"),
            ("host", "gateway"),
            ("content-length", "3"),
            ("accept-encoding", "gzip"),
            ("api-key", "secret"),
            ("traceparent", "00-1-2-01"),
            ("x-twice", "1"),
            ("x-twice", "2"),
        ]);
        let expected = map(&[
            ("api-key", "secret"),
            ("traceparent", "00-1-2-01"),
            ("x-twice", "1"),
            ("x-twice", "2"),
            ("accept-encoding", "identity"),
        ]);
        assert_eq!(for_provider(&sent), expected);
    }

    #[test]
    fn headers_apart_are_the_same_and_let_the_buffer_go() {
        let buffer = Bytes::from(b"first second".to_vec());
        let mut headers = HeaderMap::new();
        headers.append("x-twice", HeaderValue::from_maybe_shared(buffer.slice(..5)).unwrap());
        headers.append("x-twice", HeaderValue::from_maybe_shared(buffer.slice(6..)).unwrap());
        headers.append("x-none", HeaderValue::from_static(""));
        let own = apart(&headers);
        assert_eq!(own, headers);
        drop(headers);
        assert!(buffer.is_unique());
        assert_eq!(bytes_of(&own), 7 + 5 + 7 + 6 + 6);
    }

    #[test]
    fn a_caller_sees_nothing_of_ours_from_a_provider() {
        let answered =
            map(&[("cf-aig-cache-status", "HIT"), ("keep-alive", "9"), ("content-length", "3"), ("x-ms-region", "z")]);
        assert_eq!(for_caller(&answered), map(&[("content-length", "3"), ("x-ms-region", "z")]));
    }
}
