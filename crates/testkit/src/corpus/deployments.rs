//! The Azure deployments of the corpus and what their tokens cost.

use gatelog_model::{DeploymentType, PicoUsd, Tokens};

/// What one token costs, in pico-USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenPrice {
    /// Input that no cache had a part in.
    pub input: i128,
    /// Input read from the provider's prompt cache.
    pub cached_input: i128,
    /// Output, reasoning included.
    pub output: i128,
}

/// A deployment, as a deployment map describes it, and the model that answers there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployment {
    /// Azure resource.
    pub resource: &'static str,
    /// Name of the deployment in it.
    pub deployment: &'static str,
    /// Model, as Azure spells it.
    pub model: &'static str,
    /// Its version.
    pub version: Option<&'static str>,
    /// The model as the answers spell it.
    pub answers_as: &'static str,
    /// How it is sold.
    pub deployment_type: DeploymentType,
    /// The resource's region.
    pub region: &'static str,
    /// What it costs; `None` for the one that is in no deployment map, whose requests are unpriced.
    pub price: Option<TokenPrice>,
    /// How often it is asked, out of the sum of all.
    pub(super) weight: u64,
}

/// First day on which every price below is in force: the latest `effective_from` of their rows.
pub(super) const PRICES_SINCE: (i32, u32, u32) = (2025, 12, 1);

/// The deployments. Prices are rows of Azure's list of 2026-08-11 (line numbers of the list as it was collected, by
/// input, cached input, output), typed in by hand.
pub const DEPLOYMENTS: [Deployment; 6] = [
    // Lines 673, 646, 700: gpt-4o-1120, regional, since 2025-12-01.
    Deployment {
        resource: "aoai-imbila-sa",
        deployment: "gpt-4o-sa",
        model: "gpt-4o",
        version: Some("2024-11-20"),
        answers_as: "gpt-4o-2024-11-20",
        deployment_type: DeploymentType::Regional,
        region: "southafricanorth",
        price: Some(TokenPrice { input: 3_025_000, cached_input: 1_513_000, output: 12_100_000 }),
        weight: 40,
    },
    // Lines 783, 760, 806: gpt-4o-mini-0718, global.
    Deployment {
        resource: "aoai-imbila-sa",
        deployment: "mini",
        model: "gpt-4o-mini",
        version: Some("2024-07-18"),
        answers_as: "gpt-4o-mini-2024-07-18",
        deployment_type: DeploymentType::Global,
        region: "southafricanorth",
        price: Some(TokenPrice { input: 150_000, cached_input: 75_000, output: 600_000 }),
        weight: 30,
    },
    // Lines 250, 232, 272: gpt-4.1, data zone.
    Deployment {
        resource: "aoai-imbila-eu",
        deployment: "gpt-4.1-dz",
        model: "gpt-4.1",
        version: Some("2025-04-14"),
        answers_as: "gpt-4.1-2025-04-14",
        deployment_type: DeploymentType::DataZone,
        region: "swedencentral",
        price: Some(TokenPrice { input: 2_200_000, cached_input: 550_000, output: 8_800_000 }),
        weight: 12,
    },
    // Lines 1978, 1962, 1994: o4-mini-0416, global.
    Deployment {
        resource: "aoai-imbila-sa",
        deployment: "reasoning",
        model: "o4-mini",
        version: Some("2025-04-16"),
        answers_as: "o4-mini-2025-04-16",
        deployment_type: DeploymentType::Global,
        region: "southafricanorth",
        price: Some(TokenPrice { input: 1_100_000, cached_input: 275_000, output: 4_400_000 }),
        weight: 8,
    },
    // Line 2204: text-embedding-3-small, global; embeddings have neither cache nor output.
    Deployment {
        resource: "aoai-imbila-eu",
        deployment: "embed-small",
        model: "text-embedding-3-small",
        version: None,
        answers_as: "text-embedding-3-small",
        deployment_type: DeploymentType::Global,
        region: "swedencentral",
        price: Some(TokenPrice { input: 20_000, cached_input: 20_000, output: 0 }),
        weight: 10,
    },
    // Somebody's experiment that no deployment map knows.
    Deployment {
        resource: "aoai-imbila-sa",
        deployment: "experiment",
        model: "gpt-4o",
        version: None,
        answers_as: "gpt-4o-2024-11-20",
        deployment_type: DeploymentType::Global,
        region: "southafricanorth",
        price: None,
        weight: 1,
    },
];

impl Deployment {
    /// Whether it makes embeddings; all others chat.
    pub fn is_embeddings(&self) -> bool {
        self.model.starts_with("text-embedding")
    }

    /// Whether its output is partly reasoning.
    pub fn is_reasoning(&self) -> bool {
        self.model.starts_with('o')
    }

    /// What an answer costs; `None` where nobody knows.
    pub fn cost(&self, tokens: &Tokens) -> Option<PicoUsd> {
        let price = self.price?;
        let count = |tokens: Option<u64>| i128::from(tokens.unwrap_or(0));
        let (input, cached, output) = (count(tokens.input), count(tokens.cached_input), count(tokens.output));
        let plain = input - cached;
        Some(PicoUsd::new(plain * price.input + cached * price.cached_input + output * price.output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_tokens_cost_what_the_list_says() {
        let tokens = Tokens {
            input: Some(2_000_000),
            cached_input: Some(1_000_000),
            output: Some(1_000_000),
            ..Tokens::default()
        };
        // 3.025 + 1.513 + 12.10 USD.
        assert_eq!(DEPLOYMENTS[0].cost(&tokens).unwrap().to_string(), "16.638000000000");
        assert_eq!(DEPLOYMENTS[5].cost(&tokens), None);
    }
}
