//! A gateway is killed at random moments under load; whatever a caller has read in full is in the lake, once.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use gatelog_system_tests::{Audit, Call, Campaign, Gateway, GatewayWorld, Labels, Random, Run};
use gatelog_testkit::azure::Behaviour;
use http::StatusCode;
use tokio::{task::JoinSet, time::sleep};

/// Segments are closed and shipped all the time, so that kills meet every step of that.
const SETTINGS: &str = "[gateway.audit]\nship_interval_seconds = 1\nmax_upload_records = 40\n";
/// Gateways that are killed before what is left is counted.
const KILLS: u32 = 6;
const CALLERS: u32 = 24;
/// Episodes of the usual run.
const EPISODES: u32 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_loses_or_doubles_an_answer() {
    let mut campaign = Campaign::begin(EPISODES);
    let mut random = campaign.random();
    let (mut kills, mut answers, mut calls) = (0, 0, 0);
    while campaign.next_round().is_some() {
        let labels = episode(&mut random).await;
        kills += KILLS;
        answers += labels.answered.len();
        calls += labels.asked.len();
    }
    campaign.report(&format!("{kills} kills, {calls} calls, {answers} answered in full and all of them in the lake"));
}

/// What was asked, and what of it was answered in full.
#[derive(Default)]
struct Asked {
    asked: Labels,
    answered: Labels,
}

/// Kills a gateway [`KILLS`] times, stops it once, ingests what it has shipped, and looks for every answer.
async fn episode(random: &mut Random) -> Asked {
    // Slow enough that kills meet answers under way, between two pieces too.
    let behaviour = Behaviour::default().frames(5).frame_every(Duration::from_millis(2));
    let world = Arc::new(GatewayWorld::start(behaviour, SETTINGS).await);
    let mut gateway = world.gateway("spool");
    let next = Arc::new(AtomicU32::new(0));
    let mut labels = Asked::default();
    for _ in 0..KILLS {
        let callers = start(&world, &mut gateway, &next, random).await;
        sleep(Duration::from_millis(100 + random.below(900))).await;
        gateway.kill();
        labels.join(callers).await;
    }
    let callers = start(&world, &mut gateway, &next, random).await;
    sleep(Duration::from_millis(300)).await;
    gateway.stop().await;
    labels.join(callers).await;

    Run::ingest_once().succeed(&world.world).await;
    assert!(labels.answered.len() > 10 * (KILLS as usize), "there was load: {}", labels.answered.len());
    Audit::of(&world.world).await.assert_answered(&labels.answered, &labels.asked);
    labels
}

/// Starts the gateway on the spool that the last one left, and callers that go on until it is gone.
async fn start(
    world: &Arc<GatewayWorld>,
    gateway: &mut Gateway,
    next: &Arc<AtomicU32>,
    random: &mut Random,
) -> JoinSet<Asked> {
    let mode = ["relaxed", "strict"][usize::from(random.below(2) == 0)];
    gateway.start(world, &[("GATELOG__GATEWAY__AUDIT__MODE", mode)]).await;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(ask(Arc::clone(world), gateway.address(), Arc::clone(next), random.fork()));
    }
    callers
}

/// Asks for plain answers, streams and answers out of the cache until the gateway is gone.
async fn ask(world: Arc<GatewayWorld>, gateway: SocketAddr, next: Arc<AtomicU32>, mut random: Random) -> Asked {
    let mut labels = Asked::default();
    loop {
        let label = next.fetch_add(1, Ordering::Relaxed);
        let call = call(label, &mut random);
        labels.asked.insert(label);
        let Some(answer) = world.call(gateway, &call).await else { return labels };
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        if !answer.is_whole() {
            return labels;
        }
        labels.answered.insert(label);
    }
}

fn call(label: u32, random: &mut Random) -> Call {
    let tenant = format!("tenant-{}", random.below(5));
    let call = match random.below(4) {
        // The cache answers all but the first of these.
        0 => Call::chat(&tenant, "as ever", 50).with("cf-aig-cache-ttl", "3600"),
        _ => Call::chat(&tenant, &format!("question {label}"), 50),
    };
    let call = if random.below(2) == 0 { call.streamed() } else { call };
    call.labelled(label)
}

impl Asked {
    /// Waits for the callers and takes in what they have.
    async fn join(&mut self, callers: JoinSet<Self>) {
        for caller in callers.join_all().await {
            self.asked.extend(caller.asked);
            self.answered.extend(caller.answered);
        }
    }
}
