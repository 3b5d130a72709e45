//! Any interleaving of what limiters do, against the one thing that must hold: what is used and what is in hand never
//! exceeds the limit, and what was used is what the store says in the end.

use std::{path::Path, time::Duration};

use proptest::prelude::*;
use tokio::time::advance;

use super::support::*;
use crate::{LeftNotes, Limiter, LimiterOptions, Reservation};

const LIMIT: u64 = 500;

#[derive(Debug, Clone)]
enum Step {
    Reserve {
        limiter: usize,
        tokens: u64,
    },
    Settle {
        pick: usize,
        share: u64,
    },
    Cancel {
        pick: usize,
    },
    Drop {
        pick: usize,
    },
    Flush {
        limiter: usize,
    },
    /// The process dies, and its reservations with it.
    Vanish {
        limiter: usize,
    },
    /// Processes start where others have died, and close what those had leased.
    Succeed,
    Advance {
        millis: u64,
    },
    LoseAnswers(bool),
    GoDown(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3_usize, 0..120_u64).prop_map(|(limiter, tokens)| Step::Reserve { limiter, tokens }),
        5 => (any::<usize>(), 0..=100_u64).prop_map(|(pick, share)| Step::Settle { pick, share }),
        1 => any::<usize>().prop_map(|pick| Step::Cancel { pick }),
        1 => any::<usize>().prop_map(|pick| Step::Drop { pick }),
        3 => (0..3_usize).prop_map(|limiter| Step::Flush { limiter }),
        1 => (0..3_usize).prop_map(|limiter| Step::Vanish { limiter }),
        1 => Just(Step::Succeed),
        2 => (1..1_500_u64).prop_map(|millis| Step::Advance { millis }),
        1 => any::<bool>().prop_map(Step::LoseAnswers),
        1 => any::<bool>().prop_map(Step::GoDown),
    ];
    prop::collection::vec(step, 1..80)
}

#[derive(Default)]
struct Held {
    reservations: Vec<(usize, u64, Reservation)>,
    used: u64,
    /// In the hands of processes that died.
    lost: u64,
}

impl Held {
    fn in_hand(&self) -> u64 {
        self.reservations.iter().map(|(_, tokens, _)| tokens).sum::<u64>() + self.lost
    }

    fn take(&mut self, pick: usize) -> Option<(usize, u64, Reservation)> {
        (!self.reservations.is_empty()).then(|| self.reservations.swap_remove(pick % self.reservations.len()))
    }

    fn vanish(&mut self, limiter: usize) {
        let (gone, kept) = std::mem::take(&mut self.reservations).into_iter().partition(|(of, ..)| *of == limiter);
        self.reservations = kept;
        let gone: Vec<(usize, u64, Reservation)> = gone;
        for (_, tokens, reservation) in gone {
            self.lost += tokens;
            std::mem::forget(reservation);
        }
    }
}

async fn play(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let options = LimiterOptions { drain_timeout: Duration::from_millis(100), ..Default::default() };
    let (left, notes) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let noting = |holder| network.noting_limiter(holder, notes.path(), options.clone());
    let mut holders = [0, 1, 2];
    let mut limiters = holders.map(noting);
    let mut held = Held::default();
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Reserve { limiter, tokens } => {
                if let Ok(reservation) = reserve(&limiters[limiter], tokens).await {
                    held.reservations.push((limiter, tokens, reservation));
                }
            }
            Step::Settle { pick, share } => {
                if let Some((_, tokens, reservation)) = held.take(pick) {
                    held.used += tokens * share / 100;
                    reservation.settle(usage(tokens * share / 100));
                }
            }
            Step::Cancel { pick } => held.take(pick).into_iter().for_each(|(_, _, one)| one.cancel()),
            Step::Drop { pick } => held.used += held.take(pick).map_or(0, |(_, tokens, _)| tokens),
            Step::Flush { limiter } => limiters[limiter].flush().await,
            Step::Vanish { limiter } => {
                held.vanish(limiter);
                keep_notes(notes.path(), left.path(), holders[limiter]);
                holders[limiter] = 100 + number as u128;
                limiters[limiter] = noting(holders[limiter]);
            }
            // A failure leaves the files, for the next time.
            Step::Succeed => drop(LeftNotes::find(left.path()).unwrap().settle(&*network, BOOT).await),
            Step::Advance { millis } => advance(Duration::from_millis(millis)).await,
            Step::LoseAnswers(loses) => network.lose_answers(loses),
            Step::GoDown(is_down) => network.go_down(is_down),
        }
        prop_assert!(held.used + held.in_hand() <= LIMIT, "{} used, {} in hand", held.used, held.in_hand());
        let (spent, leased, overrun) = network.account(&acme()).await;
        prop_assert!(spent + leased <= LIMIT && overrun == 0);
        prop_assert!(spent + leased >= held.used + held.in_hand(), "the store knows of all of it");
    }
    finish(&network, &limiters, left.path(), held).await
}

/// Settles the rest, has every limiter that lives tell everything and those that follow the dead close their leases, and
/// compares.
async fn finish(network: &Network, limiters: &[Limiter], left: &Path, mut held: Held) -> Result<(), TestCaseError> {
    network.go_down(false);
    network.lose_answers(false);
    advance(Duration::from_secs(2)).await;
    while let Some((_, tokens, reservation)) = held.take(0) {
        held.used += tokens;
        drop(reservation);
    }
    for limiter in limiters {
        limiter.clone().run(async {}).await;
        prop_assert_eq!(limiter.counts().tenants, 0, "all of it was told");
    }
    let (spent, leased, _) = network.account(&acme()).await;
    prop_assert!(held.used + held.lost <= spent + leased);
    LeftNotes::find(left).unwrap().settle(network, BOOT).await.unwrap();
    let (spent, leased, overrun) = network.account(&acme()).await;
    prop_assert!(
        held.used + held.lost <= spent && spent <= LIMIT,
        "{} used, {} lost, {spent} spent",
        held.used,
        held.lost
    );
    prop_assert_eq!((leased, overrun), (0, 0), "nothing is lost with the dead");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn limits_hold_whatever_happens(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(steps))?;
    }
}
