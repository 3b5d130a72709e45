//! What a path asks for: whose gateway, which provider, which path there.
//!
//! | after `/v1/{account}/{gateway}` | goes to |
//! |---|---|
//! | nothing, or `/` | the universal endpoint |
//! | `/azure-openai/{resource}/{deployment}/{rest}` | `/openai/deployments/{deployment}/{rest}` of the resource |
//! | `/azure-openai/{resource}/openai/deployments/{deployment}/{rest}` | the same (1) |
//! | `/azure-openai/{resource}/deployments/{deployment}/{rest}` | the same (2) |
//! | `/azure-openai/{resource}/{deployment}/deployments/{deployment}/{rest}` | the same (3) |
//! | `/azure-openai/{resource}/openai/{rest}` | `/openai/{rest}`: the body names the deployment, if any |
//! | `/openai/{rest}`, `/custom-{slug}/{rest}` | `/{rest}` after the provider's base URL |
//!
//! What the SDKs make of a base URL: (1) `AzureOpenAI(azure_endpoint=..)`; (2) `@ai-sdk/azure` with
//! `useDeploymentBasedUrls`; (3) `AzureOpenAI(base_url=..)` with a deployment in it, both names must agree. Hence no
//! deployment can be named `openai` or `deployments`.
//!
//! Sources: Cloudflare's pages on Azure OpenAI and custom providers; the code of `openai` for Python and Node and of
//! `@ai-sdk/azure` 3.0.128, read 2026-11-24.
//!
//! The name of a resource becomes a host name and the rest a path on it, so nothing is normalised: what is not plain is
//! refused. Escapes other than those that hide a separator, a dot or a control character are passed on as they are.

mod names;
mod path;
mod universal;

#[cfg(test)]
mod tests;

pub use names::{AccountId, DeploymentName, GatewayId, ResourceName};
pub use path::UpstreamPath;
pub use universal::{BadUniversal, UniversalEntry};

/// Slug of Azure OpenAI.
const AZURE: &str = "azure-openai";
/// Slug of OpenAI itself.
const OPENAI: &str = "openai";
/// What the slugs of custom providers begin with.
const CUSTOM_PREFIX: &str = "custom-";
/// Longest slug of a custom provider after its prefix.
const SLUG_BYTES_MAX: usize = 64;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Whose gateway.
    pub account: AccountId,
    /// Which gateway.
    pub gateway: GatewayId,
    /// To whom.
    pub target: Target,
    /// The provider's path as Cloudflare logs it: no slash in front, the query included, for Azure
    /// `{resource}/{deployment}/{rest}` in whatever form the path was sent. Empty for the universal endpoint.
    pub endpoint: String,
}

/// To whom a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A resource of Azure OpenAI.
    Azure {
        /// The resource, first label of the host name.
        resource: ResourceName,
        /// The deployment, unless the path leaves it to the body.
        deployment: Option<DeploymentName>,
        /// Path and query on that host.
        path: UpstreamPath,
    },
    /// Any other provider.
    Provider {
        /// `openai` or `custom-{slug}`; whether it is configured is not known here.
        slug: String,
        /// Path and query after the provider's base URL.
        path: UpstreamPath,
    },
    /// The universal endpoint: the body's entries say where to go. A query is of no meaning there.
    Universal,
}

/// A path that leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// More than 8 KiB.
    #[error("path and query must be at most 8192 bytes")]
    TooLong,
    /// No gateway in it.
    #[error("path must begin with `/v1/{{account}}/{{gateway}}`")]
    NoGateway,
    /// A character that has no place in a path or query.
    #[error("path or query has a character that must be percent-encoded")]
    Character,
    /// A percent sign without two digits, or one that hides a separator, a dot, a percent sign or a control character.
    #[error("path has a percent-encoding that is not accepted")]
    Escape,
    /// Two slashes in a row, or one at the end.
    #[error("path has an empty segment")]
    EmptySegment,
    /// `.` or `..`.
    #[error("path has a `.` or `..` segment")]
    DotSegment,
    /// Not a name of an account.
    #[error("account must be 1 to 64 of `A-Z`, `a-z`, `0-9`, `-` and `_`")]
    Account,
    /// Not a name of a gateway.
    #[error("gateway must be 1 to 64 of `A-Z`, `a-z`, `0-9`, `-` and `_`")]
    Gateway,
    /// Not a name of a resource.
    #[error("Azure resource must be 1 to 64 of `a-z`, `0-9` and `-`")]
    Resource,
    /// Not a name of a deployment.
    #[error(
        "Azure deployment must be 1 to 64 of `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`, and not `openai` or `deployments`"
    )]
    Deployment,
    /// Two deployments in one path.
    #[error("path names two different Azure deployments")]
    TwoDeployments,
    /// No provider that a gateway can have.
    #[error("provider must be `azure-openai`, `openai` or `custom-{{slug}}`")]
    UnknownProvider,
    /// A provider, but nothing to ask of it.
    #[error("path ends before it names what to call")]
    TooShort,
}

impl Route {
    /// Takes the path and query of a request apart.
    ///
    /// # Errors
    ///
    /// [`RouteError`]; all of them are the caller's.
    pub fn parse(path_and_query: &str) -> Result<Self, RouteError> {
        let (path, query) = path::split(path_and_query)?;
        let scoped = path.strip_prefix("/v1/").ok_or(RouteError::NoGateway)?;
        let (account, scoped) = scoped.split_once('/').ok_or(RouteError::NoGateway)?;
        let (gateway, rest) = scoped.split_once('/').unwrap_or((scoped, ""));
        if account.is_empty() || gateway.is_empty() {
            return Err(RouteError::NoGateway);
        }
        let (account, gateway) = (AccountId::parse(account)?, GatewayId::parse(gateway)?);
        if rest.is_empty() {
            return Ok(Self { account, gateway, target: Target::Universal, endpoint: String::new() });
        }
        path::check(rest)?;
        let (provider, rest) = rest.split_once('/').unwrap_or((rest, ""));
        Self::to_provider(account, gateway, provider, rest, query)
    }

    /// The slug of the provider; the universal endpoint has none.
    pub fn provider(&self) -> Option<&str> {
        match &self.target {
            Target::Azure { .. } => Some(AZURE),
            Target::Provider { slug, .. } => Some(slug),
            Target::Universal => None,
        }
    }

    /// The route to a provider's `rest`, which is checked; `query` is empty or begins with its question mark.
    fn to_provider(
        account: AccountId,
        gateway: GatewayId,
        provider: &str,
        rest: &str,
        query: &str,
    ) -> Result<Self, RouteError> {
        let (target, endpoint) = match provider {
            AZURE => to_azure(rest, query)?,
            slug if is_other_provider(slug) => {
                let endpoint = format!("{}{query}", some(rest)?);
                // Clients that take OpenAI's whole URL apart leave its version in; the provider's base has it already.
                let path = if slug == OPENAI { endpoint.strip_prefix("v1/").unwrap_or(&endpoint) } else { &endpoint };
                (Target::Provider { slug: slug.to_owned(), path: UpstreamPath::of(path) }, endpoint)
            }
            _ => return Err(RouteError::UnknownProvider),
        };
        Ok(Self { account, gateway, target, endpoint })
    }
}

fn to_azure(rest: &str, query: &str) -> Result<(Target, String), RouteError> {
    let (resource, rest) = some(rest)?.split_once('/').unwrap_or((rest, ""));
    let resource = ResourceName::parse(resource)?;
    let Some((deployment, rest)) = deployment_of(some(rest)?)? else {
        let endpoint = format!("{resource}/{rest}{query}");
        let path = UpstreamPath::of(&format!("{rest}{query}"));
        return Ok((Target::Azure { resource, deployment: None, path }, endpoint));
    };
    let endpoint = format!("{resource}/{deployment}/{rest}{query}");
    let path = UpstreamPath::of(&format!("openai/deployments/{deployment}/{rest}{query}"));
    Ok((Target::Azure { resource, deployment: Some(deployment), path }, endpoint))
}

/// The deployment and what follows it; `None` where a path of Azure's own names none.
fn deployment_of(rest: &str) -> Result<Option<(DeploymentName, &str)>, RouteError> {
    let azure = rest.strip_prefix("openai/deployments").or_else(|| rest.strip_prefix("deployments"));
    if let Some(azure) = azure.filter(|azure| azure.is_empty() || azure.starts_with('/')) {
        return named_deployment(azure.trim_start_matches('/')).map(Some);
    }
    match rest {
        "openai" | "openai/v1" => Err(RouteError::TooShort),
        rest if rest.starts_with("openai/") => Ok(None),
        rest => cloudflare_deployment(rest).map(Some),
    }
}

/// Cloudflare's own form, also with the deployment a second time as `AzureOpenAI(base_url=..)` puts it.
fn cloudflare_deployment(rest: &str) -> Result<(DeploymentName, &str), RouteError> {
    let (deployment, rest) = named_deployment(rest)?;
    let Some(again) = rest.strip_prefix("deployments/") else { return Ok((deployment, rest)) };
    match named_deployment(again)? {
        (same, rest) if same == deployment => Ok((deployment, rest)),
        _ => Err(RouteError::TwoDeployments),
    }
}

fn named_deployment(rest: &str) -> Result<(DeploymentName, &str), RouteError> {
    let (deployment, rest) = rest.split_once('/').ok_or(RouteError::TooShort)?;
    Ok((DeploymentName::parse(deployment)?, some(rest)?))
}

fn is_other_provider(slug: &str) -> bool {
    let is_custom = |slug: &str| {
        (1..=SLUG_BYTES_MAX).contains(&slug.len())
            && slug.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    slug == OPENAI || slug.strip_prefix(CUSTOM_PREFIX).is_some_and(is_custom)
}

fn some(rest: &str) -> Result<&str, RouteError> {
    if rest.is_empty() { Err(RouteError::TooShort) } else { Ok(rest) }
}
