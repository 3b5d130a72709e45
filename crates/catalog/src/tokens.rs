//! Gateway tokens, by their digests.

use chrono::{DateTime, Utc};
use gatelog_model::{Digest, TenantId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{Catalog, CatalogError, error::Doing as _};

/// Most tokens that are listed.
const LISTED_MAX: i64 = 10_000;

/// A gateway token as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Names it; not secret.
    pub id: String,
    /// The tenant its requests are for.
    pub tenant: Option<String>,
    /// Gateways it may call; empty for all.
    pub gateways: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when it is worth nothing.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Catalog {
    /// Stores a new token by its digest; `false` when there is one of that name, revoked ones included.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn create_token(
        &self,
        id: &str,
        sha256: &Digest,
        tenant: Option<&TenantId>,
        gateways: &[String],
    ) -> Result<bool, CatalogError> {
        let insert = "INSERT INTO gatelog.api_token (id, sha256, tenant_id, gateways) VALUES ($1, $2, $3, $4)
            ON CONFLICT (id) DO NOTHING";
        let query =
            sqlx::query(insert).bind(id).bind(sha256.0.as_slice()).bind(tenant.map(TenantId::as_str)).bind(gateways);
        Ok(query.execute(&self.pool).await.doing("create a gateway token")?.rows_affected() == 1)
    }

    /// Makes a token worthless; `false` when there is no good one of that name.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn revoke_token(&self, id: &str) -> Result<bool, CatalogError> {
        let update = "UPDATE gatelog.api_token SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL";
        let query = sqlx::query(update).bind(id);
        Ok(query.execute(&self.pool).await.doing("revoke a gateway token")?.rows_affected() == 1)
    }

    /// The good token of this digest.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn find_token(&self, sha256: &Digest) -> Result<Option<ApiToken>, CatalogError> {
        let select = "SELECT id, tenant_id, gateways, created_at, revoked_at FROM gatelog.api_token
            WHERE sha256 = $1 AND revoked_at IS NULL";
        let row = sqlx::query(select).bind(sha256.0.as_slice()).fetch_optional(&self.pool);
        Ok(row.await.doing("look up a gateway token")?.as_ref().map(token))
    }

    /// Every token by name, revoked ones included.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn list_tokens(&self) -> Result<Vec<ApiToken>, CatalogError> {
        let select =
            "SELECT id, tenant_id, gateways, created_at, revoked_at FROM gatelog.api_token ORDER BY id LIMIT $1";
        let rows = sqlx::query(select).bind(LISTED_MAX).fetch_all(&self.pool);
        Ok(rows.await.doing("list gateway tokens")?.iter().map(token).collect())
    }
}

fn token(row: &PgRow) -> ApiToken {
    ApiToken {
        id: row.get(0),
        tenant: row.get(1),
        gateways: row.get(2),
        created_at: row.get(3),
        revoked_at: row.get(4),
    }
}
