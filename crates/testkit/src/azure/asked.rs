//! What a request's body asks for.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// The fields that change the answer; all others are skipped. `n` is not honoured: there is one choice.
#[derive(Debug, Deserialize)]
pub(super) struct Asked<'a> {
    pub(super) model: Option<String>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    pub(super) encoding_format: Option<String>,
    pub(super) dimensions: Option<usize>,
    messages: Option<Amount>,
    prompt: Option<Amount>,
    instructions: Option<Amount>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl<'a> Asked<'a> {
    /// Reads a body; `None` if it is no JSON object or a field has the wrong type.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    pub(super) fn is_stream(&self) -> bool {
        self.stream == Some(true)
    }

    pub(super) fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage == Some(true))
    }

    pub(super) fn max_tokens(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens).or(self.max_output_tokens)
    }

    /// Whether there is something to answer.
    pub(super) fn has_prompt(&self) -> bool {
        self.messages.is_some() || self.prompt.is_some() || self.input.is_some()
    }

    /// All that was said to the model.
    pub(super) fn prompt(&self) -> Amount {
        let input = self.input.and_then(|input| serde_json::from_str(input.get()).ok());
        [self.messages, self.prompt, self.instructions, input]
            .into_iter()
            .flatten()
            .fold(Amount::default(), Amount::and)
    }
}

/// How much text there is in a value, however deep: messages are a list of objects with a text or a list of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Amount {
    /// Bytes of all texts that are values, not keys.
    pub(super) text_bytes: usize,
    /// Numbers; as input of embeddings they are tokens.
    pub(super) numbers: usize,
}

impl Amount {
    fn text(text_bytes: usize) -> Self {
        Self { text_bytes, numbers: 0 }
    }

    fn and(self, other: Self) -> Self {
        Self { text_bytes: self.text_bytes + other.text_bytes, numbers: self.numbers + other.numbers }
    }

    /// Tokens, as a rule of thumb: four bytes of text each.
    pub(super) fn tokens(self) -> u64 {
        u64::try_from(self.text_bytes.div_ceil(4) + self.numbers).expect("usize has at most 64 bits").max(1)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Weigh)
    }
}

struct Weigh;

impl<'de> Visitor<'de> for Weigh {
    type Value = Amount;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        Ok(Amount::text(text.len()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Amount, E> {
        Ok(Amount::default())
    }

    fn visit_unit<E: Error>(self) -> Result<Amount, E> {
        Ok(Amount::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Amount, E> {
        Ok(Amount { text_bytes: 0, numbers: 1 })
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Amount, E> {
        Ok(Amount { text_bytes: 0, numbers: 1 })
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Amount, E> {
        Ok(Amount { text_bytes: 0, numbers: 1 })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Amount, A::Error> {
        let mut sum = Amount::default();
        while let Some(amount) = values.next_element::<Amount>()? {
            sum = sum.and(amount);
        }
        Ok(sum)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Amount, A::Error> {
        let mut sum = Amount::default();
        while fields.next_key::<IgnoredAny>()?.is_some() {
            sum = sum.and(fields.next_value::<Amount>()?);
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azure_requests_are_read() {
        let body = r#"{"model":"gpt\u002d4o","stream":true,"stream_options":{"include_usage":true},"max_tokens":7,
            "messages":[{"role":"user","content":[{"type":"text","text":"12345678"}]}],"temperature":0.2,"tools":null}"#;
        let asked = Asked::read(body.as_bytes()).unwrap();
        assert_eq!(asked.model.as_deref(), Some("gpt-4o"));
        assert!(asked.is_stream() && asked.wants_usage() && asked.has_prompt());
        assert_eq!(asked.max_tokens(), Some(7));
        assert_eq!(asked.prompt(), Amount { text_bytes: 4 + 4 + 8, numbers: 0 });
        let ids = Asked::read(br#"{"input":[[1,2],[3]]}"#).unwrap();
        assert_eq!((ids.prompt().tokens(), ids.is_stream()), (3, false));
        for body in ["", "[]", "{", r#"{"stream":"yes"}"#, "\u{0}"] {
            assert!(Asked::read(body.as_bytes()).is_none(), "{body}");
        }
    }
}
