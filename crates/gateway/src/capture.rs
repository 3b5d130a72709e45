//! A bounded copy of a body that passes.

use std::borrow::Cow;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// Least growth of what is kept.
const KEPT_STEP_BYTES: usize = 512;

/// A body as the audit record has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LoggedBody<'a> {
    /// The text, up to the cap.
    pub(crate) text: Cow<'a, str>,
    /// Size and SHA-256 of the whole, if the text is not exactly that.
    pub(crate) whole: Option<(u64, String)>,
}

/// Keeps the start of a body and, once that is not all of it, counts and digests the whole.
#[derive(Debug)]
pub(crate) struct Capture {
    kept: Vec<u8>,
    bytes_max: usize,
    /// Bytes and digest of everything, once it is more than is kept.
    beyond: Option<(u64, Sha256)>,
}

impl Capture {
    /// Keeps at most `bytes_max`; `expected` is a hint of how much will come.
    pub(crate) fn new(bytes_max: usize, expected: usize) -> Self {
        Self { kept: Vec::with_capacity(expected.min(bytes_max)), bytes_max, beyond: None }
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if let Some((bytes, digest)) = &mut self.beyond {
            *bytes += piece.len() as u64;
            digest.update(piece);
            return;
        }
        if self.kept.len() + piece.len() <= self.bytes_max {
            self.make_room(piece.len());
            self.kept.extend_from_slice(piece);
            return;
        }
        let digest = Sha256::new().chain_update(&self.kept).chain_update(piece);
        self.beyond = Some(((self.kept.len() + piece.len()) as u64, digest));
        let room = self.bytes_max - self.kept.len();
        self.kept.extend_from_slice(&piece[..room]);
    }

    /// Grows by a quarter and not by all that is there: a stream may be open for minutes with what it has said so far.
    fn make_room(&mut self, bytes: usize) {
        if self.kept.capacity() - self.kept.len() < bytes {
            self.kept.reserve_exact(bytes.max(self.kept.len() / 4).max(KEPT_STEP_BYTES));
        }
    }

    /// What is kept, which may be only the start.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// Bytes that passed.
    pub(crate) fn bytes(&self) -> u64 {
        self.beyond.as_ref().map_or(self.kept.len() as u64, |(bytes, _)| *bytes)
    }

    /// The whole body, if all of it was kept.
    pub(crate) fn whole(&self) -> Option<Bytes> {
        self.beyond.is_none().then(|| Bytes::copy_from_slice(&self.kept))
    }

    /// The body for the record, cut to `text_bytes_max`.
    pub(crate) fn logged(&self, text_bytes_max: usize) -> LoggedBody<'_> {
        let whole = |digest: &Sha256| (self.bytes(), hex::encode(digest.clone().finalize()));
        match &self.beyond {
            None => logged(&self.kept, text_bytes_max),
            Some((_, digest)) => LoggedBody { whole: Some(whole(digest)), ..logged(&self.kept, text_bytes_max) },
        }
    }
}

/// A body that is all there, for the record, cut to `text_bytes_max`.
///
/// What is not UTF-8 (sound, images) cannot be shown as it is: its replacement is marked like a cut one.
pub(crate) fn logged(body: &[u8], text_bytes_max: usize) -> LoggedBody<'_> {
    let shown = &body[..boundary(body, text_bytes_max)];
    // The lossy reading looks at every character; nearly no body needs it.
    let text = std::str::from_utf8(shown).map_or_else(|_| String::from_utf8_lossy(shown), Cow::Borrowed);
    let is_whole = shown.len() == body.len() && matches!(text, Cow::Borrowed(_));
    let whole = (!is_whole).then(|| (body.len() as u64, hex::encode(Sha256::digest(body))));
    LoggedBody { text, whole }
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_within_the_cap_is_whole() {
        let mut capture = Capture::new(8, 0);
        capture.push("é".as_bytes());
        capture.push(b"12");
        assert_eq!(capture.logged(8), LoggedBody { text: "é12".into(), whole: None });
        assert_eq!(capture.whole().unwrap(), "é12");
    }

    #[test]
    fn binary_bodies_are_marked() {
        let body = logged(b"a\xffb", 10);
        assert_eq!(body.text, "a\u{fffd}b");
        assert_eq!(body.whole.unwrap().0, 3);
    }

    proptest! {
        /// However it is cut, the record has the start of the text and the digest of the whole.
        #[test]
        fn any_cut(text in "[aé€𝄞]{0,12}", cap in 0_usize..20, shown in 0_usize..20, piece in 1_usize..5) {
            let mut capture = Capture::new(cap, 0);
            text.as_bytes().chunks(piece).for_each(|piece| capture.push(piece));
            let bytes = text.len();
            prop_assert_eq!(capture.bytes(), bytes as u64);
            prop_assert_eq!(capture.whole().is_some(), bytes <= cap);
            let logged = capture.logged(shown);
            if bytes <= cap.min(shown) {
                prop_assert_eq!(logged, LoggedBody { text: text.as_str().into(), whole: None });
            } else {
                let digest = hex::encode(Sha256::digest(text.as_bytes()));
                prop_assert_eq!(logged.whole, Some((bytes as u64, digest)));
                let start = logged.text.trim_end_matches('\u{fffd}');
                prop_assert!(text.starts_with(start));
                prop_assert!(start.len() + 4 > shown.min(cap).min(bytes));
            }
        }
    }
}
