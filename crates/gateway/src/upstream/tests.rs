//! Against providers that say just what a test wants.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use super::*;

mod mixed;
mod tls;

const BODY: &str = "{\"model\":\"m\"}";

/// What a provider does with one request.
#[derive(Clone, Copy)]
enum Does {
    /// Answers and waits for the next request.
    Answer(&'static str),
    /// Answers and closes.
    AnswerAndClose(&'static str),
    /// Answers, and a little later again.
    AnswerTwice(&'static str),
    /// Closes without an answer.
    Close,
}

/// Speaks HTTP/1.1 as it is told, one thing for each request, the last one for all that follow.
struct Provider {
    address: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    /// Makes it close a connection on which it waits for a request.
    hang_up: Arc<Notify>,
    /// Told each time it has closed a connection, or seen one closed, or said what nobody asked for.
    done: Arc<Notify>,
}

impl Provider {
    async fn start(script: &'static [Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            address: listener.local_addr().unwrap().to_string(),
            connections: Arc::default(),
            requests: Arc::default(),
            hang_up: Arc::default(),
            done: Arc::default(),
        };
        let (connections, requests) = (Arc::clone(&provider.connections), Arc::clone(&provider.requests));
        let (hang_up, done) = (Arc::clone(&provider.hang_up), Arc::clone(&provider.done));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (requests, hang_up, done) = (Arc::clone(&requests), Arc::clone(&hang_up), Arc::clone(&done));
                tokio::spawn(async move {
                    tokio::select! {
                        () = converse(stream, &requests, &done, script) => {}
                        () = hang_up.notified() => {}
                    }
                    done.notify_one();
                });
            }
        });
        provider
    }

    fn request(&self) -> UpstreamRequest {
        UpstreamRequest {
            method: Method::POST,
            uri: format!("http://{}/openai/x?api-version=1", self.address).parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(BODY.as_bytes()),
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// Closes a connection; the client's side could know when this ends.
    async fn hang_up(&self) {
        self.hang_up.notify_one();
        self.is_done().await;
    }

    /// Until a connection is closed, or more was said, and the client's side could know: it looks at its sockets while it
    /// sleeps.
    async fn is_done(&self) {
        self.done.notified().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn converse(mut stream: TcpStream, requests: &Mutex<Vec<String>>, done: &Notify, script: &[Does]) {
    let mut read = Vec::new();
    loop {
        while !read.ends_with(BODY.as_bytes()) {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let does = {
            let mut requests = requests.lock().unwrap();
            requests.push(String::from_utf8(std::mem::take(&mut read)).unwrap());
            script[(requests.len() - 1).min(script.len() - 1)]
        };
        match does {
            Does::Answer(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
            Does::AnswerAndClose(answer) => return stream.write_all(answer.as_bytes()).await.unwrap(),
            Does::AnswerTwice(answer) => {
                stream.write_all(answer.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
                done.notify_one();
            }
            Does::Close => return,
        }
    }
}

fn client() -> Upstream {
    Upstream::new(&trusting(rustls::RootCertStore::empty()))
}

fn trusting(roots: rustls::RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    config.with_root_certificates(roots).with_no_client_auth()
}

async fn text(answer: Response<UpstreamBody>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

const SIZED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\n, \r\n5\r\nworld\r\n0\r\n\r\n";
const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let script = &[Does::Answer(SIZED), Does::Answer(CHUNKED), Does::Answer(EMPTY), Does::Answer(NO_CONTENT)];
    let (provider, client) = (Provider::start(script).await, client());
    for expected in ["hello", "hello, world", "", "", ""] {
        assert_eq!(text(client.send(provider.request()).await.unwrap()).await, expected);
    }
    assert_eq!((provider.connections(), provider.requests()), (1, 5));
    let requests = provider.requests.lock().unwrap();
    let head = format!("POST /openai/x?api-version=1 HTTP/1.1\r\nhost: {}\r\n", provider.address);
    assert!(requests.iter().all(|request| request.starts_with(&head)), "{requests:?}");
}

/// Whoever does not look at a body without bytes gives its connection back too.
#[tokio::test]
async fn a_body_without_bytes_need_not_be_read() {
    let (provider, client) = (Provider::start(&[Does::Answer(EMPTY), Does::Answer(NO_CONTENT)]).await, client());
    for _ in 0..3 {
        drop(client.send(provider.request()).await.unwrap());
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn requests_at_once_have_connections_of_their_own_which_are_kept() {
    let (provider, client) = (Provider::start(&[Does::Answer(CHUNKED)]).await, client());
    for _ in 0..2 {
        let open = [client.send(provider.request()).await.unwrap(), client.send(provider.request()).await.unwrap()];
        for answer in open {
            assert_eq!(text(answer).await, "hello, world");
        }
    }
    assert_eq!((provider.connections(), provider.requests()), (2, 4));
}

#[tokio::test]
async fn what_has_come_is_read_without_waiting() {
    use futures::FutureExt as _;
    let (provider, client) = (Provider::start(&[Does::Answer(CHUNKED)]).await, client());
    let mut body = client.send(provider.request()).await.unwrap().into_body();
    assert_eq!(body.size_hint().exact(), None);
    let mut pieces = vec![body.frame().await.unwrap().unwrap().into_data().unwrap()];
    while let Some(frame) = body.frame().now_or_never().expect("all was written at once") {
        pieces.push(frame.unwrap().into_data().unwrap());
    }
    assert_eq!(pieces, ["hello", ", ", "world"]);
}

#[tokio::test]
async fn an_answer_that_is_dropped_closes_its_connection() {
    const CUT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhello";
    let (provider, client) = (Provider::start(&[Does::Answer(CUT), Does::Answer(SIZED)]).await, client());
    let mut body = client.send(provider.request()).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
    drop(body);
    provider.is_done().await;
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, "hello");
    assert_eq!(provider.connections(), 2);
}

#[tokio::test]
async fn a_request_that_is_dropped_closes_its_connection() {
    let (provider, client) = (Provider::start(&[Does::Answer("")]).await, client());
    let has_asked = async {
        while provider.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        _ = client.send(provider.request()) => panic!("nobody answers"),
        () = has_asked => {}
    }
    provider.is_done().await;
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced() {
    let (provider, client) = (Provider::start(&[Does::Answer(SIZED)]).await, client());
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, "hello");
    assert_eq!(client.pool.idle(), 1);
    provider.hang_up().await;
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, "hello");
    assert_eq!((provider.connections(), provider.requests()), (2, 2));
}

/// Neither where the provider says that it closes, nor with bytes that nobody asked for: the next answer would begin
/// with them.
#[tokio::test]
async fn a_connection_is_kept_only_when_it_is_clean() {
    const LAST: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
    const MORE: &str =
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother";
    for answer in [&[Does::Answer(LAST)], &[Does::Answer(MORE)]] {
        let (provider, client) = (Provider::start(answer).await, client());
        for connections in 1..=3 {
            assert_eq!(text(client.send(provider.request()).await.unwrap()).await, "hello");
            assert_eq!((client.pool.idle(), provider.connections()), (0, connections));
        }
    }
}

/// What nobody asked for may also come while the connection is kept.
#[tokio::test]
async fn a_kept_connection_that_says_something_is_not_used() {
    let (provider, client) = (Provider::start(&[Does::AnswerTwice(SIZED)]).await, client());
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, "hello");
    assert_eq!(client.pool.idle(), 1);
    provider.is_done().await;
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, "hello");
    assert_eq!(provider.connections(), 2);
}

#[tokio::test]
async fn what_a_closed_connection_had_not_begun_comes_back_whole() {
    let (provider, client) = (Provider::start(&[Does::Answer(SIZED)]).await, client());
    text(client.send(provider.request()).await.unwrap()).await;
    let UpstreamRequest { uri, body, .. } = provider.request();
    let origin = Origin::of(&uri).unwrap();
    let kept = client.pool.take(&origin).await.unwrap();
    provider.hang_up().await;
    let request = Request::post(uri.clone()).body(Full::new(body)).unwrap();
    let failure = kept.send(request, &client.pool, &origin).await.map(drop).unwrap_err();
    assert_eq!(failure.unsent.unwrap().uri(), &uri);
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn what_is_said_before_the_answer_is_passed_over() {
    const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let (provider, client) = (Provider::start(&[Does::Answer(HINTS)]).await, client());
    for _ in 0..2 {
        let answer = client.send(provider.request()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(text(answer).await, "hello");
    }
    assert_eq!(provider.connections(), 1);
}

/// More than the system's buffers take.
const LARGE_BYTES: usize = 32 << 20;

#[tokio::test]
async fn an_answer_may_come_before_the_request_is_sent_which_ends_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri: Uri = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
    let (client, done) = (client(), Arc::new(Notify::new()));
    let may_end = Arc::clone(&done);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 1_000]).await.unwrap();
        stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nmuch").await.unwrap();
        may_end.notified().await;
    });
    let body = Bytes::from(vec![b'x'; LARGE_BYTES]);
    let request = UpstreamRequest { method: Method::POST, uri, headers: HeaderMap::new(), body };
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(text(answer).await, "much");
    assert_eq!(client.pool.idle(), 0);
    done.notify_one();
}

#[tokio::test]
async fn a_large_request_reaches_a_slow_reader_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri: Uri = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut read, mut piece) = (0, vec![0; 1 << 20]);
        while read < LARGE_BYTES {
            read += stream.read(&mut piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stream.write_all(SIZED.as_bytes()).await.unwrap();
        let _until_closed = stream.read(&mut piece).await;
    });
    let body = Bytes::from(vec![b'x'; LARGE_BYTES]);
    let client = client();
    let request = UpstreamRequest { method: Method::POST, uri, headers: HeaderMap::new(), body };
    let answer = timeout(Duration::from_secs(30), client.send(request)).await.expect("it is written on").unwrap();
    assert_eq!(text(answer).await, "hello");
}

/// A provider may have done what it was asked before its connection broke.
#[tokio::test]
async fn what_was_begun_is_not_sent_again() {
    let (provider, client) = (Provider::start(&[Does::Answer(SIZED), Does::Close]).await, client());
    assert_eq!(text(client.send(provider.request()).await.unwrap()).await, "hello");
    let failed = client.send(provider.request()).await.map(drop);
    assert!(matches!(failed, Err(UpstreamError::Broken(_))), "{failed:?}");
    assert_eq!((provider.connections(), provider.requests()), (1, 2));
}

#[tokio::test]
async fn a_cut_body_is_an_error_and_nobody_there_another() {
    const CUT: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let (provider, client) = (Provider::start(&[Does::AnswerAndClose(CUT)]).await, client());
    let mut body = client.send(provider.request()).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
    assert!(body.frame().await.unwrap().is_err());

    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let uri = format!("http://{nobody}/x").parse().unwrap();
    let failed = client.send(UpstreamRequest { uri, ..provider.request() }).await.map(drop);
    assert!(matches!(failed, Err(UpstreamError::Connect(_))), "{failed:?}");
}

#[tokio::test]
async fn what_is_closed_or_idle_for_long_is_swept() {
    let (provider, client) = (Provider::start(&[Does::Answer(SIZED)]).await, client());
    text(client.send(provider.request()).await.unwrap()).await;
    client.pool.sweep();
    assert_eq!(client.pool.idle(), 1);
    provider.hang_up().await;
    client.pool.sweep();
    assert_eq!(client.pool.idle(), 0);

    text(client.send(provider.request()).await.unwrap()).await;
    assert_eq!(client.pool.idle(), 1);
    tokio::time::pause();
    tokio::time::advance(pool::IDLE_TIMEOUT).await;
    client.pool.sweep();
    assert_eq!(client.pool.idle(), 0);
}
