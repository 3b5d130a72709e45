//! The steps of a request: where it is sent, and where instead if that fails.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gatelog_usage::RequestFacts;
use http::{HeaderMap, Method, header};

use crate::{
    cache::CacheWish,
    controls::Controls,
    gateway::GatewayOptions,
    headers,
    retry::RetryPlan,
    route::{Route, Target as RouteTarget},
    targets::{Target, Targets},
};

/// One place that a request is sent to, as often as its plan allows.
#[derive(Debug)]
pub(crate) struct Step {
    /// What `cf-aig-step` says: which entry of a universal request, else which target, from 0.
    pub(crate) number: u32,
    pub(crate) target: Arc<Target>,
    pub(crate) method: Method,
    /// Path and query at the target.
    pub(crate) path: String,
    /// Provider path as it is logged.
    pub(crate) endpoint: String,
    pub(crate) deployment: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) facts: RequestFacts,
    pub(crate) retry: RetryPlan,
    /// Longest wait for the first byte of each try.
    pub(crate) timeout: Option<Duration>,
    /// What is asked of the cache.
    pub(crate) cache: CacheWish,
}

/// What leads to the first step and those that stand in for it.
pub(crate) struct Wanted<'a> {
    pub(crate) route: &'a Route,
    pub(crate) method: &'a Method,
    /// Headers as the caller sent them for this step.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
    pub(crate) controls: &'a Controls,
    /// Which entry of a universal request it is. Clients look up what they have asked by it, so that those who stand in for
    /// its target go under the same number.
    pub(crate) entry: Option<u32>,
}

/// Nothing at this gateway answers the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoTarget;

/// Appends the step of `wanted`, and one for each target that stands in for its own.
pub(crate) fn append_steps(
    steps: &mut Vec<Arc<Step>>,
    targets: &Targets,
    options: &GatewayOptions,
    wanted: &Wanted<'_>,
) -> Result<(), NoTarget> {
    let (primary, path, deployment) = match &wanted.route.target {
        RouteTarget::Azure { resource, deployment, path } => {
            (targets.azure(resource.as_str()), path, deployment.as_ref().map(|name| name.as_str()))
        }
        RouteTarget::Provider { slug, path } => (targets.provider(slug), path, None),
        RouteTarget::Universal => return Err(NoTarget),
    };
    let primary = primary.ok_or(NoTarget)?;
    let body = std::str::from_utf8(wanted.body).unwrap_or_default();
    let facts = gatelog_usage::read_request(body);
    let retry = retry_plan(options.retry, wanted.controls);
    let cache = options.cache.wish(wanted.controls);
    let to_provider = headers::apart(&headers::for_provider(wanted.headers));
    let step = |target: &Arc<Target>, path: String, deployment: Option<&str>, endpoint: String| Step {
        number: 0,
        target: Arc::clone(target),
        method: wanted.method.clone(),
        path,
        endpoint,
        deployment: deployment.map(str::to_owned),
        headers: with_credential(&to_provider, target),
        body: wanted.body.clone(),
        facts: facts.clone(),
        retry,
        timeout: wanted.controls.request_timeout,
        cache: cache.clone(),
    };
    let mut push = |step: Step| {
        let number = wanted.entry.unwrap_or_else(|| u32::try_from(steps.len()).unwrap_or(u32::MAX));
        steps.push(Arc::new(Step { number, ..step }));
    };
    push(step(&primary, path.as_str().to_owned(), deployment, wanted.route.endpoint.clone()));
    for stand_in in targets.fallbacks(&primary, deployment) {
        let path = stand_in.path_for(path.as_str(), deployment).into_owned();
        let own = deployment.map(|asked| stand_in.deployment_for(asked));
        let endpoint = endpoint_at(stand_in, &primary, deployment, own, &wanted.route.endpoint);
        push(step(stand_in, path, own, endpoint));
    }
    Ok(())
}

/// The logged path of a stand-in: with its own resource and deployment, as if it had been asked first.
fn endpoint_at(stand_in: &Target, primary: &Target, asked: Option<&str>, own: Option<&str>, endpoint: &str) -> String {
    let rest = endpoint.strip_prefix(primary.resource.as_str()).and_then(|rest| rest.strip_prefix('/'));
    let Some(rest) = rest.filter(|_| !primary.resource.is_empty()) else { return endpoint.to_owned() };
    let rest = match (asked, own) {
        (Some(asked), Some(own)) => match rest.strip_prefix(asked) {
            Some(tail) => format!("{own}{tail}"),
            None => rest.to_owned(),
        },
        _ => rest.to_owned(),
    };
    format!("{}/{rest}", stand_in.resource)
}

fn retry_plan(default: RetryPlan, controls: &Controls) -> RetryPlan {
    RetryPlan {
        max_attempts: controls.max_attempts.unwrap_or(default.max_attempts),
        delay: controls.retry_delay.unwrap_or(default.delay),
        backoff: controls.backoff.unwrap_or(default.backoff),
    }
}

/// A target with a key of its own never sees the caller's.
fn with_credential(headers: &HeaderMap, target: &Target) -> HeaderMap {
    let mut headers = headers.clone();
    if let Some((name, value)) = target.credential() {
        headers.remove("api-key");
        headers.remove(header::AUTHORIZATION);
        headers.insert(name.clone(), value.clone());
    }
    headers
}
