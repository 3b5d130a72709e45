//! The columns are a contract: what readers outside depend on does not drift unseen.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "sample/golden.rs"]
mod golden;
mod sample;

use gatelog_columnar::{COLUMNS, WriteOptions, read_events, schema, write_day_files};
use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    schema::printer::print_schema,
};

/// Every schema version ever written, by the name of its file.
const GOLDEN: [(&str, &[u8]); 1] = [("v1", include_bytes!("../testdata/events-v1.parquet"))];

#[test]
fn the_columns_are_those_of_the_contract() {
    let lines = COLUMNS.iter().enumerate().map(|(index, column)| {
        let need = if column.nullable { "optional" } else { "required" };
        format!("{:2} {:20} {need} {:9} {:?}\n", index + 1, column.name, format!("{:?}", column.kind), column.privacy)
    });
    insta::assert_snapshot!("columns", lines.collect::<String>());
}

#[test]
fn the_parquet_schema_is_that_of_the_contract() {
    let events = golden::rows().into_iter().map(|row| row.event).collect();
    let file = write_day_files(events, sample::stamp(), WriteOptions::default()).unwrap().remove(0);
    let reader = SerializedFileReader::new(file.bytes).unwrap();
    let metadata = reader.metadata().file_metadata();
    let mut printed = Vec::new();
    print_schema(&mut printed, metadata.schema());
    insta::assert_snapshot!("parquet", String::from_utf8(printed).unwrap());
    let leaf = |index: i32| metadata.schema_descr().column(usize::try_from(index).unwrap()).path().string();
    let sorted_by: Vec<String> =
        reader.metadata().row_group(0).sorting_columns().unwrap().iter().map(|sort| leaf(sort.column_idx)).collect();
    assert_eq!(sorted_by, gatelog_columnar::SORT_COLUMNS);
}

#[test]
fn every_schema_version_ever_written_is_read() {
    for (version, file) in GOLDEN {
        assert_eq!(read_events(file.into()).unwrap(), golden::rows(), "{version}");
    }
}

#[test]
fn every_field_says_what_it_means() {
    for field in schema().fields() {
        assert!(!field.metadata()["doc"].is_empty(), "{}", field.name());
    }
}

#[test]
fn foreign_bytes_are_an_error() {
    assert!(read_events(b"PAR1 not at all"[..].into()).is_err());
}
