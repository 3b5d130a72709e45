//! The headers of Azure's answers.

use std::time::Duration;

use bytes::Bytes;
use gatelog_model::Operation;
use hyper::{
    HeaderMap,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};

use super::route::Api;

/// What the limits of a deployment are said to be.
const LIMIT_TOKENS: u64 = 250_000;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// What the headers of one answer are made of.
pub(super) struct Facts<'a> {
    pub(super) api: Api,
    pub(super) operation: Operation,
    pub(super) unique: &'a str,
    pub(super) region: &'a HeaderValue,
    pub(super) deployment: &'a str,
    pub(super) client_request_id: Option<&'a HeaderValue>,
    pub(super) is_served: bool,
    pub(super) tokens: u64,
    pub(super) content_type: &'static str,
    /// `None` for a stream.
    pub(super) content_length: Option<usize>,
    pub(super) retry_after: Option<Duration>,
}

impl Facts<'_> {
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(20);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(length) = self.content_length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let unique = text(self.unique);
        if self.api == Api::Azure {
            headers.insert("apim-request-id", unique.clone());
            headers.insert("x-ms-region", self.region.clone());
            headers.insert("x-ms-rai-invoked", HeaderValue::from_static("true"));
        }
        headers.insert(REQUEST_ID, unique.clone());
        if let Some(id) = self.client_request_id {
            headers.insert(CLIENT_REQUEST_ID, id.clone());
        }
        if let Some(time) = self.retry_after {
            headers.insert(RETRY_AFTER_MS, HeaderValue::from(millis(time)));
            headers.insert(
                RETRY_AFTER,
                HeaderValue::from(time.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)),
            );
        }
        if self.is_served {
            self.served(&mut headers, unique);
        }
        headers
    }

    /// Those that only a model's answer has.
    fn served(&self, headers: &mut HeaderMap, session: HeaderValue) {
        headers.insert("openai-processing-ms", HeaderValue::from_static("12"));
        if self.api == Api::Azure {
            headers.insert("x-ms-deployment-name", text(self.deployment));
            headers.insert("azureml-model-session", session);
            headers.insert("x-envoy-upstream-service-time", HeaderValue::from_static("13"));
        }
        headers.insert("x-ratelimit-limit-requests", HeaderValue::from_static("250"));
        headers.insert("x-ratelimit-remaining-requests", HeaderValue::from_static("249"));
        headers.insert("x-ratelimit-limit-tokens", HeaderValue::from(LIMIT_TOKENS));
        // The Responses API does not tell (Microsoft Q&A 5625878).
        let left = match self.operation {
            Operation::Responses => HeaderValue::from_static("-1"),
            _ => HeaderValue::from(LIMIT_TOKENS.saturating_sub(self.tokens)),
        };
        headers.insert("x-ratelimit-remaining-tokens", left);
        headers.insert("x-ratelimit-reset-requests", HeaderValue::from_static("0"));
        headers.insert("x-ratelimit-reset-tokens", HeaderValue::from_static("0"));
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

/// A value, or none at all of a name that no header can hold.
fn text(text: &str) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::copy_from_slice(text.as_bytes())).unwrap_or(HeaderValue::from_static(""))
}
