//! A job as it is wanted, and as the API tells of it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Destination;

/// How a job's times are written; the only form without loss. It acts on `Datetime`, if the dataset ever has it.
const TIMESTAMP_FORMAT: &str = "rfc3339ns";

/// A job as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// Its name; together with the dataset it is how the job is found again.
    pub name: String,
    /// Where it writes.
    pub destination: Destination,
    /// Every field of the dataset.
    pub fields: BTreeSet<String>,
    /// Longest wait of a record, seconds; 30 to 300.
    pub interval_seconds: u64,
}

/// A job as it is. What the API says besides is not ours to judge.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
    /// What it delivers.
    pub dataset: Option<String>,
    /// Whether it runs. What happens while it does not is never delivered.
    pub enabled: bool,
    /// Where to; a secret.
    pub destination_conf: String,
    /// JSON; an empty text is none.
    pub filter: Option<String>,
    /// What the lines look like.
    pub output_options: Option<OutputOptions>,
    /// Longest wait of a record, seconds.
    pub max_upload_interval_seconds: Option<u64>,
    /// When it last delivered.
    pub last_complete: Option<String>,
    /// When it last failed.
    pub last_error: Option<String>,
    /// Why; empty after a success.
    pub error_message: Option<String>,
}

/// What the lines look like. An absent option has the API's default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct OutputOptions {
    /// Fields of a record.
    pub field_names: BTreeSet<String>,
    /// `ndjson` or `csv`.
    pub output_type: Option<String>,
    /// How times are written.
    pub timestamp_format: Option<String>,
    /// The share of records that is delivered.
    pub sample_rate: Option<f64>,
    /// Rewrites `${` to `x{` in the bytes of the file.
    #[serde(rename = "CVE-2021-44228")]
    pub rewrites: Option<bool>,
    /// Before every file.
    pub batch_prefix: Option<String>,
    /// After every file.
    pub batch_suffix: Option<String>,
    /// Before every record; `{` by default.
    pub record_prefix: Option<String>,
    /// After every record; `}` and a newline by default.
    pub record_suffix: Option<String>,
    /// Between records.
    pub record_delimiter: Option<String>,
    /// Between fields.
    pub field_delimiter: Option<String>,
    /// Another form altogether.
    pub record_template: Option<String>,
}

impl JobSpec {
    /// The body of a request. Options are replaced as a whole, so those that stand nowhere here fall back to their defaults.
    pub(super) fn body(&self, challenge: Option<&str>) -> Map<String, Value> {
        let Value::Object(mut body) = json!({
            "name": self.name,
            "enabled": true,
            "destination_conf": self.destination.expose(),
            "filter": "",
            "max_upload_interval_seconds": self.interval_seconds,
            "output_options": {
                "field_names": self.fields,
                "output_type": "ndjson",
                "timestamp_format": TIMESTAMP_FORMAT,
                "sample_rate": 1,
                "CVE-2021-44228": false,
            },
        }) else {
            unreachable!("the literal above is an object")
        };
        if let Some(challenge) = challenge {
            body.insert("ownership_challenge".to_owned(), json!(challenge));
        }
        body
    }

    /// How times have to be written.
    pub(super) fn timestamp_format(&self) -> &'static str {
        TIMESTAMP_FORMAT
    }
}
