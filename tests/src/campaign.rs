//! Seeded campaigns: some rounds in the usual run, as long as it is told under `make soak`.

use std::time::{Duration, Instant};

/// A small generator, so that a seed is all that a failure needs.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// A generator of its own, for a task beside this one.
    pub fn fork(&mut self) -> Self {
        Self::new(self.below(u64::MAX))
    }
}

/// How long a campaign goes on: `GATELOG_SOAK_SECONDS` with `GATELOG_SOAK_SEED`, else a number of rounds with seed 1.
///
/// A test that panics while it holds one prints how to repeat it.
#[derive(Debug)]
pub struct Campaign {
    seed: u64,
    rounds_usual: u32,
    deadline: Option<Instant>,
    round: u32,
}

impl Campaign {
    /// Begins; `rounds_usual` is for the usual run.
    pub fn begin(rounds_usual: u32) -> Self {
        let deadline = setting("GATELOG_SOAK_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
        Self { seed: setting("GATELOG_SOAK_SEED").unwrap_or(1), rounds_usual, deadline, round: 0 }
    }

    /// The generator that everything random in it comes from.
    pub fn random(&self) -> Random {
        Random::new(self.seed)
    }

    /// Begins another round, unless it is over.
    pub fn next_round(&mut self) -> Option<u32> {
        let goes_on = self.deadline.map_or(self.round < self.rounds_usual, |deadline| Instant::now() < deadline);
        self.round += u32::from(goes_on);
        goes_on.then_some(self.round)
    }

    /// Says what it came to: the figures that a campaign is quoted with.
    pub fn report(&self, figures: &str) {
        say(&format!("seed {}, {} rounds: {figures}", self.seed, self.round));
    }
}

impl Drop for Campaign {
    fn drop(&mut self) {
        if std::thread::panicking() {
            say(&format!("failed in round {} of seed {}: repeat with GATELOG_SOAK_SEED", self.round, self.seed));
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "how `make soak` says how long")]
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[expect(clippy::print_stderr, reason = "what a test has to say goes there")]
fn say(text: &str) {
    eprintln!("{text}");
}
