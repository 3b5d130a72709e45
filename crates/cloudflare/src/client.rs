//! One request and its answer, in the form that all of the API shares.

use std::{fmt, time::Duration};

use gatelog_runtime::{client_tls, client_tls_for_nobody};
use reqwest::{Method, StatusCode, redirect::Policy};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::ApiAddress;

/// The API answers in a second or two; half a minute is a bad day.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// A connection that is not there by then will not come.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest answer that is read. A hundred messages of a queue, 128 kB each in base64, are 17 MB; nothing else is near.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// A client of one account.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: ApiAddress,
    account: String,
    token: Zeroizing<String>,
}

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It goes into every path.
    #[error("the account id is empty or has other characters than letters, digits, `-` and `_`")]
    Account,
    /// No HTTPS.
    #[error("cannot set up the HTTPS client: are there CA certificates on this machine?")]
    Tls(#[source] std::io::Error),
    /// No HTTP.
    #[error("cannot set up the HTTP client")]
    Http(#[source] reqwest::Error),
}

/// The API did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer.
    #[error("cannot reach the Cloudflare API to {action}")]
    Unreachable {
        /// What was being attempted.
        action: &'static str,
        /// Why; without the address, whose query could hold a secret.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that says no.
    #[error("the Cloudflare API refused to {action}: {refusal}")]
    Refused {
        /// What was being attempted.
        action: &'static str,
        /// What it said.
        refusal: Refusal,
    },
    /// An answer in another form than documented.
    #[error("cannot read what the Cloudflare API answered to {action}: {problem}")]
    Unreadable {
        /// What was being attempted.
        action: &'static str,
        /// What is wrong with it, without its text.
        problem: String,
    },
}

impl ApiError {
    /// The same without secrets: a refusal may repeat what it refuses.
    pub(crate) fn without(self, hide: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Refused { action, refusal } => {
                let errors = refusal.errors.iter().map(|error| hide(error)).collect();
                Self::Refused { action, refusal: Refusal { errors, ..refusal } }
            }
            other => other,
        }
    }
}

/// What a refusal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `code: message` of each error.
    pub errors: Vec<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        for error in &self.errors {
            write!(f, ", {error}")?;
        }
        match self.status {
            401 | 403 => f.write_str(" (is the API token right, and may it do this in this account?)"),
            429 => f.write_str(" (too many requests: try again in five minutes)"),
            _ => Ok(()),
        }
    }
}

/// The envelope of every answer.
#[derive(Deserialize)]
struct Envelope<T> {
    #[serde(default)]
    success: bool,
    errors: Option<Vec<ErrorEntry>>,
    result: Option<T>,
    result_info: Option<ResultInfo>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    code: Option<i64>,
    message: Option<String>,
}

/// Of lists in pages. None that is asked for has any today.
#[derive(Deserialize)]
struct ResultInfo {
    total_pages: Option<u64>,
}

impl Client {
    /// `token` is an API token with the permissions that the calls need.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn new(address: ApiAddress, account: &str, token: &str) -> Result<Self, ClientError> {
        let is_id = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if account.is_empty() || !is_id(account) {
            return Err(ClientError::Account);
        }
        let tls = if address.is_https() { client_tls() } else { client_tls_for_nobody() };
        let tls = tls.map_err(ClientError::Tls)?;
        let mut http = reqwest::Client::builder()
            .use_preconfigured_tls(tls)
            .user_agent(concat!("gatelog/", env!("CARGO_PKG_VERSION")))
            .timeout(REQUEST_LIMIT)
            .connect_timeout(CONNECT_LIMIT)
            // The token stays where it was sent.
            .redirect(Policy::none());
        if address.is_loopback() {
            http = http.no_proxy();
        }
        let http = http.build().map_err(ClientError::Http)?;
        Ok(Self { http, address, account: account.to_owned(), token: Zeroizing::new(token.to_owned()) })
    }

    /// The account.
    pub fn account(&self) -> &str {
        &self.account
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, action: &'static str, path: &str) -> Result<T, ApiError> {
        self.result(action, Method::GET, path, None::<&()>).await
    }

    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        action: &'static str,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        self.result(action, method, path, Some(body)).await
    }

    /// Deletes; the answer has nothing to say but yes.
    pub(crate) async fn delete(&self, action: &'static str, path: &str) -> Result<(), ApiError> {
        self.ask::<serde_json::Value>(action, Method::DELETE, path, None::<&()>).await?;
        Ok(())
    }

    /// Posts; the answer has nothing to say but yes.
    pub(crate) async fn post(&self, action: &'static str, path: &str, body: &impl Serialize) -> Result<(), ApiError> {
        self.ask::<serde_json::Value>(action, Method::POST, path, Some(body)).await?;
        Ok(())
    }

    async fn result<T: DeserializeOwned>(
        &self,
        action: &'static str,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ApiError> {
        let answer = self.ask(action, method, path, body).await?;
        answer.ok_or_else(|| ApiError::Unreadable { action, problem: "it has no `result`".to_owned() })
    }

    /// `path` is below the account and starts with a slash.
    async fn ask<T: DeserializeOwned>(
        &self,
        action: &'static str,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Option<T>, ApiError> {
        let address = self.address.join(&format!("/accounts/{}{path}", self.account));
        let mut request = self.http.request(method, address).bearer_auth(self.token.as_str());
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |source: reqwest::Error| ApiError::Unreachable { action, source: source.without_url() };
        let mut answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if text.len() + chunk.len() > ANSWER_BYTES_MAX {
                let problem = format!("it is longer than {ANSWER_BYTES_MAX} bytes");
                return Err(ApiError::Unreadable { action, problem });
            }
            text.extend_from_slice(&chunk);
        }
        read(action, status, &text)
    }
}

/// An answer's `result`, or what it says instead.
fn read<T: DeserializeOwned>(action: &'static str, status: StatusCode, text: &[u8]) -> Result<Option<T>, ApiError> {
    // A refusal's `result` may have any form, and an error page of a proxy is no JSON at all.
    let is_success = status.is_success();
    let text_of =
        |error: ErrorEntry| format!("{}: {}", error.code.unwrap_or_default(), error.message.unwrap_or_default());
    let refused = |errors: Option<Vec<ErrorEntry>>| ApiError::Refused {
        action,
        refusal: Refusal {
            status: status.as_u16(),
            errors: errors.unwrap_or_default().into_iter().map(text_of).collect(),
        },
    };
    if !is_success {
        let envelope = serde_json::from_slice::<Envelope<serde_json::Value>>(text);
        return Err(refused(envelope.ok().and_then(|envelope| envelope.errors)));
    }
    let envelope: Envelope<T> =
        serde_json::from_slice(text).map_err(|error| ApiError::Unreadable { action, problem: without_text(&error) })?;
    if !envelope.success {
        return Err(refused(envelope.errors));
    }
    // Half a list would be taken for the whole.
    if envelope.result_info.and_then(|info| info.total_pages).is_some_and(|pages| pages > 1) {
        return Err(ApiError::Unreadable { action, problem: "it has more than one page".to_owned() });
    }
    Ok(envelope.result)
}

/// Where JSON is wrong, without what stands there: an answer may hold credentials.
fn without_text(error: &serde_json::Error) -> String {
    format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column())
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).field("account", &self.account).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_result_or_says_why_not() {
        let read = |status: u16, text: &str| {
            read::<u32>("count", StatusCode::from_u16(status).unwrap(), text.as_bytes())
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(200, r#"{"success":true,"errors":[],"messages":[],"result":7}"#), Ok(Some(7)));
        assert_eq!(read(200, r#"{"success":true,"result":null}"#), Ok(None));
        assert_eq!(
            read(200, r#"{"success":true,"errors":null,"result":7,"result_info":{"total_pages":1}}"#),
            Ok(Some(7))
        );
        let cases = [
            (
                400,
                r#"{"success":false,"errors":[{"code":1002,"message":"exceeded max jobs allowed"}],"result":null}"#,
                "the Cloudflare API refused to count: HTTP 400, 1002: exceeded max jobs allowed",
            ),
            (
                200,
                r#"{"success":true,"result":7,"result_info":{"total_pages":2}}"#,
                "cannot read what the Cloudflare API answered to count: it has more than one page",
            ),
            (200, r#"{"success":false}"#, "the Cloudflare API refused to count: HTTP 200"),
            (502, "<html>", "the Cloudflare API refused to count: HTTP 502"),
            (
                403,
                r#"{"errors":[{"code":10000,"message":"Authentication error"}],"result":"x"}"#,
                "the Cloudflare API refused to count: HTTP 403, 10000: Authentication error (is the API token right, and may it do this in this account?)",
            ),
            (
                200,
                r#"{"success":true,"result":"secret"}"#,
                "cannot read what the Cloudflare API answered to count: Data error at line 1 column 33",
            ),
        ];
        for (status, text, message) in cases {
            assert_eq!(read(status, text), Err(message.to_owned()));
        }
    }

    #[test]
    fn an_account_cannot_leave_its_place_in_the_path() {
        let address = ApiAddress::parse("http://127.0.0.1:1").unwrap();
        for account in ["", "a/b", "..%2f", "a b"] {
            assert!(matches!(Client::new(address.clone(), account, "t"), Err(ClientError::Account)), "{account}");
        }
        assert!(!format!("{:?}", Client::new(address, "acct", "s3cret").unwrap()).contains("s3cret"));
    }
}
