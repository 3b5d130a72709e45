//! The `usage` object of every API.

use gatelog_model::{TOKENS_MAX, Tokens};
use serde::de::{DeserializeSeed as _, MapAccess};

use crate::lenient::{Fields, Object, skip, whole};

/// The counts of a `usage` object that came by itself, as our own gateway logs it; none of one that cannot be read.
pub fn read_usage(json: &str) -> Tokens {
    let mut usage = Usage::default();
    let read = Object(&mut usage).deserialize(&mut serde_json::Deserializer::from_str(json));
    read.ok().and_then(|()| usage.reported()).unwrap_or_default()
}

/// A `usage` object in the reading. Chat says prompt and completion where Responses says input and output.
#[derive(Default)]
pub(crate) struct Usage {
    tokens: Tokens,
    is_closed: bool,
}

impl Usage {
    /// The counts, if there are any and the object was not cut.
    pub(crate) fn reported(&self) -> Option<Tokens> {
        let mut tokens = self.tokens;
        tokens.cached_input = part_of(tokens.cached_input, tokens.input);
        tokens.cache_write = part_of(tokens.cache_write, tokens.input);
        tokens.reasoning = part_of(tokens.reasoning, tokens.output);
        Some(tokens).filter(|tokens| self.is_closed && !tokens.is_empty())
    }
}

impl<'de> Fields<'de> for Usage {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"prompt_tokens" | b"input_tokens" => self.tokens.input = count(map)?,
            b"completion_tokens" | b"output_tokens" => self.tokens.output = count(map)?,
            b"prompt_tokens_details" | b"input_tokens_details" => {
                map.next_value_seed(Object(&mut InputDetails(&mut self.tokens)))?;
            }
            b"completion_tokens_details" | b"output_tokens_details" => {
                map.next_value_seed(Object(&mut OutputDetails(&mut self.tokens)))?;
            }
            _ => skip(map)?,
        }
        Ok(())
    }

    fn closed(&mut self) {
        self.is_closed = true;
    }
}

struct InputDetails<'a>(&'a mut Tokens);

impl<'de> Fields<'de> for InputDetails<'_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"cached_tokens" => self.0.cached_input = count(map)?,
            b"cache_write_tokens" => self.0.cache_write = count(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct OutputDetails<'a>(&'a mut Tokens);

impl<'de> Fields<'de> for OutputDetails<'_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"reasoning_tokens" => self.0.reasoning = count(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// A count that can be believed.
pub(crate) fn count<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<u64>, A::Error> {
    Ok(whole(map)?.filter(|count| *count <= TOKENS_MAX))
}

/// A part that is larger than its whole, or the part of nothing, is not reported.
fn part_of(part: Option<u64>, whole: Option<u64>) -> Option<u64> {
    part.filter(|part| whole.is_some_and(|whole| *part <= whole))
}
