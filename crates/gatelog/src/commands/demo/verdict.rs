//! The ledger, the rollup and the lake against the generator's ground truth and the provider's books.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use gatelog_catalog::{Catalog, CostRow, QuarantineFilter};
use gatelog_columnar::{EventRow, read_events};
use gatelog_model::PicoUsd;
use gatelog_testkit::corpus::{GroundTruth, LABEL_KEY};

use super::traffic::{TenantUse, Traffic};
use crate::{config::Config, wiring};

/// Rows of the cost view that are read: all of them, for 50 tenants with a handful of models.
const COST_ROWS_MAX: u32 = 100_000;
/// Rows of it that are shown.
const COST_ROWS_SHOWN: usize = 12;
/// Largest data file of the demo.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The demo compares totals, so it needs a ledger of its own.
pub(super) async fn require_empty(config: &Config) -> anyhow::Result<()> {
    let catalog = wiring::catalog(config).await?;
    let totals = catalog.ledger_totals().await?;
    catalog.close().await;
    let objects = totals.committed + totals.discovered + totals.quarantined;
    anyhow::ensure!(objects == 0, "the database has a ledger of {objects} objects already; give the demo an empty one");
    Ok(())
}

/// Prints balance and cost of the generated logs, and compares them.
pub(super) async fn of_logs(config: &Config, truth: &GroundTruth) -> anyhow::Result<Verdict> {
    let catalog = wiring::connect(config).await?;
    let costs = catalog.cost_by_tenant_and_model(COST_ROWS_MAX).await?;
    let rows = lake_rows(config, &catalog).await?;
    let mut verdict = Verdict::default();
    check_ledger(&catalog, truth, &mut verdict).await?;
    check_costs(&costs, truth, &mut verdict);
    check_lake(&rows, truth, &mut verdict);
    catalog.close().await;
    print_costs(&costs);
    Ok(verdict)
}

/// Every row of the table, read back from the bucket.
async fn lake_rows(config: &Config, catalog: &Catalog) -> anyhow::Result<Vec<EventRow>> {
    let store = wiring::lake_store(config).await?;
    let lake = wiring::lake(config, &store, catalog).await?;
    let pointer = lake.pointer().await?;
    let mut rows = Vec::new();
    for path in lake.data_files(&pointer).await? {
        let bytes = store.get_bytes(lake.key(&path)?, FILE_BYTES_MAX).await?;
        rows.extend(read_events(bytes).with_context(|| format!("read `{path}`"))?);
    }
    Ok(rows)
}

/// What was compared so far.
#[derive(Default)]
pub(super) struct Verdict {
    lines: Vec<String>,
    wrong: usize,
}

impl Verdict {
    fn compare<T: PartialEq + std::fmt::Display>(&mut self, what: &str, found: T, expected: T) {
        if found == expected {
            self.lines.push(format!("  ok     {what}: {found}"));
        } else {
            self.wrong += 1;
            self.lines.push(format!("  WRONG  {what}: {found}, generated {expected}"));
        }
    }

    /// Compares the bill of what went through the gateway with what the provider counted.
    pub(super) async fn add_traffic(&mut self, config: &Config, traffic: &Traffic) -> anyhow::Result<()> {
        let catalog = wiring::connect(config).await?;
        let costs = catalog.cost_by_tenant_and_model(COST_ROWS_MAX).await?;
        let totals = catalog.ledger_totals().await?;
        catalog.close().await;
        let Traffic { by_tenant, forwarded, cache_hits, refused } = traffic;
        println!(
            "\ngateway\n  {} tenants: {forwarded} tries at the provider, {cache_hits} answers out of the cache, {refused} refused by a budget",
            by_tenant.len()
        );
        let rows: Vec<_> = costs
            .into_iter()
            .filter(|row| row.tenant_id.as_deref().is_some_and(|tenant| by_tenant.contains_key(tenant)))
            .collect();
        print_costs(&rows);
        let found = use_by_tenant(&rows);
        for (tenant, expected) in by_tenant {
            let found = found.get(tenant).cloned().unwrap_or_default();
            self.compare(&format!("{tenant}: requests"), found.requests, expected.requests);
            self.compare(&format!("{tenant}: input tokens"), found.input_tokens, expected.input_tokens);
            self.compare(&format!("{tenant}: output tokens"), found.output_tokens, expected.output_tokens);
            self.compare(&format!("{tenant}: cost in USD"), found.cost, expected.cost);
            self.compare(&format!("{tenant}: saved by the cache in USD"), found.saved, expected.saved);
        }
        self.compare("ledger balanced with the gateway's records", totals.is_balanced(), true);
        Ok(())
    }

    /// Prints every line; whether every number was right.
    pub(super) fn print(&self) -> bool {
        println!("\nagainst the generator's ground truth and the provider's books");
        self.lines.iter().for_each(|line| println!("{line}"));
        match self.wrong {
            0 => println!("every number balances"),
            wrong => println!("{wrong} numbers do not balance"),
        }
        self.wrong == 0
    }
}

async fn check_ledger(catalog: &Catalog, truth: &GroundTruth, verdict: &mut Verdict) -> anyhow::Result<()> {
    let totals = catalog.ledger_totals().await?;
    let tally = totals.tally;
    println!("\nledger");
    println!(
        "  {} objects committed in {} commits, {} quarantined",
        totals.committed, totals.commits, totals.quarantined
    );
    println!(
        "  {} lines = {} events + {} duplicates + {} rejects",
        tally.lines, tally.events, tally.duplicates, tally.rejects
    );
    let mut rejects: BTreeMap<String, u64> = BTreeMap::new();
    for entry in catalog.list_quarantine(&QuarantineFilter::default(), u32::MAX).await? {
        for (reason, count) in entry.open_rejects {
            *rejects.entry(reason).or_default() += count;
        }
    }
    let reasons: Vec<_> = rejects.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    println!("  rejects: {}; see `gatelog quarantine list`", reasons.join(", "));

    let expected = truth.tally();
    verdict.compare("objects committed", totals.committed, truth.objects);
    verdict.compare("objects quarantined", totals.quarantined, truth.quarantined.len() as u64);
    verdict.compare("lines", tally.lines, expected.lines);
    verdict.compare("events", tally.events, expected.events);
    verdict.compare("duplicates", tally.duplicates, expected.duplicates);
    for (reason, count) in &truth.rejects {
        verdict.compare(&format!("rejects {reason}"), rejects.get(reason.as_str()).copied().unwrap_or(0), *count);
    }
    verdict.compare("rejects", tally.rejects, expected.rejects);
    verdict.compare("ledger balanced", totals.is_balanced(), true);
    Ok(())
}

/// The bill of each tenant over all models.
fn use_by_tenant(rows: &[CostRow]) -> BTreeMap<String, TenantUse> {
    let mut tenants: BTreeMap<String, TenantUse> = BTreeMap::new();
    for row in rows {
        let used = tenants.entry(row.tenant_id.clone().unwrap_or_default()).or_default();
        used.requests += row.requests;
        used.input_tokens += row.input_tokens;
        used.output_tokens += row.output_tokens;
        used.cost = [used.cost, row.cost].into_iter().sum();
        used.saved = [used.saved, row.saved].into_iter().sum();
    }
    tenants
}

/// Totals of one tenant with one model, as both sides count them.
#[derive(Default, PartialEq, Eq)]
struct Sums {
    requests: u64,
    unpriced: u64,
    input_tokens: u64,
    output_tokens: u64,
    cost: PicoUsd,
    saved: PicoUsd,
}

fn check_costs(costs: &[CostRow], truth: &GroundTruth, verdict: &mut Verdict) {
    let mut found: BTreeMap<String, Sums> = BTreeMap::new();
    for row in costs {
        let sums = found.entry(row.tenant_id.clone().unwrap_or_default()).or_default();
        sums.requests += row.requests;
        sums.unpriced += row.unpriced_requests;
        sums.input_tokens += row.input_tokens;
        sums.output_tokens += row.output_tokens;
        sums.cost = [sums.cost, row.cost].into_iter().sum();
        sums.saved = [sums.saved, row.saved].into_iter().sum();
    }
    let expected = truth.by_tenant();
    let right = expected.iter().filter(|(tenant, usage)| {
        let usage = Sums {
            requests: usage.requests,
            unpriced: usage.unpriced,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost: usage.cost,
            saved: usage.saved,
        };
        found.get(*tenant) == Some(&usage)
    });
    verdict.compare("tenants whose requests, tokens, cost and savings are exact", right.count(), expected.len());
    verdict.compare("tenants", found.len(), expected.len());
    verdict.compare("cost in USD", costs.iter().map(|row| row.cost).sum::<PicoUsd>(), truth.total().cost);
    verdict.compare(
        "requests without a price",
        costs.iter().map(|row| row.unpriced_requests).sum(),
        truth.total().unpriced,
    );
}

fn check_lake(rows: &[EventRow], truth: &GroundTruth, verdict: &mut Verdict) {
    let labels: BTreeSet<&str> =
        rows.iter().filter_map(|row| row.event.metadata.get(LABEL_KEY).map(String::as_str)).collect();
    let expected: BTreeSet<&str> = truth.labels.iter().map(String::as_str).collect();
    verdict.compare("rows in the lake", rows.len(), expected.len());
    verdict.compare("labels in the lake that were generated", labels.intersection(&expected).count(), expected.len());
    let cost: PicoUsd = rows.iter().filter_map(|row| row.event.cost).sum();
    verdict.compare("cost in USD, added up from the lake", cost, truth.total().cost);
}

fn print_costs(costs: &[CostRow]) {
    println!("\ncost by tenant and model, the highest of {} rows", costs.len());
    println!("  {:<14} {:<28} {:>8} {:>10} {:>10} {:>20}", "tenant", "model", "requests", "input", "output", "USD");
    for row in costs.iter().take(COST_ROWS_SHOWN) {
        println!(
            "  {:<14} {:<28} {:>8} {:>10} {:>10} {:>20}",
            row.tenant_id.as_deref().unwrap_or("-"),
            row.model.as_deref().unwrap_or("-"),
            row.requests,
            row.input_tokens,
            row.output_tokens,
            row.cost.to_string(),
        );
    }
}
