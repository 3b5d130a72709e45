//! `/_sim/...`: the journal and the rules for other languages.

use bytes::Bytes;
use hyper::{
    Method, Request, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{call::Call, front::Front};

/// Where the paths begin that Azure has not.
pub(super) const PREFIX: &str = "/_sim/";

/// A rule as other languages make it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRule {
    /// Any if it is missing.
    deployment: Option<String>,
    behave: String,
    /// For good if it is missing.
    times: Option<u32>,
}

pub(super) fn answer(front: &Front, request: &Request<Bytes>) -> Response<Bytes> {
    let name = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    match (request.method(), name) {
        (&Method::GET, "calls") => {
            let calls: Vec<Value> = front.journal().calls().iter().map(Call::to_json).collect();
            json(StatusCode::OK, &json!({"calls": calls, "dropped": front.journal().totals().calls_dropped}))
        }
        (&Method::GET, "totals") => json(StatusCode::OK, &json!(front.journal().totals())),
        (&Method::POST, "reset") => {
            front.reset();
            json(StatusCode::OK, &json!({}))
        }
        (&Method::POST, "behave") => match add_rule(front, request.body()) {
            Ok(()) => json(StatusCode::OK, &json!({})),
            Err(message) => json(StatusCode::BAD_REQUEST, &json!({"error": message})),
        },
        _ => json(StatusCode::NOT_FOUND, &json!({"error": "GET calls, GET totals, POST reset or POST behave"})),
    }
}

fn add_rule(front: &Front, body: &[u8]) -> Result<(), String> {
    let rule: NewRule = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let behaviour = rule.behave.parse().map_err(|error: super::NoBehaviour| error.to_string())?;
    front.rules().add(rule.deployment.as_deref(), behaviour, rule.times);
    Ok(())
}

fn json(status: StatusCode, value: &Value) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(value.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
