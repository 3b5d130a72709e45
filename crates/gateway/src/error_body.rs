//! What the gateway itself answers when it does not, or cannot, ask a provider.
//!
//! The JSON has Cloudflare's members in Cloudflare's order, so that clients which look for `AiGatewayError` find it.
//! Cloudflare's codes are used where one was seen for the same cause:
//!
//! | code | cause | seen |
//! |---|---|---|
//! | 2001 | no such gateway | cloudflare/ai; a live capture of 2026-10-02 (HTTP 400) |
//! | 2003 | rate limit | live captures (HTTP 429) |
//! | 2005 | no answer from the provider | devoxx/DevoxxGenieIDEAPlugin#1254, with HTTP 400; here 502 and 504 |
//! | 2008 | no such provider | the same issue (HTTP 400) |
//! | 2009 | gateway token missing or wrong | cloudflare/cloudflare-docs#31050 (HTTP 401) |
//! | 2045 | over budget | a live capture of 2026-10 (HTTP 429) |
//!
//! For causes that Cloudflare has no known code for, the codes are our own and have five digits, far from its four, so
//! that neither side's can be taken for the other's. Classify on the HTTP status and the name first: its codes drift.

use std::{fmt, time::Duration};

use gatelog_model::PicoUsd;
use serde::Serialize;

use crate::{
    controls::BadHeader,
    route::{BadUniversal, RouteError},
};

/// Cloudflare: no such gateway.
const UNKNOWN_GATEWAY: u32 = 2001;
/// Cloudflare: too many requests.
const RATE_LIMITED: u32 = 2003;
/// Cloudflare: no answer from the provider.
const NO_ANSWER: u32 = 2005;
/// Cloudflare: no such provider.
const UNKNOWN_PROVIDER: u32 = 2008;
/// Cloudflare: gateway token missing or wrong.
const UNAUTHORIZED: u32 = 2009;
/// Cloudflare: over budget, since 2026-10.
const OVER_BUDGET: u32 = 2045;
/// Ours: a control header that cannot be understood.
const BAD_HEADER: u32 = 90_001;
/// Ours: a path or body that cannot be understood.
const BAD_REQUEST: u32 = 90_002;
/// Ours: a body above the configured size.
const BODY_TOO_LARGE: u32 = 90_003;
/// Ours: no target where the tenant's data may go.
const RESIDENCY: u32 = 90_004;
/// Ours: no room for the record that the request must leave.
const SPOOL_FULL: u32 = 90_005;

/// An answer of the gateway itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayError {
    /// HTTP status.
    pub http: u16,
    /// What happened, see the table of the module.
    pub code: u32,
    /// What happened in words, short and always the same for a code of Cloudflare's without details.
    pub message: String,
    /// What happened in this case; often the message again.
    pub description: String,
}

/// A budget that is spent.
#[derive(Debug, Clone, Copy)]
pub struct SpendLimit<'a> {
    /// Which rule.
    pub rule: &'a str,
    /// How much it allows.
    pub cap: Cap,
    /// In what time.
    pub window: Duration,
    /// Provider and model that were asked for, if the rule was checked for them.
    pub asked: Option<(&'a str, &'a str)>,
}

/// How much a budget allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// Money, as Cloudflare's limits.
    Cost(PicoUsd),
    /// Tokens.
    Tokens(u64),
}

/// Dollars without the zeros that say nothing.
impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cost(usd) => write!(f, "cost limit {}", usd.to_string().trim_end_matches('0').trim_end_matches('.')),
            Self::Tokens(count) => write!(f, "token limit {count}"),
        }
    }
}

impl GatewayError {
    /// No such account or gateway.
    pub fn unknown_gateway() -> Self {
        Self::new(400, UNKNOWN_GATEWAY, "No such gateway")
    }

    /// No such provider, or none of that name is configured.
    pub fn unknown_provider() -> Self {
        Self::new(400, UNKNOWN_PROVIDER, "Invalid provider")
    }

    /// A path or body that cannot be understood; the problem must not repeat anything of it.
    pub fn bad_request(problem: impl Into<String>) -> Self {
        Self::new(400, BAD_REQUEST, problem)
    }

    /// No token for the gateway, or one that it does not know.
    pub fn unauthorized() -> Self {
        Self::new(401, UNAUTHORIZED, "Unauthorized")
    }

    /// Too many requests.
    pub fn rate_limited() -> Self {
        Self::new(429, RATE_LIMITED, "Rate limited")
    }

    /// A budget that is spent, in Cloudflare's words with our kinds of limit.
    pub fn over_budget(limit: &SpendLimit<'_>) -> Self {
        let SpendLimit { rule, cap, window, asked } = limit;
        let mut message = format!("Spend limit exceeded: rule '{rule}' ({cap} per {}s, fixed)", window.as_secs());
        if let Some((provider, model)) = asked {
            message.push_str(&format!(" for {provider} {model}"));
        }
        Self::new(429, OVER_BUDGET, message)
    }

    /// No target is left where the tenant's data may go.
    pub fn residency() -> Self {
        Self::new(403, RESIDENCY, "Refused by residency rule")
            .described("The residency rule of this tenant allows none of the targets")
    }

    /// The record of the request would find no room.
    pub fn spool_full() -> Self {
        Self::new(503, SPOOL_FULL, "Audit spool full")
            .described("Requests are refused while their audit records cannot be kept")
    }

    /// The body is larger than configured.
    pub fn body_too_large(limit_bytes: u64) -> Self {
        Self::new(413, BODY_TOO_LARGE, "Request body too large")
            .described(format!("Request bodies may have {limit_bytes} bytes"))
    }

    /// The provider did not begin to answer in time.
    pub fn upstream_timeout() -> Self {
        Self::no_answer(504, "The provider did not answer in time")
    }

    /// No connection to the provider, or one that broke before an answer.
    pub fn upstream_unreachable() -> Self {
        Self::no_answer(502, "The provider could not be reached")
    }

    fn no_answer(http: u16, description: &str) -> Self {
        Self::new(http, NO_ANSWER, "Failed to get response from provider").described(description)
    }

    fn new(http: u16, code: u32, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { http, code, description: message.clone(), message }
    }

    fn described(self, description: impl Into<String>) -> Self {
        Self { description: description.into(), ..self }
    }

    /// The body of the answer.
    pub fn to_json(&self) -> String {
        let body = Body {
            success: false,
            result: [],
            messages: [],
            error: [Detail { code: self.code, message: &self.message }],
            name: "AiGatewayError",
            http_code: self.http,
            internal_code: self.code,
            message: &self.message,
            description: &self.description,
        };
        serde_json::to_string(&body).expect("numbers, text and arrays of them are JSON")
    }
}

impl From<&BadHeader> for GatewayError {
    fn from(bad: &BadHeader) -> Self {
        Self::new(400, BAD_HEADER, bad.to_string())
    }
}

impl From<&BadUniversal> for GatewayError {
    fn from(bad: &BadUniversal) -> Self {
        Self::bad_request(bad.to_string())
    }
}

/// Cloudflare's code where the path names no gateway or provider, ours where the rest of it is bad.
impl From<&RouteError> for GatewayError {
    fn from(error: &RouteError) -> Self {
        match error {
            RouteError::NoGateway | RouteError::Account | RouteError::Gateway => {
                Self::unknown_gateway().described(error.to_string())
            }
            RouteError::UnknownProvider => Self::unknown_provider().described(error.to_string()),
            RouteError::TooLong
            | RouteError::Character
            | RouteError::Escape
            | RouteError::EmptySegment
            | RouteError::DotSegment
            | RouteError::Resource
            | RouteError::Deployment
            | RouteError::TwoDeployments
            | RouteError::TooShort => Self::bad_request(error.to_string()),
        }
    }
}

/// The members in Cloudflare's order; `error` is one word there, and an array.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    success: bool,
    result: [(); 0],
    messages: [(); 0],
    error: [Detail<'a>; 1],
    name: &'static str,
    http_code: u16,
    internal_code: u32,
    message: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
struct Detail<'a> {
    code: u32,
    message: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_cloudflares_to_the_byte() {
        let captured = concat!(
            r#"{"success":false,"result":[],"messages":[],"error":[{"code":2003,"message":"Rate limited"}],"#,
            r#""name":"AiGatewayError","httpCode":429,"internalCode":2003,"message":"Rate limited","#,
            r#""description":"Rate limited"}"#
        );
        assert_eq!(GatewayError::rate_limited().to_json(), captured);
    }

    #[test]
    fn text_in_it_is_escaped() {
        let limit = SpendLimit { rule: "a\"b\n", cap: Cap::Tokens(1), window: Duration::from_secs(60), asked: None };
        let json = GatewayError::over_budget(&limit).to_json();
        let body: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(body["message"], "Spend limit exceeded: rule 'a\"b\n' (token limit 1 per 60s, fixed)");
        assert_eq!(body["error"][0]["message"], body["message"]);
    }

    #[test]
    fn each_cause_has_its_status_and_code() {
        let bad_header = BadHeader { header: "cf-aig-backoff", problem: "must be `constant`".into() };
        for (error, http, code, message, description) in [
            (GatewayError::unknown_gateway(), 400, 2001, "No such gateway", "No such gateway"),
            (GatewayError::unknown_provider(), 400, 2008, "Invalid provider", "Invalid provider"),
            (GatewayError::unauthorized(), 401, 2009, "Unauthorized", "Unauthorized"),
            (
                GatewayError::upstream_timeout(),
                504,
                2005,
                "Failed to get response from provider",
                "The provider did not answer in time",
            ),
            (
                GatewayError::upstream_unreachable(),
                502,
                2005,
                "Failed to get response from provider",
                "The provider could not be reached",
            ),
            (
                (&bad_header).into(),
                400,
                90_001,
                "`cf-aig-backoff` must be `constant`",
                "`cf-aig-backoff` must be `constant`",
            ),
            (
                (&BadUniversal::Count).into(),
                400,
                90_002,
                "universal request must have 1 to 10 entries",
                "universal request must have 1 to 10 entries",
            ),
            (
                GatewayError::body_too_large(1_048_576),
                413,
                90_003,
                "Request body too large",
                "Request bodies may have 1048576 bytes",
            ),
            (
                GatewayError::residency(),
                403,
                90_004,
                "Refused by residency rule",
                "The residency rule of this tenant allows none of the targets",
            ),
            (
                GatewayError::spool_full(),
                503,
                90_005,
                "Audit spool full",
                "Requests are refused while their audit records cannot be kept",
            ),
        ] {
            let expected =
                GatewayError { http, code, message: message.to_owned(), description: description.to_owned() };
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn bad_paths_are_told_apart() {
        let of = |error: RouteError| GatewayError::from(&error);
        let gateway = of(RouteError::NoGateway);
        assert_eq!((gateway.http, gateway.code, gateway.message.as_str()), (400, 2001, "No such gateway"));
        assert_eq!(gateway.description, "path must begin with `/v1/{account}/{gateway}`");
        assert_eq!((of(RouteError::UnknownProvider).http, of(RouteError::UnknownProvider).code), (400, 2008));
        assert_eq!((of(RouteError::Resource).http, of(RouteError::Resource).code), (400, 90_002));
    }

    #[test]
    fn budgets_are_told_in_cloudflares_words() {
        let day = Duration::from_secs(86_400);
        for (cap, asked, message) in [
            (
                Cap::Cost(PicoUsd::new(12_500_000_000_000)),
                Some(("azure-openai", "gpt-4o")),
                "Spend limit exceeded: rule 'r1' (cost limit 12.5 per 86400s, fixed) for azure-openai gpt-4o",
            ),
            (
                Cap::Cost(PicoUsd::new(100_000_000_000_000)),
                None,
                "Spend limit exceeded: rule 'r1' (cost limit 100 per 86400s, fixed)",
            ),
            (Cap::Cost(PicoUsd::ZERO), None, "Spend limit exceeded: rule 'r1' (cost limit 0 per 86400s, fixed)"),
            (Cap::Tokens(2_000_000), None, "Spend limit exceeded: rule 'r1' (token limit 2000000 per 86400s, fixed)"),
        ] {
            let error = GatewayError::over_budget(&SpendLimit { rule: "r1", cap, window: day, asked });
            assert_eq!((error.http, error.code, error.message.as_str()), (429, 2045, message));
        }
    }
}
