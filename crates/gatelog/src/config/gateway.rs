//! The sections of the gateway.

mod answers;
mod audit;
mod places;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use gatelog_gateway::{GatewayOptions, HeaderMode, KnownKeys};
use gatelog_model::TenantId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Secret};

use answers::{CacheSection, RetrySection};
pub(crate) use audit::AuditSection;
use audit::{AuditMode, LOG_BODY_BYTES_MAX};
use places::{FallbackSection, ResidencySection, TargetSection, TokenSection};

/// The proxy in front of the providers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GatewaySection {
    /// Address and port; beyond loopback only with tokens, or with `--insecure`.
    pub(crate) listen: SocketAddr,
    /// Ids of the gateways that are served, as they stand in the path; empty serves any.
    pub(crate) gateways: Vec<String>,
    /// Whether a control header that cannot be understood is an error (400) or left out.
    pub(crate) strict_headers: bool,
    /// Tenant of requests that name none, for budgets and cache.
    pub(crate) default_tenant: String,
    /// Where Azure resources answer that have no target of their own; `{resource}` stands for the name.
    pub(crate) azure_base_url: String,
    /// Largest request, bytes.
    pub(crate) request_bytes_max: usize,
    /// Largest answer, bytes; one that has more is broken off.
    pub(crate) response_bytes_max: u64,
    /// Connections at once; more wait.
    pub(crate) connections_max: usize,
    /// From the arrival of a request to the first byte of its answer, all tries included, seconds.
    pub(crate) deadline_seconds: u64,
    /// Longest silence within an answer, seconds.
    pub(crate) idle_timeout_seconds: u64,
    /// How long open answers may go on after SIGTERM, seconds.
    pub(crate) drain_seconds: u64,
    /// Output tokens that a budget reserves for a request without a limit of its own.
    pub(crate) output_tokens_assumed: u64,
    /// Tenants that may opt out of the log with `cf-aig-collect-log` and `cf-aig-collect-log-payload`.
    pub(crate) opt_out_tenants: Vec<String>,
    /// Retries of requests that do not say.
    pub(crate) retry: RetrySection,
    /// The cache.
    pub(crate) cache: CacheSection,
    /// The audit log.
    pub(crate) audit: AuditSection,
    /// TLS towards callers; plain HTTP without.
    pub(crate) tls: TlsSection,
    /// Whether callers need a token in `cf-aig-authorization`; with a database the tokens of `gatelog token` count too.
    pub(crate) authentication: bool,
    /// Tokens besides those in the database.
    pub(crate) tokens: Vec<TokenSection>,
    /// Places that requests can go to, besides those that the path names.
    pub(crate) targets: Vec<TargetSection>,
    /// Who stands in for whom.
    pub(crate) fallbacks: Vec<FallbackSection>,
    /// Tenants whose data must stay in some regions.
    pub(crate) residency: Vec<ResidencySection>,
}

impl Default for GatewaySection {
    fn default() -> Self {
        let options = GatewayOptions::default();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8787)),
            gateways: options.gateways,
            strict_headers: options.header_mode == HeaderMode::Strict,
            default_tenant: options.default_tenant.as_str().to_owned(),
            azure_base_url: options.azure_base,
            request_bytes_max: options.request_bytes_max,
            response_bytes_max: options.response_bytes_max,
            connections_max: 10_000,
            deadline_seconds: options.deadline.as_secs(),
            idle_timeout_seconds: options.idle_timeout.as_secs(),
            drain_seconds: 30,
            output_tokens_assumed: options.output_tokens_assumed,
            opt_out_tenants: Vec::new(),
            retry: RetrySection::default(),
            cache: CacheSection::default(),
            audit: AuditSection::default(),
            tls: TlsSection::default(),
            authentication: false,
            tokens: Vec::new(),
            targets: Vec::new(),
            fallbacks: Vec::new(),
            residency: Vec::new(),
        }
    }
}

/// Certificate and key.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TlsSection {
    /// PEM file with the certificate chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_file: Option<PathBuf>,
    /// PEM file with its private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) private_key_file: Option<PathBuf>,
}

impl GatewaySection {
    /// The gateway's options; `tenant_key` is the metadata entry that names the tenant.
    pub(crate) fn options(&self, tenant_key: &str) -> Result<GatewayOptions, ConfigError> {
        if self.audit.body_bytes_max > LOG_BODY_BYTES_MAX {
            let problem = format!("must be at most {LOG_BODY_BYTES_MAX}: ingest reads no longer lines");
            return Err(invalid("gateway.audit.body_bytes_max", problem));
        }
        if !(1..=5).contains(&self.retry.max_attempts) || self.retry.delay_ms > 5_000 {
            return Err(invalid("gateway.retry", "takes 1 to 5 attempts and at most 5000 ms of delay"));
        }
        let opt_out = self.opt_out_tenants.iter().map(|name| tenant("gateway.opt_out_tenants", name));
        Ok(GatewayOptions {
            gateways: self.gateways.clone(),
            header_mode: if self.strict_headers { HeaderMode::Strict } else { HeaderMode::Lenient },
            known_keys: KnownKeys { tenant: tenant_key.to_owned() },
            default_tenant: tenant("gateway.default_tenant", &self.default_tenant)?,
            azure_base: self.azure_base_url.clone(),
            targets: self.targets.iter().map(TargetSection::options).collect::<Result<_, _>>()?,
            fallbacks: self.fallbacks.iter().map(FallbackSection::options).collect(),
            residency: self.residency.iter().map(ResidencySection::rule).collect::<Result<_, _>>()?,
            retry: self.retry.plan(),
            retry_wait_max: Duration::from_secs(self.retry.wait_max_seconds),
            deadline: Duration::from_secs(self.deadline_seconds),
            idle_timeout: Duration::from_secs(self.idle_timeout_seconds),
            request_bytes_max: self.request_bytes_max,
            response_bytes_max: self.response_bytes_max,
            log_body_bytes_max: self.audit.body_bytes_max,
            log_stream_form: self.audit.streamed_answers.form(),
            opt_out_tenants: opt_out.collect::<Result<_, _>>()?,
            output_tokens_assumed: self.output_tokens_assumed,
            cache: self.cache.options(),
            strict_audit: matches!(self.audit.mode, AuditMode::Strict),
        })
    }
}

fn invalid(key: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { key, problem: problem.into() }
}

fn tenant(key: &'static str, name: &str) -> Result<TenantId, ConfigError> {
    TenantId::parse(name).map_err(|error| invalid(key, format!("`{name}`: {error}")))
}
