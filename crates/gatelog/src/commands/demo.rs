//! `gatelog demo`: the whole way of the data on embedded defaults, checked against what was generated.
//!
//! A day of sealed logs is put into an in-process S3 and ingested into a private Postgres; some objects come late and are
//! ingested by a second run. Every number is then compared with the generator's ground truth. Then applications ask a
//! simulated Azure OpenAI through the gateway, and the bill that comes out of its logs is compared with the provider's books.

mod gateway;
mod postgres;
mod traffic;
mod verdict;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use chrono::NaiveDate;
use gatelog_ingest::{Mode, NoProgress};
use gatelog_logpush::{KeyBits, KeyPairPem, generate_key_pair};
use gatelog_model::{Clock, DeploymentType};
use gatelog_objects::Store;
use gatelog_runtime::{Readiness, Shutdown, SystemClock, listen_for_signals};
use gatelog_testkit::{
    azure::AzureServer,
    corpus::{DEPLOYMENTS, DayCorpus, DayPlan, Role},
    s3::S3Server,
};
use tempfile::TempDir;

use gateway::DemoGateway;

use crate::{
    cli::DemoArgs,
    commands::Environment,
    config::{BucketSection, Config, DeploymentSection, DeploymentTypeName, Secret},
    wiring,
};

/// Prefix of the logs in their bucket.
const PREFIX: &str = "logs";
/// The demo's commit interval: somebody is watching.
const COMMIT_INTERVAL: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: DemoArgs, environment: Environment<'_>) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let folder = DemoFolder::open(args.folder.as_deref())?;
    say(started, "starting Postgres");
    let database = postgres::start(args.postgres, folder.path(), environment).await?;
    say(started, &format!("starting an in-process S3 ({})", database.describe()));
    let s3 = S3Server::start(folder.path().join("s3")).await.context("start the in-process S3")?;
    for bucket in ["logs", "lake"] {
        s3.create_bucket(bucket).await.with_context(|| format!("create bucket `{bucket}`"))?;
    }
    say(started, "making an RSA-4096 key");
    let pair = tokio::task::spawn_blocking(|| generate_key_pair(KeyBits::Rsa4096)).await??;
    let azure = gateway::start_azure().await?;
    let config = configure(&folder, &s3, database.url(), &pair, &azure)?;
    say(started, &format!("writing a day of sealed logs, {} events", args.events));
    let corpus = generate(&args, pair.public.clone()).await?;
    verdict::require_empty(&config).await?;

    let source = wiring::source(&config).await?;
    let late = |role: Role| role == Role::Late;
    put(&source, &corpus, |role| !late(role)).await?;
    say(started, "ingesting");
    ingest(&config).await?;
    put(&source, &corpus, late).await?;
    say(started, "ingesting what came late");
    ingest(&config).await?;
    say(started, "comparing with what was generated");
    let mut verdict = verdict::of_logs(&config, &corpus.truth).await?;

    say(started, "asking a simulated Azure OpenAI through the gateway");
    let gateway = DemoGateway::start(&config).await?;
    let traffic = traffic::drive(&gateway, &azure).await?;
    gateway.stop().await?;
    say(started, "ingesting what the gateway logged");
    ingest(&config).await?;
    verdict.add_traffic(&config, &traffic).await?;
    let balanced = verdict.print();
    println!("\n{} s from start to verdict", started.elapsed().as_secs());
    if args.exit {
        return Ok(if balanced { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    stay(&folder, &config, &s3).await?;
    Ok(ExitCode::SUCCESS)
}

fn say(started: Instant, what: &str) {
    println!("[{:>5.1} s] {what}", started.elapsed().as_secs_f64());
}

/// A folder that was asked for and stays, or a temporary one.
enum DemoFolder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl DemoFolder {
    fn open(asked: Option<&Path>) -> anyhow::Result<Self> {
        match asked {
            Some(path) => {
                fs::create_dir_all(path).with_context(|| format!("create `{}`", path.display()))?;
                let path = path.canonicalize().with_context(|| format!("find `{}`", path.display()))?;
                anyhow::ensure!(fs::read_dir(&path)?.next().is_none(), "`{}` is not empty", path.display());
                Ok(Self::Kept(path))
            }
            None => Ok(Self::Temporary(tempfile::tempdir().context("make a temporary folder")?)),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// Makes the configuration, and leaves it as `gatelog.toml` in the folder for the other commands.
fn configure(
    folder: &DemoFolder,
    s3: &S3Server,
    database_url: &str,
    pair: &KeyPairPem,
    azure: &AzureServer,
) -> anyhow::Result<Config> {
    let key_file = folder.path().join("private.pem");
    crate::commands::keygen::write_private(&key_file, &pair.private)?;
    let public_key_file = folder.path().join("public.pem");
    fs::write(&public_key_file, &pair.public).with_context(|| format!("write `{}`", public_key_file.display()))?;
    let bucket = |name: &str| BucketSection {
        name: name.to_owned(),
        region: s3.region().to_owned(),
        endpoint: s3.endpoint(),
        access_key_id: s3.access_key().to_owned(),
        secret_access_key: Secret::new(s3.secret_key().to_owned()),
        secret_access_key_file: None,
    };
    let mut config = Config { account_id: "demo-account".to_owned(), ..Config::default() };
    config.source.bucket = bucket("logs");
    config.source.prefixes = vec![PREFIX.to_owned()];
    config.lake.bucket = bucket("lake");
    config.database.url = Secret::new(database_url.to_owned());
    config.keys.private_key_files = vec![key_file];
    config.ingest.commit_interval_seconds = COMMIT_INTERVAL.as_secs();
    config.deployments = deployments();
    gateway::configure(&mut config, azure, &public_key_file, &folder.path().join("spool"));
    let path = folder.path().join("gatelog.toml");
    fs::write(&path, toml::to_string(&config)?).with_context(|| format!("write `{}`", path.display()))?;
    Ok(config)
}

/// The deployments that the generator uses and prices; one is left out on purpose and stays unpriced.
fn deployments() -> Vec<DeploymentSection> {
    let priced = DEPLOYMENTS.iter().filter(|deployment| deployment.price.is_some());
    priced
        .map(|deployment| DeploymentSection {
            resource: deployment.resource.to_owned(),
            deployment: deployment.deployment.to_owned(),
            model: deployment.model.to_owned(),
            version: deployment.version.map(str::to_owned),
            deployment_type: match deployment.deployment_type {
                DeploymentType::Regional => DeploymentTypeName::Regional,
                DeploymentType::DataZone => DeploymentTypeName::DataZone,
                DeploymentType::Global => DeploymentTypeName::Global,
                DeploymentType::Ptu => DeploymentTypeName::Ptu,
            },
            region: Some(deployment.region.to_owned()),
        })
        .collect()
}

/// Yesterday, so that no window lies in the future.
fn demo_day() -> NaiveDate {
    let today = SystemClock.now().date();
    today.pred_opt().unwrap_or(today)
}

async fn generate(args: &DemoArgs, public_pem: String) -> anyhow::Result<DayCorpus> {
    let plan = DayPlan {
        seed: args.seed,
        events: args.events,
        prefix: PREFIX.to_owned(),
        ..DayPlan::demo(demo_day(), Some(public_pem))
    };
    let corpus = tokio::task::spawn_blocking(move || plan.build()).await?;
    corpus.context("generate the logs")
}

async fn put(source: &Store, corpus: &DayCorpus, wanted: impl Fn(Role) -> bool) -> anyhow::Result<()> {
    for object in corpus.objects.iter().filter(|object| wanted(object.role)) {
        let bytes = Bytes::from(object.bytes.clone());
        source.put(&object.key, bytes, "application/gzip").await.with_context(|| format!("put `{}`", object.key))?;
    }
    Ok(())
}

/// What `gatelog ingest --once` does.
async fn ingest(config: &Config) -> anyhow::Result<()> {
    let parts = wiring::ingest_parts(config, Arc::new(NoProgress), Readiness::default()).await?;
    let catalog = parts.catalog.clone();
    let report = gatelog_ingest::run(parts, Mode::Once, Shutdown::default()).await?;
    // Before the private Postgres ends, or its farewell is logged as an error.
    catalog.close().await;
    anyhow::ensure!(report.unfinished == 0, "{} objects could not be ingested", report.unfinished);
    Ok(())
}

/// Keeps everything running until Ctrl-C, gateway and ingest too, and says how to look further.
async fn stay(folder: &DemoFolder, config: &Config, s3: &S3Server) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    listen_for_signals(&shutdown)?;
    let gateway = DemoGateway::start(config).await?;
    let parts = wiring::ingest_parts(config, Arc::new(NoProgress), Readiness::default()).await?;
    let catalog = parts.catalog.clone();
    let ingest = shutdown.spawn(gatelog_ingest::run(parts, Mode::Daemon, shutdown.clone()));
    say_how_to_look(folder, config, s3, &gateway)?;
    shutdown.requested().await;
    gateway.stop().await?;
    ingest.await??;
    catalog.close().await;
    Ok(())
}

fn say_how_to_look(folder: &DemoFolder, config: &Config, s3: &S3Server, gateway: &DemoGateway) -> anyhow::Result<()> {
    let config_file = folder.path().join("gatelog.toml");
    println!("\nlook further, in another terminal, while this one stays open:");
    println!("  psql '{}' -c 'SELECT * FROM gatelog.cost_daily LIMIT 20'", config.database.url()?.expose());
    println!("  gatelog --config {} quarantine list", config_file.display());
    println!("  the lake: s3://lake/lake at {}, keys in {}", s3.endpoint(), config_file.display());
    println!("ask through the gateway; within seconds it is on the bill:");
    println!(
        "  curl '{}/gpt-4o-sa/chat/completions?api-version=2024-10-21' \\",
        gateway.azure_endpoint("aoai-imbila-sa")
    );
    println!(
        "    -H 'api-key: any' -H 'content-type: application/json' -H 'cf-aig-metadata: {{\"tenantId\":\"me\"}}' \\"
    );
    println!("    -d '{{\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'");
    println!("Ctrl-C ends the demo and removes what is temporary");
    Ok(())
}
