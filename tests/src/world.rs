//! Bucket, database, key and configuration of one test.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use gatelog_catalog::{Catalog, ConnectOptions};
use gatelog_logpush::{KeyBits, SealingKey, generate_key_pair};
use gatelog_objects::{Store, StoreOptions};
use gatelog_testkit::{postgres::TestDatabase, s3::S3Server};
use tempfile::TempDir;

use crate::LogObject;

const LOGS: &str = "logs";
const LAKE: &str = "lake";

/// Everything one test needs, gone when it is dropped.
pub struct World {
    /// The store; its faults can be switched on.
    pub s3: S3Server,
    /// What lines are sealed to.
    pub key: SealingKey,
    /// The private half, PEM.
    pub private_pem: String,
    database: TestDatabase,
    folder: TempDir,
    settings: String,
    database_url: Option<String>,
}

impl World {
    /// Starts it; lines of `settings` are added to the configuration as they are.
    pub async fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let s3 = S3Server::start(folder.path().join("s3")).await.expect("an in-process S3");
        s3.create_bucket(LOGS).await.expect("a bucket");
        s3.create_bucket(LAKE).await.expect("a bucket");
        let database = TestDatabase::create().await.expect("a database");
        let pair = generate_key_pair(KeyBits::Rsa2048).expect("a key");
        let world = Self {
            s3,
            key: SealingKey::from_pem("public.pem", &pair.public).expect("our own key"),
            private_pem: pair.private.to_string(),
            database,
            folder,
            settings: settings.to_owned(),
            database_url: None,
        };
        fs::write(world.key_file(), &world.private_pem).expect("the key file");
        fs::write(world.public_key_file(), &pair.public).expect("the key file");
        world.configure();
        world
    }

    /// Where the ring's one key lies.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("private.pem")
    }

    /// Where its public half lies.
    pub fn public_key_file(&self) -> PathBuf {
        self.folder.path().join("public.pem")
    }

    /// A folder for whatever the test keeps.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Rows of a statement, as a person with `psql` sees them.
    pub async fn rows(&self, statement: &str) -> Vec<Vec<String>> {
        self.database.rows(statement).await.expect("Postgres answers")
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("gatelog.toml")
    }

    /// The database's own URL.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// Has the binary reach Postgres through another URL, for instance that of a proxy or another cluster.
    pub fn reach_database_through(&mut self, url: String) {
        self.database_url = Some(url);
        self.configure();
    }

    fn configure(&self) {
        let mut text = String::new();
        for (section, bucket) in [("source", LOGS), ("lake", LAKE)] {
            writeln!(
                text,
                "[{section}.bucket]\nname = \"{bucket}\"\nregion = \"{}\"\nendpoint = \"{}\"\naccess_key_id = \"{}\"\nsecret_access_key = \"{}\"",
                self.s3.region(),
                self.s3.endpoint(),
                self.s3.access_key(),
                self.s3.secret_key(),
            )
            .expect("writing to memory");
        }
        let url = self.database_url.as_deref().unwrap_or_else(|| self.database.url());
        writeln!(text, "[database]\nurl = \"{url}\"").expect("writing to memory");
        writeln!(text, "[keys]\nprivate_key_files = [\"{}\"]", self.key_file().display()).expect("writing to memory");
        text.push_str("[status]\nlisten = \"127.0.0.1:0\"\n[log]\nfilter = \"info\"\n");
        text.push_str(
            "[[deployments]]\nresource = \"aoai-test\"\ndeployment = \"chat\"\nmodel = \"gpt-4o\"\nversion = \"2024-11-20\"\ntype = \"regional\"\nregion = \"southafricanorth\"\n",
        );
        text.push_str(&self.settings);
        fs::write(self.config_file(), text).expect("the configuration");
    }

    /// Puts objects into the source bucket over the S3 protocol.
    pub async fn put(&self, objects: &[LogObject]) {
        let store = self.store(LOGS).await;
        for object in objects {
            store.put(&object.key, object.bytes.clone(), "application/gzip").await.expect("a put");
        }
    }

    /// A client of the lake's bucket.
    pub async fn lake_store(&self) -> Store {
        self.store(LAKE).await
    }

    /// A client of the source bucket.
    pub async fn source_store(&self) -> Store {
        self.store(LOGS).await
    }

    async fn store(&self, bucket: &str) -> Store {
        let options = StoreOptions::new(bucket, self.s3.region())
            .endpoint(self.s3.endpoint())
            .static_credentials(self.s3.access_key(), self.s3.secret_key());
        Store::connect(options).await
    }

    /// The catalog, as an auditor sees it.
    pub async fn catalog(&self) -> Catalog {
        let url = self.database_url.clone().unwrap_or_else(|| self.database.url().to_owned());
        let options = ConnectOptions { url, max_connections: 2, application_name: "audit".into() };
        let catalog = Catalog::connect(&options).await.expect("the database");
        catalog.migrate().await.expect("the schema");
        catalog
    }

    /// Waits until `done` says so, looking ten times a second.
    ///
    /// # Panics
    ///
    /// After a minute.
    pub async fn wait_until<F: Future<Output = bool>>(&self, what: &str, mut done: impl FnMut() -> F) {
        for _ in 0..600 {
            if done().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("waited a minute until {what}");
    }

    /// How many data files lie in the lake's bucket, visible or not.
    pub async fn stored_data_files(&self) -> usize {
        let page = self.lake_store().await.list_page("lake/", None, None).await.expect("a listing");
        page.objects.iter().filter(|object| object.key.ends_with(".parquet")).count()
    }
}
