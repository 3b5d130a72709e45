//! Reads a request: who asks, for whom, and what for.

use bytes::Bytes;
use gatelog_model::TenantId;
use http::{HeaderMap, Method, Request, header, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::value::RawValue;

use crate::{
    cache::AuthClass,
    controls::{Controls, Metadata},
    error_body::GatewayError,
    gateway::Shared,
    metrics,
    route::Route,
    tokens::{TokenDigest, TokenGrant},
};

/// Longest body that is copied; about what fits into a connection's buffer at first.
const COPIED_BYTES_MAX: usize = 16 * 1024;

/// Headers that carry a provider's credential.
const CREDENTIALS: [&str; 2] = ["api-key", "authorization"];

/// A request that may be answered.
pub(crate) struct Intake {
    pub(crate) route: Route,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) controls: Controls,
    pub(crate) caller: Caller,
}

/// Who asks.
pub(crate) struct Caller {
    pub(crate) tenant: TenantId,
    /// Who may share its answers.
    pub(crate) class: AuthClass,
    /// The metadata, with the token's tenant in it.
    pub(crate) metadata: Option<Box<RawValue>>,
}

impl Intake {
    /// Reads head, then caller, then body: who may not call sends no body.
    ///
    /// # Errors
    ///
    /// The answer that says what is wrong.
    pub(crate) async fn read(shared: &Shared, request: Request<Incoming>) -> Result<Self, GatewayError> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let route = Route::parse(path).map_err(|error| GatewayError::from(&error))?;
        let served = &shared.options.gateways;
        if !served.is_empty() && !served.iter().any(|name| name == route.gateway.as_str()) {
            return Err(GatewayError::unknown_gateway());
        }
        let read =
            Controls::read(&parts.headers, shared.options.header_mode).map_err(|error| GatewayError::from(&error))?;
        read.left_out.iter().for_each(|header| metrics::header_left_out(header));
        let caller = caller(shared, &route, &parts, &read.controls).await?;
        let body = read_body(body, &parts.headers, shared.options.request_bytes_max).await?;
        Ok(Self { route, method: parts.method, headers: parts.headers, body, controls: read.controls, caller })
    }
}

async fn caller(shared: &Shared, route: &Route, parts: &Parts, controls: &Controls) -> Result<Caller, GatewayError> {
    let grant = match &shared.tokens {
        None => None,
        Some(tokens) => {
            let token = controls.authorization.as_ref().ok_or_else(GatewayError::unauthorized)?;
            let found = tokens.find(TokenDigest::of(token.expose())).await.map_err(|error| {
                tracing::error!(%error, "cannot check a gateway token");
                GatewayError::unavailable("gateway tokens cannot be checked right now")
            })?;
            let grant = found.ok_or_else(GatewayError::unauthorized)?;
            if !grant.gateways.is_empty() && !grant.gateways.iter().any(|name| name == route.gateway.as_str()) {
                return Err(GatewayError::forbidden("this token is not for this gateway"));
            }
            Some(grant)
        }
    };
    let key = &shared.options.known_keys.tenant;
    let named = controls.metadata.as_ref().and_then(|metadata| metadata.get(key));
    let named = named.map(TenantId::parse).transpose();
    let named = named.map_err(|error| GatewayError::bad_request(format!("`{key}` in `cf-aig-metadata`: {error}")))?;
    let tenant = tenant(shared, grant.as_ref(), named)?;
    let metadata = logged_metadata(controls.metadata.clone(), key, grant.as_ref());
    let class = match &grant {
        Some(grant) => AuthClass::of_token(&grant.id),
        None => {
            let sent = CREDENTIALS.map(|name| parts.headers.get(name).map_or(&b""[..], |value| value.as_bytes()));
            AuthClass::of_credentials(&sent)
        }
    };
    Ok(Caller { tenant, class, metadata })
}

/// The token's tenant, else the one that the request names, else that of requests that name none. A request may not
/// contradict its token.
fn tenant(shared: &Shared, grant: Option<&TokenGrant>, named: Option<TenantId>) -> Result<TenantId, GatewayError> {
    match (grant.and_then(|grant| grant.tenant.clone()), named) {
        (Some(granted), Some(named)) if granted != named => {
            Err(GatewayError::forbidden("the token is for another tenant than `cf-aig-metadata` names"))
        }
        (Some(tenant), _) | (None, Some(tenant)) => Ok(tenant),
        (None, None) => Ok(shared.options.default_tenant.clone()),
    }
}

/// The metadata as it is recorded: as sent, and with the token's tenant if it has one.
fn logged_metadata(sent: Option<Metadata>, key: &str, grant: Option<&TokenGrant>) -> Option<Box<RawValue>> {
    let metadata = match grant.and_then(|grant| grant.tenant.as_ref()) {
        Some(tenant) => Some(sent.unwrap_or_default().with(key, tenant.as_str())),
        None => sent,
    };
    metadata.and_then(|metadata| RawValue::from_string(metadata.to_json()).ok())
}

/// A short body in memory of its own: it would hold the whole buffer that it was read into for as long as its answer
/// takes, and the connection would need another one meanwhile.
fn apart(body: Bytes) -> Bytes {
    if body.len() <= COPIED_BYTES_MAX { Bytes::copy_from_slice(&body) } else { body }
}

async fn read_body(body: Incoming, headers: &HeaderMap, bytes_max: usize) -> Result<Bytes, GatewayError> {
    let too_large = || GatewayError::body_too_large(bytes_max as u64);
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(too_large());
    }
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(apart(body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(GatewayError::bad_request("the body of the request broke off")),
    }
}
