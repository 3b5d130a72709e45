//! Random answers, against a reader that does what OpenAI's SDK for Node does.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{assemble, frame, stream};

/// Adds up frames as OpenAI's SDK for Node does: texts grow, numbered objects are told apart, anything else is what came last.
fn accumulate(into: &mut Value, from: &Value) {
    const TEXTS: [&str; 4] = ["content", "refusal", "text", "arguments"];
    let (Value::Object(into), Value::Object(from)) = (into, from) else { panic!("objects only") };
    for (name, value) in from {
        let slot = into.entry(name.clone()).or_insert(Value::Null);
        match value {
            Value::String(piece) if TEXTS.contains(&name.as_str()) => {
                *slot = json!(slot.as_str().unwrap_or_default().to_owned() + piece);
            }
            Value::Array(items) if name == "choices" || name == "tool_calls" => {
                if slot.is_null() {
                    *slot = json!([]);
                }
                let slots = slot.as_array_mut().expect("an array");
                for item in items {
                    let index = usize::try_from(item["index"].as_u64().expect("a number")).expect("a small one");
                    slots.resize(slots.len().max(index + 1), json!({}));
                    accumulate(&mut slots[index], item);
                }
            }
            Value::Object(_) if name == "delta" || name == "function" => {
                if slot.is_null() {
                    *slot = json!({});
                }
                accumulate(slot, value);
            }
            Value::Null => {}
            _ => *slot = value.clone(),
        }
    }
}

/// What the SDKs give for a stream, in the names of an answer in one piece.
fn expected(frames: &[Value]) -> Value {
    let mut answer = Value::Object(Map::new());
    frames.iter().for_each(|frame| accumulate(&mut answer, frame));
    answer["object"] = json!("chat.completion");
    answer.as_object_mut().expect("an object").remove("obfuscation");
    for choice in answer["choices"].as_array_mut().expect("an array") {
        let choice = choice.as_object_mut().expect("an object");
        let mut message = choice.remove("delta").expect("each has one");
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            call.as_object_mut().expect("an object").remove("index");
        }
        choice.insert("message".to_owned(), message);
    }
    answer
}

#[derive(Debug, Clone)]
enum Said {
    Text(String),
    Refusal(String),
    Arguments(u32, String),
}

fn said() -> impl Strategy<Value = Said> {
    let text = prop_oneof![3 => "[a-z ]{0,6}", 1 => any::<String>(), 1 => Just("\"}]},\"usage\":{\"\\\\".to_owned())];
    prop_oneof![
        6 => text.clone().prop_map(Said::Text),
        1 => text.clone().prop_map(Said::Refusal),
        2 => (0_u32..2, text).prop_map(|(call, text)| Said::Arguments(call, text)),
    ]
}

/// Frames of an answer with so many choices.
fn frames(choices: u32, pieces: &[(u32, Said)], finishes: [&str; 2], padding: &str, has_usage: bool) -> Vec<Value> {
    let one = |index: u32, delta: Value, finish: Value| {
        let mut frame = frame(&json!([{"index": index, "delta": delta, "finish_reason": finish, "logprobs": null}]));
        frame["obfuscation"] = json!(padding);
        frame
    };
    let call =
        |call: u32, function: Value| json!({"tool_calls": [{"index": call, "type": "function", "function": function}]});
    let mut frames = Vec::new();
    for choice in 0..choices {
        frames.push(one(choice, json!({"role": "assistant", "content": null}), Value::Null));
        for number in 0..2 {
            frames.push(one(choice, call(number, json!({"name": format!("f{number}"), "arguments": ""})), Value::Null));
        }
    }
    for (choice, said) in pieces {
        let delta = match said {
            Said::Text(text) => json!({"content": text}),
            Said::Refusal(text) => json!({"refusal": text}),
            Said::Arguments(number, text) => call(*number, json!({"arguments": text})),
        };
        frames.push(one(choice % choices, delta, Value::Null));
    }
    frames.extend((0..choices).map(|choice| one(choice, json!({}), json!(finishes[choice as usize % 2]))));
    if has_usage {
        let mut last = frame(&json!([]));
        last["usage"] = json!({"prompt_tokens": 5, "completion_tokens": 7});
        frames.push(last);
    }
    frames
}

/// Without members that are `null`, which the SDKs fill in and a stream may leave out.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let said = members.iter().filter(|(_, value)| !value.is_null());
            said.map(|(name, value)| (name.clone(), without_nulls(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn the_whole_is_what_an_sdk_makes_of_the_frames(
        choices in 1_u32..4,
        pieces in prop::collection::vec((0_u32..4, said()), 0..24),
        padding in "[a-z]{0,9}",
        has_usage in any::<bool>(),
    ) {
        let frames = frames(choices, &pieces, ["stop", "length"], &padding, has_usage);
        let stream = stream(&frames);
        let whole = assemble(&stream).unwrap();
        let parsed: Value = serde_json::from_str(&whole).unwrap();
        prop_assert_eq!(without_nulls(&parsed), without_nulls(&expected(&frames)));
    }

    /// Nothing panics.
    #[test]
    fn what_is_made_of_a_damaged_stream_is_json(
        pieces in prop::collection::vec((0_u32..2, said()), 0..8),
        damage in prop::collection::vec((any::<prop::sample::Index>(), "\\PC|[\"\\\\{}\\[\\],:\\n]"), 1..4),
    ) {
        let mut stream: Vec<char> = stream(&frames(2, &pieces, ["stop"; 2], "", true)).chars().collect();
        for (at, character) in damage {
            let at = at.index(stream.len());
            stream[at] = character.chars().next().unwrap();
        }
        if let Some(whole) = assemble(&stream.into_iter().collect::<String>()) {
            prop_assert!(serde_json::from_str::<Value>(&whole).is_ok());
        }
    }
}
