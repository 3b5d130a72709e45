//! Gateway tokens: who may call, and for which tenant.
//!
//! A token is random text that only its owner has; what is kept here and in the database is its SHA-256. 256 random bits need
//! no salt and no slow hash.

use std::{collections::HashMap, fmt, time::Duration};

use async_trait::async_trait;
use gatelog_model::TenantId;
use moka::future::Cache;
use sha2::{Digest as _, Sha256};

/// How long a looked-up token is remembered, and so how long a revoked one still works.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(30);
/// Most tokens remembered; each takes about 200 bytes.
const REMEMBERED_MAX: u64 = 50_000;

/// The SHA-256 of a token, by which it is found.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// The digest of a token as its owner sends it.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(digits: &str) -> Option<Self> {
        let mut digest = [0; 32];
        hex::decode_to_slice(digits.trim(), &mut digest).ok()?;
        Some(Self(digest))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenGrant {
    /// Names the token in logs; not secret.
    pub id: String,
    /// The tenant its requests are for; without one the request names it.
    pub tenant: Option<TenantId>,
    /// The gateways it may call; empty for all.
    pub gateways: Vec<String>,
}

/// The tokens could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up gateway tokens")]
pub struct TokenStoreDown(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where tokens are looked up.
#[async_trait]
pub trait TokenStore: Send + Sync + fmt::Debug {
    /// What the token of this digest allows; `None` when there is none or it was revoked.
    ///
    /// # Errors
    ///
    /// [`TokenStoreDown`]; the request is then refused as if the gateway were down, never let through.
    async fn find(&self, digest: TokenDigest) -> Result<Option<TokenGrant>, TokenStoreDown>;
}

/// Tokens from the configuration.
#[derive(Debug, Default)]
pub struct ListedTokens(HashMap<TokenDigest, TokenGrant>);

impl FromIterator<(TokenDigest, TokenGrant)> for ListedTokens {
    fn from_iter<I: IntoIterator<Item = (TokenDigest, TokenGrant)>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

#[async_trait]
impl TokenStore for ListedTokens {
    async fn find(&self, digest: TokenDigest) -> Result<Option<TokenGrant>, TokenStoreDown> {
        Ok(self.0.get(&digest).cloned())
    }
}

/// Remembers what a slower store said, for a short while: a revoked token works that long.
pub struct Remembered {
    store: Box<dyn TokenStore>,
    answers: Cache<TokenDigest, Option<TokenGrant>>,
}

impl Remembered {
    /// Remembers for [`REMEMBERED_FOR`], unknown tokens too, so that guessing does not reach the store each time.
    pub fn new(store: Box<dyn TokenStore>) -> Self {
        let answers = Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBERED_FOR).build();
        Self { store, answers }
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("store", &self.store).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenStore for Remembered {
    async fn find(&self, digest: TokenDigest) -> Result<Option<TokenGrant>, TokenStoreDown> {
        if let Some(answer) = self.answers.get(&digest).await {
            return Ok(answer);
        }
        let answer = self.store.find(digest).await?;
        self.answers.insert(digest, answer.clone()).await;
        Ok(answer)
    }
}

/// Several stores, asked in order.
#[derive(Debug)]
pub struct FirstOf(pub Vec<Box<dyn TokenStore>>);

#[async_trait]
impl TokenStore for FirstOf {
    async fn find(&self, digest: TokenDigest) -> Result<Option<TokenGrant>, TokenStoreDown> {
        for store in &self.0 {
            if let Some(grant) = store.find(digest).await? {
                return Ok(Some(grant));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_found_by_its_digest_only() {
        let grant = TokenGrant { id: "ci".to_owned(), tenant: None, gateways: Vec::new() };
        let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let tokens: ListedTokens = [(TokenDigest::parse(hex).unwrap(), grant.clone())].into_iter().collect();
        let stores = FirstOf(vec![Box::new(ListedTokens::default()), Box::new(tokens)]);
        assert_eq!(stores.find(TokenDigest::of("test")).await.unwrap(), Some(grant));
        assert_eq!(stores.find(TokenDigest::of("Test")).await.unwrap(), None);
        assert!(TokenDigest::parse("9f86").is_none());
    }
}
