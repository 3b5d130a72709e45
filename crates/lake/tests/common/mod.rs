//! A lake in memory, with real Parquet files.

use std::{collections::BTreeMap, sync::Arc};

use gatelog_columnar::{DayFile, Stamp, WriteOptions, write_day_files};
use gatelog_lake::{
    CommitInfo, DataFileToAdd, EVENTS, Lake, ObjectIo, StagedAppend, Warehouse,
    memory::{MemoryObjects, MemoryPointers},
};
use gatelog_model::{
    BodyState, CostSource, Digest, Event, EventTimeSource, Operation, Outcome, PicoUsd, SourceObject, TimestampMicros,
    TokenSource, Tokens,
};

/// 2026-11-20.
pub(crate) const DAY: i32 = 20_777;
/// Stands in every prompt, and nowhere else; short enough to fit a bound whole.
pub(crate) const PROMPT: &str = "SECRET-PROMPT";

pub(crate) fn at(day: i32, second: i64) -> TimestampMicros {
    TimestampMicros::try_new((i64::from(day) * 86_400 + second) * 1_000_000).unwrap()
}

/// The `n`-th event of a day.
pub(crate) fn event(day: i32, n: i64) -> Event {
    Event {
        event_id: format!("event-{day}-{n}"),
        event_time: at(day, n % 86_400),
        event_time_source: EventTimeSource::Record,
        account_id: "account".to_owned(),
        gateway_id: "gateway".to_owned(),
        provider: "azure-openai".to_owned(),
        endpoint: "resource/deployment/chat/completions".to_owned(),
        operation: Operation::Chat,
        azure_resource: Some("resource".to_owned()),
        deployment: Some("deployment".to_owned()),
        deployment_type: None,
        region: None,
        model_requested: None,
        model: Some("gpt-4o".to_owned()),
        status_code: Some(200),
        outcome: Outcome::Ok,
        cached: false,
        rate_limited: false,
        streamed: false,
        attempt: None,
        step: None,
        duration_ms: None,
        ttft_ms: None,
        tenant_id: Some(format!("tenant-{}", n % 7)),
        user_id: None,
        prompt_version: None,
        metadata: BTreeMap::from([("note".to_owned(), PROMPT.to_owned())]),
        tokens: Tokens { input: Some(10), output: Some(2), ..Tokens::default() },
        token_source: TokenSource::Reported,
        cost: Some(PicoUsd::new(30_250_000)),
        saved: None,
        cost_source: CostSource::Rated,
        rate_id: Some("rate-1".to_owned()),
        finish_reason: Some("stop".to_owned()),
        content_filtered: false,
        request_body: Some(PROMPT.into()),
        response_body: Some(PROMPT.into()),
        body_state: BodyState::Open,
        source: Arc::new(SourceObject {
            bucket: "logs".to_owned(),
            key: "20261120/a.log.gz".to_owned(),
            etag: "etag".to_owned(),
            size_bytes: 1,
            window_start: at(day, 0),
            window_end: at(day, 0),
        }),
        source_line: 1,
        line_digest: Digest([1; 32]),
        extra: Some(format!("{{\"Note\":\"{PROMPT}\"}}")),
    }
}

/// A lake with what it stands on.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) objects: Arc<MemoryObjects>,
    pub(crate) pointers: Arc<MemoryPointers>,
    pub(crate) lake: Lake,
}

impl World {
    pub(crate) async fn new() -> Self {
        let objects = Arc::new(MemoryObjects::new(at(DAY, 0)));
        let pointers = Arc::new(MemoryPointers::default());
        let warehouse = Warehouse { bucket: "lake".to_owned(), prefix: "warehouse/".to_owned() };
        let lake = Lake::open_or_create(objects.clone(), pointers.clone(), &warehouse).await.unwrap();
        Self { objects, pointers, lake }
    }

    /// Puts a file into the bucket, as a commit does before it takes the lock.
    pub(crate) async fn put(&self, file: &DayFile, commit_seq: i64) -> DataFileToAdd {
        let path = self.lake.new_data_path(file.day, commit_seq);
        self.objects.put(self.lake.key(&path).unwrap(), file.bytes.clone()).await.unwrap();
        DataFileToAdd::new(path, file)
    }

    pub(crate) async fn stage(&self, files: &[DayFile], commit_seq: i64) -> StagedAppend {
        let mut added = Vec::new();
        for file in files {
            added.push(self.put(file, commit_seq).await);
        }
        let commit = CommitInfo { commit_seq, at: at(DAY, commit_seq) };
        let pointer = self.lake.pointer().await.unwrap();
        self.lake.stage_append(&pointer, &added, commit).await.unwrap()
    }

    pub(crate) fn swap(&self, staged: &StagedAppend) -> bool {
        self.pointers.swap(&EVENTS, &staged.old_pointer, &staged.new_pointer)
    }

    pub(crate) async fn append(&self, files: &[DayFile], commit_seq: i64) -> StagedAppend {
        let staged = self.stage(files, commit_seq).await;
        assert!(self.swap(&staged));
        staged
    }
}

/// The Parquet files of some events.
pub(crate) fn files(events: Vec<Event>, commit_seq: i64) -> Vec<DayFile> {
    let stamp = Stamp { commit_seq, ingest_time: at(DAY, commit_seq) };
    write_day_files(events, stamp, WriteOptions::default()).unwrap()
}
