//! `destination_conf`: one text with bucket, folder, and the keys to write there.

use std::{collections::BTreeMap, fmt};

use form_urlencoded::Serializer;
use zeroize::Zeroizing;

/// Stands for the day, `YYYYMMDD`, in the folder of a destination.
const DATE: &str = "{DATE}";
/// Endpoints of R2 end like this; what stands before is the account, or the account and a jurisdiction.
const R2_HOST: &str = ".r2.cloudflarestorage.com";
/// Parameters whose values may be shown; others could be a token of whatever kind of destination it is.
const SHOWN: [&str; 4] = ["account-id", "endpoint", "region", "sse"];
/// Of a bucket. Any other scheme may have a token in its path too.
const BUCKET_SCHEMES: [&str; 2] = ["r2", "s3"];
/// What a store with an endpoint is written with.
const KEYS: [&str; 2] = ["access-key-id", "secret-access-key"];
const HIDDEN: &str = "[hidden]";
/// What would change the meaning of a destination that has it in its folder.
const NOT_IN_A_PREFIX: [char; 6] = ['?', '#', '%', '{', '}', ' '];

/// Where a job writes: scheme, bucket and folder, and parameters that may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    scheme: String,
    bucket: String,
    /// Without slashes at its ends.
    folder: String,
    parameters: BTreeMap<String, Zeroizing<String>>,
}

/// A bucket, as the configuration of its reader names it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its name.
    pub bucket: &'a str,
    /// Its region; `auto` for R2.
    pub region: &'a str,
    /// URL of R2 or of another S3-compatible store; empty for AWS.
    pub endpoint: &'a str,
    /// What stands before the day folders.
    pub prefix: &'a str,
}

/// The keys that the job writes with.
#[derive(Clone, Copy)]
pub struct KeyPair<'a> {
    /// The key's id.
    pub id: &'a str,
    /// The key.
    pub secret: &'a str,
}

/// Logpush cannot write there as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDestination {
    /// AWS names its buckets' regions.
    #[error("a bucket of AWS needs its `region`")]
    Region,
    /// R2 and S3-compatible stores know no other way.
    #[error("Logpush needs a key pair that may write to `{bucket}`")]
    Keys {
        /// The bucket.
        bucket: String,
    },
    /// AWS is asked through a policy of the bucket.
    #[error("`{bucket}` is a bucket of AWS: its policy lets Logpush in, and a key pair has no place")]
    KeysForAws {
        /// The bucket.
        bucket: String,
    },
    /// Logpush needs TLS, and a name that it can find.
    #[error("Logpush can only write to an https endpoint, not to `{endpoint}`")]
    Endpoint {
        /// What is configured.
        endpoint: String,
    },
    /// A folder that the reader would look for elsewhere, or that would break the text.
    #[error(
        "the prefix `{prefix}` cannot stand in a destination: no `/` at its start, no `//`, and none of `?#%{{}}` or blanks"
    )]
    Prefix {
        /// What is configured.
        prefix: String,
    },
    /// Not of the documented form.
    #[error("the destination has no scheme, bucket and folder")]
    Form,
}

impl Destination {
    /// The folder of a day below `place`, written with `keys`.
    ///
    /// R2 has a scheme of its own, which does not reach buckets of a jurisdiction; those are S3-compatible stores, and so is
    /// everything else with an endpoint.
    ///
    /// # Errors
    ///
    /// [`BadDestination`] where Logpush could not write.
    pub fn new(place: Place<'_>, keys: Option<KeyPair<'_>>) -> Result<Self, BadDestination> {
        let is_odd =
            place.prefix.starts_with('/') || place.prefix.contains("//") || place.prefix.contains(NOT_IN_A_PREFIX);
        if is_odd {
            return Err(BadDestination::Prefix { prefix: place.prefix.to_owned() });
        }
        let prefix = place.prefix.trim_end_matches('/');
        let folder = if prefix.is_empty() { DATE.to_owned() } else { format!("{prefix}/{DATE}") };
        let (scheme, mut parameters) = if place.endpoint.is_empty() {
            if keys.is_some() {
                return Err(BadDestination::KeysForAws { bucket: place.bucket.to_owned() });
            }
            if place.region.is_empty() || place.region == "auto" {
                return Err(BadDestination::Region);
            }
            ("s3", vec![("region", place.region)])
        } else {
            let host = https_host(place.endpoint)
                .ok_or_else(|| BadDestination::Endpoint { endpoint: place.endpoint.to_owned() })?;
            if keys.is_none() {
                return Err(BadDestination::Keys { bucket: place.bucket.to_owned() });
            }
            match host.strip_suffix(R2_HOST) {
                Some(account) if !account.contains('.') => ("r2", vec![("account-id", account)]),
                Some(_) | None => {
                    let region = if place.region.is_empty() { "auto" } else { place.region };
                    ("s3", vec![("endpoint", host), ("region", region)])
                }
            }
        };
        if let Some(keys) = keys {
            parameters.extend([("access-key-id", keys.id), ("secret-access-key", keys.secret)]);
        }
        let owned = |(name, value): (&str, &str)| (name.to_owned(), Zeroizing::new(value.to_owned()));
        Ok(Self {
            scheme: scheme.to_owned(),
            bucket: place.bucket.to_owned(),
            folder,
            parameters: parameters.into_iter().map(owned).collect(),
        })
    }

    /// Reads `destination_conf`.
    ///
    /// # Errors
    ///
    /// [`BadDestination::Form`]. A destination that is no bucket reads too, as long as it looks like a URL.
    pub fn parse(conf: &str) -> Result<Self, BadDestination> {
        let (scheme, rest) = conf.split_once("://").ok_or(BadDestination::Form)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, folder) = place.split_once('/').unwrap_or((place, ""));
        if scheme.is_empty() || bucket.is_empty() {
            return Err(BadDestination::Form);
        }
        let parameters = form_urlencoded::parse(query.as_bytes());
        Ok(Self {
            scheme: scheme.to_owned(),
            bucket: bucket.to_owned(),
            folder: folder.trim_matches('/').to_owned(),
            parameters: parameters
                .map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned())))
                .collect(),
        })
    }

    /// The text that the API wants, keys and all.
    pub fn expose(&self) -> String {
        self.print(|_, value| value.to_owned())
    }

    /// Whether the API wants a proof that the bucket is ours: only AWS has no keys to show.
    pub fn needs_challenge(&self) -> bool {
        !self.parameters.contains_key("secret-access-key")
    }

    /// The same place: other keys or parameters do not matter, nor by which of its two names R2 is called.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place = |of: &Self| {
            let endpoint = of.parameters.get("endpoint").map(|host| host.to_string());
            let account = of.parameters.get("account-id").map(|account| format!("{}{R2_HOST}", account.as_str()));
            (of.bucket.clone(), of.folder.clone(), endpoint.or(account))
        };
        place(self) == place(other)
    }

    /// Whether a key that `other` shows is not ours. The API may keep keys to itself: those cannot be compared.
    pub(super) fn has_other_keys_than(&self, other: &Self) -> bool {
        self.parameters.iter().any(|(name, value)| {
            other.parameters.get(name).is_some_and(|there| there != value && !(is_secret(name) && is_masked(there)))
        })
    }

    /// Whether it has keys that cannot be read here, so nobody can say whose they are.
    pub fn hides_its_keys(&self) -> bool {
        let has_keys = self.scheme == "r2" || self.parameters.contains_key("endpoint");
        has_keys && KEYS.iter().any(|name| self.parameters.get(*name).is_none_or(|value| is_masked(value)))
    }

    /// `text` without our secrets, as they are and as they stand in a query.
    pub fn hide(&self, text: &str) -> String {
        let secrets = self.parameters.iter().filter(|(name, value)| is_secret(name) && !value.is_empty());
        secrets.fold(text.to_owned(), |text, (_, value)| {
            let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            text.replace(value.as_str(), HIDDEN).replace(&encoded, HIDDEN)
        })
    }

    fn print(&self, value: impl Fn(&str, &str) -> String) -> String {
        let mut query = Serializer::new(String::new());
        for (name, text) in &self.parameters {
            query.append_pair(name, &value(name, text));
        }
        let query = query.finish();
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{}://{}/{}{separator}{query}", self.scheme, self.bucket, self.folder)
    }
}

fn is_secret(name: &str) -> bool {
    !SHOWN.contains(&name)
}

/// Whether a value stands for another that is not shown: with asterisks or dots in it, or a word in brackets.
fn is_masked(value: &str) -> bool {
    value.contains(['*', '…'])
        || value.contains("...")
        || (value.starts_with(['<', '[']) && value.ends_with(['>', ']']))
}

/// The host and port of an https endpoint without a path.
fn https_host(endpoint: &str) -> Option<&str> {
    let host = endpoint.strip_prefix("https://")?.trim_end_matches('/');
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
    (plain && !host.is_empty()).then_some(host)
}

/// Without what is secret, or could be.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !BUCKET_SCHEMES.contains(&self.scheme.as_str()) {
            let host = self.bucket.rsplit('@').next().unwrap_or_default();
            return write!(f, "{}://{host}/{HIDDEN}", self.scheme);
        }
        let shown = self.print(|name, value| if is_secret(name) { HIDDEN.to_owned() } else { value.to_owned() });
        f.write_str(&shown.replace("%5Bhidden%5D", HIDDEN))
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Destination({self})")
    }
}

#[cfg(test)]
mod tests;
