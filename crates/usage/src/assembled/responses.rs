//! The Responses API, whose last event repeats the whole answer.
//!
//! It is believed only as far as it can be seen: each item that was sent must be in it, the same as when it was done, and each text
//! that came in pieces.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

use super::{
    event::{Event, Events},
    says_nothing, string_in,
};

/// The event with an item that is done.
const ITEM_DONE: &str = "response.output_item.done";
/// Events that say that something has begun, or that a part of an item is done.
const FRAMING: [&str; 8] = [
    "response.created",
    "response.queued",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.content_part.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
];
/// Events with the whole answer.
const LAST: [&str; 3] = ["response.completed", "response.incomplete", "response.failed"];

/// An event; one that has another member says more than is understood.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    item: Option<Value>,
    item_id: Option<&'a str>,
    content_index: Option<usize>,
    summary_index: Option<usize>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
    #[serde(rename = "name")]
    _name: Option<IgnoredAny>,
    #[serde(rename = "part")]
    _part: Option<IgnoredAny>,
    #[serde(rename = "output_index")]
    _output_index: Option<IgnoredAny>,
    #[serde(rename = "sequence_number")]
    _sequence_number: Option<IgnoredAny>,
    #[serde(rename = "obfuscation")]
    _obfuscation: Option<IgnoredAny>,
}

/// Where a text stands in an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Text(usize),
    Refusal(usize),
    Summary(usize),
    Arguments,
}

/// What was sent before the whole.
#[derive(Default)]
struct Sent<'a> {
    /// By their ids; `None` as long as they are not done.
    items: BTreeMap<String, Option<Value>>,
    /// Of texts that came in pieces, escapes as written.
    pieces: BTreeMap<(&'a str, Place), String>,
    /// Texts that were sent again at their end.
    texts: Vec<(&'a str, Place, &'a str)>,
}

/// The answer as the last event has it.
pub(super) fn assemble(stream: &str) -> Option<String> {
    let mut sent = Sent::default();
    let mut whole = None;
    for event in Events::new(stream) {
        let (name, data) = match event {
            Event::Data { name, data } if whole.is_none() => (name, data),
            Event::End if whole.is_some() => continue,
            _ => return None,
        };
        let typed: Typed<'_> = serde_json::from_str(data).ok()?;
        if name.is_some_and(|name| name != typed.r#type) {
            return None;
        }
        if LAST.contains(&typed.r#type) {
            whole = Some(typed.response?.get());
        } else {
            sent.take(typed)?;
        }
    }
    let whole = whole?;
    sent.is_in(&serde_json::from_str(whole).ok()?).then(|| whole.to_owned())
}

impl<'a> Sent<'a> {
    /// Takes an event; `None` if the whole would not say what it says.
    fn take(&mut self, event: Typed<'a>) -> Option<()> {
        if let Some(item) = event.item_id {
            self.items.entry(item.to_owned()).or_default();
        }
        if let Some(item) = event.item {
            let done = self.items.entry(id_of(&item)?.to_owned()).or_default();
            if event.r#type == ITEM_DONE {
                *done = Some(item);
                return Some(());
            }
        }
        if FRAMING.contains(&event.r#type) {
            return Some(());
        }
        if event.logprobs.is_some_and(|logprobs| !says_nothing(logprobs.get())) {
            return None;
        }
        let (kind, is_piece) = match event.r#type.strip_suffix(".delta") {
            Some(kind) => (kind, true),
            None => (event.r#type.strip_suffix(".done")?, false),
        };
        let (place, whole) = match kind {
            "response.output_text" | "response.reasoning_text" => (Place::Text(event.content_index?), event.text),
            "response.refusal" => (Place::Refusal(event.content_index?), event.refusal),
            "response.reasoning_summary_text" => (Place::Summary(event.summary_index?), event.text),
            "response.function_call_arguments" => (Place::Arguments, event.arguments),
            _ => return None,
        };
        let text = string_in(if is_piece { event.delta } else { whole }?.get())?;
        match is_piece {
            true => self.pieces.entry((event.item_id?, place)).or_default().push_str(text),
            false => self.texts.push((event.item_id?, place, text)),
        }
        Some(())
    }

    fn is_in(&self, whole: &Value) -> bool {
        let items = whole["output"].as_array().into_iter().flatten();
        let items: BTreeMap<&str, &Value> = items.filter_map(|item| Some((id_of(item)?, item))).collect();
        let has = |item: &str, place: Place, text: &str| {
            // The escapes may be written in another way there.
            let text: Option<String> = serde_json::from_str(&format!("\"{text}\"")).ok();
            text.is_some() && items.get(item).and_then(|item| place.text(item)) == text.as_deref()
        };
        self.items.iter().all(|(id, done)| done.is_some() && items.get(id.as_str()).copied() == done.as_ref())
            && self.pieces.iter().all(|((item, place), text)| has(item, *place, text))
            && self.texts.iter().all(|(item, place, text)| has(item, *place, text))
    }
}

fn id_of(item: &Value) -> Option<&str> {
    item["id"].as_str()
}

impl Place {
    fn text(self, item: &Value) -> Option<&str> {
        let text = match self {
            Self::Text(index) => &item["content"][index]["text"],
            Self::Refusal(index) => &item["content"][index]["refusal"],
            Self::Summary(index) => &item["summary"][index]["text"],
            Self::Arguments => &item["arguments"],
        };
        text.as_str()
    }
}
