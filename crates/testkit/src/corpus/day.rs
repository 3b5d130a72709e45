//! A plan and the objects it makes.

use std::{fs, io, path::Path};

use chrono::{NaiveDate, NaiveTime};
use gatelog_logpush::{Batch, KeyError, LogKey, Payload, RecordLine, SealingKey, WriteError};
use gatelog_model::TimestampMicros;
use serde_json::value::RawValue;

use super::{
    GroundTruth,
    bad::BadLines,
    bodies,
    deployments::PRICES_SINCE,
    exchange::{Answer, Exchange},
    random::Random,
};

/// Length of an object's time window; Logpush pushes about twice a minute.
const WINDOW_SECONDS: i64 = 33;
const DAY_SECONDS: i64 = 86_400;
/// Every so many objects one is our own gateway's: with log ids, times and durations.
const OWN_GATEWAY_EVERY: usize = 4;
/// Lines of a corrupt object: enough for some to be readable before it breaks off.
const CORRUPT_OBJECT_LINES: u64 = 40;
/// Objects below which there is no room for duplicates and bad lines in different ones.
const OBJECTS_MIN: usize = 4;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayPlan {
    /// Same seed, same plaintext; also part of every label, so that two corpora can share a lake.
    pub seed: u64,
    /// The day of the events; the late objects' lies before.
    pub date: NaiveDate,
    /// What stands before the day folder in the keys.
    pub prefix: String,
    /// Tenants; the first requests have one each.
    pub tenants: u64,
    /// Events in objects that arrive in time.
    pub events: u64,
    /// Events per object, on average; exactly one for 1.
    pub events_per_object: u64,
    /// Public key (PEM) that bodies and metadata are sealed for; `None` leaves them open.
    pub sealed_for: Option<String>,
    /// Objects delivered a second time under another key.
    pub redelivered_objects: u32,
    /// Lines repeated in another object.
    pub repeated_lines: u32,
    /// Objects of the evening before that appear last.
    pub late_objects: u32,
    /// Bad lines for every reason there is (three of eight need a key to seal with).
    pub bad_lines: u32,
    /// Length of the over-long ones; must exceed the pipeline's limit.
    pub overlong_line_bytes: usize,
    /// Objects whose gzip breaks off.
    pub corrupt_objects: u32,
    /// Whether things that are no logs lie in the bucket.
    pub with_other_keys: bool,
}

impl DayPlan {
    /// The demo's day: everything that can happen, for 50 tenants.
    pub fn demo(date: NaiveDate, sealed_for: Option<String>) -> Self {
        Self {
            seed: 1,
            date,
            prefix: "logs".to_owned(),
            tenants: 50,
            events: 6_000,
            events_per_object: 30,
            sealed_for,
            redelivered_objects: 3,
            repeated_lines: 25,
            late_objects: 4,
            bad_lines: 2,
            // Just over the 16 MiB that a line may have by default.
            overlong_line_bytes: (16 << 20) + 1,
            corrupt_objects: 1,
            with_other_keys: true,
        }
    }

    /// A small day without anything odd in it; the start of most tests.
    pub fn plain(date: NaiveDate, events: u64) -> Self {
        Self {
            events,
            tenants: 5,
            redelivered_objects: 0,
            repeated_lines: 0,
            late_objects: 0,
            bad_lines: 0,
            corrupt_objects: 0,
            with_other_keys: false,
            ..Self::demo(date, None)
        }
    }

    /// Objects of one line each, as Logpush writes them when there is little traffic.
    pub fn one_line_objects(date: NaiveDate, objects: u64) -> Self {
        Self { events_per_object: 1, ..Self::plain(date, objects) }
    }

    /// Makes the objects.
    ///
    /// # Errors
    ///
    /// [`CorpusError`] when the plan is impossible or the key unusable.
    pub fn build(&self) -> Result<DayCorpus, CorpusError> {
        let (year, month, day) = PRICES_SINCE;
        if NaiveDate::from_ymd_opt(year, month, day).is_some_and(|since| self.date <= since) {
            return Err(CorpusError::BeforePrices);
        }
        let sealing = self.sealed_for.as_deref().map(|pem| SealingKey::from_pem("public key", pem)).transpose()?;
        let mut builder = Builder {
            plan: self,
            sealing,
            random: Random::new(self.seed),
            number: 0,
            truth: GroundTruth::default(),
            objects: Vec::new(),
        };
        builder.build()?;
        Ok(DayCorpus { objects: builder.objects, truth: builder.truth })
    }
}

/// Why there is no corpus.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The prices of the corpus were not in force yet.
    #[error("the prices of the corpus hold for days after {}-{:02}-{:02}", PRICES_SINCE.0, PRICES_SINCE.1, PRICES_SINCE.2)]
    BeforePrices,
    /// Too few objects for what else is asked.
    #[error("a corpus with duplicates or bad lines needs at least {OBJECTS_MIN} objects")]
    TooSmall,
    /// The public key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A record or an object could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What an object is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// In time.
    Regular,
    /// In time, but nothing in it is new.
    Redelivered,
    /// Of the evening before; to be uploaded after the others have been ingested.
    Late,
    /// Breaks off: to be quarantined.
    Corrupt,
    /// No log at all.
    Other,
}

/// An object to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedObject {
    /// Its whole key.
    pub key: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it is there for.
    pub role: Role,
}

/// The objects and what is true of them.
#[derive(Debug, Clone)]
pub struct DayCorpus {
    /// In the order of upload.
    pub objects: Vec<PlannedObject>,
    /// What a pipeline must find, once all of them are read.
    pub truth: GroundTruth,
}

impl DayCorpus {
    /// Writes every object to a file below a folder: a bucket of the in-process S3, for example.
    ///
    /// # Errors
    ///
    /// Any error of the folder.
    pub fn write_folder(&self, folder: &Path) -> io::Result<()> {
        for object in &self.objects {
            let path = folder.join(&object.key);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, &object.bytes)?;
        }
        Ok(())
    }
}

/// An object that still takes lines.
struct OpenObject {
    key: LogKey,
    lines: Vec<Vec<u8>>,
}

struct Builder<'p> {
    plan: &'p DayPlan,
    sealing: Option<SealingKey>,
    random: Random,
    /// Number of the next label.
    number: u64,
    truth: GroundTruth,
    objects: Vec<PlannedObject>,
}

impl Builder<'_> {
    fn build(&mut self) -> Result<(), CorpusError> {
        let mut regular = self.regular_objects()?;
        let asks_for_more = self.plan.redelivered_objects + self.plan.repeated_lines + self.plan.bad_lines > 0;
        if asks_for_more && regular.len() < OBJECTS_MIN {
            return Err(CorpusError::TooSmall);
        }
        self.repeat_lines(&mut regular);
        self.add_bad_lines(&mut regular)?;
        for object in &regular {
            self.close(object.key.to_string(), &object.lines, Role::Regular)?;
        }
        self.redeliver(&regular)?;
        self.add_corrupt_objects()?;
        if self.plan.with_other_keys {
            self.add_other_keys();
        }
        self.add_late_objects()
    }

    fn regular_objects(&mut self) -> Result<Vec<OpenObject>, CorpusError> {
        let mut sizes = Vec::new();
        let mut left = self.plan.events;
        while left > 0 {
            let average = self.plan.events_per_object.max(1);
            let size = self.random.between(1, average * 2 - 1).min(left);
            left -= size;
            sizes.push(size);
        }
        let count = i64::try_from(sizes.len()).expect("objects fit in memory");
        let midnight = TimestampMicros::clamped(self.plan.date.and_time(NaiveTime::MIN).and_utc());
        let mut objects = Vec::with_capacity(sizes.len());
        for (index, size) in (0_i64..).zip(sizes) {
            // The last window still ends before midnight.
            let start = midnight.plus_seconds(index * (DAY_SECONDS - WINDOW_SECONDS) / count);
            objects.push(self.object(start, size, objects.len() % OWN_GATEWAY_EVERY == OWN_GATEWAY_EVERY - 1, true)?);
        }
        Ok(objects)
    }

    /// An object of new events; whether they count is up to the caller.
    fn object(
        &mut self,
        start: TimestampMicros,
        size: u64,
        is_own_gateway: bool,
        counts: bool,
    ) -> Result<OpenObject, CorpusError> {
        let suffix = u32::try_from(self.random.next() >> 32).expect("32 bits are left");
        let key = LogKey::new(&self.plan.prefix, start, start.plus_seconds(WINDOW_SECONDS), suffix);
        let mut lines = Vec::new();
        for index in 0..size {
            let offset = i64::try_from(index).unwrap_or(0) * WINDOW_SECONDS / i64::try_from(size).unwrap_or(1);
            let at = start.plus_seconds(offset);
            let exchange = Exchange::draw(&mut self.random, self.plan.seed, self.number, self.plan.tenants, at);
            self.number += 1;
            if counts {
                self.truth.event(&exchange);
            }
            lines.push(self.line(&exchange, is_own_gateway)?);
        }
        Ok(OpenObject { key, lines })
    }

    fn line(&self, exchange: &Exchange, is_own_gateway: bool) -> Result<Vec<u8>, CorpusError> {
        let deployment = exchange.deployment;
        let operation = if deployment.is_embeddings() { "embeddings" } else { "chat/completions" };
        let endpoint = format!("{}/{}/{operation}?api-version=2024-10-21", deployment.resource, deployment.deployment);
        let metadata = RawValue::from_string(bodies::metadata(exchange)).map_err(WriteError::from)?;
        let (request, response) = (bodies::request(exchange), bodies::response(exchange));
        let log_id = format!("log-{}", exchange.label);
        let mut record = RecordLine {
            cached: Some(exchange.answer == Answer::FromCache),
            endpoint: Some(&endpoint),
            gateway: Some(if is_own_gateway { "gatelog" } else { "prod" }),
            metadata: Some(Payload::Json(&metadata)),
            model: Some(deployment.model),
            provider: Some("azure-openai"),
            rate_limited: Some(exchange.answer == Answer::GatewayLimit),
            request_body: Some(Payload::Text(&request)),
            response_body: Some(Payload::Text(&response)),
            status_code: Some(exchange.answer.status()),
            ..RecordLine::default()
        };
        if is_own_gateway {
            let duration_ms = u32::try_from(80 + exchange.words_seed % 4_000).expect("at most four digits");
            record.attempt = Some(1);
            record.datetime = Some(exchange.at);
            record.deployment = Some(deployment.deployment);
            record.duration_ms = Some(duration_ms);
            record.log_id = Some(&log_id);
            record.region = Some(deployment.region);
            record.step = Some(0);
            record.ttft_ms = Some(duration_ms / 4);
        }
        let sealer = self.sealing.as_ref().map(SealingKey::new_line).transpose().map_err(WriteError::from)?;
        let mut line = Vec::new();
        record.append_to(&mut line, sealer.as_ref())?;
        Ok(line)
    }

    /// Copies lines into a later object; every line at most once, or its second copy there would be an event.
    fn repeat_lines(&mut self, objects: &mut [OpenObject]) {
        let mut left = self.plan.repeated_lines;
        let originals: Vec<usize> = objects.iter().map(|object| object.lines.len()).collect();
        let last = objects.len().saturating_sub(1);
        for (line, from) in
            (0..originals.iter().copied().max().unwrap_or(0)).flat_map(|line| (0..last).map(move |from| (line, from)))
        {
            if left == 0 {
                return;
            }
            if line < originals[from] {
                let to = from + 1 + self.random.index(last - from);
                let copy = objects[from].lines[line].clone();
                objects[to].lines.push(copy);
                self.truth.duplicates(1);
                left -= 1;
            }
        }
    }

    /// Puts bad lines into the first half of the objects; the second half is for redelivery.
    fn add_bad_lines(&mut self, objects: &mut [OpenObject]) -> Result<(), CorpusError> {
        if self.plan.bad_lines == 0 {
            return Ok(());
        }
        let mut bad = BadLines::new(self.plan.overlong_line_bytes, self.plan.sealed_for.as_deref())?;
        let half = objects.len() / 2;
        for reason in bad.reasons() {
            for _ in 0..self.plan.bad_lines {
                if let Some(line) = bad.line(*reason)? {
                    let lines = &mut objects[self.random.index(half)].lines;
                    let at = self.random.index(lines.len() + 1);
                    lines.insert(at, line);
                    self.truth.reject(*reason);
                }
            }
        }
        Ok(())
    }

    fn redeliver(&mut self, objects: &[OpenObject]) -> Result<(), CorpusError> {
        let half = objects.len() / 2;
        for index in 0..usize::try_from(self.plan.redelivered_objects).unwrap_or(0).min(objects.len() - half) {
            let again = &objects[half + index];
            let suffix = again.key.suffix() ^ 0x5a5a_5a5a;
            let key = LogKey::new(again.key.prefix(), again.key.start(), again.key.end(), suffix);
            self.truth.duplicates(u64::try_from(again.lines.len()).unwrap_or(0));
            self.close(key.to_string(), &again.lines, Role::Redelivered)?;
        }
        Ok(())
    }

    fn add_corrupt_objects(&mut self) -> Result<(), CorpusError> {
        let noon =
            TimestampMicros::clamped(self.plan.date.and_time(NaiveTime::MIN).and_utc()).plus_seconds(DAY_SECONDS / 2);
        for index in 0..i64::from(self.plan.corrupt_objects) {
            let object = self.object(noon.plus_seconds(index), CORRUPT_OBJECT_LINES, false, false)?;
            let mut bytes = compress(&object.lines)?;
            bytes.truncate(bytes.len() * 2 / 3);
            self.truth.quarantined.push(object.key.to_string());
            self.objects.push(PlannedObject { key: object.key.to_string(), bytes, role: Role::Corrupt });
        }
        Ok(())
    }

    fn add_late_objects(&mut self) -> Result<(), CorpusError> {
        let midnight = TimestampMicros::clamped(self.plan.date.and_time(NaiveTime::MIN).and_utc());
        for index in 1..=i64::from(self.plan.late_objects) {
            let start = midnight.plus_seconds(-index * 10 * WINDOW_SECONDS);
            let object = self.object(start, self.plan.events_per_object.max(1), false, true)?;
            self.close(object.key.to_string(), &object.lines, Role::Late)?;
        }
        Ok(())
    }

    fn add_other_keys(&mut self) {
        let day = self.plan.date.format("%Y%m%d");
        let folder = if self.plan.prefix.is_empty() { String::new() } else { format!("{}/", self.plan.prefix) };
        for (key, bytes) in [
            (format!("{folder}{day}/ownership-challenge-3f9a.txt"), &b"eyJhbGciOi.token"[..]),
            (format!("{folder}{day}/test.txt.gz"), &b"\x1f\x8b not really"[..]),
        ] {
            self.truth.ignored.push(key.clone());
            self.objects.push(PlannedObject { key, bytes: bytes.to_vec(), role: Role::Other });
        }
    }

    fn close(&mut self, key: String, lines: &[Vec<u8>], role: Role) -> Result<(), CorpusError> {
        self.truth.objects += 1;
        self.objects.push(PlannedObject { key, bytes: compress(lines)?, role });
        Ok(())
    }
}

fn compress(lines: &[Vec<u8>]) -> Result<Vec<u8>, WriteError> {
    let mut batch = Batch::new();
    for line in lines {
        batch.push_line(line)?;
    }
    batch.finish()
}
