//! Two gateways watch one budget, and its webhook hears of each threshold once.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use gatelog_system_tests::{Call, GatewayWorld};
use gatelog_testkit::azure::Behaviour;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

const REQUESTS: u32 = 10;
const SETTINGS: &str = "[[budgets.list]]\nid = \"daily\"\nunit = \"requests\"\nper = \"day\"\namount = \"10\"\n";
/// Of this tenant the webhook takes no message the first time.
const FLAKY: &str = "flaky";
const TENANTS: [&str; 2] = ["steady", FLAKY];

/// One post and what it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Post {
    text: String,
    is_taken: bool,
}

/// Everything that came in.
type Posts = Arc<Mutex<Vec<Post>>>;

#[tokio::test(flavor = "multi_thread")]
async fn each_threshold_is_posted_once_even_if_the_webhook_fails_first() {
    let world = GatewayWorld::start(Behaviour::default(), SETTINGS).await;
    let (address, posts) = listen().await;
    let url = format!("http://{address}/services/T0/B0/secret");
    let mut gateways = [world.gateway("one"), world.gateway("two")];
    for gateway in &mut gateways {
        gateway.start(&world, &[("GATELOG__BUDGETS__WEBHOOK_URL", &url)]).await;
    }
    for tenant in TENANTS {
        for request in 0..=REQUESTS {
            let gateway = &gateways[usize::from(request % 2 == 0)];
            let answer = world.call(gateway.address(), &Call::chat(tenant, "hello", 20)).await.unwrap();
            let expected = if request < REQUESTS { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
            assert_eq!(answer.status, expected, "request {request}: {:?}", answer.body);
        }
    }
    let posted = async || {
        let rows = world.world.rows("SELECT count(*) FROM gatelog.budget_alert WHERE posted_at IS NOT NULL").await;
        rows[0][0] == "4"
    };
    world.world.wait_until("both thresholds of both tenants are noted as posted", posted).await;
    // What both may have had under way comes to its end.
    for gateway in &mut gateways {
        gateway.stop().await;
    }
    let posts = posts.lock().unwrap().clone();
    for tenant in TENANTS {
        for share in ["used 80 % of", "used up"] {
            let start = format!("tenant {tenant} has {share} its request budget `daily` (");
            let answers: Vec<_> =
                posts.iter().filter(|post| post.text.starts_with(&start)).map(|post| post.is_taken).collect();
            let expected: &[bool] = if tenant == FLAKY { &[false, true] } else { &[true] };
            assert_eq!(answers, expected, "{start}: {posts:?}");
        }
    }
    assert_eq!(posts.len(), 6, "nothing else is posted: {posts:?}");
}

/// A webhook like Slack's.
async fn listen() -> (SocketAddr, Posts) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let posts = Posts::default();
    let taken = Arc::clone(&posts);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let posts = Arc::clone(&taken);
            let service = service_fn(move |request| take(request, Arc::clone(&posts)));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, posts)
}

/// Takes a post, unless it is the first of its text and about the tenant whose posts fail.
async fn take(request: Request<Incoming>, posts: Posts) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.uri().path(), "/services/T0/B0/secret");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let message: Value = serde_json::from_slice(&body).unwrap();
    let text = message["text"].as_str().unwrap().to_owned();
    let mut posts = posts.lock().unwrap();
    let is_taken = !text.contains(FLAKY) || posts.iter().any(|post| post.text == text);
    posts.push(Post { text, is_taken });
    let mut response = Response::new(Full::default());
    *response.status_mut() = if is_taken { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    Ok(response)
}
