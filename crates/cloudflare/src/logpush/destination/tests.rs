use proptest::prelude::*;

use super::*;

const PAIR: KeyPair<'static> = KeyPair { id: "AKID", secret: "s/e+c=ret" };

fn place<'a>(endpoint: &'a str, region: &'a str) -> Place<'a> {
    Place { bucket: "llm-logs", region, endpoint, prefix: "ai-gateway" }
}

#[test]
fn every_kind_of_bucket_has_its_form() {
    let text = |endpoint, region, keys| Destination::new(place(endpoint, region), keys).map(|made| made.expose());
    assert_eq!(
        text("https://acct.r2.cloudflarestorage.com", "auto", Some(PAIR)).unwrap(),
        "r2://llm-logs/ai-gateway/{DATE}?access-key-id=AKID&account-id=acct&secret-access-key=s%2Fe%2Bc%3Dret"
    );
    // `r2://` does not reach a jurisdiction.
    assert_eq!(
        text("https://acct.eu.r2.cloudflarestorage.com/", "auto", Some(PAIR)).unwrap(),
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
    assert_eq!(refused("", "af-south-1", Some(PAIR)), BadDestination::KeysForAws { bucket: "llm-logs".into() });
    let r2 = "https://acct.r2.cloudflarestorage.com";
    assert_eq!(refused(r2, "auto", None), BadDestination::Keys { bucket: "llm-logs".into() });
    for endpoint in ["http://127.0.0.1:9000", "s3.example.com", "https://", "https://host/path", "https://h?x=1"] {
        assert_eq!(refused(endpoint, "auto", Some(PAIR)), BadDestination::Endpoint { endpoint: endpoint.into() });
    }
    for text in ["", "r2://", "://b/x", "bucket/folder"] {
        assert_eq!(Destination::parse(text), Err(BadDestination::Form), "{text}");
    }
}

#[test]
fn only_aws_wants_a_proof() {
    assert!(Destination::new(place("", "af-south-1"), None).unwrap().needs_challenge());
    let r2 = Destination::new(place("https://acct.r2.cloudflarestorage.com", ""), Some(PAIR)).unwrap();
    assert!(!r2.needs_challenge());
}

#[test]
fn keys_are_never_shown() {
    let r2 = Destination::new(place("https://acct.r2.cloudflarestorage.com", ""), Some(PAIR)).unwrap();
    let shown = "r2://llm-logs/ai-gateway/{DATE}?access-key-id=[hidden]&account-id=acct&secret-access-key=[hidden]";
    assert_eq!(r2.to_string(), shown);
    assert_eq!(format!("{r2:?}"), format!("Destination({shown})"));
    for (secret, shown) in [
        ("https://user:password@host/path?header_Authorization=Basic%20abc", "https://host/[hidden]"),
        ("https://host/token?x=1", "https://host/[hidden]"),
        ("azure://container/path?sv=1&sig=abc", "azure://container/[hidden]"),
        (
            "s3://logs/x?region=eu-west-1&sse=AES256&session-token=abc",
            "s3://logs/x?region=eu-west-1&session-token=[hidden]&sse=AES256",
        ),
    ] {
        assert_eq!(Destination::parse(secret).unwrap().to_string(), shown);
    }
}

#[test]
fn a_text_of_others_is_shown_without_our_secrets() {
    let r2 = Destination::new(place("https://acct.r2.cloudflarestorage.com", ""), Some(PAIR)).unwrap();
    let said = format!("cannot write to {} with s/e+c=ret", r2.expose());
    assert_eq!(
        r2.hide(&said),
        "cannot write to r2://llm-logs/ai-gateway/{DATE}?access-key-id=[hidden]&account-id=acct&secret-access-key=[hidden] with [hidden]"
    );
}

#[test]
fn keys_that_are_not_shown_cannot_be_compared() {
    let wanted = Destination::new(place("https://acct.r2.cloudflarestorage.com", ""), Some(PAIR)).unwrap();
    let conf = |id: &str, secret: &str| {
        format!("r2://llm-logs/ai-gateway/{{DATE}}?access-key-id={id}&account-id=acct&secret-access-key={secret}")
    };
    let differs = |conf: &str| wanted.has_other_keys_than(&Destination::parse(conf).unwrap());
    assert!(!differs(&wanted.expose()));
    let hides = |conf: &str| Destination::parse(conf).unwrap().hides_its_keys();
    assert!(!hides(&wanted.expose()));
    for masked in
        [conf("AKID", "****"), conf("AK**", "<redacted>"), conf("AKID", "s/e...ret"), conf("[hidden]", "s/e…")]
    {
        assert!(!differs(&masked) && hides(&masked), "{masked}");
    }
    let bare = "r2://llm-logs/ai-gateway/{DATE}?account-id=acct";
    assert!(!differs(bare) && hides(bare));
    assert!(differs(&conf("AKID", "another")) && differs(&conf("another", "****")));
    assert!(!hides("s3://llm-logs/x?region=af-south-1"), "AWS has none");
}

#[test]
fn a_place_is_the_same_under_both_names_of_r2() {
    let r2 = Destination::new(place("https://acct.r2.cloudflarestorage.com", ""), Some(PAIR)).unwrap();
    let is_same = |conf: &str| r2.is_same_place(&Destination::parse(conf).unwrap());
    assert!(is_same("r2://llm-logs/ai-gateway/{DATE}?account-id=acct&access-key-id=x&secret-access-key=y"));
    assert!(is_same("s3://llm-logs/ai-gateway/{DATE}?endpoint=acct.r2.cloudflarestorage.com&region=auto"));
    for other in [
        "r2://llm-logs/ai-gateway/{DATE}?account-id=other",
        "r2://llm-logs/ai-gateway?account-id=acct",
        "r2://logs/ai-gateway/{DATE}?account-id=acct",
        "s3://llm-logs/ai-gateway/{DATE}?region=auto",
    ] {
        assert!(!is_same(other), "{other}");
    }
}

#[test]
fn a_prefix_that_ingest_would_look_for_elsewhere_is_refused() {
    for prefix in ["/ai-gateway", "a//b", "a?b", "a#b", "a%2Fb", "{DATE}", "a b"] {
        let refused = Destination::new(Place { prefix, ..place("", "af-south-1") }, None);
        assert_eq!(refused, Err(BadDestination::Prefix { prefix: prefix.to_owned() }));
    }
    let made = Destination::new(Place { prefix: "a/b/", ..place("", "af-south-1") }, None).unwrap();
    assert_eq!(made.expose(), "s3://llm-logs/a/b/{DATE}?region=af-south-1");
}

proptest! {
    #[test]
    fn printing_and_parsing_are_inverse(id in "\\PC{1,40}", secret in "\\PC{1,60}", prefix in "([a-zäß._-]{1,8}/){0,3}") {
        let place = Place { prefix: &prefix, ..place("https://acct.r2.cloudflarestorage.com", "auto") };
        let made = Destination::new(place, Some(KeyPair { id: &id, secret: &secret })).unwrap();
        prop_assert_eq!(&Destination::parse(&made.expose()).unwrap(), &made);
    }
}
