//! What a request asks for.

use serde::de::{DeserializeSeed, MapAccess};

use crate::{
    LABEL_BYTES_MAX,
    lenient::{Fields, Object, is_true, skip, text},
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
}

/// Reads a request body; messages are skipped, not built. Of text that is no JSON, what comes before the fault counts.
pub fn read_request(body: &str) -> RequestFacts {
    let mut facts = RequestFacts::default();
    let mut reader = serde_json::Deserializer::from_str(body);
    // A fault ends the reading and nothing else: a request that is no JSON is the provider's to refuse.
    let _ = Object(&mut facts).deserialize(&mut reader);
    facts
}

impl<'de> Fields<'de> for RequestFacts {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"model" => {
                let model = text(map, LABEL_BYTES_MAX)?.filter(|model| !model.is_empty());
                self.model = model.or(self.model.take());
            }
            b"stream" => self.stream = is_true(map)?,
            b"stream_options" => map.next_value_seed(Object(&mut StreamOptions(&mut self.include_usage)))?,
            b"max_tokens" | b"max_completion_tokens" | b"max_output_tokens" => {
                self.max_output_tokens = self.max_output_tokens.max(count(map)?);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct StreamOptions<'a>(&'a mut bool);

impl<'de> Fields<'de> for StreamOptions<'_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"include_usage" => *self.0 = is_true(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}
