//! A gateway between a caller and a simulated Azure, with a spool that is shipped into a real S3 protocol at the end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use gatelog_budget::{Budget, HolderId, Limiter, LimiterOptions, MemoryBudgetStore};
use gatelog_gateway::{ApiKey, Gateway, GatewayOptions, ListenOptions, Parts, Prices, TargetOptions, TokenStore};
use gatelog_logpush::{Line, LineLimits, LineReader};
use gatelog_model::DeploymentType;
use gatelog_objects::{Store, StoreOptions};
use gatelog_pricing::{DeploymentEntry, DeploymentMap, RateBook};
use gatelog_runtime::{Shutdown, SystemClock};
use gatelog_spool::{Shipper, ShipperOptions, Spool, SpoolOptions};
use gatelog_testkit::{
    azure::{AzureOptions, AzureServer},
    s3::S3Server,
};
use gatelog_traces::Traces;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// What a world starts with; targets at the simulator get its address.
pub(crate) struct Setup {
    pub(crate) options: GatewayOptions,
    pub(crate) azure: AzureOptions,
    pub(crate) budgets: Vec<Budget>,
    pub(crate) tokens: Option<Box<dyn TokenStore>>,
    pub(crate) spool: Box<dyn FnOnce(&mut SpoolOptions)>,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) drain: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            options: GatewayOptions::default(),
            azure: AzureOptions::default(),
            budgets: Vec::new(),
            tokens: None,
            spool: Box::new(|_| {}),
            tls: None,
            drain: Duration::from_secs(5),
        }
    }
}

pub(crate) struct World {
    pub(crate) azure: AzureServer,
    pub(crate) address: SocketAddr,
    pub(crate) client: HttpClient,
    pub(crate) spool: Spool,
    shutdown: Shutdown,
    s3: S3Server,
    _folder: TempDir,
}

/// An answer as a caller sees it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) fn azure_target(name: &str, resource: &str, region: &str) -> TargetOptions {
    TargetOptions {
        name: name.to_owned(),
        provider: "azure-openai".to_owned(),
        resource: resource.to_owned(),
        region: Some(region.to_owned()),
        api_key: Some(ApiKey::new(format!("key-of-{resource}"))),
        ..TargetOptions::default()
    }
}

pub(crate) fn prices() -> Prices {
    let entry = DeploymentEntry {
        resource: "aoai-za".into(),
        deployment: "gpt-4o".into(),
        model: "gpt-4o".into(),
        version: Some("2024-11-20".into()),
        deployment_type: DeploymentType::Regional,
        region: Some("southafricanorth".into()),
    };
    Prices { rates: RateBook::builtin(), deployments: DeploymentMap::try_new(vec![entry]).unwrap() }
}

impl World {
    pub(crate) async fn start(mut setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let azure = AzureServer::start(setup.azure).await.unwrap();
        setup.options.azure_base = azure.endpoint();
        for target in &mut setup.options.targets {
            if target.base_url.is_empty() {
                target.base_url = azure.endpoint();
            }
        }
        let s3 = S3Server::start(folder.path().join("s3")).await.unwrap();
        s3.create_bucket("logs").await.unwrap();
        let mut spool_options = SpoolOptions::new(folder.path().join("spool"));
        spool_options.prefix = "logs".to_owned();
        (setup.spool)(&mut spool_options);
        let clock = Arc::new(SystemClock);
        let spool = Spool::open(spool_options, clock.clone()).unwrap();
        let budgets = Arc::new(MemoryBudgetStore::new(clock.clone(), setup.budgets));
        let limiter = Limiter::new(budgets, HolderId(1), None, LimiterOptions::default());
        let shutdown = Shutdown::default();
        let parts = Parts {
            clock,
            spool: spool.clone(),
            sealers: None,
            limiter,
            prices: prices(),
            tokens: setup.tokens,
            traces: Traces::off(),
        };
        let gateway = Gateway::new(setup.options, parts).unwrap();
        let listen = ListenOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            insecure: false,
            tls: setup.tls,
            connections_max: 1_000,
            drain: setup.drain,
        };
        let address = gateway.listen(listen, &shutdown).await.unwrap().address;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { azure, address, client, spool, shutdown, s3, _folder: folder }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn open(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> http::Response<Incoming> {
        let mut request = Request::post(self.url(path)).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap()
    }

    pub(crate) async fn send(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let response = self.open(path, headers, body).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A chat request of a tenant to deployment `gpt-4o` of `aoai-za`.
    pub(crate) async fn chat(&self, headers: &[(&str, &str)], prompt: &str) -> Answer {
        let mut all = vec![("api-key", "caller-key")];
        all.extend_from_slice(headers);
        self.send(CHAT, &all, chat_body(prompt)).await
    }

    /// Stops the gateway, ships the spool, and returns every record as JSON in the order of the objects.
    pub(crate) async fn records(self) -> Vec<Value> {
        self.shutdown.request();
        self.shutdown.drained().await;
        let options = StoreOptions::new("logs", self.s3.region())
            .endpoint(self.s3.endpoint())
            .static_credentials(self.s3.access_key(), self.s3.secret_key());
        let store = Store::connect(options).await;
        let shipping = Shutdown::default();
        shipping.request();
        let shipper = Shipper::new(self.spool.clone(), store.clone(), ShipperOptions::default()).unwrap();
        let left = shipper.run(shipping).await;
        assert_eq!((left.records, left.tickets), (0, 0), "everything is shipped and nobody holds a ticket");
        let page = store.list_page("logs/", None, None).await.unwrap();
        let mut records = Vec::new();
        for object in page.objects {
            let bytes = store.get_bytes(&object.key, 1 << 30).await.unwrap();
            let mut reader = LineReader::in_memory(&bytes, LineLimits::default());
            while let Some(line) = reader.next_line().unwrap() {
                let Line::Text { text, .. } = line else { panic!("a line too long") };
                records.push(serde_json::from_slice(&text).unwrap());
            }
        }
        records
    }
}

pub(crate) const CHAT: &str = "/v1/account/prod/azure-openai/aoai-za/gpt-4o/chat/completions?api-version=2024-10-21";

pub(crate) fn chat_body(prompt: &str) -> String {
    serde_json::json!({"messages": [{"role": "user", "content": prompt}], "max_tokens": 50}).to_string()
}

pub(crate) fn stream_body(prompt: &str) -> String {
    serde_json::json!({
        "messages": [{"role": "user", "content": prompt}], "max_tokens": 50,
        "stream": true, "stream_options": {"include_usage": true}
    })
    .to_string()
}

pub(crate) const ACME: (&str, &str) = ("cf-aig-metadata", r#"{"tenantId":"acme","userId":"u1"}"#);
