//! docs/keys.md, done with the real binary: a key is rotated while objects keep coming, in the right order and in the wrong one.

use std::{fs, path::PathBuf};

use gatelog_logpush::SealingKey;
use gatelog_system_tests::{Audit, LogObject, Run, World};

const SETTINGS: &str = "[ingest]\nlease_seconds = 3\ncommit_interval_seconds = 1\npoll_interval_seconds = 1\nfull_relist_interval_seconds = 1\n";

/// A key that `gatelog keygen` made: its private file, and what seals to it.
async fn keygen(world: &World, name: &str) -> (PathBuf, SealingKey) {
    let private = world.folder().join(name);
    let public = private.with_extension("public.pem");
    let [private_path, public_path] = [&private, &public].map(|path| path.to_str().expect("a path in UTF-8"));
    let keygen = Run::new(&["keygen", "--bits", "2048", "--private", private_path, "--public", public_path]);
    keygen.succeed(world).await;
    let pair = [&private, &public].map(|path| fs::read_to_string(path).expect("a key"));
    let again = Run::new(&["keygen", "--bits", "2048", "--private", private_path]).finish(world).await;
    assert_eq!((again.status.code(), again.stdout.len()), (Some(1), 0), "a private key is never replaced");
    let other = private.with_extension("other.pem");
    let other_path = other.to_str().expect("a path in UTF-8");
    let again = Run::new(&["keygen", "--private", other_path, "--public", public_path]).finish(world).await;
    assert_eq!((again.status.code(), other.exists()), (Some(1), false), "nor a public one, and no half is left");
    assert_eq!([&private, &public].map(|path| fs::read_to_string(path).expect("a key")), pair);
    (private, SealingKey::from_pem(name, &pair[1]).expect("a public key"))
}

/// The ring, newest first.
fn ring(run: Run, files: &[&PathBuf]) -> Run {
    let files: Vec<String> = files.iter().map(|file| format!("\"{}\"", file.display())).collect();
    run.with("GATELOG__KEYS__PRIVATE_KEY_FILES", format!("[{}]", files.join(", ")))
}

async fn committed(world: &World) -> u64 {
    let rows = world.rows("SELECT count(*) FROM gatelog.source_object WHERE state = 'committed'").await;
    rows[0][0].parse().expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_and_no_line_is_lost() {
    let world = World::start(SETTINGS).await;
    world.catalog().await;
    let old = (world.key_file(), &world.key);
    let daemon = ring(Run::ingest(), &[&old.0]).start(&world);
    world.put(&[LogObject::sealed(1, old.1, 0..10)]).await;
    world.wait_until("the old key works", async || committed(&world).await == 1).await;

    // Step 1: the new key is in the ring before anything is sealed to it. SIGTERM in the midst of work.
    let new = keygen(&world, "new.pem").await;
    world.put(&[LogObject::sealed(2, old.1, 10..20)]).await;
    assert!(daemon.stop().await);
    let said = ring(Run::new(&["check"]), &[&new.0, &old.0]).finish(&world).await;
    assert!(String::from_utf8_lossy(&said.stdout).contains("2 private keys"), "{said:?}");
    let daemon = ring(Run::ingest(), &[&new.0, &old.0]).start(&world);

    // Step 2: the gateway changes over; deliveries with the old key still come, and both in one object.
    let mixed =
        |label: u32| gatelog_system_tests::line(label, Some(if label.is_multiple_of(2) { old.1 } else { &new.1 }));
    world
        .put(&[
            LogObject::sealed(3, &new.1, 20..30),
            LogObject::sealed(4, old.1, 30..40),
            LogObject::of_lines(5, (40..50).map(mixed)),
        ])
        .await;
    world.wait_until("all five are committed", async || committed(&world).await == 5).await;
    assert!(daemon.stop().await);

    // Step 3: nothing failed to open.
    let none = ring(Run::new(&["quarantine", "list", "--reason", "no_key"]), &[&new.0, &old.0]).succeed(&world).await;
    assert_eq!(none.lines().count(), 1, "a heading and no object: {none}");
    Audit::of(&world).await.assert_exactly(&(0..50).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_changed_over_too_soon_loses_nothing() {
    let world = World::start(SETTINGS).await;
    world.catalog().await;
    let old = world.key_file();
    let (new, sealing) = keygen(&world, "new.pem").await;
    world.put(&[LogObject::sealed(1, &world.key, 0..10), LogObject::sealed(2, &sealing, 10..20)]).await;
    ring(Run::ingest_once(), &[&old]).succeed(&world).await;
    let rejects = ring(Run::new(&["quarantine", "list", "--reason", "no_key"]), &[&old]).succeed(&world).await;
    assert!(rejects.contains("no_key"), "{rejects}");
    Audit::of(&world).await.assert_exactly(&(0..10).collect());

    // The key arrives: the lines are read again by themselves, however often.
    for _ in 0..2 {
        ring(Run::ingest_once(), &[&new, &old]).succeed(&world).await;
        Audit::of(&world).await.assert_exactly(&(0..20).collect());
    }
    // Without the old key what was ingested stays what it is.
    fs::remove_file(&old).expect("the old key");
    world.put(&[LogObject::sealed(3, &sealing, 20..30)]).await;
    ring(Run::ingest_once(), &[&new]).succeed(&world).await;
    Audit::of(&world).await.assert_exactly(&(0..30).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_public_key_is_ever_there_without_its_private_half() {
    let world = World::start("").await;
    let [private, public] = ["cut.pem", "cut.public.pem"].map(|name| world.folder().join(name));
    let [private_path, public_path] = [&private, &public].map(|path| path.to_str().expect("a path in UTF-8"));
    let keygen = Run::new(&["keygen", "--bits", "2048", "--private", private_path, "--public", public_path]);
    keygen.clone().crash_at("keygen.private_written").abort(&world).await;
    assert_eq!(fs::read_to_string(&public).expect("it was taken"), "", "nobody can seal to it");
    assert!(fs::read_to_string(&private).expect("the private half").starts_with("-----BEGIN PRIVATE KEY-----"));

    // A private half that cannot be written leaves nothing at all.
    fs::remove_file(&public).expect("the empty file");
    assert_eq!(keygen.finish(&world).await.status.code(), Some(1));
    assert!(!public.exists());
}
