//! The text of an answer and its tokens, from nothing but the request's bytes.

use gatelog_model::{Operation, Tokens};

use super::{
    asked::Asked,
    behaviour::{Behaviour, Reply, UsageReport},
    models,
};
use crate::corpus::{CONTENT_NEEDLE, Random};

/// Words of the answers after [`CONTENT_NEEDLE`], which tests of leaks look for. None needs an escape in JSON; some are not ASCII, so that a cut may go through a letter.
const WORDS: [&str; 32] = [
    "the",
    "invoice",
    "was",
    "issued",
    "on",
    "Monday",
    "and",
    "covers",
    "delivery",
    "of",
    "four",
    "pallets",
    "to",
    "Köln",
    "under",
    "contract",
    "terms",
    "agreed",
    "in",
    "東京",
    "last",
    "year",
    "please",
    "confirm",
    "naïve",
    "estimates",
    "before",
    "payment",
    "is",
    "made",
    "🙂",
    "today",
];
/// Least number of words where nothing else is asked for, and how many more there may be.
const WORDS_MIN: u64 = 20;
const WORDS_MORE: u64 = 41;
/// Most frames with text where their number is not asked for.
const FRAMES_DEFAULT_MAX: usize = 4_096;
/// Text bytes of a token: the rule of thumb for English.
const TOKEN_BYTES: usize = 4;
/// Azure caches prompts from so many tokens on, in steps of 128 (Microsoft, "Prompt caching").
const CACHED_FROM_TOKENS: u64 = 1_024;
const CACHED_STEP_TOKENS: u64 = 128;
/// Reasoning comes in steps of 64 tokens.
const REASONING_STEP_TOKENS: u64 = 64;

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    Filtered,
}

impl Finish {
    /// As chat and completions say it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Filtered => "content_filter",
        }
    }
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    /// Where the pieces end that a stream sends one by one; the last is the text's length.
    ends: Vec<usize>,
    pub(super) finish: Finish,
    pub(super) tokens: Tokens,
}

impl Said {
    /// Decides what to say; the same `seed` and request say the same.
    pub(super) fn new(seed: u64, asked: &Asked<'_>, operation: Operation, model: &str, how: &Behaviour) -> Self {
        let input = asked.prompt().tokens();
        let (mut text, mut ends) = text(seed, how);
        let mut finish = Finish::Stop;
        if how.reply == Reply::OutputFiltered {
            finish = Finish::Filtered;
            let half = text.len() / 2;
            cut(&mut text, &mut ends, half);
        }
        let mut reasoning = match models::is_reasoning(model) {
            true => REASONING_STEP_TOKENS * (1 + seed % 8),
            false => 0,
        };
        if let Some(allowed) = asked.max_tokens() {
            reasoning = reasoning.min(allowed / 2);
            let left = usize::try_from(allowed - reasoning).unwrap_or(usize::MAX).saturating_mul(TOKEN_BYTES);
            if text.len() > left {
                finish = Finish::Length;
                cut(&mut text, &mut ends, left);
            }
        }
        let text_tokens = u64::try_from(text.len().div_ceil(TOKEN_BYTES)).expect("usize has at most 64 bits");
        let counted = Tokens {
            input: Some(input),
            cached_input: Some(cached(seed, input)),
            cache_write: None,
            output: Some(text_tokens + reasoning),
            reasoning: Some(reasoning),
        };
        let tokens = reported_by(
            operation,
            match how.usage {
                UsageReport::Counted | UsageReport::Missing => counted,
                UsageReport::Exactly(tokens) => tokens,
            },
        );
        Self { text, ends, finish, tokens }
    }

    /// The pieces of a stream; none is empty.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }
}

/// A number from bytes; eight at a time, as it runs over every request of a benchmark.
pub(super) fn seed(bytes: &[u8]) -> u64 {
    let step = |seed: u64, word: u64| (seed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let length = u64::try_from(bytes.len()).expect("usize has at most 64 bits");
    let seed = words.iter().fold(length, |seed, word| step(seed, u64::from_le_bytes(*word)));
    Random::new(step(seed, u64::from_le_bytes(last))).next()
}

fn text(seed: u64, how: &Behaviour) -> (String, Vec<usize>) {
    let mut random = Random::new(seed);
    let natural = usize::try_from(WORDS_MIN + random.below(WORDS_MORE)).expect("a few dozen");
    let words_min = if how.text_bytes.is_some() { 0 } else { how.frames.unwrap_or(natural) };
    let words_min = words_min.max(how.frames.unwrap_or(1)).max(1);
    let bytes_min = how.text_bytes.unwrap_or(0);
    let (mut text, mut word_ends) = (String::new(), Vec::new());
    while word_ends.len() < words_min || text.len() < bytes_min {
        if !text.is_empty() {
            text.push(' ');
        }
        let is_first = word_ends.is_empty();
        text.push_str(if is_first { CONTENT_NEEDLE } else { random.pick(&WORDS) });
        word_ends.push(text.len());
    }
    let words = word_ends.len();
    let frames = how.frames.unwrap_or(words.min(FRAMES_DEFAULT_MAX)).max(1);
    let ends = (1..=frames).map(|frame| word_ends[frame * words / frames - 1]).collect();
    (text, ends)
}

/// Cuts the text to at most `bytes`, between letters.
fn cut(text: &mut String, ends: &mut Vec<usize>, bytes: usize) {
    text.truncate(text.floor_char_boundary(bytes));
    ends.retain(|end| *end < text.len());
    if !text.is_empty() {
        ends.push(text.len());
    }
}

fn cached(seed: u64, input: u64) -> u64 {
    let is_warm = input >= CACHED_FROM_TOKENS && !seed.is_multiple_of(2);
    if is_warm { input / CACHED_STEP_TOKENS / 2 * CACHED_STEP_TOKENS } else { 0 }
}

/// The counts that an operation's `usage` has a field for.
fn reported_by(operation: Operation, tokens: Tokens) -> Tokens {
    match operation {
        Operation::Embeddings => Tokens { input: tokens.input, ..Tokens::default() },
        Operation::Completions => Tokens { input: tokens.input, output: tokens.output, ..Tokens::default() },
        Operation::Chat | Operation::Responses | Operation::Other => tokens,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str, how: &Behaviour) -> Said {
        let asked = Asked::read(body.as_bytes()).unwrap();
        Said::new(seed(body.as_bytes()), &asked, Operation::Chat, "gpt-4o-2024-11-20", how)
    }

    #[test]
    fn azure_texts_follow_from_the_request() {
        let how = Behaviour::default();
        let hello = said(r#"{"messages":["hello"]}"#, &how);
        assert_eq!(hello, said(r#"{"messages":["hello"]}"#, &how));
        assert_ne!(hello.text, said(r#"{"messages":["hullo"]}"#, &how).text);
        assert_eq!(hello.pieces().collect::<String>(), hello.text);
        assert_eq!(hello.tokens.input, Some(2));
        assert_eq!(hello.tokens.output, Some(hello.text.len().div_ceil(4) as u64));
    }

    #[test]
    fn azure_texts_have_the_size_that_is_asked_for() {
        let pieces =
            |how: &Behaviour| said(r#"{"messages":[]}"#, how).pieces().filter(|piece| !piece.is_empty()).count();
        assert_eq!(pieces(&Behaviour::default().frames(7)), 7);
        assert_eq!(pieces(&Behaviour::default().frames(70_000)), 70_000);
        assert_eq!(pieces(&Behaviour::default().frames(3).text_bytes(1_000)), 3);
        assert!(said("{}", &Behaviour::default().text_bytes(100_000)).text.len() >= 100_000);
        let short = said(r#"{"messages":[],"max_tokens":3}"#, &Behaviour::default());
        assert_eq!((short.finish, short.tokens.output), (Finish::Length, Some(3)));
        let half = said("{}", &Behaviour::reply(Reply::OutputFiltered));
        assert_eq!(half.finish, Finish::Filtered);
        assert_eq!(half.pieces().collect::<String>(), half.text);
    }

    #[test]
    fn azure_long_prompts_are_sometimes_cached() {
        let warm = (0..20).filter(|number| {
            let tokens =
                said(&format!(r#"{{"messages":["{}{number}"]}}"#, "x".repeat(8_000)), &Behaviour::default()).tokens;
            assert!(tokens.cached_input <= tokens.input);
            tokens.cached_input > Some(0)
        });
        assert!((1..20).contains(&warm.count()));
    }
}
