//! Every way to misbehave, as a client sees it.

use std::time::Duration;

use gatelog_model::{Operation, Tokens};
use gatelog_testkit::azure::{Behaviour, CallEnd, Ending, Reply, UsageReport};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::client::{CHAT, HELLO, HELLO_STREAM, chat, ended, post, server};

#[tokio::test]
async fn refusals_have_azures_bodies_and_retry_headers() {
    let server = server().await;
    for (behave, status, millis, seconds, code) in [
        ("429", 429, "1000", "1", "429"),
        ("429;bare", 429, "", "", "429"),
        ("429;retry-after-ms=1500", 429, "1500", "2", "429"),
        ("408", 408, "", "", "Timeout"),
        ("500", 500, "", "", "InternalServerError"),
        ("502", 502, "", "", "BadGateway"),
        ("503;retry-after-ms=20", 503, "20", "1", "ServiceUnavailable"),
    ] {
        let got = chat(&server, HELLO_STREAM, behave).await;
        assert_eq!(got.status, status);
        assert_eq!((got.header("retry-after-ms"), got.header("retry-after")), (millis, seconds), "{behave}");
        assert_eq!(got.facts(Operation::Chat).error.unwrap().code.as_deref(), Some(code));
    }
    let got = chat(&server, HELLO, "429").await;
    let message = got.json()["error"]["message"].to_string();
    assert!(
        message.contains("ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21"),
        "{message}"
    );
}

#[tokio::test]
async fn the_prompt_filter_answers_in_json_even_where_a_stream_was_asked_for() {
    let server = server().await;
    server.behave("gpt-4o", Behaviour::reply(Reply::PromptFiltered));
    let got = post(&server, CHAT, HELLO_STREAM, &[]).await.unwrap();
    assert_eq!((got.status, got.header("content-type")), (400, "application/json"));
    let facts = got.facts(Operation::Chat);
    assert_eq!(facts.error.unwrap().inner_code.as_deref(), Some("ResponsibleAIPolicyViolation"));
    assert!(facts.content_filtered);
}

#[tokio::test]
async fn the_output_filter_ends_an_answer() {
    let server = server().await;
    for body in [HELLO, HELLO_STREAM] {
        let facts = chat(&server, body, "filter-output").await.facts(Operation::Chat);
        assert_eq!(facts.finish_reason.as_deref(), Some("content_filter"));
        assert!(facts.content_filtered && facts.usage_reported && facts.complete);
    }
    for body in [r#"{"model":"m","input":"a"}"#, r#"{"model":"m","input":"a","stream":true}"#] {
        let got = post(&server, "/openai/v1/responses", body, &[("x-sim-behave", "filter-output")]).await.unwrap();
        let facts = got.facts(Operation::Responses);
        assert_eq!(facts.finish_reason.as_deref(), Some("content_filter"));
        assert!(facts.content_filtered && facts.complete);
    }
}

#[tokio::test]
async fn usage_is_what_it_is_told_to_be() {
    let server = server().await;
    for body in [HELLO, HELLO_STREAM] {
        let facts = chat(&server, body, "no-usage").await.facts(Operation::Chat);
        assert!(facts.complete && !facts.usage_reported);
        let facts = chat(&server, body, "usage=1000/200/64/8").await.facts(Operation::Chat);
        let exact = Tokens {
            input: Some(1_000),
            cached_input: Some(64),
            cache_write: None,
            output: Some(200),
            reasoning: Some(8),
        };
        assert_eq!(facts.tokens, exact);
        assert_eq!(server.calls().pop().unwrap().tokens, exact);
        server.behave("gpt-4o", Behaviour::default().usage(UsageReport::Exactly(exact)));
        assert_eq!(post(&server, CHAT, body, &[]).await.unwrap().facts(Operation::Chat).tokens, exact);
    }
}

#[tokio::test]
async fn slow_answers_take_their_time() {
    let server = server().await;
    let got = chat(&server, HELLO, "first-byte-ms=120").await;
    assert!(got.first_byte >= Duration::from_millis(120));
    // Prompt, role, 4 texts, finish, usage and [DONE] have 8 pauses between them.
    let got = chat(&server, HELLO_STREAM, "frame-ms=20;frames=4").await;
    assert!(got.whole - got.first_byte >= Duration::from_millis(100), "{:?}", got.whole);
    assert!(got.facts(Operation::Chat).complete);
}

#[tokio::test]
async fn cut_streams_end_after_the_frames_they_should() {
    let server = server().await;
    for count in [0, 1, 3] {
        server.reset();
        server.behave("gpt-4o", Behaviour::ending(Ending::CutAfterFrames(count)));
        let got = post(&server, CHAT, HELLO_STREAM, &[]).await.unwrap();
        assert!(got.is_cut);
        assert_eq!((got.status, got.data().len()), (200, count));
        assert!(!got.facts(Operation::Chat).complete);
        assert_eq!(ended(&server).await.end, CallEnd::Cut);
    }
}

#[tokio::test]
async fn cut_bodies_are_shorter_than_they_say() {
    let server = server().await;
    let got = chat(&server, HELLO, "cut-body").await;
    let announced: usize = got.header("content-length").parse().unwrap();
    assert!(got.is_cut);
    assert_eq!(got.body.len(), announced / 2);
    let got = chat(&server, HELLO_STREAM, "cut-body").await;
    assert!(got.is_cut && !got.body.is_empty());
    assert_eq!(server.totals().sum.cut, 2);
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let server = server().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(raw(HELLO, "reset").as_bytes()).await.unwrap();
    let error = stream.read(&mut [0; 64]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let call = ended(&server).await;
    assert_eq!((call.end, call.status), (CallEnd::Cut, None));
}

#[tokio::test]
async fn what_hangs_or_stalls_stays_open() {
    let server = server().await;
    let wait = Duration::from_millis(100);
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(raw(HELLO, "hang").as_bytes()).await.unwrap();
    assert!(timeout(wait, stream.read(&mut [0; 64])).await.is_err(), "nothing comes, and no end");
    drop(stream);
    assert_eq!(ended(&server).await.end, CallEnd::Cancelled);

    server.reset();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(raw(HELLO_STREAM, "stall-after-frames=2").as_bytes()).await.unwrap();
    let mut text = Vec::new();
    assert!(timeout(wait, stream.read_to_end(&mut text)).await.is_err(), "no end");
    assert_eq!(String::from_utf8(text).unwrap().matches("data: ").count(), 2);
    drop(stream);
    assert_eq!(ended(&server).await.end, CallEnd::Cancelled);
}

#[tokio::test]
async fn odd_bodies_are_odd_and_still_read() {
    let server = server().await;
    let html = chat(&server, HELLO, "not-json").await;
    assert_eq!((html.status, html.header("content-type")), (200, "text/html"));
    assert!(!html.facts(Operation::Chat).complete);
    let whole = chat(&server, HELLO_STREAM, "ok").await.facts(Operation::Chat);
    let odd = chat(&server, HELLO_STREAM, "crlf;comments").await;
    assert!(odd.body.starts_with(": keep-alive\r\n\r\ndata: ") && !odd.body.replace("\r\n", "").contains('\n'));
    assert_eq!(odd.facts(Operation::Chat).tokens, whole.tokens);
    assert!(odd.facts(Operation::Chat).complete);
}

#[tokio::test]
async fn bodies_come_in_writes_of_any_size() {
    let server = server().await;
    let whole = chat(&server, HELLO_STREAM, "frames=2").await;
    for size in [1, 7, 100_000] {
        let got = chat(&server, HELLO_STREAM, &format!("frames=2;write-bytes={size}")).await;
        assert_eq!(got.facts(Operation::Chat).tokens, whole.facts(Operation::Chat).tokens);
    }
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(raw(HELLO_STREAM, "frames=2;write-bytes=1").as_bytes()).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    // Chunks of one byte: size, the byte, line end.
    assert!(String::from_utf8_lossy(&text).contains("\r\n\r\n1\r\nd\r\n1\r\na\r\n1\r\nt\r\n1\r\na\r\n"));
    assert!(text.ends_with(b"\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn answers_can_be_large_and_in_many_frames() {
    let server = server().await;
    let got = chat(&server, HELLO, "text-bytes=3000000").await;
    assert!(got.body.len() > 3_000_000);
    let facts = got.facts(Operation::Chat);
    assert!(facts.complete && facts.tokens.output >= Some(750_000));
    let got = chat(&server, HELLO_STREAM, "frames=5000").await;
    assert_eq!(got.data().len(), 5_000 + 5);
    assert!(got.facts(Operation::Chat).complete);
}

#[tokio::test]
async fn failures_that_are_counted_are_used_up() {
    let server = server().await;
    let mut seen = Vec::new();
    for behave in ["503;times=2;key=a", "503;times=2;key=a", "503;times=2;key=a", "503;times=1;key=b"] {
        seen.push(chat(&server, HELLO, behave).await.status);
    }
    assert_eq!(seen, [503, 503, 200, 503]);
    server.behave_times("gpt-4o", 1, Behaviour::rate_limited(Duration::from_millis(5)));
    server.behave_all_times(1, Behaviour::status(500));
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(post(&server, CHAT, HELLO, &[]).await.unwrap().status);
    }
    assert_eq!(seen, [429, 500, 200]);
}

/// A request as bytes, on a connection of its own.
fn raw(body: &str, behave: &str) -> String {
    format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\napi-key: k\r\nx-sim-behave: {behave}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}
