//! The store and the database misbehave while the daemon works: lag, never totals.

use gatelog_system_tests::{Audit, Labels, LogObject, Run, World};
use gatelog_testkit::{
    postgres::{Durability, Launch, PrivatePostgres, Source},
    s3::{FaultKind, FaultRule},
};

const SETTINGS: &str = "[ingest]\nlease_seconds = 5\ncommit_interval_seconds = 1\npoll_interval_seconds = 1\nfull_relist_interval_seconds = 1\n";

fn some_objects(count: u32) -> (Vec<LogObject>, Labels) {
    let objects = (0..count).map(|index| LogObject::plain(index, index * 10..index * 10 + 10)).collect();
    (objects, (0..count * 10).collect())
}

async fn survives(faults: Vec<FaultRule>) {
    let world = World::start(SETTINGS).await;
    let (objects, expected) = some_objects(12);
    world.put(&objects).await;
    let injected_before = world.s3.requests().injected;
    for fault in faults {
        world.s3.faults().push(fault);
    }
    Run::ingest_once().succeed(&world).await;
    assert!(world.s3.requests().injected > injected_before, "the faults came up");
    world.s3.faults().clear();
    Audit::of(&world).await.assert_exactly(&expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_answers_500_and_503() {
    let get = |status| FaultRule::new(FaultKind::Status(status)).on_get().key_contains(".log.gz").times(6);
    let put = |status| FaultRule::new(FaultKind::Status(status)).on_put().key_contains(".parquet").times(2);
    survives(vec![get(500), get(503), put(503), put(500)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_hangs_up_in_the_middle_of_a_body() {
    let cut = |kind| FaultRule::new(kind).on_get().key_contains(".log.gz").times(5);
    survives(vec![cut(FaultKind::ResetMidBody), cut(FaultKind::TruncateBody), cut(FaultKind::ResetBefore)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_stores_and_then_hangs_up() {
    survives(vec![FaultRule::new(FaultKind::ResetAfter).on_put().times(3)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store() {
    survives(vec![FaultRule::new(FaultKind::SlowMs(300)).times(40)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_replaced_after_it_was_listed_is_set_aside_and_its_new_version_read() {
    let world = World::start(SETTINGS).await;
    let (objects, mut expected) = some_objects(3);
    world.put(&objects).await;
    world.s3.faults().push(FaultRule::new(FaultKind::WrongEtag).on_get().key_contains(&objects[1].key).times(50));
    Run::ingest_once().succeed(&world).await;
    let list = Run::new(&["quarantine", "list"]).succeed(&world).await;
    assert!(list.contains("replaced"), "{list}");
    world.s3.faults().clear();
    Run::new(&["quarantine", "retry", "--all"]).succeed(&world).await;
    world.put(&[LogObject { key: objects[1].key.clone(), bytes: LogObject::plain(9, 500..505).bytes }]).await;
    Run::ingest_once().succeed(&world).await;
    expected.retain(|label| !(10..20).contains(label));
    expected.extend(500..505);
    Audit::of(&world).await.assert_exactly(&expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_on_one_ledger() {
    several_daemons(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_daemons_on_one_ledger() {
    several_daemons(4).await;
}

async fn several_daemons(count: usize) {
    let world = World::start(SETTINGS).await;
    let (mut objects, expected) = some_objects(60);
    // Repeated lines, so that the daemons also race for the same digests.
    objects.extend((0..20).map(|index| LogObject::plain(100 + index, index * 30..index * 30 + 5)));
    let (first, second) = objects.split_at(40);
    world.put(first).await;
    let daemons: Vec<_> = (0..count).map(|_| Run::ingest().start(&world)).collect();
    world.put(second).await;
    wait_until_committed(&world, objects.len() as u64).await;
    for daemon in daemons {
        assert!(daemon.stop().await, "a daemon drains on SIGTERM");
    }
    Audit::of(&world).await.assert_exactly(&expected);
}

async fn wait_until_committed(world: &World, objects: u64) {
    let catalog = world.catalog().await;
    let all = async || catalog.ledger_totals().await.is_ok_and(|totals| totals.committed >= objects);
    world.wait_until("everything is committed", all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_killed_and_restarted_under_load() {
    let mut world = World::start(SETTINGS).await;
    let launch = Launch { sources: vec![Source::System], folder: None, durability: Durability::Safe };
    let mut postgres = PrivatePostgres::start(&launch).unwrap();
    world.reach_database_through(postgres.url());
    let (objects, expected) = some_objects(40);
    let (first, second) = objects.split_at(20);
    world.put(first).await;
    let daemon = Run::ingest().start(&world);
    world.wait_until("a commit is near", async || world.stored_data_files().await > 0).await;
    postgres.kill9();
    world.put(second).await;
    postgres.start_again().unwrap();
    wait_until_committed(&world, 20).await;
    postgres.restart().unwrap();
    wait_until_committed(&world, 40).await;
    assert!(daemon.stop().await);
    Audit::of(&world).await.assert_exactly(&expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn store_and_postgres_are_both_gone_for_a_while() {
    let mut world = World::start(SETTINGS).await;
    let launch = Launch { sources: vec![Source::System], folder: None, durability: Durability::Safe };
    let mut postgres = PrivatePostgres::start(&launch).unwrap();
    world.reach_database_through(postgres.url());
    let (objects, expected) = some_objects(30);
    world.put(&objects).await;
    let daemon = Run::ingest().start(&world);
    world.wait_until("it works", async || world.stored_data_files().await > 0).await;
    world.s3.outage(true);
    postgres.stop();
    tokio::time::sleep(outage()).await;
    postgres.start_again().unwrap();
    world.s3.outage(false);
    wait_until_committed(&world, 30).await;
    assert!(daemon.stop().await);
    Audit::of(&world).await.assert_exactly(&expected);
}

/// A minute in the long campaign, ten seconds else: longer than the leases either way.
fn outage() -> std::time::Duration {
    #[expect(clippy::disallowed_methods, reason = "how `make soak` asks for more")]
    let long = std::env::var("GATELOG_SOAK_SECONDS").is_ok();
    std::time::Duration::from_secs(if long { 60 } else { 10 })
}
