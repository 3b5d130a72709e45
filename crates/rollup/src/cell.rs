//! What is totalled.

use gatelog_model::{CostSource, Event, PicoUsd};

use crate::LatencyHistogram;

/// Sums over the requests of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollupCell {
    /// Requests.
    pub requests: u64,
    /// Input tokens, cached ones and cache writes included.
    pub input_tokens: u64,
    /// Input tokens read from the provider's prompt cache.
    pub cached_input_tokens: u64,
    /// Input tokens written to the provider's prompt cache.
    pub cache_write_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: u64,
    /// What the priced requests cost.
    pub cost: PicoUsd,
    /// What cache hits avoided.
    pub saved: PicoUsd,
    /// Requests whose tokens no rate prices: they are missing from `cost`.
    pub unpriced: u64,
    /// Durations of the requests that say how long they took.
    pub latency: LatencyHistogram,
}

impl RollupCell {
    /// Counts one request.
    pub fn add(&mut self, event: &Event) {
        let tokens = &event.tokens;
        self.requests = self.requests.saturating_add(1);
        grow(&mut self.input_tokens, tokens.input);
        grow(&mut self.cached_input_tokens, tokens.cached_input);
        grow(&mut self.cache_write_tokens, tokens.cache_write);
        grow(&mut self.output_tokens, tokens.output);
        grow(&mut self.reasoning_tokens, tokens.reasoning);
        self.cost = sum(self.cost, event.cost.unwrap_or_default());
        self.saved = sum(self.saved, event.saved.unwrap_or_default());
        self.unpriced = self.unpriced.saturating_add(is_unpriced(event.cost_source));
        if let Some(duration_ms) = event.duration_ms.and_then(|ms| u32::try_from(ms).ok()) {
            self.latency.record(duration_ms);
        }
    }

    /// Adds the sums of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.cached_input_tokens = self.cached_input_tokens.saturating_add(other.cached_input_tokens);
        self.cache_write_tokens = self.cache_write_tokens.saturating_add(other.cache_write_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(other.reasoning_tokens);
        self.cost = sum(self.cost, other.cost);
        self.saved = sum(self.saved, other.saved);
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
        self.latency.merge(&other.latency);
    }
}

fn grow(total: &mut u64, reported: Option<u64>) {
    *total = total.saturating_add(reported.unwrap_or(0));
}

fn sum(left: PicoUsd, right: PicoUsd) -> PicoUsd {
    [left, right].into_iter().sum()
}

fn is_unpriced(source: CostSource) -> u64 {
    match source {
        CostSource::Unpriced => 1,
        CostSource::Rated | CostSource::Custom | CostSource::Cached | CostSource::None => 0,
    }
}
