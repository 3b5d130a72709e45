//! The memory that an object's text is decoded into.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// From here on memory is asked of the system in huge pages: about the size of one.
const HUGE_BYTES_MIN: usize = 2 << 20;

/// Zeroed memory for text.
///
/// The text of an object is tens of megabytes that are written once and then given back. In pages of 4 KB, handing them out
/// took 7 % of decoding and writing an object (2026-11); in huge pages it takes a fraction of that, on systems that have
/// them.
pub struct TextBuffer(Memory);

enum Memory {
    Heap(Vec<u8>),
    Mapped(MmapMut),
}

impl TextBuffer {
    /// Makes sure of this many bytes; what was in them may be gone.
    pub(super) fn make_room(&mut self, bytes: usize) {
        if self.len() < bytes {
            // The old memory goes first, so that both are never held.
            *self = Self::default();
            self.0 = zeroed(bytes);
        }
    }

    /// Makes sure of this many bytes; what was in them stays.
    pub(super) fn grow(&mut self, bytes: usize) {
        match &mut self.0 {
            Memory::Heap(held) if held.len() < bytes => held.resize(bytes, 0),
            Memory::Mapped(held) if held.len() < bytes => {
                let mut grown = vec![0; bytes];
                grown[..held.len()].copy_from_slice(held);
                self.0 = Memory::Heap(grown);
            }
            Memory::Heap(_) | Memory::Mapped(_) => {}
        }
    }
}

/// Memory of which nothing was touched yet.
fn zeroed(bytes: usize) -> Memory {
    if bytes < HUGE_BYTES_MIN {
        return Memory::Heap(vec![0; bytes]);
    }
    let Ok(mapped) = MmapMut::map_anon(bytes) else { return Memory::Heap(vec![0; bytes]) };
    // Advice: a system that does not take it gives small pages.
    #[cfg(target_os = "linux")]
    let _ = mapped.advise(memmap2::Advice::HugePage);
    Memory::Mapped(mapped)
}

impl Default for TextBuffer {
    /// No memory.
    fn default() -> Self {
        Self(Memory::Heap(Vec::new()))
    }
}

impl Deref for TextBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Heap(held) => held,
            Memory::Mapped(held) => held,
        }
    }
}

impl DerefMut for TextBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Heap(held) => held,
            Memory::Mapped(held) => held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_what_is_there_in_either_memory() {
        for bytes in [10, HUGE_BYTES_MIN] {
            let mut buffer = TextBuffer::default();
            buffer.make_room(bytes);
            assert!(buffer.len() == bytes && buffer.iter().all(|byte| *byte == 0));
            buffer[bytes - 1] = 7;
            buffer.grow(bytes + 1);
            assert_eq!((buffer.len(), buffer[bytes - 1], buffer[bytes]), (bytes + 1, 7, 0));
            buffer.make_room(bytes);
            assert_eq!(buffer[bytes - 1], 7, "enough was there");
        }
    }
}
