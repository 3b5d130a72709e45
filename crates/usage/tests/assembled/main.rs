//! Streams put together.

mod chat;
mod random;
mod responses;

use gatelog_model::Operation;
use gatelog_usage::read_response;
use serde_json::{Value, json};

/// Puts together what any API may have sent.
pub(crate) fn assemble(stream: &str) -> Option<String> {
    gatelog_usage::assemble(stream, &read_response(stream, Operation::Other), Operation::Other)
}

/// A stream of these frames, with its end.
pub(crate) fn stream(frames: &[Value]) -> String {
    let frames: String = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    frames + "data: [DONE]\n\n"
}

pub(crate) fn frame(choices: &Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o", "choices": choices,
        "usage": null, "obfuscation": "Xq3vT0aPw"})
}
