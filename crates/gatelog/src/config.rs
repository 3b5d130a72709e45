//! `gatelog.toml`: what can be configured, where it is looked for, and how its errors read.
//!
//! The file is parsed strictly first, so that an error shows file, line and what is allowed. Then environment variables
//! `GATELOG__SECTION__KEY` replace single leaves.

mod budgets;
mod cloudflare;
mod env;
mod gateway;
mod sections;
mod traces;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use budgets::{BudgetEntry, BudgetsSection, PeriodName, StoreDown, UnitName};
pub(crate) use cloudflare::{CloudflareQueueSection, CloudflareSection, LogpushSection, SqsSection};
pub(crate) use gateway::{AuditSection, GatewaySection, TlsSection};
pub(crate) use sections::{
    BucketSection, DatabaseSection, DeploymentSection, DeploymentTypeName, IngestSection, KeysSection, LakeSection,
    LogFormatName, LogSection, MetadataSection, PricingSection, ReportingSection, SourceSection, StatusSection,
};
pub(crate) use traces::TracesSection;

/// Name of the file looked for in the working directory when none is given.
pub(crate) const DEFAULT_FILE: &str = "gatelog.toml";
/// What an override of one leaf starts with.
pub(crate) const ENV_PREFIX: &str = "GATELOG__";

/// The whole configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Account of the gateways whose logs are read; stored with every event, as no record names it.
    pub(crate) account_id: String,
    /// The bucket that Logpush or the gateway writes to.
    pub(crate) source: SourceSection,
    /// Cloudflare's API, for `gatelog logpush` and `source.cloudflare_queue`.
    pub(crate) cloudflare: CloudflareSection,
    /// The Logpush job that fills the source bucket.
    pub(crate) logpush: LogpushSection,
    /// Where the table lies.
    pub(crate) lake: LakeSection,
    /// Postgres: ledger, rollup and table pointer.
    pub(crate) database: DatabaseSection,
    /// Private keys that open the logs.
    pub(crate) keys: KeysSection,
    /// Pace and bounds of the ingest daemon.
    pub(crate) ingest: IngestSection,
    /// Which entries of `cf-aig-metadata` have a meaning.
    pub(crate) metadata: MetadataSection,
    /// Prices.
    pub(crate) pricing: PricingSection,
    /// What is deployed under which name; decides the price.
    pub(crate) deployments: Vec<DeploymentSection>,
    /// The proxy in front of the providers.
    pub(crate) gateway: GatewaySection,
    /// What tenants may use, besides the budgets in the database.
    pub(crate) budgets: BudgetsSection,
    /// How reports count days and months.
    pub(crate) reporting: ReportingSection,
    /// `/metrics`, `/healthz` and `/readyz`.
    pub(crate) status: StatusSection,
    /// Spans of the gateway's requests, for an OTLP collector; off by default.
    pub(crate) traces: TracesSection,
    /// Log lines on standard error.
    pub(crate) log: LogSection,
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read config file `{}`; name one with --config or GATELOG_CONFIG", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The message of `toml` shows line, column and the allowed names.
    #[error("config file `{}` is not valid\n{message}", path.display())]
    Parse { path: PathBuf, message: String },
    #[error("environment variable `{name}` {problem}")]
    Override { name: String, problem: String },
    #[error("cannot read the secret `{key}` from file `{}`", path.display())]
    SecretFile {
        key: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{key}` is required: {hint}")]
    Missing { key: &'static str, hint: &'static str },
    #[error("`{key}` {problem}")]
    Invalid { key: &'static str, problem: String },
}

impl Config {
    /// Reads `path`, or [`DEFAULT_FILE`] if it exists, or nothing; then applies the overrides.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first problem of the file, then of the overrides.
    pub(crate) fn load(path: Option<&Path>, overrides: &[(String, String)]) -> Result<Self, ConfigError> {
        let default = Path::new(DEFAULT_FILE);
        let path = path.or_else(|| default.exists().then_some(default));
        let text = match path {
            Some(path) => {
                fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?
            }
            None => String::new(),
        };
        let config: Self = toml::from_str(&text).map_err(|error| ConfigError::Parse {
            path: path.unwrap_or(default).to_owned(),
            message: error.to_string(),
        })?;
        env::apply(config, overrides)
    }

    /// The JSON Schema of the file.
    pub(crate) fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).into()
    }
}

/// Text that is never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    fn is_set(&self) -> bool {
        !self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "Secret(set)" } else { "Secret(unset)" })
    }
}

/// Takes a secret from its value or its file; `None` when neither is set.
fn secret(key: &'static str, value: &Secret, file: Option<&PathBuf>) -> Result<Option<Secret>, ConfigError> {
    if value.is_set() {
        return Ok(Some(value.clone()));
    }
    let Some(path) = file else { return Ok(None) };
    let text =
        fs::read_to_string(path).map_err(|source| ConfigError::SecretFile { key, path: path.clone(), source })?;
    Ok(Some(Secret::new(text.trim_end().to_owned())))
}

#[cfg(test)]
mod tests;
