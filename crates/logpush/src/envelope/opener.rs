//! Opening sealed fields.

use std::{fmt, ops::RangeInclusive, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::OAEP_SHA256_MGF1SHA256,
};
use base64::Engine;
use gatelog_model::RejectReason;
use zeroize::Zeroizing;

use super::{AES_KEY_BYTES, BASE64, Envelope, IV_BYTES, KEY_BITS, KeyRing, TAG_BYTES};

/// Wrapped keys remembered within a line; a record has three sealed fields.
const LINE_KEYS_MAX: usize = 3;
/// How long a wrapped key can be.
const WRAPPED_BYTES: RangeInclusive<usize> = *KEY_BITS.start() / 8..=*KEY_BITS.end() / 8;

/// Opens the sealed fields of lines, one line after the other; one for each thread.
///
/// RSA is 99 % of the work, so each distinct wrapped key of a line is unwrapped once, whether that works or not.
/// Nothing is remembered beyond the line but which key of the ring worked last.
pub struct Opener {
    ring: Arc<KeyRing>,
    worked_last: usize,
    rsa_operations: u64,
    line_keys: Vec<(String, Result<LessSafeKey, OpenError>)>,
}

/// Why a field stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A part is not base64, has an impossible length, or the wrapped key is not one of AES-256.
    #[error("envelope is malformed")]
    BadEnvelope,
    /// No key of the ring unwraps the AES key.
    #[error("no key of the ring opens the envelope")]
    NoKey,
    /// The AES key was unwrapped, but does not authenticate the content.
    #[error("envelope content fails authentication")]
    Tampered,
}

impl From<OpenError> for RejectReason {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::BadEnvelope => Self::BadEnvelope,
            OpenError::NoKey => Self::NoKey,
            OpenError::Tampered => Self::Tampered,
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("ring", &self.ring).finish_non_exhaustive()
    }
}

impl Opener {
    /// Opens with the keys of a ring.
    pub fn new(ring: Arc<KeyRing>) -> Self {
        Self { ring, worked_last: 0, rsa_operations: 0, line_keys: Vec::new() }
    }

    /// Forgets the unwrapped keys of the line before.
    pub fn begin_line(&mut self) {
        self.line_keys.clear();
    }

    /// The plaintext of a field; see [`text_of`](crate::text_of) for its text.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; each variant is a reject reason of its own.
    pub fn open(&mut self, envelope: &Envelope<'_>) -> Result<Vec<u8>, OpenError> {
        let iv = decoded(&envelope.iv)?;
        let iv: [u8; IV_BYTES] = iv.try_into().map_err(|_| OpenError::BadEnvelope)?;
        let mut data = decoded(&envelope.data)?;
        if data.len() < TAG_BYTES {
            return Err(OpenError::BadEnvelope);
        }
        let key = self.line_key(&envelope.key)?;
        let nonce = Nonce::assume_unique_for_key(iv);
        let length = key.open_in_place(nonce, Aad::empty(), &mut data).map_err(|_| OpenError::Tampered)?.len();
        data.truncate(length);
        Ok(data)
    }

    /// RSA private-key operations done so far, those that found the wrong key included: what opening costs.
    pub fn rsa_operations(&self) -> u64 {
        self.rsa_operations
    }

    fn line_key(&mut self, wrapped: &str) -> Result<&LessSafeKey, OpenError> {
        let known = self.line_keys.iter().position(|(other, _)| other == wrapped);
        let index = match known {
            Some(index) => index,
            None => {
                let unwrapped = self.unwrap(wrapped);
                if self.line_keys.len() >= LINE_KEYS_MAX {
                    self.line_keys.drain(..1);
                }
                self.line_keys.push((wrapped.to_owned(), unwrapped));
                self.line_keys.len() - 1
            }
        };
        self.line_keys[index].1.as_ref().map_err(|error| *error)
    }

    /// Tries the ring from the key that worked last.
    fn unwrap(&mut self, wrapped: &str) -> Result<LessSafeKey, OpenError> {
        let wrapped = decoded(wrapped)?;
        if !WRAPPED_BYTES.contains(&wrapped.len()) {
            return Err(OpenError::BadEnvelope);
        }
        let mut room = Zeroizing::new([0; *WRAPPED_BYTES.end()]);
        let keys = self.ring.keys();
        for turn in 0..keys.len() {
            let index = (self.worked_last + turn) % keys.len();
            let private = &keys[index].private;
            // A key of another size cannot be the one, and asking it costs as much as asking the right one.
            if private.key_size_bytes() != wrapped.len() {
                continue;
            }
            self.rsa_operations += 1;
            if let Ok(key) = private.decrypt(&OAEP_SHA256_MGF1SHA256, &wrapped, room.as_mut_slice(), None) {
                self.worked_last = index;
                return aes_key(key);
            }
        }
        Err(OpenError::NoKey)
    }
}

fn aes_key(key: &[u8]) -> Result<LessSafeKey, OpenError> {
    if key.len() != AES_KEY_BYTES {
        return Err(OpenError::BadEnvelope);
    }
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| OpenError::BadEnvelope)
}

fn decoded(base64: &str) -> Result<Vec<u8>, OpenError> {
    BASE64.decode(base64).map_err(|_| OpenError::BadEnvelope)
}
