//! What every body repeats: who answered, when, under which id, and what the filters and the meter say.

use gatelog_model::Tokens;

use super::route::Api;

/// What Azure says about an answer that is harmless.
const HARMLESS: &str = r#"{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}"#;
/// And about one that is not.
const HARMFUL: &str = r#"{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":true,"severity":"medium"}}"#;
/// And about a harmless prompt.
const PROMPT: &str = r#"[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"jailbreak":{"detected":false,"filtered":false},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}}]"#;

/// What is the same in all frames of an answer.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    pub(super) api: Api,
    /// No other answer of any server has it.
    pub(super) unique: String,
    /// Seconds since 1970.
    pub(super) created: u64,
    /// As the answer spells it, quoted for JSON.
    pub(super) model: String,
    /// Whether the answer says what it used.
    pub(super) reports_usage: bool,
}

impl Stamp {
    /// The filter results of a choice with their key and a comma; OpenAI has none.
    pub(super) fn choice_filter(&self, is_filtered: bool) -> String {
        match self.api {
            Api::Azure => format!(r#""content_filter_results":{},"#, if is_filtered { HARMFUL } else { HARMLESS }),
            Api::OpenAi => String::new(),
        }
    }

    /// The filter results of the prompt with their key and a comma; OpenAI has none.
    pub(super) fn prompt_filter(&self) -> String {
        match self.api {
            Api::Azure => format!(r#""prompt_filter_results":{PROMPT},"#),
            Api::OpenAi => String::new(),
        }
    }
}

/// `usage` of chat.
pub(super) fn chat_usage(tokens: &Tokens) -> String {
    let [input, cached, output, reasoning, total] = counts(tokens);
    format!(
        r#"{{"completion_tokens":{output},"completion_tokens_details":{{"accepted_prediction_tokens":0,"audio_tokens":0,"reasoning_tokens":{reasoning},"rejected_prediction_tokens":0}},"prompt_tokens":{input},"prompt_tokens_details":{{"audio_tokens":0,"cached_tokens":{cached}}},"total_tokens":{total}}}"#
    )
}

/// `usage` of legacy completions.
pub(super) fn completions_usage(tokens: &Tokens) -> String {
    let [input, _, output, _, total] = counts(tokens);
    format!(r#"{{"completion_tokens":{output},"prompt_tokens":{input},"total_tokens":{total}}}"#)
}

/// `usage` of the Responses API.
pub(super) fn responses_usage(tokens: &Tokens) -> String {
    let [input, cached, output, reasoning, total] = counts(tokens);
    format!(
        r#"{{"input_tokens":{input},"input_tokens_details":{{"cached_tokens":{cached}}},"output_tokens":{output},"output_tokens_details":{{"reasoning_tokens":{reasoning}}},"total_tokens":{total}}}"#
    )
}

fn counts(tokens: &Tokens) -> [u64; 5] {
    let count = |tokens: Option<u64>| tokens.unwrap_or(0);
    let (input, output) = (count(tokens.input), count(tokens.output));
    [input, count(tokens.cached_input), output, count(tokens.reasoning), input + output]
}
