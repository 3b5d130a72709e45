//! What is left of a line, from which pieces are cut off the front.

use std::{borrow::Cow, mem, ops::Deref};

use gatelog_model::RejectReason;

use super::quoted::{Scratch, StringEnd, read_text};

/// The unread rest of a text of this lifetime, lent for reading or for writing.
pub(super) trait Rest<'a>: Deref<Target = [u8]> {
    /// Cuts off this many bytes, which must be there.
    fn cut(&mut self, bytes: usize) -> &'a [u8];

    /// Cuts off the string at the front: its text, lone surrogates replaced by U+FFFD.
    ///
    /// # Errors
    ///
    /// As [`read_text`], and `NotJson` when it is not UTF-8.
    fn cut_text(&mut self, scratch: &mut Scratch) -> Result<Cow<'a, str>, RejectReason>;
}

/// Text with escapes is put together in memory of its own.
impl<'a> Rest<'a> for &'a [u8] {
    fn cut(&mut self, bytes: usize) -> &'a [u8] {
        let (piece, rest) = self.split_at(bytes);
        *self = rest;
        piece
    }

    fn cut_text(&mut self, scratch: &mut Scratch) -> Result<Cow<'a, str>, RejectReason> {
        let StringEnd { end, unescaped } = read_text(self, scratch)?;
        let string = self.cut(end);
        match unescaped {
            None => utf8(&string[1..end - 1]).map(Cow::Borrowed),
            Some(text) => utf8(text).map(|text| Cow::Owned(text.to_owned())),
        }
    }
}

/// Text with escapes is put where the string was, which it fits: no escape is shorter than what it stands for. So all text
/// is borrowed from the line.
impl<'a> Rest<'a> for &'a mut [u8] {
    fn cut(&mut self, bytes: usize) -> &'a [u8] {
        let (piece, rest) = mem::take(self).split_at_mut(bytes);
        *self = rest;
        piece
    }

    fn cut_text(&mut self, scratch: &mut Scratch) -> Result<Cow<'a, str>, RejectReason> {
        let StringEnd { end, unescaped } = read_text(self, scratch)?;
        let (string, rest) = mem::take(self).split_at_mut(end);
        *self = rest;
        let text = match unescaped {
            None => &string[1..end - 1],
            Some(text) => {
                let place = &mut string[..text.len()];
                place.copy_from_slice(text);
                place
            }
        };
        utf8(text).map(Cow::Borrowed)
    }
}

/// Bytes as text, unless they are none.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, RejectReason> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| RejectReason::NotJson)
}
