//! Streams of events, whole, cut and in pieces.

use gatelog_model::{Operation, Tokens};
use gatelog_usage::{EVENT_BYTES_MAX, ErrorFacts, ResponseFacts, StreamTap, read_response};
use proptest::prelude::*;

/// Azure's odd first frame, a role, content with filter results, a finish, usage, the end.
const CHAT: &str = concat!(
    r#"data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":"#,
    r#"[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}"#,
    "\n\n",
    r#"data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":null,"index":0}],"created":1760000000,"#,
    r#""id":"c","model":"gpt-4o-2024-11-20","object":"chat.completion.chunk","usage":null}"#,
    "\n\n",
    r#"data: {"choices":[{"content_filter_results":{"hate":{"filtered":false}},"delta":{"content":"Grüße 👋"},"#,
    r#""finish_reason":null,"index":0}],"created":1760000000,"model":"gpt-4o-2024-11-20","obfuscation":"x","usage":null}"#,
    "\n\n",
    r#"data: {"choices":[{"delta":{},"finish_reason":"stop","index":0}],"model":"gpt-4o-2024-11-20","usage":null}"#,
    "\n\n",
    r#"data: {"choices":[],"model":"gpt-4o-2024-11-20","usage":{"prompt_tokens":12,"completion_tokens":7}}"#,
    "\n\n",
    "data: [DONE]\n\n",
);

const RESPONSES: &str = concat!(
    "event: response.created\n",
    r#"data: {"type":"response.created","response":{"created_at":1760000000,"model":"gpt-5-2025-08-07","#,
    r#""status":"in_progress","usage":null,"error":null}}"#,
    "\n\n",
    "event: response.output_text.delta\n",
    r#"data: {"type":"response.output_text.delta","delta":"hello"}"#,
    "\n\n",
    "event: response.completed\n",
    r#"data: {"type":"response.completed","response":{"created_at":1760000000,"model":"gpt-5-2025-08-07","#,
    r#""status":"completed","output":[],"service_tier":"default","usage":{"input_tokens":36,"output_tokens":87}}}"#,
    "\n\n",
);

fn read(body: &str) -> ResponseFacts {
    read_response(body, Operation::Other)
}

fn in_pieces(body: &[u8], cuts: &[usize]) -> ResponseFacts {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
    cuts.sort_unstable();
    let mut tap = StreamTap::new(Operation::Other);
    let mut start = 0;
    for cut in cuts.into_iter().chain([body.len()]) {
        tap.push(&body[start..cut]);
        start = cut;
    }
    tap.finish()
}

fn chat_facts() -> ResponseFacts {
    ResponseFacts {
        model: Some("gpt-4o-2024-11-20".into()),
        created: Some(1_760_000_000),
        tokens: Tokens { input: Some(12), output: Some(7), ..Tokens::default() },
        usage_reported: true,
        finish_reason: Some("stop".into()),
        streamed: true,
        complete: true,
        ..ResponseFacts::default()
    }
}

#[test]
fn chat() {
    assert_eq!(read(CHAT), chat_facts());
    assert_eq!(read_response(CHAT, Operation::Chat), chat_facts());
    assert_eq!(read(&CHAT.replace('\n', "\r\n")), chat_facts());
    assert_eq!(read(CHAT.trim_end()), chat_facts());
    assert_eq!(read(&format!("\u{feff}{CHAT}")), chat_facts());
    assert_eq!(read(&format!("\n : keep-alive\n\n{CHAT}")), chat_facts());
    assert_eq!(read(&CHAT.replace("data: ", "id: 1\nretry: 5\ndata:")), chat_facts());
}

#[test]
fn responses() {
    let expected = ResponseFacts {
        model: Some("gpt-5-2025-08-07".into()),
        tokens: Tokens { input: Some(36), output: Some(87), ..Tokens::default() },
        finish_reason: Some("completed".into()),
        service_tier: Some("default".into()),
        ..chat_facts()
    };
    assert_eq!(read(RESPONSES), expected);
    assert_eq!(read_response(RESPONSES, Operation::Responses), expected);
    let incomplete = RESPONSES
        .replace("completed\"", "incomplete\"")
        .replace("\"output\":[]", "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}");
    let finish_reason = Some("max_output_tokens".into());
    assert_eq!(read(&incomplete), ResponseFacts { finish_reason, ..expected.clone() });
    let failed = RESPONSES.replace("completed\"", "failed\"").replace("\"output\":[]", "\"error\":{\"code\":\"x\"}");
    let error = Some(ErrorFacts { code: Some("x".into()), inner_code: None });
    let finish_reason = Some("failed".into());
    assert_eq!(read(&failed), ResponseFacts { finish_reason, error: error.clone(), ..expected });
    let error_event = read("event: error\ndata: {\"type\":\"error\",\"code\":\"x\",\"message\":\"secret\"}\n\n");
    assert_eq!(error_event, ResponseFacts { error, streamed: true, ..ResponseFacts::default() });
}

#[test]
fn data_of_several_lines_is_one_event() {
    let facts = read("data: {\"model\":\"m\",\ndata:\"usage\":\ndata\ndata: {\"prompt_tokens\":3}}\n\ndata: [DONE]");
    assert_eq!((facts.model.as_deref(), facts.tokens.input, facts.complete), (Some("m"), Some(3), true));
}

#[test]
fn a_cut_stream_is_incomplete_and_invents_nothing() {
    let end = CHAT.find("[DONE]").unwrap_or_default() + "[DONE]".len();
    for cut in (6..end).filter(|cut| CHAT.is_char_boundary(*cut)) {
        let facts = read(&CHAT[..cut]);
        assert!(facts.streamed && !facts.complete, "{cut}");
        assert!(facts.tokens.is_empty() || facts.tokens == chat_facts().tokens, "{cut}");
        assert!(facts.created.is_none_or(|created| created == 1_760_000_000), "{cut}");
        assert!(facts.model.is_none_or(|model| model == "gpt-4o-2024-11-20"), "{cut}");
    }
    let no_usage = read(&CHAT.replace("\"usage\":{", "\"other\":{"));
    assert_eq!((no_usage.usage_reported, no_usage.tokens, no_usage.complete), (false, Tokens::default(), true));
}

#[test]
fn broken_frames_are_passed_over() {
    let broken = format!("data: {{\"usage\":\n\ndata: nonsense\n\ndata:\n\nwhat: is this\n\n{CHAT}");
    assert_eq!(read(&broken), chat_facts());
    let mut bytes = b"data: {\"x\":\"\xff\xfe\"}\n\ndata: {\"model\":\"\xff\"}\n\n".to_vec();
    bytes.extend_from_slice(CHAT.as_bytes());
    assert_eq!(in_pieces(&bytes, &[]), chat_facts());
}

#[test]
fn what_exceeds_the_bound_is_skipped_and_the_rest_read() {
    let long = "x".repeat(EVENT_BYTES_MAX);
    let line = format!("data: {{\"model\":\"no\",\"x\":\"{long}\"}}\n\n");
    let part = format!("data: {{\"model\":\"no\",\"x\":\"{}\"\ndata: ,\"y\":1}}\n", &long[..EVENT_BYTES_MAX / 2]);
    let tail = format!("data: \"{}\"\n\n", &long[..EVENT_BYTES_MAX / 2]);
    for body in [format!("{line}{CHAT}"), format!("{part}{tail}{CHAT}")] {
        assert_eq!(in_pieces(body.as_bytes(), &[]), chat_facts());
        assert_eq!(in_pieces(body.as_bytes(), &[3, 1000, EVENT_BYTES_MAX, EVENT_BYTES_MAX + 9]), chat_facts());
    }
}

/// Bytes that look like a stream often enough to reach every state.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "data:",
        "data: ",
        "\n",
        "\r\n",
        "\n\n",
        "\r",
        ":",
        "event: x\n",
        "[DONE]",
        "{",
        "}",
        "\"model\":\"m\"",
        ",",
        "\"usage\":{\"prompt_tokens\":3}",
        "\"choices\":[{\"finish_reason\":\"stop\"}]",
        "\"",
        "é",
        "\u{feff}",
        "{\"type\":\"response.completed\"}",
        "{\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":1}}",
        " ",
    ];
    let known = prop::sample::select(pieces.map(|piece| piece.as_bytes().to_vec()).to_vec());
    let random = prop::collection::vec(any::<u8>(), 1..4);
    prop::collection::vec(prop_oneof![9 => known, 1 => random], 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn pieces_make_no_difference(
        cuts in prop::collection::vec(any::<usize>(), 0..30),
        crlf: bool,
        body in prop_oneof![
            Just(CHAT.as_bytes().to_vec()), Just(RESPONSES.as_bytes().to_vec()), any_stream(),
        ],
    ) {
        let body = if crlf { String::from_utf8_lossy(&body).replace('\n', "\r\n").into_bytes() } else { body };
        prop_assert_eq!(in_pieces(&body, &cuts), in_pieces(&body, &[]));
    }

    #[test]
    fn any_text_is_read_without_a_panic(body in ".{0,200}") {
        read(&body);
        read(&format!("data: {body}"));
        read(&format!("{{\"choices\":[{body}"));
        gatelog_usage::read_request(&body);
    }
}

#[test]
fn every_single_cut_and_single_bytes_make_no_difference() {
    for body in [CHAT, RESPONSES] {
        let whole = read(body);
        for cut in 0..body.len() {
            assert_eq!(in_pieces(body.as_bytes(), &[cut]), whole, "{cut}");
        }
        let every: Vec<usize> = (0..body.len()).collect();
        assert_eq!(in_pieces(body.as_bytes(), &every), whole);
    }
}
