//! Lines that cannot become events, one maker for each reason.

use gatelog_logpush::{KeyBits, SealingKey, WriteError, generate_key_pair};
use gatelog_model::RejectReason;

use super::CorpusError;

/// Makes bad lines, each unlike any other.
pub(super) struct BadLines {
    made: u64,
    overlong_line_bytes: usize,
    sealing: Option<Sealing>,
}

/// What sealed bad lines are sealed with.
struct Sealing {
    own: SealingKey,
    /// A key whose private half nobody has.
    foreign: SealingKey,
}

impl BadLines {
    pub(super) fn new(overlong_line_bytes: usize, public_pem: Option<&str>) -> Result<Self, CorpusError> {
        let sealing = public_pem.map(|pem| -> Result<Sealing, CorpusError> {
            // 2048 bit: the size makes no difference to a key that is not there, and it is made at once.
            let foreign = generate_key_pair(KeyBits::Rsa2048).map_err(WriteError::from)?;
            Ok(Sealing {
                own: SealingKey::from_pem("public key", pem)?,
                foreign: SealingKey::from_pem("foreign key", &foreign.public)?,
            })
        });
        Ok(Self { made: 0, overlong_line_bytes, sealing: sealing.transpose()? })
    }

    /// The reasons it can make lines for.
    pub(super) fn reasons(&self) -> &'static [RejectReason] {
        match self.sealing {
            Some(_) => &RejectReason::ALL,
            None => &[
                RejectReason::NotJson,
                RejectReason::NotObject,
                RejectReason::LineTooLong,
                RejectReason::BadField,
                RejectReason::BadEnvelope,
            ],
        }
    }

    /// A line that is rejected for exactly this reason, with its newline; `None` if it would have to be sealed.
    pub(super) fn line(&mut self, reason: RejectReason) -> Result<Option<Vec<u8>>, CorpusError> {
        self.made += 1;
        let number = self.made;
        let text = match (reason, &self.sealing) {
            (RejectReason::NotJson, _) => format!(r#"{{"Gateway":"bad","Endpoint":"cut off in line {number}"#),
            (RejectReason::NotObject, _) => format!(r#"["not a record",{number}]"#),
            (RejectReason::BadField, _) => format!(r#"{{"Gateway":"bad-{number}","StatusCode":[200]}}"#),
            (RejectReason::BadEnvelope, _) => {
                format!(r#"{{"Gateway":"bad-{number}","Metadata":{{"type":"encrypted","key":"AAAA","iv":"AAAA"}}}}"#)
            }
            (RejectReason::LineTooLong, _) => {
                let head = format!(r#"{{"Gateway":"bad-{number}","Pad":""#);
                let pad = "x".repeat(self.overlong_line_bytes.saturating_sub(head.len()));
                format!(r#"{head}{pad}"}}"#)
            }
            (RejectReason::NoKey, Some(sealing)) => sealed(&sealing.foreign, number, b"{}")?,
            (RejectReason::Tampered, Some(sealing)) => tampered(&sealed(&sealing.own, number, b"{}")?),
            (RejectReason::NotText, Some(sealing)) => sealed(&sealing.own, number, b"\xff\xfe not UTF-8")?,
            (RejectReason::NoKey | RejectReason::Tampered | RejectReason::NotText, None) => return Ok(None),
        };
        Ok(Some((text + "\n").into_bytes()))
    }
}

/// A record whose response body is sealed.
fn sealed(key: &SealingKey, number: u64, body: &[u8]) -> Result<String, CorpusError> {
    let seal = || -> Result<String, WriteError> { Ok(key.new_line()?.seal(body)?) };
    Ok(format!(r#"{{"Gateway":"bad-{number}","ResponseBody":{}}}"#, seal()?))
}

/// Changes the first character of the sealed data.
fn tampered(line: &str) -> String {
    let marker = r#""data":""#;
    let at = line.find(marker).expect("every envelope has data") + marker.len();
    let other = if line[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{other}{}", &line[..at], &line[at + 1..])
}
