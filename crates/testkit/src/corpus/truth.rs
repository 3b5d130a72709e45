//! What a pipeline must find.

use std::collections::{BTreeMap, BTreeSet};

use gatelog_model::{Outcome, PicoUsd, RejectReason, Tally};

use super::exchange::{Answer, Exchange};

/// Totals of one tenant and model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Events.
    pub requests: u64,
    /// Those of them that the gateway's cache answered.
    pub cached_requests: u64,
    /// Those of them that no rate prices.
    pub unpriced: u64,
    /// Input tokens; cache hits report theirs too.
    pub input_tokens: u64,
    /// Input tokens read from the provider's prompt cache.
    pub cached_input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: u64,
    /// What the priced requests cost; a cache hit costs nothing.
    pub cost: PicoUsd,
    /// What cache hits avoided.
    pub saved: PicoUsd,
}

/// Everything that is true of a corpus, in whatever order and however often its objects are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroundTruth {
    /// Lines of all objects but the quarantined ones, blank lines not counted.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// Lines that repeat another.
    pub duplicates: u64,
    /// Rejects by reason.
    pub rejects: BTreeMap<RejectReason, u64>,
    /// Log objects that can be committed.
    pub objects: u64,
    /// Keys of the log objects that cannot.
    pub quarantined: Vec<String>,
    /// Keys that name no log.
    pub ignored: Vec<String>,
    /// Totals by tenant and answering model; `None` where no model answered.
    pub usage: BTreeMap<(String, Option<String>), Usage>,
    /// Events by how they ended.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// The label of every event; each comes once.
    pub labels: BTreeSet<String>,
}

impl GroundTruth {
    /// The four numbers of the ledger.
    pub fn tally(&self) -> Tally {
        Tally {
            lines: self.lines,
            events: self.events,
            duplicates: self.duplicates,
            rejects: self.rejects.values().sum(),
        }
    }

    /// Totals over all tenants and models.
    pub fn total(&self) -> Usage {
        let mut total = Usage::default();
        for part in self.usage.values() {
            total.add(part);
        }
        total
    }

    /// Totals by tenant.
    pub fn by_tenant(&self) -> BTreeMap<String, Usage> {
        let mut tenants: BTreeMap<String, Usage> = BTreeMap::new();
        for ((tenant, _), part) in &self.usage {
            tenants.entry(tenant.clone()).or_default().add(part);
        }
        tenants
    }

    pub(super) fn event(&mut self, exchange: &Exchange) {
        self.lines += 1;
        self.events += 1;
        *self.outcomes.entry(exchange.answer.outcome()).or_default() += 1;
        assert!(self.labels.insert(exchange.label.clone()), "labels are numbered");
        let model = exchange.tokens.map(|_| exchange.deployment.answers_as.to_owned());
        self.usage.entry((exchange.tenant.clone(), model)).or_default().count(exchange);
    }

    pub(super) fn duplicates(&mut self, lines: u64) {
        self.lines += lines;
        self.duplicates += lines;
    }

    pub(super) fn reject(&mut self, reason: RejectReason) {
        self.lines += 1;
        *self.rejects.entry(reason).or_default() += 1;
    }
}

impl Usage {
    fn count(&mut self, exchange: &Exchange) {
        self.requests += 1;
        let Some(tokens) = exchange.tokens else { return };
        self.input_tokens += tokens.input.unwrap_or(0);
        self.cached_input_tokens += tokens.cached_input.unwrap_or(0);
        self.output_tokens += tokens.output.unwrap_or(0);
        self.reasoning_tokens += tokens.reasoning.unwrap_or(0);
        let price = exchange.deployment.cost(&tokens);
        if exchange.answer == Answer::FromCache {
            self.cached_requests += 1;
            self.saved = [self.saved, price.unwrap_or_default()].into_iter().sum();
        } else {
            self.unpriced += u64::from(price.is_none());
            self.cost = [self.cost, price.unwrap_or_default()].into_iter().sum();
        }
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.cached_requests += other.cached_requests;
        self.unpriced += other.unpriced;
        self.input_tokens += other.input_tokens;
        self.cached_input_tokens += other.cached_input_tokens;
        self.output_tokens += other.output_tokens;
        self.reasoning_tokens += other.reasoning_tokens;
        self.cost = [self.cost, other.cost].into_iter().sum();
        self.saved = [self.saved, other.saved].into_iter().sum();
    }
}
