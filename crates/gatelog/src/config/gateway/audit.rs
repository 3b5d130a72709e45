//! The section of the audit log.

use std::{path::PathBuf, time::Duration};

use gatelog_gateway::{GatewayOptions, StreamForm};
use gatelog_spool::{Audit, OnFull, SpoolOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, invalid};

/// Largest body in a record: three fields of it, sealed, stay under the longest line that ingest reads.
pub(super) const LOG_BODY_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Cloudflare ships at least every five minutes; what waits longer is missing for too long.
const SHIP_INTERVAL_MAX_SECONDS: u64 = 300;

/// When an answer may end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditMode {
    /// Once its record is written to the spool; a crash of the machine may lose the last moments.
    Relaxed,
    /// Once its record is on disk; an answer whose record cannot be written fails.
    Strict,
}

/// How records have streamed answers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StreamedAnswers {
    /// As the API answers without `stream`, where that loses nothing but framing; size and digest of the stream are noted.
    Assembled,
    /// The frames, byte for byte.
    AsSent,
}

impl StreamedAnswers {
    pub(super) fn form(self) -> StreamForm {
        match self {
            Self::Assembled => StreamForm::Assembled,
            Self::AsSent => StreamForm::AsSent,
        }
    }
}

/// What a full spool does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnSpoolFull {
    /// New requests are refused with 503.
    Refuse,
    /// Records are dropped and counted.
    Drop,
}

/// The audit log. It goes to `source.bucket`, under the first of `source.prefixes`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuditSection {
    /// PEM file with the RSA public key that prompts, answers and metadata are sealed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_key_file: Option<PathBuf>,
    /// Allows running without a public key: prompts then lie in the spool and the bucket in clear.
    pub(crate) allow_unsealed: bool,
    /// When an answer may end.
    pub(crate) mode: AuditMode,
    /// Largest text of one body in a record, bytes; the rest is cut, its size and digest are noted.
    pub(crate) body_bytes_max: usize,
    /// How records have streamed answers.
    pub(crate) streamed_answers: StreamedAnswers,
    /// Folder of the spool, for this process alone.
    pub(crate) spool_folder: PathBuf,
    /// Most bytes in the spool.
    pub(crate) spool_bytes_max: u64,
    /// What happens beyond that.
    pub(crate) on_spool_full: OnSpoolFull,
    /// Longest time a record waits to be shipped, seconds.
    pub(crate) ship_interval_seconds: u64,
    /// Text bytes of one object, at most.
    pub(crate) max_upload_bytes: u64,
    /// Records of one object, at most.
    pub(crate) max_upload_records: u64,
}

impl Default for AuditSection {
    fn default() -> Self {
        let options = SpoolOptions::new(PathBuf::new());
        Self {
            public_key_file: None,
            allow_unsealed: false,
            mode: AuditMode::Relaxed,
            body_bytes_max: GatewayOptions::default().log_body_bytes_max,
            streamed_answers: StreamedAnswers::Assembled,
            spool_folder: PathBuf::from("spool"),
            spool_bytes_max: options.spool_bytes_max,
            on_spool_full: OnSpoolFull::Refuse,
            ship_interval_seconds: options.segment_age_max.as_secs(),
            max_upload_bytes: options.segment_bytes_max,
            max_upload_records: options.segment_records_max,
        }
    }
}

impl AuditSection {
    /// The spool's options; `prefix` is where the objects go.
    pub(crate) fn spool_options(&self, prefix: &str) -> Result<SpoolOptions, ConfigError> {
        if !(1..=SHIP_INTERVAL_MAX_SECONDS).contains(&self.ship_interval_seconds) {
            let problem = format!("must be 1 to {SHIP_INTERVAL_MAX_SECONDS}");
            return Err(invalid("gateway.audit.ship_interval_seconds", problem));
        }
        let mut options = SpoolOptions::new(self.spool_folder.clone());
        options.prefix = prefix.to_owned();
        options.segment_bytes_max = self.max_upload_bytes;
        options.segment_records_max = self.max_upload_records;
        options.segment_age_max = Duration::from_secs(self.ship_interval_seconds);
        options.spool_bytes_max = self.spool_bytes_max;
        options.audit = match self.mode {
            AuditMode::Relaxed => Audit::Relaxed,
            AuditMode::Strict => Audit::Strict,
        };
        options.on_full = match self.on_spool_full {
            OnSpoolFull::Refuse => OnFull::Refuse,
            OnSpoolFull::Drop => OnFull::Drop,
        };
        Ok(options)
    }
}
