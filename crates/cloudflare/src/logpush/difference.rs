//! What is not as it has to be, in words.

use std::collections::BTreeSet;

use super::{Destination, Job, JobSpec, OutputOptions, job::TEXT_OPTIONS};

/// One thing that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The setting, as the API spells it.
    pub setting: String,
    /// What it is.
    pub from: String,
    /// What it has to be.
    pub to: String,
}

/// Whether the keys of a destination count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Others are a difference. Those that the API does not show are taken for the same.
    Compared,
    /// After they were sent: however the API shows them now, they are ours.
    Trusted,
}

/// Everything that keeps `job` from being what `spec` says; empty if nothing does.
pub fn difference(spec: &JobSpec, job: &Job, keys: Keys) -> Vec<Change> {
    let mut found = Found::default();
    found.note("name", job.name.as_deref().unwrap_or_default(), &spec.name);
    found.note("enabled", &job.enabled.to_string(), "true");
    let wanted = &spec.destination;
    match Destination::parse(&job.destination_conf) {
        Ok(there) if wanted.to_string() != there.to_string() => {
            found.add("destination_conf", &there.to_string(), &wanted.to_string());
        }
        Ok(there) if keys == Keys::Compared && wanted.has_other_keys_than(&there) => {
            found.add("destination_conf", "with other keys", &wanted.to_string());
        }
        Ok(_) => {}
        Err(_) => found.add("destination_conf", "unreadable", &wanted.to_string()),
    }
    found.note("filter", job.filter.as_deref().unwrap_or_default(), "");
    let interval = job.max_upload_interval_seconds.unwrap_or(0);
    found.note("max_upload_interval_seconds", &interval.to_string(), &spec.interval_seconds.to_string());
    output(spec, &job.output_options, &mut found);
    found.0
}

fn output(spec: &JobSpec, options: &OutputOptions, found: &mut Found) {
    if options.field_names != spec.fields {
        found.add("output_options.field_names", &list(&options.field_names), &list(&spec.fields));
    }
    let rate = options.sample_rate.unwrap_or(1.0);
    found.note("output_options.sample_rate", &rate.to_string(), "1");
    let rewrites = options.rewrites.unwrap_or(false);
    found.note("output_options.CVE-2021-44228", &rewrites.to_string(), "false");
    for (name, default) in TEXT_OPTIONS {
        let text = options.text(name);
        if !text.is_empty() {
            found.note(&format!("output_options.{name}"), text, default);
        }
    }
    let format = options.timestamp_format.as_deref().unwrap_or("unixnano");
    found.note("output_options.timestamp_format", format, spec.timestamp_format());
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[derive(Default)]
struct Found(Vec<Change>);

impl Found {
    fn note(&mut self, setting: &str, from: &str, to: &str) {
        if from != to {
            self.add(setting, from, to);
        }
    }

    fn add(&mut self, setting: &str, from: &str, to: &str) {
        self.0.push(Change { setting: setting.to_owned(), from: from.to_owned(), to: to.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::logpush::{FIELDS, KeyPair, Place};

    fn spec() -> JobSpec {
        let endpoint = "https://acct.r2.cloudflarestorage.com";
        let place = Place { bucket: "llm-logs", region: "auto", endpoint, prefix: "ai-gateway" };
        JobSpec {
            name: "gatelog".into(),
            destination: Destination::new(place, Some(KeyPair { id: "AKID", secret: "secret" })).unwrap(),
            fields: FIELDS.map(str::to_owned).into(),
            interval_seconds: 30,
        }
    }

    /// The job that the API makes of the body it is sent, with one value at `path` replaced.
    fn job_with(path: &str, value: Value) -> Job {
        let mut body = Value::Object(spec().body(None, None));
        match path.rsplit_once('/') {
            Some((parent, leaf)) => body.pointer_mut(parent).unwrap()[leaf] = value,
            None => assert!(path.is_empty()),
        }
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn what_is_sent_is_what_is_wanted() {
        assert_eq!(difference(&spec(), &job_with("", Value::Null), Keys::Compared), []);
    }

    #[test]
    fn whatever_costs_a_record_or_a_byte_is_named() {
        let cases = [
            ("/enabled", json!(false), "enabled", "false"),
            ("/name", json!("other"), "name", "other"),
            ("/filter", json!(r#"{"where":{}}"#), "filter", r#"{"where":{}}"#),
            ("/max_upload_interval_seconds", json!(300), "max_upload_interval_seconds", "300"),
            ("/destination_conf", json!("s3://x/y?region=z"), "destination_conf", "s3://x/y?region=z"),
            ("/destination_conf", json!(null), "destination_conf", "unreadable"),
            ("/destination_conf", json!("?"), "destination_conf", "unreadable"),
            ("/output_options/sample_rate", json!(0.5), "output_options.sample_rate", "0.5"),
            ("/output_options/CVE-2021-44228", json!(true), "output_options.CVE-2021-44228", "true"),
            ("/output_options/output_type", json!("csv"), "output_options.output_type", "csv"),
            ("/output_options/batch_prefix", json!("["), "output_options.batch_prefix", "["),
            ("/output_options/batch_suffix", json!("]"), "output_options.batch_suffix", "]"),
            ("/output_options/record_prefix", json!("x{"), "output_options.record_prefix", "x{"),
            ("/output_options/record_suffix", json!("},"), "output_options.record_suffix", "},"),
            ("/output_options/record_delimiter", json!(";"), "output_options.record_delimiter", ";"),
            ("/output_options/field_delimiter", json!(";"), "output_options.field_delimiter", ";"),
            ("/output_options/record_template", json!("{{.Model}}"), "output_options.record_template", "{{.Model}}"),
            ("/output_options/timestamp_format", json!("unix"), "output_options.timestamp_format", "unix"),
            ("/output_options/field_names", json!(["Model"]), "output_options.field_names", "Model"),
        ];
        for (path, value, setting, from) in cases {
            let found = difference(&spec(), &job_with(path, value), Keys::Compared);
            assert_eq!(
                found.iter().map(|one| (one.setting.as_str(), one.from.as_str())).collect::<Vec<_>>(),
                [(setting, from)]
            );
        }
    }

    #[test]
    fn defaults_that_the_api_spells_out_are_no_difference() {
        for (path, value) in [
            ("/output_options/record_prefix", json!("{")),
            ("/output_options/record_suffix", json!("}\n")),
            ("/output_options/field_delimiter", json!(",")),
            ("/output_options/batch_prefix", json!("")),
            ("/output_options/sample_rate", json!(1.0)),
            ("/filter", Value::Null),
        ] {
            assert_eq!(difference(&spec(), &job_with(path, value), Keys::Compared), [], "{path}");
        }
    }

    #[test]
    fn other_keys_are_a_difference_that_shows_none() {
        let conf = spec().destination.expose().replace("=secret", "=older");
        let found = difference(&spec(), &job_with("/destination_conf", json!(conf)), Keys::Compared);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].from, "with other keys");
        assert!(!format!("{found:?}").contains("older"), "{found:?}");
        assert_eq!(difference(&spec(), &job_with("/destination_conf", json!(conf)), Keys::Trusted), []);
    }

    #[test]
    fn what_nobody_here_knows_is_named() {
        let mut body = Value::Object(spec().body(None, None));
        body["kind"] = json!("");
        body["max_upload_bytes"] = json!(5_000_000);
        body["transform"] = json!({ "id": 7 });
        body["off"] = json!(false);
        body["output_options"]["shorten"] = json!("x");
        let job: Job = serde_json::from_value(body).unwrap();
        assert_eq!(job.unknown_settings(), ["transform", "output_options.shorten"]);
    }

    #[test]
    fn an_option_that_stands_otherwise_is_sent_with_its_default() {
        let there: Job = job_with("/output_options/record_prefix", json!("x{"));
        let body = spec().body(Some(&there.output_options), Some("token"));
        assert_eq!(body["output_options"]["record_prefix"], "{");
        assert_eq!(body["output_options"].get("record_suffix"), None);
        assert_eq!(body["ownership_challenge"], "token");
    }
}
