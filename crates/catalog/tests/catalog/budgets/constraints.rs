//! What the tables refuse, whatever a program says.

use super::support::*;
use crate::common::Fixture;

#[tokio::test]
async fn the_tables_refuse_what_cannot_be() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 100).await;
    let mut holder = Holder::new(1, &tokens);
    holder.granted(&fixture.catalog, 100).await;
    holder.spend(90, 0);
    holder.tell(&fixture.catalog, false).await;
    let table = [
        ("UPDATE gatelog.budget_window SET leased = leased + 1", "budget_window_granted_within_limit"),
        ("UPDATE gatelog.budget_window SET spent = spent + 1", "budget_window_granted_within_limit"),
        ("UPDATE gatelog.budget_window SET leased = -1", "budget_window_leased_check"),
        ("UPDATE gatelog.budget_window SET window_end = window_start", "budget_window_forward"),
        ("UPDATE gatelog.budget_window SET overrun = -1", "budget_window_overrun_check"),
        (
            "INSERT INTO gatelog.budget_window (budget_id, revision, tenant_id, window_start, window_end)
             SELECT budget_id, revision, tenant_id, window_start, window_end FROM gatelog.budget_window",
            "budget_window_key",
        ),
        ("UPDATE gatelog.budget_lease SET held = -1", "budget_lease_held_check"),
        ("INSERT INTO gatelog.budget_lease SELECT * FROM gatelog.budget_lease", "budget_lease_pkey"),
        (
            "INSERT INTO gatelog.budget_alert (window_id, threshold_percent, used_amount, limit_amount)
             SELECT window_id, threshold_percent, used_amount, limit_amount FROM gatelog.budget_alert",
            "budget_alert_once",
        ),
        ("UPDATE gatelog.budget_alert SET used_amount = 79", "budget_alert_really_passed"),
        ("UPDATE gatelog.budget_alert SET threshold_percent = 90", "budget_alert_threshold_percent_check"),
        ("UPDATE gatelog.budget_alert SET posted_at = now()", "budget_alert_posted_by_somebody"),
        ("UPDATE gatelog.budget SET amount = 0", "budget_amount_check"),
        ("UPDATE gatelog.budget SET amount = 1000000000000000001", "budget_amount_check"),
        ("UPDATE gatelog.budget SET unit = 'euro'", "budget_unit_check"),
        ("UPDATE gatelog.budget SET period = 'day'", "budget_window_said_once"),
        ("UPDATE gatelog.budget SET window_seconds = NULL", "budget_window_said_once"),
        ("UPDATE gatelog.budget SET time_zone = 'UTC'", "budget_window_said_once"),
        ("UPDATE gatelog.budget SET id = 'a b'", "budget_id_check"),
        ("UPDATE gatelog.budget SET tenant_id = ''", "budget_tenant_id_check"),
    ];
    for (statement, constraint) in table {
        let refused = sqlx::query(statement).execute(&fixture.pool).await;
        let found = match &refused {
            Err(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        };
        assert_eq!(found, Some(constraint), "{statement}: {refused:?}");
    }
}
