//! What all requests share.

use std::{fmt, io, sync::Arc, time::Duration};

use gatelog_budget::Limiter;
use gatelog_model::{Clock, TenantId};
use gatelog_spool::{SealerPool, Spool};
use gatelog_traces::Traces;

use crate::{
    cache::{AnswerCache, CacheOptions},
    controls::HeaderMode,
    logged::StreamForm,
    prices::Prices,
    retry::{RetryBudget, RetryPlan},
    targets::{BadTargets, FallbackOptions, ResidencyRule, TargetOptions, Targets},
    tokens::TokenStore,
};

/// Which metadata entries have a meaning.
#[derive(Debug, Clone)]
pub struct KnownKeys {
    /// Names the tenant.
    pub tenant: String,
}

/// How the gateway behaves; the defaults are safe and open nothing.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// Accounts and gateways that are served, as they stand in the path; empty serves any.
    pub gateways: Vec<String>,
    /// Whether a control header that cannot be understood is an error.
    pub header_mode: HeaderMode,
    /// Which metadata entries have a meaning.
    pub known_keys: KnownKeys,
    /// The tenant of requests that name none.
    pub default_tenant: TenantId,
    /// Where Azure resources without a target of their own answer.
    pub azure_base: String,
    /// Known places.
    pub targets: Vec<TargetOptions>,
    /// Who stands in for whom.
    pub fallbacks: Vec<FallbackOptions>,
    /// Tenants whose data must stay in some regions.
    pub residency: Vec<ResidencyRule>,
    /// Retries of requests that do not say.
    pub retry: RetryPlan,
    /// Longest wait that a provider may ask for; one that asks for more is not asked again.
    pub retry_wait_max: Duration,
    /// From the arrival of a request to the first byte of its answer, all tries included.
    pub deadline: Duration,
    /// Longest silence within an answer.
    pub idle_timeout: Duration,
    /// Largest request, bytes. Cloudflare's limit for what it caches is 25 MB.
    pub request_bytes_max: usize,
    /// Largest answer, bytes; one that has more is broken off.
    pub response_bytes_max: u64,
    /// Largest text of one body in a record, bytes; what is longer is cut and marked.
    pub log_body_bytes_max: usize,
    /// How records have streamed answers.
    pub log_stream_form: StreamForm,
    /// Tenants whose requests may opt out of being recorded.
    pub opt_out_tenants: Vec<TenantId>,
    /// Output tokens that a budget reserves for a request that sets no limit of its own.
    pub output_tokens_assumed: u64,
    /// The cache.
    pub cache: CacheOptions,
    /// Whether an answer fails if its record cannot be written.
    pub strict_audit: bool,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            gateways: Vec::new(),
            header_mode: HeaderMode::Strict,
            known_keys: KnownKeys { tenant: "tenantId".to_owned() },
            default_tenant: TenantId::parse("default").expect("a plain word is a name"),
            azure_base: "https://{resource}.openai.azure.com".to_owned(),
            targets: Vec::new(),
            fallbacks: Vec::new(),
            residency: Vec::new(),
            retry: RetryPlan::default(),
            retry_wait_max: Duration::from_secs(20),
            deadline: Duration::from_secs(600),
            idle_timeout: Duration::from_secs(300),
            request_bytes_max: 25 * 1024 * 1024,
            response_bytes_max: 1024 * 1024 * 1024,
            log_body_bytes_max: 1024 * 1024,
            log_stream_form: StreamForm::Assembled,
            opt_out_tenants: Vec::new(),
            output_tokens_assumed: 4_096,
            cache: CacheOptions::default(),
            strict_audit: false,
        }
    }
}

/// What the gateway is built on.
pub struct Parts {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Takes the records.
    pub spool: Spool,
    /// Seals them; without it they are written in clear.
    pub sealers: Option<SealerPool>,
    /// Holds the budgets.
    pub limiter: Limiter,
    /// Prices for the budgets.
    pub prices: Prices,
    /// Who may call; without it everybody.
    pub tokens: Option<Box<dyn TokenStore>>,
    /// Makes spans.
    pub traces: Traces,
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The targets make no sense.
    #[error(transparent)]
    Targets(#[from] BadTargets),
    /// No HTTP client.
    #[error("cannot set up the HTTPS client: are there CA certificates on this machine?")]
    Client(#[source] io::Error),
}

/// The gateway; cheap to clone.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) options: GatewayOptions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spool: Spool,
    pub(crate) sealers: Option<SealerPool>,
    pub(crate) limiter: Limiter,
    pub(crate) prices: Prices,
    pub(crate) tokens: Option<Box<dyn TokenStore>>,
    pub(crate) traces: Traces,
    pub(crate) targets: Targets,
    /// How the providers are known.
    pub(crate) upstream_tls: rustls::ClientConfig,
    pub(crate) cache: AnswerCache,
    pub(crate) retry_budget: RetryBudget,
}

impl Gateway {
    /// Puts the gateway together.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when the options contradict each other or the machine has no CA certificates.
    pub fn new(options: GatewayOptions, parts: Parts) -> Result<Self, SetupError> {
        let targets =
            Targets::try_new(&options.targets, &options.fallbacks, &options.azure_base, options.residency.clone())?;
        Ok(Self(Arc::new(Shared {
            clock: parts.clock,
            spool: parts.spool,
            sealers: parts.sealers,
            limiter: parts.limiter,
            prices: parts.prices,
            tokens: parts.tokens,
            traces: parts.traces,
            targets,
            upstream_tls: gatelog_runtime::client_tls().map_err(SetupError::Client)?,
            cache: AnswerCache::new(options.cache.clone()),
            retry_budget: RetryBudget::default(),
            options,
        })))
    }

    /// Whether callers need a token.
    pub fn has_authentication(&self) -> bool {
        self.0.tokens.is_some()
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("options", &self.0.options).finish_non_exhaustive()
    }
}
