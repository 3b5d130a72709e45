//! The sections, one small struct each, with their defaults and bounds.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use gatelog_ingest::{IngestOptions, MetadataKeys};
use gatelog_logpush::LineLimits;
use gatelog_objects::StoreOptions;
use gatelog_pricing::DeploymentEntry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CloudflareQueueSection, ConfigError, Secret, SqsSection, secret};

/// A quarter of the shortest grace of `job orphans`: stored files must be committed long before they count as orphans.
const COMMIT_INTERVAL_MAX_SECONDS: u64 = 900;

/// One bucket and how to reach it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BucketSection {
    /// Name of the bucket.
    pub(crate) name: String,
    /// Region; `auto` for R2.
    pub(crate) region: String,
    /// Endpoint URL of R2 or another S3-compatible store; empty for AWS.
    pub(crate) endpoint: String,
    /// Access key id; empty to use the machine's own credentials (profile, container, instance).
    pub(crate) access_key_id: String,
    /// Secret access key; prefer `secret_access_key_file` or the environment.
    pub(crate) secret_access_key: Secret,
    /// File with the secret access key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret_access_key_file: Option<PathBuf>,
}

impl BucketSection {
    /// What `objects` needs to connect.
    pub(crate) fn store_options(&self, key: &'static str) -> Result<StoreOptions, ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::Missing { key, hint: "name the bucket" });
        }
        let secret = secret(key, &self.secret_access_key, self.secret_access_key_file.as_ref())?;
        let mut options = StoreOptions::new(&self.name, if self.region.is_empty() { "auto" } else { &self.region });
        match (self.access_key_id.as_str(), secret) {
            ("", None) => {}
            ("", Some(_)) => {
                return Err(ConfigError::Invalid {
                    key,
                    problem: "has a secret access key but no access_key_id".into(),
                });
            }
            (_, None) => {
                return Err(ConfigError::Invalid {
                    key,
                    problem: "has an access_key_id but no secret access key".into(),
                });
            }
            (id, Some(secret)) => options = options.static_credentials(id, secret.expose()),
        }
        if !self.endpoint.is_empty() {
            options = options.endpoint(&self.endpoint);
        }
        Ok(options)
    }
}

/// Where logs come from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SourceSection {
    /// The bucket.
    pub(crate) bucket: BucketSection,
    /// Prefixes that hold `YYYYMMDD/` folders; the empty prefix is the root of the bucket.
    pub(crate) prefixes: Vec<String>,
    /// An event queue of the bucket, at Cloudflare: objects are found at once, and listing can be slower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cloudflare_queue: Option<CloudflareQueueSection>,
    /// The same at Amazon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sqs: Option<SqsSection>,
}

impl Default for SourceSection {
    fn default() -> Self {
        Self { bucket: BucketSection::default(), prefixes: vec![String::new()], cloudflare_queue: None, sqs: None }
    }
}

/// Where the table goes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LakeSection {
    /// The bucket; may be the source bucket under another prefix.
    pub(crate) bucket: BucketSection,
    /// Prefix of everything the lake writes.
    pub(crate) prefix: String,
}

impl Default for LakeSection {
    fn default() -> Self {
        Self { bucket: BucketSection::default(), prefix: "lake".into() }
    }
}

/// Postgres 15 or newer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DatabaseSection {
    /// `postgres://user:password@host/database`; prefer `url_file` or the environment if it holds a password.
    pub(crate) url: Secret,
    /// File with the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url_file: Option<PathBuf>,
    /// Connections of one process.
    pub(crate) connections_max: u32,
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self { url: Secret::default(), url_file: None, connections_max: 8 }
    }
}

impl DatabaseSection {
    /// Whether there is a database at all; the gateway runs without one.
    pub(crate) fn is_set(&self) -> bool {
        self.url.is_set() || self.url_file.is_some()
    }

    pub(crate) fn url(&self) -> Result<Secret, ConfigError> {
        secret("database.url", &self.url, self.url_file.as_ref())?.ok_or(ConfigError::Missing {
            key: "database.url",
            hint: "set it, `database.url_file` or GATELOG__DATABASE__URL",
        })
    }
}

/// The key ring.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KeysSection {
    /// PEM files with RSA private keys (PKCS#8 or PKCS#1, 2048 to 4096 bit), the newest first. The files are read
    /// again every half minute, and lines that no key opened are retried when they change; a new entry wants a restart.
    pub(crate) private_key_files: Vec<PathBuf>,
}

/// Pace and bounds of the ingest daemon.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IngestSection {
    /// How often recent days are listed, seconds.
    pub(crate) poll_interval_seconds: u64,
    /// Days before today that are listed each time.
    pub(crate) lookback_days: u32,
    /// How often the whole bucket is listed, seconds.
    pub(crate) full_relist_interval_seconds: u64,
    /// Longest time a decoded event waits to become visible, seconds.
    pub(crate) commit_interval_seconds: u64,
    /// Parquet bytes that are committed without waiting.
    pub(crate) commit_bytes: u64,
    /// How long a claim on an object holds without a heartbeat, seconds.
    pub(crate) lease_seconds: u64,
    /// How far back a repeated line is recognised, hours. A whole re-delivered object is recognised at any age.
    pub(crate) duplicate_window_hours: u64,
    /// Objects fetched at once.
    pub(crate) fetch_concurrency: usize,
    /// Compressed bytes held between fetch and decode.
    pub(crate) fetch_memory_bytes: usize,
    /// Threads for decoding and unwrapping keys; 0 takes one per core.
    pub(crate) cpu_threads: usize,
    /// Longest line, bytes.
    pub(crate) line_bytes_max: usize,
    /// Largest object, uncompressed bytes.
    pub(crate) object_bytes_max: u64,
    /// Whether the rollup tells users apart; off keeps it smaller and free of user names.
    pub(crate) rollup_users: bool,
}

impl Default for IngestSection {
    fn default() -> Self {
        let options = IngestOptions::default();
        let limits = LineLimits::default();
        Self {
            poll_interval_seconds: options.poll_interval.as_secs(),
            lookback_days: options.lookback_days,
            full_relist_interval_seconds: options.full_relist_interval.as_secs(),
            commit_interval_seconds: options.commit_interval.as_secs(),
            commit_bytes: options.commit_bytes,
            lease_seconds: options.lease.as_secs(),
            duplicate_window_hours: options.duplicate_window.as_secs() / 3_600,
            fetch_concurrency: options.fetch_concurrency,
            fetch_memory_bytes: options.fetch_memory_bytes,
            cpu_threads: 0,
            line_bytes_max: limits.line_bytes_max,
            object_bytes_max: limits.object_bytes_max,
            rollup_users: options.keep_users,
        }
    }
}

impl IngestSection {
    /// The daemon's options.
    pub(crate) fn options(&self, prefixes: &[String]) -> Result<IngestOptions, ConfigError> {
        let positive = [
            ("ingest.poll_interval_seconds", self.poll_interval_seconds),
            ("ingest.commit_interval_seconds", self.commit_interval_seconds),
            ("ingest.commit_bytes", self.commit_bytes),
            ("ingest.duplicate_window_hours", self.duplicate_window_hours),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Invalid { key, problem: "must be above 0".into() });
        }
        if self.lease_seconds < 3 {
            let problem = "must be at least 3: a heartbeat comes every quarter of it".into();
            return Err(ConfigError::Invalid { key: "ingest.lease_seconds", problem });
        }
        if self.commit_interval_seconds > COMMIT_INTERVAL_MAX_SECONDS {
            let problem =
                format!("must be at most {COMMIT_INTERVAL_MAX_SECONDS}: files that wait longer look like orphans");
            return Err(ConfigError::Invalid { key: "ingest.commit_interval_seconds", problem });
        }
        let defaults = IngestOptions::default();
        Ok(IngestOptions {
            prefixes: prefixes.to_vec(),
            poll_interval: Duration::from_secs(self.poll_interval_seconds),
            lookback_days: self.lookback_days,
            full_relist_interval: Duration::from_secs(self.full_relist_interval_seconds),
            commit_interval: Duration::from_secs(self.commit_interval_seconds),
            commit_bytes: self.commit_bytes,
            lease: Duration::from_secs(self.lease_seconds),
            duplicate_window: Duration::from_secs(self.duplicate_window_hours.saturating_mul(3_600)),
            fetch_concurrency: self.fetch_concurrency,
            fetch_memory_bytes: self.fetch_memory_bytes,
            cpu_threads: if self.cpu_threads == 0 { defaults.cpu_threads } else { self.cpu_threads },
            keep_users: self.rollup_users,
            ..defaults
        })
    }

    /// Bounds of lines and objects.
    pub(crate) fn limits(&self) -> LineLimits {
        LineLimits { line_bytes_max: self.line_bytes_max, object_bytes_max: self.object_bytes_max }
    }
}

/// Which metadata entries have a meaning.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MetadataSection {
    /// Entry that names the tenant.
    pub(crate) tenant_key: String,
    /// Entry that names the user.
    pub(crate) user_key: String,
    /// Entry that names the version of the prompt.
    pub(crate) prompt_version_key: String,
}

impl Default for MetadataSection {
    fn default() -> Self {
        let keys = MetadataKeys::default();
        Self { tenant_key: keys.tenant, user_key: keys.user, prompt_version_key: keys.prompt_version }
    }
}

impl MetadataSection {
    pub(crate) fn keys(&self) -> MetadataKeys {
        MetadataKeys {
            tenant: self.tenant_key.clone(),
            user: self.user_key.clone(),
            prompt_version: self.prompt_version_key.clone(),
        }
    }
}

/// Prices.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PricingSection {
    /// Rate file that replaces the built-in list prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate_file: Option<PathBuf>,
}

/// How a deployment is sold.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeploymentTypeName {
    /// Processed in the resource's region.
    Regional,
    /// Processed in the region's data zone.
    DataZone,
    /// Processed anywhere.
    Global,
    /// Provisioned throughput: never priced by the token.
    Ptu,
}

/// One deployment of one resource.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeploymentSection {
    /// Azure resource, or the provider slug of a provider without resources.
    pub(crate) resource: String,
    /// Deployment name, or the model name of a provider without deployments.
    pub(crate) deployment: String,
    /// Model, as the answer spells it, without its version.
    pub(crate) model: String,
    /// Version, such as `2024-11-20`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// How it is sold.
    #[serde(rename = "type")]
    pub(crate) deployment_type: DeploymentTypeName,
    /// Azure region, such as `southafricanorth`; may be left out where the price is the same everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
}

impl DeploymentSection {
    pub(crate) fn entry(&self) -> DeploymentEntry {
        DeploymentEntry {
            resource: self.resource.clone(),
            deployment: self.deployment.clone(),
            model: self.model.clone(),
            version: self.version.clone(),
            deployment_type: match self.deployment_type {
                DeploymentTypeName::Regional => gatelog_model::DeploymentType::Regional,
                DeploymentTypeName::DataZone => gatelog_model::DeploymentType::DataZone,
                DeploymentTypeName::Global => gatelog_model::DeploymentType::Global,
                DeploymentTypeName::Ptu => gatelog_model::DeploymentType::Ptu,
            },
            region: self.region.clone(),
        }
    }
}

/// How reports count days and months.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReportingSection {
    /// IANA time zone of days and months, whole hours from UTC, such as `Africa/Johannesburg`.
    pub(crate) time_zone: String,
}

impl Default for ReportingSection {
    fn default() -> Self {
        Self { time_zone: "UTC".into() }
    }
}

/// Where metrics and health are served.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StatusSection {
    /// Address and port; loopback unless told otherwise, port 0 takes a free one.
    pub(crate) listen: SocketAddr,
}

impl Default for StatusSection {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9464)) }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormatName {
    /// For people.
    #[default]
    Text,
    /// For collectors.
    Json,
}

/// Log lines on standard error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// Filter, such as `info` or `warn,gatelog_ingest=debug`.
    pub(crate) filter: String,
    /// Form.
    pub(crate) format: LogFormatName,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormatName::Text }
    }
}
