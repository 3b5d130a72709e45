//! A fresh catalog and the makers of what goes into it.

use std::time::Duration;

use gatelog_catalog::{
    Catalog, Claim, ClaimRequest, CommitBatch, CommitKind, ConnectOptions, Listed, ObjectCommit, OutputFile,
    StageOutcome, StagedCommit, TableName,
};
use gatelog_model::{Digest, LineDigest, Outcome, PicoUsd, Reject, RejectReason, Tally, TimestampMicros};
use gatelog_rollup::{LatencyHistogram, Rollup, RollupCell, RollupKey};
use gatelog_testkit::postgres::TestDatabase;
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) const BUCKET: &str = "logs";
pub(crate) const LEASE: Duration = Duration::from_secs(60);
pub(crate) const FIRST_METADATA: &str = "s3://lake/metadata/00000.json";

pub(crate) struct Fixture {
    pub(crate) catalog: Catalog,
    /// Connections of no catalog, to look from outside.
    pub(crate) pool: PgPool,
    pub(crate) url: String,
    /// Last, because the database goes with it.
    _database: TestDatabase,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create().await.unwrap();
        let catalog = connect(database.url()).await;
        catalog.migrate().await.unwrap();
        catalog.create_pointer_if_absent(&table(), FIRST_METADATA).await.unwrap();
        let pool = PgPool::connect(database.url()).await.unwrap();
        Self { catalog, pool, url: database.url().to_owned(), _database: database }
    }

    /// Enters `count` objects, a minute each, and claims them all.
    pub(crate) async fn claimed(&self, count: u64, owner: Uuid) -> Vec<Claim> {
        let objects: Vec<_> = (0..count).map(listed).collect();
        self.catalog.record_listed(BUCKET, &objects).await.unwrap();
        self.claim(owner).await
    }

    pub(crate) async fn claim(&self, owner: Uuid) -> Vec<Claim> {
        self.catalog.claim(&request(owner)).await.unwrap()
    }

    /// A row of counts from outside: `SELECT a, b, ...` of bigints.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// Stages and commits, moving the pointer if there are files.
    pub(crate) async fn commit(&self, batch: &CommitBatch) {
        let staged = staged(&self.catalog, batch).await;
        finish(staged, batch).await;
    }

    /// Everything that a commit writes, as text: equal before and after something that must change nothing.
    pub(crate) async fn everything(&self) -> String {
        let sql = "SELECT concat_ws('|',
            (SELECT string_agg(concat_ws(',', id, state, lines, events, duplicates, rejects, commit_seq), ';' ORDER BY id)
             FROM gatelog.source_object),
            (SELECT string_agg(r::text, ';' ORDER BY r::text) FROM gatelog.reject AS r),
            (SELECT string_agg(l::text, ';' ORDER BY l::text) FROM gatelog.line_block AS l),
            (SELECT string_agg(c::text, ';' ORDER BY c::text) FROM gatelog.lake_commit AS c),
            (SELECT string_agg(f::text, ';' ORDER BY f::text) FROM gatelog.output_file AS f),
            (SELECT string_agg(r::text, ';' ORDER BY r::text) FROM gatelog.rollup_hourly AS r),
            (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM gatelog.iceberg_tables AS t))";
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

pub(crate) async fn connect(url: &str) -> Catalog {
    let options =
        ConnectOptions { url: url.to_owned(), max_connections: 10, application_name: "gatelog-test".to_owned() };
    Catalog::connect(&options).await.unwrap()
}

pub(crate) fn request(owner: Uuid) -> ClaimRequest {
    ClaimRequest { owner, objects_max: 512, bytes_max: u64::MAX, lease: LEASE }
}

pub(crate) fn table() -> TableName {
    TableName { catalog: "gatelog".to_owned(), namespace: "gatelog".to_owned(), name: "events".to_owned() }
}

/// Microseconds of `2026-04-18T00:00:00Z` and so on.
pub(crate) fn at(text: &str) -> TimestampMicros {
    TimestampMicros::clamped(text.parse().unwrap())
}

/// The `number`-th object: a window of a minute from the start of 18 April 2026.
pub(crate) fn listed(number: u64) -> Listed {
    let start = at("2026-04-18T00:00:00Z").plus_seconds(i64::try_from(number).unwrap() * 60);
    let key = format!("tenant/20260418/{number:08}.log.gz");
    Listed {
        key,
        etag: format!("etag{number}"),
        size_bytes: 1_000,
        window_start: start,
        window_end: start.plus_seconds(60),
    }
}

pub(crate) fn line_digest(label: u64) -> LineDigest {
    LineDigest((u128::from(label) << 64 | 7).to_be_bytes())
}

pub(crate) fn digest(label: u64) -> Digest {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&label.to_be_bytes());
    Digest(bytes)
}

pub(crate) fn reject(line: u64, reason: RejectReason) -> Reject {
    Reject { line, byte_offset: line * 100, reason }
}

pub(crate) fn key(hour: &str) -> RollupKey {
    RollupKey {
        hour: at(hour),
        gateway_id: "gw".to_owned(),
        tenant_id: Some("acme".to_owned()),
        user_id: None,
        provider: "azure-openai".to_owned(),
        deployment: Some("chat".to_owned()),
        model: Some("gpt-4o".to_owned()),
        prompt_version: None,
        outcome: Outcome::Ok,
        cached: false,
    }
}

pub(crate) fn cell(requests: u64) -> RollupCell {
    RollupCell {
        requests,
        input_tokens: requests * 10,
        cached_input_tokens: requests * 4,
        cache_write_tokens: requests,
        output_tokens: requests * 3,
        reasoning_tokens: requests * 2,
        cost: PicoUsd::new(i128::from(requests) * 123_456_789),
        saved: PicoUsd::new(i128::from(requests)),
        unpriced: 0,
        latency: LatencyHistogram::default(),
    }
}

/// What is in an object, by labels that are unique per line.
#[derive(Default, Clone)]
pub(crate) struct Lines {
    pub(crate) events: Vec<u64>,
    pub(crate) duplicates: u64,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) key_ring: Option<String>,
}

pub(crate) fn events(labels: impl IntoIterator<Item = u64>) -> Lines {
    Lines { events: labels.into_iter().collect(), ..Lines::default() }
}

/// A batch that reads `objects` for the first time.
pub(crate) fn batch(commit_seq: i64, objects: &[(&Claim, Lines)]) -> CommitBatch {
    let mut batch = empty_batch(commit_seq, objects[0].0.lease.owner);
    for (claim, lines) in objects {
        let count = lines.events.len() as u64;
        let rejects = lines.rejects.len() as u64;
        let tally =
            Tally { lines: count + lines.duplicates + rejects, events: count, duplicates: lines.duplicates, rejects };
        let label = u64::try_from(claim.lease.object.0).unwrap();
        let kind = CommitKind::Ingest {
            tally,
            sha256: digest(label),
            lines_digest: digest(label + 1_000_000),
            rejects: lines.rejects.clone(),
            key_ring: lines.key_ring.clone(),
        };
        batch.objects.push(ObjectCommit { lease: claim.lease, kind });
        add_events(&mut batch, claim, &lines.events);
    }
    batch
}

pub(crate) fn empty_batch(commit_seq: i64, worker: Uuid) -> CommitBatch {
    CommitBatch {
        commit_seq,
        worker,
        ingest_time: at("2026-04-19T12:00:00Z"),
        objects: Vec::new(),
        digests: Vec::new(),
        rollup: Rollup::default(),
        files: Vec::new(),
        events: 0,
    }
}

/// Adds events of `claim` to digests, rollup, files and count alike.
pub(crate) fn add_events(batch: &mut CommitBatch, claim: &Claim, labels: &[u64]) {
    if labels.is_empty() {
        return;
    }
    let count = labels.len() as u64;
    batch.digests.extend(labels.iter().map(|label| (line_digest(*label), claim.lease.object)));
    batch.rollup.extend([(key("2026-04-18T00:00:00Z"), cell(count))]);
    batch.files.push(OutputFile {
        path: format!("s3://lake/data/{}-{}.parquet", batch.commit_seq, claim.lease.object.0),
        day: at("2026-04-18T00:00:00Z").date(),
        rows: count,
        size_bytes: 100,
        sha256: digest(count),
    });
    batch.events += count;
}

pub(crate) async fn staged(catalog: &Catalog, batch: &CommitBatch) -> StagedCommit {
    match catalog.begin_commit().await.unwrap().stage(batch).await.unwrap() {
        StageOutcome::Staged(staged) => staged,
        other => panic!("not staged: {other:?}"),
    }
}

pub(crate) async fn finish(mut staged: StagedCommit, batch: &CommitBatch) {
    swap(&mut staged, batch).await;
    staged.commit().await.unwrap();
}

pub(crate) async fn swap(staged: &mut StagedCommit, batch: &CommitBatch) {
    if !batch.files.is_empty() {
        let old = staged.pointer(&table()).await.unwrap().unwrap().metadata_location;
        let new = format!("s3://lake/metadata/{:05}.json", batch.commit_seq);
        staged.swap_pointer(&table(), &old, &new, batch.commit_seq * 10).await.unwrap();
    }
}
