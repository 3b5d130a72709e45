//! New key pairs, for `keygen` and the demo.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    error::Unspecified,
    rsa::{KeySize, PrivateDecryptingKey},
};
use base64::Engine;
use zeroize::Zeroizing;

use super::{BASE64, SealError};

/// Length of a base64 line in PEM (RFC 7468).
const PEM_LINE: usize = 64;

/// Size of a new key; Cloudflare's page makes 4096 bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyBits {
    /// 2048 bit: the smallest that is taken; for tests, it is ten times faster.
    Rsa2048,
    /// 3072 bit.
    Rsa3072,
    /// 4096 bit.
    Rsa4096,
}

/// A new key pair. `Debug` shows the public half only; the private one is wiped on drop.
pub struct KeyPairPem {
    /// PKCS#8, `BEGIN PRIVATE KEY`: for the key ring, readable by its owner only.
    pub private: Zeroizing<String>,
    /// SPKI, `BEGIN PUBLIC KEY`: for the gateway.
    pub public: String,
}

impl fmt::Debug for KeyPairPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPairPem").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Makes a key pair; takes up to a few seconds for 4096 bit, so not on an async thread.
///
/// # Errors
///
/// [`SealError`] when the system gives no randomness.
pub fn generate_key_pair(bits: KeyBits) -> Result<KeyPairPem, SealError> {
    let size = match bits {
        KeyBits::Rsa2048 => KeySize::Rsa2048,
        KeyBits::Rsa3072 => KeySize::Rsa3072,
        KeyBits::Rsa4096 => KeySize::Rsa4096,
    };
    let key = PrivateDecryptingKey::generate(size)?;
    let private: Result<Pkcs8V1Der<'_>, Unspecified> = key.as_der();
    let public: Result<PublicKeyX509Der<'_>, Unspecified> = key.public_key().as_der();
    Ok(KeyPairPem {
        private: pem("PRIVATE KEY", private?.as_ref()),
        public: String::clone(&pem("PUBLIC KEY", public?.as_ref())),
    })
}

fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(BASE64.encode(der));
    // Room for all of it, so that growing leaves no copy of a key behind.
    let mut pem = Zeroizing::new(String::with_capacity(base64.len() * 2 + 100));
    pem.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}
