//! The memory that an object's text is decoded into.

use std::ops::{Deref, DerefMut};

/// Zeroed memory for text.
#[derive(Default)]
pub struct TextBuffer(Vec<u8>);

impl TextBuffer {
    /// Makes sure of this many bytes; what was in them may be gone.
    pub(super) fn make_room(&mut self, bytes: usize) {
        if self.len() < bytes {
            // The old memory goes first, so that both are never held.
            self.0 = Vec::new();
            self.0 = vec![0; bytes];
        }
    }

    /// Makes sure of this many bytes; what was in them stays.
    pub(super) fn grow(&mut self, bytes: usize) {
        if self.len() < bytes {
            self.0.resize(bytes, 0);
        }
    }
}

impl Deref for TextBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for TextBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_what_is_there() {
        let mut buffer = TextBuffer::default();
        buffer.make_room(10);
        assert_eq!(buffer[..], [0; 10]);
        buffer[9] = 7;
        buffer.grow(11);
        assert_eq!((buffer.len(), buffer[9], buffer[10]), (11, 7, 0));
        buffer.make_room(10);
        assert_eq!(buffer[9], 7, "enough was there");
    }
}
