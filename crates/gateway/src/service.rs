//! One request of a caller, from its head to the head of the answer.
//!
//! The order is: read and authenticate; make sure that the audit record has a place; look into the cache; keep to residency;
//! reserve the budget; forward. Everything up to there is refused before a provider is called.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    answer::AnswerBody,
    cache::{CacheKey, CacheScope, CacheStatus},
    controls::HeaderMode,
    conversation::{Collect, Conversation, expected_record_bytes},
    error_body::GatewayError,
    gateway::Shared,
    headers::set_text,
    intake::Intake,
    metrics,
    plan::{Step, Wanted, append_steps},
    route::{Target as RouteTarget, UniversalEntry},
    serving::Serving,
    spans,
    upstream::Upstream,
};

/// Answers requests on one thread; cheap to clone.
#[derive(Clone)]
pub(crate) struct Answerer {
    pub(crate) shared: Arc<Shared>,
    /// The connections of that thread.
    pub(crate) upstream: Upstream,
}

impl Answerer {
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
        let shared = &self.shared;
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
            upstream: self.upstream.clone(),
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
        let key = cache_key(shared, &intake, &steps[0]);
        let serving = Serving { shared, conversation, steps, read };
        match key {
            None => serving.asked(None, CacheStatus::Bypass).await,
            Some(key) => serving.cached(key).await,
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
    let mut append = |wanted: &Wanted<'_>| {
        append_steps(&mut steps, &shared.targets, &shared.options, wanted).map_err(|_| GatewayError::unknown_provider())
    };
    let Intake { route, method, headers, body, controls, .. } = intake;
    if route.target != RouteTarget::Universal {
        append(&Wanted { route, method, headers, body, controls, entry: None })?;
        return Ok(steps);
    }
    if intake.method != Method::POST {
        return Err(GatewayError::bad_request("the universal endpoint takes a POST with an array of requests"));
    }
    let entries = UniversalEntry::parse_all(&intake.body).map_err(|error| GatewayError::from(&error))?;
    for (index, entry) in (0..).zip(&entries) {
        let route = entry.route(&intake.route.account, &intake.route.gateway);
        let route = route.map_err(|error| GatewayError::from(&error))?;
        let mode: HeaderMode = shared.options.header_mode;
        let read = entry.controls(&intake.controls, mode).map_err(|error| GatewayError::from(&error))?;
        let mut headers = entry.headers.clone();
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        let body = Bytes::copy_from_slice(entry.query.get().as_bytes());
        let (method, controls) = (&Method::POST, &read.controls);
        append(&Wanted { route: &route, method, headers: &headers, body: &body, controls, entry: Some(index) })?;
    }
    Ok(steps)
}

/// Where the cache has the answer, if it may be asked; the first step decides. How long an answer is kept is decided by
/// the step that gives it.
fn cache_key(shared: &Shared, intake: &Intake, first: &Step) -> Option<CacheKey> {
    let wish = &first.cache;
    if wish.is_skipped || wish.ttl.is_zero() || intake.method != Method::POST || intake.body.is_empty() {
        return None;
    }
    let scope = CacheScope {
        account: intake.route.account.as_str(),
        gateway: intake.route.gateway.as_str(),
        method: intake.method.as_str(),
        provider: intake.route.provider().unwrap_or_default(),
        endpoint: &intake.route.endpoint,
        asked_key: wish.key.as_deref(),
        body: &intake.body,
    };
    let mode = shared.options.cache.key_mode;
    Some(CacheKey::new(&intake.caller.tenant, intake.caller.class, mode, &scope))
}
