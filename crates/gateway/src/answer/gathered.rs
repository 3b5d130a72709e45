//! Pieces of an answer that are there at the same time become one.

use std::cell::RefCell;

use bytes::Bytes;

/// What a thread's buffer may keep for the next one; pieces are seldom larger than half of it.
const KEPT_BYTES_MAX: usize = 128 * 1024;

thread_local! {
    /// Where pieces are put together. Each thread has one, and not each answer: it never has to grow again, and what is sent on
    /// takes exactly as much memory as it has bytes.
    static JOINED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Pieces in the order in which they came.
pub(super) struct Gathered<'a> {
    /// One piece alone is passed on without a copy.
    single: Option<Bytes>,
    joined: &'a mut Vec<u8>,
}

impl Gathered<'_> {
    /// Gathers what `gather` pushes, and gives it out as one, if it is anything.
    pub(super) fn gather<T>(gather: impl FnOnce(&mut Gathered<'_>) -> T) -> (T, Option<Bytes>) {
        JOINED.with_borrow_mut(|joined| {
            // There is something left only of somebody who panicked.
            joined.clear();
            let mut gathered = Gathered { single: None, joined };
            let result = gather(&mut gathered);
            let bytes = gathered.single.take().unwrap_or_else(|| Bytes::copy_from_slice(gathered.joined));
            joined.clear();
            joined.shrink_to(KEPT_BYTES_MAX);
            (result, Some(bytes).filter(|bytes| !bytes.is_empty()))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.joined.len() + self.single.as_ref().map_or(0, Bytes::len)
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        match self.single.take() {
            None if self.joined.is_empty() => self.single = Some(piece),
            first => {
                self.joined.extend_from_slice(&first.unwrap_or_default());
                self.joined.extend_from_slice(&piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(pieces: &[&'static [u8]]) -> (Vec<usize>, Option<Bytes>) {
        Gathered::gather(|gathered| {
            let push = |piece: &&'static [u8]| {
                gathered.push(Bytes::from_static(piece));
                gathered.len()
            };
            pieces.iter().map(push).collect()
        })
    }

    #[test]
    fn pieces_become_one() {
        assert_eq!(gathered(&[]), (vec![], None));
        assert_eq!(gathered(&[b""]), (vec![0], None));
        assert_eq!(gathered(&[b"ab", b"", b"c"]), (vec![2, 2, 3], Some(Bytes::from_static(b"abc"))));
        assert_eq!(gathered(&[b"d"]), (vec![1], Some(Bytes::from_static(b"d"))), "nothing of those before");
    }

    #[test]
    fn one_piece_is_not_copied() {
        let piece = Bytes::from_static(b"piece");
        let ((), bytes) = Gathered::gather(|gathered| gathered.push(piece.clone()));
        assert_eq!(bytes.unwrap().as_ptr(), piece.as_ptr());
    }

    #[test]
    fn nothing_is_left_of_somebody_who_panicked() {
        let panicked = std::panic::catch_unwind(|| {
            Gathered::gather(|gathered| {
                gathered.push(Bytes::from_static(b"a"));
                gathered.push(Bytes::from_static(b"b"));
                panic!("while gathering");
            })
        });
        assert!(panicked.is_err());
        assert_eq!(gathered(&[b"c", b"d"]).1.unwrap(), "cd");
    }
}
