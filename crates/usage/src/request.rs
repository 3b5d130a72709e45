//! What a request asks for.

use crate::{
    LABEL_BYTES_MAX,
    lenient::{Broken, Fields, Reader},
    tokens::count,
};

/// The fields of a request that matter to audit and budgets; defaults where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// Model asked for; Azure needs none, the deployment decides.
    pub model: Option<String>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether a streamed answer is to end with its usage; always so in the Responses API.
    pub include_usage: bool,
    /// Most output tokens allowed: the largest of `max_tokens`, `max_completion_tokens` and `max_output_tokens`.
    pub max_output_tokens: Option<u64>,
    /// How many answers are asked for at once (`n`); each may use [`Self::max_output_tokens`].
    pub choices: Option<u64>,
}

/// Reads a request body; messages are skipped, not built. Of text that is no JSON, what comes before the fault counts.
pub fn read_request(body: &str) -> RequestFacts {
    let mut facts = RequestFacts::default();
    // A fault ends the reading and nothing else: a request that is no JSON is the provider's to refuse.
    let _ = Reader::new(body.as_bytes()).object(&mut facts);
    facts
}

impl Fields for RequestFacts {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"model" => {
                let model = value.text(LABEL_BYTES_MAX)?;
                self.model = model.or(self.model.take());
            }
            b"stream" => self.stream = value.is_true()?,
            b"stream_options" => value.object(&mut StreamOptions(&mut self.include_usage))?,
            b"max_tokens" | b"max_completion_tokens" | b"max_output_tokens" => {
                self.max_output_tokens = self.max_output_tokens.max(count(value)?);
            }
            b"n" => self.choices = self.choices.max(count(value)?),
            _ => value.skip()?,
        }
        Ok(())
    }
}

struct StreamOptions<'a>(&'a mut bool);

impl Fields for StreamOptions<'_> {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"include_usage" => *self.0 = value.is_true()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
