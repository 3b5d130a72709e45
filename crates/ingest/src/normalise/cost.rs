//! What an event cost, and how that is known.

use gatelog_logpush::Record;
use gatelog_model::{CostSource, PicoUsd, TimestampMicros, Tokens};
use gatelog_pricing::{Charge, CustomCost, DeploymentEntry, Mode, Priced};
use gatelog_usage::ResponseFacts;

use super::NormaliseContext;

/// The money columns of one event.
#[derive(Debug)]
pub(super) struct EventCost {
    pub(super) cost: Option<PicoUsd>,
    pub(super) saved: Option<PicoUsd>,
    pub(super) source: CostSource,
    pub(super) rate_id: Option<String>,
}

/// Prices the tokens at what came with the request, else at the rates of the moment. A cache hit costs nothing and saves
/// what it would have cost; tokens that no rate covers are `unpriced`, never zero, and so is a price that cannot be read.
pub(super) fn price(
    context: &NormaliseContext,
    deployment: Option<&DeploymentEntry>,
    record: &Record<'_>,
    response: &ResponseFacts,
    tokens: &Tokens,
    at: TimestampMicros,
) -> EventCost {
    let cached = record.cached == Some(true);
    let free = cached.then_some(PicoUsd::ZERO);
    if tokens.is_empty() {
        let source = if cached { CostSource::Cached } else { CostSource::None };
        return EventCost { cost: free, saved: None, source, rate_id: None };
    }
    let known = match record.custom_cost {
        Some(json) => custom(json.get(), tokens).map(|full| (full, CostSource::Custom, None)),
        None => rate(context, deployment, response, tokens, at)
            .map(|(full, rate_id)| (full, CostSource::Rated, Some(rate_id))),
    };
    match known {
        Some((full, _, rate_id)) if cached => {
            EventCost { cost: free, saved: Some(full), source: CostSource::Cached, rate_id }
        }
        Some((full, source, rate_id)) => EventCost { cost: Some(full), saved: None, source, rate_id },
        None if cached => EventCost { cost: free, saved: None, source: CostSource::Cached, rate_id: None },
        None => EventCost { cost: None, saved: None, source: CostSource::Unpriced, rate_id: None },
    }
}

/// The price that came with the request, if it can be billed exactly and fits the lake's column.
fn custom(json: &str, tokens: &Tokens) -> Option<PicoUsd> {
    let cost = CustomCost::parse(json).ok()?.cost(tokens).ok()?;
    cost.column_value().is_ok().then_some(cost)
}

/// The full price, if the deployment is known, a rate was in force and the amount fits the lake's column.
fn rate(
    context: &NormaliseContext,
    deployment: Option<&DeploymentEntry>,
    response: &ResponseFacts,
    tokens: &Tokens,
    at: TimestampMicros,
) -> Option<(PicoUsd, String)> {
    let deployment = deployment?;
    // An answer may say how it was processed; a tier without a list price is unpriced, not standard.
    let mode = match &response.service_tier {
        Some(tier) => Mode::of_service_tier(tier)?,
        None => Mode::Standard,
    };
    let charge = Charge {
        model: response.model.as_deref().unwrap_or(&deployment.model),
        version: deployment.version.as_deref(),
        deployment_type: Some(deployment.deployment_type),
        region: deployment.region.as_deref(),
        mode,
        at,
        tokens,
    };
    match context.rates.price(&charge) {
        Priced::Rated { cost, rate_id } => cost.column_value().is_ok().then_some((cost, rate_id)),
        Priced::Unpriced(_) => None,
    }
}
