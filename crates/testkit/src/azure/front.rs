//! One request from its first byte to the answer's last.

use std::{
    future::Future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::{Request, Version, body::Incoming, header::HeaderValue, service::Service};
use tokio_util::sync::CancellationToken;

use super::{
    AzureOptions,
    asked::Asked,
    behaviour::{Behaviour, Reply},
    body::CutHere,
    call::Call,
    control,
    errors::Refusal,
    journal::{CallEnd, Journal, Names, OpenCall},
    models::Models,
    question::{Answer, Question},
    rules::Rules,
};

/// Longest request that is read; a longer one ends the connection.
pub const REQUEST_BYTES_MAX: usize = 64 << 20;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The service; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Front {
    shared: Arc<Shared>,
    connection: u64,
    /// Tells the connection to end in a reset.
    reset: Arc<AtomicBool>,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) models: Models,
    pub(super) api_key: Option<String>,
    pub(super) region: HeaderValue,
    pub(super) rules: Rules,
    journal: Arc<Journal>,
    stop: CancellationToken,
    /// Sets the ids of this server apart from those of others.
    nonce: u64,
    started: Instant,
    /// Seconds since 1970 at the start.
    started_at: u64,
}

impl Front {
    pub(super) fn new(options: AzureOptions, stop: CancellationToken) -> Self {
        let AzureOptions { listen: _, deployments, api_key, region, behaviour, calls_max } = options;
        let shared = Shared {
            models: Models::new(deployments),
            api_key,
            region: HeaderValue::try_from(region).unwrap_or(HeaderValue::from_static("unnamed")),
            rules: Rules::new(behaviour),
            journal: Arc::new(Journal::new(calls_max)),
            stop,
            nonce: RandomState::new().hash_one(std::process::id()),
            started: Instant::now(),
            started_at: seconds_since_1970(),
        };
        Self { shared: Arc::new(shared), connection: 0, reset: Arc::default() }
    }

    pub(super) fn for_connection(&self, connection: u64, reset: Arc<AtomicBool>) -> Self {
        Self { shared: Arc::clone(&self.shared), connection, reset }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    pub(super) fn reset(&self) {
        self.rules().clear();
        self.journal().reset();
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Answer, BoxError> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, REQUEST_BYTES_MAX).collect().await?.to_bytes();
        let request = Request::from_parts(parts, body);
        if request.uri().path().starts_with(control::PREFIX) {
            return Ok(control::answer(&self, &request).map(|body| Either::Right(Full::new(body))));
        }
        let question = Question::new(&self.shared, &request);
        let mut call = self.open(&question);
        let how = match question.behaviour() {
            Ok(how) => how,
            Err(refusal) => return Ok(question.refuse(&refusal, &Behaviour::default(), call)),
        };
        let stop = call.stop().clone();
        if !how.first_byte_after.is_zero() {
            stop.run_until_cancelled(tokio::time::sleep(how.first_byte_after)).await.ok_or(CutHere)?;
        }
        match &how.reply {
            Reply::Hang => {
                stop.cancelled().await;
                Err(CutHere.into())
            }
            Reply::Reset => {
                call.close(CallEnd::Cut);
                // On HTTP/2 an error resets the stream, and others share the connection.
                self.reset.store(request.version() != Version::HTTP_2, Ordering::Relaxed);
                Err(CutHere.into())
            }
            Reply::PromptFiltered => Ok(question.refuse(&Refusal::PromptFilter, &how, call)),
            Reply::Refused { status, retry_after } => {
                let refusal = question.refusal(*status, *retry_after);
                Ok(question.refuse(&refusal, &how, call))
            }
            Reply::Served | Reply::OutputFiltered | Reply::NotJson => Ok(question.serve(&how, call)),
        }
    }

    fn open(&self, question: &Question<'_>) -> OpenCall {
        let shared = &self.shared;
        let tenant = question.header("x-sim-tenant");
        let names = Names { deployment: question.deployment.as_str().into(), tenant: tenant.map(Arc::from) };
        let call = shared.journal.keeps_calls().then(|| Call {
            deployment: question.deployment.clone(),
            model: question.model.map(str::to_owned),
            tenant: tenant.map(str::to_owned),
            stream: question.asked.as_ref().is_some_and(Asked::is_stream),
            ..Call::of_request(question.request, self.connection)
        });
        shared.journal.open(names, call, shared.stop.clone())
    }
}

impl Shared {
    /// What no other answer of any server has.
    pub(super) fn unique(&self, number: u64) -> String {
        format!("{:016x}{number:012x}", self.nonce)
    }

    pub(super) fn now_seconds(&self) -> u64 {
        self.started_at + self.started.elapsed().as_secs()
    }
}

#[expect(clippy::disallowed_methods, reason = "a provider's time is the machine's; nothing is decided by it")]
fn seconds_since_1970() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Service<Request<Incoming>> for Front {
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}
