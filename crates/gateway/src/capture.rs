//! A bounded copy of a body that passes.

mod segments;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::logged::{LoggedBody, Whole};
use segments::{SEGMENT_BYTES, Segments};

/// How a body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It will be over soon.
    Quick,
    /// It has been coming for a while: segments that become full are packed. A body of known length has none: its one place was
    /// made at the start.
    Slow,
}

/// Keeps the start of a body and, once that is not all of it, counts and digests the whole.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    /// The start of what is kept.
    segments: Segments,
    /// The rest of it.
    recent: Vec<u8>,
    bytes_max: usize,
    beyond: Option<Beyond>,
}

/// Everything, once it is more than is kept.
#[derive(Debug)]
struct Beyond {
    bytes: u64,
    digest: Sha256,
}

impl Capture {
    /// Keeps at most `bytes_max`; `expected` is a hint of how much will come.
    pub(crate) fn new(bytes_max: usize, expected: usize) -> Self {
        Self { recent: Vec::with_capacity(expected.min(bytes_max)), bytes_max, ..Self::default() }
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, piece: &[u8], pace: Pace) {
        if let Some(beyond) = &mut self.beyond {
            beyond.bytes += piece.len() as u64;
            beyond.digest.update(piece);
            return;
        }
        let room = self.bytes_max - self.kept_bytes();
        if piece.len() > room {
            self.beyond = Some(self.begin_beyond(piece));
        }
        let kept = &piece[..piece.len().min(room)];
        let segment_bytes = self.recent.capacity().max(SEGMENT_BYTES);
        if !self.recent.is_empty() && self.recent.len() + kept.len() > segment_bytes {
            self.segments.take(&mut self.recent, pace);
        }
        if self.recent.capacity() == 0 {
            self.recent.reserve_exact(kept.len().max(SEGMENT_BYTES));
        }
        self.recent.extend_from_slice(kept);
    }

    /// Counts and digests what was kept so far and the piece that does not fit.
    fn begin_beyond(&self, piece: &[u8]) -> Beyond {
        let mut digest = Sha256::new();
        self.segments.texts().for_each(|text| digest.update(&text));
        digest.update(&self.recent);
        digest.update(piece);
        Beyond { bytes: (self.kept_bytes() + piece.len()) as u64, digest }
    }

    fn kept_bytes(&self) -> usize {
        self.segments.bytes() + self.recent.len()
    }

    /// Bytes that passed.
    pub(crate) fn bytes(&self) -> u64 {
        self.beyond.as_ref().map_or(self.kept_bytes() as u64, |beyond| beyond.bytes)
    }

    /// All has passed.
    pub(crate) fn finish(self) -> Captured {
        let is_in_one_place = self.segments.bytes() == 0 && self.recent.len() == self.recent.capacity();
        let kept = if is_in_one_place { self.recent } else { self.segments.joined(&self.recent) };
        Captured { kept: kept.into(), beyond: self.beyond }
    }
}

/// What was kept of a body that has passed.
#[derive(Debug)]
pub(crate) struct Captured {
    /// In exactly as much memory as it takes.
    kept: Bytes,
    beyond: Option<Beyond>,
}

impl Captured {
    /// What is kept, which may be only the start.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// Bytes that passed.
    pub(crate) fn bytes(&self) -> u64 {
        self.beyond.as_ref().map_or(self.kept.len() as u64, |beyond| beyond.bytes)
    }

    /// The whole body, if all of it was kept.
    pub(crate) fn whole(&self) -> Option<Bytes> {
        self.beyond.is_none().then(|| self.kept.clone())
    }

    /// The body for the record, cut to `text_bytes_max`.
    pub(crate) fn logged(&self, text_bytes_max: usize) -> LoggedBody<'_> {
        match &self.beyond {
            None => LoggedBody::of(&self.kept, text_bytes_max),
            Some(Beyond { bytes, digest }) => {
                let whole = Whole { bytes: *bytes, sha256: hex::encode(digest.clone().finalize()) };
                LoggedBody::start_of(&self.kept, whole, text_bytes_max)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_within_the_cap_is_whole() {
        let mut capture = Capture::new(8, 0);
        capture.push("é".as_bytes(), Pace::Quick);
        capture.push(b"12", Pace::Slow);
        let capture = capture.finish();
        assert_eq!(capture.logged(8), LoggedBody { text: "é12".into(), whole: None, is_truncated: false });
        assert_eq!(capture.whole().unwrap(), "é12");
    }

    proptest! {
        /// However it is cut, the record has the start of the text and the digest of the whole.
        #[test]
        fn any_cut(text in "[aé€𝄞]{0,12}", cap in 0_usize..20, shown in 0_usize..20, piece in 1_usize..5) {
            let mut capture = Capture::new(cap, 0);
            text.as_bytes().chunks(piece).for_each(|piece| capture.push(piece, Pace::Quick));
            let bytes = text.len();
            prop_assert_eq!(capture.bytes(), bytes as u64);
            let capture = capture.finish();
            prop_assert_eq!(capture.bytes(), bytes as u64);
            prop_assert_eq!(capture.whole().is_some(), bytes <= cap);
            let logged = capture.logged(shown);
            if bytes <= cap.min(shown) {
                prop_assert_eq!(logged, LoggedBody { text: text.as_str().into(), whole: None, is_truncated: false });
            } else {
                prop_assert_eq!(logged.whole, Some(Whole::of(text.as_bytes())));
                prop_assert!(logged.is_truncated);
                let start = logged.text.trim_end_matches('\u{fffd}');
                prop_assert!(text.starts_with(start));
                prop_assert!(start.len() + 4 > shown.min(cap).min(bytes));
            }
        }

        /// Packing changes nothing but the memory it takes.
        #[test]
        fn a_slow_body_is_the_same(
            pieces in prop::collection::vec((prop_oneof![9 => "[a-d ]{0,3000}", 1 => "[a-d ]{70000}"], any::<bool>()), 0..24),
            cap in prop_oneof![Just(1 << 20), 0_usize..30_000],
            expected in prop_oneof![Just(0), 0_usize..50_000],
        ) {
            let (mut slow, mut quick) = (Capture::new(cap, expected), Capture::new(cap, expected));
            for (piece, is_slow) in &pieces {
                slow.push(piece.as_bytes(), if *is_slow { Pace::Slow } else { Pace::Quick });
                quick.push(piece.as_bytes(), Pace::Quick);
                prop_assert_eq!(slow.bytes(), quick.bytes());
            }
            let text: String = pieces.iter().map(|(piece, _)| piece.as_str()).collect();
            let (start, bytes) = (&text[..text.len().min(cap)], text.len() as u64);
            let whole = (text.len() > cap.min(20_000)).then(|| Whole::of(text.as_bytes()));
            for capture in [slow.finish(), quick.finish()] {
                prop_assert_eq!(capture.bytes(), bytes);
                prop_assert_eq!(capture.kept(), start.as_bytes());
                prop_assert_eq!(capture.whole().is_some(), text.len() <= cap);
                let logged = capture.logged(20_000);
                prop_assert_eq!(&*logged.text, &start[..start.len().min(20_000)]);
                prop_assert_eq!(&logged.whole, &whole);
            }
        }
    }
}
