//! How to reach a bucket.

use std::{fmt, time::Duration};

use zeroize::Zeroizing;

use crate::RetryPolicy;

/// A connection that is not there after this long is tried again elsewhere; the SDK's own default is 3.1 s.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Any request whose answer is small, a listing of a thousand keys included, is answered in a second by a store that is
/// well; thirty is what R2 needs on its worst days.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);
/// Slowest upload that is waited for: a PUT may take the attempt limit and a second for each of these, bytes.
const UPLOAD_BYTES_PER_SECOND_MIN: u64 = 1_000_000;

/// Text that `Debug` does not print and that is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// Who signs the requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A key pair.
    Static {
        /// The key's id.
        access_key: String,
        /// The key.
        secret: Secret,
    },
    /// A profile of the shared AWS files.
    Profile(String),
    /// The default chain: environment, shared files, web identity, container, instance.
    Environment,
}

/// Whether the SDK adds its own checksums to uploads and verifies those of downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksums {
    /// [`Checksums::WhenRequired`] as soon as an endpoint is set, else [`Checksums::WhenSupported`].
    #[default]
    Auto,
    /// Only where S3 demands them; uploads carry `Content-MD5` instead. Other stores refuse or mangle the newer headers
    /// (R2 answered 501 in January 2025, Ceph fails on trailers).
    WhenRequired,
    /// On every request that can carry one.
    WhenSupported,
}

/// Limits of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the answer is there; of a GET, until its headers are. A PUT gets more, by its size.
    pub attempt: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: CONNECT_LIMIT, attempt: ATTEMPT_LIMIT }
    }
}

impl Timeouts {
    /// The limit of one upload.
    pub(crate) fn upload(&self, size_bytes: usize) -> Duration {
        let size_bytes = u64::try_from(size_bytes).unwrap_or(u64::MAX);
        self.attempt + Duration::from_secs(size_bytes / UPLOAD_BYTES_PER_SECOND_MIN)
    }
}

/// One bucket and how to reach it.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The bucket's name.
    pub bucket: String,
    /// Its region; `auto` on R2.
    pub region: String,
    /// Base URL of a store other than AWS, such as `https://ACCOUNT.r2.cloudflarestorage.com`.
    pub endpoint: Option<String>,
    /// Whether the bucket is the first part of the path; `None` means yes as soon as an endpoint is set.
    pub path_style: Option<bool>,
    /// Who signs.
    pub credentials: Credentials,
    /// Which checksums are used.
    pub checksums: Checksums,
    /// Limits of one attempt.
    pub timeouts: Timeouts,
    /// How a failed request is tried again.
    pub retry: RetryPolicy,
}

impl StoreOptions {
    /// A bucket with the usual limits and retries, reached with the default chain of credentials.
    pub fn new(bucket: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            region: region.into(),
            endpoint: None,
            path_style: None,
            credentials: Credentials::Environment,
            checksums: Checksums::Auto,
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
        }
    }

    /// At this base URL.
    #[must_use]
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        Self { endpoint: Some(endpoint.into()), ..self }
    }

    /// Signed with this key pair.
    #[must_use]
    pub fn static_credentials(self, access_key: impl Into<String>, secret: impl Into<String>) -> Self {
        let credentials = Credentials::Static { access_key: access_key.into(), secret: Secret::new(secret) };
        Self { credentials, ..self }
    }

    /// With this retry policy.
    #[must_use]
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    pub(crate) fn is_path_style(&self) -> bool {
        self.path_style.unwrap_or(self.endpoint.is_some())
    }

    pub(crate) fn adds_checksums(&self) -> bool {
        match self.checksums {
            Checksums::Auto => self.endpoint.is_none(),
            Checksums::WhenRequired => false,
            Checksums::WhenSupported => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_turns_path_style_on_and_new_checksums_off() {
        let aws = StoreOptions::new("b", "eu-west-1");
        assert!(!aws.is_path_style() && aws.adds_checksums());
        let r2 = aws.endpoint("https://a.r2.cloudflarestorage.com");
        assert!(r2.is_path_style() && !r2.adds_checksums());
    }

    #[test]
    fn a_secret_is_not_printed() {
        let options = StoreOptions::new("b", "auto").static_credentials("AK", "hunter2");
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn an_upload_gets_time_by_its_size() {
        assert_eq!(Timeouts::default().upload(128_000_000), Duration::from_secs(30 + 128));
    }
}
