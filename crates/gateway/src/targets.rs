//! Where a request can go: the target its path names, and those that stand in for it.

mod unlisted;

use std::{borrow::Cow, collections::BTreeSet, fmt, sync::Arc};

use gatelog_model::TenantId;
use http::{HeaderName, HeaderValue, Uri, uri};

use crate::breaker::Breaker;
use unlisted::Unlisted;

/// Cloudflare's slug of Azure OpenAI.
pub const PROVIDER_AZURE: &str = "azure-openai";
/// Cloudflare's slug of OpenAI itself.
pub const PROVIDER_OPENAI: &str = "openai";
/// Where OpenAI itself answers; the gateway's path lacks the version that this one has.
const OPENAI_BASE: &str = "https://api.openai.com/v1";
/// What stands for the resource in [`TargetOptions::base_url`] of Azure.
const RESOURCE: &str = "{resource}";

/// What precedes the deployment in Azure's paths.
const DEPLOYMENTS: &str = "/openai/deployments/";

/// One place that answers requests, as configured.
#[derive(Debug, Clone, Default)]
pub struct TargetOptions {
    /// What `cf-aig-provider` says when it answers: `azure-openai-eu`.
    pub name: String,
    /// Provider slug: `azure-openai`, `openai` or `custom-…`.
    pub provider: String,
    /// The Azure resource, which is also how requests name it; empty for others.
    pub resource: String,
    /// Where it answers; empty for the provider's own address.
    pub base_url: String,
    /// The region its data stays in.
    pub region: Option<String>,
    /// The deployment to use there when it stands in for another target; empty for the one of the same name.
    pub deployment: String,
    /// The key it is called with; without one it gets the caller's. A target of another resource needs its own.
    pub api_key: Option<ApiKey>,
}

/// A provider's key; never printed.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes the key as text.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

/// Who stands in for whom.
#[derive(Debug, Clone, Default)]
pub struct FallbackOptions {
    /// The Azure resource or provider slug that may fail.
    pub from: String,
    /// Only requests for this deployment; empty for all.
    pub deployment: String,
    /// Names of targets, in the order they are tried.
    pub to: Vec<String>,
}

/// A tenant whose data may only go to targets of some regions.
#[derive(Debug, Clone)]
pub struct ResidencyRule {
    /// The tenant.
    pub tenant: TenantId,
    /// The regions; a target of none or another is out of bounds.
    pub regions: BTreeSet<String>,
}

/// Targets that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTargets {
    /// An address that is none.
    #[error("target `{name}`: `{url}` is no http or https address")]
    Address {
        /// Name of the target.
        name: String,
        /// What was given.
        url: String,
    },
    /// A key with characters that no header can have.
    #[error("target `{name}`: its key cannot stand in a header")]
    Key {
        /// Name of the target.
        name: String,
    },
    /// A name that is missing or used twice.
    #[error("target `{name}`: every target needs a name of its own that can stand in a header")]
    Name {
        /// The name.
        name: String,
    },
    /// An Azure target without its resource.
    #[error("target `{name}`: an `azure-openai` target needs `resource`, or a `base_url`, and only it does")]
    Resource {
        /// Name of the target.
        name: String,
    },
    /// A fallback to a target that does not exist, or from Azure to another provider.
    #[error("fallback from `{from}` to `{to}`: there is no such target of the same provider")]
    Fallback {
        /// What may fail.
        from: String,
        /// What is missing.
        to: String,
    },
}

/// One place that answers requests.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: HeaderValue,
    pub(crate) provider: String,
    pub(crate) resource: String,
    pub(crate) region: Option<String>,
    deployment: Option<String>,
    base: Base,
    /// The header that replaces the caller's credential.
    credential: Option<(HeaderName, HeaderValue)>,
    pub(crate) breaker: Breaker,
}

/// Scheme, authority and what precedes every path.
#[derive(Debug, Clone)]
struct Base {
    scheme: uri::Scheme,
    authority: uri::Authority,
    path: String,
}

impl Base {
    fn parse(url: &str) -> Option<Self> {
        let parts = url.parse::<Uri>().ok()?.into_parts();
        let scheme = parts.scheme.filter(|scheme| *scheme == uri::Scheme::HTTP || *scheme == uri::Scheme::HTTPS)?;
        let path = parts.path_and_query.as_ref().map_or("", |path| path.path()).trim_end_matches('/').to_owned();
        Some(Self { scheme, authority: parts.authority?, path })
    }
}

impl Target {
    fn new(options: &TargetOptions, azure_base: &str) -> Result<Self, BadTargets> {
        let name = || options.name.clone();
        let is_azure = options.provider == PROVIDER_AZURE;
        if is_azure == options.resource.is_empty()
            || (options.base_url.is_empty() && !has_own_address(&options.provider))
        {
            return Err(BadTargets::Resource { name: name() });
        }
        let url = match (options.base_url.as_str(), is_azure) {
            ("", true) => azure_base,
            ("", false) => OPENAI_BASE,
            (url, _) => url,
        };
        let url = url.replace(RESOURCE, &options.resource);
        let base = Base::parse(&url).ok_or_else(|| BadTargets::Address { name: name(), url: url.clone() })?;
        let credential = options.api_key.as_ref().map(|key| credential(key, is_azure)).transpose();
        Ok(Self {
            name: HeaderValue::from_str(&options.name).map_err(|_| BadTargets::Name { name: name() })?,
            provider: options.provider.clone(),
            resource: options.resource.clone(),
            region: options.region.clone(),
            deployment: Some(options.deployment.clone()).filter(|name| !name.is_empty()),
            base,
            credential: credential.map_err(|_| BadTargets::Key { name: name() })?,
            breaker: Breaker::default(),
        })
    }

    /// The address of a path at this target.
    pub(crate) fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.base.scheme.clone())
            .authority(self.base.authority.clone())
            .path_and_query(format!("{}{path_and_query}", self.base.path))
            .build()
    }

    /// The header that replaces the caller's credentials, if the target has a key of its own.
    pub(crate) fn credential(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.credential.as_ref()
    }

    /// The deployment to ask for when this target stands in for another.
    pub(crate) fn deployment_for<'a>(&'a self, asked: &'a str) -> &'a str {
        self.deployment.as_deref().unwrap_or(asked)
    }

    /// A path of another target as this one needs it when it stands in: with its own deployment in it.
    pub(crate) fn path_for<'a>(&self, path: &'a str, asked: Option<&str>) -> Cow<'a, str> {
        let Some(asked) = asked else { return Cow::Borrowed(path) };
        let deployment = self.deployment_for(asked);
        let rest = path.strip_prefix(DEPLOYMENTS).and_then(|path| path.strip_prefix(asked));
        match rest.filter(|rest| rest.starts_with('/')) {
            Some(rest) if deployment != asked => Cow::Owned(format!("{DEPLOYMENTS}{deployment}{rest}")),
            _ => Cow::Borrowed(path),
        }
    }
}

fn has_own_address(provider: &str) -> bool {
    provider == PROVIDER_AZURE || provider == PROVIDER_OPENAI
}

fn credential(key: &ApiKey, is_azure: bool) -> Result<(HeaderName, HeaderValue), http::Error> {
    let (name, text) = match is_azure {
        true => (HeaderName::from_static("api-key"), key.0.clone()),
        false => (http::header::AUTHORIZATION, format!("Bearer {}", key.0)),
    };
    let mut value = HeaderValue::from_str(&text)?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Every target there is, and who stands in for whom.
#[derive(Debug)]
pub(crate) struct Targets {
    configured: Vec<Arc<Target>>,
    unlisted: Unlisted,
    fallbacks: Vec<Fallback>,
    azure_base: String,
    residency: Vec<ResidencyRule>,
}

#[derive(Debug)]
struct Fallback {
    from: String,
    deployment: String,
    to: Vec<Arc<Target>>,
}

impl Targets {
    /// `azure_base` is where resources without a target of their own answer, with `{resource}` for the name.
    ///
    /// # Errors
    ///
    /// [`BadTargets`] for the first that cannot be used.
    pub(crate) fn try_new(
        targets: &[TargetOptions],
        fallbacks: &[FallbackOptions],
        azure_base: &str,
        residency: Vec<ResidencyRule>,
    ) -> Result<Self, BadTargets> {
        let mut configured: Vec<Arc<Target>> = Vec::with_capacity(targets.len());
        for options in targets {
            let target = Target::new(options, azure_base)?;
            if options.name.is_empty() || configured.iter().any(|other| other.name == target.name) {
                return Err(BadTargets::Name { name: options.name.clone() });
            }
            configured.push(Arc::new(target));
        }
        let fallbacks = fallbacks.iter().map(|fallback| resolve(fallback, &configured)).collect::<Result<_, _>>()?;
        // A template that cannot work must not wait for the first request to say so.
        Unlisted::default().target(PROVIDER_AZURE, "resource", azure_base)?;
        let azure_base = azure_base.to_owned();
        Ok(Self { configured, unlisted: Unlisted::default(), fallbacks, azure_base, residency })
    }

    /// The target of an Azure resource; one that is not configured has the provider's name and address.
    pub(crate) fn azure(&self, resource: &str) -> Option<Arc<Target>> {
        let is_named =
            |target: &&Arc<Target>| target.provider == PROVIDER_AZURE && target.resource.eq_ignore_ascii_case(resource);
        let configured = self.configured.iter().find(is_named).cloned();
        configured.or_else(|| self.unlisted.target(PROVIDER_AZURE, resource, &self.azure_base).ok())
    }

    /// The target of another provider; `None` when there is no such thing.
    pub(crate) fn provider(&self, slug: &str) -> Option<Arc<Target>> {
        let configured = self.configured.iter().find(|target| target.provider == slug).cloned();
        configured.or_else(|| self.unlisted.target(slug, "", &self.azure_base).ok())
    }

    /// Those that stand in for a target, in order.
    pub(crate) fn fallbacks(&self, primary: &Target, deployment: Option<&str>) -> &[Arc<Target>] {
        let from = if primary.provider == PROVIDER_AZURE { &primary.resource } else { &primary.provider };
        let is_meant = |fallback: &&Fallback| {
            fallback.from.eq_ignore_ascii_case(from)
                && (fallback.deployment.is_empty() || deployment == Some(fallback.deployment.as_str()))
        };
        self.fallbacks.iter().find(is_meant).map_or(&[], |fallback| &fallback.to)
    }

    /// Whether the tenant's data may go to this target.
    pub(crate) fn is_allowed(&self, tenant: &TenantId, target: &Target) -> bool {
        let is_inside =
            |rule: &ResidencyRule| target.region.as_ref().is_some_and(|region| rule.regions.contains(region));
        self.residency.iter().filter(|rule| rule.tenant == *tenant).all(is_inside)
    }
}

fn resolve(fallback: &FallbackOptions, configured: &[Arc<Target>]) -> Result<Fallback, BadTargets> {
    let provider = match fallback.from.as_str() {
        slug if slug == PROVIDER_OPENAI || slug.starts_with("custom-") => slug,
        _ => PROVIDER_AZURE,
    };
    let find = |name: &String| {
        let is_meant = |target: &&Arc<Target>| target.name == name.as_str() && target.provider == provider;
        configured
            .iter()
            .find(is_meant)
            .cloned()
            .ok_or_else(|| BadTargets::Fallback { from: fallback.from.clone(), to: name.clone() })
    };
    let to = fallback.to.iter().map(find).collect::<Result<_, _>>()?;
    Ok(Fallback { from: fallback.from.clone(), deployment: fallback.deployment.clone(), to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(name: &str, resource: &str, region: &str) -> TargetOptions {
        TargetOptions {
            name: name.to_owned(),
            provider: PROVIDER_AZURE.to_owned(),
            resource: resource.to_owned(),
            region: Some(region.to_owned()),
            ..TargetOptions::default()
        }
    }

    fn targets() -> Targets {
        let listed = [
            options("azure-openai-sa", "aoai-za", "southafricanorth"),
            TargetOptions {
                deployment: "gpt4o-eu".to_owned(),
                api_key: Some(ApiKey::new("eu-key")),
                ..options("azure-openai-eu", "aoai-eu", "swedencentral")
            },
        ];
        let fallback = FallbackOptions {
            from: "aoai-za".to_owned(),
            deployment: String::new(),
            to: vec!["azure-openai-eu".into()],
        };
        let residency = vec![ResidencyRule {
            tenant: TenantId::parse("bank").unwrap(),
            regions: ["southafricanorth".to_owned()].into(),
        }];
        Targets::try_new(&listed, &[fallback], "https://{resource}.openai.azure.com", residency).unwrap()
    }

    #[test]
    fn a_resource_has_its_own_host_listed_or_not() {
        let targets = targets();
        let listed = targets.azure("AOAI-za").unwrap();
        assert_eq!(listed.name, "azure-openai-sa");
        assert_eq!(listed.uri("/x?y=1").unwrap(), "https://aoai-za.openai.azure.com/x?y=1");
        let other = targets.azure("other").unwrap();
        assert_eq!(other.name, PROVIDER_AZURE);
        assert_eq!(other.uri("/x").unwrap(), "https://other.openai.azure.com/x");
        let openai = targets.provider(PROVIDER_OPENAI).unwrap();
        assert_eq!(openai.uri("/chat/completions").unwrap(), "https://api.openai.com/v1/chat/completions");
        assert!(targets.provider("custom-none").is_none());
    }

    #[test]
    fn a_stand_in_brings_its_own_deployment_and_key() {
        let targets = targets();
        let primary = targets.azure("aoai-za").unwrap();
        let [stand_in] = targets.fallbacks(&primary, Some("chat")) else { panic!("one stands in") };
        assert_eq!(stand_in.deployment_for("chat"), "gpt4o-eu");
        let path = |path, asked| stand_in.path_for(path, asked).into_owned();
        assert_eq!(path("/openai/deployments/chat/x?y=chat", Some("chat")), "/openai/deployments/gpt4o-eu/x?y=chat");
        assert_eq!(path("/openai/v1/responses", None), "/openai/v1/responses");
        assert_eq!(primary.path_for("/openai/deployments/chat/x", Some("chat")), "/openai/deployments/chat/x");
        assert_eq!(stand_in.credential().unwrap().1, "eu-key");
        assert!(targets.fallbacks(stand_in, None).is_empty());
        assert!(!format!("{stand_in:?}").contains("eu-key"));
    }

    #[test]
    fn residency_holds_for_unknown_regions_too() {
        let targets = targets();
        let (bank, shop) = (TenantId::parse("bank").unwrap(), TenantId::parse("shop").unwrap());
        let allowed = |tenant, resource| targets.is_allowed(tenant, &targets.azure(resource).unwrap());
        assert!(allowed(&bank, "aoai-za"));
        assert!(!allowed(&bank, "aoai-eu"));
        assert!(!allowed(&bank, "unlisted"));
        assert!(allowed(&shop, "unlisted"));
    }

    #[test]
    fn bad_targets_are_named() {
        let try_new = |listed: &[TargetOptions], to: &str| {
            let fallback = FallbackOptions { from: "a".into(), deployment: String::new(), to: vec![to.into()] };
            Targets::try_new(listed, &[fallback], "https://{resource}.openai.azure.com", Vec::new())
                .unwrap_err()
                .to_string()
        };
        let good = options("x", "a", "r");
        assert!(try_new(std::slice::from_ref(&good), "y").contains("from `a` to `y`"));
        assert!(try_new(&[good.clone(), good.clone()], "x").contains("a name of its own"));
        assert!(
            try_new(&[TargetOptions { resource: String::new(), ..good.clone() }], "x").contains("needs `resource`")
        );
        assert!(try_new(&[TargetOptions { base_url: "ftp://h".into(), ..good }], "x").contains("no http"));
        assert!(Targets::try_new(&[], &[], "nonsense", Vec::new()).is_err());
    }
}
