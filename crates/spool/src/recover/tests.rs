//! Segments that were cut or changed.

use std::{fs, path::PathBuf};

use gatelog_model::TimestampMicros;
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::frame::Head;

/// A folder with one segment of the given lines, and where each frame ends in the file.
fn segment_of(lines: &[Vec<u8>]) -> (TempDir, PathBuf, Vec<usize>) {
    let folder = tempfile::tempdir().unwrap();
    private_folder(&folder.path().join(DAMAGED_FOLDER)).unwrap();
    let id = SegmentId { instance: Uuid::from_u128(1), number: 7 };
    let mut bytes = id.header().to_vec();
    let mut ends = vec![bytes.len()];
    for (index, line) in lines.iter().enumerate() {
        let at = TimestampMicros::try_new(i64::try_from(index).unwrap()).unwrap();
        bytes.extend_from_slice(&Head::new(at, line).0);
        bytes.extend_from_slice(line);
        ends.push(bytes.len());
    }
    let path = id.path(folder.path());
    fs::write(&path, bytes).unwrap();
    (folder, path, ends)
}

fn lines_in(path: &Path) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    if path.exists() {
        let mut frames = frames_of(path).unwrap();
        while let Next::Record(record) = frames.next().unwrap() {
            lines.push(record.line.to_vec());
        }
    }
    lines
}

fn some_lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = prop::collection::vec(32_u8..127, 1..60).prop_map(|mut line| {
        line.push(b'\n');
        line
    });
    prop::collection::vec(line, 1..8)
}

proptest! {
    #[test]
    fn a_cut_file_yields_the_whole_records_before_the_cut(lines in some_lines(), part in 0.0..1.0_f64) {
        let (folder, path, ends) = segment_of(&lines);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a part of a small file")]
        let cut = (part * *ends.last().unwrap() as f64) as usize;
        fs::File::options().write(true).open(&path).unwrap().set_len(cut as u64).unwrap();
        let whole = ends.iter().skip(1).filter(|end| **end <= cut).count();

        let recovered = recover(folder.path()).unwrap();
        prop_assert_eq!(lines_in(&path), &lines[..whole]);
        prop_assert_eq!(recovered.segments.iter().map(|segment| segment.records).sum::<u64>(), whole as u64);
        prop_assert_eq!(recovered.damaged, 0);
        prop_assert_eq!(recovered.torn, u64::from(cut > 0 && !ends.contains(&cut)));
        prop_assert_eq!(path.exists(), whole > 0, "a segment without records is removed");
        prop_assert_eq!(recovered.next_number, 8);

        let again = recover(folder.path()).unwrap();
        prop_assert_eq!((again.torn, again.segments), (0, recovered.segments));
    }

    #[test]
    fn a_changed_byte_yields_the_records_before_it(lines in some_lines(), part in 0.0..1.0_f64, flip in 1_u8..=255) {
        let (folder, path, ends) = segment_of(&lines);
        let mut bytes = fs::read(&path).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a part of a small file")]
        let index = (part * bytes.len() as f64) as usize;
        bytes[index] ^= flip;
        fs::write(&path, &bytes).unwrap();
        let whole = ends.iter().skip(1).filter(|end| **end <= index).count();
        let is_in_last = index >= ends[ends.len() - 2] && index >= HEADER_BYTES;

        let recovered = recover(folder.path()).unwrap();
        prop_assert_eq!(lines_in(&path), &lines[..whole]);
        prop_assert_eq!((recovered.torn, recovered.damaged), if is_in_last { (1, 0) } else { (0, 1) });
        let copy = folder.path().join(DAMAGED_FOLDER).join("00000000000000000007.segment.0");
        if is_in_last {
            prop_assert!(!copy.exists());
        } else {
            prop_assert_eq!(fs::read(copy).unwrap(), bytes, "kept as it was found");
            prop_assert_eq!(recover(folder.path()).unwrap().next_number, 8, "its number is not used again");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (folder, path, _) = segment_of(&[]);
        let id = SegmentId { instance: Uuid::from_u128(1), number: 7 };
        fs::write(&path, [&id.header()[..], &bytes].concat()).unwrap();
        prop_assert!(recover(folder.path()).unwrap().segments.is_empty());
    }
}

#[test]
fn zeros_at_the_end_are_an_unfinished_end() {
    // What a file system shows after a power failure when the size was durable before the content.
    let lines = [b"{}\n".to_vec()];
    let (folder, path, ends) = segment_of(&lines);
    fs::File::options().write(true).open(&path).unwrap().set_len(ends[1] as u64 + 4_096).unwrap();
    let recovered = recover(folder.path()).unwrap();
    assert_eq!((recovered.torn, recovered.damaged), (1, 0));
    assert_eq!(lines_in(&path), lines);
}

#[test]
fn other_files_are_left_alone() {
    let (folder, _, _) = segment_of(&[b"{}\n".to_vec()]);
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    assert_eq!(recover(folder.path()).unwrap().segments.len(), 1);
    assert!(folder.path().join("notes.txt").exists());
}
