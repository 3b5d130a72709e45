//! What a corpus is asked for, and what comes out.

use std::{fs, io, path::Path};

use chrono::NaiveDate;
use gatelog_logpush::{KeyError, WriteError};

use super::{
    GroundTruth,
    day::{self, OBJECTS_MIN},
    deployments::PRICES_SINCE,
};

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
        day::build(self)
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
