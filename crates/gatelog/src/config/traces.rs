//! The section of traces.

use std::{collections::HashMap, path::PathBuf};

use gatelog_traces::TraceOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Secret, secret};

/// Spans of the gateway's requests, sent to an OTLP collector as JSON over HTTP.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TracesSection {
    /// Address of the collector with its path, such as `http://127.0.0.1:4318/v1/traces`; empty sends nothing.
    pub(crate) endpoint: String,
    /// Share of requests that are sent, 0 to 1, where the caller's `traceparent` does not decide.
    pub(crate) sample_ratio: f64,
    /// `service.name` of the spans.
    pub(crate) service_name: String,
    /// Header `authorization` for the collector; a secret.
    pub(crate) authorization: Secret,
    /// File with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authorization_file: Option<PathBuf>,
}

impl Default for TracesSection {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            sample_ratio: 1.0,
            service_name: "gatelog".to_owned(),
            authorization: Secret::default(),
            authorization_file: None,
        }
    }
}

impl TracesSection {
    /// Where spans go; `None` if nowhere.
    pub(crate) fn options(&self) -> Result<Option<TraceOptions>, ConfigError> {
        if self.endpoint.is_empty() {
            return Ok(None);
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return Err(ConfigError::Invalid { key: "traces.sample_ratio", problem: "must be 0 to 1".to_owned() });
        }
        let authorization = secret("traces.authorization", &self.authorization, self.authorization_file.as_ref())?;
        let headers = authorization.map(|value| ("authorization".to_owned(), value.expose().to_owned()));
        Ok(Some(TraceOptions {
            endpoint: self.endpoint.clone(),
            headers: headers.into_iter().collect::<HashMap<_, _>>(),
            sample_ratio: self.sample_ratio,
            service_name: self.service_name.clone(),
        }))
    }
}
