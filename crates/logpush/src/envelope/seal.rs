//! Sealing fields, so that our own gateway and the demo write what Cloudflare writes.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    error::Unspecified,
    rand,
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey},
};
use base64::Engine;
use zeroize::Zeroizing;

use super::{
    AES_KEY_BYTES, BASE64, IV_BYTES, KeyError, KeyProblem, TAG_BYTES,
    der::spki_of_pkcs1,
    pem::{Content, sections},
    ring::check_size,
};

/// The public key for which fields are sealed.
pub struct SealingKey {
    public: OaepPublicEncryptingKey,
}

/// The AES key of one record, wrapped once.
///
/// Every field gets a nonce of its own, so one sealer may seal all fields of its record; take a new one for the next.
pub struct LineSealer {
    wrapped: String,
    key: LessSafeKey,
}

/// The system gave no randomness, or the cryptographic library failed in itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot seal: the cryptographic library failed")]
pub struct SealError;

impl From<Unspecified> for SealError {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({} bit)", self.public.key_size_bits())
    }
}

impl fmt::Debug for LineSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LineSealer")
    }
}

impl SealingKey {
    /// Reads one public key: SPKI (`PUBLIC KEY`) or PKCS#1 (`RSA PUBLIC KEY`). `file` names it in messages.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when the file holds anything but one usable public key first.
    pub fn from_pem(file: &str, pem: &str) -> Result<Self, KeyError> {
        Self::parse(pem).map_err(|problem| KeyError { file: file.to_owned(), problem })
    }

    fn parse(pem: &str) -> Result<Self, KeyProblem> {
        let sections = sections(pem);
        let section = sections.first().ok_or(KeyProblem::NoPem)?;
        let spki = match (&section.content, section.label) {
            (_, "PRIVATE KEY" | "RSA PRIVATE KEY" | "ENCRYPTED PRIVATE KEY") => return Err(KeyProblem::PrivateKey),
            (Content::Broken | Content::Encrypted, _) => return Err(KeyProblem::BrokenPem),
            (Content::Der(der), "PUBLIC KEY") => der.to_vec(),
            (Content::Der(der), "RSA PUBLIC KEY") => spki_of_pkcs1(der),
            (Content::Der(_), _) => return Err(KeyProblem::OtherKind),
        };
        let public = PublicEncryptingKey::from_der(&spki).map_err(|_| KeyProblem::NotRsa)?;
        check_size(public.key_size_bits())?;
        Ok(Self { public: OaepPublicEncryptingKey::new(public).map_err(|_| KeyProblem::NotRsa)? })
    }

    /// Makes the AES key of one record and wraps it: one RSA public operation, about 50 us for 4096 bit.
    ///
    /// # Errors
    ///
    /// [`SealError`] when the system gives no randomness.
    pub fn new_line(&self) -> Result<LineSealer, SealError> {
        let mut key = Zeroizing::new([0; AES_KEY_BYTES]);
        rand::fill(key.as_mut_slice())?;
        let mut wrapped = vec![0; self.public.ciphertext_size()];
        let wrapped = self.public.encrypt(&OAEP_SHA256_MGF1SHA256, key.as_slice(), &mut wrapped, None)?;
        let wrapped = BASE64.encode(wrapped);
        Ok(LineSealer { wrapped, key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice())?) })
    }
}

impl LineSealer {
    /// Seals one field and appends the JSON text of its envelope; on failure `out` is as it was.
    ///
    /// # Errors
    ///
    /// [`SealError`] when the system gives no randomness.
    pub fn seal_into(&self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let mut iv = [0; IV_BYTES];
        rand::fill(&mut iv)?;
        let mut data = Vec::with_capacity(plain.len() + TAG_BYTES);
        data.extend_from_slice(plain);
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut data)?;
        // Base64 needs no escaping in JSON.
        out.extend_from_slice(br#"{"type":"encrypted","key":""#);
        out.extend_from_slice(self.wrapped.as_bytes());
        out.extend_from_slice(br#"","iv":""#);
        base64_simd::STANDARD.encode_append(iv, out);
        out.extend_from_slice(br#"","data":""#);
        base64_simd::STANDARD.encode_append(&data, out);
        out.extend_from_slice(br#""}"#);
        Ok(())
    }

    /// Seals one field: the JSON text of its envelope.
    ///
    /// # Errors
    ///
    /// [`SealError`] when the system gives no randomness.
    pub fn seal(&self, plain: &[u8]) -> Result<String, SealError> {
        let mut out = Vec::new();
        self.seal_into(plain, &mut out)?;
        Ok(String::from_utf8(out).expect("an envelope is ASCII"))
    }
}
