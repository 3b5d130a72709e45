//! Makes many commits of one small file each, and prints for each what it took and the metadata it moved.
//!
//! `commit_growth COMMITS` prints `SECONDS BYTES` lines: from the begin of the transaction to the answer to COMMIT, and
//! the bytes of Iceberg metadata read and written. Uses Postgres as the tests do and an S3 server in this process.

use std::{
    env,
    error::Error,
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use gatelog_catalog::{
    Catalog, ClaimRequest, CommitBatch, CommitKind, ConnectOptions, Lease, Listed, ObjectCommit, OutputFile,
    StageOutcome, TableName,
};
use gatelog_columnar::{DayFile, Stamp, WriteOptions, write_day_files};
use gatelog_ingest::{
    Chunk, DecodeContext, MetadataKeys, NormaliseContext, UnwrapPool, Wanted, decode_object, open_lake,
};
use gatelog_lake::{CommitInfo, DataFileToAdd, EVENTS, Lake};
use gatelog_logpush::{KeyRing, LineLimits, LineReader};
use gatelog_model::{Digest, SourceObject, Tally, TimestampMicros};
use gatelog_objects::{Store, StoreOptions};
use gatelog_pricing::{DeploymentMap, RateBook};
use gatelog_rollup::{Rollup, RollupOptions};
use gatelog_testkit::{postgres::TestDatabase, s3::S3Server};
use uuid::Uuid;

/// 2026-01-01T00:00:00Z; commits follow each other by half a minute, as they do by default.
const FIRST_SECOND: i64 = 1_767_225_600;
const COMMIT_INTERVAL_SECONDS: i64 = 30;
/// Longer than the run.
const LEASE: Duration = Duration::from_secs(24 * 3_600);
const BUCKET: &str = "lake";

/// What one commit took.
struct Cost {
    time: Duration,
    metadata_bytes: u64,
}

/// Everything a commit needs.
struct Bench {
    catalog: Catalog,
    lake: Lake,
    store: Store,
    decode: DecodeContext,
    worker: Uuid,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let commits: u32 = env::args().nth(1).ok_or("usage: commit_growth COMMITS")?.parse()?;
    let folder = tempfile::tempdir()?;
    let server = S3Server::start(folder.path()).await?;
    server.create_bucket(BUCKET).await?;
    let database = TestDatabase::create().await?;
    let bench = Bench::connect(&server, database.url()).await?;
    bench.list_objects(commits).await?;

    let mut out = io::stdout().lock();
    for _ in 0..commits {
        let cost = bench.commit_next().await?;
        writeln!(out, "{:.6} {}", cost.time.as_secs_f64(), cost.metadata_bytes)?;
    }
    Ok(())
}

impl Bench {
    async fn connect(server: &S3Server, database_url: &str) -> Result<Self, Box<dyn Error>> {
        let options = StoreOptions::new(BUCKET, server.region())
            .endpoint(server.endpoint())
            .static_credentials(server.access_key(), server.secret_key());
        let store = Store::connect(options).await;
        let catalog = Catalog::connect(&ConnectOptions {
            url: database_url.to_owned(),
            max_connections: 4,
            application_name: "commit_growth".to_owned(),
        })
        .await?;
        catalog.migrate().await?;
        let lake = open_lake(store.clone(), catalog.clone(), "bench").await?;
        let normalise = NormaliseContext {
            account_id: "bench".to_owned(),
            metadata_keys: MetadataKeys::default(),
            deployments: DeploymentMap::default(),
            rates: RateBook::builtin(),
        };
        let decode = DecodeContext {
            normalise: Arc::new(normalise),
            keys: Arc::new(KeyRing::from_pem([])?),
            unwrap: Arc::new(UnwrapPool::try_new(1)?),
            chunk_bytes: usize::MAX,
        };
        Ok(Self { catalog, lake, store, decode, worker: Uuid::new_v4() })
    }

    /// Enters one object per commit into the ledger.
    async fn list_objects(&self, count: u32) -> Result<(), Box<dyn Error>> {
        let first = TimestampMicros::try_new(FIRST_SECOND * 1_000_000)?;
        let listed: Vec<Listed> = (0..i64::from(count))
            .map(|number| {
                let start = first.plus_seconds(number * COMMIT_INTERVAL_SECONDS);
                let key = format!("20260101/{number:08}.log.gz");
                Listed { key, etag: number.to_string(), size_bytes: 1, window_start: start, window_end: start }
            })
            .collect();
        self.catalog.record_listed("logs", &listed).await?;
        Ok(())
    }

    /// Prepares one object's file, then commits it under the stopwatch.
    async fn commit_next(&self) -> Result<Cost, Box<dyn Error>> {
        let request = ClaimRequest { owner: self.worker, objects_max: 1, bytes_max: u64::MAX, lease: LEASE };
        let claim = self.catalog.claim(&request).await?.pop().ok_or("no object is left")?;
        let chunk = self.decode(&claim.source)?;
        let stamp = Stamp { commit_seq: self.catalog.next_commit_seq().await?, ingest_time: claim.source.window_end };
        let (batch, files) = self.batch(claim.lease, chunk, stamp).await?;

        let started = Instant::now();
        let transaction = self.catalog.begin_commit().await?;
        let StageOutcome::Staged(mut transaction) = transaction.stage(&batch).await? else {
            return Err("the commit was refused".into());
        };
        let table = TableName {
            catalog: EVENTS.catalog.to_owned(),
            namespace: EVENTS.namespace.to_owned(),
            name: EVENTS.table.to_owned(),
        };
        let old = transaction.pointer(&table).await?.ok_or("the table is gone")?.metadata_location;
        let info = CommitInfo { commit_seq: stamp.commit_seq, at: stamp.ingest_time };
        let staged = self.lake.stage_append(&old, &files, info).await?;
        transaction.swap_pointer(&table, &old, &staged.new_pointer, staged.snapshot_id).await?;
        transaction.commit().await?;
        Ok(Cost { time: started.elapsed(), metadata_bytes: staged.bytes_read + staged.bytes_written })
    }

    /// One line, dated by its object.
    fn decode(&self, source: &SourceObject) -> Result<Chunk, Box<dyn Error>> {
        let line = format!(
            r#"{{"Gateway":"bench","Provider":"openai","Endpoint":"v1/chat/completions","Metadata":{{"tenantId":"t"}},"StatusCode":200,"RequestBody":"{}"}}"#,
            source.key
        );
        let mut chunk = Chunk::default();
        let mut reader = LineReader::in_memory(line.as_bytes(), LineLimits::default());
        decode_object(&self.decode, &Arc::new(source.clone()), &mut reader, Wanted::All, |decoded| {
            chunk = decoded;
            Ok(())
        })?;
        Ok(chunk)
    }

    /// Stores the file of the events and describes the commit.
    async fn batch(
        &self,
        lease: Lease,
        chunk: Chunk,
        stamp: Stamp,
    ) -> Result<(CommitBatch, Vec<DataFileToAdd>), Box<dyn Error>> {
        let object = lease.object;
        let mut rollup = Rollup::default();
        for event in &chunk.events {
            rollup.add(event, &RollupOptions { keep_users: true });
        }
        let mut files = Vec::new();
        let mut output_files = Vec::new();
        for file in write_day_files(chunk.events, stamp, WriteOptions::default())? {
            let path = self.lake.new_data_path(file.day, stamp.commit_seq);
            files.push(DataFileToAdd::new(path.clone(), &file));
            output_files.push(output_file(path.clone(), &file));
            self.store.put(self.lake.key(&path)?, file.bytes, "application/vnd.apache.parquet").await?;
        }
        let digest = Digest([u8::try_from(stamp.commit_seq % 251)?; 32]);
        let kind = CommitKind::Ingest {
            tally: Tally { lines: 1, events: 1, duplicates: 0, rejects: 0 },
            sha256: digest,
            lines_digest: digest,
            rejects: Vec::new(),
            key_ring: None,
        };
        let batch = CommitBatch {
            commit_seq: stamp.commit_seq,
            worker: self.worker,
            ingest_time: stamp.ingest_time,
            objects: vec![ObjectCommit { lease, kind }],
            digests: chunk.digests.into_iter().map(|digest| (digest, object)).collect(),
            rollup,
            files: output_files,
            events: 1,
        };
        Ok((batch, files))
    }
}

fn output_file(path: String, file: &DayFile) -> OutputFile {
    OutputFile {
        path,
        day: TimestampMicros::start_of_day(file.day).date(),
        rows: file.rows,
        size_bytes: file.bytes.len() as u64,
        sha256: file.sha256,
    }
}
