//! A limiter dies with leases in hand, and another process closes them.

use std::{path::Path, time::Duration};

use tempfile::TempDir;
use tokio::time::{advance, sleep};

use super::support::*;
use crate::{BootId, LeftError, LeftNotes, Limiter, LimiterOptions, SettledLeft};

const LIMIT: u64 = 64_000;
/// What a limiter is given of that.
const SLICE: u64 = 1_000;

/// A limiter that notes, and what is left of it in another folder once it is killed.
struct Doomed {
    notes: TempDir,
    left: TempDir,
    limiter: Limiter,
}

impl Doomed {
    fn start(network: &std::sync::Arc<Network>) -> Self {
        let (notes, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let limiter = network.noting_limiter(1, notes.path(), LimiterOptions::default());
        Self { notes, left, limiter }
    }

    fn kill(&self) -> &Path {
        keep_notes(self.notes.path(), self.left.path(), 1);
        self.left.path()
    }
}

/// What the next process does.
async fn settle(network: &Network, left: &Path, boot: BootId) -> Result<SettledLeft, LeftError> {
    LeftNotes::find(left).unwrap().settle(network, boot).await
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_process_had_not_handed_out_is_free_again() {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let doomed = Doomed::start(&network);
    reserve(&doomed.limiter, 100).await.unwrap().settle(usage(40));
    let under_way = reserve(&doomed.limiter, 200).await.unwrap();
    let left = doomed.kill();
    assert_eq!(network.account(&acme()).await, (0, SLICE, 0), "it has told nothing yet");
    let settled = settle(&network, left, BOOT).await.unwrap();
    assert_eq!(settled, SettledLeft { closed: 1, unknown: 0, unproven: 0 });
    let (spent, leased, overrun) = network.account(&acme()).await;
    assert_eq!((leased, overrun), (0, 0));
    assert!((240..240 + SLICE / 8).contains(&spent), "40 used, 200 under way, an eighth noted ahead: {spent}");
    // The dead cannot speak any more, and their leases are closed once.
    under_way.settle(usage(200));
    doomed.limiter.flush().await;
    assert_eq!(network.account(&acme()).await, (spent, 0, 0));
    assert_eq!(settle(&network, left, BOOT).await.unwrap(), SettledLeft::default());
}

#[tokio::test(start_paused = true)]
async fn what_was_given_back_before_the_kill_is_nobodys_use() {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let doomed = Doomed::start(&network);
    // Noted as much as it is: nearly all of a slice.
    let most = reserve(&doomed.limiter, SLICE - 10).await.unwrap();
    let rest = reserve(&doomed.limiter, 10).await.unwrap();
    most.cancel();
    // The idle remainder goes back in the second flush.
    for _ in 0..2 {
        doomed.limiter.flush().await;
    }
    let (_, held, _) = network.account(&acme()).await;
    assert!(held < SLICE, "{held}");
    settle(&network, doomed.kill(), BOOT).await.unwrap();
    let (spent, leased, overrun) = network.account(&acme()).await;
    assert!(spent >= 10 && spent <= held, "{spent} of {held}");
    assert_eq!((leased, overrun), (0, 0), "not said to have used what it did not have");
    drop(rest);
}

#[tokio::test(start_paused = true)]
async fn use_beyond_reservations_is_not_lost_with_a_process() {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let doomed = Doomed::start(&network);
    reserve(&doomed.limiter, 100).await.unwrap().settle(usage(130));
    settle(&network, doomed.kill(), BOOT).await.unwrap();
    let (spent, leased, overrun) = network.account(&acme()).await;
    assert!((100..100 + SLICE / 8).contains(&spent), "{spent}");
    assert_eq!((leased, overrun), (0, 30));
}

#[tokio::test(start_paused = true)]
async fn a_slice_that_was_granted_unheard_is_closed_too() {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let doomed = Doomed::start(&network);
    network.lose_answers(true);
    assert!(reserve(&doomed.limiter, 100).await.is_err());
    network.lose_answers(false);
    settle(&network, doomed.kill(), BOOT).await.unwrap();
    assert_eq!(network.account(&acme()).await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn notes_of_another_start_of_the_machine_prove_nothing() {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let doomed = Doomed::start(&network);
    let _under_way = reserve(&doomed.limiter, 100).await.unwrap();
    let settled = settle(&network, doomed.kill(), BootId(8)).await.unwrap();
    assert_eq!(settled, SettledLeft { closed: 0, unknown: 0, unproven: 1 });
    assert_eq!(network.account(&acme()).await, (0, SLICE, 0), "it counts as spent");
    assert_eq!(std::fs::read_dir(doomed.left.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_the_store_the_notes_stay() {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let doomed = Doomed::start(&network);
    let _under_way = reserve(&doomed.limiter, 100).await.unwrap();
    let left = doomed.kill();
    network.go_down(true);
    settle(&network, left, BOOT).await.unwrap_err();
    network.go_down(false);
    assert_eq!(settle(&network, left, BOOT).await.unwrap().closed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_in_peace_leaves_nothing() {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let doomed = Doomed::start(&network);
    reserve(&doomed.limiter, 100).await.unwrap().settle(usage(40));
    let (stop, running) = run(&doomed.limiter);
    sleep(Duration::from_millis(10)).await;
    stop.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(std::fs::read_dir(doomed.notes.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_process_could_not_give_back_at_its_end_is_given_back_for_it() {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let Doomed { notes, left: _, limiter } = Doomed::start(&network);
    reserve(&limiter, 100).await.unwrap().settle(usage(40));
    network.go_down(true);
    limiter.run(async {}).await;
    network.go_down(false);
    assert_eq!(network.account(&acme()).await, (0, SLICE, 0));
    assert_eq!(settle(&network, notes.path(), BOOT).await.unwrap().closed, 1);
    let (spent, leased, overrun) = network.account(&acme()).await;
    assert!((40..40 + SLICE / 8).contains(&spent), "{spent}");
    assert_eq!((leased, overrun), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_leased_nothing_leaves_nothing() {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let Doomed { notes, left: _, limiter } = Doomed::start(&network);
    drop(limiter);
    assert_eq!(std::fs::read_dir(notes.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn notes_are_written_seldom() {
    let network = Network::new([tokens_per_day(LIMIT)]);
    let doomed = Doomed::start(&network);
    let mut changes = 0;
    let mut last = Vec::new();
    for _ in 0..SLICE {
        reserve(&doomed.limiter, 1).await.unwrap().settle(usage(1));
        let now = std::fs::read(doomed.notes.path().join(format!("{:032x}.leases", 1))).unwrap();
        changes += u32::from(now != last);
        last = now;
    }
    assert_eq!(network.leases(), 1);
    assert!(changes < 60, "{changes} changes in {SLICE} requests");
    advance(Duration::from_millis(1)).await;
}
