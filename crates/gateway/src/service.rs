//! One request of a caller, from its head to the head of the answer.
//!
//! The order is: read and authenticate; make sure that the audit record has a place; look into the cache; keep to residency;
//! reserve the budget; forward. Everything up to there is refused before a provider is called.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    answer::AnswerBody,
    cache::{CacheKey, CacheScope, CacheStatus},
    controls::{CacheTtl, Controls, HeaderMode},
    conversation::{Collect, Conversation, expected_record_bytes},
    error_body::GatewayError,
    gateway::{Gateway, Shared},
    headers::set_text,
    intake::Intake,
    metrics,
    plan::{Step, Wanted, append_steps},
    route::{Route, Target as RouteTarget, UniversalEntry},
    serving::Serving,
    spans,
};

/// How long an answer is kept if the request brings a cache key but no time; Cloudflare's figure.
const KEYED_TTL: Duration = Duration::from_secs(300);

impl Gateway {
    /// Answers one request; every failure is an answer too.
    pub(crate) async fn answer(self, request: Request<Incoming>) -> Result<Response<AnswerBody>, Infallible> {
        let arrived = Instant::now();
        let request_id = Uuid::now_v7();
        let asked_event_id = request.headers().get("cf-aig-event-id").and_then(|value| value.to_str().ok());
        let mut ids = Ids { request: request_id, event: asked_event_id.unwrap_or_default().to_owned() };
        if ids.event.is_empty() || ids.event.len() > 128 {
            ids.event = request_id.to_string();
        }
        let answer = match self.respond(request, arrived, &ids).await {
            Ok(response) => response,
            Err(refused) => refused.into_response(),
        };
        let mut answer = answer;
        ids.set(answer.headers_mut());
        Ok(answer)
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        arrived: Instant,
        ids: &Ids,
    ) -> Result<Response<AnswerBody>, Refused> {
        let shared = &self.0;
        let span = spans::request(&shared.traces, request.headers());
        let intake = Intake::read(shared, request).await?;
        let read = Instant::now();
        let steps = steps(shared, &intake)?;
        let ticket = shared.spool.admit(expected_record_bytes(&intake.body)).map_err(|error| {
            tracing::warn!(%error, "refused a request: no room for its audit record");
            GatewayError::spool_full()
        })?;
        let collect = collect(shared, &intake);
        let custom = intake.controls.custom_cost.and_then(|cost| {
            let text = intake.headers.get("cf-aig-custom-cost")?.to_str().ok()?;
            Some((cost, serde_json::value::RawValue::from_string(text.trim().to_owned()).ok()?))
        });
        let conversation = Arc::new(Conversation {
            shared: Arc::clone(shared),
            gateway: intake.route.gateway.to_string(),
            tenant: intake.caller.tenant.clone(),
            metadata: intake.caller.metadata.clone(),
            custom_cost: custom,
            event_id: ids.event.clone(),
            request_id: ids.request,
            collect,
            arrived,
            ticket,
            span,
        });
        spans::describe(&conversation);
        let serving = Serving { shared, conversation, steps, read };
        match cache_plan(shared, &intake) {
            None => serving.asked(None, CacheStatus::Bypass).await,
            Some(plan) => serving.cached(plan).await,
        }
    }
}

/// The names of one request on every answer.
struct Ids {
    request: Uuid,
    event: String,
}

impl Ids {
    fn set(&self, headers: &mut HeaderMap) {
        set_text(headers, "cf-aig-request-id", &self.request.to_string());
        set_text(headers, "cf-aig-event-id", &self.event);
        if !headers.contains_key("cf-aig-log-id") {
            set_text(headers, "cf-aig-log-id", &self.request.to_string());
        }
        if !headers.contains_key("cf-aig-step") {
            headers.insert("cf-aig-step", HeaderValue::from_static("0"));
        }
    }
}

/// A request that is answered by the gateway itself.
pub(crate) struct Refused {
    error: GatewayError,
    pub(crate) headers: HeaderMap,
}

impl From<GatewayError> for Refused {
    fn from(error: GatewayError) -> Self {
        Self { error, headers: HeaderMap::new() }
    }
}

impl Refused {
    pub(crate) fn into_response(self) -> Response<AnswerBody> {
        metrics::refused(&self.error);
        let mut response = Response::new(Either::Left(Full::new(Bytes::from(self.error.to_json()))));
        *response.status_mut() = StatusCode::from_u16(self.error.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// Opting out is honoured only where the audit policy of the tenant allows it.
fn collect(shared: &Shared, intake: &Intake) -> Collect {
    let is_allowed = shared.options.opt_out_tenants.contains(&intake.caller.tenant);
    match (intake.controls.collect_log, intake.controls.collect_log_payload) {
        (Some(false), _) if is_allowed => Collect::Nothing,
        (_, Some(false)) if is_allowed => Collect::WithoutBodies,
        _ => Collect::Whole,
    }
}

/// Where the request may be sent, in order.
fn steps(shared: &Shared, intake: &Intake) -> Result<Vec<Arc<Step>>, GatewayError> {
    let mut steps = Vec::new();
    let mut append = |route: &Route, headers: &HeaderMap, body: &Bytes, controls: &Controls, method: &Method| {
        let wanted = Wanted { route, method, headers, body, controls };
        append_steps(&mut steps, &shared.targets, shared.options.retry, &wanted)
            .map_err(|_| GatewayError::unknown_provider())
    };
    if intake.route.target != RouteTarget::Universal {
        append(&intake.route, &intake.headers, &intake.body, &intake.controls, &intake.method)?;
        return Ok(steps);
    }
    if intake.method != Method::POST {
        return Err(GatewayError::bad_request("the universal endpoint takes a POST with an array of requests"));
    }
    for entry in UniversalEntry::parse_all(&intake.body).map_err(|error| GatewayError::from(&error))? {
        let route = entry.route(&intake.route.account, &intake.route.gateway);
        let route = route.map_err(|error| GatewayError::from(&error))?;
        let mode: HeaderMode = shared.options.header_mode;
        let read = entry.controls(&intake.controls, mode).map_err(|error| GatewayError::from(&error))?;
        let mut headers = entry.headers.clone();
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        let body = Bytes::copy_from_slice(entry.query.get().as_bytes());
        append(&route, &headers, &body, &read.controls, &Method::POST)?;
    }
    Ok(steps)
}

/// How the cache serves a request.
pub(crate) struct CachePlan {
    pub(crate) key: CacheKey,
    pub(crate) ttl: Duration,
}

/// `None` passes the cache by.
fn cache_plan(shared: &Shared, intake: &Intake) -> Option<CachePlan> {
    let options = shared.cache.options();
    let controls = &intake.controls;
    let is_skipped = controls.skip_cache == Some(true) || intake.method != Method::POST;
    if !options.enabled || is_skipped || intake.body.is_empty() {
        return None;
    }
    let ttl = match controls.cache_ttl {
        Some(CacheTtl::Off) => return None,
        Some(CacheTtl::For(ttl)) => ttl,
        None if controls.cache_key.is_some() && options.default_ttl.is_zero() => KEYED_TTL,
        None => options.default_ttl,
    };
    let scope = CacheScope {
        account: intake.route.account.as_str(),
        gateway: intake.route.gateway.as_str(),
        method: intake.method.as_str(),
        provider: intake.route.provider().unwrap_or_default(),
        endpoint: &intake.route.endpoint,
        asked_key: controls.cache_key.as_deref(),
        body: &intake.body,
    };
    let key = CacheKey::new(&intake.caller.tenant, intake.caller.class, options.key_mode, &scope);
    (!ttl.is_zero()).then_some(CachePlan { key, ttl })
}
