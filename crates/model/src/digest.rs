//! SHA-256 digests and the short form that finds repeated lines.

use std::fmt;

/// A SHA-256 digest; prints as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The 64 lower-case hex digits.
    pub fn hex(&self) -> String {
        // `hex::encode` collects character by character, which shows where every line has a digest.
        let mut digits = vec![0; 2 * self.0.len()];
        hex::encode_to_slice(self.0, &mut digits).expect("two digits a byte");
        String::from_utf8(digits).expect("hex digits are ASCII")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// What makes two lines the same one: 16 bytes of a SHA-256.
///
/// Computed over the `LogId` if the line has one, else over the raw line and its ordinal among identical lines of its
/// object. The n-th copy of a line in one object is therefore an event of its own, while the same n-th copy in another
/// object is a duplicate. 128 bits keep the chance of a false duplicate below 1e-18 for ten billion lines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineDigest(pub [u8; 16]);

impl fmt::Debug for LineDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineDigest({})", hex::encode(self.0))
    }
}
