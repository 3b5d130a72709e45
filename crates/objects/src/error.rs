//! What can go wrong with an object, and whether trying again can help.

use std::{error::Error, fmt, time::Duration};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Listing a page of keys.
    List,
    /// Reading an object, its body included.
    Get,
    /// Reading an object's headers.
    Head,
    /// Writing an object.
    Put,
    /// Removing an object.
    Delete,
}

impl Operation {
    /// The verb, for messages and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Get => "get",
            Self::Head => "head",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The cause, as far as a caller tells causes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No such object, or no such bucket.
    NotFound,
    /// The object is not, or no longer, at the expected etag; or is there although it must not be.
    PreconditionFailed,
    /// Wrong credentials or no permission.
    Denied,
    /// The store asks for fewer requests.
    Throttled,
    /// The store failed or could not be reached.
    Unavailable,
    /// No answer within the limit.
    Timeout,
    /// The answer or its body broke off or contradicts itself.
    Broken,
    /// The object is larger than the caller allows.
    TooLarge,
    /// The store does not accept the request: a mistake in it, or a store that lacks the feature.
    Invalid,
}

impl ErrorKind {
    /// The text of messages and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::PreconditionFailed => "precondition failed",
            Self::Denied => "access denied",
            Self::Throttled => "throttled",
            Self::Unavailable => "store unavailable",
            Self::Timeout => "timed out",
            Self::Broken => "broken answer",
            Self::TooLarge => "too large",
            Self::Invalid => "request not accepted",
        }
    }

    /// Whether the same request can succeed later.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Throttled | Self::Unavailable | Self::Timeout | Self::Broken => true,
            Self::NotFound | Self::PreconditionFailed | Self::Denied | Self::TooLarge | Self::Invalid => false,
        }
    }
}

/// An operation on an object that did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} `{key}`: {}{}", .kind.as_str(), .code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default())]
pub struct ObjectError {
    /// What was being done.
    pub operation: Operation,
    /// The object's key; of a listing, its prefix.
    pub key: String,
    /// The cause.
    pub kind: ErrorKind,
    /// The store's own error code, if it sent one.
    pub code: Option<String>,
    /// How long the store asks to wait.
    pub retry_after: Option<Duration>,
    /// The SDK's account of it.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl ObjectError {
    /// Whether the same operation can succeed later.
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }

    pub(crate) fn new(operation: Operation, key: &str, kind: ErrorKind) -> Self {
        Self { operation, key: key.to_owned(), kind, code: None, retry_after: None, source: None }
    }

    pub(crate) fn because(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    pub(crate) fn from_sdk<E>(operation: Operation, key: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
        let retry_after =
            error.raw_response().and_then(|answer| parse_retry_after(answer.headers().get("retry-after")));
        let kind = classify(&error, code.as_deref());
        Self { operation, key: key.to_owned(), kind, code, retry_after, source: Some(Box::new(error)) }
    }
}

/// Longest wait that a store is believed to mean; the retry policy's total bounds it anyway.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(120);

/// Reads the seconds form; the date form is not used by object stores.
fn parse_retry_after(header: Option<&str>) -> Option<Duration> {
    let seconds = header?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

fn classify<E>(error: &SdkError<E, HttpResponse>, code: Option<&str>) -> ErrorKind {
    match error {
        SdkError::TimeoutError(_) => ErrorKind::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => ErrorKind::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_user() => ErrorKind::Invalid,
        SdkError::DispatchFailure(_) => ErrorKind::Unavailable,
        SdkError::ResponseError(_) => ErrorKind::Broken,
        SdkError::ServiceError(answer) => classify_answer(answer.raw().status().as_u16(), code.unwrap_or_default()),
        // `SdkError` is open for more: a request that could not even be built is one of the others.
        _ => ErrorKind::Invalid,
    }
}

/// Codes are looked at first: stores agree on them more than on the status that carries them.
fn classify_answer(status: u16, code: &str) -> ErrorKind {
    match code {
        "SlowDown" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequests" => {
            return ErrorKind::Throttled;
        }
        "RequestTimeout" => return ErrorKind::Timeout,
        "BadDigest" | "IncompleteBody" | "XAmzContentSHA256Mismatch" | "XAmzContentChecksumMismatch" => {
            return ErrorKind::Broken;
        }
        _ => {}
    }
    match status {
        404 => ErrorKind::NotFound,
        304 | 412 => ErrorKind::PreconditionFailed,
        401 | 403 => ErrorKind::Denied,
        408 => ErrorKind::Timeout,
        429 => ErrorKind::Throttled,
        // Another conditional write is under way: afterwards this one is decided.
        409 => ErrorKind::Unavailable,
        501 => ErrorKind::Invalid,
        500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_fall_into_their_class() {
        let table = [
            (404, "NoSuchKey", ErrorKind::NotFound),
            (412, "PreconditionFailed", ErrorKind::PreconditionFailed),
            (403, "SignatureDoesNotMatch", ErrorKind::Denied),
            (503, "SlowDown", ErrorKind::Throttled),
            (400, "RequestTimeout", ErrorKind::Timeout),
            (400, "BadDigest", ErrorKind::Broken),
            (400, "InvalidArgument", ErrorKind::Invalid),
            (409, "ConditionalRequestConflict", ErrorKind::Unavailable),
            (500, "", ErrorKind::Unavailable),
            (501, "NotImplemented", ErrorKind::Invalid),
        ];
        for (status, code, kind) in table {
            assert_eq!(classify_answer(status, code), kind, "{status} {code}");
        }
    }

    #[test]
    fn the_wait_a_store_asks_for_is_bounded() {
        assert_eq!(parse_retry_after(Some("7")), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after(Some("99999999")), Some(RETRY_AFTER_MAX));
        assert_eq!(parse_retry_after(Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
    }

    #[test]
    fn a_message_names_operation_key_cause_and_code() {
        let error = ObjectError::new(Operation::Get, "logs/a.gz", ErrorKind::Throttled);
        assert_eq!(error.to_string(), "cannot get `logs/a.gz`: throttled");
        let error = ObjectError { code: Some("SlowDown".to_owned()), ..error };
        assert_eq!(error.to_string(), "cannot get `logs/a.gz`: throttled (SlowDown)");
    }
}
