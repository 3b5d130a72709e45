//! Connects the crates as the configuration says.

mod gateway;
mod limits;

use std::{fs, path::Path, sync::Arc};

use anyhow::Context;
use gatelog_catalog::{Catalog, ConnectOptions};
use gatelog_ingest::{NormaliseContext, Parts, Progress, load_key_ring, open_lake};
use gatelog_lake::Lake;
use gatelog_logpush::KeyRing;
use gatelog_objects::Store;
use gatelog_pricing::{DeploymentMap, RateBook};
use gatelog_runtime::{Readiness, SystemClock};
use gatelog_triggers::{CloudflareQueue, NoticeQueue, SqsQueue};

use crate::config::Config;

pub(crate) use gateway::{RunningGateway, gateway, server_tls};

/// Connects to Postgres and brings the schema up to date.
pub(crate) async fn catalog(config: &Config) -> anyhow::Result<Catalog> {
    let catalog = connect(config).await?;
    catalog.migrate().await.context("bring the database schema up to date")?;
    catalog.set_reporting_time_zone(&config.reporting.time_zone).await.context("set `reporting.time_zone`")?;
    Ok(catalog)
}

/// Connects to Postgres and changes nothing.
pub(crate) async fn connect(config: &Config) -> anyhow::Result<Catalog> {
    let options = ConnectOptions {
        url: config.database.url()?.expose().to_owned(),
        max_connections: config.database.connections_max,
        application_name: "gatelog".to_owned(),
    };
    Catalog::connect(&options).await.context("connect to Postgres (`database.url`)")
}

/// Reads the key files in order.
pub(crate) fn keys(config: &Config) -> anyhow::Result<KeyRing> {
    load_key_ring(&config.keys.private_key_files).context("load `keys.private_key_files`")
}

/// The rates and deployments that price events.
pub(crate) fn rates(config: &Config) -> anyhow::Result<RateBook> {
    match &config.pricing.rate_file {
        None => Ok(RateBook::builtin()),
        Some(path) => rate_file(path),
    }
}

fn rate_file(path: &Path) -> anyhow::Result<RateBook> {
    let text = fs::read_to_string(path).with_context(|| format!("read `pricing.rate_file` `{}`", path.display()))?;
    RateBook::parse(&text).with_context(|| format!("parse `pricing.rate_file` `{}`", path.display()))
}

/// What turns records into events.
pub(crate) fn normalise(config: &Config) -> anyhow::Result<NormaliseContext> {
    let entries = config.deployments.iter().map(crate::config::DeploymentSection::entry).collect();
    Ok(NormaliseContext {
        account_id: config.account_id.clone(),
        metadata_keys: config.metadata.keys(),
        deployments: DeploymentMap::try_new(entries).context("read `deployments`")?,
        rates: rates(config)?,
    })
}

/// Connects to the source bucket.
pub(crate) async fn source(config: &Config) -> anyhow::Result<Store> {
    let options = config.source.bucket.store_options("source.bucket")?;
    Ok(Store::connect(options).await)
}

/// Connects to the lake's bucket.
pub(crate) async fn lake_store(config: &Config) -> anyhow::Result<Store> {
    let options = config.lake.bucket.store_options("lake.bucket")?;
    Ok(Store::connect(options).await)
}

/// Opens the table, creating it if it is not there.
pub(crate) async fn lake(config: &Config, store: &Store, catalog: &Catalog) -> anyhow::Result<Lake> {
    open_lake(store.clone(), catalog.clone(), &config.lake.prefix).await.context("open the table `gatelog.events`")
}

/// The queues that say what the source bucket got.
pub(crate) async fn queues(config: &Config) -> anyhow::Result<Vec<Arc<dyn NoticeQueue>>> {
    let mut queues: Vec<Arc<dyn NoticeQueue>> = Vec::new();
    if let Some(section) = &config.source.cloudflare_queue {
        let client = config.cloudflare.client(&config.account_id)?;
        queues.push(Arc::new(CloudflareQueue::new(client, section.id()?)));
    }
    if let Some(section) = &config.source.sqs {
        queues.push(Arc::new(SqsQueue::connect(&section.options()?).await));
    }
    Ok(queues)
}

/// Everything an ingest daemon needs.
pub(crate) async fn ingest_parts(
    config: &Config,
    progress: Arc<dyn Progress>,
    readiness: Readiness,
) -> anyhow::Result<Parts> {
    // What can be wrong on this machine comes first, before anything is connected.
    let options = config.ingest.options(&config.source.prefixes)?;
    let keys = keys(config)?;
    let normalise = normalise(config)?;
    let queues = queues(config).await?;
    let source = source(config).await?;
    let catalog = catalog(config).await?;
    let lake_store = lake_store(config).await?;
    let lake = lake(config, &lake_store, &catalog).await?;
    Ok(Parts {
        source,
        lake,
        lake_store,
        catalog,
        clock: Arc::new(SystemClock),
        keys,
        key_files: config.keys.private_key_files.clone(),
        normalise,
        limits: config.ingest.limits(),
        options,
        queues,
        progress,
        readiness,
    })
}
