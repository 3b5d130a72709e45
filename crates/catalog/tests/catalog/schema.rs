//! The schema itself, the sessions, and the Iceberg catalog tables.

use std::{collections::BTreeMap, time::Duration};

use crate::common::{BUCKET, FIRST_METADATA, Fixture, batch, connect, events, listed, table};
use gatelog_catalog::{StageOutcome, TableName};
use gatelog_testkit::postgres::TestDatabase;
use sqlx::Row as _;
use uuid::Uuid;

#[tokio::test]
async fn migrations_run_twice_and_at_once() {
    let database = TestDatabase::create().await.unwrap();
    let catalog = connect(database.url()).await;
    let other = catalog.clone();
    let task = tokio::spawn(async move { other.migrate().await });
    catalog.migrate().await.unwrap();
    task.await.unwrap().unwrap();
    catalog.migrate().await.unwrap();
    catalog.ping().await.unwrap();
    catalog.close().await;
}

#[tokio::test]
async fn every_table_view_and_column_is_commented() {
    let fixture = Fixture::new().await;
    let rows = sqlx::query(
        "SELECT c.relname || coalesce('.' || a.attname, '') AS name
         FROM pg_class AS c
         LEFT JOIN LATERAL (
             SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND c.relkind IN ('r', 'v')
             UNION ALL SELECT NULL, 0) AS a ON true
         WHERE c.relnamespace = 'gatelog'::regnamespace AND c.relkind IN ('r', 'v', 'S')
           AND NOT (c.relname = 'schema_migration' AND a.attnum > 0)
           AND c.relname NOT LIKE '%_id_seq'
           AND col_description(c.oid, a.attnum) IS NULL
           AND NOT (a.attnum = 0 AND obj_description(c.oid, 'pg_class') IS NOT NULL)",
    )
    .fetch_all(&fixture.pool)
    .await
    .unwrap();
    let missing: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    assert_eq!(missing, [""; 0]);
}

#[tokio::test]
async fn the_contract_views_begin_with_the_columns_others_depend_on() {
    let fixture = Fixture::new().await;
    let cost = "period_start tenant_id gateway_id provider deployment model prompt_version requests cached_requests errors \
                input_tokens cached_input_tokens output_tokens reasoning_tokens cost_usd saved_usd p50_ms p95_ms p99_ms";
    let contract = [
        ("cost_hourly", cost),
        ("cost_daily", cost),
        ("cost_monthly", cost),
        ("ingest_status", "state objects lines oldest lag_seconds"),
        ("coverage_gap", "bucket prefix gap_start gap_end kind"),
        (
            "budget_status",
            "budget_id tenant_id period window_start window_end limit_tokens limit_usd used_tokens used_usd used_ratio \
             state projected_exhaustion",
        ),
    ];
    for (view, columns) in contract {
        assert!(columns_of(&fixture, view).await.starts_with(columns), "{view}");
    }
}

async fn columns_of(fixture: &Fixture, relation: &str) -> String {
    sqlx::query_scalar(
        "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns
         WHERE table_schema = 'gatelog' AND table_name = $1",
    )
    .bind(relation)
    .fetch_one(&fixture.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn the_iceberg_tables_are_laid_out_as_jdbc_catalog_makes_them() {
    let fixture = Fixture::new().await;
    let layout = "SELECT string_agg(format('%s %s(%s)%s', column_name, data_type, character_maximum_length,
                      CASE is_nullable WHEN 'NO' THEN '!' ELSE '' END), ', ' ORDER BY ordinal_position)
                  FROM information_schema.columns WHERE table_schema = 'gatelog' AND table_name = $1";
    let found: [String; 2] = [
        sqlx::query_scalar(layout).bind("iceberg_tables").fetch_one(&fixture.pool).await.unwrap(),
        sqlx::query_scalar(layout).bind("iceberg_namespace_properties").fetch_one(&fixture.pool).await.unwrap(),
    ];
    assert_eq!(
        found.map(|text| text.replace("character varying", "")),
        [
            "catalog_name (255)!, table_namespace (255)!, table_name (255)!, metadata_location (1000), \
         previous_metadata_location (1000), iceberg_type (5)",
            "catalog_name (255)!, namespace (255)!, property_key (255)!, property_value (1000)"
        ]
    );
}

#[tokio::test]
async fn namespaces_and_tables_are_found() {
    let fixture = Fixture::new().await;
    let catalog = &fixture.catalog;
    assert_eq!(catalog.list_namespaces("gatelog").await.unwrap(), ["gatelog"]);
    assert_eq!(catalog.list_tables("gatelog", "gatelog").await.unwrap(), ["events"]);
    assert_eq!(catalog.namespace_properties("gatelog", "gatelog").await.unwrap(), Some(BTreeMap::new()));
    assert_eq!(catalog.namespace_properties("gatelog", "other").await.unwrap(), None);
    let properties = BTreeMap::from([("owner".to_owned(), "us".to_owned())]);
    catalog.create_namespace("gatelog", "other", &properties).await.unwrap();
    catalog.create_namespace("gatelog", "other", &BTreeMap::new()).await.unwrap();
    let found = catalog.namespace_properties("gatelog", "other").await.unwrap().unwrap();
    assert_eq!(found.get("owner").map(String::as_str), Some("us"));
    assert_eq!(found.get("exists").map(String::as_str), Some("true"));
    assert_eq!(catalog.list_namespaces("gatelog").await.unwrap(), ["gatelog", "other"]);
    assert_eq!(catalog.list_namespaces("elsewhere").await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_first_pointer_wins_and_moves_only_from_where_it_is() {
    let fixture = Fixture::new().await;
    let catalog = &fixture.catalog;
    assert_eq!(catalog.create_pointer_if_absent(&table(), "s3://late.json").await.unwrap(), FIRST_METADATA);
    assert!(!catalog.move_pointer(&table(), "s3://late.json", "s3://x.json").await.unwrap());
    assert!(catalog.move_pointer(&table(), FIRST_METADATA, "s3://x.json").await.unwrap());
    let absent = TableName { name: "absent".to_owned(), ..table() };
    assert_eq!(catalog.load_pointer(&absent).await.unwrap(), None);
}

#[tokio::test]
async fn the_session_is_ours_whatever_the_role_says() {
    let fixture = Fixture::new().await;
    let roles = "DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''serializable''', current_database());
        EXECUTE format('ALTER DATABASE %I SET search_path = gatelog', current_database());
    END $$";
    sqlx::query(roles).execute(&fixture.pool).await.unwrap();
    let catalog = connect(&fixture.url).await;
    catalog.migrate().await.unwrap();
    assert_eq!(fixture.count("SELECT count(*) FROM pg_tables WHERE tablename = '_sqlx_migrations'").await, 0);

    // Under any other isolation the second would look at what was there before it waited for the lock.
    let claims = fixture.claimed(2, Uuid::new_v4()).await;
    let first = batch(1, &[(&claims[0], events([1]))]);
    let second = batch(2, &[(&claims[1], events([1]))]);
    let staged = crate::common::staged(&catalog, &first).await;
    let racing = catalog.clone();
    let race = tokio::spawn(async move { racing.begin_commit().await.unwrap().stage(&second).await.unwrap() });
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while fixture.count(waiting).await == 0 {
        tokio::task::yield_now().await;
    }
    crate::common::finish(staged, &first).await;
    let outcome = race.await.unwrap();
    assert!(matches!(&outcome, StageOutcome::Duplicates(found) if found.len() == 1), "{outcome:?}");
}

#[tokio::test]
async fn a_cancelled_begin_leaves_no_open_transaction_to_the_next_borrower() {
    let fixture = Fixture::new().await;
    let catalog = connect(&fixture.url).await;
    for round in 0..200_u64 {
        // Cut at a different point each time, from before the first byte to after the lock.
        let cut = Duration::from_micros(round * 10);
        let _cut_or_dropped = tokio::time::timeout(cut, catalog.begin_commit()).await;
        let object = listed(round);
        assert_eq!(catalog.record_listed(BUCKET, &[object]).await.unwrap(), 1, "round {round}");
    }
    // Seen from outside: every insert was committed, none sits in somebody's abandoned transaction.
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.source_object").await, 200);
}
