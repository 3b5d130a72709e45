//! Over TLS, in HTTP/1.1 and 2.

use http::Version;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::*;

/// A request in which a provider sees a reason to give up its stream.
const RESET: &str = "reset";

/// Answers over TLS with what it was sent.
struct TlsProvider {
    uri: Uri,
    certificate: CertificateDer<'static>,
    connections: Arc<AtomicUsize>,
    hang_up: Arc<Notify>,
}

impl TlsProvider {
    async fn start(protocol: &str) -> Self {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate: CertificateDer<'static> = cert.der().clone();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            uri: format!("https://localhost:{}/x", listener.local_addr().unwrap().port()).parse().unwrap(),
            certificate,
            connections: Arc::default(),
            hang_up: Arc::default(),
        };
        let (connections, hang_up) = (Arc::clone(&provider.connections), Arc::clone(&provider.hang_up));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, hang_up) = (TlsAcceptor::from(Arc::new(config.clone())), Arc::clone(&hang_up));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
                        let body = request.into_body().collect().await.map_err(|_| "broken")?.to_bytes();
                        if body == RESET { Err("reset") } else { Ok(Response::new(Full::new(body))) }
                    });
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let connection = builder.serve_connection(TokioIo::new(stream), service);
                    tokio::select! { _ = connection => {}, () = hang_up.notified() => {} }
                });
            }
        });
        provider
    }

    fn client(&self) -> Upstream {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        Upstream::new(&trusting(roots))
    }

    fn request(&self) -> UpstreamRequest {
        let body = Bytes::from_static(BODY.as_bytes());
        UpstreamRequest { method: Method::POST, uri: self.uri.clone(), headers: HeaderMap::new(), body }
    }

    /// Closes the client's connection, and waits until that is known there.
    async fn hang_up(&self, client: &Upstream) {
        self.hang_up.notify_one();
        for _ in 0..2_000 {
            if client.pool.is_closed() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("the connection is still open after two seconds");
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn providers_that_speak_http2_are_asked_on_one_connection() {
    const REQUESTS: usize = 20;
    let provider = TlsProvider::start("h2").await;
    let client = provider.client();
    let first = client.send(provider.request()).await.unwrap();
    assert_eq!((first.version(), first.status()), (Version::HTTP_2, StatusCode::OK));
    let at_once = futures::future::join_all((0..REQUESTS).map(|_| client.send(provider.request()))).await;
    for answer in at_once {
        assert_eq!(text(answer.unwrap()).await, BODY);
    }
    assert_eq!(text(first).await, BODY);
    assert_eq!(provider.connections(), 1);

    provider.hang_up(&client).await;
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, BODY);
    assert_eq!(provider.connections(), 2);
    tokio::time::pause();
    tokio::time::advance(pool::IDLE_TIMEOUT).await;
    tokio::time::resume();
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, BODY);
    assert_eq!(provider.connections(), 3, "too old to be trusted");
}

/// Neither those beside it nor those after it notice.
#[tokio::test]
async fn a_stream_that_is_reset_breaks_no_other() {
    let provider = TlsProvider::start("h2").await;
    let client = provider.client();
    let reset = || async {
        let body = Bytes::from_static(RESET.as_bytes());
        let failed = client.send(UpstreamRequest { body, ..provider.request() }).await.map(drop);
        assert!(matches!(failed, Err(UpstreamError::Broken(_))), "{failed:?}");
    };
    let beside = client.send(provider.request()).await.unwrap();
    reset().await;
    assert_eq!(text(beside).await, BODY);
    let asked = async { text(client.send(provider.request()).await.unwrap()).await };
    let ((), answered) = tokio::join!(reset(), asked);
    assert_eq!(answered, BODY);
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, BODY);
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn the_first_requests_of_all_may_come_at_once() {
    let provider = TlsProvider::start("h2").await;
    let client = provider.client();
    for answer in futures::future::join_all((0..5).map(|_| client.send(provider.request()))).await {
        assert_eq!(text(answer.unwrap()).await, BODY);
    }
    let before = provider.connections();
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, BODY);
    assert_eq!(provider.connections(), before);
}

#[tokio::test]
async fn a_connection_over_tls_is_kept_too() {
    let provider = TlsProvider::start("http/1.1").await;
    let client = provider.client();
    for _ in 0..3 {
        let answer = client.send(provider.request()).await.unwrap();
        assert_eq!(answer.version(), Version::HTTP_11);
        assert_eq!(text(answer).await, BODY);
    }
    assert_eq!(provider.connections(), 1);
    provider.hang_up(&client).await;
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, BODY);
    assert_eq!(provider.connections(), 2);
}
