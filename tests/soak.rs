#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
//! Random kills under load: `GATELOG_SOAK_SECONDS` long with `GATELOG_SOAK_SEED`; a few rounds in the usual run.

use std::time::Duration;

use gatelog_system_tests::{Audit, Campaign, Labels, LogObject, Random, Run, World};

const SETTINGS: &str = "[ingest]\nlease_seconds = 3\ncommit_interval_seconds = 1\npoll_interval_seconds = 1\nfull_relist_interval_seconds = 1\n";
/// Rounds of the usual run: about fifteen seconds.
const ROUNDS: u32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn random_kills_never_change_a_total() {
    let mut campaign = Campaign::begin(ROUNDS);
    let mut random = campaign.random();
    let world = World::start(SETTINGS).await;
    let mut expected = Labels::new();
    let mut next = 0;
    while campaign.next_round().is_some() {
        let objects: Vec<_> = (0..=random.below(8)).map(|_| object(&mut random, &mut next, &mut expected)).collect();
        world.put(&objects).await;
        let mut daemons: Vec<_> = (0..=random.below(2)).map(|_| Run::ingest().start(&world)).collect();
        tokio::time::sleep(Duration::from_millis(500 + random.below(2_500))).await;
        daemons.iter_mut().for_each(gatelog_system_tests::Running::kill);
    }
    Run::ingest_once().succeed(&world).await;
    let audit = Audit::of(&world).await;
    audit.assert_exactly(&expected);
    campaign.report(&format!("{} events exact after kills, {} orphans", expected.len(), audit.unreferenced));
}

/// New labels, and now and then some that were there.
fn object(random: &mut Random, next: &mut u32, expected: &mut Labels) -> LogObject {
    let fresh = u32::try_from(1 + random.below(40)).unwrap();
    let mut labels: Vec<u32> = (*next..*next + fresh).collect();
    if random.below(3) == 0 {
        labels.extend(expected.iter().copied().take(5));
    }
    *next += fresh;
    expected.extend(labels.iter().copied());
    LogObject::plain(*next, labels)
}
