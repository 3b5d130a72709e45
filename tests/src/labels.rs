//! Objects whose lines carry labels: after any number of crashes a label seen twice is a double count, one not seen a loss.

use std::{collections::BTreeSet, io::Write};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use gatelog_logpush::{LogKey, SealingKey};
use gatelog_model::{PicoUsd, TimestampMicros};

/// 2026-08-01T00:00:00Z in seconds: the day of all objects.
pub const OBJECT_DAY: i64 = 1_785_542_400;
/// `gpt-4o-2024-11-20`, regional, southafricanorth: USD per million input tokens, as pico-USD per token.
const INPUT_PICO_USD: i128 = 3_025_000;
/// The same for output.
const OUTPUT_PICO_USD: i128 = 12_100_000;

/// What the lake must hold in the end.
pub type Labels = BTreeSet<u32>;

/// One object to put.
#[derive(Debug, Clone)]
pub struct LogObject {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub bytes: Bytes,
}

impl LogObject {
    /// An object of plain lines.
    pub fn plain(index: u32, labels: impl IntoIterator<Item = u32>) -> Self {
        Self::of_lines(index, labels.into_iter().map(|label| line(label, None)))
    }

    /// An object of lines sealed to `key`.
    pub fn sealed(index: u32, key: &SealingKey, labels: impl IntoIterator<Item = u32>) -> Self {
        Self::of_lines(index, labels.into_iter().map(|label| line(label, Some(key))))
    }

    /// An object of given lines.
    pub fn of_lines(index: u32, lines: impl IntoIterator<Item = String>) -> Self {
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        Self::of_text(index, text.as_bytes())
    }

    /// An object of given text.
    pub fn of_text(index: u32, text: &[u8]) -> Self {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text).expect("writing to memory");
        Self { key: key(index), bytes: gzip.finish().expect("writing to memory").into() }
    }

    /// The same bytes under another key.
    pub fn again(&self, index: u32) -> Self {
        Self { key: key(index), bytes: self.bytes.clone() }
    }
}

/// The key of the object of an index: one window every 30 seconds.
fn key(index: u32) -> String {
    let second = OBJECT_DAY + i64::from(index) * 30 % 86_000;
    let start = TimestampMicros::try_new(second * 1_000_000).expect("a time in 2026");
    LogKey::new("", start, start.plus_seconds(30), index).to_string()
}

/// Tokens of a label: input, output.
fn tokens(label: u32) -> (u32, u32) {
    (100 + label % 50, 10 + label % 7)
}

/// What the events of these labels cost.
pub(crate) fn cost(labels: &Labels) -> PicoUsd {
    labels
        .iter()
        .map(|label| {
            let (input, output) = tokens(*label);
            PicoUsd::new(i128::from(input) * INPUT_PICO_USD + i128::from(output) * OUTPUT_PICO_USD)
        })
        .sum()
}

/// One line. The label is the `trace` entry of its metadata; lines of equal labels are equal if they are plain.
pub fn line(label: u32, key: Option<&SealingKey>) -> String {
    let (input, output) = tokens(label);
    let tenant = label % 5;
    let metadata = format!(r#"{{"tenantId":"tenant-{tenant}","trace":"{label}"}}"#);
    let request = r#"{"model":"chat","messages":[{"role":"user","content":"needle in a prompt"}]}"#;
    let response = format!(
        r#"{{"id":"c","object":"chat.completion","created":{created},"model":"gpt-4o-2024-11-20","choices":[{{"index":0,"finish_reason":"stop","message":{{"role":"assistant","content":"needle in an answer"}}}}],"usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total}}}}}"#,
        created = OBJECT_DAY + i64::from(label % 80_000),
        total = input + output,
    );
    let sealer = key.map(|key| key.new_line().expect("randomness"));
    let field = |text: &str| match &sealer {
        Some(sealer) => sealer.seal(text.as_bytes()).expect("sealing"),
        None => json_string(text),
    };
    format!(
        r#"{{"Cached":false,"Endpoint":"aoai-test/chat/chat/completions?api-version=2025-01-01-preview","Gateway":"prod","Metadata":{},"Model":"chat","Provider":"azure-openai","RateLimited":false,"RequestBody":{},"ResponseBody":{},"StatusCode":200}}"#,
        field(&metadata),
        field(request),
        field(&response),
    )
}

fn json_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
