//! The real binary is aborted at every named point of the commit protocol and started again; nobody may notice.

use gatelog_system_tests::{Audit, Labels, LogObject, Run, World};

/// Short leases, so that a restart does not wait long for those of the dead; many commits, so that points come up often.
const SETTINGS: &str = "[ingest]\nlease_seconds = 3\ncommit_interval_seconds = 1\ncpu_threads = 2\n";

/// Three rounds of objects with overlapping labels: `fresh` of them new.
fn objects(round: u32) -> (Vec<LogObject>, Labels) {
    let first = round * 1_000;
    let mut objects: Vec<_> =
        (0..6).map(|index| LogObject::plain(first + index, first + index * 20..first + index * 20 + 20)).collect();
    // One line of each object stands in another one, and one object comes twice.
    objects.push(LogObject::plain(first + 6, (0..6).map(|index| first + index * 20)));
    objects.push(objects[2].again(first + 7));
    (objects, (first..first + 120).collect())
}

/// Ingests a first round, dies at `point` in the second, restarts; then everything must be there once.
async fn dies_and_recovers(point: &str) {
    let world = World::start(SETTINGS).await;
    let (before, mut expected) = objects(1);
    world.put(&before).await;
    Run::ingest_once().succeed(&world).await;
    let (during, labels) = objects(2);
    expected.extend(labels);
    world.put(&during).await;
    Run::ingest_once().crash_at(point).abort(&world).await;
    Run::ingest_once().succeed(&world).await;
    Audit::of(&world).await.assert_exactly(&expected);
}

macro_rules! crash_points {
    ($($name:ident: $point:literal;)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            dies_and_recovers($point).await;
        })+
    };
}

crash_points! {
    before_a_data_file_is_put: "seal.before_put";
    after_a_data_file_is_put: "seal.after_put";
    before_the_transaction_begins: "commit.before_begin";
    after_ledger_and_rollup_are_staged: "commit.after_stage";
    before_the_manifest_is_put: "metadata.before_put:1";
    after_the_manifest_is_put: "metadata.after_put:1";
    before_the_manifest_list_is_put: "metadata.before_put:2";
    after_the_manifest_list_is_put: "metadata.after_put:2";
    before_metadata_json_is_put: "metadata.before_put:3";
    after_metadata_json_is_put: "metadata.after_put:3";
    before_the_pointer_is_swapped: "commit.after_metadata";
    before_commit: "commit.before_commit";
    after_commit_before_it_is_acknowledged: "commit.after_commit";
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_leaves_is_invisible_and_found_as_orphans() {
    let world = World::start(SETTINGS).await;
    let (all, expected) = objects(1);
    world.put(&all).await;
    Run::ingest_once().crash_at("commit.before_commit").abort(&world).await;
    Run::ingest_once().succeed(&world).await;
    let audit = Audit::of(&world).await;
    audit.assert_exactly(&expected);
    assert!(audit.unreferenced >= 4, "a data file, a manifest, a list and a metadata.json: {}", audit.unreferenced);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_looked_up_and_not_repeated() {
    let mut world = World::start(SETTINGS).await;
    let (all, expected) = objects(1);
    world.put(&all).await;
    let proxy = gatelog_system_tests::PostgresProxy::start(world.database_url()).await;
    world.reach_database_through(proxy.url());
    proxy.lose_next_commit_answer();
    Run::ingest_once().succeed(&world).await;
    assert_eq!(proxy.answers_lost(), 1, "the cut happened");
    let audit = Audit::of(&world).await;
    audit.assert_exactly(&expected);
    assert_eq!(audit.unreferenced, 0, "the commit was recognised: nothing was written twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_never_reached_postgres_is_made_again() {
    let mut world = World::start(SETTINGS).await;
    let (all, expected) = objects(1);
    world.put(&all).await;
    let proxy = gatelog_system_tests::PostgresProxy::start(world.database_url()).await;
    world.reach_database_through(proxy.url());
    proxy.lose_next_commit();
    Run::ingest_once().succeed(&world).await;
    assert_eq!(proxy.answers_lost(), 1, "the cut happened");
    Audit::of(&world).await.assert_exactly(&expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_slept_through_its_lease_cannot_commit() {
    let world = World::start(SETTINGS).await;
    let (all, expected) = objects(1);
    world.put(&all).await;
    // Holds just before its transaction, and is frozen there until its lease has passed to somebody else.
    let sleeper = Run::ingest().crash_at("commit.before_begin:1@2000").start(&world);
    world.wait_until("its data file is stored", async || world.stored_data_files().await > 0).await;
    sleeper.freeze();
    Run::ingest_once().succeed(&world).await;
    let committed = Audit::of(&world).await;
    committed.assert_exactly(&expected);
    sleeper.thaw();
    assert!(sleeper.stop().await, "it drains, its commit refused");
    let after = Audit::of(&world).await;
    after.assert_exactly(&expected);
    assert!(after.unreferenced > 0, "its data file stays invisible");
}
