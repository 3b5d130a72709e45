//! The Responses API, plain and as typed events.

use super::{
    asked::Asked,
    behaviour::Behaviour,
    frames::{Rendered, Stream},
    said::{Finish, Said},
    stamp::{Stamp, responses_usage},
};

/// Renders an answer of the Responses API.
pub(super) fn render(stamp: &Stamp, said: &Said, asked: &Asked<'_>, how: &Behaviour) -> Rendered {
    let ids = Ids::new(stamp);
    let ended = ended(stamp, &ids, said);
    if asked.is_stream() { stream(stamp, &ids, said, &ended, how) } else { Rendered::plain(ended, ids.response) }
}

struct Ids {
    response: String,
    message: String,
}

impl Ids {
    fn new(stamp: &Stamp) -> Self {
        Self { response: format!("resp_{}", stamp.unique), message: format!("msg_{}", stamp.unique) }
    }
}

/// Why a response that has ended is not whole.
fn incomplete(finish: Finish) -> Option<&'static str> {
    match finish {
        Finish::Stop => None,
        Finish::Length => Some("max_output_tokens"),
        Finish::Filtered => Some("content_filter"),
    }
}

fn status(finish: Finish) -> &'static str {
    if incomplete(finish).is_none() { "completed" } else { "incomplete" }
}

/// The whole response object, as a plain answer and as the last event have it.
fn ended(stamp: &Stamp, ids: &Ids, said: &Said) -> String {
    let details = match incomplete(said.finish) {
        None => "null".to_owned(),
        Some(reason) => format!(r#"{{"reason":"{reason}"}}"#),
    };
    let usage = if stamp.reports_usage { responses_usage(&said.tokens) } else { "null".to_owned() };
    let output = format!("[{}]", message(ids, status(said.finish), &text_part(&said.text)));
    object(stamp, ids, status(said.finish), &details, &output, &usage)
}

fn object(stamp: &Stamp, ids: &Ids, status: &str, incomplete_details: &str, output: &str, usage: &str) -> String {
    let (created, model, id) = (stamp.created, &stamp.model, &ids.response);
    format!(
        r#"{{"id":"{id}","object":"response","created_at":{created},"status":"{status}","background":false,"error":null,"incomplete_details":{incomplete_details},"instructions":null,"metadata":{{}},"model":{model},"output":{output},"parallel_tool_calls":true,"service_tier":"default","store":false,"temperature":1.0,"text":{{"format":{{"type":"text"}}}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":{usage},"user":null}}"#
    )
}

fn message(ids: &Ids, status: &str, content: &str) -> String {
    let id = &ids.message;
    format!(r#"{{"id":"{id}","type":"message","status":"{status}","content":[{content}],"role":"assistant"}}"#)
}

fn text_part(text: &str) -> String {
    format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#)
}

fn stream(stamp: &Stamp, ids: &Ids, said: &Said, ended: &str, how: &Behaviour) -> Rendered {
    let started = object(stamp, ids, "in_progress", "null", "[]", "null");
    let at = format!(r#""content_index":0,"item_id":"{}","output_index":0"#, ids.message);
    let item_done = message(ids, status(said.finish), &text_part(&said.text));
    let last = if incomplete(said.finish).is_none() { "response.completed" } else { "response.incomplete" };

    let mut events = Events { frames: Stream::new(how), sequence: 0 };
    events.add("response.created", &[r#""response":"#, &started]);
    events.add("response.in_progress", &[r#""response":"#, &started]);
    events.add("response.output_item.added", &[r#""item":"#, &message(ids, "in_progress", ""), r#","output_index":0"#]);
    events.add("response.content_part.added", &[&at, r#","part":"#, &text_part("")]);
    for piece in said.pieces() {
        events.add("response.output_text.delta", &[&at, r#","delta":""#, piece, r#"","logprobs":[]"#]);
    }
    events.add("response.output_text.done", &[&at, r#","text":""#, &said.text, r#"","logprobs":[]"#]);
    events.add("response.content_part.done", &[&at, r#","part":"#, &text_part(&said.text)]);
    events.add("response.output_item.done", &[r#""item":"#, &item_done, r#","output_index":0"#]);
    events.add(last, &[r#""response":"#, ended]);
    events.frames.finish(ids.response.clone())
}

/// Typed events, numbered.
struct Events {
    frames: Stream,
    sequence: u64,
}

impl Events {
    fn add(&mut self, name: &str, fields: &[&str]) {
        let sequence = self.sequence.to_string();
        let mut parts = vec![r#"{"type":""#, name, r#"","sequence_number":"#, &sequence, ","];
        parts.extend_from_slice(fields);
        parts.push("}");
        self.frames.event(name, &parts);
        self.sequence += 1;
    }
}
