//! The Responses API.

use serde_json::{Value, json};

use crate::assemble;

/// An event of the Responses API.
fn event(kind: &str, mut members: Value) -> String {
    members["type"] = json!(kind);
    members["sequence_number"] = json!(1);
    format!("event: {kind}\ndata: {members}\n\n")
}

fn message(text: &str) -> Value {
    json!({"id": "msg", "type": "message", "content": [{"type": "output_text", "annotations": [], "text": text}]})
}

fn response(status: &str, output: &[Value]) -> Value {
    json!({"response": {"id": "resp", "object": "response", "created_at": 1_760_000_000, "status": status,
        "model": "gpt-5-2025-08-07", "output": output, "usage": {"input_tokens": 36, "output_tokens": 87}}})
}

/// A stream of the Responses API with these pieces of text, whose last event has `output`.
fn responses(pieces: &[&str], output: &[Value]) -> String {
    let mut stream = event("response.created", response("in_progress", &[]));
    stream += &event("response.output_item.added", json!({"output_index": 0, "item": message("")}));
    for piece in pieces {
        let delta = json!({"item_id": "msg", "output_index": 0, "content_index": 0, "delta": piece, "logprobs": []});
        stream += &event("response.output_text.delta", delta);
    }
    let text = json!({"item_id": "msg", "output_index": 0, "content_index": 0, "text": pieces.concat()});
    stream += &event("response.output_text.done", text);
    stream += &event("response.output_item.done", json!({"output_index": 0, "item": message(&pieces.concat())}));
    stream + &event("response.completed", response("completed", output))
}

#[test]
fn the_last_event_of_responses_is_the_whole() {
    let stream = responses(&["Grü", "ße \"", "👋\""], &[message("Grüße \"👋\"")]);
    let whole = assemble(&stream).unwrap();
    let parsed: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(parsed, response("completed", &[message("Grüße \"👋\"")])["response"]);
    assert_eq!(assemble(&(stream + "data: [DONE]\n\n")), Some(whole));
}

#[test]
fn all_texts_of_responses_are_looked_for() {
    let item = json!({"id": "item", "arguments": "{}", "content": [{"text": "a"}, {"refusal": "b"}], "summary": [{"text": "c"}]});
    let said = |kind: &str, place: &str, member: &str, text: &str| {
        let mut members = json!({"item_id": "item", "output_index": 0});
        members[member] = json!(text);
        members[place] = json!(usize::from(kind == "refusal.delta" || kind == "refusal.done"));
        let stream = event(&format!("response.{kind}"), members)
            + &event("response.output_item.done", json!({"item": item}))
            + &event("response.completed", response("completed", std::slice::from_ref(&item)));
        assemble(&stream)
    };
    for (kind, place, whole, text) in [
        ("output_text", "content_index", "text", "a"),
        ("reasoning_text", "content_index", "text", "a"),
        ("refusal", "content_index", "refusal", "b"),
        ("reasoning_summary_text", "summary_index", "text", "c"),
        ("function_call_arguments", "output_index", "arguments", "{}"),
    ] {
        for (kind, member) in [(format!("{kind}.delta"), "delta"), (format!("{kind}.done"), whole)] {
            assert!(said(&kind, place, member, text).is_some(), "{kind}");
            assert_eq!(said(&kind, place, member, "other"), None, "{kind}");
        }
    }
}

#[test]
fn responses_that_say_more_than_the_last_event_are_left_as_they_came() {
    let whole = responses(&["one", "two"], &[message("onetwo")]);
    assert!(assemble(&whole).is_some());
    let other_text = responses(&["one", "three"], &[message("onetwo")]);
    let without_output = responses(&[], &[]);
    let call = json!({"output_index": 0, "item": {"id": "fc", "type": "function_call", "arguments": "{}"}});
    let without_call =
        event("response.output_item.done", call) + &event("response.completed", response("completed", &[]));
    let other_item = whole.replacen("\"annotations\":[]", "\"annotations\":[1]", 2);
    let never_done = whole.replacen("output_item.done", "output_item.added", 2);
    let a_status = responses(&["completed"], &[]);
    let cut = whole.split("event: response.completed").next().unwrap();
    let unknown = whole.replacen("response.output_text.done", "response.audio.done", 2);
    let renamed = whole.replacen("event: response.created", "event: response.queued", 1);
    let odds = whole.replacen("\"logprobs\":[]", "\"logprobs\":[1]", 1);
    let member = whole.replacen("\"logprobs\":[]", "\"annotation\":{}", 1);
    let model = whole.replacen("gpt-5-2025-08-07", "gpt-5", 1);
    let behind = whole.clone() + &event("response.created", response("in_progress", &[]));
    let ended_before = format!("data: [DONE]\n\n{whole}");
    for other in [
        &other_text,
        &without_output,
        &without_call,
        &other_item,
        &never_done,
        &a_status,
        cut,
        &unknown,
        &renamed,
        &odds,
        &member,
        &model,
        &behind,
        &ended_before,
    ] {
        assert_ne!(*other, *whole);
        assert_eq!(assemble(other), None, "{other}");
    }
}
