//! PEM files to their sections, encrypted and foreign ones included, so that the caller can say what is wrong.

use base64::Engine;
use zeroize::Zeroizing;

use super::BASE64;

/// One `BEGIN`/`END` block.
pub(super) struct Section<'a> {
    /// What is between `BEGIN` and the dashes.
    pub(super) label: &'a str,
    pub(super) content: Content,
}

/// What a block holds.
pub(super) enum Content {
    Der(Zeroizing<Vec<u8>>),
    /// Old-style encryption, said in a header (RFC 1421: `Proc-Type: 4,ENCRYPTED`).
    Encrypted,
    /// Not base64, or without its `END` line.
    Broken,
}

/// Reads all blocks of a file in order; what is outside of them is comment.
pub(super) fn sections(pem: &str) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let mut lines = pem.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        sections.push(Section { label, content: content(label, &mut lines, pem.len()) });
    }
    sections
}

fn content<'a>(label: &str, lines: &mut impl Iterator<Item = &'a str>, most: usize) -> Content {
    // Room for the whole file, so that growing leaves no copy of a key behind.
    let mut base64 = Zeroizing::new(String::with_capacity(most));
    let mut encrypted = false;
    for line in lines {
        if let Some(end) = line.strip_prefix("-----END ") {
            return match BASE64.decode(base64.as_bytes()) {
                _ if encrypted => Content::Encrypted,
                Ok(der) if end.strip_suffix("-----") == Some(label) => Content::Der(Zeroizing::new(der)),
                _ => Content::Broken,
            };
        }
        if line.contains(':') {
            encrypted |= line.contains("ENCRYPTED");
        } else {
            base64.push_str(line);
        }
    }
    Content::Broken
}
