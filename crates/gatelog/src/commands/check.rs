//! `gatelog check`: every problem found before the first byte, not only the first one.

use std::{process::ExitCode, time::Duration};

use gatelog_catalog::Catalog;
use gatelog_model::{Clock, Tokens};
use gatelog_objects::Store;
use gatelog_pricing::{Charge, Mode, Priced, UnpricedReason};
use gatelog_runtime::SystemClock;

use crate::{
    config::{Config, DeploymentSection},
    wiring,
};

/// Clocks further apart than this make windows, leases' logs and event times hard to compare.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    findings
        .note("ingest", config.ingest.options(&config.source.prefixes).map(|_| "sane".to_owned()).map_err(Into::into));
    findings.note("keys", check_keys(config));
    check_pricing(config, &mut findings);
    findings.note("source bucket", check_source(config).await);
    findings.note(
        "event queues",
        wiring::queues(config)
            .await
            .map(|queues| format!("{} configured; not asked, as that takes messages", queues.len())),
    );
    findings.note("lake bucket", check_lake(config).await);
    match wiring::connect(config).await {
        Ok(catalog) => check_postgres(&catalog, &mut findings).await,
        Err(error) => findings.note("postgres", Err(error)),
    }
    Ok(findings.finish())
}

#[derive(Default)]
struct Findings {
    problems: usize,
}

impl Findings {
    fn note(&mut self, what: &str, result: anyhow::Result<String>) {
        match result {
            Ok(detail) => println!("ok       {what}: {detail}"),
            Err(error) => {
                self.problems += 1;
                println!("problem  {what}: {error:#}");
            }
        }
    }

    fn finish(self) -> ExitCode {
        match self.problems {
            0 => {
                println!("no problems found");
                ExitCode::SUCCESS
            }
            count => {
                println!("{count} problems found");
                ExitCode::FAILURE
            }
        }
    }
}

/// Each deployment has a price today: a slip in `model`, `version`, `type` or `region` would show in the bill only.
fn check_pricing(config: &Config, findings: &mut Findings) {
    let context = match wiring::normalise(config) {
        Ok(context) => context,
        Err(error) => return findings.note("pricing", Err(error)),
    };
    let tokens = Tokens { input: Some(1), output: Some(0), ..Tokens::default() };
    let mut priced = 0;
    for entry in config.deployments.iter().map(DeploymentSection::entry) {
        let charge = Charge {
            model: &entry.model,
            version: entry.version.as_deref(),
            deployment_type: Some(entry.deployment_type),
            region: entry.region.as_deref(),
            mode: Mode::Standard,
            at: SystemClock.now(),
            tokens: &tokens,
        };
        match context.rates.price(&charge) {
            // Paid by the hour, so there is nothing to look up.
            Priced::Rated { .. } | Priced::Unpriced(UnpricedReason::Ptu) => priced += 1,
            Priced::Unpriced(reason) => findings.note(
                "pricing",
                Err(anyhow::anyhow!(
                    "`{}` of `{}` has no price ({}), its events will be `unpriced`: are model, version, type and region right?",
                    entry.deployment,
                    entry.resource,
                    reason.as_str()
                )),
            ),
        }
    }
    findings.note(
        "pricing",
        Ok(format!("{priced} of {} deployments have a price or are provisioned", context.deployments.len())),
    );
}

fn check_keys(config: &Config) -> anyhow::Result<String> {
    let ring = wiring::keys(config)?;
    anyhow::ensure!(!ring.is_empty(), "`keys.private_key_files` is empty: sealed lines will be rejected as no_key");
    Ok(format!("{} private keys, ring {}", ring.len(), ring.id()))
}

async fn check_source(config: &Config) -> anyhow::Result<String> {
    let store = wiring::source(config).await?;
    let prefix = config.source.prefixes.first().map_or("", String::as_str);
    let page = store.list_page(prefix, None, None).await?;
    Ok(format!("`{}` can be listed, {} keys on the first page", store.bucket(), page.objects.len()))
}

/// Writes, reads and deletes one small object below the lake's prefix.
async fn check_lake(config: &Config) -> anyhow::Result<String> {
    let store = wiring::lake_store(config).await?;
    let key = format!("{}/.gatelog-check", config.lake.prefix.trim_matches('/'));
    store.put(&key, bytes::Bytes::from_static(b"gatelog check\n"), "text/plain").await?;
    let read = round_trip(&store, &key).await;
    store.delete(&key).await?;
    read
}

async fn round_trip(store: &Store, key: &str) -> anyhow::Result<String> {
    let read = store.get_bytes(key, 1024).await?;
    anyhow::ensure!(&read[..] == b"gatelog check\n", "`{}` gave back other bytes than were written", store.bucket());
    Ok(format!("`{}` can be written, read and deleted from", store.bucket()))
}

async fn check_postgres(catalog: &Catalog, findings: &mut Findings) {
    match catalog.check_durability().await {
        Ok(problems) if problems.is_empty() => findings.note("postgres", Ok("version and durability are fine".into())),
        Ok(problems) => {
            for problem in problems {
                findings.note("postgres", Err(anyhow::anyhow!("{problem}")));
            }
        }
        Err(error) => findings.note("postgres", Err(error.into())),
    }
    findings.note("clock", check_clock(catalog).await);
}

async fn check_clock(catalog: &Catalog) -> anyhow::Result<String> {
    let before = SystemClock.now().micros();
    let database = catalog.now().await?.micros();
    let after = SystemClock.now().micros();
    let skew = Duration::from_micros(database.abs_diff(i64::midpoint(before, after)));
    anyhow::ensure!(skew <= CLOCK_SKEW_MAX, "this machine and Postgres differ by {} s", skew.as_secs());
    Ok(format!("{} ms from Postgres", skew.as_millis()))
}
