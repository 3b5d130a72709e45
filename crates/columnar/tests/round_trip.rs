//! Events through Parquet and back, and what the files say about themselves.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "sample/any.rs"]
mod any_event;
mod sample;

use std::cmp::Ordering;

use gatelog_columnar::{Bound, DayFile, EventRow, WriteError, WriteOptions, field_id, read_events, write_day_files};
use gatelog_model::{Event, PicoUsd};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::{collection::vec, prelude::*};
use sample::{HOUR, START, bare, full, stamp};
use sha2::{Digest as _, Sha256};

fn order(a: &Event, b: &Event) -> Ordering {
    (a.event_time.day(), &a.tenant_id, a.event_time).cmp(&(b.event_time.day(), &b.tenant_id, b.event_time))
}

fn read_all(files: &[DayFile]) -> Vec<EventRow> {
    files.iter().flat_map(|file| read_events(file.bytes.clone()).unwrap()).collect()
}

fn write(events: Vec<Event>) -> Vec<DayFile> {
    write_day_files(events, stamp(), WriteOptions::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_column_survives_and_rows_are_in_order(events in vec(any_event::event(), 0..40), row_group_rows in 1_usize..20) {
        let options = WriteOptions { row_group_rows, ..WriteOptions::default() };
        let files = write_day_files(events.clone(), stamp(), options).unwrap();
        let mut expected = events;
        expected.sort_by(order);
        let rows = read_all(&files);
        prop_assert!(rows.iter().all(|row| row.commit_seq == 42 && row.ingest_time == stamp().ingest_time));
        let events: Vec<Event> = rows.into_iter().map(|row| row.event).collect();
        prop_assert_eq!(events, expected);
        prop_assert!(files.is_sorted_by(|a, b| a.day < b.day));
    }

    #[test]
    fn bounds_enclose_every_value(events in vec(any_event::event(), 1..30), row_group_rows in 1_usize..20) {
        let options = WriteOptions { row_group_rows, ..WriteOptions::default() };
        for file in write_day_files(events, stamp(), options).unwrap() {
            let rows = read_events(file.bytes.clone()).unwrap();
            let tenant = file.columns.iter().find(|stats| Some(stats.field_id) == field_id("tenant_id")).unwrap();
            prop_assert_eq!(tenant.values, file.rows);
            prop_assert_eq!(tenant.nulls, rows.iter().filter(|row| row.event.tenant_id.is_none()).count() as u64);
            for text in rows.iter().filter_map(|row| row.event.tenant_id.clone()) {
                let Some(Bound::Text(lower)) = &tenant.lower else { panic!("no lower bound") };
                prop_assert!(*lower <= text);
                if let Some(Bound::Text(upper)) = &tenant.upper {
                    prop_assert!(*upper >= text);
                }
            }
            let cost = file.columns.iter().find(|stats| Some(stats.field_id) == field_id("cost_usd")).unwrap();
            for amount in rows.iter().filter_map(|row| row.event.cost) {
                let (Some(Bound::Money(lower)), Some(Bound::Money(upper))) = (&cost.lower, &cost.upper) else {
                    panic!("no bounds")
                };
                prop_assert!((i128::from(*lower)..=i128::from(*upper)).contains(&amount.pico_usd()));
            }
        }
    }
}

#[test]
fn there_is_one_file_per_day_and_its_digest_and_offsets_hold() {
    let files = write(vec![full("b", START + 25 * HOUR), bare("a", START), full("c", START + 24 * HOUR - 1)]);
    let shape: Vec<_> = files.iter().map(|file| (file.day, file.rows)).collect();
    assert_eq!(shape, [(20_777, 2), (20_778, 1)]);
    for file in &files {
        let digest: [u8; 32] = Sha256::digest(&file.bytes).into();
        assert_eq!(file.sha256.0, digest);
        assert_eq!(file.split_offsets, [4], "the first row group follows the magic number");
    }
    assert!(write(Vec::new()).is_empty());
}

#[test]
fn the_same_events_give_the_same_bytes() {
    let events = || vec![full("a", START), bare("b", START), full("c", START)];
    assert_eq!(write(events())[0].sha256, write(events())[0].sha256);
}

/// Invariant 4: prompts stand in data pages only. The samples' prompt is short enough to fit any statistics.
#[test]
fn content_has_no_statistics_no_dictionary_and_no_bloom_filter() {
    let file = write(vec![full("a", START), full("b", START + 1)]).remove(0);
    let footer = SerializedFileReader::new(file.bytes.clone()).unwrap();
    let mut checked = 0;
    for column in footer.metadata().row_group(0).columns() {
        let path = column.column_path().string();
        assert_eq!(column.bloom_filter_offset(), None, "{path}");
        let content = ["request_body", "response_body"].contains(&path.as_str());
        let opaque = path == "extra" || path.starts_with("metadata");
        assert_eq!(column.statistics().is_none(), content || opaque, "{path}");
        if content || opaque {
            assert_eq!(column.column_index_offset(), None, "{path} has page statistics");
            checked += 1;
        }
        if content {
            assert_eq!(column.dictionary_page_offset(), None, "{path}");
        }
    }
    assert_eq!(checked, 5);
    for name in ["request_body", "response_body", "metadata", "extra"] {
        assert!(file.columns.iter().all(|stats| Some(stats.field_id) != field_id(name)), "{name}");
    }
}

#[test]
fn long_bodies_are_cut_into_slices_and_pages_without_loss() {
    let events: Vec<Event> = (0..40)
        .map(|n| {
            let body = format!("{n:08}").repeat(64 * 1024);
            Event { request_body: Some(body.into()), ..bare(&format!("e{n}"), START + n) }
        })
        .collect();
    let files = write(events.clone());
    let rows: Vec<Event> = read_all(&files).into_iter().map(|row| row.event).collect();
    assert_eq!(rows, events);
}

#[test]
fn what_does_not_fit_a_column_is_refused() {
    let dear = Event { cost: Some(PicoUsd::new(1_000_000_000_000_000_000)), ..bare("a", START) };
    assert!(matches!(write_day_files(vec![dear], stamp(), WriteOptions::default()), Err(WriteError::Money(_))));
    let far = Event { source_line: u64::MAX, ..bare("a", START) };
    let refused = write_day_files(vec![far], stamp(), WriteOptions::default());
    assert!(matches!(refused, Err(WriteError::Count { count: u64::MAX })));
}
