use proptest::prelude::*;

use super::*;

const KEYS: KeyPair<'static> = KeyPair { id: "AKID", secret: "s/e+c=ret" };

fn place<'a>(endpoint: &'a str, region: &'a str) -> Place<'a> {
    Place { bucket: "llm-logs", region, endpoint, prefix: "ai-gateway" }
}

#[test]
fn every_kind_of_bucket_has_its_form() {
    let text = |endpoint, region, keys| Destination::new(place(endpoint, region), keys).map(|made| made.expose());
    assert_eq!(
        text("https://acct.r2.cloudflarestorage.com", "auto", Some(KEYS)).unwrap(),
        "r2://llm-logs/ai-gateway/{DATE}?access-key-id=AKID&account-id=acct&secret-access-key=s%2Fe%2Bc%3Dret"
    );
    // `r2://` does not reach a jurisdiction.
    assert_eq!(
        text("https://acct.eu.r2.cloudflarestorage.com/", "auto", Some(KEYS)).unwrap(),
        "s3://llm-logs/ai-gateway/{DATE}?access-key-id=AKID&endpoint=acct.eu.r2.cloudflarestorage.com&region=auto&secret-access-key=s%2Fe%2Bc%3Dret"
    );
    assert_eq!(text("", "af-south-1", None).unwrap(), "s3://llm-logs/ai-gateway/{DATE}?region=af-south-1");
    let root = Destination::new(Place { prefix: "", ..place("", "af-south-1") }, None).unwrap();
    assert_eq!(root.expose(), "s3://llm-logs/{DATE}?region=af-south-1");
}

#[test]
fn what_logpush_could_not_write_to_is_refused() {
    let refused = |endpoint, region, keys| Destination::new(place(endpoint, region), keys).unwrap_err();
    assert_eq!(refused("", "", None), BadDestination::Region);
    assert_eq!(refused("", "auto", None), BadDestination::Region);
    assert_eq!(refused("", "af-south-1", Some(KEYS)), BadDestination::KeysForAws { bucket: "llm-logs".into() });
    let r2 = "https://acct.r2.cloudflarestorage.com";
    assert_eq!(refused(r2, "auto", None), BadDestination::Keys { bucket: "llm-logs".into() });
    for endpoint in ["http://127.0.0.1:9000", "s3.example.com", "https://", "https://host/path", "https://h?x=1"] {
        assert_eq!(refused(endpoint, "auto", Some(KEYS)), BadDestination::Endpoint { endpoint: endpoint.into() });
    }
    for text in ["", "r2://", "://b/x", "bucket/folder"] {
        assert_eq!(Destination::parse(text), Err(BadDestination::Form), "{text}");
    }
}

#[test]
fn only_aws_wants_a_proof() {
    assert!(Destination::new(place("", "af-south-1"), None).unwrap().needs_challenge());
    let r2 = Destination::new(place("https://acct.r2.cloudflarestorage.com", ""), Some(KEYS)).unwrap();
    assert!(!r2.needs_challenge());
}

#[test]
fn keys_are_never_shown() {
    let r2 = Destination::new(place("https://acct.r2.cloudflarestorage.com", ""), Some(KEYS)).unwrap();
    let shown = "r2://llm-logs/ai-gateway/{DATE}?access-key-id=[hidden]&account-id=acct&secret-access-key=[hidden]";
    assert_eq!(r2.to_string(), shown);
    assert_eq!(format!("{r2:?}"), format!("Destination({shown})"));
    let http = Destination::parse("https://host/path?header_Authorization=Basic%20abc&x=1").unwrap();
    assert_eq!(http.to_string(), "https://host/path?header_Authorization=[hidden]&x=1");
}

#[test]
fn masked_keys_are_the_same_and_others_are_not() {
    let wanted = Destination::new(place("https://acct.r2.cloudflarestorage.com", ""), Some(KEYS)).unwrap();
    let there = |id: &str, secret: &str| {
        let query = format!("access-key-id={id}&account-id=acct&secret-access-key={secret}");
        Destination::parse(&format!("r2://llm-logs/ai-gateway/{{DATE}}?{query}")).unwrap()
    };
    assert!(!wanted.differs_from(&wanted));
    assert!(!wanted.differs_from(&there("AKID", "****")));
    assert!(!wanted.differs_from(&there("AKID", "<redacted>")));
    assert!(!wanted.differs_from(&Destination::parse("r2://llm-logs/ai-gateway/{DATE}?account-id=acct").unwrap()));
    assert!(wanted.differs_from(&there("AKID", "another")));
    assert!(wanted.differs_from(&there("another", "****")));
    for other in [
        "r2://llm-logs/ai-gateway/{DATE}?account-id=other",
        "r2://llm-logs/ai-gateway?account-id=acct",
        "r2://logs/ai-gateway/{DATE}?account-id=acct",
        "s3://llm-logs/ai-gateway/{DATE}?account-id=acct",
        "r2://llm-logs/ai-gateway/{DATE}?account-id=acct&sse=AES256",
    ] {
        assert!(wanted.differs_from(&Destination::parse(other).unwrap()), "{other}");
    }
}

proptest! {
    #[test]
    fn printing_and_parsing_are_inverse(id in "\\PC{1,40}", secret in "\\PC{1,60}", prefix in "[a-z/]{0,20}") {
        let place = Place { prefix: &prefix, ..place("https://acct.r2.cloudflarestorage.com", "auto") };
        let made = Destination::new(place, Some(KeyPair { id: &id, secret: &secret })).unwrap();
        prop_assert_eq!(&Destination::parse(&made.expose()).unwrap(), &made);
    }
}
