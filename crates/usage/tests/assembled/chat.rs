//! Chat and legacy completions.

use gatelog_usage::ASSEMBLED_STREAM_BYTES_MAX;
use serde_json::{Map, Value, json};

use crate::{assemble, frame, stream};

const SAFE: &str = r#"{"hate":{"filtered":false,"severity":"safe"}}"#;

fn delta(delta: &Value) -> Value {
    let filter: Value = serde_json::from_str(SAFE).expect("it is JSON");
    frame(
        &json!([{"index": 0, "delta": delta, "finish_reason": null, "logprobs": null, "content_filter_results": filter}]),
    )
}

fn finish(reason: &str) -> Value {
    frame(&json!([{"index": 0, "delta": {}, "finish_reason": reason, "logprobs": null, "content_filter_results": {}}]))
}

fn assembled(frames: &[Value]) -> Option<Value> {
    assemble(&stream(frames)).map(|text| serde_json::from_str(&text).expect("it is JSON"))
}

#[test]
fn an_answer_of_azures_is_put_together() {
    let usage = json!({"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19});
    let frames = [
        json!({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]}),
        frame(
            &json!([{"index": 0, "delta": {"role": "assistant", "content": "", "refusal": null}, "finish_reason": null,
            "logprobs": null, "content_filter_results": {}}]),
        ),
        delta(&json!({"content": "Grü"})),
        delta(&json!({"content": "ße \"👋\""})),
        finish("stop"),
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o", "choices": [],
            "usage": usage}),
    ];
    let expected = json!({
        "id": "c", "object": "chat.completion", "created": 1_760_000_000, "model": "gpt-4o",
        "prompt_filter_results": [{"prompt_index": 0}], "usage": usage,
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
            "content_filter_results": {"hate": {"filtered": false, "severity": "safe"}},
            "message": {"role": "assistant", "content": "Grüße \"👋\"", "refusal": null}}],
    });
    assert_eq!(assembled(&frames), Some(expected));
}

#[test]
fn calls_of_tools_are_put_together() {
    let call = |call: Value| delta(&json!({"tool_calls": [call]}));
    let frames = [
        delta(&json!({"role": "assistant", "content": null})),
        call(json!({"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}})),
        call(json!({"index": 0, "function": {"arguments": "{\"x\""}})),
        call(json!({"index": 0, "function": {"arguments": ":1}"}})),
        call(json!({"index": 1, "id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{}"}})),
        finish("tool_calls"),
    ];
    let whole = assembled(&frames).unwrap();
    let expected = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
        {"id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]});
    assert_eq!(whole["choices"][0]["message"], expected);
}

#[test]
fn legacy_completions_are_put_together() {
    let frame = |text: &str, finish: Value| {
        json!({"id": "c", "object": "text_completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": null}]})
    };
    let whole = assembled(&[frame("a", Value::Null), frame("b", Value::Null), frame("", json!("length"))]).unwrap();
    assert_eq!(whole["object"], "text_completion");
    assert_eq!(whole["choices"], json!([{"index": 0, "text": "ab", "finish_reason": "length", "logprobs": null}]));
}

/// Numbers and escapes are as the provider wrote them; what may be long comes last.
#[test]
fn what_is_not_put_together_stays_byte_for_byte() {
    let stream = concat!(
        r#"data: {"choices":[{"index":0,"delta":{"content":"\u00e9"}}],"object":"chat.completion.chunk","x":1.50e+2,"y":"\u00e9"}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"content":"\n"}}],"object":"chat.completion.chunk","x":1.50e+2,"y":"\u00e9"}"#,
        "\r\n\r\ndata:[DONE]",
    );
    let expected = concat!(
        r#"{"object":"chat.completion","x":1.50e+2,"y":"\u00e9","#,
        r#""choices":[{"index":0,"message":{"content":"\u00e9\n"}}]}"#,
    );
    assert_eq!(assemble(stream).as_deref(), Some(expected));
}

#[test]
fn what_one_answer_cannot_say_is_left_as_it_came() {
    let hello = || delta(&json!({"content": "hello"}));
    let with = |member: &str, value: Value| {
        let mut frame = hello();
        frame[member] = value;
        frame
    };
    let choice = |member: &str, value: Value| {
        let mut frame = hello();
        frame["choices"][0][member] = value;
        frame
    };
    assert!(assembled(&[hello(), finish("stop")]).is_some());
    for (what, other) in [
        ("another model", with("model", json!("gpt-5"))),
        ("another id", with("id", json!("d"))),
        ("an unknown member that differs", choice("x", json!(2))),
        ("other filter results", choice("content_filter_results", json!({"hate": {"filtered": true}}))),
        ("a text that is none", choice("delta", json!({"content": 1}))),
        ("a role that changes", choice("delta", json!({"role": "tool"}))),
        ("no number", choice("index", json!(-1))),
        ("choices that are none", with("choices", json!("x"))),
        ("a call of no number", choice("delta", json!({"tool_calls": [{"id": "a"}]}))),
        ("what a whole calls so", choice("message", json!({"content": "other"}))),
        ("another log probability", choice("logprobs", json!({"content": [{"token": "hello"}]}))),
        ("a gap between calls", choice("delta", json!({"tool_calls": [{"index": 1, "id": "a"}]}))),
        ("no object", json!([1])),
    ] {
        let first = match what {
            "a role that changes" => choice("delta", json!({"role": "assistant"})),
            "another log probability" => other.clone(),
            _ => choice("x", json!(1)),
        };
        assert_eq!(assembled(&[first, other, finish("stop")]), None, "{what}");
    }
}

/// Two pieces may be equal; that does not make one of them.
#[test]
fn what_may_grow_unknown_to_us_is_left_as_it_came_even_if_it_is_the_same() {
    for delta_of in [json!({"audio": {"data": "AAAA"}}), json!({"token_ids": [7]}), json!({"content": "a", "x": true})]
    {
        let frame = delta(&delta_of);
        assert!(assembled(&[frame.clone(), finish("stop")]).is_some(), "{frame}");
        assert_eq!(assembled(&[frame.clone(), frame.clone(), finish("stop")]), None, "{frame}");
    }
}

#[test]
fn a_whole_that_would_tell_something_else_is_none() {
    let finish = |choice: u32, reason: &str| frame(&json!([{"index": choice, "delta": {}, "finish_reason": reason}]));
    let hello = || delta(&json!({"content": "hello"}));
    assert!(assembled(&[hello(), finish(0, "stop"), finish(1, "length")]).is_some());
    assert_eq!(assembled(&[hello(), finish(1, "length"), finish(0, "stop")]), None, "the first reason counts");
}

#[test]
fn more_than_an_answer_can_have_is_left_as_it_came() {
    let choices = |count: u32| {
        let choices: Vec<Value> = (0..count).map(|index| json!({"index": index, "delta": {"content": "a"}})).collect();
        assembled(&[frame(&json!(choices)), finish("stop")])
    };
    assert!(choices(128).is_some());
    assert_eq!(choices(129), None);
    let members: Map<String, Value> = (0..65).map(|number| (format!("m{number}"), json!(1))).collect();
    assert_eq!(assembled(&[delta(&json!({"content": "a"})), members.into(), finish("stop")]), None);
}

#[test]
fn what_is_no_whole_stream_of_chat_is_left_as_it_came() {
    let whole = stream(&[delta(&json!({"content": "hello"})), finish("stop")]);
    assert!(assemble(&whole).is_some());
    let without_end = whole.replace("data: [DONE]\n\n", "");
    let behind_end = format!("{whole}data: {{}}\n\n");
    let twice = whole.replace("\"id\":\"c\"", "\"id\":\"c\",\"id\":\"c\"");
    let control = whole.replace("hello", "he\u{1}llo");
    let broken = whole.replace("hello", "he\\xllo");
    let named = format!("event: completion\n{whole}");
    let unknown = whole.replace("chat.completion.chunk", "thread.message.delta");
    let only_end = "data: [DONE]\n\n";
    let empty = "";
    for other in [&without_end, &behind_end, &twice, &control, &broken, &named, &unknown, only_end, empty, "{}"] {
        assert_eq!(assemble(other), None, "{other}");
    }
    let filler = ": keep-alive\n\n".repeat(ASSEMBLED_STREAM_BYTES_MAX / 14 + 1);
    assert_eq!(assemble(&(filler + &whole)), None);
}

/// Even if halves of an escape would make a whole one.
#[test]
fn a_broken_piece_behind_a_good_one_is_noticed() {
    let good = delta(&json!({"content": "hello"})).to_string();
    let broken = ["he\u{1}llo", "he\\xllo", "\\u00"].map(|piece| good.replace("hello", piece));
    for broken in broken.into_iter().chain([good.replace("Xq3", "\\x")]) {
        let rest = good.replace("hello", "41");
        let stream = format!("data: {good}\n\ndata: {broken}\n\ndata: {rest}\n\ndata: [DONE]\n\n");
        assert_eq!(assemble(&stream), None, "{broken}");
    }
}
