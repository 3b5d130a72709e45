//! The names in a path, each of a type of its own so that they cannot be mixed up.

use std::fmt;

use super::RouteError;

/// Longest name: Cloudflare's limit for gateways, Azure's for resources and deployments.
const NAME_BYTES_MAX: usize = 64;
/// What stands in the place of a deployment in paths of Azure's own.
const NO_DEPLOYMENTS: [&str; 2] = ["openai", "deployments"];

/// Whose gateway: 1 to 64 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountId(String);

/// Which gateway of the account: 1 to 64 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GatewayId(String);

/// A resource of Azure OpenAI: 1 to 64 of `a-z`, `0-9` and `-`, so that it is one label of a host name and no
/// more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceName(String);

/// A deployment of a resource: 1 to 64 letters, digits, `-`, `_` and `.`, but no dot segment and none of the words that
/// Azure's own paths have in its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeploymentName(String);

impl AccountId {
    /// Takes a segment of a path.
    ///
    /// # Errors
    ///
    /// [`RouteError::Account`].
    pub fn parse(name: &str) -> Result<Self, RouteError> {
        plain(name, b"-_").map(Self).ok_or(RouteError::Account)
    }
}

impl GatewayId {
    /// Takes a segment of a path.
    ///
    /// # Errors
    ///
    /// [`RouteError::Gateway`].
    pub fn parse(name: &str) -> Result<Self, RouteError> {
        plain(name, b"-_").map(Self).ok_or(RouteError::Gateway)
    }
}

impl ResourceName {
    /// Takes a segment of a path in any case; host names have none.
    ///
    /// # Errors
    ///
    /// [`RouteError::Resource`].
    pub fn parse(name: &str) -> Result<Self, RouteError> {
        plain(name, b"-").map(|name| Self(name.to_ascii_lowercase())).ok_or(RouteError::Resource)
    }
}

impl DeploymentName {
    /// Takes a segment of a path.
    ///
    /// # Errors
    ///
    /// [`RouteError::Deployment`].
    pub fn parse(name: &str) -> Result<Self, RouteError> {
        let is_name = |name: &String| name.bytes().any(|byte| byte != b'.') && !NO_DEPLOYMENTS.contains(&name.as_str());
        plain(name, b"-_.").filter(is_name).map(Self).ok_or(RouteError::Deployment)
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl $name {
            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

as_text!(AccountId, GatewayId, ResourceName, DeploymentName);

fn plain(name: &str, also: &[u8]) -> Option<String> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte));
    (fits && is_plain).then(|| name.to_owned())
}
