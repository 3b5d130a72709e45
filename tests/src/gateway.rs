//! Gateways as processes, between the callers of a test and a simulated Azure.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use bytes::Bytes;
use gatelog_model::Clock as _;
use gatelog_runtime::SystemClock;
use gatelog_testkit::{
    azure::{AzureOptions, AzureServer, Behaviour, Counts},
    ports::free_port,
};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{net::TcpStream, time::timeout};

use crate::{
    Run, Running, World,
    call::{Answer, Call},
};

/// Longest wait for one answer; a test that needs it all has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A world with an Azure in it and callers that know how to ask.
pub struct GatewayWorld {
    /// Bucket, database, keys and configuration.
    pub world: World,
    /// The provider; its totals are the truth.
    pub azure: AzureServer,
    client: Client<HttpConnector, Full<Bytes>>,
    time_zone: String,
}

/// One gateway with an address and a spool of its own, which outlive its process.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    spool: PathBuf,
    running: Option<Running>,
}

impl GatewayWorld {
    /// Starts it without a gateway; Azure answers like `behaviour`, lines of `settings` are added to the configuration.
    pub async fn start(behaviour: Behaviour, settings: &str) -> Self {
        let options = AzureOptions { behaviour, calls_max: 0, ..AzureOptions::default() };
        let azure = AzureServer::start(options).await.expect("a port for Azure");
        // A call that cannot be made is the test's to see, not the client's to repeat.
        let client = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
        // Once: budgets per day of another zone would begin anew.
        let time_zone = zone_where_it_is_noon();
        Self { world: World::start(settings).await, azure, client, time_zone }
    }

    /// A gateway that does not run yet; its spool is `name`.
    pub fn gateway(&self, name: &str) -> Gateway {
        let port = free_port().expect("a port");
        let spool = self.world.folder().join(name);
        Gateway { address: (Ipv4Addr::LOCALHOST, port).into(), spool, running: None }
    }

    /// Makes a call; `None` when the connection broke before the head of an answer was there.
    ///
    /// # Panics
    ///
    /// When the gateway is silent for a minute.
    pub async fn call(&self, gateway: SocketAddr, call: &Call) -> Option<Answer> {
        let answered = async {
            let response = self.client.request(call.request(gateway)).await.ok()?;
            Some(Answer::read(response).await)
        };
        timeout(PATIENCE, answered).await.expect("an answer or a broken connection")
    }

    /// What Azure has served to `tenant`, once it has no call of it open.
    pub async fn served(&self, tenant: &str) -> Counts {
        let counts = || self.azure.totals().by_tenant.get(tenant).copied().unwrap_or_default();
        self.world.wait_until("Azure has ended its calls", async || counts().open() == 0).await;
        counts()
    }
}

impl Gateway {
    /// Where it listens while it runs.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it with further variables of its environment, and waits until it takes connections.
    pub async fn start(&mut self, world: &GatewayWorld, variables: &[(&str, &str)]) {
        self.start_as("gateway", world, variables).await;
    }

    /// The same with the command that runs it.
    pub async fn start_as(&mut self, command: &str, world: &GatewayWorld, variables: &[(&str, &str)]) {
        let GatewayWorld { world, azure, time_zone, .. } = world;
        let run = Run::new(&[command])
            .with("GATELOG__GATEWAY__LISTEN", self.address.to_string())
            .with("GATELOG__GATEWAY__AZURE_BASE_URL", azure.endpoint())
            .with("GATELOG__GATEWAY__AUDIT__PUBLIC_KEY_FILE", world.public_key_file().to_string_lossy())
            .with("GATELOG__GATEWAY__AUDIT__SPOOL_FOLDER", self.spool.to_string_lossy())
            .with("GATELOG__REPORTING__TIME_ZONE", time_zone)
            .with("GATELOG__LOG__FILTER", "warn");
        let run = variables.iter().fold(run, |run, (name, value)| run.with(name, *value));
        let mut running = run.speaking().start(world);
        let address = self.address;
        let listens = || {
            assert!(running.is_running(), "the gateway has ended; what it said stands above");
            async move { TcpStream::connect(address).await.is_ok() }
        };
        world.wait_until("the gateway takes connections", listens).await;
        self.running = Some(running);
    }

    /// `kill -9`.
    ///
    /// # Panics
    ///
    /// When it had ended before: it should not.
    pub fn kill(&mut self) {
        let mut running = self.running.take().expect("it was started");
        assert!(running.is_running(), "the gateway ended by itself; what it said stands above");
        running.kill();
    }

    /// Waits until it ends by itself, and gives the code that it ends with.
    pub async fn ended(&mut self) -> Option<i32> {
        self.running.take().expect("it was started").ended().await.code()
    }

    /// SIGTERM, which must end it with success.
    pub async fn stop(&mut self) {
        let mut running = self.running.take().expect("it was started");
        assert!(running.is_running(), "the gateway ended by itself; what it said stands above");
        assert!(running.stop().await, "the gateway ends with success");
    }
}

/// A time zone of whole hours where it is between 12 and 13 o'clock: budgets per day then have half a day to go, whenever
/// the test runs.
fn zone_where_it_is_noon() -> String {
    let hour_utc = SystemClock.now().micros() / 3_600_000_000 % 24;
    // POSIX signs: `Etc/GMT-5` is five hours ahead of Greenwich.
    match hour_utc - 12 {
        0 => "Etc/GMT".to_owned(),
        behind => format!("Etc/GMT{behind:+}"),
    }
}
