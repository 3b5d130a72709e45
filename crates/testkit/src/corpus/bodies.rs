//! The bodies of requests and answers, as Azure writes them.

use gatelog_model::Tokens;
use serde_json::{Value, json};

use super::{
    CONTENT_NEEDLE,
    exchange::{Answer, Exchange},
    random::Random,
};

/// Words of the prompts; quotes, backslashes, line ends and other scripts are among them on purpose.
const WORDS: [&str; 24] = [
    "invoice",
    "refund",
    "the",
    "customer",
    "and",
    "contract",
    "please",
    "summarise",
    "\"quoted\"",
    "back\\slash",
    "line\nbreak",
    "Müller",
    "naïve",
    "日本語",
    "Привет",
    "🙂",
    "policy",
    "order",
    "risk",
    "a",
    "of",
    "delivery",
    "tab\there",
    "</script>",
];

/// What Azure says about content that is harmless.
fn harmless() -> Value {
    json!({
        "hate": {"filtered": false, "severity": "safe"},
        "self_harm": {"filtered": false, "severity": "safe"},
        "sexual": {"filtered": false, "severity": "safe"},
        "violence": {"filtered": false, "severity": "safe"},
    })
}

pub(super) fn metadata(exchange: &Exchange) -> String {
    json!({
        "tenantId": exchange.tenant,
        "userId": exchange.user,
        "promptVersion": exchange.prompt_version,
        "feature": exchange.feature,
        super::LABEL_KEY: exchange.label,
    })
    .to_string()
}

pub(super) fn request(exchange: &Exchange) -> String {
    let mut random = Random::new(exchange.words_seed);
    let words = words(&mut random, 12, 80);
    if exchange.deployment.is_embeddings() {
        return json!({"input": [words], "model": exchange.deployment.model}).to_string();
    }
    let mut body = json!({
        "messages": [
            {"role": "system", "content": "You answer briefly."},
            {"role": "user", "content": words},
        ],
        "max_tokens": 1_000,
        "temperature": 0.2,
    });
    if exchange.answer == Answer::Streamed {
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
    }
    body.to_string()
}

pub(super) fn response(exchange: &Exchange) -> String {
    match (exchange.answer, exchange.tokens) {
        (Answer::Streamed, Some(tokens)) => stream(exchange, &tokens),
        (Answer::Whole | Answer::FromCache, Some(tokens)) => whole(exchange, &tokens).to_string(),
        (Answer::ProviderLimit, _) => limit_of_azure(),
        (Answer::GatewayLimit, _) => {
            json!({"success": false, "result": [], "messages": [], "error": [{"code": 2003, "message": "Rate limited"}]})
                .to_string()
        }
        (Answer::Filtered, _) => filtered(),
        // Answers without tokens are errors.
        (Answer::ServerError | Answer::Whole | Answer::FromCache | Answer::Streamed, _) => {
            json!({"error": {"code": "InternalServerError", "message": "The server had an error."}}).to_string()
        }
    }
}

fn whole(exchange: &Exchange, tokens: &Tokens) -> Value {
    if exchange.deployment.is_embeddings() {
        return json!({
            "object": "list",
            "model": exchange.deployment.answers_as,
            "data": [{"object": "embedding", "index": 0, "embedding": [0.0023, -0.0091, 0.0158]}],
            "usage": {"prompt_tokens": tokens.input, "total_tokens": tokens.input},
        });
    }
    let mut random = Random::new(exchange.words_seed ^ 1);
    json!({
        "choices": [{
            "content_filter_results": harmless(),
            "finish_reason": "stop",
            "index": 0,
            "logprobs": null,
            "message": {"content": words(&mut random, 5, 60), "refusal": null, "role": "assistant"},
        }],
        "created": seconds(exchange),
        "id": completion_id(exchange),
        "model": exchange.deployment.answers_as,
        "object": "chat.completion",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": harmless()}],
        "system_fingerprint": "fp_ee1d74bde0",
        "usage": usage(tokens),
    })
}

/// Server-sent events: Azure's first frame has no choices and no model, usage comes in a frame of its own at the end.
fn stream(exchange: &Exchange, tokens: &Tokens) -> String {
    let mut random = Random::new(exchange.words_seed ^ 1);
    let frame = |choices: Value, usage: Value| {
        json!({
            "choices": choices,
            "created": seconds(exchange),
            "id": completion_id(exchange),
            "model": exchange.deployment.answers_as,
            "object": "chat.completion.chunk",
            "system_fingerprint": "fp_ee1d74bde0",
            "usage": usage,
        })
    };
    let piece = |delta: Value, finish: Value| {
        let filter = if delta.get("content").is_some() { harmless() } else { json!({}) };
        let choice = json!({"content_filter_results": filter, "delta": delta, "finish_reason": finish, "index": 0});
        frame(json!([choice]), Value::Null)
    };
    let mut frames = vec![
        json!({
            "choices": [], "created": 0, "id": "", "model": "", "object": "",
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": harmless()}],
        }),
        piece(json!({"role": "assistant", "content": ""}), Value::Null),
    ];
    for word in words(&mut random, 5, 30).split_inclusive(' ') {
        frames.push(piece(json!({"content": word}), Value::Null));
    }
    frames.push(piece(json!({}), json!("stop")));
    frames.push(frame(json!([]), usage(tokens)));
    let mut text: String = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    text.push_str("data: [DONE]\n\n");
    text
}

fn usage(tokens: &Tokens) -> Value {
    let total = tokens.input.unwrap_or(0) + tokens.output.unwrap_or(0);
    json!({
        "completion_tokens": tokens.output,
        "completion_tokens_details": {
            "accepted_prediction_tokens": 0, "audio_tokens": 0,
            "reasoning_tokens": tokens.reasoning, "rejected_prediction_tokens": 0,
        },
        "prompt_tokens": tokens.input,
        "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": tokens.cached_input},
        "total_tokens": total,
    })
}

fn limit_of_azure() -> String {
    let message = "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have \
                   exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 6 seconds.";
    json!({"error": {"code": "429", "message": message}}).to_string()
}

fn filtered() -> String {
    json!({"error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": null,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"jailbreak": {"detected": true, "filtered": true}},
        },
    }})
    .to_string()
}

fn seconds(exchange: &Exchange) -> i64 {
    exchange.at.micros() / 1_000_000
}

fn completion_id(exchange: &Exchange) -> String {
    format!("chatcmpl-{:016x}", exchange.words_seed)
}

/// Some words and, somewhere among them, the needle.
fn words(random: &mut Random, low: u64, high: u64) -> String {
    let count = random.between(low, high);
    let needle_at = random.below(count);
    let words: Vec<&str> =
        (0..count).map(|index| if index == needle_at { CONTENT_NEEDLE } else { random.pick(&WORDS) }).collect();
    words.join(" ")
}
