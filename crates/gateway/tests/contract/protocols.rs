//! HTTP/1.1 and HTTP/2, in clear and over TLS.

use std::{io, sync::Arc, time::Duration};

use crate::common::{ACME, CHAT, Setup, World, chat_body, stream_body};
use bytes::Bytes;
use gatelog_testkit::azure::{self, Behaviour};
use http::{Request, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};

fn request(url: String, body: String) -> Request<Full<Bytes>> {
    Request::post(url).header(ACME.0, ACME.1).header("api-key", "k").body(Full::new(body.into())).unwrap()
}

#[tokio::test]
async fn http2_with_prior_knowledge() {
    let world = World::start(Setup::default()).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    for body in [chat_body("hello"), stream_body("hello")] {
        let answer = client.request(request(world.url(CHAT), body)).await.unwrap();
        assert_eq!((answer.version(), answer.status().as_u16()), (Version::HTTP_2, 200));
        assert!(!answer.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
    assert_eq!(world.records().await.len(), 2);
}

#[tokio::test]
async fn streams_of_one_connection_that_outlast_the_drain_each_leave_a_record() {
    const STREAMS: usize = 20;
    let world = World::start(Setup { drain: Duration::from_millis(200), ..Setup::default() }).await;
    world.azure.behave_all("stall-after-frames=2".parse().unwrap());
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let mut open = Vec::new();
    for number in 0..STREAMS {
        let asked = request(world.url(CHAT), stream_body(&format!("endless {number}")));
        let mut body = client.request(asked).await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        open.push(body);
    }
    let records = tokio::time::timeout(Duration::from_secs(20), world.records()).await.expect("it stops");
    assert_eq!(records.len(), STREAMS);
    for record in records {
        assert_eq!(record["StatusCode"], 499);
        assert!(record["ResponseBody"].as_str().unwrap().starts_with("data: "));
    }
    for body in open {
        assert!(body.collect().await.is_err(), "the caller must not take the part for the whole");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_its_stream_of_http2_alone() {
    let world = World::start(Setup::default()).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    world.azure.behave_all_times(1, Behaviour::default().frames(20).frame_every(Duration::from_millis(20)));
    let mut slow = client.request(request(world.url(CHAT), stream_body("slow"))).await.unwrap().into_body();
    slow.frame().await.unwrap().unwrap();
    world.azure.behave_all_times(1, Behaviour::ending(azure::Ending::CutAfterFrames(3)));
    let mut cut = client.request(request(world.url(CHAT), stream_body("cut"))).await.unwrap().into_body();
    assert!(cut.frame().await.unwrap().unwrap().into_data().unwrap().starts_with(b"data: "));
    assert!(cut.collect().await.is_err(), "a part must not look like the whole");
    let rest = slow.collect().await.unwrap().to_bytes();
    assert!(rest.ends_with(b"data: [DONE]\n\n"));
    assert_eq!(world.records().await.len(), 2);
}

/// Asks for a stream with HTTP/1.0.
async fn ask_as_of_old(stream: &mut (impl AsyncWrite + Unpin), prompt: &str) {
    let body = stream_body(prompt);
    let head = format!("POST {CHAT} HTTP/1.0\r\napi-key: k\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

/// How a connection ended, and what came before.
async fn read_to_end(mut stream: impl AsyncRead + Unpin) -> (Result<(), io::ErrorKind>, String) {
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).await.map_err(|error| error.kind());
    (ended.map(drop), String::from_utf8(answer).unwrap())
}

/// HTTP/1.0 knows the end of a stream by the end of the connection alone.
#[tokio::test]
async fn a_caller_of_old_sees_which_answer_is_whole() {
    let world = World::start(Setup { drain: Duration::from_millis(200), ..Setup::default() }).await;
    let address = world.address;
    let ask = async |prompt: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask_as_of_old(&mut stream, prompt).await;
        stream
    };
    let (ended, answer) = read_to_end(ask("whole").await).await;
    assert_eq!(ended, Ok(()));
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("data: [DONE]\n\n"), "{answer}");

    world.azure.behave_all_times(1, Behaviour::ending(azure::Ending::CutAfterFrames(3)));
    let (ended, answer) = read_to_end(ask("cut").await).await;
    assert_eq!(ended, Err(io::ErrorKind::ConnectionReset));
    assert!(answer.contains("data: "), "what had come has been passed on: {answer}");

    world.azure.behave_all("stall-after-frames=2".parse().unwrap());
    let endless = ask("endless").await;
    endless.readable().await.unwrap();
    let (ended, _records) = tokio::join!(read_to_end(endless), world.records());
    assert_eq!(ended.0, Err(io::ErrorKind::ConnectionReset), "the drain was over before the answer");
}

/// A gateway with TLS, and what trusts it.
async fn tls_world() -> (World, rustls::ClientConfig) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = cert.der().clone();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let world = World::start(Setup { tls: Some(Arc::new(server)), ..Setup::default() }).await;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let trusting = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (world, trusting)
}

#[tokio::test]
async fn tls_speaks_both() {
    let (world, trusting) = tls_world().await;
    let url = format!("https://localhost:{}{CHAT}", world.address.port());
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let https = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(trusting.clone()).https_only();
        let connector = match version {
            Version::HTTP_2 => https.enable_http2().build(),
            _ => https.enable_http1().build(),
        };
        let client = Client::builder(TokioExecutor::new()).http2_only(version == Version::HTTP_2).build(connector);
        let answer = client.request(request(url.clone(), chat_body("hello"))).await.unwrap();
        assert_eq!((answer.version(), answer.status().as_u16()), (version, 200));
    }
    assert_eq!(world.records().await.len(), 2);
}

/// Over TLS the end of an answer is said twice: `close_notify`, and the end of the connection.
#[tokio::test]
async fn a_caller_of_old_sees_over_tls_which_answer_is_whole() {
    let (world, trusting) = tls_world().await;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(trusting));
    let ask = async |prompt: &str| {
        let tcp = TcpStream::connect(world.address).await.unwrap();
        let mut stream = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
        ask_as_of_old(&mut stream, prompt).await;
        read_to_end(stream).await
    };
    let (ended, answer) = ask("whole").await;
    assert_eq!(ended, Ok(()));
    assert!(answer.ends_with("data: [DONE]\n\n"), "{answer}");

    world.azure.behave_all_times(1, Behaviour::ending(azure::Ending::CutAfterFrames(3)));
    let (ended, answer) = ask("cut").await;
    assert!(matches!(ended, Err(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)), "{ended:?}");
    assert!(answer.contains("data: "), "what had come has been passed on: {answer}");
    assert_eq!(world.records().await.len(), 2);
}
