#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
//! Random kills under load: `GATELOG_SOAK_SECONDS` long with `GATELOG_SOAK_SEED`; a few rounds in the usual run.

use std::time::{Duration, Instant};

use gatelog_system_tests::{Audit, Labels, LogObject, Run, World};

const SETTINGS: &str = "[ingest]\nlease_seconds = 3\ncommit_interval_seconds = 1\npoll_interval_seconds = 1\nfull_relist_interval_seconds = 1\n";
/// Rounds of the usual run: about fifteen seconds.
const ROUNDS: u32 = 6;

/// A small generator, so that a seed is all that a failure needs.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "how `make soak` says how long")]
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn random_kills_never_change_a_total() {
    let seed = setting("GATELOG_SOAK_SEED").unwrap_or(1);
    let deadline = setting("GATELOG_SOAK_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let world = World::start(SETTINGS).await;
    let mut expected = Labels::new();
    let mut next = 0;
    let mut round = 0;
    while deadline.map_or(round < ROUNDS, |deadline| Instant::now() < deadline) {
        round += 1;
        let objects: Vec<_> = (0..=random.below(8)).map(|_| object(&mut random, &mut next, &mut expected)).collect();
        world.put(&objects).await;
        let mut daemons: Vec<_> = (0..=random.below(2)).map(|_| Run::ingest().start(&world)).collect();
        tokio::time::sleep(Duration::from_millis(500 + random.below(2_500))).await;
        daemons.iter_mut().for_each(gatelog_system_tests::Running::kill);
    }
    Run::ingest_once().succeed(&world).await;
    let audit = Audit::of(&world).await;
    audit.assert_exactly(&expected);
    #[expect(clippy::print_stderr, reason = "the figure that a campaign is quoted with")]
    {
        eprintln!(
            "seed {seed}: {round} rounds of kills, {} events exact, {} orphans",
            expected.len(),
            audit.unreferenced
        );
    }
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
