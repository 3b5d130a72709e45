//! Event queues wake the poller: whatever they say or do not say, what is counted is what lies in the bucket.

use gatelog_system_tests::{Audit, LogObject, Run, World};
use gatelog_testkit::{
    cloudflare::{CloudflareOptions, CloudflareServer},
    ports::free_port,
};
use serde_json::{Value, json};

const QUEUE: &str = "7f3c";

/// A daemon that lists so seldom that only the queue can tell it anything, after the listing at its start.
async fn world(server: &CloudflareServer) -> World {
    World::start(&format!(
        "[source]\ncloudflare_queue = {{ queue_id = \"{QUEUE}\" }}\n\
         [cloudflare]\napi_url = \"{}\"\napi_token = \"token\"\n\
         [ingest]\npoll_interval_seconds = 3600\ncommit_interval_seconds = 1\nlease_seconds = 3\n",
        server.endpoint()
    ))
    .await
}

fn notice(key: &str) -> Value {
    json!({
        "account": "acct", "action": "PutObject", "bucket": "logs", "eventTime": "2026-08-01T10:00:00.000Z",
        "object": { "key": key, "size": 1, "eTag": "not-what-the-listing-says" },
    })
}

fn daemon(world: &World, status: u16) -> gatelog_system_tests::Running {
    Run::ingest()
        .with("GATELOG__ACCOUNT_ID", "acct")
        .with("GATELOG__STATUS__LISTEN", format!("127.0.0.1:{status}"))
        .start(world)
}

async fn committed(world: &World) -> u64 {
    let rows = world.rows("SELECT count(*) FROM gatelog.source_object WHERE state = 'committed'").await;
    rows[0][0].parse().expect("a count")
}

/// Waits until the first listing is over: from here on only the queue tells of objects.
async fn first_listing(world: &World, status: u16) {
    let ready = async || {
        Run::new(&["health"]).with("GATELOG__STATUS__LISTEN", format!("127.0.0.1:{status}")).finish(world).await
    };
    world.wait_until("it has listed once", async || ready().await.status.success()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_bring_objects_at_once_and_never_twice() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server).await;
    world.catalog().await;
    let status = free_port().expect("a port");
    let daemon = daemon(&world, status);
    first_listing(&world, status).await;

    let objects: Vec<LogObject> = (0..5).map(|index| LogObject::plain(index, index * 10..index * 10 + 10)).collect();
    // Of a minute of its own: objects of one minute are listed together.
    let untold = LogObject::plain(8, 50..60);
    world.put(&objects).await;
    world.put(&[untold]).await;
    // One notice is lost; the others come late, repeated and in reverse.
    for object in objects.iter().rev().chain(&objects) {
        server.send(QUEUE, &notice(&object.key));
    }
    world.wait_until("five objects are committed", async || committed(&world).await >= 5).await;

    // Stale, about other things, and no notices at all.
    server.send(QUEUE, &notice("20200101/20200101T000000Z_20200101T000030Z_00000000.log.gz"));
    server.send(QUEUE, &notice("elsewhere/20260801/20260801T100000Z_20260801T100030Z_1a2b3c4d.log.gz"));
    server.send(QUEUE, &notice("ownership-challenge-1.txt"));
    server.send(QUEUE, &json!({ "action": "DeleteObject", "bucket": "logs", "object": { "key": objects[0].key } }));
    server.send(QUEUE, &json!({ "action": "PutObject", "bucket": "others", "object": { "key": objects[0].key } }));
    server.send(QUEUE, &json!(["no", "notice"]));
    server.send(QUEUE, &json!(null));
    server.send_text(QUEUE, "no JSON");
    server.send_text(QUEUE, &notice(&objects[1].key).to_string());
    world.wait_until("the queue is empty", async || server.backlog(QUEUE) == 0).await;
    assert!(daemon.stop().await);

    Audit::of(&world).await.assert_exactly(&(0..50).collect());
    // What no notice told of, a listing finds.
    Run::ingest_once().with("GATELOG__ACCOUNT_ID", "acct").succeed(&world).await;
    Audit::of(&world).await.assert_exactly(&(0..60).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_fails_costs_nothing_but_time() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server).await;
    world.catalog().await;
    let status = free_port().expect("a port");
    server.fail_queues(2, 500);
    let daemon = daemon(&world, status);
    first_listing(&world, status).await;
    world.put(&[LogObject::plain(1, 0..10)]).await;
    server.send(QUEUE, &notice(&LogObject::plain(1, 0..10).key));
    world.wait_until("the object is committed", async || committed(&world).await == 1).await;
    assert!(daemon.stop().await);
    Audit::of(&world).await.assert_exactly(&(0..10).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_could_not_be_followed_comes_again() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server).await;
    world.catalog().await;
    let status = free_port().expect("a port");
    let daemon = daemon(&world, status);
    first_listing(&world, status).await;
    world.put(&[LogObject::plain(1, 0..10)]).await;
    world.s3.outage(true);
    server.send(QUEUE, &notice(&LogObject::plain(1, 0..10).key));
    let failed = async || {
        let metrics = metrics(status).await;
        metrics.contains("gatelog_ingest_notice_failures_total 1")
    };
    world.wait_until("a listing failed", failed).await;
    assert_eq!(server.backlog(QUEUE), 1, "it was not acknowledged");
    world.s3.outage(false);
    server.expire_leases(QUEUE);
    world.wait_until("the object is committed", async || committed(&world).await == 1).await;
    world.wait_until("the queue is empty", async || server.backlog(QUEUE) == 0).await;
    assert!(daemon.stop().await);
    Audit::of(&world).await.assert_exactly(&(0..10).collect());
}

async fn metrics(status: u16) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut answer = String::new();
    let Ok(mut stream) = tokio::net::TcpStream::connect(("127.0.0.1", status)).await else { return answer };
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _cut_off = stream.read_to_string(&mut answer).await;
    }
    answer
}
