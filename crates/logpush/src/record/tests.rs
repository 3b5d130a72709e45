//! What lines say, and what hostile ones cannot do.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const BAD_FIELD: RejectReason = RejectReason::BadField;
const NOT_JSON: RejectReason = RejectReason::NotJson;
const NOT_OBJECT: RejectReason = RejectReason::NotObject;
const BAD_ENVELOPE: RejectReason = RejectReason::BadEnvelope;

fn parse(line: &str) -> Record<'_> {
    parse_line(line.as_bytes()).unwrap()
}

fn text<'a>(field: &'a Field<'_>) -> &'a str {
    match field {
        Field::Text(text) => text,
        Field::Json(json) => json.get(),
        Field::Absent | Field::Null | Field::Sealed(_) => panic!("{field:?} is not plain"),
    }
}

#[test]
fn all_fields_are_read() {
    let record = parse(concat!(
        r#"{"Attempt":2,"Cached":true,"Datetime":"2026-04-18T00:02:10.5Z","Deployment":"d","DurationMs":812,"#,
        r#""Endpoint":"r/d/chat/completions","EventId":"e","Gateway":"prod","LogId":"l","Metadata":{"tenantId":"t"},"#,
        r#""Model":"gpt-4o","Provider":"azure-openai","RateLimited":false,"Region":"southafricanorth","#,
        r#""RequestBody":"{\"a\":1}","ResponseBody":{"id":[1, 2]},"StatusCode":200,"Step":0,"Streamed":true,"Truncated":true,"#,
        r#""TtftMs":90,"Usage":{"prompt_tokens":3}}"#
    ));
    assert_eq!((record.attempt, record.step), (Some(2), Some(0)));
    assert_eq!((record.duration_ms, record.ttft_ms), (Some(812), Some(90)));
    assert_eq!((record.cached, record.rate_limited), (Some(true), Some(false)));
    assert_eq!((record.streamed, record.truncated), (Some(true), Some(true)));
    assert_eq!(record.time.unwrap().to_string(), "2026-04-18T00:02:10.500000Z");
    assert_eq!(record.endpoint.as_deref(), Some("r/d/chat/completions"));
    assert_eq!((record.log_id.as_deref(), record.event_id.as_deref()), (Some("l"), Some("e")));
    assert_eq!((record.gateway.as_deref(), record.model.as_deref()), (Some("prod"), Some("gpt-4o")));
    assert_eq!(record.provider.as_deref(), Some("azure-openai"));
    assert_eq!((record.deployment.as_deref(), record.region.as_deref()), (Some("d"), Some("southafricanorth")));
    assert_eq!(record.status_code, Some(200));
    assert_eq!(record.usage.unwrap().get(), r#"{"prompt_tokens":3}"#);
    assert_eq!(text(&record.metadata), r#"{"tenantId":"t"}"#);
    assert_eq!(text(&record.request_body), r#"{"a":1}"#);
    assert_eq!(text(&record.response_body), r#"{"id":[1, 2]}"#);
    assert_eq!(record.extra, None);
}

#[test]
fn any_field_may_be_missing_or_null() {
    let names = "Attempt Cached Datetime Deployment DurationMs Endpoint EventId Gateway LogId Metadata Model Provider \
                 RateLimited Region RequestBody ResponseBody StatusCode Step Streamed Timestamp Truncated TtftMs Usage";
    let nulls: Vec<String> = names.split(' ').map(|name| format!("\"{name}\":null")).collect();
    let line = format!("{{{}}}", nulls.join(","));
    for (line, absent) in [("{}", true), (line.as_str(), false)] {
        let record = parse(line);
        assert_eq!((record.cached, record.status_code, record.time), (None, None, None));
        assert!(record.model.is_none() && record.usage.is_none() && record.extra.is_none());
        assert_eq!(matches!(record.request_body, Field::Absent), absent);
        assert_eq!(matches!(record.request_body, Field::Null), !absent);
    }
}

#[test]
fn text_without_escapes_is_borrowed() {
    let record = parse(r#"{"Model":"gpt-4o","RequestBody":"plain","ResponseBody":"a\nb"}"#);
    assert!(matches!(record.model, Some(Cow::Borrowed(_))));
    assert!(matches!(record.request_body, Field::Text(Cow::Borrowed("plain"))));
    assert!(matches!(record.response_body, Field::Text(Cow::Owned(_))));
}

#[test]
fn unknown_fields_are_kept_byte_for_byte() {
    let record = parse(
        r#"{ "b" : { "x" : 1.0e5 ,"y":[ ] } , "Model":"m", "caf\u00e9":"\ud800", "b": 12345678901234567890123, "cached":1}"#,
    );
    assert_eq!(
        record.extra.as_deref(),
        Some(r#"{"b":{ "x" : 1.0e5 ,"y":[ ] },"caf\u00e9":"\ud800","b":12345678901234567890123,"cached":1}"#)
    );
}

#[test]
fn the_last_of_two_fields_counts_and_names_may_be_escaped() {
    let record = parse(r#"{"Model":"first","StatusCode":500,"Model":"last","StatusCode":null,"\u0043ached":true}"#);
    assert_eq!(record.model.as_deref(), Some("last"));
    assert_eq!(record.status_code, None);
    assert_eq!((record.cached, record.extra), (Some(true), None));
}

#[test]
fn datetime_goes_before_timestamp() {
    for line in [r#"{"Timestamp":1,"Datetime":2}"#, r#"{"Datetime":2,"Timestamp":1}"#] {
        assert_eq!(parse(line).time.unwrap().micros(), 2_000_000, "{line}");
    }
    assert_eq!(parse(r#"{"Timestamp":1,"Datetime":null}"#).time.unwrap().micros(), 1_000_000);
}

#[test]
fn envelopes_are_told_from_plain_objects() {
    for sealed in [
        r#"{"type":"encrypted","key":"a","iv":"b","data":"c"}"#,
        r#"{"data":"c","iv":"b","key":"a"}"#,
        r#"{"key":"\u0061","iv":"b","data":"c","more":[1]}"#,
        r#"{"key":"x","key":"a","iv":"b","data":"c"}"#,
    ] {
        let line = format!(r#"{{"RequestBody":{sealed}}}"#);
        let Field::Sealed(envelope) = parse(&line).request_body else { panic!("{sealed} is an envelope") };
        assert_eq!((&*envelope.key, &*envelope.iv, &*envelope.data), ("a", "b", "c"), "{sealed}");
    }
    for plain in
        ["{}", r#"{"key":"a user's entry"}"#, r#"{"type":"other"}"#, r#"{"data":[],"iv":1}"#, "[1]", "17", "true"]
    {
        let line = format!(r#"{{"Metadata":{plain}}}"#);
        assert_eq!(text(&parse(&line).metadata), plain);
    }
    for broken in [
        r#"{"type":"encrypted"}"#,
        r#"{"type":"encrypted","key":"a"}"#,
        r#"{"key":"a","iv":"b"}"#,
        r#"{"key":"a","iv":"b","data":7}"#,
        r#"{"key":null,"iv":"b","data":"c"}"#,
    ] {
        let line = format!(r#"{{"ResponseBody":{broken}}}"#);
        assert_eq!(parse_line(line.as_bytes()).unwrap_err(), BAD_ENVELOPE, "{broken}");
    }
}

#[test]
fn bad_lines_have_a_reason() {
    let table: [(&[u8], RejectReason); 24] = [
        (b"", NOT_JSON),
        (b"   ", NOT_JSON),
        (b"{", NOT_JSON),
        (b"{\"Model\":\"m\"", NOT_JSON),
        (b"{\"Model\":\"m\"} x", NOT_JSON),
        (b"{\"Model\":\"m\"}{}", NOT_JSON),
        (b"{\"Model\":\"m\",}", NOT_JSON),
        (b"{Model:1}", NOT_JSON),
        (b"{\"Model\":\"a\0b\"}", NOT_JSON),
        (b"\0", NOT_JSON),
        (b"{\"Model\":\"\xff\"}", NOT_JSON),
        (b"{\"x\":\"\xed\xa0\x80\"}", NOT_JSON),
        (b"{\"Model\":\"\\x\"}", NOT_JSON),
        (b"{\"Step\":\"one\",\"x\":}", NOT_JSON),
        (b"[]", NOT_OBJECT),
        (b"\"{}\"", NOT_OBJECT),
        (b" 17 ", NOT_OBJECT),
        (b"null", NOT_OBJECT),
        (b"{\"Model\":7}", BAD_FIELD),
        (b"{\"Endpoint\":{}}", BAD_FIELD),
        (b"{\"StatusCode\":-200}", BAD_FIELD),
        (b"{\"Datetime\":\"yesterday\"}", BAD_FIELD),
        (b"{\"Usage\":3}", BAD_FIELD),
        (b"{\"Cached\":\"maybe\",\"RequestBody\":{\"key\":1,\"iv\":2}}", BAD_FIELD),
    ];
    for (line, reason) in table {
        assert_eq!(parse_line(line).map(|_| ()).unwrap_err(), reason, "{}", line.escape_ascii());
    }
}

#[test]
fn lone_surrogates_do_not_lose_the_line() {
    let record = parse(r#"{"Model":"a\ud800","RequestBody":"cut \ud83d","Metadata":{"k":"\udfff"},"x":"\ud800"}"#);
    assert_eq!(record.model.as_deref(), Some("a\u{fffd}"));
    assert_eq!(text(&record.request_body), "cut \u{fffd}");
    assert_eq!(text(&record.metadata), r#"{"k":"\udfff"}"#);
    assert_eq!(record.extra.as_deref(), Some(r#"{"x":"\ud800"}"#));
}

#[test]
fn deep_nesting_cannot_overflow_the_stack() {
    let depth = 100_000;
    // A thread with the smallest stack anybody is likely to give us.
    let worker = std::thread::Builder::new().stack_size(128 << 10).spawn(move || {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for name in ["unknown", "RequestBody", "Metadata"] {
                let line = format!("{{\"{name}\":{deep}}}");
                let record = parse(&line);
                match name {
                    "unknown" => assert_eq!(record.extra.unwrap().len(), line.len()),
                    "Metadata" => assert_eq!(text(&record.metadata), deep),
                    _ => assert_eq!(text(&record.request_body), deep),
                }
            }
            assert_eq!(parse_line(format!("{{\"Model\":{deep}}}").as_bytes()).unwrap_err(), BAD_FIELD);
            assert_eq!(parse_line(open.repeat(depth).as_bytes()).unwrap_err(), NOT_JSON);
        }
    });
    worker.unwrap().join().unwrap();
}

#[test]
fn debug_shows_no_content() {
    let record = parse(r#"{"RequestBody":"secret prompt","Metadata":{"n":"secret"},"x":"secret"}"#);
    assert!(!format!("{record:?}").contains("secret"), "{record:?}");
}

proptest! {
    #[test]
    fn no_line_panics(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_line(&line);
    }

    #[test]
    fn no_object_panics(line in r#"\{("(Model|Cached|Usage|StatusCode|Datetime|Metadata|x)":("[a\\u0d8"]{0,9}"|[-0-9.e]{1,30}|\{\}|\[\]|null|true),?){0,6}\}"#) {
        let _ = parse_line(line.as_bytes());
    }

    #[test]
    fn what_serde_json_writes_is_read_back(body: String, name in "[a-z\"\\\\é]{1,8}", value: String) {
        let line = serde_json::json!({ "RequestBody": body, (name.clone()): value }).to_string();
        let record = parse(&line);
        prop_assert_eq!(text(&record.request_body), body);
        let extra: serde_json::Value = serde_json::from_str(&record.extra.unwrap()).unwrap();
        prop_assert_eq!(extra[&name].as_str().unwrap(), value);
    }

    #[test]
    fn agrees_with_serde_json_on_what_is_json(line in almost_json()) {
        let whole = str::from_utf8(&line).ok().and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
        match (parse_line(&line), whole) {
            (Err(NOT_JSON), whole) => prop_assert!(whole.is_none()),
            (Err(NOT_OBJECT), whole) => prop_assert_ne!(whole.unwrap().get().as_bytes()[0], b'{'),
            (Ok(_) | Err(_), whole) => prop_assert_eq!(whole.unwrap().get().as_bytes()[0], b'{'),
        }
    }

    /// Every part of a record, and that none of it is a copy when the line may be written to.
    #[test]
    fn reading_in_place_reads_the_same(line in almost_json()) {
        let mut same = line.clone();
        let in_place = LineParser::default().parse_in_place(&mut same);
        match (parse_line(&line), in_place) {
            (Err(reason), in_place) => prop_assert_eq!(in_place.map(|_| ()), Err(reason)),
            (Ok(record), in_place) => {
                let in_place = in_place.unwrap();
                for field in [&in_place.request_body, &in_place.metadata] {
                    prop_assert!(!matches!(field, Field::Text(Cow::Owned(_))));
                }
                prop_assert_eq!(parts(&in_place), parts(&record));
            }
        }
    }

    #[test]
    fn reads_the_values_that_serde_json_reads(line in almost_json()) {
        let Ok(record) = parse_line(&line) else { return Ok(()) };
        // serde_json too lets the last of two members count, but refuses lone surrogates.
        let Ok(members) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(&line) else { return Ok(()) };
        let string = |name: &str| members.get(name).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        if let Some(model) = string("Model") {
            prop_assert_eq!(record.model.as_deref(), Some(model.as_str()));
        }
        if let Some(body) = string("RequestBody") {
            prop_assert_eq!(text(&record.request_body), body);
        }
        let extra = record.extra.as_deref().unwrap_or("{}");
        let kept: BTreeMap<String, &RawValue> = serde_json::from_str(extra).unwrap();
        for (name, raw) in &members {
            if let Some(kept) = kept.get(name) {
                prop_assert_eq!(kept.get(), raw.get());
            } else {
                prop_assert!(known_field(name).is_some(), "{name:?} is lost");
            }
        }
    }
}

/// The parts that [`almost_json`] makes.
fn parts<'r>(record: &'r Record<'_>) -> impl PartialEq + fmt::Debug + use<'r> {
    let field = |field: &'r Field<'_>| match field {
        Field::Sealed(envelope) => format!("{:?}", (&envelope.key, &envelope.iv, &envelope.data)),
        Field::Absent | Field::Null => format!("{field:?}"),
        Field::Text(_) | Field::Json(_) => text(field).to_owned(),
    };
    let usage = record.usage.map(RawValue::get);
    (
        record.model.as_deref(),
        record.cached,
        usage,
        field(&record.request_body),
        field(&record.metadata),
        record.extra.as_deref(),
    )
}

/// Lines of known and unknown members, most of them whole; others cut, or with bytes that do not belong there.
fn almost_json() -> impl Strategy<Value = Vec<u8>> {
    let escape =
        prop_oneof![r#"\\["\\/bfnrt]"#, "\\\\u[0-9a-fA-F]{4}", r"\\ud83d\\ude00", r"\\u[dD][89a-fA-F][0-9a-f]{2}",];
    let piece = prop_oneof![4 => "[ -!#-\\[\\]-~]{0,40}", 2 => "[é日😀\u{7f}]{1,3}", 3 => escape];
    let string = prop::collection::vec(piece, 0..6).prop_map(|pieces| format!("\"{}\"", pieces.concat()));
    let other =
        r#"-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?|true|false|null|\{\}|\[1, \{"a":"\]"\}\]"#;
    let value = prop_oneof![3 => string.clone().boxed(), 1 => other.boxed()];
    let known = r#""(Model|RequestBody|Metadata|Cached|Usage|M\\u006fdel)""#;
    let name = prop_oneof![2 => known.boxed(), 1 => string.boxed()];
    let space = || "[ \t\r\n]{0,2}";
    let member = (space(), name, space(), value).prop_map(|(a, name, b, value)| format!("{a}{name}{b}:{a}{value}{b}"));
    let line =
        prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(",")).into_bytes());
    let fault = prop_oneof![
        6 => Just(None),
        1 => any::<prop::sample::Index>().prop_map(|at| Some((at, None))),
        3 => (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\{}[]:,u0-."[..])])
            .prop_map(|(at, byte)| Some((at, Some(byte)))),
    ];
    (line, fault).prop_map(|(mut line, fault)| {
        match fault {
            None => {}
            Some((at, None)) => line.truncate(at.index(line.len())),
            Some((at, Some(byte))) => *at.get_mut(&mut line) = byte,
        }
        line
    })
}
