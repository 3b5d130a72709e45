//! Chat and legacy completions, whose answers grow frame by frame.

use std::{collections::BTreeMap, fmt, ops::Range};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    event::{Event, Events},
    piece::{Differs, LastPiece},
    says_nothing,
    shape::{INDEX, Place, Rule},
    string_in,
};

/// Most members of an object, which are searched one by one; the API has about a dozen.
const MEMBERS_MAX: usize = 64;
/// Most choices, and most calls of tools in one; OpenAI allows 128 of either.
const OBJECTS_MAX: usize = 128;
/// What the API calls the frames that can be put together.
const OBJECTS: [&str; 2] = [r#""chat.completion.chunk""#, r#""text_completion""#];

/// The answer as JSON, `object` included.
pub(super) fn assemble(stream: &str) -> Option<String> {
    let mut answer = Answer::default();
    let mut is_over = false;
    for event in Events::new(stream) {
        match event {
            Event::Data { name: None, data } if !is_over => answer.take(data)?,
            Event::End if !is_over => is_over = true,
            _ => return None,
        }
    }
    if is_over { answer.into_text() } else { None }
}

/// The answer so far.
#[derive(Debug, Default)]
struct Answer<'a> {
    frame: Grown<'a>,
    /// Texts that come in pieces, escapes as written.
    texts: Vec<String>,
    last_piece: Option<LastPiece<'a>>,
}

/// An object that grows; its members in the order in which they first came.
#[derive(Debug, Default)]
struct Grown<'a>(Vec<(&'a str, Value<'a>)>);

#[derive(Debug)]
enum Value<'a> {
    /// JSON as it came.
    Same(&'a str),
    /// The number of a text.
    Text(usize),
    Object(Place, Grown<'a>),
    Indexed(Place, BTreeMap<u32, Grown<'a>>),
}

/// An object as it comes.
struct Object<'a>(Vec<(&'a str, &'a RawValue)>);

/// One frame on its way into the answer.
struct Frame<'a, 'b> {
    text: &'a str,
    texts: &'b mut Vec<String>,
    /// Where it may differ from one that only adds another piece.
    strings: Vec<(Range<usize>, Differs)>,
    /// It says nothing that may not be said again.
    may_repeat: bool,
}

impl<'a> Answer<'a> {
    /// Takes a frame; `None` if one answer cannot say it besides what it says already.
    fn take(&mut self, frame: &'a str) -> Option<()> {
        if let Some((text, piece)) = self.last_piece.as_ref().and_then(|last| last.piece(frame)) {
            self.texts[text].push_str(piece);
            return Some(());
        }
        let object: Object<'a> = serde_json::from_str(frame).ok()?;
        let mut taken = Frame { text: frame, texts: &mut self.texts, strings: Vec::new(), may_repeat: true };
        taken.merge(&mut self.frame, object, Place::Frame)?;
        self.last_piece = if taken.may_repeat { LastPiece::new(frame, taken.strings) } else { None };
        Some(())
    }

    /// The answer as JSON.
    fn into_text(self) -> Option<String> {
        match self.frame.get("object") {
            Some(Value::Same(object)) if OBJECTS.contains(object) => {}
            _ => return None,
        }
        let texts: usize = self.texts.iter().map(String::len).sum();
        let mut out = String::with_capacity(texts + 2_048);
        self.write(&mut out, &self.frame, Place::Frame, None)?;
        Some(out)
    }

    fn write(&self, out: &mut String, object: &Grown<'a>, place: Place, index: Option<u32>) -> Option<()> {
        let mut separator = '{';
        let mut begin = |out: &mut String, member: &str| {
            out.extend([separator, '"']);
            out.push_str(place.whole_name(member));
            out.push_str("\":");
            separator = ',';
        };
        if let Some(index) = index.filter(|_| place.says_index()) {
            begin(out, INDEX);
            out.push_str(&index.to_string());
        }
        // What grows comes last: of a text that is cut the rest is still there.
        let (grown, same): (Vec<_>, Vec<_>) = object.0.iter().partition(|(_, value)| !matches!(value, Value::Same(_)));
        for (member, value) in same.into_iter().chain(grown) {
            begin(out, member);
            self.write_value(out, member, value, place)?;
        }
        if separator == '{' {
            out.push('{');
        }
        out.push('}');
        Some(())
    }

    fn write_value(&self, out: &mut String, member: &str, value: &Value<'a>, place: Place) -> Option<()> {
        match value {
            Value::Same(json) => out.push_str(place.whole_value(member, json).unwrap_or(json)),
            Value::Text(text) => out.extend(["\"", &self.texts[*text], "\""]),
            Value::Object(inner, object) => self.write(out, object, *inner, None)?,
            Value::Indexed(inner, objects) => {
                out.push('[');
                for (place_in_order, (index, object)) in (0..).zip(objects) {
                    // Of what is not told apart by its place the number would be lost.
                    if !inner.says_index() && *index != place_in_order {
                        return None;
                    }
                    if place_in_order > 0 {
                        out.push(',');
                    }
                    self.write(out, object, *inner, Some(*index))?;
                }
                out.push(']');
            }
        }
        Some(())
    }
}

impl<'a> Frame<'a, '_> {
    fn merge(&mut self, into: &mut Grown<'a>, object: Object<'a>, place: Place) -> Option<()> {
        for (member, value) in object.0 {
            self.merge_member(into, member, value.get(), place)?;
        }
        Some(())
    }

    fn merge_member(&mut self, into: &mut Grown<'a>, member: &'a str, json: &'a str, place: Place) -> Option<()> {
        match place.rule(member) {
            Rule::Framing => {
                // Padding is a string; a number tells objects apart and may not differ.
                string_in(json).into_iter().for_each(|padding| self.differs(padding, Differs::Padding));
                Some(())
            }
            Rule::Foreign => None,
            _ if json == "null" => into.entry(member).map(drop),
            Rule::Same => into.entry(member)?.say(json),
            Rule::Once => {
                self.may_repeat &= says_nothing(json);
                into.entry(member)?.say_once(json)
            }
            Rule::Text => self.add_piece(into.entry(member)?, json),
            Rule::Object(inner) => {
                self.merge(into.entry(member)?.object(inner)?, serde_json::from_str(json).ok()?, inner)
            }
            Rule::Indexed(inner) => self.merge_indexed(into.entry(member)?.indexed(inner)?, json, inner),
        }
    }

    fn merge_indexed(&mut self, into: &mut BTreeMap<u32, Grown<'a>>, json: &'a str, place: Place) -> Option<()> {
        let objects: Vec<&'a RawValue> = serde_json::from_str(json).ok()?;
        for object in objects {
            let object: Object<'a> = serde_json::from_str(object.get()).ok()?;
            let index = object.index()?;
            self.merge(into.entry(index).or_default(), object, place)?;
            if into.len() > OBJECTS_MAX {
                return None;
            }
        }
        Some(())
    }

    fn add_piece(&mut self, value: &mut Value<'a>, json: &'a str) -> Option<()> {
        let piece = string_in(json)?;
        let text = match value {
            Value::Text(text) => *text,
            _ => {
                self.texts.push(String::new());
                self.texts.len() - 1
            }
        };
        *value = Value::Text(text);
        self.texts[text].push_str(piece);
        self.differs(piece, Differs::Piece(text));
        Some(())
    }

    /// Notes that a part of the frame may differ.
    fn differs(&mut self, part: &'a str, differs: Differs) {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        self.strings.push((start..start + part.len(), differs));
    }
}

impl<'a> Value<'a> {
    /// Takes what must be the same whenever it is said.
    fn say(&mut self, json: &'a str) -> Option<()> {
        match self {
            Self::Same(said) if says_nothing(said) => *said = json,
            Self::Same(said) if *said == json || says_nothing(json) => {}
            _ => return None,
        }
        Some(())
    }

    /// Takes what may not be said again.
    fn say_once(&mut self, json: &'a str) -> Option<()> {
        match self {
            Self::Same(said) if says_nothing(said) => *said = json,
            _ if says_nothing(json) => {}
            _ => return None,
        }
        Some(())
    }

    fn object(&mut self, place: Place) -> Option<&mut Grown<'a>> {
        if matches!(self, Self::Same(_)) {
            *self = Self::Object(place, Grown::default());
        }
        if let Self::Object(_, object) = self { Some(object) } else { None }
    }

    fn indexed(&mut self, place: Place) -> Option<&mut BTreeMap<u32, Grown<'a>>> {
        if matches!(self, Self::Same(_)) {
            *self = Self::Indexed(place, BTreeMap::new());
        }
        if let Self::Indexed(_, objects) = self { Some(objects) } else { None }
    }
}

impl<'a> Grown<'a> {
    fn get(&self, member: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(name, _)| *name == member).map(|(_, value)| value)
    }

    /// The member, `null` at first; `None` if there are too many.
    fn entry(&mut self, member: &'a str) -> Option<&mut Value<'a>> {
        let found = self.0.iter().position(|(name, _)| *name == member);
        let index = found.unwrap_or(self.0.len());
        if found.is_none() {
            if index == MEMBERS_MAX {
                return None;
            }
            self.0.push((member, Value::Same("null")));
        }
        Some(&mut self.0[index].1)
    }
}

impl Object<'_> {
    fn index(&self) -> Option<u32> {
        let (_, index) = self.0.iter().find(|(name, _)| *name == INDEX)?;
        index.get().parse().ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// Reads the members of an [`Object`] and refuses a name that comes twice or is escaped.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut members: Vec<(&'de str, &'de RawValue)> = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            if members.len() == MEMBERS_MAX || members.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::custom("a name comes twice, or too many come"));
            }
            members.push((name, value));
        }
        Ok(Object(members))
    }
}
