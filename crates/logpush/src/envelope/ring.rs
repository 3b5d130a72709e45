//! The private keys that may open a field.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::{OaepPrivateDecryptingKey, PrivateDecryptingKey},
};
use gatelog_model::Digest;

use super::{
    KEY_BITS,
    der::pkcs8_of_pkcs1,
    pem::{Content, Section, sections},
    sha256,
};

/// Most keys of a ring: a line that no key opens costs one RSA operation for each.
const RING_KEYS_MAX: usize = 16;

/// Private keys in the order in which they are tried; the current one should be first.
///
/// No two of them are the same. `Debug` prints fingerprints of the public halves only; aws-lc wipes the keys when the
/// ring is dropped.
pub struct KeyRing {
    keys: Vec<RingKey>,
}

/// One key of a ring.
pub(super) struct RingKey {
    pub(super) private: OaepPrivateDecryptingKey,
    fingerprint: Digest,
}

/// Why a key file cannot be used; never shows what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the key in `{file}`: {problem}")]
pub struct KeyError {
    /// The file, as the caller named it.
    pub file: String,
    /// What is wrong with it.
    pub problem: KeyProblem,
}

/// What is wrong with a key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// No PEM block in it.
    #[error("it holds no PEM block (`-----BEGIN ...`)")]
    NoPem,
    /// A PEM block that cannot be decoded.
    #[error("its PEM block is damaged")]
    BrokenPem,
    /// The key is protected by a passphrase.
    #[error(
        "the key is encrypted; write a plain copy that only this user can read: `openssl pkey -in FILE -out PLAIN`"
    )]
    Encrypted,
    /// A public key where the private one is needed.
    #[error("it is a public key; the private key of the pair is needed here")]
    PublicKey,
    /// A private key where the public one is needed.
    #[error("it is a private key; only the public key belongs here: `openssl pkey -in FILE -pubout`")]
    PrivateKey,
    /// A PEM block of some other kind, for example a certificate or an elliptic-curve key.
    #[error("it is no RSA key in PKCS#8, PKCS#1 or SPKI form")]
    OtherKind,
    /// Labelled as a key, but none of RSA or inconsistent.
    #[error("it is no valid RSA key of at least 2048 bit")]
    NotRsa,
    /// A size outside 2048 to 4096.
    #[error("the key has {bits} bit; 2048 to 4096 are supported")]
    Size {
        /// Size of the modulus.
        bits: usize,
    },
    /// More keys than a ring holds.
    #[error("a ring holds at most 16 keys")]
    TooMany,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.fingerprints()).finish()
    }
}

impl KeyRing {
    /// Reads PEM files, each given as (name for messages, text); a file may hold several keys. A key that comes twice
    /// is kept once. Without any file the ring is empty and opens nothing.
    ///
    /// Takes PKCS#8 (`PRIVATE KEY`) and PKCS#1 (`RSA PRIVATE KEY`). The caller wipes the texts.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for the first file that has anything but usable private keys in it.
    pub fn from_pem<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, KeyError> {
        let mut keys: Vec<RingKey> = Vec::new();
        for (file, pem) in files {
            let failed = |problem| KeyError { file: file.to_owned(), problem };
            let sections = sections(pem);
            if sections.is_empty() {
                return Err(failed(KeyProblem::NoPem));
            }
            for section in sections {
                let key = RingKey::from_section(&section).map_err(failed)?;
                if keys.iter().all(|other| other.fingerprint != key.fingerprint) {
                    keys.push(key);
                }
            }
            if keys.len() > RING_KEYS_MAX {
                return Err(failed(KeyProblem::TooMany));
            }
        }
        Ok(Self { keys })
    }

    /// Names this set of keys, whatever their order: SHA-256 over the sorted fingerprints. A change means that lines
    /// which no key opened should be tried again.
    pub fn id(&self) -> Digest {
        let mut fingerprints: Vec<[u8; 32]> = self.keys.iter().map(|key| key.fingerprint.0).collect();
        fingerprints.sort_unstable();
        sha256(fingerprints.as_flattened())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it opens nothing.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// SHA-256 of each public key (SPKI, DER), in ring order: what `openssl pkey -pubin -outform DER | sha256sum` says.
    pub fn fingerprints(&self) -> Vec<Digest> {
        self.keys.iter().map(|key| key.fingerprint).collect()
    }

    pub(super) fn keys(&self) -> &[RingKey] {
        &self.keys
    }
}

impl RingKey {
    fn from_section(section: &Section<'_>) -> Result<Self, KeyProblem> {
        let der = match (&section.content, section.label) {
            (Content::Encrypted, _) | (_, "ENCRYPTED PRIVATE KEY") => return Err(KeyProblem::Encrypted),
            (Content::Broken, _) => return Err(KeyProblem::BrokenPem),
            (Content::Der(der), "PRIVATE KEY") => der.clone(),
            (Content::Der(der), "RSA PRIVATE KEY") => pkcs8_of_pkcs1(der),
            (Content::Der(_), "PUBLIC KEY" | "RSA PUBLIC KEY") => return Err(KeyProblem::PublicKey),
            (Content::Der(_), _) => return Err(KeyProblem::OtherKind),
        };
        let private = PrivateDecryptingKey::from_pkcs8(&der).map_err(|_| KeyProblem::NotRsa)?;
        check_size(private.key_size_bits())?;
        let spki: PublicKeyX509Der<'_> = private.public_key().as_der().map_err(|_| KeyProblem::NotRsa)?;
        let fingerprint = sha256(spki.as_ref());
        let private = OaepPrivateDecryptingKey::new(private).map_err(|_| KeyProblem::NotRsa)?;
        Ok(Self { private, fingerprint })
    }
}

/// Refuses key sizes outside of what is supported.
pub(super) fn check_size(bits: usize) -> Result<(), KeyProblem> {
    if KEY_BITS.contains(&bits) { Ok(()) } else { Err(KeyProblem::Size { bits }) }
}
