//! What a message says, in the three forms that buckets have.
//!
//! - R2: `{"account","action","bucket","object":{"key","size","eTag"},"eventTime"}`;
//! - S3: `{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name"},"object":{"key"}}}]}`, its keys encoded as in a
//!   form, and once `{"Event":"s3:TestEvent"}` when the notification is set up;
//! - S3 by way of EventBridge: `{"detail-type":"Object Created","detail":{"bucket":{"name"},"object":{"key"}}}`.

use serde::Deserialize;

/// Actions of R2 after which there is an object; the documentation names these three.
const R2_CREATING: [&str; 3] = ["PutObject", "CopyObject", "CompleteMultipartUpload"];

/// An object that a bucket says it got.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
}

/// A message that is no notice; a small fixed set, so that it can label a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotANotice {
    /// It says that something else happened: a deletion, a test.
    OtherEvent,
    /// Not JSON, or JSON of another form.
    Unreadable,
}

impl NotANotice {
    /// The label used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherEvent => "other_event",
            Self::Unreadable => "unreadable",
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    R2 {
        action: String,
        bucket: String,
        object: Object,
    },
    S3 {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    EventBridge {
        #[serde(rename = "detail-type")]
        kind: String,
        detail: Entity,
    },
    S3Test {
        #[serde(rename = "Event")]
        event: String,
    },
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    name: String,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

/// Reads a message.
///
/// # Errors
///
/// [`NotANotice`] if it names no new object.
pub fn read(body: &[u8]) -> Result<Vec<Notice>, NotANotice> {
    let notices: Vec<Notice> = match serde_json::from_slice(body).map_err(|_| NotANotice::Unreadable)? {
        Body::R2 { action, bucket, object } if R2_CREATING.contains(&action.as_str()) => {
            vec![Notice { bucket, key: object.key }]
        }
        Body::S3 { records } => records.into_iter().filter_map(Record::notice).collect(),
        Body::EventBridge { kind, detail } if kind == "Object Created" => {
            vec![Notice { bucket: detail.bucket.name, key: detail.object.key }]
        }
        Body::S3Test { event } if event == "s3:TestEvent" => Vec::new(),
        Body::R2 { .. } | Body::EventBridge { .. } => Vec::new(),
        Body::S3Test { .. } => return Err(NotANotice::Unreadable),
    };
    if notices.is_empty() { Err(NotANotice::OtherEvent) } else { Ok(notices) }
}

impl Record {
    fn notice(self) -> Option<Notice> {
        // `ObjectCreated:Put` in a message, `s3:ObjectCreated:Put` in the configuration; some stores send the latter.
        let name = self.name.strip_prefix("s3:").unwrap_or(&self.name);
        name.starts_with("ObjectCreated:")
            .then(|| Notice { bucket: self.s3.bucket.name, key: decoded(&self.s3.object.key) })
    }
}

/// S3 writes a key as a form would: `+` for a blank, `%2B` for a plus.
fn decoded(key: &str) -> String {
    // A `=` or `&` of the key is encoded, so all of it is one name.
    form_urlencoded::parse(key.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(body: &str) -> Result<Vec<String>, NotANotice> {
        read(body.as_bytes())
            .map(|notices| notices.into_iter().map(|one| format!("{}/{}", one.bucket, one.key)).collect())
    }

    #[test]
    fn each_form_names_its_objects() {
        let r2 = r#"{"account":"a","action":"PutObject","bucket":"logs","object":{"key":"x/1.log.gz","size":5,"eTag":"e"},"eventTime":"2026-08-01T10:00:00Z"}"#;
        assert_eq!(keys(r2), Ok(vec!["logs/x/1.log.gz".to_owned()]));
        let s3 = r#"{"Records":[
            {"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"logs"},"object":{"key":"a+b%2Bc/%C3%BC.log.gz","size":1}}},
            {"eventName":"s3:ObjectCreated:CompleteMultipartUpload","s3":{"bucket":{"name":"logs"},"object":{"key":"2"}}},
            {"eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"logs"},"object":{"key":"3"}}}]}"#;
        assert_eq!(keys(s3), Ok(vec!["logs/a b+c/ü.log.gz".to_owned(), "logs/2".to_owned()]));
        let bridge = r#"{"detail-type":"Object Created","detail":{"bucket":{"name":"logs"},"object":{"key":"a+b"}}}"#;
        assert_eq!(keys(bridge), Ok(vec!["logs/a+b".to_owned()]));
    }

    #[test]
    fn what_is_about_something_else_says_so() {
        for other in [
            r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"logs"}"#,
            r#"{"action":"LifecycleDeletion","bucket":"logs","object":{"key":"1"}}"#,
            r#"{"detail-type":"Object Deleted","detail":{"bucket":{"name":"logs"},"object":{"key":"1"}}}"#,
            r#"{"Records":[]}"#,
        ] {
            assert_eq!(keys(other), Err(NotANotice::OtherEvent), "{other}");
        }
        for none in
            ["", "{}", "[]", "null", r#"{"Event":"else"}"#, r#"{"action":"PutObject","bucket":"logs"}"#, "\u{0}"]
        {
            assert_eq!(keys(none), Err(NotANotice::Unreadable), "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _read = read(&body);
        }

        #[test]
        fn any_key_of_s3_reads_back(key in "\\PC{1,60}") {
            let encoded: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
            prop_assert_eq!(decoded(&encoded), key);
        }
    }
}
