//! A store against the in-process S3, its faults, and any other S3 that the environment names.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod faults;

use std::time::Duration;

use gatelog_objects::{RetryPolicy, Store, StoreOptions};
use gatelog_testkit::s3::S3Server;
use tempfile::TempDir;

/// A server with an empty bucket, and a store for it.
pub(crate) struct Setup {
    pub(crate) server: S3Server,
    pub(crate) store: Store,
    _folder: TempDir,
}

/// Quick retries: the tests count attempts, not seconds.
pub(crate) fn quick_retry(attempts: u32) -> RetryPolicy {
    let wait = Duration::from_millis(1);
    RetryPolicy::try_new(wait, wait * 5, attempts, Duration::from_secs(20)).unwrap()
}

pub(crate) async fn setup(attempts: u32) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path()).await.unwrap();
    server.create_bucket("logs").await.unwrap();
    let options = StoreOptions::new("logs", server.region())
        .endpoint(server.endpoint())
        .static_credentials(server.access_key(), server.secret_key())
        .retry(quick_retry(attempts));
    let store = Store::connect(options).await;
    Setup { server, store, _folder: folder }
}

#[tokio::test]
async fn the_in_process_server_conforms() {
    let setup = setup(3).await;
    conformance::run(&setup.store).await;
}

/// Runs the same suite against an S3 that is already there (moto, radosgw, R2), if the environment names one:
/// `GATELOG_TEST_S3_ENDPOINT`, `_BUCKET` (must exist), `_ACCESS_KEY`, `_SECRET_KEY`, `_REGION`.
#[tokio::test]
async fn the_server_of_the_environment_conforms_if_there_is_one() {
    #[expect(clippy::disallowed_methods, reason = "the harness that starts the server has no other way to name it")]
    let read = |name: &str| std::env::var(format!("GATELOG_TEST_S3_{name}")).ok();
    let Some(endpoint) = read("ENDPOINT") else { return };
    let options = StoreOptions::new(read("BUCKET").unwrap(), read("REGION").unwrap_or("us-east-1".to_owned()))
        .endpoint(endpoint)
        .static_credentials(read("ACCESS_KEY").unwrap(), read("SECRET_KEY").unwrap());
    conformance::run(&Store::connect(options).await).await;
}
