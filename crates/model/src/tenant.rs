//! Who a request is made for.

use std::fmt;

/// Longest name of a tenant; UUIDs have 36 characters, e-mail addresses at most 254.
pub const TENANT_BYTES_MAX: usize = 256;

/// The name of a tenant: 1 to [`TENANT_BYTES_MAX`] bytes without control characters, whitespace at the ends removed.
///
/// Budgets and cache entries hold one, so that they cannot be built without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(String);

/// A name that no tenant can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a tenant has 1 to {TENANT_BYTES_MAX} bytes and no control characters")]
pub struct BadTenant;

impl TenantId {
    /// Takes a name as a caller sent it.
    ///
    /// # Errors
    ///
    /// [`BadTenant`].
    pub fn parse(name: &str) -> Result<Self, BadTenant> {
        let name = name.trim();
        let fits = !name.is_empty() && name.len() <= TENANT_BYTES_MAX;
        if fits && !name.chars().any(char::is_control) { Ok(Self(name.to_owned())) } else { Err(BadTenant) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(TenantId::parse(" acme é ").unwrap().as_str(), "acme é");
        assert_eq!(TenantId::parse("  "), Err(BadTenant));
        assert_eq!(TenantId::parse("a\nb"), Err(BadTenant));
        assert!(TenantId::parse(&"x".repeat(TENANT_BYTES_MAX)).is_ok());
        assert!(TenantId::parse(&"x".repeat(TENANT_BYTES_MAX + 1)).is_err());
    }
}
