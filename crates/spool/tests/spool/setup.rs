//! A bucket, a spool, and reading back what was shipped.

use std::{path::Path, sync::Arc, time::Duration};

use gatelog_logpush::{Line, LineLimits, LineReader, LogKey, parse_line};
use gatelog_model::TimestampMicros;
use gatelog_objects::{RetryPolicy, Store, StoreOptions};
use gatelog_runtime::{Shutdown, SystemClock};
use gatelog_spool::{Shipper, ShipperOptions, Spool, SpoolOptions, SpoolStatus};
use gatelog_testkit::s3::S3Server;
use tempfile::TempDir;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

pub(crate) const BUCKET: &str = "logs";
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// 2026-11-24T00:00:00Z.
const START_MICROS: i64 = 1_795_478_400_000_000;

pub(crate) struct Bucket {
    pub(crate) server: S3Server,
    pub(crate) store: Store,
    _folder: TempDir,
}

pub(crate) async fn bucket() -> Bucket {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path()).await.unwrap();
    server.create_bucket(BUCKET).await.unwrap();
    let store = store(&server.endpoint(), server.access_key(), server.secret_key()).await;
    Bucket { server, store, _folder: folder }
}

/// One attempt per call: the shipper's own retries are what is tested.
pub(crate) async fn store(endpoint: &str, access_key: &str, secret_key: &str) -> Store {
    let options = StoreOptions::new(BUCKET, "us-east-1")
        .endpoint(endpoint)
        .static_credentials(access_key, secret_key)
        .retry(RetryPolicy::once());
    Store::connect(options).await
}

pub(crate) fn open(folder: &Path, change: impl FnOnce(&mut SpoolOptions)) -> Spool {
    let mut options = SpoolOptions::new(folder);
    change(&mut options);
    Spool::open(options, Arc::new(SystemClock)).unwrap()
}

pub(crate) fn at(micros: i64) -> TimestampMicros {
    TimestampMicros::try_new(START_MICROS + micros).unwrap()
}

pub(crate) fn line(label: &str) -> Vec<u8> {
    format!("{{\"Gateway\":\"g\",\"LogId\":\"{label}\",\"StatusCode\":200}}\n").into_bytes()
}

/// Appends one record and waits until it is kept.
pub(crate) async fn append(spool: &Spool, micros: i64, label: &str) {
    spool.admit(1_000).unwrap().append(at(micros), line(label)).await.unwrap();
}

/// A shipper that runs, and how it is stopped.
pub(crate) struct Shipping {
    pub(crate) shutdown: Shutdown,
    task: JoinHandle<SpoolStatus>,
}

pub(crate) fn quick_options() -> ShipperOptions {
    let wait = Duration::from_millis(5);
    ShipperOptions { drain_limit: LIMIT, grace: LIMIT, retry_base: wait, retry_cap: wait * 4 }
}

pub(crate) fn ship(spool: &Spool, store: &Store) -> Shipping {
    ship_with(spool, store, quick_options())
}

pub(crate) fn ship_with(spool: &Spool, store: &Store, options: ShipperOptions) -> Shipping {
    let shutdown = Shutdown::default();
    let shipper = Shipper::new(spool.clone(), store.clone(), options).unwrap();
    let task = shutdown.spawn(shipper.run(shutdown.clone()));
    Shipping { shutdown, task }
}

impl Shipping {
    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(self) -> SpoolStatus {
        self.shutdown.request();
        timeout(LIMIT, self.task).await.unwrap().unwrap()
    }

    /// As if the process had died: nothing is finished.
    pub(crate) async fn abort(self) {
        self.task.abort();
        let _aborted = self.task.await;
    }
}

/// Every object of the bucket with the labels of its lines, in key order; each line must be a record.
pub(crate) async fn objects(store: &Store) -> Vec<(String, Vec<String>)> {
    let mut objects = Vec::new();
    let mut next = None;
    loop {
        let page = store.list_page("", None, next.as_deref()).await.unwrap();
        for object in page.objects {
            LogKey::parse(&object.key).unwrap();
            let bytes = store.get_bytes(&object.key, 1 << 30).await.unwrap();
            objects.push((object.key, labels_of(&bytes)));
        }
        next = page.next;
        if next.is_none() {
            return objects;
        }
    }
}

/// The labels of all objects, in the order of their keys.
pub(crate) async fn labels(store: &Store) -> Vec<String> {
    objects(store).await.into_iter().flat_map(|(_, labels)| labels).collect()
}

fn labels_of(object: &[u8]) -> Vec<String> {
    let mut labels = Vec::new();
    let mut lines = LineReader::new(object, LineLimits::default());
    while let Some(read) = lines.next_line().unwrap() {
        let Line::Text { text, .. } = read else { panic!("a line is too long") };
        labels.push(parse_line(&text).unwrap().log_id.unwrap().into_owned());
    }
    labels
}

/// Files of a folder that are segments.
pub(crate) fn segments(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "segment")).count()
}

pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(LIMIT, waiting).await.is_ok(), "never: {what}");
}
