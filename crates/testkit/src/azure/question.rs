//! A request that has arrived whole, and the answers it can get.

use std::time::Duration;

use bytes::Bytes;
use gatelog_model::{Operation, Tokens};
use http_body_util::{Either, Full};
use hyper::{Method, Request, Response, StatusCode, header::AUTHORIZATION};

use super::{
    asked::Asked,
    behaviour::{Behaviour, Reply, UsageReport},
    body::AnswerBody,
    chat, embeddings,
    errors::{HTML, Refusal},
    frames::Rendered,
    front::Shared,
    headers::Facts,
    journal::{Answered, OpenCall},
    responses,
    route::{Api, Route, api_version},
    said::{Said, seed},
    stamp::Stamp,
};

pub(super) type Answer = Response<Either<AnswerBody, Full<Bytes>>>;

/// What was asked, and of whom.
pub(super) struct Question<'a> {
    pub(super) shared: &'a Shared,
    pub(super) request: &'a Request<Bytes>,
    pub(super) route: Option<Route<'a>>,
    pub(super) asked: Option<Asked<'a>>,
    /// Of the path, else the body's model; empty if neither names one.
    pub(super) deployment: String,
    /// `None` if there is no such deployment.
    pub(super) model: Option<&'a str>,
}

impl<'a> Question<'a> {
    pub(super) fn new(shared: &'a Shared, request: &'a Request<Bytes>) -> Self {
        let route = Route::parse(request.uri().path()).filter(|_| request.method() == Method::POST);
        let asked = Asked::read(request.body());
        let of_path = route.and_then(|route| route.deployment);
        let of_body = || asked.as_ref().and_then(|asked| asked.model.as_deref());
        let deployment = of_path.or_else(of_body).unwrap_or_default().to_owned();
        let model = route.and_then(|route| shared.models.answering(&deployment, route.operation));
        Self { shared, request, route, asked, deployment, model }
    }

    /// How to answer, unless the request itself is wrong. Azure looks at the key first.
    pub(super) fn behaviour(&self) -> Result<Behaviour, Refusal> {
        if !self.has_key() {
            return Err(Refusal::Key);
        }
        let route = self.route.as_ref().ok_or(Refusal::Path)?;
        if route.is_dated && self.version().is_none() {
            return Err(Refusal::Path);
        }
        if self.model.is_none() {
            return Err(Refusal::Deployment { name: self.deployment.clone() });
        }
        match &self.asked {
            None => return Err(Refusal::Body { message: NO_JSON }),
            Some(asked) if !asked.has_prompt() => return Err(Refusal::Body { message: NO_PROMPT }),
            Some(_) => {}
        }
        let met = self.shared.rules.meet(&self.deployment, self.header("x-sim-behave"));
        met.map_err(|error| Refusal::Behaviour { message: error.to_string() })
    }

    /// Answers with an error.
    pub(super) fn refuse(&self, refusal: &Refusal, how: &Behaviour, mut call: OpenCall) -> Answer {
        let unique = self.shared.unique(call.number());
        let rendered = Rendered::plain(refusal.body(self.api()), String::new());
        call.answered(Answered { status: Some(refusal.status()), ..Answered::default() });
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.send(
            Sent { status, retry_after: refusal.retry_after(), tokens: None, unique: &unique, rendered },
            how,
            call,
        )
    }

    /// The refusal with a status that a behaviour asks for.
    pub(super) fn refusal(&self, status: u16, retry_after: Option<Duration>) -> Refusal {
        let version = self.version().unwrap_or("v1").to_owned();
        Refusal::Status { status, retry_after, operation: self.operation(), version }
    }

    /// Answers as asked.
    pub(super) fn serve(&self, how: &Behaviour, mut call: OpenCall) -> Answer {
        let (Some(asked), Some(model)) = (&self.asked, self.model) else {
            return self.refuse(&Refusal::Body { message: NO_JSON }, how, call);
        };
        let unique = self.shared.unique(call.number());
        let said = Said::new(seed(self.request.body()), asked, self.operation(), model, how);
        let stamp = Stamp {
            api: self.api(),
            unique,
            created: self.shared.now_seconds(),
            model: serde_json::to_string(model).expect("a text can be quoted"),
            reports_usage: how.usage != UsageReport::Missing,
        };
        let rendered = match (&how.reply, self.operation()) {
            (Reply::NotJson, _) => Some(Rendered::html(HTML)),
            (_, Operation::Embeddings) => embeddings::render(&stamp, asked, &said.tokens),
            (_, Operation::Responses) => Some(responses::render(&stamp, &said, asked, how)),
            (_, operation) => Some(chat::render(operation, &stamp, &said, asked, how)),
        };
        let Some(rendered) = rendered else {
            return self.refuse(&Refusal::Body { message: NO_INPUT }, how, call);
        };
        call.answered(Answered { status: Some(200), tokens: said.tokens, id: rendered.id.clone() });
        let (status, unique) = (StatusCode::OK, stamp.unique.as_str());
        self.send(Sent { status, retry_after: None, tokens: Some(said.tokens), unique, rendered }, how, call)
    }

    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    fn send(&self, sent: Sent<'_>, how: &Behaviour, call: OpenCall) -> Answer {
        let used = |tokens: Tokens| tokens.input.unwrap_or(0) + tokens.output.unwrap_or(0);
        let facts = Facts {
            api: self.api(),
            operation: self.operation(),
            unique: sent.unique,
            region: &self.shared.region,
            deployment: &self.deployment,
            client_request_id: self.request.headers().get("x-ms-client-request-id"),
            is_served: sent.tokens.is_some(),
            tokens: sent.tokens.map_or(0, used),
            content_type: sent.rendered.content_type,
            content_length: (!sent.rendered.is_stream()).then_some(sent.rendered.bytes.len()),
            retry_after: sent.retry_after,
        };
        let headers = facts.headers();
        let mut answer = Response::new(Either::Left(AnswerBody::new(sent.rendered, how, call)));
        *answer.status_mut() = sent.status;
        *answer.headers_mut() = headers;
        answer
    }

    fn has_key(&self) -> bool {
        let bearer = self.header(AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
        let Some(key) = self.header("api-key").or(bearer).filter(|key| !key.is_empty()) else { return false };
        self.shared.api_key.as_ref().is_none_or(|wanted| wanted == key)
    }

    fn version(&self) -> Option<&'a str> {
        api_version(self.request.uri().query().unwrap_or_default())
    }

    fn operation(&self) -> Operation {
        self.route.map_or(Operation::Other, |route| route.operation)
    }

    fn api(&self) -> Api {
        let is_openai = self.request.uri().path().starts_with("/v1/");
        if is_openai { Api::OpenAi } else { Api::Azure }
    }
}

/// An answer but for its behaviour.
struct Sent<'a> {
    status: StatusCode,
    retry_after: Option<Duration>,
    /// `None` for an error.
    tokens: Option<Tokens>,
    unique: &'a str,
    rendered: Rendered,
}

const NO_JSON: &str = "We could not parse the JSON body of your request. The API expects a JSON payload, but what was \
                       sent was not valid JSON, or a field has a value of the wrong type.";
const NO_PROMPT: &str = "Missing required parameter: one of 'messages', 'prompt' and 'input'.";
const NO_INPUT: &str = "'$.input' is invalid. Please check the API reference: \
                        https://platform.openai.com/docs/api-reference.";
