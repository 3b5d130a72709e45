//! The `usage` object of every API.

use gatelog_model::{TOKENS_MAX, Tokens};

use crate::lenient::{Broken, Fields, Reader};

/// The counts of a `usage` object that came by itself, as our own gateway logs it; none of one that cannot be read.
pub fn read_usage(json: &str) -> Tokens {
    let mut usage = Usage::default();
    let read = Reader::new(json.as_bytes()).object(&mut usage);
    read.ok().and_then(|_| usage.reported()).unwrap_or_default()
}

/// A `usage` object in the reading. Chat says prompt and completion where Responses says input and output.
#[derive(Default)]
pub(crate) struct Usage {
    tokens: Tokens,
}

impl Usage {
    /// The counts, if there are any. Ask only after the object was read to its end: a cut number is another number.
    pub(crate) fn reported(&self) -> Option<Tokens> {
        let mut tokens = self.tokens;
        tokens.cached_input = part_of(tokens.cached_input, tokens.input);
        tokens.cache_write = part_of(tokens.cache_write, tokens.input);
        tokens.reasoning = part_of(tokens.reasoning, tokens.output);
        Some(tokens).filter(|tokens| !tokens.is_empty())
    }
}

impl Fields for Usage {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"prompt_tokens" | b"input_tokens" => self.tokens.input = count(value)?,
            b"completion_tokens" | b"output_tokens" => self.tokens.output = count(value)?,
            b"prompt_tokens_details" | b"input_tokens_details" => {
                value.object(&mut InputDetails(&mut self.tokens))?;
            }
            b"completion_tokens_details" | b"output_tokens_details" => {
                value.object(&mut OutputDetails(&mut self.tokens))?;
            }
            _ => value.skip()?,
        }
        Ok(())
    }
}

struct InputDetails<'a>(&'a mut Tokens);

impl Fields for InputDetails<'_> {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"cached_tokens" => self.0.cached_input = count(value)?,
            b"cache_write_tokens" => self.0.cache_write = count(value)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

struct OutputDetails<'a>(&'a mut Tokens);

impl Fields for OutputDetails<'_> {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"reasoning_tokens" => self.0.reasoning = count(value)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// A count that can be believed.
pub(crate) fn count(value: &mut Reader<'_>) -> Result<Option<u64>, Broken> {
    Ok(value.whole()?.filter(|count| *count <= TOKENS_MAX))
}

/// A part that is larger than its whole, or the part of nothing, is not reported.
fn part_of(part: Option<u64>, whole: Option<u64>) -> Option<u64> {
    part.filter(|part| whole.is_some_and(|whole| *part <= whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_object_by_itself_is_read_or_is_none() {
        let tokens =
            read_usage(r#"{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3}}"#);
        assert_eq!((tokens.input, tokens.output, tokens.cached_input), (Some(7), Some(2), Some(3)));
        for cut in [r#"{"prompt_tokens":7"#, "7", ""] {
            assert_eq!(read_usage(cut), Tokens::default(), "{cut}");
        }
    }
}
