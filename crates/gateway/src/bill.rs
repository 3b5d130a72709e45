//! What a request reserves of its tenant's budgets, and what it gives back.
//!
//! The reservation is the worst case of the steps it may take: no text has more tokens than bytes, and no answer more than
//! its limit. It is settled with what the answer says it used, or with an estimate where it does not say: a stream without
//! usage, a broken answer, a caller that hung up. A try that the provider may have worked on without our hearing of it is
//! booked beside the answer of the next one. Nothing is booked when the provider was never called or refused.

use std::sync::Arc;

use gatelog_budget::{Estimate, Limiter, Refusal, Reservation, Usage};
use gatelog_model::{Operation, PicoUsd, TenantId, TimestampMicros, Tokens};
use gatelog_pricing::CustomCost;
use gatelog_usage::{RequestFacts, operation_of};

use crate::{gateway::Shared, plan::Step, prices::PricedPlace};

/// Bytes of text per token, on the careful side: English has about four.
const TEXT_BYTES_PER_TOKEN: u64 = 3;
/// Bytes of a stream of events per token: a frame of one token has 150 bytes and more, one of twenty about 250.
const STREAM_BYTES_PER_TOKEN: u64 = 16;

/// How an answer ended, as far as money goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent<'a> {
    /// What the answer reports; empty if it does not.
    pub(crate) tokens: &'a Tokens,
    pub(crate) model: Option<&'a str>,
    /// Bytes of the answer that came.
    pub(crate) response_bytes: u64,
    pub(crate) is_stream: bool,
}

impl Spent<'static> {
    /// Nothing came.
    fn nothing() -> Self {
        const NONE: &Tokens =
            &Tokens { input: None, cached_input: None, cache_write: None, output: None, reasoning: None };
        Self { tokens: NONE, model: None, response_bytes: 0, is_stream: false }
    }
}

/// A reservation that will be settled, whatever happens.
pub(crate) struct Bill {
    shared: Arc<Shared>,
    reservation: Option<Reservation>,
    /// The step whose provider may be working.
    step: Option<Arc<Step>>,
    /// Of tries that were given up.
    unheard: Option<Usage>,
    custom: Option<CustomCost>,
    at: TimestampMicros,
}

impl Bill {
    /// Reserves the worst case of a request that takes these steps until one answers.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: which budget is used up, and when to come back.
    pub(crate) async fn open(
        shared: &Arc<Shared>,
        tenant: &TenantId,
        steps: &[Arc<Step>],
        custom: Option<CustomCost>,
    ) -> Result<Self, Refusal> {
        let at = shared.clock.now();
        let mut estimate = Estimate { tokens: 0, cost: None };
        for step in steps {
            let worst = WorstCase::of(step, shared.options.output_tokens_assumed);
            let tokens = Tokens { input: Some(worst.input), output: Some(worst.output), ..Tokens::default() };
            estimate.tokens = estimate.tokens.max(worst.sum());
            estimate.cost = estimate.cost.max(cost(shared, step, None, &tokens, custom.as_ref(), at));
        }
        let limiter: &Limiter = &shared.limiter;
        let reservation = limiter.reserve(tenant, estimate).await?;
        Ok(Self { shared: Arc::clone(shared), reservation: Some(reservation), step: None, unheard: None, custom, at })
    }

    /// The provider of this step is called now: from here on it may cost something.
    pub(crate) fn called(&mut self, step: &Arc<Step>) {
        self.step = Some(Arc::clone(step));
    }

    /// The provider refused, or could not be reached: nothing was used.
    pub(crate) fn refused(&mut self) {
        self.step = None;
    }

    /// The provider had the request and nothing came of it, as far as this side knows.
    pub(crate) fn unheard(&mut self) {
        if let Some(step) = self.step.take() {
            let usage = self.usage(&step, &Spent::nothing());
            self.unheard = Some(self.unheard.map_or(usage, |before| sum(before, usage)));
        }
    }

    /// The answer is over.
    pub(crate) fn settle(mut self, spent: &Spent<'_>) {
        self.book(spent);
    }

    fn book(&mut self, spent: &Spent<'_>) {
        let Some(reservation) = self.reservation.take() else { return };
        let answered = self.step.take().map(|step| self.usage(&step, spent));
        match (self.unheard, answered) {
            (None, None) => reservation.cancel(),
            (Some(usage), None) | (None, Some(usage)) => reservation.settle(usage),
            (Some(unheard), Some(answered)) => reservation.settle(sum(unheard, answered)),
        }
    }

    fn usage(&self, step: &Step, spent: &Spent<'_>) -> Usage {
        let worst = WorstCase::of(step, self.shared.options.output_tokens_assumed);
        let tokens = if spent.tokens.is_empty() { worst.estimated(spent) } else { *spent.tokens };
        let used = tokens.input.unwrap_or(0).saturating_add(tokens.output.unwrap_or(0));
        Usage { tokens: used, cost: cost(&self.shared, step, spent.model, &tokens, self.custom.as_ref(), self.at) }
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        self.book(&Spent::nothing());
    }
}

/// Of an unknown cost the sum is unknown too.
fn sum(one: Usage, other: Usage) -> Usage {
    let cost = one.cost.zip(other.cost).map(|(one, other)| [one, other].into_iter().sum());
    Usage { tokens: one.tokens.saturating_add(other.tokens), cost }
}

fn cost(
    shared: &Shared,
    step: &Step,
    model: Option<&str>,
    tokens: &Tokens,
    custom: Option<&CustomCost>,
    at: TimestampMicros,
) -> Option<PicoUsd> {
    let resource = if step.target.resource.is_empty() { &step.target.provider } else { &step.target.resource };
    let deployment = step.deployment.as_deref().or(step.facts.model.as_deref()).unwrap_or_default();
    shared.prices.cost(PricedPlace { resource, deployment }, model, tokens, custom, at)
}

/// The most that a request can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WorstCase {
    input: u64,
    output: u64,
}

impl WorstCase {
    fn of(step: &Step, output_assumed: u64) -> Self {
        let has_output = operation_of(&step.endpoint) != Operation::Embeddings;
        Self::new(step.body.len() as u64, &step.facts, if has_output { output_assumed } else { 0 })
    }

    fn new(request_bytes: u64, facts: &RequestFacts, output_assumed: u64) -> Self {
        let per_choice = facts.max_output_tokens.unwrap_or(output_assumed);
        Self { input: request_bytes, output: per_choice.saturating_mul(facts.choices.unwrap_or(1).max(1)) }
    }

    fn sum(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// What an answer without usage is booked with.
    fn estimated(self, spent: &Spent<'_>) -> Tokens {
        let per_token = if spent.is_stream { STREAM_BYTES_PER_TOKEN } else { TEXT_BYTES_PER_TOKEN };
        Tokens {
            input: Some(self.input.div_ceil(TEXT_BYTES_PER_TOKEN)),
            output: Some(spent.response_bytes.div_ceil(per_token).min(self.output)),
            ..Tokens::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_case_counts_every_choice() {
        let facts = RequestFacts { max_output_tokens: Some(100), choices: Some(3), ..RequestFacts::default() };
        assert_eq!(WorstCase::new(50, &facts, 4_096), WorstCase { input: 50, output: 300 });
        assert_eq!(WorstCase::new(50, &RequestFacts::default(), 4_096).sum(), 4_146);
    }

    #[test]
    fn an_answer_without_usage_is_estimated_from_what_passed() {
        let none = Tokens::default();
        let worst = WorstCase { input: 30, output: 500 };
        let spent = Spent { tokens: &none, model: None, response_bytes: 1_600, is_stream: true };
        let tokens = worst.estimated(&spent);
        assert_eq!((tokens.input, tokens.output), (Some(10), Some(100)));
        let tokens = worst.estimated(&Spent { is_stream: false, ..spent });
        assert_eq!(tokens.output, Some(500), "never more than was reserved");
    }
}
