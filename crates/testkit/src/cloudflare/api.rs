//! Paths, the token, and the envelope of every answer.

use std::{
    hash::{BuildHasher, RandomState},
    path::{Component, Path as FilePath},
    sync::{Arc, atomic::Ordering},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Account, jobs::Refusal};

type Shared = Arc<Account>;
type Answer = Result<Value, Refusal>;

pub(super) fn routes(account: Shared) -> Router {
    let below = Router::new()
        .route("/logpush/jobs", get(jobs).post(create))
        .route("/logpush/jobs/{id}", put(update).delete(delete))
        .route("/logpush/datasets/{dataset}/fields", get(fields))
        .route("/logpush/ownership", post(challenge))
        .route("/queues/{queue}/messages/pull", post(pull))
        .route("/queues/{queue}/messages/ack", post(acknowledge))
        .fallback(async || wrap(Err((404, 7003, "Could not route to the path".to_owned()))))
        .layer(from_fn_with_state(Arc::clone(&account), authenticate));
    Router::new()
        .nest(&format!("/client/v4/accounts/{}", account.options.account), below)
        .route("/_sim/jobs", get(async |State(account): State<Shared>| json!(account.jobs().all()).to_string()))
        .route("/_sim/queues/{queue}", post(send))
        .with_state(account)
}

async fn authenticate(State(account): State<Shared>, request: Request, next: Next) -> Response {
    let token = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if token == format!("Bearer {}", account.options.token) {
        account.requests.fetch_add(1, Ordering::Relaxed);
        return next.run(request).await;
    }
    wrap(Err((403, 10_000, "Authentication error".to_owned())))
}

async fn jobs(State(account): State<Shared>) -> Response {
    let jobs: Vec<Value> = account.jobs().all().iter().map(|job| shown(&account, job.clone())).collect();
    wrap(Ok(json!(jobs)))
}

async fn create(State(account): State<Shared>, body: Bytes) -> Response {
    let created = object(&body).and_then(|body| account.jobs().create(&body, &account.options.fields));
    wrap(created.map(|job| shown(&account, job)))
}

async fn update(State(account): State<Shared>, Path(id): Path<u64>, body: Bytes) -> Response {
    let updated = object(&body).and_then(|body| account.jobs().update(id, &body, &account.options.fields));
    wrap(updated.map(|job| shown(&account, job)))
}

async fn delete(State(account): State<Shared>, Path(id): Path<u64>) -> Response {
    wrap(account.jobs().delete(id))
}

async fn fields(State(account): State<Shared>, Path(dataset): Path<String>) -> Response {
    if dataset != "ai_gateway_events" {
        return wrap(Err((404, 1002, "dataset not found".to_owned())));
    }
    let fields: Map<String, Value> =
        account.options.fields.iter().map(|name| (name.clone(), json!("string; as readers know it"))).collect();
    wrap(Ok(Value::Object(fields)))
}

/// Writes a token into the destination's bucket, where only its owner can read it.
async fn challenge(State(account): State<Shared>, body: Bytes) -> Response {
    wrap(write_challenge(&account, &body).await)
}

async fn write_challenge(account: &Account, body: &[u8]) -> Answer {
    let body = object(body)?;
    let conf = body.get("destination_conf").and_then(Value::as_str).unwrap_or_default();
    let invalid = || (400, 1002, "destination_conf is invalid".to_owned());
    let bucket = conf.strip_prefix("s3://").and_then(|rest| rest.split(['/', '?']).next()).ok_or_else(invalid)?;
    let folder = account.options.buckets.as_ref().ok_or_else(invalid)?.join(bucket);
    let is_name = FilePath::new(bucket).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_name || !folder.is_dir() {
        return Err(invalid());
    }
    let number = RandomState::new().hash_one(bucket);
    let (name, token) = (format!("ownership-challenge-{number:016x}.txt"), format!("eyJ.{number:016x}.token"));
    tokio::fs::write(folder.join(&name), format!("{token}\n")).await.map_err(|error| (500, 1000, error.to_string()))?;
    account.jobs().challenge(bucket.to_owned(), token);
    Ok(json!({ "filename": name, "message": "", "valid": true }))
}

async fn pull(State(account): State<Shared>, Path(queue): Path<String>, body: Bytes) -> Response {
    wrap(parse(&body).and_then(|pull| account.queues().pull(&queue, &pull)))
}

async fn acknowledge(State(account): State<Shared>, Path(queue): Path<String>, body: Bytes) -> Response {
    wrap(parse(&body).and_then(|ack| account.queues().acknowledge(&queue, &ack)))
}

async fn send(State(account): State<Shared>, Path(queue): Path<String>, body: Bytes) -> Response {
    account.queues().send(&queue, body.to_vec(), "json");
    StatusCode::NO_CONTENT.into_response()
}

/// A job as the API tells of it.
fn shown(account: &Account, mut job: Value) -> Value {
    if let Some(mask) = account.options.mask
        && let Some(conf) = job["destination_conf"].as_str()
    {
        let masked = |part: &str| match part.split_once('=') {
            Some((name @ ("access-key-id" | "secret-access-key"), key)) => format!("{name}={}", mask(key)),
            _ => part.to_owned(),
        };
        let (place, query) = conf.split_once('?').unwrap_or((conf, ""));
        let query: Vec<String> = query.split('&').map(masked).collect();
        job["destination_conf"] = json!(format!("{place}?{}", query.join("&")));
    }
    job
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    parse(body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| (400, 1000, error.to_string()))
}

fn wrap(answer: Answer) -> Response {
    let (status, body) = match answer {
        Ok(result) => (200, json!({ "success": true, "errors": [], "messages": [], "result": result })),
        Err((status, code, message)) => (
            status,
            json!({ "success": false, "errors": [{ "code": code, "message": message }], "messages": [], "result": null }),
        ),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}
