//! What an operator relies on: status endpoints, `check`, `job orphans`, prefixes, and one very large object.

use gatelog_system_tests::{Audit, LogObject, Run, World, line};
use gatelog_testkit::ports::free_port;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SETTINGS: &str = "[ingest]\nlease_seconds = 3\ncommit_interval_seconds = 1\npoll_interval_seconds = 1\nfull_relist_interval_seconds = 1\n";

/// Status line and body of a GET; `None` while nothing listens.
async fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_endpoints_answer_while_the_daemon_works() {
    let world = World::start(SETTINGS).await;
    world.put(&[LogObject::plain(1, 0..10)]).await;
    let port = free_port().unwrap();
    let daemon = Run::ingest().with("GATELOG__STATUS__LISTEN", format!("127.0.0.1:{port}")).start(&world);
    let starts_with =
        async |path: &str, start: &str| get(port, path).await.is_some_and(|answer| answer.starts_with(start));
    world.wait_until("it is ready", async || starts_with("/readyz", "HTTP/1.1 200").await).await;
    assert!(starts_with("/healthz", "HTTP/1.1 200").await);
    let counted = async || {
        let metrics = get(port, "/metrics").await.unwrap_or_default();
        metrics.contains("gatelog_ingest_lines_total{state=\"event\"} 10")
    };
    world.wait_until("ten events are counted", counted).await;

    world.s3.outage(true);
    let unready = async || starts_with("/readyz", "HTTP/1.1 503").await;
    world.wait_until("it says that the store is gone", unready).await;
    assert!(starts_with("/healthz", "HTTP/1.1 200").await, "it still runs");
    world.s3.outage(false);
    assert!(daemon.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_every_problem_and_not_only_the_first() {
    let world = World::start("").await;
    world.catalog().await;
    let fine = Run::new(&["check"]).with("GATELOG__INGEST__LOOKBACK_DAYS", "3").finish(&world).await;
    let text = String::from_utf8_lossy(&fine.stdout).into_owned();
    for what in ["ingest", "keys", "pricing", "source bucket", "lake bucket", "clock"] {
        assert!(text.contains(&format!("ok       {what}:")), "{what} is fine in\n{text}");
    }
    let broken = Run::new(&["check"])
        .with("GATELOG__KEYS__PRIVATE_KEY_FILES", "[]")
        .with("GATELOG__SOURCE__BUCKET__NAME", "no-such-bucket")
        .with("GATELOG__INGEST__COMMIT_INTERVAL_SECONDS", "901")
        .finish(&world)
        .await;
    assert_eq!(broken.status.code(), Some(1));
    let text = String::from_utf8_lossy(&broken.stdout).into_owned();
    for what in ["ingest", "keys", "source bucket"] {
        assert!(text.contains(&format!("problem  {what}:")), "{what} is a problem in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_deployment_without_a_price() {
    let deployment = |name: &str, version: &str, kind: &str| {
        format!(
            "[[deployments]]\nresource = \"aoai-test\"\ndeployment = \"{name}\"\nmodel = \"gpt-4o\"\nversion = \"{version}\"\ntype = \"{kind}\"\n"
        )
    };
    let settings = [deployment("misspelt", "1999-01-01", "global"), deployment("provisioned", "2024-11-20", "ptu")];
    let world = World::start(&settings.concat()).await;
    let said = Run::new(&["check"]).finish(&world).await;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(text.contains("problem  pricing: `misspelt` of `aoai-test` has no price (unknown_model)"), "{text}");
    assert!(text.contains("ok       pricing: 2 of 3 deployments have a price or are provisioned"), "{text}");
    assert_eq!(said.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_that_does_not_exist_is_no_good_news() {
    let world = World::start("").await;
    world.catalog().await;
    for command in ["list", "retry"] {
        let said = Run::new(&["quarantine", command, "--reason", "nokey"]).finish(&world).await;
        let error = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(2), "{error}");
        assert!(error.contains("no_key") && error.contains("corrupt_gzip"), "{error}");
    }
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = std::process::Command::new(gatelog_system_tests::binary());
    let ended = command.args(["completions", "bash"]).stdout(writer).output().expect("the binary runs");
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned()), (Some(0), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_ends_with_64_and_says_where() {
    let world = World::start("[ingest]\nno_such_key = 1\n").await;
    let output = Run::ingest_once().finish(&world).await;
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("no_such_key") && text.contains("line"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_keeps_what_is_young_and_refuses_a_short_grace() {
    let world = World::start(SETTINGS).await;
    world.put(&[LogObject::plain(1, 0..10)]).await;
    Run::ingest_once().crash_at("commit.before_commit").abort(&world).await;
    Run::ingest_once().succeed(&world).await;
    let said = Run::new(&["job", "orphans"]).succeed(&world).await;
    assert!(said.starts_with("0 of "), "all are younger than a day: {said}");
    let refused = Run::new(&["job", "orphans", "--grace-hours", "0"]).finish(&world).await;
    assert_eq!(refused.status.code(), Some(1));
    Audit::of(&world).await.assert_exactly(&(0..10).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_configured_prefixes_are_read() {
    let world = World::start("[source]\nprefixes = [\"logs\", \"a b/100% sure\", \"grüße/日本/\"]\n").await;
    let below = |index: u32, prefix: &str| {
        let object = LogObject::plain(index, index * 10..index * 10 + 10);
        LogObject { key: format!("{prefix}{}", object.key), ..object }
    };
    world
        .put(&[
            below(0, "logs/"),
            below(1, "a b/100% sure/"),
            below(2, "grüße/日本/"),
            below(3, "logs2/"),
            below(4, "logs/deeper/"),
            below(5, ""),
        ])
        .await;
    Run::ingest_once().succeed(&world).await;
    Audit::of(&world).await.assert_exactly(&(0..30).collect());
}

/// About 73 MB of events: above one chunk of 64 MiB, so it is sealed in pieces and committed by itself.
fn large_object(index: u32) -> LogObject {
    let padding = "x".repeat(12_000);
    LogObject::of_lines(index, (0..5_500).map(|label| line(label, None).replace("needle in a prompt", &padding)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_survives_a_crash_between_its_pieces_and_its_second_delivery() {
    let world = World::start(SETTINGS).await;
    world.put(&[large_object(1), LogObject::plain(2, 9_000..9_010)]).await;
    Run::ingest_once().crash_at("seal.after_put").abort(&world).await;
    Run::ingest_once().succeed(&world).await;
    let expected = (0..5_500).chain(9_000..9_010).collect();
    let audit = Audit::of(&world).await;
    audit.assert_exactly(&expected);
    assert!(audit.totals.files >= 3, "two pieces and the small object: {}", audit.totals.files);

    // All its lines again, and one line that is new.
    world.put(&[large_object(3), LogObject::plain(4, 9_005..9_011)]).await;
    Run::ingest_once().succeed(&world).await;
    let expected = (0..5_500).chain(9_000..9_011).collect();
    Audit::of(&world).await.assert_exactly(&expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_teaches_shells_and_readers_of_manuals() {
    let world = World::start("[no]\nsuch = \"section\"\n").await;
    // None of these reads the configuration, which is no good.
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Run::new(&["completions", shell]).succeed(&world).await;
        assert!(script.contains("logpush") && script.contains("quarantine"), "{shell}: {script}");
    }
    let script = world.folder().join("completions.bash");
    std::fs::write(&script, Run::new(&["completions", "bash"]).succeed(&world).await).expect("a file");
    let read = std::process::Command::new("bash").arg("-n").arg(&script).status().expect("bash");
    assert!(read.success(), "bash reads what was written for it");

    let page = Run::new(&["man"]).succeed(&world).await;
    assert!(page.starts_with(".ie") && page.contains(".TH gatelog 1"), "{page}");
    let folder = world.folder().join("man/man1");
    let path = folder.to_str().expect("a path in UTF-8");
    Run::new(&["man", "--folder", path]).succeed(&world).await;
    for name in ["gatelog.1", "gatelog-ingest.1", "gatelog-logpush-plan.1", "gatelog-quarantine-retry.1"] {
        assert!(folder.join(name).is_file(), "{name}");
    }
}
