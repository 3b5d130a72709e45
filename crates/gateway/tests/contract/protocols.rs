//! HTTP/1.1 and HTTP/2, in clear and over TLS.

use std::{sync::Arc, time::Duration};

use crate::common::{ACME, CHAT, Setup, World, chat_body, stream_body};
use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

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
async fn tls_speaks_both() {
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
