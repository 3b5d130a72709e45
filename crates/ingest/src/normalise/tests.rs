use gatelog_logpush::parse_line;
use gatelog_model::{CostSource, DeploymentType, Operation, Outcome, PicoUsd, TokenSource};
use gatelog_pricing::DeploymentEntry;

use super::*;

fn context() -> NormaliseContext {
    let entry = DeploymentEntry {
        resource: "aoai-za".into(),
        deployment: "chat".into(),
        model: "gpt-4o".into(),
        version: Some("2024-11-20".into()),
        deployment_type: DeploymentType::Regional,
        region: Some("southafricanorth".into()),
    };
    NormaliseContext {
        account_id: "account".into(),
        metadata_keys: MetadataKeys::default(),
        deployments: DeploymentMap::try_new(vec![entry]).unwrap(),
        rates: RateBook::builtin(),
    }
}

fn at(text: &str) -> TimestampMicros {
    TimestampMicros::clamped(text.parse().unwrap())
}

fn event(line: &str, request: &str, response: &str) -> Event {
    let record = parse_line(line.as_bytes()).unwrap();
    let source = SourceObject {
        bucket: "logs".into(),
        key: "k".into(),
        etag: "e".into(),
        size_bytes: 1,
        window_start: at("2026-08-01T10:00:00Z"),
        window_end: at("2026-08-01T10:00:30Z"),
    };
    let opened = OpenedFields {
        metadata: Some(r#"{"tenantId":"acme","userId":7}"#.into()),
        request_body: (!request.is_empty()).then(|| request.into()),
        response_body: (!response.is_empty()).then(|| response.into()),
    };
    let place = LinePlace { source: Arc::new(source), number: 3, digest: Digest([0xab; 32]) };
    normalise(&context(), &record, &opened, place)
}

const CHAT: &str = r#"{"Endpoint":"aoai-za/chat/chat/completions?api-version=1","Provider":"azure-openai","Gateway":"prod","StatusCode":200}"#;
const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1785578405,"model":"gpt-4o-2024-11-20","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,"prompt_tokens_details":{"cached_tokens":400}}}"#;

#[test]
fn an_azure_answer_is_priced_at_its_deployment() {
    let event = event(CHAT, r#"{"model":"chat","messages":[]}"#, ANSWER);
    assert_eq!(event.operation, Operation::Chat);
    assert_eq!(event.azure_resource.as_deref(), Some("aoai-za"));
    assert_eq!(event.deployment.as_deref(), Some("chat"));
    assert_eq!(event.region.as_deref(), Some("southafricanorth"));
    assert_eq!(event.tenant_id.as_deref(), Some("acme"));
    assert_eq!(event.user_id.as_deref(), Some("7"));
    assert_eq!(event.model.as_deref(), Some("gpt-4o-2024-11-20"));
    assert_eq!(event.token_source, TokenSource::Reported);
    // 600 x 3.025 + 400 x 1.513 + 100 x 12.10 USD per million.
    assert_eq!(event.cost, Some(PicoUsd::new(600 * 3_025_000 + 400 * 1_513_000 + 100 * 12_100_000)));
    assert_eq!(event.cost_source, CostSource::Rated);
    assert_eq!(event.event_time, at("2026-08-01T10:00:05Z"));
    assert_eq!(event.event_time_source, EventTimeSource::Response);
    assert_eq!(event.event_id, "ab".repeat(16));
    assert_eq!(event.finish_reason.as_deref(), Some("stop"));
}

#[test]
fn a_cache_hit_costs_nothing_and_says_what_it_saved() {
    let line = CHAT.replace("\"StatusCode\"", "\"Cached\":true,\"StatusCode\"");
    let event = event(&line, "", ANSWER);
    assert_eq!(event.cost, Some(PicoUsd::ZERO));
    assert!(event.saved > Some(PicoUsd::ZERO));
    assert_eq!(event.cost_source, CostSource::Cached);
}

#[test]
fn tokens_without_a_rate_are_unpriced_and_not_free() {
    let event = event(&CHAT.replace("aoai-za", "elsewhere"), "", ANSWER);
    assert_eq!((event.cost, event.cost_source), (None, CostSource::Unpriced));
}

#[test]
fn a_path_without_a_deployment_leaves_it_to_the_body() {
    let line = r#"{"Endpoint":"aoai-za/openai/v1/responses","Provider":"azure-openai","StatusCode":200}"#;
    let answer = r#"{"object":"response","status":"completed","model":"gpt-4o-2024-11-20","usage":{"input_tokens":10,"output_tokens":2,"total_tokens":12}}"#;
    let event = event(line, r#"{"model":"chat","input":"hi"}"#, answer);
    assert_eq!((event.azure_resource.as_deref(), event.deployment.as_deref()), (Some("aoai-za"), Some("chat")));
    assert_eq!(event.cost, Some(PicoUsd::new(10 * 3_025_000 + 2 * 12_100_000)));
}

#[test]
fn a_price_that_came_with_the_request_goes_before_the_rates() {
    let priced = |cost: &str| {
        let line = CHAT.replace("\"StatusCode\"", &format!("\"CustomCost\":{cost},\"StatusCode\""));
        let event = event(&line, "", ANSWER);
        (event.cost, event.cost_source, event.rate_id)
    };
    let own = priced(r#"{"per_token_in":0.000001,"per_token_out":0.000002}"#);
    assert_eq!(own, (Some(PicoUsd::new(1_000 * 1_000_000 + 100 * 2_000_000)), CostSource::Custom, None));
    assert_eq!(priced(r#"{"per_token_in":1e-30}"#), (None, CostSource::Unpriced, None), "never at another price");
}

#[test]
fn outcomes_follow_the_status_and_the_answer() {
    let outcome = |status: &str, response: &str| event(&format!(r#"{{"StatusCode":{status}}}"#), "", response).outcome;
    let filtered =
        r#"{"error":{"code":"content_filter","message":"m","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#;
    assert_eq!(outcome("429", ""), Outcome::RateLimited);
    assert_eq!(outcome("424", ""), Outcome::Blocked);
    assert_eq!(outcome("400", filtered), Outcome::Blocked);
    assert_eq!(outcome("400", r#"{"error":{"code":"bad","message":"m"}}"#), Outcome::Error);
    assert_eq!(outcome("503", ""), Outcome::Error);
    assert_eq!(outcome("499", ""), Outcome::Cancelled);
    assert_eq!(outcome("200", "data: {\"choices\":[]}\n\n"), Outcome::Truncated);
    assert_eq!(outcome("200", "data: {\"choices\":[]}\n\ndata: [DONE]\n\n"), Outcome::Ok);
}

#[test]
fn an_answer_is_streamed_if_anything_says_so() {
    let streamed = |line: &str, request: &str, response: &str| event(line, request, response).streamed;
    assert!(!streamed(CHAT, r#"{"stream":false}"#, ANSWER));
    assert!(streamed(CHAT, r#"{"stream":true}"#, ANSWER));
    assert!(streamed(CHAT, "", "data: [DONE]\n\n"));
    assert!(streamed(&CHAT.replace("}", ",\"Streamed\":true}"), "", ANSWER));
    assert!(!streamed(&CHAT.replace("}", ",\"Streamed\":false}"), "", ANSWER));
}

#[test]
fn an_implausible_time_gives_way_to_the_next_source() {
    let timed = |time: &str, response: &str| {
        let event = event(&format!(r#"{{"Datetime":{time}}}"#), "", response);
        (event.event_time, event.event_time_source)
    };
    assert_eq!(timed("1785578406", "").1, EventTimeSource::Record);
    assert_eq!(timed(r#""9999-12-31T23:59:59Z""#, ANSWER).1, EventTimeSource::Response);
    let window = (at("2026-08-01T10:00:00Z"), EventTimeSource::ObjectWindow);
    assert_eq!(timed(r#""9999-12-31T23:59:59Z""#, ""), window);
    assert_eq!(timed("1", &ANSWER.replace("1785578405", "99999999999999")), window);
}

#[test]
fn bodies_that_were_opted_out_are_omitted() {
    assert_eq!(event("{}", "", "").body_state, BodyState::Omitted);
    assert_eq!(event("{}", "x", "").body_state, BodyState::Open);
    assert_eq!(event(r#"{"Truncated":true}"#, "x", "").body_state, BodyState::Truncated);
}
