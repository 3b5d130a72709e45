//! The ground truth of a corpus against a second reading of its bytes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::NaiveDate;
use gatelog_logpush::{
    Field, KeyBits, KeyRing, Line, LineLimits, LineReader, LogKey, Opener, generate_key_pair, parse_line, text_of,
};
use gatelog_model::{PicoUsd, RejectReason};
use gatelog_testkit::corpus::{CONTENT_NEEDLE, CorpusError, DayCorpus, DayPlan, LABEL_KEY, Role, Usage};
use serde_json::Value;

fn date() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 8, 10).unwrap()
}

/// What a naive reader finds.
#[derive(Default)]
struct Found {
    lines: u64,
    duplicates: u64,
    rejects: BTreeMap<RejectReason, u64>,
    quarantined: Vec<String>,
    ignored: Vec<String>,
    labels: BTreeMap<String, u32>,
    by_tenant: BTreeMap<String, Usage>,
}

struct Reader {
    opener: Option<Opener>,
    found: Found,
    /// By what identifies a line, the number of copies per object; see `LineDigest` in the model.
    seen: HashMap<(Vec<u8>, u32), usize>,
}

impl Reader {
    fn read(corpus: &DayCorpus, private_pem: Option<&str>) -> Found {
        let opener = private_pem.map(|pem| Opener::new(Arc::new(KeyRing::from_pem([("private", pem)]).unwrap())));
        let mut reader = Self { opener, found: Found::default(), seen: HashMap::new() };
        for (index, object) in corpus.objects.iter().enumerate() {
            if LogKey::parse(&object.key).is_err() {
                reader.found.ignored.push(object.key.clone());
            } else if reader.object(index, &object.bytes).is_none() {
                reader.found.quarantined.push(object.key.clone());
            }
        }
        reader.found
    }

    /// `None` when the object cannot be read to its end.
    fn object(&mut self, index: usize, bytes: &[u8]) -> Option<()> {
        let mut lines = Vec::new();
        let mut reader = LineReader::in_memory(bytes, LineLimits::default());
        while let Some(line) = reader.next_line().ok()? {
            lines.push(match line {
                Line::Text { text, .. } => Ok(text.to_vec()),
                Line::TooLong { .. } => Err(RejectReason::LineTooLong),
            });
        }
        let mut copies: HashMap<Vec<u8>, u32> = HashMap::new();
        for line in lines {
            self.found.lines += 1;
            if let Err(reason) = line.and_then(|text| self.line(index, &text, &mut copies)) {
                *self.found.rejects.entry(reason).or_default() += 1;
            }
        }
        Some(())
    }

    fn line(&mut self, object: usize, text: &[u8], copies: &mut HashMap<Vec<u8>, u32>) -> Result<(), RejectReason> {
        let record = parse_line(text)?;
        if let Some(opener) = &mut self.opener {
            opener.begin_line();
        }
        let metadata = self.text(&record.metadata)?;
        let request = self.text(&record.request_body)?;
        let response = self.text(&record.response_body)?;
        let identity = record.log_id.as_deref().map_or_else(|| text.to_vec(), |id| id.as_bytes().to_vec());
        let copy = copies.entry(identity.clone()).or_default();
        *copy += 1;
        if *self.seen.entry((identity, *copy)).or_insert(object) != object {
            self.found.duplicates += 1;
            return Ok(());
        }
        let metadata: Value = serde_json::from_str(&metadata).unwrap();
        let word = |name: &str| metadata[name].as_str().unwrap().to_owned();
        *self.found.labels.entry(word(LABEL_KEY)).or_default() += 1;
        assert!(request.contains(CONTENT_NEEDLE));
        let usage = self.found.by_tenant.entry(word("tenantId")).or_default();
        usage.requests += 1;
        if record.status_code == Some(200) {
            let cached = record.cached == Some(true);
            count(usage, &usage_of(&response), record.endpoint.as_deref().unwrap(), cached);
        }
        Ok(())
    }

    fn text(&mut self, field: &Field<'_>) -> Result<String, RejectReason> {
        match (field, &mut self.opener) {
            (Field::Sealed(envelope), Some(opener)) => text_of(opener.open(envelope)?),
            (Field::Sealed(_), None) => Err(RejectReason::NoKey),
            (Field::Text(text), _) => Ok(text.clone().into_owned()),
            (Field::Json(raw), _) => Ok(raw.get().to_owned()),
            (Field::Null | Field::Absent, _) => Ok(String::new()),
        }
    }
}

fn usage_of(response: &str) -> Value {
    if !response.starts_with("data:") {
        return serde_json::from_str::<Value>(response).unwrap()["usage"].clone();
    }
    assert!(response.ends_with("data: [DONE]\n\n"));
    let frames = response.split("\n\n").filter_map(|frame| frame.strip_prefix("data: {"));
    let usages = frames.map(|rest| serde_json::from_str::<Value>(&format!("{{{rest}")).unwrap()["usage"].clone());
    usages.filter(Value::is_object).last().unwrap()
}

/// Prices per million tokens in milli-USD, as a person would read them off the list: input, cached input, output.
fn list_price(endpoint: &str) -> Option<(u64, u64, u64)> {
    match endpoint.split('/').nth(1).unwrap() {
        "gpt-4o-sa" => Some((3_025, 1_513, 12_100)),
        "mini" => Some((150, 75, 600)),
        "gpt-4.1-dz" => Some((2_200, 550, 8_800)),
        "reasoning" => Some((1_100, 275, 4_400)),
        "embed-small" => Some((20, 0, 0)),
        _ => None,
    }
}

fn count(usage: &mut Usage, reported: &Value, endpoint: &str, cached_answer: bool) {
    let number = |path: &str| reported.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let (input, cached) = (number("/prompt_tokens"), number("/prompt_tokens_details/cached_tokens"));
    let output = number("/completion_tokens");
    usage.input_tokens += input;
    usage.cached_input_tokens += cached;
    usage.output_tokens += output;
    usage.reasoning_tokens += number("/completion_tokens_details/reasoning_tokens");
    let price = list_price(endpoint).map(|price| {
        PicoUsd::new(i128::from((input - cached) * price.0 + cached * price.1 + output * price.2) * 1_000)
    });
    if cached_answer {
        usage.cached_requests += 1;
        usage.saved = [usage.saved, price.unwrap_or_default()].into_iter().sum();
    } else {
        usage.unpriced += u64::from(price.is_none());
        usage.cost = [usage.cost, price.unwrap_or_default()].into_iter().sum();
    }
}

fn assert_truth(corpus: &DayCorpus, found: &Found) {
    let truth = &corpus.truth;
    assert_eq!(found.lines, truth.lines);
    assert_eq!(found.duplicates, truth.duplicates);
    assert_eq!(found.rejects, truth.rejects);
    assert_eq!(found.quarantined, truth.quarantined);
    assert_eq!(found.ignored, truth.ignored);
    assert!(found.labels.values().all(|count| *count == 1), "every label comes once");
    assert_eq!(found.labels.keys().cloned().collect::<BTreeSet<_>>(), truth.labels);
    assert_eq!(found.by_tenant, truth.by_tenant());
    truth.tally().checked().unwrap();
    assert_eq!(truth.outcomes.values().sum::<u64>(), truth.events);
    let logs = corpus.objects.iter().filter(|object| !matches!(object.role, Role::Corrupt | Role::Other)).count();
    assert_eq!(truth.objects, u64::try_from(logs).unwrap());
}

#[test]
fn the_truth_of_an_open_corpus_is_what_is_in_it() {
    let corpus = DayPlan { events: 900, ..DayPlan::demo(date(), None) }.build().unwrap();
    assert_eq!(corpus.truth.rejects.len(), 5);
    assert_eq!(corpus.truth.by_tenant().len(), 50);
    assert_truth(&corpus, &Reader::read(&corpus, None));
    assert!(corpus.truth.outcomes.len() == 4 && corpus.truth.total().unpriced > 0, "everything occurs");
}

#[test]
fn the_truth_of_a_sealed_corpus_is_what_is_in_it() {
    let pair = generate_key_pair(KeyBits::Rsa2048).unwrap();
    let plan = DayPlan { events: 300, ..DayPlan::demo(date(), Some(pair.public.clone())) };
    let corpus = plan.build().unwrap();
    assert_eq!(corpus.truth.rejects, RejectReason::ALL.map(|reason| (reason, 2)).into());
    assert_truth(&corpus, &Reader::read(&corpus, Some(&pair.private)));
    let visible = corpus.objects.iter().any(|object| {
        let mut reader = LineReader::in_memory(&object.bytes, LineLimits::default());
        while let Ok(Some(line)) = reader.next_line() {
            if matches!(line, Line::Text { text, .. } if String::from_utf8_lossy(&text).contains(CONTENT_NEEDLE)) {
                return true;
            }
        }
        false
    });
    assert!(!visible, "content is sealed");
}

#[test]
fn the_same_plan_makes_the_same_bytes_and_another_seed_other_labels() {
    let plan = DayPlan { events: 200, bad_lines: 0, ..DayPlan::demo(date(), None) };
    let (one, two) = (plan.build().unwrap(), plan.build().unwrap());
    assert!(one.objects == two.objects && one.truth == two.truth);
    let other = DayPlan { seed: 2, ..plan }.build().unwrap();
    assert!(one.truth.labels.is_disjoint(&other.truth.labels));
}

#[test]
fn one_line_objects_have_one_line_and_a_key_each() {
    let corpus = DayPlan::one_line_objects(date(), 500).build().unwrap();
    assert_eq!((corpus.objects.len(), corpus.truth.lines), (500, 500));
    let keys: BTreeSet<&str> = corpus.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys.len(), 500);
    assert!(keys.iter().all(|key| key.starts_with("logs/20260810/")));
    assert_truth(&corpus, &Reader::read(&corpus, None));
}

#[test]
fn impossible_plans_are_refused() {
    let early = NaiveDate::from_ymd_opt(2025, 12, 1).unwrap();
    assert!(matches!(DayPlan::plain(early, 5).build(), Err(CorpusError::BeforePrices)));
    let small = DayPlan { events: 3, ..DayPlan::demo(date(), None) };
    assert!(matches!(small.build(), Err(CorpusError::TooSmall)));
}

#[test]
fn a_folder_holds_every_object_under_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = DayPlan { events: 200, bad_lines: 0, ..DayPlan::demo(date(), None) }.build().unwrap();
    corpus.write_folder(folder.path()).unwrap();
    for object in &corpus.objects {
        assert_eq!(std::fs::read(folder.path().join(&object.key)).unwrap(), object.bytes);
    }
}
