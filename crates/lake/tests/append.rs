//! Appends: what readers see of them, and that metadata stays bounded.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use common::{DAY, PROMPT, World, at, event, files};
use futures::TryStreamExt;
use gatelog_columnar::{COLUMNS, field_id};
use gatelog_lake::{
    CommitInfo, EVENTS, IcebergCatalog, Lake, LakeError, ObjectIo, PointerStore, S3Storage, SNAPSHOTS_RETAINED,
    StagedAppend, TableFacts, Warehouse,
};
use iceberg::{
    Catalog, MetadataLocation, TableIdent,
    spec::{ManifestStatus, SnapshotReference, SnapshotRetention, TableMetadata},
    table::Table,
};

async fn load(world: &World) -> Table {
    let ident = TableIdent::from_strs(["gatelog", "events"]).unwrap();
    IcebergCatalog::new(&world.lake).load_table(&ident).await.unwrap()
}

async fn scanned_rows(world: &World) -> usize {
    let table = load(world).await;
    let scan = table.scan().select(["event_id", "tenant_id", "cost_usd"]).build().unwrap();
    let batches: Vec<_> = scan.to_arrow().await.unwrap().try_collect().await.unwrap();
    batches.iter().map(|batch| batch.num_rows()).sum()
}

async fn facts(world: &World) -> TableFacts {
    world.lake.facts(&world.lake.pointer().await.unwrap()).await.unwrap()
}

/// The sequence number of every live file, by path, as every engine reads them.
async fn sequence_numbers(world: &World) -> HashMap<String, i64> {
    let table = load(world).await;
    let io = S3Storage::file_io("lake", world.objects.clone(), Arc::default());
    let list = table.manifest_list_reader(table.metadata().current_snapshot().unwrap()).load().await.unwrap();
    let mut numbers = HashMap::new();
    for manifest in list.entries() {
        for entry in manifest.load_manifest(&io).await.unwrap().entries() {
            assert!(entry.status() != ManifestStatus::Deleted);
            let snapshot = entry.snapshot_id().unwrap();
            assert!(snapshot > 0);
            assert!(entry.sequence_number().unwrap() >= manifest.min_sequence_number);
            assert_eq!(entry.file_sequence_number, entry.sequence_number());
            let before = numbers.insert(entry.file_path().to_owned(), entry.sequence_number().unwrap());
            assert_eq!(before, None, "`{}` is listed twice", entry.file_path());
        }
    }
    numbers
}

#[tokio::test]
async fn a_new_table_is_empty_and_as_the_contract_says() {
    let world = World::new().await;
    let table = load(&world).await;
    let metadata = table.metadata();
    for (index, column) in COLUMNS.iter().enumerate() {
        let field = metadata.current_schema().field_by_name(column.name).unwrap();
        assert_eq!(field.id, i32::try_from(index + 1).unwrap(), "files and table number `{}` alike", column.name);
        assert_eq!(field.required, !column.nullable);
        assert_eq!(field.doc.as_deref(), Some(column.doc));
    }
    let partition = &metadata.default_partition_spec().fields()[0];
    assert_eq!((partition.name.as_str(), partition.transform.to_string().as_str()), ("event_day", "day"));
    let sorted_by: Vec<i32> = metadata.default_sort_order().fields.iter().map(|field| field.source_id).collect();
    assert_eq!(sorted_by, [field_id("tenant_id").unwrap(), field_id("event_time").unwrap()]);
    for content in ["request_body", "response_body"] {
        assert_eq!(metadata.properties()[&format!("write.metadata.metrics.column.{content}")], "none");
    }
    let facts = facts(&world).await;
    assert_eq!((facts.rows, facts.snapshot_id, facts.differences), (0, None, Vec::new()));
    assert_eq!(scanned_rows(&world).await, 0);
}

#[tokio::test]
async fn opening_again_finds_the_same_table() {
    let world = World::new().await;
    let warehouse = Warehouse { bucket: "lake".to_owned(), prefix: "elsewhere".to_owned() };
    let again = Lake::open_or_create(world.objects.clone(), world.pointers.clone(), &warehouse).await.unwrap();
    assert_eq!(again.location(), world.lake.location());
}

#[tokio::test]
async fn every_file_is_listed_once_with_its_own_sequence_number_through_all_merges() {
    let world = World::new().await;
    let (mut rows, mut file_count) = (0, 0);
    for commit in 1..=80 {
        // One to three days a commit, so that tiers fill unevenly.
        let days = 1 + i32::try_from(commit % 3).unwrap();
        let events = (0..days).flat_map(|day| [event(DAY - day, commit), event(DAY - day, commit + 1)]).collect();
        let files = files(events, commit);
        rows += files.iter().map(|file| file.rows).sum::<u64>();
        file_count += files.len();
        world.append(&files, commit).await;
    }
    let numbers = sequence_numbers(&world).await;
    assert_eq!(numbers.len(), file_count);
    for (path, number) in numbers {
        assert!(path.contains(&format!("/{number:012}-")), "commit n has sequence number n: {number} of `{path}`");
    }
    let facts = facts(&world).await;
    assert_eq!((facts.rows, facts.data_files), (rows, file_count as u64));
    assert_eq!(facts.commit_seq, Some(80));
    assert_eq!(facts.snapshots, SNAPSHOTS_RETAINED);
    assert!(facts.manifests <= 30, "{} manifests", facts.manifests);
    assert_eq!(scanned_rows(&world).await as u64, rows);
    let summary = load(&world).await.metadata().current_snapshot().unwrap().summary().clone();
    assert_eq!(summary.additional_properties["total-records"], rows.to_string());
    assert_eq!(summary.additional_properties["total-data-files"], file_count.to_string());
}

/// Invariant 4: no content in manifests or any other metadata, through merges too.
#[tokio::test]
async fn content_stands_in_no_metadata_file() {
    let world = World::new().await;
    for commit in 1..=17 {
        world.append(&files(vec![event(DAY, commit)], commit), commit).await;
    }
    let pointer = world.lake.pointer().await.unwrap();
    let ids = world.lake.bounds_column_ids(&pointer).await.unwrap();
    for column in COLUMNS {
        let id = field_id(column.name).unwrap();
        assert_eq!(ids.contains(&id), column.has_statistics(), "{}", column.name);
    }
    let mut searched = 0;
    for key in world.objects.keys().iter().filter(|key| key.contains("/metadata/")) {
        let bytes = world.objects.get(key).await.unwrap();
        assert!(!bytes.windows(PROMPT.len()).any(|part| part == PROMPT.as_bytes()), "content in `{key}`");
        searched += 1;
    }
    assert!(searched > 3 * 17);
}

#[tokio::test]
async fn of_two_appends_staged_from_one_pointer_one_is_swapped_in() {
    let world = World::new().await;
    let first = world.stage(&files(vec![event(DAY, 1)], 1), 1).await;
    let second = world.stage(&files(vec![event(DAY, 2), event(DAY, 3)], 2), 2).await;
    assert_eq!(first.old_pointer, second.old_pointer);
    let names = |staged: &StagedAppend| staged.files.iter().cloned().collect::<HashSet<_>>();
    assert!(names(&first).is_disjoint(&names(&second)));
    assert!(world.swap(&second));
    assert!(!world.swap(&first));
    assert_eq!(scanned_rows(&world).await, 2);
}

#[tokio::test]
async fn an_append_that_is_never_swapped_in_changes_nothing() {
    let world = World::new().await;
    world.append(&files(vec![event(DAY, 1)], 1), 1).await;
    let before = facts(&world).await;
    world.stage(&files(vec![event(DAY, 2)], 2), 2).await;
    assert_eq!(facts(&world).await, before);
    assert_eq!(scanned_rows(&world).await, 1);
}

#[tokio::test]
async fn an_append_without_files_is_refused() {
    let world = World::new().await;
    let pointer = world.lake.pointer().await.unwrap();
    let refused = world.lake.stage_append(&pointer, &[], CommitInfo { commit_seq: 1, at: at(DAY, 1) }).await;
    assert!(matches!(refused, Err(LakeError::NothingToAdd)));
}

#[tokio::test]
async fn a_snapshot_with_a_tag_is_never_dropped() {
    let world = World::new().await;
    let tagged = world.append(&files(vec![event(DAY, 0)], 1), 1).await;
    let metadata = world.lake.metadata(&tagged.new_pointer).await.unwrap();
    let tag = SnapshotReference::new(tagged.snapshot_id, SnapshotRetention::Tag { max_ref_age_ms: None });
    let with_tag = metadata.into_builder(Some(tagged.new_pointer.clone())).set_ref("audit-2026", tag).unwrap();
    let with_tag: TableMetadata = with_tag.build().unwrap().metadata;
    let location = tagged.new_pointer.parse::<MetadataLocation>().unwrap().with_next_version();
    let io = S3Storage::file_io("lake", world.objects.clone(), Arc::default());
    with_tag.write_to(&io, &location).await.unwrap();
    assert!(world.pointers.swap(&EVENTS, &tagged.new_pointer, &location.to_string()));
    assert_eq!(world.pointers.load(&EVENTS).await.unwrap().unwrap(), location.to_string());

    let file = files(vec![event(DAY, 1)], 2);
    for commit in 2..=30 {
        world.append(&file, commit).await;
    }
    let table = load(&world).await;
    assert_eq!(table.metadata().snapshot_for_ref("audit-2026").unwrap().snapshot_id(), tagged.snapshot_id);
    assert_eq!(table.metadata().snapshots().len(), SNAPSHOTS_RETAINED + 1);
}

/// The clock of a new leader may be behind; time in the table still only goes forward.
#[tokio::test]
async fn a_commit_from_the_past_takes_the_time_of_the_last_snapshot() {
    let world = World::new().await;
    world.append(&files(vec![event(DAY, 1)], 80_000), 80_000).await;
    world.append(&files(vec![event(DAY, 1)], 1), 1).await;
    let table = load(&world).await;
    let times: HashSet<i64> = table.metadata().snapshots().map(|snapshot| snapshot.timestamp_ms()).collect();
    assert_eq!(times.len(), 1);
}
