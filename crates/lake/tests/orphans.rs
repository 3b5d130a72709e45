//! Removing what nothing refers to, and nothing else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use common::{DAY, World, at, event, files};
use gatelog_lake::{
    EVENTS, GRACE_SECONDS_DEFAULT, GRACE_SECONDS_MIN, Lake, LakeError, ListPage, ObjectIo, ObjectIoError, OrphanAction,
    Warehouse, memory::MemoryObjects,
};

const DAY_SECONDS: i64 = 86_400;

async fn referenced(world: &World) -> HashSet<String> {
    world.lake.referenced_files(&world.lake.pointer().await.unwrap()).await.unwrap()
}

fn present(world: &World) -> HashSet<String> {
    world.objects.keys().into_iter().map(|key| format!("s3://lake/{key}")).collect()
}

#[tokio::test]
async fn old_unreferenced_files_go_and_referenced_and_young_ones_stay() {
    let world = World::new().await;
    for commit in 1..=60 {
        world.append(&files(vec![event(DAY, commit)], commit), commit).await;
    }
    let abandoned = world.stage(&files(vec![event(DAY, 99)], 99), 99).await;
    world.objects.set_time(at(DAY + 2, 0));
    let in_flight = world.stage(&files(vec![event(DAY, 100)], 100), 100).await;
    world.objects.put("warehouse/unrelated.txt", Bytes::from_static(b"not ours")).await.unwrap();
    let neighbour = format!("{}x/metadata/a.json", world.lake.key(world.lake.location()).unwrap());
    world.objects.set_time(at(DAY, 0));
    world.objects.put(&neighbour, Bytes::from_static(b"{}")).await.unwrap();

    let now = at(DAY + 2, 60);
    let (before, kept) = (present(&world), referenced(&world).await);
    let dry = world.lake.orphans(now, GRACE_SECONDS_DEFAULT, OrphanAction::Report).await.unwrap();
    assert_eq!((present(&world), dry.deleted), (before, 0), "a report deletes nothing");
    let done = world.lake.orphans(now, GRACE_SECONDS_DEFAULT, OrphanAction::Delete).await.unwrap();
    assert_eq!(done.orphans, dry.orphans);
    assert!(done.deleted > 80 && done.orphan_bytes() > 0, "{} deleted", done.deleted);

    let after = present(&world);
    assert!(after.is_superset(&kept), "everything referenced is there");
    assert!(after.is_superset(&in_flight.files.iter().cloned().collect()), "the commit under way is there");
    assert!(abandoned.files.iter().all(|file| !after.contains(file)), "the abandoned commit is gone");
    assert!(after.contains("s3://lake/warehouse/unrelated.txt") && after.contains(&format!("s3://lake/{neighbour}")));
    let again = world.lake.orphans(now, GRACE_SECONDS_DEFAULT, OrphanAction::Delete).await.unwrap();
    assert_eq!(again.deleted, 0);
    assert!(world.swap(&in_flight), "and can still be swapped in");
    let facts = world.lake.facts(&world.lake.pointer().await.unwrap()).await.unwrap();
    assert_eq!(facts.rows, 61);
}

#[tokio::test]
async fn a_grace_that_endangers_commits_under_way_is_refused() {
    let world = World::new().await;
    let refused = world.lake.orphans(at(DAY, 0), GRACE_SECONDS_MIN - 1, OrphanAction::Delete).await;
    assert!(matches!(refused, Err(LakeError::GraceTooShort { grace_seconds: 3_599, .. })));
}

/// A bucket in which somebody commits while it is being listed.
#[derive(Debug)]
struct Racing {
    inner: Arc<MemoryObjects>,
    swap: Mutex<Option<Swap>>,
}

#[derive(Debug)]
struct Swap {
    pointers: Arc<gatelog_lake::memory::MemoryPointers>,
    old: String,
    new: String,
}

#[async_trait]
impl ObjectIo for Racing {
    async fn get(&self, key: &str) -> Result<Bytes, ObjectIoError> {
        self.inner.get(key).await
    }
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectIoError> {
        self.inner.put(key, bytes).await
    }
    async fn head(&self, key: &str) -> Result<Option<u64>, ObjectIoError> {
        self.inner.head(key).await
    }
    async fn list(&self, prefix: &str, from: Option<&str>) -> Result<ListPage, ObjectIoError> {
        if let Some(Swap { pointers, old, new }) = self.swap.lock().unwrap().take() {
            assert!(pointers.swap(&EVENTS, &old, &new));
        }
        self.inner.list(prefix, from).await
    }
    async fn delete(&self, key: &str) -> Result<(), ObjectIoError> {
        self.inner.delete(key).await
    }
}

#[tokio::test]
async fn files_committed_while_the_listing_runs_are_kept() {
    let world = World::new().await;
    world.append(&files(vec![event(DAY, 1)], 1), 1).await;
    // Old enough to be taken for orphans, had they not been committed meanwhile.
    let late = world.stage(&files(vec![event(DAY, 2)], 2), 2).await;
    let swap = Swap { pointers: world.pointers.clone(), old: late.old_pointer.clone(), new: late.new_pointer.clone() };
    let racing = Arc::new(Racing { inner: world.objects.clone(), swap: Mutex::new(Some(swap)) });
    let warehouse = Warehouse { bucket: "lake".to_owned(), prefix: "warehouse".to_owned() };
    let lake = Lake::open_or_create(racing, world.pointers.clone(), &warehouse).await.unwrap();

    let done = lake.orphans(at(DAY, 2 * DAY_SECONDS), GRACE_SECONDS_MIN, OrphanAction::Delete).await.unwrap();
    assert_eq!(done.deleted, 0, "{:?}", done.orphans);
    assert_eq!(lake.pointer().await.unwrap(), late.new_pointer);
    assert!(present(&world).is_superset(&referenced(&world).await));
}

#[tokio::test]
async fn nothing_is_deleted_when_a_manifest_cannot_be_read() {
    let world = World::new().await;
    let staged = world.append(&files(vec![event(DAY, 1)], 1), 1).await;
    world.stage(&files(vec![event(DAY, 2)], 2), 2).await;
    world.objects.delete(world.lake.key(&staged.files[0]).unwrap()).await.unwrap();
    let before = present(&world);
    let now = at(DAY, 2 * DAY_SECONDS);
    assert!(world.lake.orphans(now, GRACE_SECONDS_MIN, OrphanAction::Delete).await.is_err());
    assert_eq!(present(&world), before);
}
