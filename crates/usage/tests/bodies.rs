//! Bodies as providers send them, and bodies nobody should send.

use gatelog_model::{Operation, TOKENS_MAX, Tokens};
use gatelog_usage::{ErrorFacts, LABEL_BYTES_MAX, RequestFacts, ResponseFacts, read_request, read_response};

fn read(body: &str) -> ResponseFacts {
    read_response(body, Operation::Other)
}

fn usage(json: &str) -> ResponseFacts {
    read(&format!(r#"{{"usage":{json}}}"#))
}

fn whole() -> ResponseFacts {
    ResponseFacts { complete: true, ..ResponseFacts::default() }
}

#[test]
fn chat() {
    let body = r#"{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},
        "finish_reason":"stop","index":0,"logprobs":null,"message":{"content":"{\"usage\":{\"prompt_tokens\":9}}"}}],
        "created":1760000000,"id":"chatcmpl-1","model":"gpt-4.1-2025-04-14","object":"chat.completion",
        "prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"jailbreak":{"detected":false,"filtered":false}}}],
        "service_tier":"priority","usage":{"completion_tokens":20,
        "completion_tokens_details":{"audio_tokens":0,"reasoning_tokens":5},"prompt_tokens":100,
        "prompt_tokens_details":{"audio_tokens":0,"cached_tokens":64,"cache_write_tokens":30},"total_tokens":120}}"#;
    let expected = ResponseFacts {
        model: Some("gpt-4.1-2025-04-14".into()),
        created: Some(1_760_000_000),
        tokens: Tokens {
            input: Some(100),
            cached_input: Some(64),
            cache_write: Some(30),
            output: Some(20),
            reasoning: Some(5),
        },
        usage_reported: true,
        finish_reason: Some("stop".into()),
        service_tier: Some("priority".into()),
        ..whole()
    };
    assert_eq!(read(body), expected);
    assert_eq!(read_response(body, Operation::Chat), expected);
    let embedding = read_response(body, Operation::Embeddings);
    assert_eq!((embedding.tokens, embedding.finish_reason), (expected.tokens, None));
}

#[test]
fn embeddings_and_completions() {
    let facts = read_response(
        r#"{"object":"list","data":[{"embedding":[0.1,-2e-3],"index":0}],"model":"text-embedding-3-large",
            "usage":{"prompt_tokens":8,"total_tokens":8}}"#,
        Operation::Embeddings,
    );
    let tokens = Tokens { input: Some(8), ..Tokens::default() };
    let model = Some("text-embedding-3-large".into());
    assert_eq!(facts, ResponseFacts { model, tokens, usage_reported: true, ..whole() });
    let facts = read_response(r#"{"choices":[{"text":"x","finish_reason":"length"}]}"#, Operation::Completions);
    assert_eq!(facts, ResponseFacts { finish_reason: Some("length".into()), ..whole() });
}

#[test]
fn responses() {
    let body = r#"{"id":"resp_1","created_at":1760000000,"status":"incomplete","error":null,
        "incomplete_details":{"reason":"max_output_tokens"},"model":"gpt-5-2025-08-07","output":[{"type":"message"}],
        "usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":6},"output_tokens":87,
        "output_tokens_details":{"reasoning_tokens":80},"total_tokens":123}}"#;
    let expected = ResponseFacts {
        model: Some("gpt-5-2025-08-07".into()),
        created: Some(1_760_000_000),
        tokens: Tokens {
            input: Some(36),
            cached_input: Some(6),
            cache_write: None,
            output: Some(87),
            reasoning: Some(80),
        },
        usage_reported: true,
        finish_reason: Some("max_output_tokens".into()),
        ..whole()
    };
    assert_eq!(read_response(body, Operation::Responses), expected);
    let completed = read_response(r#"{"status":"completed"}"#, Operation::Responses);
    assert_eq!(completed.finish_reason.as_deref(), Some("completed"));
    let failed = read(r#"{"status":"failed","error":{"code":"server_error","message":"secret"}}"#);
    assert_eq!(failed.error, Some(ErrorFacts { code: Some("server_error".into()), inner_code: None }));
}

#[test]
fn errors() {
    let filtered = read(
        r#"{"error":{"message":"secret","type":null,"param":"prompt","code":"content_filter","status":400,
            "innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true}}}}}"#,
    );
    let inner_code = Some("ResponsibleAIPolicyViolation".to_owned());
    let error = Some(ErrorFacts { code: Some("content_filter".into()), inner_code });
    assert_eq!(filtered, ResponseFacts { error, content_filtered: true, ..whole() });
    for (body, code) in [
        (r#"{"error":{"code":"429","message":"Requests to the"}}"#, Some("429")),
        (r#"{"success":false,"error":[{"code":2003,"message":"Rate limited"},{"code":1}]}"#, Some("2003")),
        (r#"{"error":{"code":null}}"#, None),
        (r#"{"error":{}}"#, None),
    ] {
        let code = code.map(str::to_owned);
        assert_eq!(read(body).error, Some(ErrorFacts { code, inner_code: None }), "{body}");
    }
    for body in [r#"{"error":null}"#, r#"{"error":[]}"#, r#"{"error":"text"}"#, "upstream connect error", ""] {
        assert_eq!(read(body).error, None, "{body}");
    }
}

#[test]
fn filters() {
    for body in [
        r#"{"choices":[{"finish_reason":"content_filter"}]}"#,
        r#"{"choices":[{"finish_reason":"stop"},{"finish_reason":"content_filter"}]}"#,
        r#"{"choices":[{"content_filter_results":{"hate":{"filtered":false},"violence":{"filtered":true}}}]}"#,
        r#"{"prompt_filter_results":[{"content_filter_results":{"jailbreak":{"filtered":true}}}]}"#,
        r#"{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}"#,
    ] {
        assert!(read(body).content_filtered, "{body}");
    }
    assert!(!read(r#"{"choices":[{"message":{"content":"filtered\":true"}}]}"#).content_filtered);
}

#[test]
fn counts_that_cannot_be_believed_are_not_reported() {
    for count in
        ["-1", "1.5", "1.0", "1e3", "1e999", "\"7\"", "null", "true", "[7]", "{}", "100000001", "18446744073709551616"]
    {
        let facts = usage(&format!(r#"{{"prompt_tokens":{count},"completion_tokens":3}}"#));
        let tokens = Tokens { output: Some(3), ..Tokens::default() };
        assert_eq!(facts, ResponseFacts { tokens, usage_reported: true, ..whole() }, "{count}");
    }
    let most = usage(&format!(r#"{{"prompt_tokens":{TOKENS_MAX}}}"#));
    assert_eq!(most.tokens.input, Some(TOKENS_MAX));
    let swapped = usage(
        r#"{"prompt_tokens":5,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":6,"cache_write_tokens":5},
            "completion_tokens_details":{"reasoning_tokens":6}}"#,
    );
    assert_eq!(
        swapped.tokens,
        Tokens { input: Some(5), cached_input: None, cache_write: Some(5), output: Some(5), reasoning: None }
    );
    let orphans = usage(r#"{"prompt_tokens_details":{"cached_tokens":1}}"#);
    assert_eq!(orphans, whole());
    for none in ["null", "{}", "[]", "7", "\"x\"", r#"{"total_tokens":3}"#] {
        assert_eq!(usage(none), whole(), "{none}");
    }
}

#[test]
fn odd_fields_are_passed_over() {
    for body in [
        r#"{"created":0,"model":"","choices":{}}"#,
        r#"{"created":-5,"model":7,"choices":"x"}"#,
        r#"{"created":"1760000000","model":null,"choices":[null,[],7,"x",{"finish_reason":3}]}"#,
        r#"{"created":99999999999999999999,"model":["gpt"],"choices":[[{"finish_reason":"stop"}]]}"#,
        r#"{"\ud800":1,"model":"\ud800","x":"\udfff"}"#,
        "[]",
        "null",
        r#""data: x""#,
    ] {
        assert_eq!(read(body), whole(), "{body}");
    }
    let long = format!(r#"{{"model":"{}"}}"#, "m".repeat(LABEL_BYTES_MAX + 1));
    assert_eq!(read(&long), whole());
    assert_eq!(read(r#"{"model":"a\u002db\/c"}"#).model.as_deref(), Some("a-b/c"));
    let twice = read(r#"{"model":"first","usage":{"prompt_tokens":1},"model":"second","usage":{"prompt_tokens":2}}"#);
    assert_eq!((twice.model.as_deref(), twice.tokens.input), (Some("first"), Some(2)));
}

#[test]
fn a_cut_body_keeps_what_is_certain() {
    let body = r#"{"model":"gpt-4o","created":1760000000,"usage":{"prompt_tokens":1234,"completion_tokens":5}}"#;
    for cut in 0..body.len() {
        let facts = read(&body[..cut]);
        assert!(!facts.complete, "{cut}");
        assert!(facts.model.is_none_or(|model| model == "gpt-4o"), "{cut}");
        assert!(facts.tokens.input.is_none_or(|input| input == 1234), "{cut}");
        assert_eq!(facts.created, None, "{cut}");
    }
    assert!(read(body).complete);
    assert!(!read(&format!("{body}x")).complete);
    assert_eq!(read(&body[..body.len() - 1]).tokens.output, Some(5));
}

#[test]
fn depth_costs_no_stack() {
    let depth = 100_000;
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    let (open_map, close_map) = (r#"{"usage":"#.repeat(depth), "}".repeat(depth));
    for nested in [format!("{open}{close}"), format!("{open_map}1{close_map}"), open.clone(), open_map.clone()] {
        for field in ["x", "usage", "choices", "error", "model", "created", "response", "stream_options", "max_tokens"]
        {
            let body = format!(r#"{{"model":"m","{field}":{nested}}}"#);
            assert_eq!(read(&body).model.as_deref(), Some("m"), "{field}");
            assert!(read_request(&body).model.is_some(), "{field}");
            read(&format!("data: {body}\n\n"));
        }
        read(&nested);
        read_request(&nested);
    }
}

#[test]
fn requests() {
    let body = r#"{"messages":[{"role":"user","content":"\"stream\":true"}],"model":"gpt-4o","stream":true,
        "stream_options":{"include_usage":true},"max_tokens":256,"max_completion_tokens":512,"user":"u"}"#;
    let expected = RequestFacts {
        model: Some("gpt-4o".into()),
        stream: true,
        include_usage: true,
        max_output_tokens: Some(512),
        choices: None,
    };
    assert_eq!(read_request(body), expected);
    assert_eq!(read_request(r#"{"max_output_tokens":9}"#).max_output_tokens, Some(9));
    for odd in [
        "",
        "x",
        "[]",
        "null",
        r#"{"model":"","stream":1,"stream_options":true,"max_tokens":-1}"#,
        r#"{"model":{},"stream":"true","stream_options":{"include_usage":"yes"},"max_tokens":1.5}"#,
    ] {
        assert_eq!(read_request(odd), RequestFacts::default(), "{odd}");
    }
    assert_eq!(read_request(r#"{"model":"m","messages":["#).model.unwrap(), "m");
}
