//! The price of one request.

use gatelog_model::{DeploymentType, PicoUsd, TimestampMicros, Tokens};

use crate::{
    Mode, RateBook, RateKind,
    book::{Question, Rate},
};

/// What is known of a request when it is priced.
#[derive(Debug, Clone, Copy)]
pub struct Charge<'a> {
    /// The model as the answer spells it, `gpt-4o-2024-11-20`, or as the deployment map does, `gpt-4o`.
    pub model: &'a str,
    /// The version from the deployment map; a version that the answer spells wins.
    pub version: Option<&'a str>,
    /// How the deployment is sold; `None` if the deployment is unknown.
    pub deployment_type: Option<DeploymentType>,
    /// Where it runs.
    pub region: Option<&'a str>,
    /// How it was processed.
    pub mode: Mode,
    /// When: decides between dated rates.
    pub at: TimestampMicros,
    /// What was used.
    pub tokens: &'a Tokens,
}

/// What a request costs, or why nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Priced {
    /// The exact cost.
    Rated {
        /// The sum over all kinds of tokens.
        cost: PicoUsd,
        /// The names of the rate rows used, joined by `+`. Rows of one tariff share a name, so it is mostly just one;
        /// with the kind of token it names one row.
        rate_id: String,
    },
    /// No cost: to be shown as missing, never as zero.
    Unpriced(UnpricedReason),
}

/// Why a request has no price; a small fixed set, so that it can label a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnpricedReason {
    /// The book has no such model, or not in this version.
    UnknownModel,
    /// A bare model name that has several versions, at prices of their own.
    AmbiguousVersion,
    /// The deployment is not in the deployment map, so nobody knows how it is sold.
    UnknownDeployment,
    /// Provisioned throughput is paid by the hour, not by the token.
    Ptu,
    /// No input tokens are reported.
    NoTokens,
    /// The parts of the input exceed the input.
    InconsistentTokens,
    /// The price differs by region, and the region is unknown.
    RegionNeeded,
    /// No rate for this kind of tokens at this region, deployment type, mode and length.
    NoRate,
    /// There is such a rate, but it begins later.
    BeforeFirstRate,
    /// The cost does not fit its type.
    TooLarge,
}

impl UnpricedReason {
    /// The label used in metrics and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownModel => "unknown_model",
            Self::AmbiguousVersion => "ambiguous_version",
            Self::UnknownDeployment => "unknown_deployment",
            Self::Ptu => "ptu",
            Self::NoTokens => "no_tokens",
            Self::InconsistentTokens => "inconsistent_tokens",
            Self::RegionNeeded => "region_needed",
            Self::NoRate => "no_rate",
            Self::BeforeFirstRate => "before_first_rate",
            Self::TooLarge => "too_large",
        }
    }
}

impl RateBook {
    /// Prices one request.
    ///
    /// Cost = (input - cache reads - cache writes) x input rate + cache reads x their rate + cache writes x theirs + output x
    /// output rate. Cached input without a rate of its own counts as plain input, which is what Azure bills before a
    /// model's cache discount begins. Reasoning is part of the output. A request whose input exceeds the model's
    /// threshold is priced at the long rates as a whole. Output that is not reported counts as none: embeddings have none.
    pub fn price(&self, charge: &Charge<'_>) -> Priced {
        match self.cost(charge) {
            Ok((cost, rate_id)) => Priced::Rated { cost, rate_id },
            Err(reason) => Priced::Unpriced(reason),
        }
    }

    fn cost(&self, charge: &Charge<'_>) -> Result<(PicoUsd, String), UnpricedReason> {
        let deployment_type = charge.deployment_type.ok_or(UnpricedReason::UnknownDeployment)?;
        if deployment_type == DeploymentType::Ptu {
            return Err(UnpricedReason::Ptu);
        }
        let counts = Counts::of(charge.tokens)?;
        let sku = self.sku(charge.model, charge.version)?;
        let asked = Question {
            deployment_type,
            region: charge.region,
            mode: charge.mode,
            context: self.context(sku, counts.input),
            at: charge.at,
        };
        // Looked up even for zero tokens: a free request still names its tariff.
        let input = self.rate(sku, RateKind::Input, &asked)?;
        let mut bill = Bill::default();
        bill.add(input, counts.plain)?;
        for (kind, count) in [(RateKind::CacheRead, counts.cache_read), (RateKind::CacheWrite, counts.cache_write)] {
            if count > 0 {
                let own = self.rate(sku, kind, &asked);
                let is_missing = matches!(own, Err(UnpricedReason::NoRate | UnpricedReason::BeforeFirstRate));
                bill.add(if is_missing { input } else { own? }, count)?;
            }
        }
        if counts.output > 0 {
            bill.add(self.rate(sku, RateKind::Output, &asked)?, counts.output)?;
        }
        Ok((bill.cost, bill.rate_ids.join("+")))
    }
}

/// Tokens by how they are priced.
pub(crate) struct Counts {
    pub(crate) input: u64,
    /// Input that the prompt cache had no part in.
    pub(crate) plain: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
    pub(crate) output: u64,
}

impl Counts {
    pub(crate) fn of(tokens: &Tokens) -> Result<Self, UnpricedReason> {
        let input = tokens.input.ok_or(UnpricedReason::NoTokens)?;
        let cache_read = tokens.cached_input.unwrap_or(0);
        let cache_write = tokens.cache_write.unwrap_or(0);
        let plain = input
            .checked_sub(cache_read)
            .and_then(|rest| rest.checked_sub(cache_write))
            .ok_or(UnpricedReason::InconsistentTokens)?;
        Ok(Self { input, plain, cache_read, cache_write, output: tokens.output.unwrap_or(0) })
    }
}

/// A cost in the making.
#[derive(Default)]
struct Bill<'a> {
    cost: PicoUsd,
    rate_ids: Vec<&'a str>,
}

impl<'a> Bill<'a> {
    fn add(&mut self, rate: &'a Rate, count: u64) -> Result<(), UnpricedReason> {
        let part = rate.price.checked_mul(count).ok_or(UnpricedReason::TooLarge)?;
        self.cost = self.cost.checked_add(part).ok_or(UnpricedReason::TooLarge)?;
        if !self.rate_ids.contains(&&*rate.id) {
            self.rate_ids.push(&rate.id);
        }
        Ok(())
    }
}
