//! A job as it is wanted, and as the API tells of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
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

/// A job as it is. Members that are null count as absent.
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
    #[serde(deserialize_with = "or_default")]
    pub enabled: bool,
    /// Where to; a secret.
    #[serde(deserialize_with = "or_default")]
    pub destination_conf: String,
    /// JSON; an empty text is none.
    pub filter: Option<String>,
    /// What the lines look like.
    #[serde(deserialize_with = "or_default")]
    pub output_options: OutputOptions,
    /// Longest wait of a record, seconds.
    pub max_upload_interval_seconds: Option<u64>,
    /// When it last delivered.
    pub last_complete: Option<String>,
    /// When it last failed.
    pub last_error: Option<String>,
    /// Why; empty after a success.
    pub error_message: Option<String>,
    /// Whatever else the API says.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// What the lines look like. An absent option has the API's default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct OutputOptions {
    /// Fields of a record.
    #[serde(deserialize_with = "or_default")]
    pub field_names: BTreeSet<String>,
    /// How times are written.
    pub timestamp_format: Option<String>,
    /// The share of records that is delivered.
    pub sample_rate: Option<f64>,
    /// Rewrites `${` to `x{` in the bytes of the file.
    #[serde(rename = "CVE-2021-44228")]
    pub rewrites: Option<bool>,
    /// The texts of [`TEXT_OPTIONS`], and whatever else the API says.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Options that are texts, each with what it may be besides absent and empty: the default of NDJSON.
pub(super) const TEXT_OPTIONS: [(&str, &str); 8] = [
    ("output_type", "ndjson"),
    ("batch_prefix", ""),
    ("batch_suffix", ""),
    ("record_prefix", "{"),
    ("record_suffix", "}\n"),
    ("record_delimiter", ""),
    ("field_delimiter", ","),
    ("record_template", ""),
];
/// Members of a job that change neither which records are delivered nor their bytes: the batching, what is deprecated, and what
/// is of another dataset.
const HARMLESS: [&str; 7] = [
    "frequency",
    "kind",
    "logpull_options",
    "max_upload_bytes",
    "max_upload_records",
    "ownership_challenge",
    "merge_subrequests",
];

impl OutputOptions {
    /// A text option; empty if absent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.others.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Job {
    /// Settings that nobody here knows, so nobody can say that the log is whole with them.
    pub fn unknown_settings(&self) -> Vec<String> {
        let of = |prefix: &'static str, others: &BTreeMap<String, Value>| {
            let is_set = |value: &Value| !matches!(value, Value::Null | Value::Bool(false)) && *value != json!("");
            let is_known =
                |name: &str| HARMLESS.contains(&name) || TEXT_OPTIONS.iter().any(|(option, _)| *option == name);
            let unknown = others.iter().filter(|(name, value)| is_set(value) && !is_known(name));
            unknown.map(|(name, _)| format!("{prefix}{name}")).collect::<Vec<_>>()
        };
        [of("", &self.others), of("output_options.", &self.output_options.others)].concat()
    }
}

impl JobSpec {
    /// The body of a request. Text options that stand otherwise in `there` are sent with their defaults: whether the API
    /// replaces options as a whole is not documented.
    pub(super) fn body(&self, there: Option<&OutputOptions>, challenge: Option<&str>) -> Map<String, Value> {
        let mut options = Map::new();
        for (name, default) in TEXT_OPTIONS {
            let is_other = there.is_some_and(|there| !["", default].contains(&there.text(name)));
            if is_other || name == "output_type" {
                options.insert(name.to_owned(), json!(default));
            }
        }
        options.insert("field_names".to_owned(), json!(self.fields));
        options.insert("timestamp_format".to_owned(), json!(TIMESTAMP_FORMAT));
        options.insert("sample_rate".to_owned(), json!(1));
        options.insert("CVE-2021-44228".to_owned(), json!(false));
        let members = [
            ("name", json!(self.name)),
            ("enabled", json!(true)),
            ("destination_conf", json!(self.destination.expose())),
            ("filter", json!("")),
            ("max_upload_interval_seconds", json!(self.interval_seconds)),
            ("output_options", Value::Object(options)),
        ];
        let challenge = challenge.map(|token| ("ownership_challenge", json!(token)));
        members.into_iter().chain(challenge).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// How times have to be written.
    pub(super) fn timestamp_format(&self) -> &'static str {
        TIMESTAMP_FORMAT
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}
