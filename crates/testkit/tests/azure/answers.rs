//! What a healthy server says.

use base64::{Engine, prelude::BASE64_STANDARD};
use gatelog_model::{Operation, Tokens};
use gatelog_testkit::corpus::CONTENT_NEEDLE;
use gatelog_usage::{ResponseFacts, StreamTap};
use serde_json::{Value, json};

use super::client::{CHAT, Got, HELLO, HELLO_STREAM, chat, post, server};

const MODEL: &str = "gpt-4o-2024-11-20";

/// The facts but for the time, which is now.
fn timeless(got: &Got, operation: Operation) -> ResponseFacts {
    let facts = got.facts(operation);
    assert!(facts.created > Some(1_700_000_000), "{}", got.body);
    ResponseFacts { created: None, ..facts }
}

fn expected(tokens: Tokens, finish: &str) -> ResponseFacts {
    ResponseFacts {
        model: Some(MODEL.to_owned()),
        tokens,
        usage_reported: true,
        finish_reason: Some(finish.to_owned()),
        complete: true,
        ..ResponseFacts::default()
    }
}

#[tokio::test]
async fn chat_is_read_with_the_tokens_of_the_journal() {
    let server = server().await;
    let got = chat(&server, HELLO, "ok").await;
    let call = server.calls().remove(0);
    assert_eq!(got.status, 200);
    assert_eq!(timeless(&got, Operation::Chat), expected(call.tokens, "stop"));
    // "user" and "Hello there" are 15 bytes.
    assert_eq!(call.tokens.input, Some(4));
    let body = got.json();
    assert_eq!(body["id"], call.answer_id.as_str());
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][0]["content_filter_results"]["hate"]["severity"], "safe");
    assert_eq!(body["prompt_filter_results"][0]["prompt_index"], 0);
    assert!(body["choices"][0]["message"]["content"].as_str().unwrap().starts_with(CONTENT_NEEDLE));
    assert_eq!(got.header("x-ms-deployment-name"), "gpt-4o");
    assert_eq!(got.header("x-ms-region"), "South Africa North");
    for name in ["apim-request-id", "x-request-id", "azureml-model-session", "x-ratelimit-remaining-tokens"] {
        assert!(!got.header(name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn the_same_request_gets_the_same_text_under_another_id() {
    let server = server().await;
    let text = |got: &Got| got.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    let (first, second) = (chat(&server, HELLO, "ok").await, chat(&server, HELLO, "ok").await);
    let other = chat(&server, &HELLO.replace("Hello", "Hullo"), "ok").await;
    assert_eq!(text(&first), text(&second));
    assert_ne!(text(&first), text(&other));
    assert_eq!(first.json()["usage"], second.json()["usage"]);
    assert_ne!(first.json()["id"], second.json()["id"]);
    assert_ne!(first.header("apim-request-id"), second.header("apim-request-id"));
}

#[tokio::test]
async fn a_chat_stream_has_the_frames_of_azure_in_order() {
    let server = server().await;
    let got = chat(&server, HELLO_STREAM, "frames=3").await;
    assert_eq!(got.header("content-type"), "text/event-stream; charset=utf-8");
    let data = got.data();
    assert_eq!(data.last(), Some(&"[DONE]"));
    let frames: Vec<Value> = data[..data.len() - 1].iter().map(|data| serde_json::from_str(data).unwrap()).collect();
    let [prompt, role, texts @ .., finish, usage] = &frames[..] else { panic!("{}", got.body) };
    let of_prompt = json!([prompt["choices"], prompt["created"], prompt["id"], prompt["model"], prompt["object"]]);
    assert_eq!(of_prompt, json!([[], 0, "", "", ""]));
    assert!(prompt["prompt_filter_results"].is_array());
    assert_eq!(role["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(texts.len(), 3);
    for text in texts {
        assert_eq!(text["usage"], Value::Null);
        assert_eq!(text["choices"][0]["content_filter_results"]["violence"]["filtered"], false);
        assert!(!text["choices"][0]["delta"]["content"].as_str().unwrap().is_empty());
    }
    assert_eq!((&finish["choices"][0]["finish_reason"], &finish["choices"][0]["delta"]), (&json!("stop"), &json!({})));
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["prompt_tokens_details"]["cached_tokens"].is_number());
    let call = server.calls().remove(0);
    let expected = ResponseFacts { streamed: true, ..expected(call.tokens, "stop") };
    assert_eq!(timeless(&got, Operation::Chat), expected);
}

#[tokio::test]
async fn a_stream_reports_usage_only_if_asked() {
    let server = server().await;
    let got = chat(&server, r#"{"messages":["a"],"stream":true}"#, "ok").await;
    let facts = got.facts(Operation::Chat);
    assert!(facts.complete && !facts.usage_reported);
    assert!(!got.body.contains("\"usage\""));
    assert!(server.calls()[0].tokens.output > Some(0), "the journal knows all the same");
}

#[tokio::test]
async fn a_limit_of_tokens_is_kept() {
    let server = server().await;
    let got = chat(&server, r#"{"messages":["a"],"max_tokens":5}"#, "ok").await;
    let facts = got.facts(Operation::Chat);
    assert_eq!((facts.finish_reason.as_deref(), facts.tokens.output), (Some("length"), Some(5)));
}

#[tokio::test]
async fn reasoning_and_cached_tokens_are_read() {
    let server = server().await;
    let path = "/openai/deployments/reasoning/chat/completions?api-version=2024-10-21";
    let mut cached = 0;
    for number in 0..20 {
        let body = json!({"messages": [{"role": "user", "content": format!("{number}{}", "x".repeat(8_000))}]});
        let facts = post(&server, path, &body.to_string(), &[]).await.unwrap().facts(Operation::Chat);
        assert_eq!(facts.model.as_deref(), Some("o4-mini-2025-04-16"));
        assert!(facts.tokens.reasoning >= Some(64) && facts.tokens.reasoning < facts.tokens.output);
        assert_eq!(server.calls().pop().unwrap().tokens, facts.tokens);
        cached += facts.tokens.cached_input.unwrap();
    }
    assert_eq!(server.totals().sum.cached_input_tokens, cached);
    assert!(cached > 0);
}

#[tokio::test]
async fn openai_itself_has_no_filters() {
    let server = server().await;
    let body = HELLO_STREAM.replacen('{', r#"{"model":"gpt-4o","#, 1);
    for path in ["/v1/chat/completions", "/openai/v1/chat/completions"] {
        let got = post(&server, path, &body, &[]).await.unwrap();
        assert_eq!(got.facts(Operation::Chat).model.as_deref(), Some(MODEL));
        assert_eq!(got.body.contains("content_filter_results"), path.starts_with("/openai"), "{path}");
        assert_eq!(got.headers.contains_key("apim-request-id"), path.starts_with("/openai"), "{path}");
    }
    assert!(server.calls().iter().all(|call| call.deployment == "gpt-4o"));
}

#[tokio::test]
async fn legacy_completions_are_read() {
    let server = server().await;
    let path = "/openai/deployments/gpt-4o/completions?api-version=2024-10-21";
    for (body, streamed) in [
        (r#"{"prompt":"Once"}"#, false),
        (r#"{"prompt":"Once","stream":true,"stream_options":{"include_usage":true}}"#, true),
    ] {
        let got = post(&server, path, body, &[]).await.unwrap();
        let tokens = server.calls().pop().unwrap().tokens;
        assert_eq!(tokens.cached_input, None);
        let expected = ResponseFacts { streamed, ..expected(tokens, "stop") };
        assert_eq!(timeless(&got, Operation::Completions), expected);
    }
}

#[tokio::test]
async fn responses_are_read() {
    let server = server().await;
    for path in ["/openai/responses?api-version=2025-03-01-preview", "/openai/v1/responses", "/v1/responses"] {
        for (limit, finish) in [(1_000, "completed"), (3, "max_output_tokens")] {
            for streamed in [false, true] {
                let body = json!({"model": "gpt-4o", "input": "Hi", "stream": streamed, "max_output_tokens": limit});
                let got = post(&server, path, &body.to_string(), &[]).await.unwrap();
                let service_tier = Some("default".to_owned());
                let expected = expected(server.calls().pop().unwrap().tokens, finish);
                let expected = ResponseFacts { streamed, service_tier, ..expected };
                assert_eq!(timeless(&got, Operation::Responses), expected, "{path} {body}");
            }
        }
    }
}

#[tokio::test]
async fn a_stream_of_responses_has_typed_events_in_order() {
    let server = server().await;
    let body = r#"{"model":"gpt-4o","input":"Hi","stream":true}"#;
    let got = post(&server, "/openai/v1/responses", body, &[("x-sim-behave", "frames=2")]).await.unwrap();
    let named: Vec<&str> = got.body.lines().filter_map(|line| line.strip_prefix("event: response.")).collect();
    let expected = [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(named, expected);
    let events: Vec<Value> = got.data().iter().map(|data| serde_json::from_str(data).unwrap()).collect();
    for (index, (event, name)) in events.iter().zip(expected).enumerate() {
        assert_eq!((&event["type"], &event["sequence_number"]), (&json!(format!("response.{name}")), &json!(index)));
    }
    let text: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(events[9]["response"]["output"][0]["content"][0]["text"], text);
}

#[tokio::test]
async fn embeddings_are_unit_vectors_of_their_inputs() {
    let server = server().await;
    let path = "/openai/deployments/embed-small/embeddings?api-version=2024-10-21";
    let got = post(&server, path, r#"{"input":["a","b","a"]}"#, &[]).await.unwrap();
    let tokens = Tokens { input: Some(1), ..Tokens::default() };
    let facts = got.facts(Operation::Embeddings);
    assert_eq!((facts.model.as_deref(), facts.tokens), (Some("text-embedding-3-small"), tokens));
    assert_eq!(server.calls()[0].tokens, tokens);
    let body = got.json();
    let vector =
        |index: usize| -> Vec<f32> { serde_json::from_value(body["data"][index]["embedding"].clone()).unwrap() };
    assert_eq!(body["data"].as_array().unwrap().len(), 3);
    assert_eq!(vector(0).len(), 1_536);
    assert!((vector(0).iter().map(|part| part * part).sum::<f32>() - 1.0).abs() < 1e-4);
    assert!(vector(0) == vector(2) && vector(0) != vector(1));
    let got = post(&server, path, r#"{"input":"a","encoding_format":"base64","dimensions":8}"#, &[]).await.unwrap();
    let bytes = BASE64_STANDARD.decode(got.json()["data"][0]["embedding"].as_str().unwrap()).unwrap();
    let decoded: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|part| f32::from_le_bytes(*part)).collect();
    assert_eq!(
        decoded.iter().map(|part| part.signum()).collect::<Vec<_>>(),
        vector(0)[..8].iter().map(|part| part.signum()).collect::<Vec<_>>()
    );
    let ids = post(&server, path, r#"{"input":[7,8,9],"dimensions":4}"#, &[]).await.unwrap();
    assert_eq!(
        (ids.json()["data"].as_array().unwrap().len(), ids.json()["usage"]["total_tokens"].as_u64()),
        (1, Some(3))
    );
}

#[tokio::test]
async fn http2_with_prior_knowledge_shares_a_connection() {
    use http_body_util::{BodyExt, Full};
    use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    let server = server().await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<bytes::Bytes>>();
    for behave in ["ok", "cut-after-frames=2", "reset", "ok"] {
        let request = hyper::Request::post(format!("{}{CHAT}", server.endpoint())).header("authorization", "Bearer t");
        let request = request.header("x-sim-behave", behave).body(Full::from(HELLO_STREAM)).unwrap();
        let answer = match client.request(request).await {
            Ok(answer) => answer.into_body().collect().await,
            Err(_reset) if behave == "reset" => continue,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(answer.is_ok(), behave == "ok", "{behave}");
        let Ok(answer) = answer else { continue };
        let bytes = answer.to_bytes();
        let mut tap = StreamTap::new(Operation::Chat);
        tap.push(&bytes);
        assert!(tap.finish().complete);
    }
    for call in server.calls() {
        assert_eq!((call.http, call.connection), ("HTTP/2.0", 0));
        assert_eq!(call.header("host"), server.endpoint().strip_prefix("http://"));
    }
}
