//! One request and its answer, before either is text.

use gatelog_model::{Outcome, TimestampMicros, Tokens};

use super::{
    deployments::{DEPLOYMENTS, Deployment},
    random::Random,
};

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// All at once.
    Whole,
    /// As server-sent events, with usage at the end.
    Streamed,
    /// Out of the gateway's cache.
    FromCache,
    /// 429 of Azure.
    ProviderLimit,
    /// 429 of the gateway.
    GatewayLimit,
    /// 500 of Azure.
    ServerError,
    /// 400: the prompt was filtered.
    Filtered,
}

impl Answer {
    /// A thousand requests answered in these shares.
    fn draw(random: &mut Random) -> Self {
        match random.below(1_000) {
            0..780 => Self::Whole,
            780..900 => Self::Streamed,
            900..935 => Self::FromCache,
            935..955 => Self::ProviderLimit,
            955..965 => Self::GatewayLimit,
            965..980 => Self::ServerError,
            _ => Self::Filtered,
        }
    }

    pub(super) fn status(self) -> u16 {
        match self {
            Self::Whole | Self::Streamed | Self::FromCache => 200,
            Self::ProviderLimit | Self::GatewayLimit => 429,
            Self::ServerError => 500,
            Self::Filtered => 400,
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Whole | Self::Streamed | Self::FromCache => Outcome::Ok,
            Self::ProviderLimit | Self::GatewayLimit => Outcome::RateLimited,
            Self::ServerError => Outcome::Error,
            Self::Filtered => Outcome::Blocked,
        }
    }
}

/// A request and its answer.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) label: String,
    pub(super) tenant: String,
    pub(super) user: String,
    pub(super) prompt_version: &'static str,
    pub(super) feature: &'static str,
    pub(super) deployment: &'static Deployment,
    pub(super) answer: Answer,
    pub(super) at: TimestampMicros,
    /// What the answer says it used; nothing for errors.
    pub(super) tokens: Option<Tokens>,
    /// Draws the words of the bodies, so that they do not depend on who asks for them.
    pub(super) words_seed: u64,
}

const FEATURES: [&str; 4] = ["chat", "summarise", "rag-search", "ticket-triage"];
const PROMPT_VERSIONS: [&str; 3] = ["v1", "v2", "v2.1"];

impl Exchange {
    /// Draws the `number`-th request. The first `tenants` requests have a tenant each, the rest prefer the first ones.
    pub(super) fn draw(random: &mut Random, seed: u64, number: u64, tenants: u64, at: TimestampMicros) -> Self {
        let tenant = if number < tenants { number } else { random.below(tenants).min(random.below(tenants)) };
        let deployment = draw_deployment(random);
        let answer = match Answer::draw(random) {
            Answer::Streamed if deployment.is_embeddings() => Answer::Whole,
            answer => answer,
        };
        let tokens = (answer.outcome() == Outcome::Ok).then(|| draw_tokens(random, deployment));
        Self {
            label: format!("t{seed:x}-{number:07}"),
            tenant: format!("tenant-{tenant:02}"),
            user: format!("user-{:03}", random.below(400)),
            prompt_version: random.pick(&PROMPT_VERSIONS),
            feature: random.pick(&FEATURES),
            deployment,
            answer,
            at,
            tokens,
            words_seed: random.next(),
        }
    }
}

fn draw_deployment(random: &mut Random) -> &'static Deployment {
    let sum = DEPLOYMENTS.iter().map(|deployment| deployment.weight).sum();
    let mut left = random.below(sum);
    for deployment in &DEPLOYMENTS {
        match left.checked_sub(deployment.weight) {
            Some(rest) => left = rest,
            None => return deployment,
        }
    }
    unreachable!("the number drawn is below the sum of the weights")
}

fn draw_tokens(random: &mut Random, deployment: &Deployment) -> Tokens {
    let input = random.between(20, 4_000);
    if deployment.is_embeddings() {
        return Tokens { input: Some(input), ..Tokens::default() };
    }
    // Azure caches prompts from 1,024 tokens on, in steps of 128.
    let is_cached = input >= 1_024 && random.below(3) == 0;
    let cached = if is_cached { random.between(8, input / 128) * 128 } else { 0 };
    let output = random.between(1, 900);
    let reasoning = if deployment.is_reasoning() { random.below(output + 1) } else { 0 };
    Tokens {
        input: Some(input),
        cached_input: Some(cached),
        cache_write: None,
        output: Some(output),
        reasoning: Some(reasoning),
    }
}
