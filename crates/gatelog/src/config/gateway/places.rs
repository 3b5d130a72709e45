//! The sections of places that requests can go to, and of who may send them.

use std::path::PathBuf;

use gatelog_gateway::{ApiKey, FallbackOptions, ResidencyRule, TargetOptions, TokenDigest, TokenGrant};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{super::secret, ConfigError, Secret, invalid, tenant};

/// A place that requests can go to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetSection {
    /// What `cf-aig-provider` says when it answers.
    pub(crate) name: String,
    /// `azure-openai`, `openai` or `custom-…`.
    pub(crate) provider: String,
    /// Azure resource; only for `azure-openai`.
    #[serde(default)]
    pub(crate) resource: String,
    /// Address, if it is not the provider's own.
    #[serde(default)]
    pub(crate) base_url: String,
    /// Region its data stays in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    /// Deployment to use when it stands in for another target; empty for the one of the same name.
    #[serde(default)]
    pub(crate) deployment: String,
    /// File with the key it is called with; without one it gets the caller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The key itself; prefer `api_key_file`.
    #[serde(default)]
    pub(crate) api_key: Secret,
}

impl TargetSection {
    pub(super) fn options(&self) -> Result<TargetOptions, ConfigError> {
        let key = secret("gateway.targets.api_key", &self.api_key, self.api_key_file.as_ref())?;
        Ok(TargetOptions {
            name: self.name.clone(),
            provider: self.provider.clone(),
            resource: self.resource.clone(),
            base_url: self.base_url.clone(),
            region: self.region.clone(),
            deployment: self.deployment.clone(),
            api_key: key.map(|key| ApiKey::new(key.expose())),
        })
    }
}

/// Who stands in for whom.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FallbackSection {
    /// Azure resource or provider slug that may fail.
    pub(crate) from: String,
    /// Only requests for this deployment; empty for all.
    #[serde(default)]
    pub(crate) deployment: String,
    /// Names of targets, in the order they are tried.
    pub(crate) to: Vec<String>,
}

impl FallbackSection {
    pub(super) fn options(&self) -> FallbackOptions {
        FallbackOptions { from: self.from.clone(), deployment: self.deployment.clone(), to: self.to.clone() }
    }
}

/// A tenant whose data must stay in some regions.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResidencySection {
    /// The tenant.
    pub(crate) tenant: String,
    /// The regions of the targets that may have its data.
    pub(crate) regions: Vec<String>,
}

impl ResidencySection {
    pub(super) fn rule(&self) -> Result<ResidencyRule, ConfigError> {
        let tenant = tenant("gateway.residency.tenant", &self.tenant)?;
        Ok(ResidencyRule { tenant, regions: self.regions.iter().cloned().collect() })
    }
}

/// A gateway token, known by its digest.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenSection {
    /// Names it in logs.
    pub(crate) id: String,
    /// SHA-256 of the token, 64 hexadecimal digits.
    pub(crate) sha256: String,
    /// The tenant its requests are for; without one the request names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    /// Gateways it may call; empty for all.
    #[serde(default)]
    pub(crate) gateways: Vec<String>,
}

impl TokenSection {
    pub(crate) fn grant(&self) -> Result<(TokenDigest, TokenGrant), ConfigError> {
        let digest = TokenDigest::parse(&self.sha256).ok_or_else(|| {
            let problem = format!("of token `{}` must have 64 hexadecimal digits: sha256sum of the token", self.id);
            invalid("gateway.tokens.sha256", problem)
        })?;
        let tenant = self.tenant.as_deref().map(|name| tenant("gateway.tokens.tenant", name)).transpose()?;
        Ok((digest, TokenGrant { id: self.id.clone(), tenant, gateways: self.gateways.clone() }))
    }
}
