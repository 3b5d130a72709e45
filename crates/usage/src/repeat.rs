//! Frames that say nothing new.
//!
//! Nearly every frame of a streamed answer is the one before it with another piece of text inside. A frame that differs
//! from the last one that was read only in strings that were skipped need not be read:
//!
//! - What reading does with a frame depends on the facts so far and on what the frame has outside of those strings.
//! - What was skipped once would be skipped again: a fact that is known may only lead to more being skipped, not to less.
//! - Reading the same twice does no more than reading it once: of each fact the first or the last value counts, or any.

use std::ops::Range;

use crate::lenient::{Reader, string_end};

/// Longest frame that is remembered; a piece of an answer is shorter, and what is longer seldom comes twice.
const FRAME_BYTES_MAX: usize = 4 * 1024;
/// Most strings that may differ. Frames with verdicts of content filters have a dozen.
pub(crate) const STRINGS_MAX: usize = 32;

/// The last frame that was read.
#[derive(Debug, Default)]
pub(crate) struct LastRead {
    /// Empty if it cannot be told whether another says the same.
    frame: Vec<u8>,
    /// Its strings that may differ, in order, without their quotes.
    strings: Vec<Range<usize>>,
    /// Those of them that did in a frame since: most likely they will again, and the rest is compared in one go.
    differing: Vec<Range<usize>>,
}

impl LastRead {
    /// Remembers a frame that was just read to its end.
    pub(crate) fn remember(&mut self, frame: &[u8], reader: Reader<'_>) {
        self.frame.clear();
        self.strings = reader.into_skipped();
        self.differing.clear();
        if frame.len() <= FRAME_BYTES_MAX {
            self.frame.extend_from_slice(frame);
        }
    }

    pub(crate) fn forget(&mut self) {
        self.frame.clear();
    }

    /// Whether `frame` says what the last one said.
    pub(crate) fn is_repeated_by(&mut self, frame: &[u8]) -> bool {
        if self.frame.is_empty() {
            return false;
        }
        let has_usual_differences = self.differs_only_in(&self.differing, frame, |_, _| {});
        has_usual_differences || self.is_repeated_unusually_by(frame)
    }

    fn is_repeated_unusually_by(&mut self, frame: &[u8]) -> bool {
        let mut differing = Vec::with_capacity(2);
        let note = |string: &Range<usize>, text: &[u8]| {
            if self.frame[string.clone()] != *text || self.differing.contains(string) {
                differing.push(string.clone());
            }
        };
        let is_repeated = self.differs_only_in(&self.strings, frame, note);
        if is_repeated {
            self.differing = differing;
        }
        is_repeated
    }

    /// Whether `frame` is the last one, but for these strings, which `seen` gets with what they are now.
    fn differs_only_in(
        &self,
        strings: &[Range<usize>],
        frame: &[u8],
        mut seen: impl FnMut(&Range<usize>, &[u8]),
    ) -> bool {
        let (mut at, mut rest) = (0, frame);
        for string in strings {
            let Some(text) = rest.strip_prefix(&self.frame[at..string.start]) else { return false };
            let Some(end) = string_end(text) else { return false };
            seen(string, &text[..end]);
            (at, rest) = (string.end, &text[end..]);
        }
        self.frame[at..] == *rest
    }
}

#[cfg(test)]
mod tests {
    use gatelog_model::Operation;
    use proptest::prelude::*;

    use super::*;
    use crate::{ResponseFacts, response::read_frame};

    const FRAMES: [&str; 9] = [
        r#"{"id":"a","created":1,"model":"M","choices":[{"index":0,"delta":{"content":"%"},"finish_reason":null}],"usage":null}"#,
        r#"{"id":"a","choices":[{"delta":{"content":"x"},"finish_reason":"%"}],"obfuscation":"%"}"#,
        r#"{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"%"}},"delta":{"content":"%"}}]}"#,
        r#"{"choices":[{"content_filter_results":{"hate":{"filtered":true,"severity":"%"}},"delta":{"content":"%"}}]}"#,
        r#"{"model":"%","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"note":"%"}}"#,
        r#"{"type":"%","delta":"%","response":{"status":"%","incomplete_details":{"reason":"%"}}}"#,
        r#"{"error":{"code":"%","message":"%","innererror":{"code":"%"}},"service_tier":"%"}"#,
        r#"{"%":"true","usage":{"prompt_tokens":1},"text":"%""#,
        r#"["%",{"a":"%"}] %"#,
    ];

    fn text() -> impl Strategy<Value = &'static str> {
        prop::sample::select(
            &[
                "",
                "a",
                "stop",
                "length",
                "content_filter",
                "completed",
                "response.completed",
                "error",
                r#"\""#,
                r"\\",
                r"\",
                "\"",
                r#"","usage":{"prompt_tokens":9},"x":""#,
                r#""},"finish_reason":"stop","d":{"e":""#,
                "true",
                "}",
                "usage",
            ][..],
        )
    }

    #[test]
    fn strings_that_differ_seldom_are_found_and_text_is_never_taken_for_members() {
        let frame = |text: &str, other: &str| {
            format!(r#"{{"id":"a","choices":[{{"delta":{{"content":"{text}"}}}}],"obfuscation":"{other}"}}"#)
        };
        let (mut facts, mut last) = (ResponseFacts::default(), LastRead::default());
        read_frame(frame("x", "o").as_bytes(), &mut facts, Operation::Chat, &mut last);
        let mut is_repeated = |text, other| {
            let is_repeated = last.is_repeated_by(frame(text, other).as_bytes());
            (is_repeated, last.differing.len())
        };
        assert_eq!(is_repeated("y", "o"), (true, 1), "the text is what differs as a rule");
        assert_eq!(is_repeated("z", "o"), (true, 1));
        assert_eq!(is_repeated("z", "p"), (true, 2), "another string differs too");
        assert_eq!(is_repeated("y", "q"), (true, 2));
        let finished = r#"z"},"finish_reason":"stop","d":{"e":""#;
        assert_eq!(is_repeated(finished, "q"), (false, 2), "members come after the text");
        assert_eq!(is_repeated("z", r#"q","usage":{"prompt_tokens":9},"x":""#), (false, 2));
        assert_eq!(is_repeated("z", r"q\"), (false, 2), "a string that does not end");
        assert_eq!(is_repeated("z", "q"), (true, 2));
    }

    proptest! {
        #[test]
        fn what_is_not_read_would_have_said_nothing(
            frames in prop::collection::vec((0..FRAMES.len(), prop::collection::vec(text(), 4)), 1..12),
            is_responses in any::<bool>(),
        ) {
            let hint = if is_responses { Operation::Responses } else { Operation::Other };
            let (mut facts, mut remembering, mut last) = (ResponseFacts::default(), ResponseFacts::default(), LastRead::default());
            for (number, texts) in frames {
                let mut parts = FRAMES[number].split('%');
                let mut frame = parts.next().unwrap_or_default().to_owned();
                for (text, part) in texts.iter().zip(parts) {
                    frame.push_str(text);
                    frame.push_str(part);
                }
                let is_last = read_frame(frame.as_bytes(), &mut facts, hint, &mut LastRead::default());
                facts.complete |= is_last;
                let is_last = read_frame(frame.as_bytes(), &mut remembering, hint, &mut last);
                remembering.complete |= is_last;
                prop_assert_eq!(&facts, &remembering, "{}", frame);
            }
        }
    }

    #[test]
    fn a_piece_of_an_answer_like_the_one_before_is_not_read() {
        let piece = |text: &str| FRAMES[0].replacen('%', text, 1).into_bytes();
        let (mut facts, mut last) = (ResponseFacts::default(), LastRead::default());
        read_frame(&piece("one"), &mut facts, Operation::Chat, &mut last);
        assert!(last.is_repeated_by(&piece(r#"two \"more\" words"#)));
        assert!(!last.is_repeated_by(&piece(r#"","usage":{},"x":""#)));
        assert!(!last.is_repeated_by(&FRAMES[0].replace("null}", "\"stop\"}").into_bytes()));
        last.forget();
        assert!(!last.is_repeated_by(&piece("one")));
    }
}
