//! The Iceberg catalog tables: namespaces, tables and the pointer to a table's metadata.

use std::{collections::BTreeMap, fmt};

use sqlx::{PgConnection, PgExecutor, Row as _};

use crate::{Catalog, CatalogError, error::Doing as _};

/// Property that shows that a namespace exists when it has no other; as PyIceberg and JdbcCatalog do.
const EXISTS_PROPERTY: (&str, &str) = ("exists", "true");

const SWAP: &str = "
    UPDATE gatelog.iceberg_tables SET metadata_location = $5, previous_metadata_location = $4
    WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3 AND metadata_location = $4";

/// Other writers' rows may have a null type, which means a table.
const LIST_TABLES: &str = "
    SELECT table_name FROM gatelog.iceberg_tables
    WHERE catalog_name = $1 AND table_namespace = $2 AND coalesce(iceberg_type, 'TABLE') = 'TABLE' ORDER BY table_name";

const LIST_NAMESPACES: &str = "
    SELECT namespace FROM gatelog.iceberg_namespace_properties WHERE catalog_name = $1
    UNION SELECT table_namespace FROM gatelog.iceberg_tables WHERE catalog_name = $1
    ORDER BY 1";

/// A table as readers name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    /// Name of the catalog.
    pub catalog: String,
    /// Levels joined by dots.
    pub namespace: String,
    /// Name in the namespace.
    pub name: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.catalog, self.namespace, self.name)
    }
}

/// Where the metadata of a table lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// Current metadata.json.
    pub metadata_location: String,
    /// The one before.
    pub previous: Option<String>,
}

impl Catalog {
    /// The pointer of `table`; `None` if there is no such table.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`].
    pub async fn load_pointer(&self, table: &TableName) -> Result<Option<Pointer>, CatalogError> {
        let sql = "SELECT metadata_location, previous_metadata_location FROM gatelog.iceberg_tables
                   WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3";
        fetch(&self.pool, sql, table).await
    }

    /// Makes `table` point to `location` unless it exists, and says where it points: the first of several wins.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`].
    pub async fn create_pointer_if_absent(&self, table: &TableName, location: &str) -> Result<String, CatalogError> {
        sqlx::query(
            "INSERT INTO gatelog.iceberg_tables (catalog_name, table_namespace, table_name, metadata_location, iceberg_type)
             VALUES ($1, $2, $3, $4, 'TABLE') ON CONFLICT DO NOTHING",
        )
        .bind(&table.catalog)
        .bind(&table.namespace)
        .bind(&table.name)
        .bind(location)
        .execute(&self.pool)
        .await
        .doing("create a table's pointer")?;
        let pointer = self.load_pointer(table).await?;
        pointer
            .map(|pointer| pointer.metadata_location)
            .ok_or_else(|| CatalogError::Unreadable { what: "pointer of table", value: table.to_string() })
    }

    /// Moves the pointer of `table` in a transaction of its own: for changes without events, such as another schema.
    /// `false` if it is not at `old` any more.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`]: whether it moved is then to be seen from [`Catalog::load_pointer`].
    pub async fn move_pointer(&self, table: &TableName, old: &str, new: &str) -> Result<bool, CatalogError> {
        swap(&self.pool, table, old, new).await
    }

    /// Tables of a namespace, by name.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`].
    pub async fn list_tables(&self, catalog: &str, namespace: &str) -> Result<Vec<String>, CatalogError> {
        let rows = sqlx::query(LIST_TABLES).bind(catalog).bind(namespace).fetch_all(&self.pool).await;
        Ok(rows.doing("list tables")?.iter().map(|row| row.get(0)).collect())
    }

    /// Namespaces of a catalog, by name.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`].
    pub async fn list_namespaces(&self, catalog: &str) -> Result<Vec<String>, CatalogError> {
        let rows = sqlx::query(LIST_NAMESPACES).bind(catalog).fetch_all(&self.pool).await;
        Ok(rows.doing("list namespaces")?.iter().map(|row| row.get(0)).collect())
    }

    /// Properties of a namespace; `None` if there is no such namespace.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`].
    pub async fn namespace_properties(
        &self,
        catalog: &str,
        namespace: &str,
    ) -> Result<Option<BTreeMap<String, String>>, CatalogError> {
        let rows = sqlx::query(
            "SELECT property_key, coalesce(property_value, '') FROM gatelog.iceberg_namespace_properties
             WHERE catalog_name = $1 AND namespace = $2",
        )
        .bind(catalog)
        .bind(namespace)
        .fetch_all(&self.pool)
        .await
        .doing("read a namespace")?;
        let properties: BTreeMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        if properties.is_empty() && !self.list_namespaces(catalog).await?.iter().any(|found| found == namespace) {
            return Ok(None);
        }
        Ok(Some(properties))
    }

    /// Makes a namespace, or adds properties to it; existing values are replaced.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`].
    pub async fn create_namespace(
        &self,
        catalog: &str,
        namespace: &str,
        properties: &BTreeMap<String, String>,
    ) -> Result<(), CatalogError> {
        let (exists, yes) = EXISTS_PROPERTY;
        let mut keys = vec![exists];
        let mut values = vec![yes];
        for (key, value) in properties.iter().filter(|(key, _)| *key != exists) {
            keys.push(key);
            values.push(value);
        }
        sqlx::query(
            "INSERT INTO gatelog.iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
             SELECT $1, $2, q.key, q.value FROM UNNEST($3::text[], $4::text[]) AS q (key, value) ORDER BY q.key
             ON CONFLICT (catalog_name, namespace, property_key) DO UPDATE SET property_value = excluded.property_value",
        )
        .bind(catalog)
        .bind(namespace)
        .bind(keys)
        .bind(values)
        .execute(&self.pool)
        .await
        .doing("create a namespace")?;
        Ok(())
    }
}

/// Reads the pointer and locks its row.
pub(crate) async fn load_for_update(
    connection: &mut PgConnection,
    table: &TableName,
) -> Result<Option<Pointer>, CatalogError> {
    let sql = "SELECT metadata_location, previous_metadata_location FROM gatelog.iceberg_tables
               WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3 FOR UPDATE";
    fetch(connection, sql, table).await
}

/// Moves the pointer; `false` if it is not at `old`.
pub(crate) async fn swap(
    executor: impl PgExecutor<'_>,
    table: &TableName,
    old: &str,
    new: &str,
) -> Result<bool, CatalogError> {
    let query = sqlx::query(SWAP).bind(&table.catalog).bind(&table.namespace).bind(&table.name).bind(old).bind(new);
    Ok(query.execute(executor).await.doing("move the pointer")?.rows_affected() == 1)
}

async fn fetch(
    executor: impl PgExecutor<'_>,
    sql: &'static str,
    table: &TableName,
) -> Result<Option<Pointer>, CatalogError> {
    let query = sqlx::query(sql).bind(&table.catalog).bind(&table.namespace).bind(&table.name);
    let Some(row) = query.fetch_optional(executor).await.doing("read a table's pointer")? else { return Ok(None) };
    let location: Option<String> = row.get(0);
    let metadata_location =
        location.ok_or_else(|| CatalogError::Unreadable { what: "pointer of table", value: table.to_string() })?;
    Ok(Some(Pointer { metadata_location, previous: row.get(1) }))
}
