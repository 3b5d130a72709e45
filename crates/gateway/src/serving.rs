//! One request that may be answered: out of the cache, or by a provider within the tenant's regions and budgets.

use std::sync::Arc;

use gatelog_budget::Refusal;
use gatelog_usage::OperationHint;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hyper::body::Body as _;
use tokio::time::Instant;

use crate::{
    answer::{AnswerBody, AnswerBounds, PassingBody},
    bill::Bill,
    cache::{CacheKey, CacheStatus, Follow, Lead, StoredAnswer, Takeoff},
    conversation::{Closing, Conversation, OpenRecord},
    error_body::GatewayError,
    forward::{Answered, Forwarded, Made, forward},
    gateway::Shared,
    headers::{self, set_text},
    logged::LoggedBody,
    metrics,
    plan::Step,
    refusal::limit_error,
    service::Refused,
    settle::{CacheFill, Ending, Passing},
};

/// Longest wait that is left to OpenAI's SDKs. The one for Node sleeps as long as `retry-after` says, hours if need be; all of
/// them give up at once when they are told not to try again.
const SDK_WAIT_MAX_SECONDS: u64 = 60;

/// A request that is being answered.
pub(crate) struct Serving<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) conversation: Arc<Conversation>,
    pub(crate) steps: Vec<Arc<Step>>,
    /// When the request was here as a whole: what comes before is the caller's time.
    pub(crate) read: Instant,
}

impl Serving<'_> {
    /// Answers out of the cache, or asks a provider for all who ask the same.
    pub(crate) async fn cached(self, key: CacheKey) -> Result<Response<AnswerBody>, Refused> {
        if let Some(answer) = self.shared.cache.get(&key).await {
            return self.hit(&answer).await;
        }
        match self.shared.cache.flights.join(key) {
            Takeoff::Lead(lead) => {
                // Another flight may have landed between the look and the take-off.
                if let Some(answer) = self.shared.cache.get(&key).await {
                    return self.hit(&answer).await;
                }
                self.asked(Some(lead), CacheStatus::Miss).await
            }
            Takeoff::Follow(follow) => match self.followed(follow).await {
                Some(answer) => self.hit(&answer).await,
                None => self.asked(None, CacheStatus::Miss).await,
            },
        }
    }

    /// Waits for the flight, within the deadline.
    async fn followed(&self, follow: Follow) -> Option<Arc<StoredAnswer>> {
        let deadline = self.conversation.arrived + self.shared.options.deadline;
        tokio::time::timeout_at(deadline, follow.landed()).await.ok().flatten()
    }

    /// Answers out of the cache.
    async fn hit(self, answer: &StoredAnswer) -> Result<Response<AnswerBody>, Refused> {
        let log_id = self.conversation.request_id;
        let record = OpenRecord::new(Arc::clone(&self.conversation), Arc::clone(&self.steps[0]), None, log_id);
        let closing = Closing {
            status: answer.status.as_u16(),
            cached: true,
            streamed: answer.facts.streamed,
            response: record.has_bodies().then(|| self.logged(answer, record.operation())),
            ..Closing::default()
        };
        self.write(record, &closing).await?;
        metrics::cached(CacheStatus::Hit);
        let mut response = Response::new(Either::Left(Full::new(answer.body.clone())));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers.clone();
        set_text(response.headers_mut(), "cf-aig-cache-status", CacheStatus::Hit.as_str());
        set_text(response.headers_mut(), "cf-aig-provider", &answer.provider);
        response.headers_mut().insert("cf-aig-attempts", HeaderValue::from_static("0"));
        metrics::overhead(self.read.elapsed());
        Ok(response)
    }

    /// The body of an answer out of the cache, for its record.
    fn logged<'b>(&self, answer: &'b StoredAnswer, operation: OperationHint) -> LoggedBody<'b> {
        let (body, options) = (&*answer.body, &self.shared.options);
        let assembled = LoggedBody::assembled(body, &answer.facts, operation, options);
        assembled.unwrap_or_else(|| LoggedBody::of(body, options.log_body_bytes_max))
    }

    /// Writes a record that somebody waits for.
    async fn write(&self, record: OpenRecord, closing: &Closing<'_>) -> Result<(), Refused> {
        let Some(appending) = record.close(closing) else { return Ok(()) };
        match appending.await {
            Err(error) if self.shared.options.strict_audit => {
                tracing::error!(%error, "an audit record was not written");
                Err(GatewayError::spool_full().into())
            }
            Err(error) => {
                metrics::record_lost();
                tracing::error!(%error, "an audit record was not written");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    pub(crate) async fn asked(
        mut self,
        lead: Option<Lead>,
        cache: CacheStatus,
    ) -> Result<Response<AnswerBody>, Refused> {
        metrics::cached(cache);
        let withheld = self.keep_residency().await?;
        let custom = self.conversation.custom_cost.as_ref().map(|(cost, _)| *cost);
        let opened = Bill::open(self.shared, &self.conversation.tenant, &self.steps, custom).await;
        let mut bill = match opened {
            Ok(bill) => bill,
            Err(refusal) => return Err(self.over_limit(&refusal).await),
        };
        let mut response = match forward(&self.conversation, &self.steps, &mut bill).await {
            Forwarded::Answer(answered) => self.pass_on(*answered, bill, lead).await?,
            Forwarded::Failed { error, made } => {
                metrics::overhead(self.read.elapsed().saturating_sub(made.upstream));
                let mut response = Refused::from(error).into_response();
                set_made(response.headers_mut(), &made);
                response
            }
        };
        set_text(response.headers_mut(), "cf-aig-cache-status", cache.as_str());
        if let Some(withheld) = withheld {
            set_text(response.headers_mut(), "cf-aig-fallback-withheld", &withheld);
        }
        Ok(response)
    }

    /// Takes out the steps that the tenant's data may not take, and says which.
    async fn keep_residency(&mut self) -> Result<Option<String>, Refused> {
        let (shared, tenant) = (self.shared, &self.conversation.tenant);
        let is_allowed = |step: &Arc<Step>| shared.targets.is_allowed(tenant, &step.target);
        let (allowed, withheld): (Vec<_>, Vec<_>) = self.steps.drain(..).partition(is_allowed);
        let names: Vec<_> = withheld.iter().filter_map(|step| step.target.name.to_str().ok()).collect();
        let withheld_text = (!names.is_empty()).then(|| format!("residency: {}", names.join(", ")));
        if let (true, Some(first)) = (allowed.is_empty(), withheld.first()) {
            let error = GatewayError {
                description: format!(
                    "the residency rule of tenant `{tenant}` does not allow the region of `{}`",
                    names.join("`, `")
                ),
                ..GatewayError::residency()
            };
            let refused = self.refuse(Arc::clone(first), error, false).await;
            return Err(refused);
        }
        self.steps = allowed;
        Ok(withheld_text)
    }

    /// Refuses for a limit, which is recorded.
    async fn over_limit(&self, refusal: &Refusal) -> Refused {
        let (error, wait) = limit_error(refusal);
        let is_limit = error.http == StatusCode::TOO_MANY_REQUESTS.as_u16();
        let mut refused = self.refuse(Arc::clone(&self.steps[0]), error, is_limit).await;
        if is_limit {
            refused.headers.insert("cf-aig-source", HeaderValue::from_static("rate-limit"));
        }
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
        refused.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        if seconds > SDK_WAIT_MAX_SECONDS {
            refused.headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        set_text(&mut refused.headers, "cf-aig-cache-status", CacheStatus::Bypass.as_str());
        refused
    }

    /// Refuses a request and records that.
    async fn refuse(&self, step: Arc<Step>, error: GatewayError, rate_limited: bool) -> Refused {
        let record = OpenRecord::new(Arc::clone(&self.conversation), step, None, self.conversation.request_id);
        let text = error.to_json();
        let closing = Closing {
            status: error.http,
            rate_limited,
            response: Some(LoggedBody::of(text.as_bytes(), self.shared.options.log_body_bytes_max)),
            ..Closing::default()
        };
        match self.write(record, &closing).await {
            Ok(()) => Refused::from(error),
            Err(failed) => failed,
        }
    }

    /// The provider's answer with our headers, its body still to come.
    async fn pass_on(
        &self,
        answered: Answered,
        bill: Bill,
        lead: Option<Lead>,
    ) -> Result<Response<AnswerBody>, Refused> {
        let Answered { response, record, made } = answered;
        let (parts, body) = response.into_parts();
        let mut headers = headers::for_caller(&parts.headers);
        let ttl = made.step.cache.ttl;
        let fill =
            lead.filter(|_| !ttl.is_zero()).map(|lead| CacheFill { lead, ttl, headers: headers::apart(&headers) });
        set_made(&mut headers, &made);
        let passing = Passing::new(record, bill, fill, parts.status, &parts.headers);
        let options = &self.shared.options;
        let body = if body.is_end_stream() {
            // hyper does not look into a body of no bytes (length 0, status 204, HEAD): it would count as cancelled.
            passing.close(Ending::Complete).await.map_err(|_told| GatewayError::spool_full())?;
            Either::Left(Full::default())
        } else {
            let bounds = AnswerBounds { idle_timeout: options.idle_timeout, bytes_max: options.response_bytes_max };
            Either::Right(PassingBody::new(body, passing, bounds))
        };
        let mut response = Response::new(body);
        *response.status_mut() = parts.status;
        *response.headers_mut() = headers;
        metrics::overhead(self.read.elapsed().saturating_sub(made.upstream));
        Ok(response)
    }
}

fn set_made(headers: &mut HeaderMap, made: &Made) {
    headers.insert("cf-aig-attempts", HeaderValue::from(made.attempts));
    headers.insert("cf-aig-step", HeaderValue::from(made.step.number));
    headers.insert("cf-aig-provider", made.step.target.name.clone());
    set_text(headers, "cf-aig-log-id", &made.log_id.to_string());
}
