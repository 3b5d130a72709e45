//! The client against a simulated API over HTTP.

use std::{collections::BTreeSet, time::Duration};

use gatelog_cloudflare::{
    ApiAddress, ApiError, Client,
    logpush::{Destination, FIELDS, JobSpec, KeyPair, Keys, Place, difference},
};
use gatelog_testkit::cloudflare::{CloudflareOptions, CloudflareServer};
use serde_json::json;

async fn server() -> CloudflareServer {
    CloudflareServer::start(CloudflareOptions::default()).await.expect("a free port")
}

fn client(server: &CloudflareServer, token: &str) -> Client {
    Client::new(ApiAddress::parse(&server.endpoint()).expect("an address"), "acct", token).expect("a client")
}

fn spec(name: &str) -> JobSpec {
    let endpoint = "https://acct.r2.cloudflarestorage.com";
    let place = Place { bucket: "llm-logs", region: "auto", endpoint, prefix: "ai-gateway" };
    JobSpec {
        name: name.to_owned(),
        destination: Destination::new(place, Some(KeyPair { id: "AKID", secret: "s+e/c=t" })).expect("a destination"),
        fields: FIELDS.map(str::to_owned).into(),
        interval_seconds: 30,
    }
}

#[tokio::test]
async fn a_job_is_made_changed_and_deleted() {
    let server = server().await;
    let client = client(&server, "token");
    let offered: BTreeSet<String> = client.logpush_fields().await.unwrap();
    assert_eq!(offered, FIELDS.map(str::to_owned).into());
    assert_eq!(client.logpush_jobs().await.unwrap(), []);

    let made = client.logpush_create(&spec("one"), None).await.unwrap();
    assert_eq!(difference(&spec("one"), &made, Keys::Compared), []);
    assert_eq!(difference(&spec("one"), &client.logpush_jobs().await.unwrap()[0], Keys::Compared), []);

    server.edit_job(made.id, |job| {
        job["output_options"]["sample_rate"] = json!(0.1);
        job["enabled"] = json!(false);
    });
    let edited = client.logpush_jobs().await.unwrap().remove(0);
    let found = difference(&spec("one"), &edited, Keys::Compared);
    let settings: Vec<&str> = found.iter().map(|change| change.setting.as_str()).collect();
    assert_eq!(settings, ["enabled", "output_options.sample_rate"]);
    let mended = client.logpush_update(&edited, &spec("one"), None).await.unwrap();
    assert_eq!(difference(&spec("one"), &mended, Keys::Compared), []);

    client.logpush_delete(made.id).await.unwrap();
    let gone = client.logpush_delete(made.id).await.unwrap_err().to_string();
    assert!(gone.contains("HTTP 404"), "{gone}");
}

#[tokio::test]
async fn refusals_say_what_the_api_said() {
    let server = server().await;
    let wrong = client(&server, "wrong").logpush_jobs().await.unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "the Cloudflare API refused to list the Logpush jobs: HTTP 403, 10000: Authentication error \
         (is the API token right, and may it do this in this account?)"
    );
    let right = client(&server, "token");
    for number in 0..4 {
        right.logpush_create(&spec(&format!("job {number}")), None).await.unwrap();
    }
    let full = right.logpush_create(&spec("one too many"), None).await.unwrap_err().to_string();
    assert!(full.ends_with("exceeded max jobs allowed"), "{full}");
    drop(server);
}

#[tokio::test]
async fn nobody_there_is_said_without_the_token() {
    let server = server().await;
    let client = client(&server, "token");
    drop(server);
    // The port is closed as soon as the runtime has dropped the listener.
    let refused = async {
        loop {
            match client.logpush_jobs().await {
                Err(error) => break error,
                Ok(_) => tokio::task::yield_now().await,
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(30), refused).await.expect("the server is gone");
    assert!(matches!(error, ApiError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("token"), "{error:?}");
}

#[tokio::test]
async fn a_message_comes_again_until_it_is_acknowledged() {
    let server = server().await;
    let client = client(&server, "token");
    assert_eq!(client.pull("q", 1_000).await.unwrap(), []);
    server.send("q", &json!({ "a": 1 }));
    server.send_text("q", "text");
    let first = client.pull("q", 0).await.unwrap();
    assert_eq!(first.iter().map(|one| &one.body[..]).collect::<Vec<_>>(), [&b"{\"a\":1}"[..], b"text"]);
    // It was not hidden at all, so it is there at once, and the older lease is worth nothing.
    let again = client.pull("q", 60_000).await.unwrap();
    assert_eq!(again.len(), 2);
    client.acknowledge("q", &[first[0].lease.clone()]).await.unwrap();
    assert_eq!(server.backlog("q"), 2);
    assert_eq!(client.pull("q", 60_000).await.unwrap(), []);
    client.acknowledge("q", &[again[0].lease.clone(), again[1].lease.clone()]).await.unwrap();
    assert_eq!(server.backlog("q"), 0);
}

#[tokio::test]
async fn odd_jobs_of_others_do_not_stand_in_the_way() {
    let server = server().await;
    let client = client(&server, "token");
    server.add_job(json!({ "dataset": "http_requests", "output_options": { "field_names": "all" }, "enabled": "yes" }));
    server.add_job(
        json!({ "dataset": "ai_gateway_events", "enabled": null, "destination_conf": null, "output_options": null }),
    );
    let jobs = client.logpush_jobs().await.unwrap();
    assert_eq!(jobs.iter().map(|job| (job.id, job.enabled)).collect::<Vec<_>>(), [(2, false)]);
}

#[tokio::test]
async fn a_refusal_that_repeats_our_keys_is_shown_without_them() {
    let server = server().await;
    let mut odd = spec("one");
    let conf = odd.destination.expose().replace("r2://", "gs://");
    odd.destination = Destination::parse(&conf).unwrap();
    let refusal = client(&server, "token").logpush_create(&odd, None).await.unwrap_err().to_string();
    assert!(refusal.contains("is invalid") && !refusal.contains("AKID") && !refusal.contains("s%2Be"), "{refusal}");
}
