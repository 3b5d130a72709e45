//! The request that is sent over and over, each time with another number.

use std::{fmt::Write as _, net::SocketAddr};

use hyper::Uri;

/// What stands in a body where the number of the request goes, as fourteen digits.
pub const NUMBER: &str = "{number}";
/// Digits of a number: enough for a year of a million requests a second.
const DIGITS: usize = 14;

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// A port of this machine.
    pub address: SocketAddr,
    path: String,
}

/// No address that load is sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address like http://127.0.0.1:8080/path: plain HTTP, a number, this machine")]
pub struct BadTarget(String);

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// When it is none of plain HTTP and a loopback address.
    pub fn parse(url: &str) -> Result<Self, BadTarget> {
        let bad = || BadTarget(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        if uri.scheme_str() != Some("http") {
            return Err(bad());
        }
        let address: SocketAddr = uri.authority().ok_or_else(bad)?.as_str().parse().map_err(|_| bad())?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        if address.ip().is_loopback() { Ok(Self { address, path }) } else { Err(bad()) }
    }
}

/// A request as bytes.
#[derive(Debug, Clone)]
pub struct Template {
    bytes: Vec<u8>,
    /// Where the digits of its number are.
    numbers: Vec<usize>,
}

impl Template {
    /// A POST of `body` with these headers, each `name: value`. Every [`NUMBER`] in the body is replaced in each request.
    pub fn new(target: &Target, headers: &[String], body: &str) -> Self {
        let parts: Vec<_> = body.split(NUMBER).collect();
        let body = parts.join(&"0".repeat(DIGITS));
        let mut head =
            format!("POST {} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n", target.path, target.address, body.len());
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let mut at = head.len();
        let numbers = parts[..parts.len() - 1].iter().map(|part| {
            let number = at + part.len();
            at = number + DIGITS;
            number
        });
        Self { numbers: numbers.collect(), bytes: (head + &body).into_bytes() }
    }

    /// The request with this number.
    pub(super) fn numbered(&mut self, number: u64) -> &[u8] {
        let mut digits = String::with_capacity(DIGITS);
        // Writing to a string cannot fail.
        let _written = write!(digits, "{number:0DIGITS$}");
        for at in &self.numbers {
            self.bytes[*at..*at + DIGITS].copy_from_slice(&digits.as_bytes()[..DIGITS]);
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_has_its_number() {
        let target = Target::parse("http://127.0.0.1:80/a?b=c").unwrap();
        let mut template = Template::new(&target, &["x: y".to_owned()], "{number}, <{number}>");
        let head = "POST /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:80\r\ncontent-length: 32\r\nx: y\r\n\r\n";
        for number in [7, 123] {
            let text = std::str::from_utf8(template.numbered(number)).unwrap();
            assert_eq!(text, format!("{head}{number:014}, <{number:014}>"));
        }
    }

    #[test]
    fn load_stays_on_this_machine() {
        assert_eq!(Target::parse("http://[::1]:80").unwrap().path, "/");
        for bad in ["https://127.0.0.1:80/", "http://10.0.0.1:80/", "http://localhost:80/", "http://127.0.0.1/", "x"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }
}
