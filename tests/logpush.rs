//! `gatelog logpush` against a simulated Cloudflare API: the job comes to be what it has to be, stays so, and goes.

use gatelog_system_tests::{Run, World};
use gatelog_testkit::cloudflare::{CloudflareOptions, CloudflareServer};
use serde_json::{Value, json};

const SECRET: &str = "s3cret/of+the=job";

/// A bucket that is read on this machine, and that Logpush reaches as R2.
async fn world(server: &CloudflareServer, more: &str) -> World {
    World::start(&format!(
        "[cloudflare]\napi_url = \"{}\"\napi_token = \"token\"\n[logpush]\n{more}",
        server.endpoint()
    ))
    .await
}

fn r2() -> String {
    format!(
        "endpoint = \"https://acct.r2.cloudflarestorage.com\"\naccess_key_id = \"AKID\"\nsecret_access_key = \"{SECRET}\"\n"
    )
}

fn logpush(arguments: &[&str]) -> Run {
    Run::new(&[&["logpush"], arguments].concat()).with("GATELOG__ACCOUNT_ID", "acct")
}

/// Exit code, standard output and standard error; none of them may hold a secret.
async fn run(world: &World, arguments: &[&str]) -> (i32, String, String) {
    let output = logpush(arguments).finish(world).await;
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    for secret in [SECRET, "s3cret", "AKID"] {
        assert!(!out.contains(secret) && !err.contains(secret), "{secret} in\n{out}\n{err}");
    }
    (output.status.code().expect("it exits"), out, err)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_is_made_once_and_kept_as_it_has_to_be() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server, &r2()).await;
    let (code, plan, _) = run(&world, &["plan", "--check"]).await;
    assert_eq!(code, 1);
    assert!(plan.contains("does not exist and would be created"), "{plan}");
    assert!(
        plan.contains("r2://logs/{DATE}?access-key-id=[hidden]&account-id=acct&secret-access-key=[hidden]"),
        "{plan}"
    );
    assert_eq!(run(&world, &["plan"]).await.0, 0, "without --check a plan is no failure");
    assert_eq!(server.writes(), 0, "a plan changes nothing");

    assert_eq!(run(&world, &["apply"]).await.0, 0);
    let job = server.jobs().remove(0);
    assert_eq!(job["dataset"], "ai_gateway_events");
    assert_eq!(job["enabled"], true);
    assert_eq!(job["output_options"]["sample_rate"], 1);
    assert_eq!(
        job["destination_conf"],
        "r2://logs/{DATE}?access-key-id=AKID&account-id=acct&secret-access-key=s3cret%2Fof%2Bthe%3Djob"
    );
    let (code, again, _) = run(&world, &["apply"]).await;
    assert_eq!((code, server.writes()), (0, 1), "{again}");
    assert!(again.contains("is as it has to be"), "{again}");
    assert_eq!(run(&world, &["plan", "--check"]).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_tampers_with_the_job_is_found_out() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server, &r2()).await;
    assert_eq!(run(&world, &["apply"]).await.0, 0);
    server.edit_job(1, |job| {
        job["enabled"] = json!(false);
        job["filter"] = json!("{\"where\":{\"key\":\"StatusCode\",\"operator\":\"eq\",\"value\":200}}");
        job["output_options"]["sample_rate"] = json!(0.25);
        job["output_options"]["CVE-2021-44228"] = json!(true);
        job["output_options"]["record_prefix"] = json!("{\"x\":1,");
        job["output_options"]["field_names"] = json!(["Model"]);
        job["error_message"] = json!("destination unreachable");
        job["last_error"] = json!("2026-08-01T10:00:00Z");
    });
    let (code, plan, _) = run(&world, &["plan", "--check"]).await;
    assert_eq!(code, 1);
    for line in [
        "~ enabled: false -> true",
        "~ filter: {\\\"where\\\":{\\\"key\\\":\\\"StatusCode\\\",\\\"operator\\\":\\\"eq\\\",\\\"value\\\":200}} -> none",
        "~ output_options.sample_rate: 0.25 -> 1",
        "~ output_options.CVE-2021-44228: true -> false",
        "~ output_options.record_prefix: {\\\"x\\\":1, -> {",
        "~ output_options.field_names: Model -> Cached, Endpoint,",
        "warning: the job's last delivery failed at 2026-08-01T10:00:00Z: destination unreachable",
    ] {
        assert!(plan.contains(line), "{line} in\n{plan}");
    }
    assert_eq!(run(&world, &["apply"]).await.0, 0);
    assert_eq!(
        server.jobs()[0]["output_options"]["record_prefix"],
        "{",
        "whether or not options are replaced as a whole"
    );
    // The API forgets a failure when a delivery succeeds; until then somebody has to look.
    assert_eq!(run(&world, &["plan", "--check"]).await.0, 1);
    server.edit_job(1, |job| job["error_message"] = json!(""));
    assert_eq!(run(&world, &["plan", "--check"]).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_api_keeps_to_itself_can_be_sent_all_the_same() {
    let whole = |_: &str| "****".to_owned();
    let ends = |key: &str| format!("{}...", &key[..2]);
    // Not to be recognised as a mask: then it is sent each time, and taken for ours once it was sent.
    let strange = |_: &str| "0000".to_owned();
    for (mask, writes) in [(whole as fn(&str) -> String, 2), (ends, 2), (strange, 3)] {
        let options = CloudflareOptions { mask: Some(mask), ..CloudflareOptions::default() };
        let server = CloudflareServer::start(options).await.expect("a port");
        let world = world(&server, &r2()).await;
        assert_eq!(run(&world, &["apply"]).await.0, 0);
        let (code, said, _) = run(&world, &["apply"]).await;
        assert_eq!(code, 0, "{said}");
        if writes == 2 {
            assert!(said.contains("note: the API does not show the job's keys"), "{said}");
        }
        let (code, said, _) = run(&world, &["apply", "--send-keys"]).await;
        assert_eq!((code, server.writes()), (0, writes), "{said}");
        assert!(said.contains("changed job 1"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_that_the_api_shows_is_sent() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server, &r2()).await;
    assert_eq!(run(&world, &["apply"]).await.0, 0);
    server.edit_job(1, |job| {
        let conf = job["destination_conf"].as_str().expect("a text").replace("AKID", "OLDER");
        job["destination_conf"] = json!(conf);
    });
    let (code, plan, _) = run(&world, &["plan", "--check"]).await;
    assert!(code == 1 && plan.contains("~ destination_conf: with other keys ->") && !plan.contains("OLDER"), "{plan}");
    assert_eq!(run(&world, &["apply"]).await.0, 0);
    assert_eq!(run(&world, &["plan", "--check"]).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_job_for_the_same_records_is_never_made() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server, &r2()).await;
    assert_eq!(run(&world, &["apply"]).await.0, 0);
    server.edit_job(1, |job| job["name"] = json!("renamed in the dashboard"));
    let before = server.jobs();
    let (code, said, error) = run(&world, &["apply"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(error.contains("job 1 delivers to the same place already"), "{error}");
    assert_eq!(server.jobs(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_jobs_are_left_alone_and_one_that_doubles_is_named() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server, &r2()).await;
    let elsewhere = "r2://other/{DATE}?account-id=acct&access-key-id=x&secret-access-key=y";
    let other = |name: &str, dataset: &str, conf: &str| json!({ "name": name, "dataset": dataset, "enabled": true, "destination_conf": conf });
    server.add_job(other("by hand", "ai_gateway_events", elsewhere));
    server.add_job(other("gatelog", "http_requests", elsewhere));
    let before = server.jobs();
    assert_eq!(run(&world, &["apply"]).await.0, 0);
    assert_eq!(run(&world, &["plan", "--check"]).await.0, 0, "another place is nobody's business");
    let same =
        "s3://logs/{DATE}?endpoint=acct.r2.cloudflarestorage.com&region=auto&access-key-id=x&secret-access-key=y";
    server.edit_job(1, |job| job["destination_conf"] = json!(same));
    let (code, said, _) = run(&world, &["plan", "--check"]).await;
    assert_eq!(code, 1, "each record would be there twice");
    assert!(said.contains("warning: job 1 writes the same records to the same place"), "{said}");
    server.edit_job(1, |job| job["destination_conf"] = json!(elsewhere));
    assert_eq!(run(&world, &["delete", "--yes"]).await.0, 0);
    assert_eq!(server.jobs(), before, "neither was touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_field_is_ever_taken_away() {
    // A dataset that suddenly offers no metadata.
    let fewer = CloudflareOptions::default().fields.into_iter().filter(|field| field != "Metadata").collect();
    let server = CloudflareServer::start(CloudflareOptions { fields: fewer, ..CloudflareOptions::default() });
    let server = server.await.expect("a port");
    let world = world(&server, &r2()).await;
    let (code, _, error) = run(&world, &["apply"]).await;
    assert_eq!((code, server.writes()), (1, 0), "{error}");
    assert!(error.contains("without Metadata the log would be worth less"), "{error}");
    assert_eq!(run(&world, &["plan", "--check"]).await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_is_told_of_failures_and_of_what_nobody_knows() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server, &r2()).await;
    assert_eq!(run(&world, &["apply"]).await.0, 0);
    server.edit_job(1, |job| job["error_message"] = json!(format!("403 with AKID and {SECRET}")));
    let (code, said, _) = run(&world, &["plan", "--check"]).await;
    assert!(
        code == 1 && said.contains("last delivery failed at an unknown time: 403 with [hidden] and [hidden]"),
        "{said}"
    );
    server.edit_job(1, |job| {
        job["error_message"] = json!("");
        job["transformer_id"] = json!("7");
    });
    let (code, said, _) = run(&world, &["plan", "--check"]).await;
    assert!(code == 1 && said.contains("settings that gatelog does not know: transformer_id"), "{said}");
    // A plan that nobody reads to the end still ends as it has to.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut unread = std::process::Command::new(gatelog_system_tests::binary());
    unread.args(["logpush", "plan", "--check"]).env("GATELOG_CONFIG", world.config_file());
    let ended = tokio::task::spawn_blocking(move || unread.env("GATELOG__ACCOUNT_ID", "acct").stdout(writer).status());
    assert_eq!(ended.await.expect("no panic").expect("it runs").code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_has_to_be_said_twice() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server, &r2()).await;
    assert_eq!(run(&world, &["delete", "--yes"]).await.0, 0, "what is not there needs no deleting");
    assert_eq!(run(&world, &["apply"]).await.0, 0);
    let (code, _, refusal) = run(&world, &["delete"]).await;
    assert_eq!((code, server.jobs().len()), (1, 1));
    assert!(refusal.contains("--yes"), "{refusal}");
    assert_eq!(run(&world, &["delete", "--yes"]).await.0, 0);
    assert_eq!(server.jobs().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_of_aws_is_proved_by_reading_what_was_written_there() {
    // The simulated API writes its token where the store keeps its buckets, and gatelog reads it over S3.
    let server_folder = tempfile::tempdir().expect("a folder");
    let buckets = server_folder.path().join("buckets");
    let options = CloudflareOptions { buckets: Some(buckets.clone()), ..CloudflareOptions::default() };
    let server = CloudflareServer::start(options).await.expect("a port");
    let world = world(&server, "endpoint = \"aws\"\n").await;
    let place = Run::new(&["logpush", "apply"])
        .with("GATELOG__ACCOUNT_ID", "acct")
        .with("GATELOG__SOURCE__BUCKET__REGION", "af-south-1");
    std::os::unix::fs::symlink(world.folder().join("s3"), &buckets).expect("a link");
    let said = place.succeed(&world).await;
    assert!(said.contains("created job 1"), "{said}");
    assert_eq!(server.jobs()[0]["destination_conf"], "s3://logs/{DATE}?region=af-south-1");
    assert_eq!(server.jobs()[0]["ownership_challenge"], Value::Null, "a token is used, not kept");
    place.succeed(&world).await;
    assert_eq!(server.writes(), 2, "one challenge, one job, and nothing the second time");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_said_before_anything_is_asked() {
    let server = CloudflareServer::start(CloudflareOptions::default()).await.expect("a port");
    let world = world(&server, "").await;
    for (name, value, said) in [
        ("GATELOG__LOGPUSH__JOB_NAME", "gatelog", "can only write to an https endpoint"),
        (
            "GATELOG__LOGPUSH__ENDPOINT",
            "https://acct.r2.cloudflarestorage.com",
            "needs a key pair that may write to `logs`",
        ),
        ("GATELOG__LOGPUSH__ACCESS_KEY_ID", "AKID", "go together"),
        ("GATELOG__CLOUDFLARE__API_URL", "http://api.cloudflare.com", "must be https"),
        ("GATELOG__CLOUDFLARE__API_TOKEN", "", "is required"),
        ("GATELOG__ACCOUNT_ID", "a/b", "`account_id` cannot be used"),
        ("GATELOG__SOURCE__PREFIXES", "[\"a\", \"b\"]", "must be one prefix"),
        ("GATELOG__SOURCE__PREFIXES", "[\"/a\"]", "the prefix `/a` cannot stand in a destination"),
    ] {
        let run = Run::new(&["logpush", "plan"]).with("GATELOG__ACCOUNT_ID", "acct").with(name, value);
        let output = run.finish(&world).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{name}: {error}");
        assert!(error.contains(said), "{name}: {error}");
    }
    assert_eq!(server.requests(), 0);
    let wrong = logpush(&["apply"])
        .with("GATELOG__CLOUDFLARE__API_TOKEN", "wrong-token")
        .with("GATELOG__LOGPUSH__ENDPOINT", "https://acct.r2.cloudflarestorage.com")
        .with("GATELOG__LOGPUSH__ACCESS_KEY_ID", "AKID")
        .with("GATELOG__LOGPUSH__SECRET_ACCESS_KEY", SECRET)
        .finish(&world)
        .await;
    let error = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(error.contains("Authentication error") && !error.contains("wrong-token"), "{error}");
    assert_eq!(server.requests(), 0);
}
