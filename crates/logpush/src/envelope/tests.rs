//! What opens, what does not, and with which reason.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use base64::Engine;

use super::{
    pem::{Content, sections},
    *,
};

static KEY_2048: LazyLock<KeyPairPem> = LazyLock::new(|| generate_key_pair(KeyBits::Rsa2048).unwrap());
static OTHER_2048: LazyLock<KeyPairPem> = LazyLock::new(|| generate_key_pair(KeyBits::Rsa2048).unwrap());

fn ring(pairs: &[&KeyPairPem]) -> Arc<KeyRing> {
    Arc::new(KeyRing::from_pem(pairs.iter().map(|pair| ("test.pem", pair.private.as_str()))).unwrap())
}

fn seal(pair: &KeyPairPem, plain: &[u8]) -> String {
    SealingKey::from_pem("test.pem", &pair.public).unwrap().new_line().unwrap().seal(plain).unwrap()
}

/// The three parts of a sealed field.
fn parts(json: &str) -> Envelope<'static> {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(value["type"], "encrypted");
    let part = |name: &str| Cow::Owned(value[name].as_str().unwrap().to_owned());
    Envelope { key: part("key"), iv: part("iv"), data: part("data") }
}

fn open(ring: &Arc<KeyRing>, envelope: &Envelope<'_>) -> Result<Vec<u8>, OpenError> {
    Opener::new(Arc::clone(ring)).open(envelope)
}

/// The PKCS#1 form of a pair, cut out of the documents that aws-lc writes.
fn pkcs1(pair: &KeyPairPem) -> (String, String) {
    let der = |pem: &str| match sections(pem).remove(0).content {
        Content::Der(der) => der.to_vec(),
        Content::Encrypted | Content::Broken => panic!("a good PEM"),
    };
    let (private, public) = (der(&pair.private), der(&pair.public));
    // Both bodies are the last `SEQUENCE` with a two-byte length behind the algorithm.
    let body = |der: &[u8]| {
        let algorithm_end = der.windows(4).position(|window| window == [1, 1, 5, 0]).unwrap() + 4;
        let start = algorithm_end + der[algorithm_end..].windows(2).position(|window| window == [0x30, 0x82]).unwrap();
        BASE64.encode(&der[start..])
    };
    let pem = |label: &str, body: String| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    (pem("RSA PRIVATE KEY", body(&private)), pem("RSA PUBLIC KEY", body(&public)))
}

#[test]
fn every_size_and_both_pem_kinds_round_trip() {
    for bits in [KeyBits::Rsa2048, KeyBits::Rsa3072, KeyBits::Rsa4096] {
        let pair = generate_key_pair(bits).unwrap();
        let (private, public) = pkcs1(&pair);
        for public in [&pair.public, &public] {
            let sealer = SealingKey::from_pem("public.pem", public).unwrap().new_line().unwrap();
            for plain in [&b""[..], b"x", "текст 日本 😀".as_bytes(), &[0xff; 100_000]] {
                let envelope = parts(&sealer.seal(plain).unwrap());
                for private in [pair.private.as_str(), &private] {
                    let ring = Arc::new(KeyRing::from_pem([("private.pem", private)]).unwrap());
                    assert_eq!(open(&ring, &envelope).unwrap(), plain, "{bits:?}");
                }
            }
        }
        let both = KeyRing::from_pem([("a", pair.private.as_str()), ("b", &private)]).unwrap();
        assert_eq!(both.len(), 1, "the same key in two forms is one key");
    }
}

#[test]
fn one_record_has_one_wrapped_key_and_a_nonce_per_field() {
    let sealer = SealingKey::from_pem("test.pem", &KEY_2048.public).unwrap().new_line().unwrap();
    let (first, second) = (parts(&sealer.seal(b"a").unwrap()), parts(&sealer.seal(b"a").unwrap()));
    assert_eq!(first.key, second.key);
    assert_ne!(first.iv, second.iv);
    assert_ne!(first.data, second.data);
    assert_ne!(first.key, parts(&seal(&KEY_2048, b"a")).key, "another record, another key");
    let ivs: HashSet<_> = (0..1_000).map(|_| parts(&sealer.seal(b"a").unwrap()).iv).collect();
    assert_eq!(ivs.len(), 1_000);
    assert!(!ivs.contains(&first.iv) && !ivs.contains(&second.iv));
}

#[test]
fn a_rotated_ring_opens_old_and_new() {
    let (old, new) = (parts(&seal(&KEY_2048, b"old")), parts(&seal(&OTHER_2048, b"new")));
    assert_eq!(open(&ring(&[&KEY_2048]), &new), Err(OpenError::NoKey));
    assert_eq!(open(&ring(&[]), &old), Err(OpenError::NoKey));
    let mut opener = Opener::new(ring(&[&OTHER_2048, &KEY_2048]));
    for _ in 0..2 {
        for (envelope, plain) in [(&old, b"old"), (&old, b"old"), (&new, b"new")] {
            opener.begin_line();
            assert_eq!(opener.open(envelope).unwrap(), plain);
        }
    }
    // Within one line too, in any order, more distinct keys than are remembered.
    opener.begin_line();
    let third = parts(&seal(&KEY_2048, b"third"));
    let fourth = parts(&seal(&OTHER_2048, b"fourth"));
    for _ in 0..2 {
        for (envelope, plain) in [(&old, &b"old"[..]), (&new, b"new"), (&third, b"third"), (&fourth, b"fourth")] {
            assert_eq!(opener.open(envelope).unwrap(), plain);
        }
    }
}

#[test]
fn each_distinct_wrapped_key_of_a_line_is_unwrapped_once() {
    let sealer = SealingKey::from_pem("test.pem", &OTHER_2048.public).unwrap().new_line().unwrap();
    let fields: Vec<_> = (0..3).map(|i| parts(&sealer.seal(&[i]).unwrap())).collect();
    let operations = |opener: &mut Opener| {
        let before = opener.rsa_operations();
        opener.begin_line();
        let opened = fields.iter().filter(|field| opener.open(field).is_ok()).count();
        (opened, opener.rsa_operations() - before)
    };
    // The first key is tried first, then the one that worked; nothing is remembered from line to line.
    let mut opener = Opener::new(ring(&[&KEY_2048, &OTHER_2048]));
    assert_eq!(operations(&mut opener), (3, 2));
    assert_eq!(operations(&mut opener), (3, 1));
    // That nothing opens them is found out once, too.
    assert_eq!(operations(&mut Opener::new(ring(&[&KEY_2048]))), (0, 1));
    assert_eq!(operations(&mut Opener::new(ring(&[]))), (0, 0));
}

#[test]
fn any_flipped_bit_keeps_it_shut() {
    let ring = ring(&[&KEY_2048]);
    let good = parts(&seal(&KEY_2048, b"some plaintext"));
    assert_eq!(open(&ring, &good).unwrap(), b"some plaintext");
    let flipped = |part: &str, bit: usize| {
        let mut bytes = BASE64.decode(part).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        Cow::Owned(BASE64.encode(bytes))
    };
    for bit in 0..IV_BYTES * 8 {
        let bad = Envelope { iv: flipped(&good.iv, bit), ..good.clone() };
        assert_eq!(open(&ring, &bad), Err(OpenError::Tampered), "iv bit {bit}");
    }
    for bit in 0..(14 + TAG_BYTES) * 8 {
        let bad = Envelope { data: flipped(&good.data, bit), ..good.clone() };
        assert_eq!(open(&ring, &bad), Err(OpenError::Tampered), "data bit {bit}");
    }
    for bit in (0..256 * 8).step_by(61) {
        let bad = Envelope { key: flipped(&good.key, bit), ..good.clone() };
        assert_eq!(open(&ring, &bad), Err(OpenError::NoKey), "key bit {bit}");
    }
}

#[test]
fn malformed_parts_are_told_from_wrong_keys() {
    let ring = ring(&[&KEY_2048]);
    let good = parts(&seal(&KEY_2048, b"plain"));
    let base64 = |length: usize| Cow::Owned::<str>(BASE64.encode(vec![1; length]));
    let bad = [
        Envelope { iv: Cow::Borrowed("!"), ..good.clone() },
        Envelope { iv: base64(11), ..good.clone() },
        Envelope { iv: base64(16), ..good.clone() },
        Envelope { data: Cow::Borrowed("not base64 "), ..good.clone() },
        Envelope { data: base64(15), ..good.clone() },
        Envelope { key: Cow::Borrowed(""), ..good.clone() },
        Envelope { key: Cow::Borrowed("===="), ..good.clone() },
        Envelope { key: base64(255), ..good.clone() },
        Envelope { key: base64(513), ..good.clone() },
    ];
    for envelope in bad {
        assert_eq!(open(&ring, &envelope), Err(OpenError::BadEnvelope), "{envelope:?}");
    }
    // Of a possible length, but of none of our keys.
    assert_eq!(open(&ring, &Envelope { key: base64(512), ..good.clone() }), Err(OpenError::NoKey));
    // Padding is not missed.
    let bare = Envelope {
        iv: good.iv.clone(),
        key: good.key.trim_end_matches('=').to_owned().into(),
        data: good.data.trim_end_matches('=').to_owned().into(),
    };
    assert_eq!(open(&ring, &bare).unwrap(), b"plain");
}

#[test]
fn a_wrapped_key_of_another_length_is_malformed() {
    use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
    let Content::Der(spki) = sections(&KEY_2048.public).remove(0).content else { panic!("a good PEM") };
    let public = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&spki).unwrap()).unwrap();
    for length in [0, 16, 31, 33] {
        let mut wrapped = vec![0; public.ciphertext_size()];
        public.encrypt(&OAEP_SHA256_MGF1SHA256, &vec![1; length], &mut wrapped, None).unwrap();
        let envelope = Envelope { key: Cow::Owned(BASE64.encode(&wrapped)), ..parts(&seal(&KEY_2048, b"plain")) };
        assert_eq!(open(&ring(&[&KEY_2048]), &envelope), Err(OpenError::BadEnvelope), "{length}");
    }
}

#[test]
fn the_id_of_a_ring_is_that_of_its_set_of_keys() {
    let (one, both, turned) = (ring(&[&KEY_2048]), ring(&[&KEY_2048, &OTHER_2048]), ring(&[&OTHER_2048, &KEY_2048]));
    assert_eq!(both.id(), turned.id());
    assert_ne!(both.id(), one.id());
    assert_ne!(one.id(), ring(&[]).id());
    assert_eq!((both.len(), both.is_empty(), ring(&[]).is_empty()), (2, false, true));
    let joined = format!("old key:\n{}\nnew key:\r\n{}", *KEY_2048.private, OTHER_2048.private.replace('\n', "\r\n"));
    let from_one_file = KeyRing::from_pem([("both.pem", joined.as_str())]).unwrap();
    assert_eq!(from_one_file.fingerprints(), both.fingerprints());
    let Content::Der(spki) = sections(&KEY_2048.public).remove(0).content else { panic!("a good PEM") };
    assert_eq!(one.fingerprints(), [sha256(&spki)]);
}

#[test]
fn unusable_key_files_are_refused_by_name() {
    let problem = |pem: &str| KeyRing::from_pem([("ring/a.pem", pem)]).unwrap_err().problem;
    let pem = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    let good = KEY_2048.private.as_str();
    let body = good.lines().filter(|line| !line.starts_with("---")).collect::<Vec<_>>().join("\n");
    // Whole lines, so that it is still base64.
    let cut = &body[..body.len() / 2 / 65 * 65];
    let table = [
        (String::new(), KeyProblem::NoPem),
        ("MIIEvQIBADANBg".to_owned(), KeyProblem::NoPem),
        (KEY_2048.public.clone(), KeyProblem::PublicKey),
        (pkcs1(&KEY_2048).1, KeyProblem::PublicKey),
        (format!("{good}{}", KEY_2048.public), KeyProblem::PublicKey),
        (pem("ENCRYPTED PRIVATE KEY", "MIIE"), KeyProblem::Encrypted),
        (pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIE"), KeyProblem::Encrypted),
        (pem("EC PRIVATE KEY", "MIIE"), KeyProblem::OtherKind),
        (pem("CERTIFICATE", "MIIE"), KeyProblem::OtherKind),
        (pem("PRIVATE KEY", "MIIE"), KeyProblem::NotRsa),
        (pem("PRIVATE KEY", cut), KeyProblem::NotRsa),
        (pem("RSA PRIVATE KEY", &body), KeyProblem::NotRsa),
        (pem("PRIVATE KEY", "~~~"), KeyProblem::BrokenPem),
        (good.replace("END PRIVATE", "END PUBLIC"), KeyProblem::BrokenPem),
        (good.lines().take(5).collect::<Vec<_>>().join("\n"), KeyProblem::BrokenPem),
    ];
    for (text, expected) in table {
        assert_eq!(problem(&text), expected, "{expected}");
    }
    let error = KeyRing::from_pem([("ring/a.pem", good), ("ring/b.pem", "nothing")]).unwrap_err();
    assert_eq!(error.to_string(), "cannot use the key in `ring/b.pem`: it holds no PEM block (`-----BEGIN ...`)");

    let sealing = |pem: &str| SealingKey::from_pem("public.pem", pem).unwrap_err().problem;
    assert_eq!(sealing(good), KeyProblem::PrivateKey);
    assert_eq!(sealing(&pkcs1(&KEY_2048).0), KeyProblem::PrivateKey);
    assert_eq!(sealing(""), KeyProblem::NoPem);
    assert_eq!(sealing(&pem("PUBLIC KEY", "MIIE")), KeyProblem::NotRsa);
    assert_eq!(sealing(&pem("CERTIFICATE", "MIIE")), KeyProblem::OtherKind);
}

#[test]
fn sizes_are_checked_at_both_ends() {
    for (bits, outcome) in [(2047, false), (2048, true), (4096, true), (4097, false)] {
        assert_eq!(ring::check_size(bits), if outcome { Ok(()) } else { Err(KeyProblem::Size { bits }) });
    }
}

#[test]
fn a_ring_has_a_bound() {
    let pair = KEY_2048.private.as_str();
    assert!(KeyRing::from_pem(std::iter::repeat_n(("a", pair), 40)).is_ok(), "repeats do not count");
}

#[test]
fn debug_shows_no_secret() {
    let body: String = KEY_2048.private.lines().nth(3).unwrap().to_owned();
    let ring = ring(&[&KEY_2048]);
    let sealing = SealingKey::from_pem("test.pem", &KEY_2048.public).unwrap();
    let mut opener = Opener::new(Arc::clone(&ring));
    let envelope = parts(&seal(&KEY_2048, b"plain"));
    opener.open(&envelope).unwrap();
    let shown =
        format!("{:?} {ring:?} {sealing:?} {:?} {opener:?} {envelope:?}", *KEY_2048, sealing.new_line().unwrap());
    assert!(!shown.contains(&body) && !shown.contains("PRIVATE"), "{shown}");
    assert!(!shown.contains(&*envelope.key) && !shown.contains("plain"), "{shown}");
}

#[test]
fn opened_bytes_must_be_text() {
    assert_eq!(text_of("日本".as_bytes().to_vec()), Ok("日本".to_owned()));
    assert_eq!(text_of(vec![0xff]), Err(RejectReason::NotText));
}
