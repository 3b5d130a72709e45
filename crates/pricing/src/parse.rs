//! The rate file: one row per dated price, read strictly.

use chrono::{NaiveDate, NaiveTime};
use gatelog_model::{DeploymentType, PicoUsd, TimestampMicros};
use serde::{Deserialize, Deserializer, de};

use crate::{Context, Mode, PRICE_MAX, RateKind};

/// Longest name of a rate; every priced event stores it.
const RATE_ID_BYTES_MAX: usize = 100;

/// A rate file that cannot be used; no part of it is.
#[derive(Debug, thiserror::Error)]
pub enum RateFileError {
    /// A row is no CSV, lacks a column, has one too many, or a value of the wrong kind.
    #[error("cannot read line {line} of the rate file")]
    Row {
        /// Line in the file, from 1.
        line: u64,
        /// What the reader says.
        #[source]
        source: csv::Error,
    },
    /// A row reads well but makes no sense.
    #[error("line {line} of the rate file {problem}")]
    Invalid {
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong, as the end of a sentence.
        problem: &'static str,
    },
    /// Two rows that must differ do not.
    #[error("lines {first_line} and {line} of the rate file {problem}")]
    Conflict {
        /// The earlier line.
        first_line: u64,
        /// The later line.
        line: u64,
        /// What is wrong, as the end of a sentence.
        problem: &'static str,
    },
}

/// One row as read.
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) model: String,
    /// Empty: any version.
    pub(crate) versions: Vec<String>,
    pub(crate) deployment_type: DeploymentType,
    /// Empty: any region.
    pub(crate) regions: Vec<String>,
    pub(crate) kind: RateKind,
    pub(crate) mode: Mode,
    pub(crate) context: Context,
    pub(crate) long_over: Option<u64>,
    pub(crate) effective_from: TimestampMicros,
    pub(crate) price: PicoUsd,
    pub(crate) rate_id: String,
}

/// The columns, by name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns<'a> {
    model: &'a str,
    version: &'a str,
    #[serde(deserialize_with = "deployment_type")]
    deployment_type: DeploymentType,
    region: &'a str,
    kind: RateKind,
    mode: Mode,
    context: Context,
    long_over: Option<u64>,
    effective_from: NaiveDate,
    picousd_per_token: u64,
    rate_id: &'a str,
}

/// Reads every row, in file order.
pub(crate) fn rows(csv_text: &str) -> Result<Vec<Row>, RateFileError> {
    let unreadable = |source: csv::Error| {
        let line = source.position().map_or(1, csv::Position::line);
        RateFileError::Row { line, source }
    };
    let mut reader = csv::Reader::from_reader(csv_text.as_bytes());
    let headers = reader.headers().map_err(unreadable)?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(1, csv::Position::line);
        let columns = record.deserialize(Some(&headers)).map_err(|source| RateFileError::Row { line, source })?;
        rows.push(row(line, columns).map_err(|problem| RateFileError::Invalid { line, problem })?);
    }
    Ok(rows)
}

fn row(line: u64, columns: Columns<'_>) -> Result<Row, &'static str> {
    let price = PicoUsd::new(i128::from(columns.picousd_per_token));
    if columns.model.is_empty() {
        return Err("names no model");
    }
    if columns.deployment_type == DeploymentType::Ptu {
        return Err("prices provisioned throughput, which is not sold by the token");
    }
    if price > PRICE_MAX {
        return Err("has a price above 1 USD for one token: is it per thousand or per million?");
    }
    if columns.rate_id.is_empty() || columns.rate_id.len() > RATE_ID_BYTES_MAX || columns.rate_id.contains('+') {
        return Err("has a rate_id that is empty, longer than 100 bytes or contains `+`");
    }
    if columns.long_over.is_some() != (columns.context == Context::Long) {
        return Err("must give `long_over` if, and only if, its context is `long`");
    }
    Ok(Row {
        line,
        model: columns.model.to_owned(),
        versions: list(columns.version)?,
        deployment_type: columns.deployment_type,
        regions: list(columns.region)?,
        kind: columns.kind,
        mode: columns.mode,
        context: columns.context,
        long_over: columns.long_over,
        effective_from: TimestampMicros::clamped(columns.effective_from.and_time(NaiveTime::MIN).and_utc()),
        price,
        rate_id: columns.rate_id.to_owned(),
    })
}

/// Splits a `;` list; an empty cell is an empty list.
fn list(cell: &str) -> Result<Vec<String>, &'static str> {
    if cell.is_empty() {
        return Ok(Vec::new());
    }
    let items: Vec<String> = cell.split(';').map(str::to_owned).collect();
    if items.iter().any(String::is_empty) { Err("has a list with an empty item") } else { Ok(items) }
}

pub(crate) fn deployment_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DeploymentType, D::Error> {
    let label = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
    label.parse().map_err(de::Error::custom)
}
