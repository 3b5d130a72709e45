use std::io::Cursor;

use gatelog_logpush::{KeyBits, LineLimits, SealingKey, generate_key_pair};
use gatelog_model::TimestampMicros;
use gatelog_pricing::{DeploymentMap, RateBook};

use super::*;
use crate::normalise::MetadataKeys;

fn context(keys: KeyRing) -> DecodeContext {
    DecodeContext {
        normalise: Arc::new(NormaliseContext {
            account_id: String::new(),
            metadata_keys: MetadataKeys::default(),
            deployments: DeploymentMap::try_new(Vec::new()).unwrap(),
            rates: RateBook::builtin(),
        }),
        keys: Arc::new(keys),
        unwrap: Arc::new(UnwrapPool::try_new(2).unwrap()),
        chunk_bytes: 1 << 20,
    }
}

fn no_keys() -> KeyRing {
    KeyRing::from_pem([]).unwrap()
}

fn source() -> Arc<SourceObject> {
    let at = TimestampMicros::try_new(1_790_000_000_000_000).unwrap();
    Arc::new(SourceObject {
        bucket: "logs".into(),
        key: "20260921/x.log.gz".into(),
        etag: "e".into(),
        size_bytes: 1,
        window_start: at,
        window_end: at,
    })
}

/// All chunks in one, with the end.
fn decode(context: &DecodeContext, text: &[u8], wanted: Wanted<'_>) -> (Chunk, ObjectEnd) {
    let mut all = Chunk::default();
    let mut reader = LineReader::new(Cursor::new(text.to_vec()), LineLimits::default());
    let end = decode_object(context, &source(), &mut reader, wanted, |chunk| {
        all.events.extend(chunk.events);
        all.digests.extend(chunk.digests);
        Ok(())
    })
    .unwrap();
    (all, end)
}

fn sealed_line(key: &SealingKey, log_id: &str) -> String {
    let sealed = key.new_line().unwrap().seal(br#"{"tenantId":"acme"}"#).unwrap();
    format!(r#"{{"LogId":"{log_id}","Metadata":{sealed},"StatusCode":200}}"#)
}

#[test]
fn every_line_ends_in_one_column() {
    let text = b"{\"StatusCode\":200}\n{\"StatusCode\":200}\nnot json\n[1]\n{\"LogId\":\"a\"}\n{\"LogId\":\"a\",\"Cached\":true}\n";
    let (chunk, end) = decode(&context(no_keys()), text, Wanted::All);
    let ids: Vec<_> = chunk.events.iter().map(|event| (event.source_line, event.event_id.clone())).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[1], (2, format!("{}-2", ids[0].1)), "the second identical line is an event of its own");
    assert_eq!(ids[2], (5, "a".to_owned()));
    assert_eq!(end.duplicates, 1, "the second appearance of a LogId is a duplicate");
    let rejects: Vec<_> = end.rejects.iter().map(|reject| (reject.line, reject.byte_offset, reject.reason)).collect();
    assert_eq!(rejects, [(3, 38, RejectReason::NotJson), (4, 47, RejectReason::NotObject)]);
    assert_eq!(end.lines, chunk.events.len() as u64 + end.duplicates + end.rejects.len() as u64);
}

#[test]
fn sealed_lines_keep_their_order_and_open_only_with_the_key() {
    let pair = generate_key_pair(KeyBits::Rsa2048).unwrap();
    let key = SealingKey::from_pem("public.pem", &pair.public).unwrap();
    let text: String = (0..700).map(|index| sealed_line(&key, &format!("log-{index:03}")) + "\n").collect();

    let (none, end) = decode(&context(no_keys()), text.as_bytes(), Wanted::All);
    assert!(none.events.is_empty());
    assert!(end.rejects.iter().all(|reject| reject.reason == RejectReason::NoKey));
    assert_eq!(end.rejects.len(), 700);

    let ring = KeyRing::from_pem([("private.pem", pair.private.as_str())]).unwrap();
    let (chunk, opened) = decode(&context(ring), text.as_bytes(), Wanted::Rejected(&end.rejects[100..102]));
    let ids: Vec<_> = chunk.events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(ids, ["log-100", "log-101"]);
    assert_eq!(chunk.events[0].tenant_id.as_deref(), Some("acme"));
    assert_eq!(opened.lines, 2);
    assert_eq!(opened.lines_digest, end.lines_digest);
}

#[test]
fn a_retried_copy_keeps_the_ordinal_of_its_line() {
    let pair = generate_key_pair(KeyBits::Rsa2048).unwrap();
    let key = SealingKey::from_pem("public.pem", &pair.public).unwrap();
    let sealed = key.new_line().unwrap().seal(b"{}").unwrap();
    let line = format!(r#"{{"Metadata":{sealed}}}"#);
    let text = format!("{line}\n{line}\n");
    let (_, end) = decode(&context(no_keys()), text.as_bytes(), Wanted::All);
    let ring = || KeyRing::from_pem([("private.pem", pair.private.as_str())]).unwrap();
    let (all, _) = decode(&context(ring()), text.as_bytes(), Wanted::All);
    let (second, _) = decode(&context(ring()), text.as_bytes(), Wanted::Rejected(&end.rejects[1..]));
    assert_eq!(second.digests, all.digests[1..]);
    assert_eq!(second.events[0].event_id, all.events[1].event_id);
}

#[test]
fn a_large_object_comes_in_chunks_and_a_cut_one_is_an_error() {
    let text = format!("{{\"RequestBody\":\"{}\"}}\n", "x".repeat(100_000)).repeat(30);
    let context = context(no_keys());
    let mut chunks = Vec::new();
    let mut reader = LineReader::new(Cursor::new(text.clone().into_bytes()), LineLimits::default());
    let end = decode_object(&context, &source(), &mut reader, Wanted::All, |chunk| {
        chunks.push(chunk.events.len());
        Ok(())
    })
    .unwrap();
    assert!(chunks.len() >= 3, "{chunks:?}");
    assert_eq!(chunks.iter().sum::<usize>() as u64, end.lines);

    let mut reader = LineReader::new(Cursor::new(b"\x1f\x8b\x08\x00".to_vec()), LineLimits::default());
    let cut = decode_object(&context, &source(), &mut reader, Wanted::All, |_| Ok(()));
    assert!(matches!(cut, Err(DecodeError::Read(ReadError::Truncated { .. }))), "{cut:?}");
}

#[test]
fn bodies_are_those_of_their_line() {
    let request = |n: usize| format!("{{\"prompt\":\"{n}\n\\\"é😀\\\"{}\"}}", "x".repeat(n * 40));
    let text: String = (0..300)
        .map(|n| {
            let request = serde_json::to_string(&request(n)).unwrap();
            format!("{{\"RequestBody\":{request},\"Model\":\"m\\u002d{n}\",\"ResponseBody\":{{\"n\": {n}}}}}\n")
        })
        .collect();
    let (chunk, _) = decode(&context(no_keys()), text.as_bytes(), Wanted::All);
    assert_eq!(chunk.events.len(), 300);
    for (n, event) in chunk.events.iter().enumerate() {
        assert_eq!(event.request_body.as_deref(), Some(request(n).as_str()));
        assert_eq!(event.response_body.as_deref(), Some(format!("{{\"n\": {n}}}").as_str()));
        assert_eq!(event.model_requested, Some(format!("m-{n}")));
    }
}

#[test]
fn what_a_body_keeps_in_memory_is_counted() {
    let rejects = "not json\n".repeat(20_000);
    let held = |context: &DecodeContext, text: &str| {
        let mut held = 0;
        let mut reader = LineReader::new(Cursor::new(text.as_bytes().to_vec()), LineLimits::default());
        decode_object(context, &source(), &mut reader, Wanted::All, |chunk| {
            held += chunk.held_bytes();
            Ok(())
        })
        .unwrap();
        held
    };
    let plain = context(no_keys());
    let with_body = format!("{rejects}{{\"RequestBody\":\"b\"}}\n{rejects}");
    assert!(held(&plain, &with_body) > 2 * 8 * 20_000, "one body keeps the text before and behind it");
    let blanks = format!("{{\"RequestBody\":\"b\"}}\n{}{{\"RequestBody\":\"b\"}}\n", "\n".repeat(500_000));
    assert!(held(&plain, &blanks) > 500_000, "what is between two lines is kept too");
    let trailing = format!("{{\"RequestBody\":\"b\"}}\n{}", " \n".repeat(250_000));
    assert!(held(&plain, &trailing) > 500_000, "and what is behind the last one");
    let without = format!("{rejects}{{\"Model\":\"m\"}}\n{rejects}");
    assert!(held(&plain, &without) < 10_000, "an event without bodies keeps no text");

    let pair = generate_key_pair(KeyBits::Rsa2048).unwrap();
    let key = SealingKey::from_pem("public.pem", &pair.public).unwrap();
    let sealed = key.new_line().unwrap().seal(&[b'x'; 100_000]).unwrap();
    let opening = context(KeyRing::from_pem([("private.pem", pair.private.as_str())]).unwrap());
    let sealed = held(&opening, &format!("{rejects}{{\"RequestBody\":{sealed}}}\n{rejects}"));
    assert!((100_000..110_000).contains(&sealed), "an opened body is its own: {sealed}");
}
