//! The private cluster: starts, survives, and leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use gatelog_testkit::postgres::{Durability, Launch, PostgresError, PrivatePostgres, Source, TestDatabase};

/// Longer than any shutdown here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn psql(cluster: &PrivatePostgres, statement: &str) -> String {
    query(&cluster.binaries().program("psql"), &cluster.url(), statement)
}

fn query(psql: &Path, url: &str, statement: &str) -> String {
    let output = Command::new(psql).args(["-X", "-A", "-t", "-d", url, "-c", statement]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn address(url: &str) -> String {
    url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).unwrap().to_owned()
}

fn wait_until_nobody_listens(address: &str) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "somebody still listens on {address}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn committed_rows_survive_a_restart_and_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch { folder: Some(folder.path().join("pg")), ..Launch::default() };
    let mut cluster = PrivatePostgres::start(&launch).unwrap();
    assert_eq!(psql(&cluster, "SHOW fsync"), "on");
    psql(&cluster, "CREATE TABLE t AS SELECT 1 AS n");
    let url = cluster.url();

    cluster.restart().unwrap();
    psql(&cluster, "INSERT INTO t VALUES (2)");
    cluster.kill9();
    assert_eq!(cluster.pid(), None);
    cluster.start_again().unwrap();
    assert_eq!(psql(&cluster, "SELECT sum(n) FROM t"), "3");
    assert_eq!(cluster.url(), url);

    drop(cluster);
    wait_until_nobody_listens(&address(&url));
    let again = PrivatePostgres::start(&launch).unwrap();
    assert_eq!(psql(&again, "SELECT sum(n) FROM t"), "3");
}

#[test]
fn a_bad_start_shows_the_end_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch { folder: Some(folder.path().join("pg")), durability: Durability::Fast, ..Launch::default() };
    drop(PrivatePostgres::start(&launch).unwrap());
    let config = folder.path().join("pg/data/postgresql.conf");
    std::fs::write(config, "no_such_setting = 1\n").unwrap();
    let error = PrivatePostgres::start(&launch).unwrap_err();
    assert!(
        matches!(&error, PostgresError::NotReady { log_tail, .. } if log_tail.contains("no_such_setting")),
        "{error}"
    );
}

#[test]
fn an_unknown_folder_of_binaries_is_an_error_and_not_a_fallback() {
    let launch = Launch { sources: vec![Source::Path("/nonexistent".into())], ..Launch::default() };
    assert!(matches!(PrivatePostgres::start(&launch), Err(PostgresError::NoBinaries { .. })));
}

#[tokio::test]
async fn test_databases_are_separate_and_dropped() {
    let one = TestDatabase::create().await.unwrap();
    let two = TestDatabase::create().await.unwrap();
    assert_ne!(one.url(), two.url());
    let psql = Path::new("psql");
    query(psql, one.url(), "CREATE TABLE t ()");
    assert_eq!(query(psql, two.url(), "SELECT count(*) FROM pg_tables WHERE tablename = 't'"), "0");
    let name = one.url().rsplit('/').next().unwrap().to_owned();
    drop(one);
    assert_eq!(query(psql, two.url(), &format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")), "0");
}

fn run_beside_postgres(script: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_gatelog-testkit-postgres"))
        .args(["--", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

#[test]
fn the_runner_passes_the_exit_code_on_and_stops_the_cluster() {
    let mut child = run_beside_postgres("echo $GATELOG_TEST_DATABASE_URL; exit 7");
    let url = first_line(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert!(TcpStream::connect(address(&url)).is_err());
}

#[test]
fn a_killed_runner_leaves_no_server_behind() {
    let mut child = run_beside_postgres("echo $GATELOG_TEST_DATABASE_URL; read -r never");
    let url = first_line(&mut child);
    assert!(TcpStream::connect(address(&url)).is_ok());
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until_nobody_listens(&address(&url));
}
