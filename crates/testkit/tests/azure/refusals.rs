//! Requests that are wrong themselves.

use gatelog_model::Operation;
use gatelog_testkit::azure::{AzureOptions, AzureServer, Behaviour};

use super::client::{CHAT, HELLO, post};

fn with_one_deployment() -> AzureOptions {
    let deployments = vec![("gpt-4o".to_owned(), "gpt-4o-2024-11-20".to_owned())];
    AzureOptions { deployments, ..AzureOptions::default() }
}

#[tokio::test]
async fn a_wrong_key_is_refused_before_anything_else() {
    let options = AzureOptions { api_key: Some("secret".to_owned()), ..with_one_deployment() };
    let server = AzureServer::start(options).await.unwrap();
    server.behave_all(Behaviour::status(503));
    for path in [CHAT, "/openai/nothing"] {
        // The client sends `api-key: k`, which goes before a bearer token.
        let got = post(&server, path, HELLO, &[("authorization", "Bearer secret")]).await.unwrap();
        let error = got.facts(Operation::Chat).error.unwrap();
        assert_eq!((got.status, error.code.as_deref()), (401, Some("401")), "{path}");
        assert!(got.json()["error"]["message"].as_str().unwrap().starts_with("Access denied due to invalid"));
    }
}

#[tokio::test]
async fn wrong_requests_are_refused_in_the_words_of_azure() {
    let server = AzureServer::start(with_one_deployment()).await.unwrap();
    server.behave_all(Behaviour::status(503));
    let other = CHAT.replace("gpt-4o", "other");
    let undated = CHAT.split('?').next().unwrap();
    for (path, body, status, code) in [
        (undated, HELLO, 404, Some("404")),
        ("/openai/nothing?api-version=1", HELLO, 404, Some("404")),
        (&other, HELLO, 404, Some("DeploymentNotFound")),
        ("/v1/chat/completions", r#"{"model":"x","messages":[]}"#, 404, Some("model_not_found")),
        ("/openai/v1/chat/completions", HELLO, 404, Some("DeploymentNotFound")),
        (CHAT, "{", 400, None),
        (CHAT, "{}", 400, None),
    ] {
        let got = post(&server, path, body, &[]).await.unwrap();
        let error = got.facts(Operation::Chat).error.unwrap();
        assert_eq!((got.status, error.code.as_deref()), (status, code), "{path} {body}");
        assert_eq!(server.calls().pop().unwrap().status, Some(status));
    }
    let got = post(&server, CHAT, HELLO, &[("x-sim-behave", "slow")]).await.unwrap();
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (400, Some("SimBehave")));
    let totals = server.totals().sum;
    assert_eq!((totals.calls, totals.refused, totals.input_tokens), (8, 8, 0));
}

#[tokio::test]
async fn what_cannot_be_embedded_is_refused() {
    let server = AzureServer::start(AzureOptions::default()).await.unwrap();
    let path = "/openai/deployments/embed/embeddings?api-version=1";
    for body in [r#"{"input":[]}"#, r#"{"input":null}"#, r#"{"input":{}}"#, r#"{"input":"a","dimensions":0}"#] {
        assert_eq!(post(&server, path, body, &[]).await.unwrap().status, 400, "{body}");
    }
}
