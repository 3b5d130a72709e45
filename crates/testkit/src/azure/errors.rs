//! Refusals in the words of Azure, and of OpenAI under its own paths.

use std::time::Duration;

use gatelog_model::Operation;
use serde_json::{Value, json};

use super::route::Api;

/// What a proxy in the way sends instead of an answer.
pub(super) const HTML: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad \
                               Gateway</h1></center>\r\n<hr><center>Microsoft-Azure-Application-Gateway/v2</center>\r\n\
                               </body>\r\n</html>\r\n";

/// Why a request gets no answer of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No key, or not the one.
    Key,
    /// No such path, or no `api-version` where one must be: Azure says 404 there too (MicrosoftDocs/azure-docs#114602).
    Path,
    Deployment {
        name: String,
    },
    /// The body is no JSON, or has not what the operation needs.
    Body {
        message: &'static str,
    },
    /// The header `x-sim-behave` cannot be obeyed; Azure knows nothing of it.
    Behaviour {
        message: String,
    },
    PromptFilter,
    Status {
        status: u16,
        retry_after: Option<Duration>,
        operation: Operation,
        version: String,
    },
}

impl Refusal {
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Key => 401,
            Self::Path | Self::Deployment { .. } => 404,
            Self::Body { .. } | Self::Behaviour { .. } | Self::PromptFilter => 400,
            Self::Status { status, .. } => *status,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    pub(super) fn body(&self, api: Api) -> String {
        let (code, message) = match self {
            Self::PromptFilter => return prompt_filter().to_string(),
            Self::Body { message } => return openai("invalid_request_error", None, message).to_string(),
            Self::Behaviour { message } => ("SimBehave".to_owned(), format!("x-sim-behave: {message}")),
            Self::Key => ("401".to_owned(), KEY.to_owned()),
            Self::Path => ("404".to_owned(), "Resource not found".to_owned()),
            Self::Deployment { name } if api == Api::OpenAi => {
                let message = format!("The model `{name}` does not exist or you do not have access to it.");
                return openai("invalid_request_error", Some("model_not_found"), &message).to_string();
            }
            Self::Deployment { .. } => ("DeploymentNotFound".to_owned(), DEPLOYMENT.to_owned()),
            Self::Status { status, retry_after, operation, version } => {
                of_status(*status, *retry_after, *operation, version)
            }
        };
        match api {
            Api::Azure => json!({"error": {"code": code, "message": message}}).to_string(),
            Api::OpenAi => openai(kind(self.status()), Some(&code), &message).to_string(),
        }
    }
}

const KEY: &str = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key \
                   for an active subscription and use a correct regional API endpoint for your resource.";
const DEPLOYMENT: &str = "The API deployment for this resource does not exist. If you created the deployment within the \
                          last 5 minutes, please wait a moment and try again.";

fn of_status(status: u16, retry_after: Option<Duration>, operation: Operation, version: &str) -> (String, String) {
    let (code, message) = match status {
        408 => ("Timeout", "The operation was timeout."),
        429 => {
            let seconds = retry_after.unwrap_or(Duration::from_secs(1)).as_secs_f64().ceil();
            let operation = operation_name(operation);
            let message = format!(
                "Requests to the {operation} Operation under Azure OpenAI API version {version} have exceeded token \
                 rate limit of your current OpenAI S0 pricing tier. Please retry after {seconds} seconds. Please go \
                 here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."
            );
            return ("429".to_owned(), message);
        }
        500 => ("InternalServerError", "The server had an error while processing your request. Sorry about that!"),
        502 => ("BadGateway", "The upstream server returned an invalid response."),
        503 => ("ServiceUnavailable", "The service is temporarily unable to process your request."),
        504 => ("GatewayTimeout", "The upstream server did not answer in time."),
        _ => return (status.to_string(), format!("Refused with status {status}.")),
    };
    (code.to_owned(), message.to_owned())
}

fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "ChatCompletions_Create",
        Operation::Completions => "Completions_Create",
        Operation::Embeddings => "Embeddings_Create",
        Operation::Responses | Operation::Other => "Responses_Create",
    }
}

fn kind(status: u16) -> &'static str {
    match status {
        429 => "tokens",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn openai(kind: &str, code: Option<&str>, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

fn prompt_filter() -> Value {
    let message = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. \
                   Please modify your prompt and retry. To learn more about our content filtering policies please read \
                   our documentation: https://go.microsoft.com/fwlink/?linkid=2198766";
    json!({"error": {
        "message": message, "type": null, "param": "prompt", "code": "content_filter", "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": {"filtered": false, "severity": "safe"},
                "jailbreak": {"detected": true, "filtered": true},
                "self_harm": {"filtered": false, "severity": "safe"},
                "sexual": {"filtered": false, "severity": "safe"},
                "violence": {"filtered": false, "severity": "safe"},
            },
        },
    }})
}
