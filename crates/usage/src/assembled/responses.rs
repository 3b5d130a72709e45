//! The Responses API, whose last event repeats the whole answer.
//!
//! It is believed only as far as it can be seen: each item that was begun, and each text that came in pieces, must be in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    event::{Event, Events},
    says_nothing, string_in,
};

/// Events that say that something has begun or is over; of what, says the whole.
const FRAMING: [&str; 9] = [
    "response.created",
    "response.queued",
    "response.in_progress",
    "response.output_item.added",
    "response.output_item.done",
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
    #[serde(borrow)]
    item: Option<Item<'a>>,
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

/// The whole answer, as far as pieces of it are sent before.
#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    output: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    id: &'a str,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<Vec<Part<'a>>>,
    #[serde(borrow, default)]
    summary: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
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
    items: BTreeSet<&'a str>,
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
            sent.take(&typed)?;
        }
    }
    let whole = whole?;
    sent.is_in(&serde_json::from_str(whole).ok()?).then(|| whole.to_owned())
}

impl<'a> Sent<'a> {
    /// Takes an event; `None` if the whole would not say what it says.
    fn take(&mut self, event: &Typed<'a>) -> Option<()> {
        self.items.extend(event.item.as_ref().map(|item| item.id));
        self.items.extend(event.item_id);
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

    fn is_in(&self, whole: &Whole<'a>) -> bool {
        let items: BTreeMap<&str, &Item<'a>> = whole.output.iter().map(|item| (item.id, item)).collect();
        let has = |item: &str, place, text: &str| items.get(item).and_then(|item| item.text(place)) == Some(text);
        self.items.iter().all(|item| items.contains_key(item))
            && self.pieces.iter().all(|((item, place), text)| has(item, *place, text))
            && self.texts.iter().all(|(item, place, text)| has(item, *place, text))
    }
}

impl<'a> Item<'a> {
    fn text(&self, place: Place) -> Option<&'a str> {
        let json = match place {
            Place::Text(index) => self.content.as_ref()?.get(index)?.text,
            Place::Refusal(index) => self.content.as_ref()?.get(index)?.refusal,
            Place::Summary(index) => self.summary.as_ref()?.get(index)?.text,
            Place::Arguments => self.arguments,
        };
        string_in(json?.get())
    }
}
