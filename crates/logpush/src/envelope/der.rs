//! The few bytes of DER between a PKCS#1 key and the PKCS#8 or SPKI document around it.

use zeroize::Zeroizing;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// `AlgorithmIdentifier { rsaEncryption, NULL }` (RFC 8017, appendix A.1).
const RSA_ENCRYPTION: &[u8] =
    &[SEQUENCE, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Wraps an `RSAPrivateKey` into a `PrivateKeyInfo` of version 0 (RFC 5208).
pub(super) fn pkcs8_of_pkcs1(key: &[u8]) -> Zeroizing<Vec<u8>> {
    let private = Zeroizing::new(element(OCTET_STRING, &[key]));
    Zeroizing::new(element(SEQUENCE, &[&[INTEGER, 1, 0], RSA_ENCRYPTION, &private]))
}

/// Wraps an `RSAPublicKey` into a `SubjectPublicKeyInfo` (RFC 5280).
pub(super) fn spki_of_pkcs1(key: &[u8]) -> Vec<u8> {
    let no_unused_bits = [0];
    let public = element(BIT_STRING, &[&no_unused_bits, key]);
    element(SEQUENCE, &[RSA_ENCRYPTION, &public])
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Room for all of it, so that growing leaves no copy of a key behind.
    let mut der = Vec::with_capacity(length + 2 + size_of::<usize>());
    der.push(tag);
    push_length(&mut der, length);
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

fn push_length(der: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short @ ..0x80) => der.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
            der.push(0x80 | u8::try_from(significant.len()).expect("a length has at most eight bytes"));
            der.extend_from_slice(significant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, head) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (256, &[4, 0x82, 1, 0]),
            (70_000, &[4, 0x83, 1, 17, 112]),
        ] {
            let der = element(OCTET_STRING, &[&vec![7; length]]);
            assert_eq!(&der[..head.len()], head);
            assert_eq!(der.len(), head.len() + length);
        }
    }
}
