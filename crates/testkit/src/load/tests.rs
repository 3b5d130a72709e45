use std::num::NonZeroU32;

use super::*;
use crate::azure::{AzureOptions, AzureServer, Behaviour};

fn plan(server: &AzureServer, body: &str, pace: Pace, duration: Duration) -> Plan {
    let target = Target::parse(&format!("{}/openai/v1/chat/completions", server.endpoint())).unwrap();
    Plan {
        address: target.address,
        template: Template::new(&target, &["api-key: any".to_owned()], body),
        connections: NonZeroUsize::new(4).unwrap(),
        first_number: 100,
        pace,
        duration,
    }
}

/// Runs in a thread that may block.
async fn blocking<T: Send + 'static>(run: impl FnOnce() -> io::Result<T> + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.unwrap().unwrap()
}

const PLAIN: &str = r#"{"model":"m","messages":["{number}"]}"#;
const STREAM: &str = r#"{"model":"m","stream":true,"messages":["{number}"]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_sends_all_its_requests_each_once() {
    let mut server = AzureServer::start(AzureOptions::default()).await.unwrap();
    let pace = Pace::Open { per_second: NonZeroU32::new(500).unwrap() };
    let plan = plan(&server, PLAIN, pace, Duration::from_millis(200));
    let report = blocking(move || run(&plan)).await;
    assert_eq!((report.answers + report.unsent, report.errors.len(), report.warm_up), (100, 0, 4));
    assert!(report.latency.p50 > 0.0 && report.latency.p50 <= report.latency.max && report.seconds > 0.19);
    let mut prompts: Vec<_> = server.calls().iter().map(|call| call.body_sha256.clone()).collect();
    prompts.sort_unstable();
    prompts.dedup();
    assert_eq!(prompts.len() as u64, report.answers + report.warm_up);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_read_whole_and_refusals_are_errors() {
    let mut server = AzureServer::start(AzureOptions::default()).await.unwrap();
    server.behave_all(Behaviour::default().frames(50));
    let streams = plan(&server, STREAM, Pace::Closed, Duration::from_millis(100));
    let report = blocking(move || run(&streams)).await;
    assert!(report.answers > 0 && report.errors.is_empty(), "{report:?}");
    assert!(report.body_bytes > report.answers * 50 * 100, "{report:?}");
    assert!(report.next_number >= 104 + report.answers);

    server.behave_all(Behaviour::status(503));
    let refused = plan(&server, PLAIN, Pace::Closed, Duration::from_millis(20));
    let report = blocking(move || run(&refused)).await;
    assert_eq!(report.answers, 0);
    assert!(report.errors["status 503"] > 0, "{report:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_held_until_the_time_is_over() {
    let mut server = AzureServer::start(AzureOptions::default()).await.unwrap();
    server.behave_all(Behaviour::default().frames(50).frame_every(Duration::from_secs(60)));
    let Plan { address, template, first_number, .. } = plan(&server, STREAM, Pace::Closed, Duration::ZERO);
    let plan = HoldPlan {
        address,
        template,
        first_number,
        streams: NonZeroUsize::new(20).unwrap(),
        hold: Duration::from_millis(50),
        opening_max: Duration::from_secs(20),
    };
    let held = blocking(move || hold(&plan, |_held| Ok(()))).await;
    assert_eq!((held.begun, held.held), (20, 20));
    server.stop().await;
}
