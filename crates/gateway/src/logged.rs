//! Bodies as the audit record has them.

use std::borrow::Cow;

use gatelog_usage::{OperationHint, ResponseFacts, assemble};
use sha2::{Digest as _, Sha256};

use crate::gateway::GatewayOptions;

/// How the record has a streamed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamForm {
    /// Put together, if that loses nothing but framing: a tenth as long, and whole sentences can be found in it. Size and digest of
    /// what was sent are noted.
    Assembled,
    /// The frames as they passed.
    AsSent,
}

/// A body as the audit record has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedBody<'a> {
    /// The text, up to the cap.
    pub(crate) text: Cow<'a, str>,
    /// What was sent, if the text is not exactly that.
    pub(crate) whole: Option<Whole>,
    /// The text is cut, or has something else where it could not be shown.
    pub(crate) is_truncated: bool,
}

/// What tells of a body of which the record does not have each byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) bytes: u64,
    /// In hexadecimal digits.
    pub(crate) sha256: String,
}

impl Whole {
    pub(crate) fn of(body: &[u8]) -> Self {
        Self { bytes: body.len() as u64, sha256: hex::encode(Sha256::digest(body)) }
    }
}

impl<'a> LoggedBody<'a> {
    /// A body that is all there, cut to `text_bytes_max`.
    ///
    /// What is not UTF-8 (sound, images) cannot be shown as it is: its replacement is marked like a cut one.
    pub(crate) fn of(body: &'a [u8], text_bytes_max: usize) -> Self {
        let (text, is_truncated) = shown(body, text_bytes_max);
        Self { text, whole: is_truncated.then(|| Whole::of(body)), is_truncated }
    }

    /// The start of a body, cut to `text_bytes_max`.
    pub(crate) fn start_of(start: &'a [u8], whole: Whole, text_bytes_max: usize) -> Self {
        Self { text: shown(start, text_bytes_max).0, whole: Some(whole), is_truncated: true }
    }

    /// An answer that is all there, put together and cut; `None` if it is no stream, if that is not wished for, or if it would lose
    /// anything. `facts` were read from it with `hint`.
    pub(crate) fn assembled(
        body: &[u8],
        facts: &ResponseFacts,
        hint: OperationHint,
        options: &GatewayOptions,
    ) -> Option<Self> {
        if !facts.streamed || options.log_stream_form != StreamForm::Assembled {
            return None;
        }
        let mut text = assemble(simdutf8::basic::from_utf8(body).ok()?, facts, hint)?;
        let kept = boundary(text.as_bytes(), options.log_body_bytes_max);
        let is_truncated = kept < text.len();
        text.truncate(kept);
        Some(Self { text: text.into(), whole: Some(Whole::of(body)), is_truncated })
    }
}

/// What of a body is shown, and whether that is not all of it.
fn shown(body: &[u8], text_bytes_max: usize) -> (Cow<'_, str>, bool) {
    let shown = &body[..boundary(body, text_bytes_max)];
    // The lossy reading looks at every character; nearly no body needs it.
    let text = simdutf8::basic::from_utf8(shown).map_or_else(|_| String::from_utf8_lossy(shown), Cow::Borrowed);
    let is_all = shown.len() == body.len() && matches!(text, Cow::Borrowed(_));
    (text, !is_all)
}

/// The longest start of at most `bytes_max` that does not end within a character.
fn boundary(body: &[u8], bytes_max: usize) -> usize {
    if body.len() <= bytes_max {
        return body.len();
    }
    // A character has at most three continuation bytes; more is no UTF-8, and then it does not matter.
    let is_continuation = |index: &usize| body[*index] & 0b1100_0000 == 0b1000_0000;
    let back = (bytes_max.saturating_sub(3)..=bytes_max).rev().take_while(is_continuation).count();
    if back > 3 { bytes_max } else { bytes_max - back }
}

#[cfg(test)]
mod tests {
    use gatelog_usage::read_response;

    use super::*;

    const STREAM: &str = concat!(
        r#"data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Grü"}}]}"#,
        "\n\n",
        r#"data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"ße"}}]}"#,
        "\n\ndata: [DONE]\n\n",
    );
    const ASSEMBLED: &str = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"content":"Grüße"}}]}"#;

    #[test]
    fn binary_bodies_are_marked() {
        let body = LoggedBody::of(b"a\xffb", 10);
        assert_eq!((&*body.text, body.is_truncated), ("a\u{fffd}b", true));
        assert_eq!(body.whole.unwrap().bytes, 3);
    }

    fn assembled(stream: &str, text_bytes_max: usize) -> Option<LoggedBody<'static>> {
        let facts = read_response(stream, OperationHint::Chat);
        let options = GatewayOptions { log_body_bytes_max: text_bytes_max, ..GatewayOptions::default() };
        LoggedBody::assembled(stream.as_bytes(), &facts, OperationHint::Chat, &options)
    }

    #[test]
    fn a_stream_is_put_together_and_what_was_sent_is_noted() {
        let whole = Some(Whole::of(STREAM.as_bytes()));
        let expected = LoggedBody { text: ASSEMBLED.into(), whole: whole.clone(), is_truncated: false };
        assert_eq!(assembled(STREAM, 1_000), Some(expected));
        let letter = ASSEMBLED.find('ü').unwrap();
        let expected = LoggedBody { text: ASSEMBLED[..letter].into(), whole, is_truncated: true };
        assert_eq!(assembled(STREAM, letter + 1), Some(expected));
        assert_eq!(assembled(&STREAM[..STREAM.len() - 10], 1_000), None);
    }
}
