//! The service in front of the store: counts, and lets requests meet their faults.

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue},
    service::Service,
};
use s3s::{Body, HttpError, service::S3Service};

use super::{
    cut::{CutBody, End},
    faults::{FaultKind, Faults},
    listing::percent_decode,
};

/// The etag that [`FaultKind::WrongEtag`] sends: of the right form, of nothing that was ever stored.
const WRONG_ETAG: HeaderValue = HeaderValue::from_static("\"00000000000000000000000000000bad\"");

/// Longest upload that [`FaultKind::AlterUpload`] holds to change it.
const ALTERED_BYTES_MAX: usize = 256 << 20;

/// Cheap to clone: one per connection.
#[derive(Debug, Clone)]
pub(super) struct Front {
    store: S3Service,
    faults: Arc<Faults>,
}

impl Front {
    pub(super) fn new(store: S3Service) -> Self {
        Self { store, faults: Arc::default() }
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let target = percent_decode(&format!("{}?{query}", request.uri().path()));
        let is_list = query.contains("list-type=2");
        let Some(kind) = self.faults.meet(request.method(), is_list, &target) else {
            return self.store.call(request).await;
        };
        if let Some(delay) = kind.delay() {
            tokio::time::sleep(delay).await;
        }
        match kind {
            FaultKind::ResetBefore => Err(closed()),
            FaultKind::Status(status) => Ok(error_answer(status)),
            FaultKind::SlowMs(_) => self.store.call(request).await,
            FaultKind::ResetAfter => {
                self.store.call(request).await?;
                Err(closed())
            }
            FaultKind::ResetMidBody => self.store.call(request).await.map(|answer| halve(answer, End::Broken)),
            FaultKind::TruncateBody => self.store.call(request).await.map(|answer| halve(answer, End::Quiet)),
            FaultKind::WrongEtag => {
                let mut answer = self.store.call(request).await?;
                answer.headers_mut().insert(ETAG, WRONG_ETAG);
                Ok(answer)
            }
            FaultKind::AlterUpload => self.store.call(altered(request).await?).await,
        }
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<Body>;
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, HttpError>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Box::pin(self.clone().answer(request.map(Body::from)))
    }
}

/// An error of the service: hyper closes the connection without an answer.
fn closed() -> HttpError {
    HttpError::new("closed by a fault rule".into())
}

/// The same request with another first byte.
async fn altered(request: Request<Body>) -> Result<Request<Body>, HttpError> {
    let (parts, mut body) = request.into_parts();
    let mut bytes = body.store_all_limited(ALTERED_BYTES_MAX).await.map_err(HttpError::new)?.to_vec();
    if let Some(first) = bytes.first_mut() {
        *first = !*first;
    }
    Ok(Request::from_parts(parts, Body::from(Bytes::from(bytes))))
}

/// Sends half of the body. A quiet end takes the announced length away, or hyper would notice the lie.
fn halve(answer: Response<Body>, end: End) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if end == End::Quiet {
        parts.headers.remove(CONTENT_LENGTH);
    }
    let half = announced.unwrap_or(0) / 2;
    Response::from_parts(parts, Body::http_body_unsync(CutBody::new(body, half, end)))
}

fn error_answer(status: u16) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let code = match status.as_u16() {
        403 => "AccessDenied",
        404 => "NoSuchKey",
        412 => "PreconditionFailed",
        429 | 503 => "SlowDown",
        _ => "InternalError",
    };
    let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>a fault rule</Message></Error>");
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}
