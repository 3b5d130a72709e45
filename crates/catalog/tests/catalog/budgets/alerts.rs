//! Thresholds: recorded once, posted by one.

use std::time::Duration;

use gatelog_budget::{AlertQueue as _, Amount, HolderId, LeaseAnswer, LeaseId, Unit};
use tokio::task::JoinSet;

use super::support::*;
use crate::common::Fixture;

const LEASE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_see_a_threshold_passed_it_is_recorded_once_and_claimed_by_one() {
    let fixture = Fixture::new().await;
    // A sixty-fourth of it is less than a slice of 10, so nobody is given more than is used and nobody has to wait for it.
    let tokens = tokens(&fixture, 600).await;
    let mut tasks = JoinSet::new();
    for number in 1..=10_u128 {
        let mut holder = Holder::new(number, &tokens);
        let catalog = fixture.catalog.clone();
        tasks.spawn(async move {
            for _ in 0..6 {
                assert_eq!(holder.granted(&catalog, 10).await, 10);
                holder.spend(10, 0);
                holder.tell(&catalog, false).await;
            }
            holder.tell(&catalog, true).await;
        });
    }
    tasks.join_all().await;
    let recorded: Vec<(i16, i64)> =
        sqlx::query_as("SELECT threshold_percent, used_amount FROM gatelog.budget_alert ORDER BY id")
            .fetch_all(&fixture.pool)
            .await
            .unwrap();
    assert_eq!(recorded, [(80, 480), (100, 600)]);

    let claims: Vec<_> = (1..=6_u128)
        .map(|number| {
            let catalog = fixture.catalog.clone();
            tokio::spawn(async move { catalog.claim_alerts(HolderId(number), 1, LEASE).await.unwrap() })
        })
        .collect();
    let mut claimed = Vec::new();
    for claim in claims {
        claimed.extend(claim.await.unwrap());
    }
    claimed.sort_by_key(|one| one.claim.id);
    let texts: Vec<_> = claimed.iter().map(|one| one.alert.slack_text()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].starts_with("tenant acme has used 80 % of its token budget `tokens` ("), "{texts:?}");
    assert!(texts[0].ends_with("480 of 600)"), "{texts:?}");
}

#[tokio::test]
async fn a_failed_post_is_tried_again_and_a_slow_one_is_fenced() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 100).await;
    let mut holder = Holder::new(1, &tokens);
    holder.granted(&fixture.catalog, 100).await;
    holder.spend(80, 0);
    holder.tell(&fixture.catalog, false).await;
    let queue = &fixture.catalog;
    let first = queue.claim_alerts(HolderId(1), 10, LEASE).await.unwrap().remove(0).claim;
    assert_eq!(first.attempt, 1);
    assert!(queue.claim_alerts(HolderId(2), 10, LEASE).await.unwrap().is_empty());
    assert!(queue.mark_failed(&first, Duration::ZERO).await.unwrap());
    assert!(!queue.mark_failed(&first, Duration::ZERO).await.unwrap(), "once");
    let second = queue.claim_alerts(HolderId(2), 10, Duration::ZERO).await.unwrap().remove(0).claim;
    assert_eq!(second.attempt, 2);
    // The second was too slow: somebody else has it now, even under the same name.
    let third = queue.claim_alerts(HolderId(2), 10, LEASE).await.unwrap().remove(0).claim;
    assert!(!queue.mark_posted(&second).await.unwrap());
    assert!(queue.mark_posted(&third).await.unwrap());
    assert!(!queue.mark_failed(&third, Duration::ZERO).await.unwrap(), "posted is posted");
    // Told again, it is not recorded again.
    holder.spend(1, 0);
    holder.tell(queue, false).await;
    assert!(queue.claim_alerts(HolderId(3), 10, LEASE).await.unwrap().is_empty());
}

#[tokio::test]
async fn overruns_raise_alerts_and_old_definitions_do_not() {
    let fixture = Fixture::new().await;
    let mut tokens = tokens(&fixture, 100).await;
    let mut holder = Holder::new(1, &tokens);
    holder.report.overrun = 90;
    // A report with a lease passes the threshold as well as a settlement.
    holder.granted(&fixture.catalog, 1).await;
    tokens.unit = Unit::Requests;
    fixture.catalog.put_budgets(std::slice::from_ref(&tokens)).await.unwrap();
    assert!(fixture.catalog.claim_alerts(HolderId(1), 10, LEASE).await.unwrap().is_empty(), "it would say requests");
    holder.spend(0, 60);
    holder.tell(&fixture.catalog, true).await;
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.budget_alert").await, 1, "none for the old window");

    // A lowered limit is passed by what was used before.
    let mut anew = Holder { lease: LeaseId(9), ..Holder::new(2, &tokens) };
    anew.granted(&fixture.catalog, 50).await;
    anew.spend(40, 0);
    anew.tell(&fixture.catalog, false).await;
    assert!(fixture.catalog.claim_alerts(HolderId(1), 10, LEASE).await.unwrap().is_empty());
    tokens.amount = Amount::try_new(40).unwrap();
    fixture.catalog.put_budgets(std::slice::from_ref(&tokens)).await.unwrap();
    anew.tell(&fixture.catalog, false).await;
    let due = fixture.catalog.claim_alerts(HolderId(1), 10, LEASE).await.unwrap();
    assert_eq!(due.iter().map(|one| one.alert.threshold.percent()).collect::<Vec<_>>(), [80, 100]);
}

#[tokio::test]
async fn a_budget_that_refuses_after_its_warning_is_used_up() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 100).await;
    let mut holder = Holder::new(1, &tokens);
    holder.granted(&fixture.catalog, 79).await;
    holder.spend(79, 0);
    let large = 30;
    assert!(matches!(holder.lease(&fixture.catalog, large).await, LeaseAnswer::Refused(_)));
    let alerts = "SELECT count(*) FROM gatelog.budget_alert";
    assert_eq!(fixture.count(alerts).await, 0, "smaller requests still fit");
    let mut holder = Holder { lease: LeaseId(2), ..Holder::new(2, &tokens) };
    holder.granted(&fixture.catalog, 10).await;
    holder.spend(10, 0);
    holder.tell(&fixture.catalog, false).await;
    // Whoever has nothing to tell is refused too; the alert is all that is written.
    let mut other = Holder { lease: LeaseId(3), ..Holder::new(3, &tokens) };
    for _ in 0..2 {
        assert!(matches!(other.lease(&fixture.catalog, large).await, LeaseAnswer::Refused(_)));
    }
    let due = fixture.catalog.claim_alerts(HolderId(1), 10, LEASE).await.unwrap();
    let texts: Vec<_> = due.iter().map(|one| one.alert.slack_text()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[1].starts_with("tenant acme has used up its token budget") && texts[1].contains("89 of 100"),
        "{texts:?}"
    );
}
