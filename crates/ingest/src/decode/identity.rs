//! When two lines are the same one.
//!
//! A line with a `LogId` is that log: its second appearance is a duplicate wherever it stands, even if it was sealed anew
//! and its bytes differ. Any other line is identified by its bytes and by how many identical lines stand before it in its
//! object: two equal lines of one object are two events (`-2` on the second), the same two in another object are their
//! duplicates.

use std::collections::HashMap;

use gatelog_model::{Digest, Event, LineDigest};
use sha2::{Digest as _, Sha256};

/// What identifies a line before its ordinal is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// By its `LogId`: the digest of it.
    Log(Digest),
    /// By its bytes: the line digest.
    Bytes(Digest),
}

/// The identity of one event.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventIdentity {
    pub(super) digest: LineDigest,
    /// 1 for the first line of these bytes in its object.
    ordinal: u32,
}

impl EventIdentity {
    /// Makes the event id of a repeated line differ from the first.
    pub(super) fn name(&self, event: &mut Event) {
        if self.ordinal > 1 {
            event.event_id = format!("{}-{}", event.event_id, self.ordinal);
        }
    }
}

/// How often each identity was met in one object.
#[derive(Debug, Default)]
pub(super) struct Identities(HashMap<LineDigest, u32>);

impl Identities {
    /// Counts one more line; `None` when its `LogId` was met before.
    pub(super) fn next(&mut self, identity: Identity) -> Option<EventIdentity> {
        let (Identity::Log(base) | Identity::Bytes(base)) = identity;
        let count = self.0.entry(short(base)).or_default();
        *count += 1;
        match (identity, *count) {
            (_, 1) => Some(EventIdentity { digest: short(base), ordinal: 1 }),
            (Identity::Log(_), _) => None,
            (Identity::Bytes(_), ordinal) => Some(EventIdentity { digest: repeated(base, ordinal), ordinal }),
        }
    }
}

fn short(digest: Digest) -> LineDigest {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.0[..16]);
    LineDigest(bytes)
}

fn repeated(base: Digest, ordinal: u32) -> LineDigest {
    let mut hash = Sha256::new();
    hash.update(b"repeated line\0");
    hash.update(base.0);
    hash.update(ordinal.to_be_bytes());
    short(Digest(hash.finalize().into()))
}

/// SHA-256 of the raw line, without its newline.
pub(super) fn digest_of_line(line: &[u8]) -> Digest {
    Digest(Sha256::digest(line).into())
}

/// The digest that a `LogId` is compared by.
pub(super) fn digest_of_log_id(log_id: &str) -> Digest {
    let mut hash = Sha256::new();
    hash.update(b"log id\0");
    hash.update(log_id.as_bytes());
    Digest(hash.finalize().into())
}

/// Stands in for a line whose bytes were skipped.
pub(super) fn digest_of_place(number: u64, offset: u64) -> Digest {
    let mut hash = Sha256::new();
    hash.update(b"skipped line\0");
    hash.update(number.to_be_bytes());
    hash.update(offset.to_be_bytes());
    Digest(hash.finalize().into())
}

/// A digest of a multiset of lines: equal for the same lines in any order and any compression.
///
/// Four 64-bit sums of the parts of the line digests. It finds a whole re-delivery; it is no defence against somebody who
/// makes lines to collide, for which the object's own SHA-256 stands beside it.
#[derive(Debug, Default, Clone, Copy)]
pub struct LinesDigest([u64; 4]);

impl LinesDigest {
    /// Adds one line.
    pub fn add(&mut self, line: &Digest) {
        for (sum, part) in self.0.iter_mut().zip(line.0.chunks_exact(8)) {
            let part = u64::from_be_bytes(part.try_into().expect("chunks_exact gives eight bytes"));
            *sum = sum.wrapping_add(part);
        }
    }

    /// The sum as a digest.
    pub fn finish(self) -> Digest {
        let mut bytes = [0; 32];
        for (part, sum) in bytes.chunks_exact_mut(8).zip(self.0) {
            part.copy_from_slice(&sum.to_be_bytes());
        }
        Digest(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_are_events_of_their_own_but_equal_log_ids_are_not() {
        let mut seen = Identities::default();
        let line = Identity::Bytes(digest_of_line(b"{}"));
        let first = seen.next(line).unwrap();
        let second = seen.next(line).unwrap();
        assert_ne!(first.digest, second.digest);
        let mut elsewhere = Identities::default();
        elsewhere.next(line);
        assert_eq!(elsewhere.next(line).unwrap().digest, second.digest, "the same copy in another object is the same");

        let log = Identity::Log(digest_of_log_id("01"));
        assert!(seen.next(log).is_some());
        assert!(seen.next(log).is_none());
    }

    #[test]
    fn the_lines_digest_ignores_order_but_not_count() {
        let [a, b] = [digest_of_line(b"a"), digest_of_line(b"b")];
        let sum = |lines: &[&Digest]| {
            let mut sum = LinesDigest::default();
            lines.iter().for_each(|line| sum.add(line));
            sum.finish()
        };
        assert_eq!(sum(&[&a, &b]), sum(&[&b, &a]));
        assert_ne!(sum(&[&a, &b]), sum(&[&a, &b, &b]));
    }
}
