//! Where the API is.

use std::fmt;

use reqwest::Url;

/// The API's base address, without a final slash. A token goes there with every request, so it is either HTTPS or this
/// machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiAddress {
    base: String,
    is_loopback: bool,
}

/// Text that is no [`ApiAddress`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnApiAddress {
    /// Not a URL with a host.
    #[error("is no URL")]
    Url,
    /// The token would be sent in clear.
    #[error("must be https: the API token goes there with every request")]
    Clear,
    /// A query, a fragment or a password has no place in it.
    #[error("must have neither user, query nor fragment")]
    Extra,
}

impl ApiAddress {
    /// The real one.
    pub const CLOUDFLARE: &'static str = "https://api.cloudflare.com/client/v4";

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`NotAnApiAddress`], in words that follow the name of the setting.
    pub fn parse(text: &str) -> Result<Self, NotAnApiAddress> {
        let url = Url::parse(text).map_err(|_| NotAnApiAddress::Url)?;
        let host = url.host_str().ok_or(NotAnApiAddress::Url)?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(NotAnApiAddress::Extra);
        }
        let is_loopback = ["127.0.0.1", "localhost", "[::1]"].contains(&host);
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            _ => return Err(NotAnApiAddress::Clear),
        }
        Ok(Self { base: url.as_str().trim_end_matches('/').to_owned(), is_loopback })
    }

    /// Whether it is this machine: then no proxy must get in between.
    pub(crate) fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.base.starts_with("https:")
    }

    /// The address of `path`, which starts with a slash.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

impl fmt::Display for ApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_leaves_in_clear() {
        let parse = |text| ApiAddress::parse(text).map(|address| address.to_string());
        assert_eq!(parse(ApiAddress::CLOUDFLARE), Ok("https://api.cloudflare.com/client/v4".to_owned()));
        assert_eq!(parse("http://127.0.0.1:8080/client/v4/"), Ok("http://127.0.0.1:8080/client/v4".to_owned()));
        assert_eq!(parse("http://localhost"), Ok("http://localhost".to_owned()));
        for clear in ["http://api.cloudflare.com", "http://localhost.example.com", "http://127.0.0.2", "ftp://[::1]"] {
            assert_eq!(parse(clear), Err(NotAnApiAddress::Clear), "{clear}");
        }
        for extra in ["https://u:p@example.com", "https://example.com/?token=x", "https://example.com/#x"] {
            assert_eq!(parse(extra), Err(NotAnApiAddress::Extra), "{extra}");
        }
        for none in ["", "api.cloudflare.com", "https://"] {
            assert_eq!(parse(none), Err(NotAnApiAddress::Url), "{none}");
        }
    }
}
