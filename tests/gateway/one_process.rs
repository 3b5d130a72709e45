//! `gatelog run`: what is asked of the gateway comes into the lake without another process.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use gatelog_system_tests::{Audit, Call, Gateway, GatewayWorld, Labels, Run};
use gatelog_testkit::{azure::Behaviour, ports::free_port};
use http::StatusCode;

const SETTINGS: &str = "[ingest]\npoll_interval_seconds = 1\ncommit_interval_seconds = 1\nlease_seconds = 3\n\
                        [gateway.audit]\nship_interval_seconds = 1\n";

/// Asks for each of these labels, and is answered in full.
async fn ask(world: &GatewayWorld, gateway: &Gateway, labels: std::ops::Range<u32>) {
    for label in labels {
        let call = Call::chat("acme", &format!("prompt {label}"), 40).labelled(label);
        let answer = world.call(gateway.address(), &call).await.unwrap();
        assert_eq!((answer.status, answer.is_whole()), (StatusCode::OK, true));
    }
}

async fn billed_requests(world: &GatewayWorld) -> String {
    let rows = world.world.rows("SELECT coalesce(sum(requests), 0) FROM gatelog.cost_daily").await;
    rows[0][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_and_billed_by_one_process() {
    let world = GatewayWorld::start(Behaviour::default(), SETTINGS).await;
    let mut gateway = world.gateway("spool");
    let status = format!("127.0.0.1:{}", free_port().unwrap());
    let status: &[(&str, &str)] = &[("GATELOG__STATUS__LISTEN", &status)];
    gateway.start_as("run", &world, status).await;
    ask(&world, &gateway, 0..20).await;
    world.world.wait_until("twenty requests are billed", async || billed_requests(&world).await == "20").await;
    let (name, value) = status[0];
    Run::new(&["health"]).with(name, value).succeed(&world.world).await;

    // Whatever both halves were at: the spool and the ledger have it.
    ask(&world, &gateway, 20..30).await;
    gateway.kill();
    gateway.start_as("run", &world, status).await;
    world.world.wait_until("thirty requests are billed", async || billed_requests(&world).await == "30").await;

    // What is answered just before the end is shipped, and in the lake at the latest after the next start.
    ask(&world, &gateway, 30..40).await;
    gateway.stop().await;
    Run::ingest_once().succeed(&world.world).await;
    let all: Labels = (0..40).collect();
    Audit::of(&world.world).await.assert_answered(&all, &all);
    assert_eq!(billed_requests(&world).await, "40");
}

/// A bug in ingest takes nothing with it that the gateway owes: the stream that is open passes whole, its record is shipped, and
/// the status endpoints say until then what has happened. The next start bills it all.
#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_drains_when_ingest_breaks() {
    let slow = Behaviour::default().frames(150).frame_every(Duration::from_millis(100));
    let world = GatewayWorld::start(slow, SETTINGS).await;
    let mut gateway = world.gateway("spool");
    let status: SocketAddr = (Ipv4Addr::LOCALHOST, free_port().unwrap()).into();
    let status_text = status.to_string();
    let listening = ("GATELOG__STATUS__LISTEN", status_text.as_str());
    gateway.start_as("run", &world, &[listening, ("GATELOG_CRASH_AT", "commit.before_begin@panic")]).await;

    let stream = Call::chat("acme", "a long story", 400).streamed().labelled(5);
    let broken = async {
        let is_open = || world.azure.totals().by_tenant.get("acme").is_some_and(|counts| counts.open() == 1);
        world.world.wait_until("the stream is open", async || is_open()).await;
        ask(&world, &gateway, 0..5).await;
        let is_said = async || {
            let readiness = gatelog_runtime::ask_readiness(status).await;
            matches!(readiness, Ok(Err(reason)) if reason.contains("ingest: ended by itself"))
        };
        world.world.wait_until("ingest is said to have ended", is_said).await;
        // Longer than a listing takes to come round, which succeeds.
        for _ in 0..20 {
            assert!(is_said().await, "it stays so until the stream has ended");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (answer, ()) = tokio::join!(world.call(gateway.address(), &stream), broken);
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.is_whole()), (StatusCode::OK, true));
    assert_eq!(gateway.ended().await, Some(1));

    gateway.start_as("run", &world, &[listening]).await;
    world.world.wait_until("six requests are billed", async || billed_requests(&world).await == "6").await;
    let all: Labels = (0..6).collect();
    Audit::of(&world.world).await.assert_answered(&all, &all);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_where_ingest_could_not_work() {
    let world = GatewayWorld::start(Behaviour::default(), SETTINGS).await;
    let gateway = world.gateway("spool");
    let key = world.world.public_key_file();
    let ended = Run::new(&["run"])
        .with("GATELOG__GATEWAY__LISTEN", gateway.address().to_string())
        .with("GATELOG__GATEWAY__AUDIT__PUBLIC_KEY_FILE", key.to_string_lossy())
        .with("GATELOG__GATEWAY__AUDIT__SPOOL_FOLDER", world.world.folder().join("spool").to_string_lossy())
        .with("GATELOG__KEYS__PRIVATE_KEY_FILES", format!("[\"{}\"]", key.display()))
        .finish(&world.world)
        .await;
    assert_eq!(ended.status.code(), Some(1));
    let log = String::from_utf8_lossy(&ended.stderr);
    assert!(log.contains("it is a public key; the private key of the pair is needed here"), "{log}");
}
