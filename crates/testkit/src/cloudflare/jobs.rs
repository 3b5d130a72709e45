//! Jobs, and what the API has against a body.

use serde_json::{Map, Value, json};

/// Jobs of one dataset in an account.
const JOBS_MAX: usize = 4;
const DATASET: &str = "ai_gateway_events";
/// Members that a body may have.
const MEMBERS: [&str; 11] = [
    "name",
    "dataset",
    "enabled",
    "destination_conf",
    "filter",
    "kind",
    "max_upload_bytes",
    "max_upload_records",
    "max_upload_interval_seconds",
    "output_options",
    "ownership_challenge",
];
const OUTPUT_MEMBERS: [&str; 12] = [
    "field_names",
    "output_type",
    "batch_prefix",
    "batch_suffix",
    "record_prefix",
    "record_suffix",
    "record_delimiter",
    "field_delimiter",
    "record_template",
    "timestamp_format",
    "sample_rate",
    "CVE-2021-44228",
];
const TIMESTAMP_FORMATS: [&str; 5] = ["unixnano", "unix", "rfc3339", "rfc3339ms", "rfc3339ns"];

/// Why a request is refused: status, code, message.
pub(super) type Refusal = (u16, i64, String);

#[derive(Debug, Default)]
pub(super) struct Jobs {
    jobs: Vec<Value>,
    last_id: u64,
    writes: u64,
    /// Token and bucket of the challenges that were written.
    challenges: Vec<(String, String)>,
}

impl Jobs {
    pub(super) fn all(&self) -> &[Value] {
        &self.jobs
    }

    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Value> {
        self.jobs.iter_mut().find(|job| job["id"] == id)
    }

    pub(super) fn add(&mut self, mut job: Value) -> u64 {
        self.last_id += 1;
        job["id"] = json!(self.last_id);
        self.jobs.push(job);
        self.last_id
    }

    pub(super) fn create(&mut self, body: &Map<String, Value>, fields: &[String]) -> Result<Value, Refusal> {
        self.writes += 1;
        if body.get("dataset").and_then(Value::as_str) != Some(DATASET) {
            return Err(bad("dataset is required and must be ai_gateway_events"));
        }
        self.check(body, fields, true)?;
        if self.jobs.iter().filter(|job| job["dataset"] == DATASET).count() >= JOBS_MAX {
            return Err((400, 1004, "creating a new job is not allowed: exceeded max jobs allowed".to_owned()));
        }
        let mut job = json!({
            "enabled": false, "name": null, "filter": null, "kind": "", "frequency": "high", "logpull_options": null,
            "max_upload_bytes": 0, "max_upload_records": 0, "max_upload_interval_seconds": 0,
            "last_complete": null, "last_error": null, "error_message": null,
        });
        overlay(&mut job, body);
        let id = self.add(job);
        Ok(self.get_mut(id).expect("just added").clone())
    }

    pub(super) fn update(&mut self, id: u64, body: &Map<String, Value>, fields: &[String]) -> Result<Value, Refusal> {
        self.writes += 1;
        let before = self.get_mut(id).ok_or_else(gone)?.clone();
        if body.contains_key("dataset") {
            return Err(bad("dataset cannot be changed"));
        }
        let moves = body.get("destination_conf").is_some_and(|conf| place(conf) != place(&before["destination_conf"]));
        self.check(body, fields, moves)?;
        let job = self.get_mut(id).ok_or_else(gone)?;
        overlay(job, body);
        Ok(job.clone())
    }

    pub(super) fn delete(&mut self, id: u64) -> Result<Value, Refusal> {
        self.writes += 1;
        self.get_mut(id).ok_or_else(gone)?;
        self.jobs.retain(|job| job["id"] != id);
        Ok(json!({ "id": id }))
    }

    /// Notes a challenge that was written, for the job that shows its token.
    pub(super) fn challenge(&mut self, bucket: String, token: String) {
        self.writes += 1;
        self.challenges.push((token, bucket));
    }

    fn check(&self, body: &Map<String, Value>, fields: &[String], moves: bool) -> Result<(), Refusal> {
        known(body, &MEMBERS)?;
        if let Some(conf) = body.get("destination_conf") {
            self.check_destination(conf, body.get("ownership_challenge"), moves)?;
        } else if moves {
            return Err(bad("destination_conf is required"));
        }
        match body.get("max_upload_interval_seconds").map(Value::as_u64) {
            None | Some(Some(0 | 30..=300)) => {}
            Some(_) => return Err(bad("max_upload_interval_seconds must be 0 or between 30 and 300")),
        }
        if let Some(Value::String(filter)) = body.get("filter")
            && !filter.is_empty()
            && serde_json::from_str::<Value>(filter).is_err()
        {
            return Err(bad("filter is no JSON"));
        }
        match body.get("output_options") {
            Some(Value::Object(options)) => output(options, fields),
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(bad("output_options is no object")),
        }
    }

    fn check_destination(&self, conf: &Value, challenge: Option<&Value>, moves: bool) -> Result<(), Refusal> {
        let text = conf.as_str().unwrap_or_default();
        let place = place(conf);
        let has = |name: &str| text.contains(&format!("{name}="));
        let keys = has("access-key-id") && has("secret-access-key");
        let complete = match place.split("://").next() {
            Some("r2") => keys && has("account-id"),
            // Without an endpoint it is AWS, which has no keys to show and must be proved.
            Some("s3") if has("endpoint") => keys && has("region"),
            Some("s3") => has("region"),
            _ => false,
        };
        if !complete {
            // As a careless server would.
            return Err(bad(format!("destination_conf {text} is invalid")));
        }
        let bucket = place.split('/').nth(2).unwrap_or_default();
        let proves = |(token, of): &(String, String)| challenge == Some(&json!(token)) && of == bucket;
        if moves && !keys && !self.challenges.iter().any(proves) {
            return Err((400, 1002, "ownership challenge is missing or wrong".to_owned()));
        }
        Ok(())
    }
}

fn output(options: &Map<String, Value>, fields: &[String]) -> Result<(), Refusal> {
    known(options, &OUTPUT_MEMBERS)?;
    let names = options.get("field_names").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if names.is_empty() {
        return Err(bad("field_names is required"));
    }
    if let Some(name) = names.iter().find(|name| !fields.iter().any(|field| *name == field)) {
        return Err(bad(format!("unknown field {name}")));
    }
    let rate = options.get("sample_rate").map_or(Some(1.0), Value::as_f64);
    if !rate.is_some_and(|rate| rate > 0.0 && rate <= 1.0) {
        return Err(bad("sample_rate must be above 0 and at most 1"));
    }
    let format = options.get("timestamp_format").map_or(Some("unixnano"), Value::as_str);
    if !format.is_some_and(|format| TIMESTAMP_FORMATS.contains(&format)) {
        return Err(bad("timestamp_format is unknown"));
    }
    Ok(())
}

fn known(body: &Map<String, Value>, members: &[&str]) -> Result<(), Refusal> {
    match body.keys().find(|name| !members.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(bad(format!("unknown member {name}"))),
    }
}

/// Scheme, bucket and folder of a destination.
fn place(conf: &Value) -> &str {
    conf.as_str().unwrap_or_default().split('?').next().unwrap_or_default()
}

/// Members go over what was there; options too, each by itself, which is the harder way for a caller.
fn overlay(job: &mut Value, body: &Map<String, Value>) {
    for (name, value) in body.iter().filter(|(name, _)| *name != "ownership_challenge") {
        match (&mut job[name], value) {
            (Value::Object(there), Value::Object(new)) => there.extend(new.clone()),
            (there, new) => *there = new.clone(),
        }
    }
}

fn bad(message: impl Into<String>) -> Refusal {
    (400, 1001, message.into())
}

fn gone() -> Refusal {
    (404, 1002, "job not found".to_owned())
}
