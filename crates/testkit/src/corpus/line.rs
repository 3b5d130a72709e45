//! An exchange as a line of a log object.

use gatelog_logpush::{Payload, RecordLine, SealingKey, WriteError};
use serde_json::value::RawValue;

use super::{
    bodies,
    exchange::{Answer, Exchange},
};

/// Writes one line with its newline; own gateway's lines have the fields that Cloudflare's lack.
pub(super) fn write(
    exchange: &Exchange,
    is_own_gateway: bool,
    sealing: Option<&SealingKey>,
) -> Result<Vec<u8>, WriteError> {
    let deployment = exchange.deployment;
    let operation = if deployment.is_embeddings() { "embeddings" } else { "chat/completions" };
    let endpoint = format!("{}/{}/{operation}?api-version=2024-10-21", deployment.resource, deployment.deployment);
    let metadata = RawValue::from_string(bodies::metadata(exchange))?;
    let (request, response) = (bodies::request(exchange), bodies::response(exchange));
    let log_id = format!("log-{}", exchange.label);
    let mut record = RecordLine {
        cached: Some(exchange.answer == Answer::FromCache),
        endpoint: Some(&endpoint),
        gateway: Some(if is_own_gateway { "gatelog" } else { "prod" }),
        metadata: Some(Payload::Json(&metadata)),
        model: Some(deployment.model),
        provider: Some("azure-openai"),
        rate_limited: Some(exchange.answer == Answer::GatewayLimit),
        request_body: Some(Payload::Text(&request)),
        response_body: Some(Payload::Text(&response)),
        status_code: Some(exchange.answer.status()),
        ..RecordLine::default()
    };
    if is_own_gateway {
        let duration_ms = u32::try_from(80 + exchange.words_seed % 4_000).expect("at most four digits");
        record.attempt = Some(1);
        record.datetime = Some(exchange.at);
        record.deployment = Some(deployment.deployment);
        record.duration_ms = Some(duration_ms);
        record.log_id = Some(&log_id);
        record.region = Some(deployment.region);
        record.step = Some(0);
        record.ttft_ms = Some(duration_ms / 4);
    }
    let sealer = sealing.map(SealingKey::new_line).transpose()?;
    let mut line = Vec::new();
    record.append_to(&mut line, sealer.as_ref())?;
    Ok(line)
}
