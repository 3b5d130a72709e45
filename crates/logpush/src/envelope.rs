//! Sealed fields: an AES-256-GCM ciphertext beside the AES key, wrapped for an RSA key.
//!
//! On the wire a field is `{"type":"encrypted","key":b64,"iv":b64,"data":b64}`: `key` is the AES key under RSA-OAEP
//! (SHA-256, MGF1 SHA-256), `data` the ciphertext with the 128-bit tag behind it, no additional data. Source: Cloudflare's
//! AI Gateway Logpush page and two readers of real logs. There is no key id, so a [`KeyRing`] is tried in order. All
//! cryptography is aws-lc's, whose RSA is constant-time.

mod der;
mod generate;
mod opener;
mod pem;
mod ring;
mod seal;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{
    alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use gatelog_model::{Digest, RejectReason};

pub use generate::{KeyBits, KeyPairPem, generate_key_pair};
pub use opener::{OpenError, Opener};
pub use ring::{KeyError, KeyProblem, KeyRing};
pub use seal::{LineSealer, SealError, SealingKey};

/// Size of an AES-256 key.
const AES_KEY_BYTES: usize = 32;
/// Size of the GCM nonce; aws-lc-rs takes no other, and nobody was seen to send one.
const IV_BYTES: usize = 12;
/// Size of the GCM tag.
const TAG_BYTES: usize = 16;
/// Sizes of RSA keys that are taken, bits. Below, RSA is broken or soon will be; above, an unwrap costs 10 ms and more.
const KEY_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Standard alphabet; padding is written, but not missed.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A sealed field as it stands in the line; nothing was decoded or checked yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The wrapped AES key, base64.
    pub key: Cow<'a, str>,
    /// The nonce, base64.
    pub iv: Cow<'a, str>,
    /// Ciphertext and tag, base64.
    pub data: Cow<'a, str>,
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({} bytes)", self.data.len())
    }
}

/// The text of an opened field, moved, not copied.
///
/// # Errors
///
/// `NotText` when it is not UTF-8.
pub fn text_of(opened: Vec<u8>) -> Result<String, RejectReason> {
    String::from_utf8(opened).map_err(|_| RejectReason::NotText)
}

fn sha256(bytes: &[u8]) -> Digest {
    let digest = digest(&SHA256, bytes);
    Digest(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}
