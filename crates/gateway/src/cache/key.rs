//! What makes two requests the same.

use gatelog_model::TenantId;
use sha2::{Digest as _, Sha256};

/// The key of one stored answer.
///
/// It can only be made with a tenant and the identity class of whoever asks, so that no answer crosses either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey([u8; 32]);

/// Who may share an answer: callers with the same gateway token, or with the same provider credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuthClass([u8; 32]);

impl AuthClass {
    /// The class of a gateway token.
    pub(crate) fn of_token(token_id: &str) -> Self {
        Self(digest("gatelog token", &[token_id.as_bytes()]))
    }

    /// The class of those who send this credential on to the provider; without one, of all who send none.
    pub(crate) fn of_credentials(credentials: &[&[u8]]) -> Self {
        Self(digest("gatelog credentials", credentials))
    }
}

/// How the value of `cf-aig-cache-key` is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyMode {
    /// It is a scope: requests with different bodies have different answers whatever it says.
    #[default]
    Scope,
    /// It replaces path and body, as Cloudflare has it: whoever sends the same value gets the first answer. Tenant and
    /// credential still count.
    Literal,
}

/// The request as far as it decides the answer.
pub(crate) struct CacheScope<'a> {
    pub(crate) account: &'a str,
    pub(crate) gateway: &'a str,
    pub(crate) method: &'a str,
    /// Provider, path and query, as they are logged.
    pub(crate) provider: &'a str,
    pub(crate) endpoint: &'a str,
    /// The value of `cf-aig-cache-key`.
    pub(crate) asked_key: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

impl CacheKey {
    /// The key of a request of this tenant.
    pub(crate) fn new(tenant: &TenantId, class: AuthClass, mode: KeyMode, scope: &CacheScope<'_>) -> Self {
        let (account, gateway) = (scope.account.as_bytes(), scope.gateway.as_bytes());
        let owner = [account, gateway, tenant.as_str().as_bytes(), &class.0];
        let key = match (mode, scope.asked_key) {
            (KeyMode::Literal, Some(asked)) => digest("gatelog literal", &[&owner[..], &[asked.as_bytes()]].concat()),
            (KeyMode::Scope | KeyMode::Literal, asked) => {
                let asked = [&[u8::from(asked.is_some())], asked.unwrap_or_default().as_bytes()].concat();
                let request =
                    [scope.method.as_bytes(), scope.provider.as_bytes(), scope.endpoint.as_bytes(), &asked, scope.body];
                digest("gatelog scope", &[&owner[..], &request].concat())
            }
        };
        Self(key)
    }
}

/// SHA-256 over parts that cannot run into each other.
fn digest(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in std::iter::once(&domain.as_bytes()).chain(parts) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every part of a request that must tell two keys apart.
    type Parts = (String, String, String, String, String, Option<String>, Vec<u8>, Vec<u8>);

    fn key(parts: &Parts, mode: KeyMode) -> CacheKey {
        let (account, gateway, tenant, provider, endpoint, asked, body, credential) = parts;
        let scope =
            CacheScope { account, gateway, method: "POST", provider, endpoint, asked_key: asked.as_deref(), body };
        let tenant = TenantId::parse(tenant).unwrap();
        CacheKey::new(&tenant, AuthClass::of_credentials(&[credential]), mode, &scope)
    }

    fn parts() -> impl Strategy<Value = Parts> {
        let text = || "[ab]{0,2}";
        let bytes = || proptest::collection::vec(0_u8..2, 0..2);
        (text(), text(), "[ab]{1,2}", text(), text(), proptest::option::of(text()), bytes(), bytes())
    }

    proptest! {
        /// In scope mode keys are equal exactly when every part is.
        #[test]
        fn no_part_can_stand_in_for_another(a in parts(), b in parts()) {
            prop_assert_eq!(a == b, key(&a, KeyMode::Scope) == key(&b, KeyMode::Scope));
        }

        /// Even the literal mode keeps account, gateway, tenant and credential apart.
        #[test]
        fn a_literal_key_never_crosses_tenants(a in parts(), b in parts()) {
            let (mut a, mut b) = (a, b);
            a.5 = Some("same".to_owned());
            b.5 = a.5.clone();
            let is_same_owner = (&a.0, &a.1, &a.2, &a.7) == (&b.0, &b.1, &b.2, &b.7);
            prop_assert_eq!(is_same_owner, key(&a, KeyMode::Literal) == key(&b, KeyMode::Literal));
        }
    }
}
