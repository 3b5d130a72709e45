//! The sections about Cloudflare's API, and about queues that say what the source bucket got.

use std::path::PathBuf;

use gatelog_cloudflare::{
    ApiAddress, Client,
    logpush::{Destination, KeyPair, Place},
};
use gatelog_triggers::{SqsKeys, SqsOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BucketSection, Config, ConfigError, Secret, secret};

/// Stands for no endpoint at all, where an empty text stands for that of the reader.
const AWS: &str = "aws";

/// Cloudflare's API, in the account `account_id`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CloudflareSection {
    /// Where the API is.
    pub(crate) api_url: String,
    /// API token; prefer `api_token_file` or the environment. `gatelog logpush` needs Logs Edit, a queue needs Queues Edit.
    pub(crate) api_token: Secret,
    /// File with the API token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_token_file: Option<PathBuf>,
}

impl Default for CloudflareSection {
    fn default() -> Self {
        Self { api_url: ApiAddress::CLOUDFLARE.to_owned(), api_token: Secret::default(), api_token_file: None }
    }
}

/// The Logpush job that fills the source bucket, for `gatelog logpush`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogpushSection {
    /// Name of the job; with the dataset it is how the job is found again.
    pub(crate) job_name: String,
    /// Endpoint at which Logpush reaches the bucket, if another than `source.bucket.endpoint`; `aws` for a bucket of AWS that
    /// is read through an endpoint.
    pub(crate) endpoint: String,
    /// Longest wait of a record before it is delivered, seconds; 30 to 300.
    pub(crate) interval_seconds: u64,
    /// Id of the access key that the job writes with; not for AWS, whose bucket policy lets Logpush in.
    pub(crate) access_key_id: String,
    /// Its secret; prefer `secret_access_key_file` or the environment.
    pub(crate) secret_access_key: Secret,
    /// File with the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret_access_key_file: Option<PathBuf>,
}

impl Default for LogpushSection {
    fn default() -> Self {
        Self {
            job_name: "gatelog".to_owned(),
            endpoint: String::new(),
            interval_seconds: 30,
            access_key_id: String::new(),
            secret_access_key: Secret::default(),
            secret_access_key_file: None,
        }
    }
}

/// An event queue of Cloudflare with an HTTP pull consumer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloudflareQueueSection {
    /// Id of the queue.
    pub(crate) queue_id: String,
}

/// An event queue of Amazon SQS.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqsSection {
    /// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`.
    pub(crate) queue_url: String,
    /// Region of the queue.
    pub(crate) region: String,
    /// Endpoint URL of another service that speaks SQS; empty for AWS.
    #[serde(default)]
    pub(crate) endpoint: String,
    /// Access key id; empty to use the machine's own credentials (profile, container, instance).
    #[serde(default)]
    pub(crate) access_key_id: String,
    /// Secret access key; prefer `secret_access_key_file` or the environment.
    #[serde(default)]
    pub(crate) secret_access_key: Secret,
    /// File with the secret access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret_access_key_file: Option<PathBuf>,
}

impl CloudflareSection {
    /// A client of `account`.
    pub(crate) fn client(&self, account: &str) -> Result<Client, ConfigError> {
        let address = ApiAddress::parse(&self.api_url)
            .map_err(|error| ConfigError::Invalid { key: "cloudflare.api_url", problem: error.to_string() })?;
        let token = secret("cloudflare.api_token", &self.api_token, self.api_token_file.as_ref())?;
        let token = token.ok_or(ConfigError::Missing {
            key: "cloudflare.api_token",
            hint: "set `cloudflare.api_token_file` or GATELOG__CLOUDFLARE__API_TOKEN",
        })?;
        Client::new(address, account, token.expose())
            .map_err(|error| ConfigError::Invalid { key: "account_id", problem: format!("cannot be used: {error}") })
    }
}

impl LogpushSection {
    /// Where the job has to write, from where it is read.
    pub(crate) fn destination(&self, config: &Config) -> Result<Destination, ConfigError> {
        let BucketSection { name, region, endpoint, .. } = &config.source.bucket;
        if name.is_empty() {
            return Err(ConfigError::Missing { key: "source.bucket", hint: "name the bucket" });
        }
        let [prefix] = config.source.prefixes.as_slice() else {
            let problem = "must be one prefix: it is where the job writes".to_owned();
            return Err(ConfigError::Invalid { key: "source.prefixes", problem });
        };
        let key = "logpush.secret_access_key";
        let secret = secret(key, &self.secret_access_key, self.secret_access_key_file.as_ref())?;
        let keys = match (self.access_key_id.as_str(), &secret) {
            ("", None) => None,
            (id, Some(secret)) if !id.is_empty() => Some(KeyPair { id, secret: secret.expose() }),
            _ => {
                let problem = "and `logpush.access_key_id` go together: set both or neither".to_owned();
                return Err(ConfigError::Invalid { key, problem });
            }
        };
        let endpoint = match self.endpoint.as_str() {
            "" => endpoint,
            AWS => "",
            other => other,
        };
        Destination::new(Place { bucket: name, region, endpoint, prefix }, keys)
            .map_err(|error| ConfigError::Invalid { key: "logpush", problem: format!("cannot be used: {error}") })
    }

    /// The wait, within what the API takes.
    pub(crate) fn interval(&self) -> Result<u64, ConfigError> {
        if (30..=300).contains(&self.interval_seconds) {
            return Ok(self.interval_seconds);
        }
        Err(ConfigError::Invalid { key: "logpush.interval_seconds", problem: "must be 30 to 300".to_owned() })
    }
}

impl CloudflareQueueSection {
    /// The id; it goes into a path.
    pub(crate) fn id(&self) -> Result<&str, ConfigError> {
        let is_id = !self.queue_id.is_empty() && self.queue_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let problem = || "must be the queue's id, 32 hexadecimal digits, and not its name".to_owned();
        is_id
            .then_some(self.queue_id.as_str())
            .ok_or_else(|| ConfigError::Invalid { key: "source.cloudflare_queue.queue_id", problem: problem() })
    }
}

impl SqsSection {
    pub(crate) fn options(&self) -> Result<SqsOptions, ConfigError> {
        let key = "source.sqs.secret_access_key";
        let secret = secret(key, &self.secret_access_key, self.secret_access_key_file.as_ref())?;
        let keys = match (self.access_key_id.as_str(), secret) {
            ("", None) => None,
            (id, Some(secret)) if !id.is_empty() => {
                Some(SqsKeys { id: id.to_owned(), secret: secret.expose().to_owned() })
            }
            _ => {
                let problem = "and `source.sqs.access_key_id` go together: set both or neither".to_owned();
                return Err(ConfigError::Invalid { key, problem });
            }
        };
        let endpoint = (!self.endpoint.is_empty()).then(|| self.endpoint.clone());
        Ok(SqsOptions { queue_url: self.queue_url.clone(), region: self.region.clone(), endpoint, keys })
    }
}
