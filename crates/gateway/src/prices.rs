//! What a request will and did cost, for the budgets; the bill itself is made from the log.

use gatelog_model::{PicoUsd, TimestampMicros, Tokens};
use gatelog_pricing::{Charge, CustomCost, DeploymentMap, Mode, Priced, RateBook};

/// Rates and deployments.
#[derive(Debug)]
pub struct Prices {
    /// Dated rates.
    pub rates: RateBook,
    /// What is deployed under which name.
    pub deployments: DeploymentMap,
}

/// Where a request goes, as far as its price depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PricedPlace<'a> {
    /// The Azure resource, else the provider's slug.
    pub(crate) resource: &'a str,
    /// The deployment, else the model that the request names.
    pub(crate) deployment: &'a str,
}

impl Prices {
    /// The cost of these tokens; `None` when nobody knows. What the caller says it costs comes first.
    pub(crate) fn cost(
        &self,
        place: PricedPlace<'_>,
        model: Option<&str>,
        tokens: &Tokens,
        custom: Option<&CustomCost>,
        at: TimestampMicros,
    ) -> Option<PicoUsd> {
        if let Some(custom) = custom {
            return custom.cost(tokens).ok();
        }
        let deployment = self.deployments.lookup(place.resource, place.deployment)?;
        let charge = Charge {
            model: model.unwrap_or(&deployment.model),
            version: deployment.version.as_deref(),
            deployment_type: Some(deployment.deployment_type),
            region: deployment.region.as_deref(),
            mode: Mode::Standard,
            at,
            tokens,
        };
        match self.rates.price(&charge) {
            Priced::Rated { cost, .. } => Some(cost),
            Priced::Unpriced(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use gatelog_model::DeploymentType;
    use gatelog_pricing::DeploymentEntry;

    use super::*;

    #[test]
    fn a_deployment_has_its_price_and_the_caller_the_last_word() {
        let entry = DeploymentEntry {
            resource: "aoai-za".into(),
            deployment: "chat".into(),
            model: "gpt-4o".into(),
            version: Some("2024-11-20".into()),
            deployment_type: DeploymentType::Regional,
            region: Some("southafricanorth".into()),
        };
        let prices = Prices { rates: RateBook::builtin(), deployments: DeploymentMap::try_new(vec![entry]).unwrap() };
        let tokens = Tokens { input: Some(1_000), output: Some(100), ..Tokens::default() };
        let at = TimestampMicros::clamped("2026-08-01T00:00:00Z".parse().unwrap());
        let place = |deployment| PricedPlace { resource: "aoai-za", deployment };
        // 1,000 x 3.025 + 100 x 12.10 USD per million.
        let rated = prices.cost(place("chat"), None, &tokens, None, at);
        assert_eq!(rated, Some(PicoUsd::new(1_000 * 3_025_000 + 100 * 12_100_000)));
        assert_eq!(prices.cost(place("other"), None, &tokens, None, at), None);
        let custom = CustomCost::parse(r#"{"per_token_in":0.000001,"per_token_out":0.000002}"#).unwrap();
        let asked = prices.cost(place("other"), None, &tokens, Some(&custom), at);
        assert_eq!(asked, Some(PicoUsd::new(1_000 * 1_000_000 + 100 * 2_000_000)));
    }
}
