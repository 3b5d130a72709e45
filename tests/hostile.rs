#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
//! Input that nobody should send: counted, explained, retried, never in the way of the rest.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use gatelog_logpush::{KeyBits, SealingKey, generate_key_pair};
use gatelog_system_tests::{Audit, Labels, LogObject, Run, World, line};

const SETTINGS: &str = "[ingest]\nlease_seconds = 5\ncommit_interval_seconds = 1\nline_bytes_max = 1000000\nobject_bytes_max = 200000000\n";

/// A line with a label and something strange in it.
fn strange(label: u32, fields: &str) -> String {
    format!(r#"{{"Metadata":{{"trace":"{label}"}},{fields}}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_lines_end_in_their_columns_and_the_rest_arrives() {
    let world = World::start(SETTINGS).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let events = [
        strange(1, r#""RequestBody":"lone \ud800 surrogate","StatusCode":200"#),
        strange(2, r#""StatusCode":200,"StatusCode":500"#),
        strange(3, r#""Datetime":"9999-12-31T23:59:59Z""#),
        strange(4, r#""Datetime":-5"#),
        strange(5, r#""ResponseBody":"{\"usage\":{\"prompt_tokens\":-4,\"completion_tokens\":1e300}}""#),
        strange(6, r#""ResponseBody":"{\"usage\":{\"prompt_tokens\":18446744073709551615}}""#),
        strange(7, r#""RequestBody":"a \u0000 in it","Model":"m\u0000""#),
        r#"{"Metadata":{"trace":"8","tenantId":"t\u0000enant"}}"#.to_owned(),
        strange(9, &format!(r#""Unknown":{deep}"#)),
    ];
    let rejects = [
        "{\"StatusCode\":".to_owned(),
        "nonsense".to_owned(),
        format!(r#"{{"RequestBody":"{}"}}"#, "x".repeat(1_100_000)),
        r#"{"Metadata":{"type":"encrypted","key":"%%%","iv":"AAAA","data":"AAAA"}}"#.to_owned(),
    ];
    world.put(&[LogObject::of_lines(1, events.iter().chain(&rejects).cloned()), LogObject::plain(2, 100..110)]).await;
    let mut not_utf8 = LogObject::plain(3, 110..112);
    not_utf8 = LogObject::of_text(3, &[gunzip(&not_utf8), b"\xff\xfe\n".to_vec()].concat());
    world.put(&[not_utf8]).await;
    Run::ingest_once().succeed(&world).await;

    let audit = Audit::of(&world).await;
    let labels: Labels = audit.labels().into_keys().collect();
    assert_eq!(labels, (1..=9).chain(100..112).collect::<Labels>());
    assert!(audit.totals.is_balanced(), "{:?}", audit.totals);
    assert_eq!(audit.totals.tally.rejects, rejects.len() as u64 + 1);
    assert_eq!(audit.totals.file_rows, audit.rows.len() as u64);
}

fn gunzip(object: &LogObject) -> Vec<u8> {
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&object.bytes[..]), &mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_and_broken_gzip_are_quarantined_with_their_place() {
    let world = World::start(SETTINGS).await;
    let whole = LogObject::plain(1, 0..50);
    let mut cut = whole.again(2);
    cut.bytes = cut.bytes.slice(..cut.bytes.len() / 2);
    let mut corrupt = whole.again(3);
    let mut bytes = corrupt.bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    corrupt.bytes = bytes.into();
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..300 {
        bomb.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = LogObject { bytes: bomb.finish().unwrap().into(), ..whole.again(4) };
    let line_of_100_mb = LogObject::of_text(5, &vec![b'x'; 100 << 20]);
    world.put(&[cut, corrupt, bomb, line_of_100_mb, LogObject::plain(6, 50..60)]).await;
    Run::ingest_once().succeed(&world).await;

    let list = Run::new(&["quarantine", "list"]).succeed(&world).await;
    for expected in ["truncated_gzip at byte", "corrupt_gzip at byte", "too_large", "1 line_too_long"] {
        assert!(list.contains(expected), "no `{expected}` in\n{list}");
    }
    let audit = Audit::of(&world).await;
    assert_eq!(audit.labels().into_keys().collect::<Labels>(), (50..60).collect::<Labels>());
    assert_eq!(audit.totals.quarantined, 3);

    // The object arrives whole after all, under the same key: a new etag, read by itself.
    world.put(&[whole.again(2)]).await;
    Run::ingest_once().succeed(&world).await;
    assert_eq!(Audit::of(&world).await.labels().into_keys().collect::<Labels>(), (0..60).collect::<Labels>());
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_keys_are_read_or_ignored() {
    let settings =
        format!("{SETTINGS}[source]\nprefixes = [\"\", \"a b/100% sure\", \"grüße/日本\", \"plus+and&amp\"]\n");
    let world = World::start(&settings).await;
    let object = LogObject::plain(1, 0..10);
    let strange = |index: u32, prefix: &str| {
        let object = LogObject::plain(index, index * 10..index * 10 + 10);
        LogObject { key: format!("{prefix}{}", object.key), ..object }
    };
    let ignored = |key: &str| LogObject { key: key.to_owned(), ..object.clone() };
    world
        .put(&[
            object.clone(),
            strange(2, "a b/100% sure/"),
            strange(3, "grüße/日本/"),
            strange(4, "plus+and&amp/"),
            ignored("ownership-challenge-1a2b.txt"),
            ignored("20260801/test.txt.gz"),
            ignored("20260801/20260801T000000Z_20260801T000030Z_xyz.log.gz"),
        ])
        .await;
    Run::ingest_once().succeed(&world).await;
    Audit::of(&world).await.assert_exactly(&(0..10).chain(20..50).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_no_key_opens_are_retried_by_themselves_when_the_ring_changes() {
    let world = World::start(SETTINGS).await;
    let other = generate_key_pair(KeyBits::Rsa3072).unwrap();
    let foreign = SealingKey::from_pem("other.pem", &other.public).unwrap();
    let mixed =
        (20..25).map(|label| line(label, Some(&foreign))).chain((25..30).map(|label| line(label, Some(&world.key))));
    world
        .put(&[
            LogObject::sealed(1, &world.key, 0..10),
            LogObject::sealed(2, &foreign, 10..20),
            LogObject::of_lines(3, mixed),
        ])
        .await;
    Run::ingest_once().succeed(&world).await;
    let before = Audit::of(&world).await;
    before.assert_exactly(&(0..10).chain(25..30).collect());
    assert_eq!(before.totals.tally.rejects, 15);
    let shown = Run::new(&["quarantine", "list", "--reason", "no_key"]).succeed(&world).await;
    assert!(shown.contains("10 no_key") && shown.contains("5 no_key"), "{shown}");

    // Nothing has changed, so nothing is read again.
    let again = Run::ingest_once().succeed(&world).await;
    assert!(again.starts_with("0 objects"), "{again}");

    std::fs::write(world.key_file(), format!("{}{}", world.private_pem, other.private.as_str())).unwrap();
    Run::ingest_once().succeed(&world).await;
    let after = Audit::of(&world).await;
    after.assert_exactly(&(0..30).collect());
    assert_eq!(after.totals.tally.rejects, 0);
    assert_eq!(after.totals.tally.lines, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_nowhere_but_in_the_data_pages() {
    let world = World::start(SETTINGS).await;
    world.put(&[LogObject::sealed(1, &world.key, 0..10)]).await;
    Run::ingest_once().succeed(&world).await;
    let store = world.lake_store().await;
    let page = store.list_page("lake/", None, None).await.unwrap();
    let mut metadata_files = 0;
    for object in page.objects.iter().filter(|object| !object.key.ends_with(".parquet")) {
        metadata_files += 1;
        let bytes = store.get_bytes(&object.key, 1 << 30).await.unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"needle"), "content in {}", object.key);
    }
    assert!(metadata_files >= 3);
}
