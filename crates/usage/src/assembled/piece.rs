//! Frames that add a piece to a text and say nothing else that is new: nearly all of them.

use std::ops::Range;

use crate::lenient::string_end;

/// The last frame that added one piece to one text.
#[derive(Debug, Clone)]
pub(super) struct LastPiece<'a> {
    frame: &'a str,
    /// Strings that say nothing else if they differ, in order, without their quotes.
    strings: Vec<(Range<usize>, Differs)>,
}

/// What a string is that may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Differs {
    /// A piece of this text.
    Piece(usize),
    /// Padding.
    Padding,
}

impl<'a> LastPiece<'a> {
    /// `None` unless there is exactly one piece.
    pub(super) fn new(frame: &'a str, mut strings: Vec<(Range<usize>, Differs)>) -> Option<Self> {
        let pieces = strings.iter().filter(|(_, differs)| matches!(differs, Differs::Piece(_))).count();
        strings.sort_by_key(|(range, _)| range.start);
        (pieces == 1).then_some(Self { frame, strings })
    }

    /// The piece that `frame` adds, and to which text, if that is all it does.
    pub(super) fn piece<'b>(&self, frame: &'b str) -> Option<(usize, &'b str)> {
        let (mut at, mut rest) = (0, frame);
        let mut piece = None;
        for (range, differs) in &self.strings {
            rest = rest.strip_prefix(&self.frame[at..range.start])?;
            let end = string_end(rest.as_bytes())?;
            let string = &rest[..end];
            if !string.bytes().all(is_plain) {
                return None;
            }
            if let Differs::Piece(text) = differs {
                piece = Some((*text, string));
            }
            (at, rest) = (range.end, &rest[end..]);
        }
        piece.filter(|_| self.frame[at..] == *rest)
    }
}

/// Whether a byte of a string is no more than what it is: escapes are to be read, that half of one does not join another half.
fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_piece_and_padding_may_differ() {
        let frame = r#"{"a":"one","b":1,"p":"xx"}"#;
        let strings = vec![(22..24, Differs::Padding), (6..9, Differs::Piece(7))];
        let last = LastPiece::new(frame, strings).unwrap();
        assert_eq!(last.piece(r#"{"a":"t€o","b":1,"p":""}"#), Some((7, "t€o")));
        for other in [
            r#"{"a":"one","b":2,"p":"xx"}"#,
            r#"{"a":"one","b":1,"p":"xx"} "#,
            r#"{"a":"one","b":1,"p":"#,
            r#"{"a":"t\"o","b":1,"p":""}"#,
            r#"{"a":"one","b":1,"p":"\x"}"#,
            "{\"a\":\"\u{1}\",\"b\":1,\"p\":\"\"}",
            "",
        ] {
            assert_eq!(last.piece(other), None, "{other}");
        }
        assert!(LastPiece::new(frame, vec![(22..24, Differs::Padding)]).is_none());
        assert!(LastPiece::new(frame, vec![(6..9, Differs::Piece(0)), (22..24, Differs::Piece(1))]).is_none());
    }
}
