//! The demo's gateway, in front of a simulated Azure OpenAI.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::Context;
use gatelog_gateway::ListenOptions;
use gatelog_runtime::Shutdown;
use gatelog_testkit::azure::{AzureOptions, AzureServer};

use crate::{
    config::{BudgetEntry, Config, GatewaySection, PeriodName, UnitName},
    wiring::{self, RunningGateway},
};

/// The gateway's id, as it stands in paths and in the bill.
pub(super) const GATEWAY: &str = "demo-gateway";
/// The tenant with a small budget.
pub(super) const CAPPED_TENANT: &str = "gw-capped";
/// What it may ask in a month.
pub(super) const CAPPED_REQUESTS: u64 = 5;
/// Records wait no longer: somebody is watching.
const SHIP_INTERVAL: Duration = Duration::from_secs(1);
/// Longest wait for open answers at the end.
const DRAIN: Duration = Duration::from_secs(10);

/// Starts the provider; it lives until it is dropped.
pub(super) async fn start_azure() -> anyhow::Result<AzureServer> {
    AzureServer::start(AzureOptions::default()).await.context("start the simulated Azure OpenAI")
}

/// Adds gateway and budget to the configuration.
pub(super) fn configure(config: &mut Config, azure: &AzureServer, public_key_file: &Path, spool_folder: &Path) {
    let mut section = GatewaySection {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        gateways: vec![GATEWAY.to_owned()],
        azure_base_url: azure.endpoint(),
        ..GatewaySection::default()
    };
    section.audit.public_key_file = Some(public_key_file.to_owned());
    section.audit.spool_folder = spool_folder.to_owned();
    section.audit.ship_interval_seconds = SHIP_INTERVAL.as_secs();
    config.gateway = section;
    config.budgets.list.push(BudgetEntry {
        id: "demo-capped".to_owned(),
        tenant: Some(CAPPED_TENANT.to_owned()),
        unit: UnitName::Requests,
        per: PeriodName::Month,
        seconds: None,
        amount: CAPPED_REQUESTS.to_string(),
    });
}

/// A gateway that answers until it is stopped.
pub(super) struct DemoGateway {
    shutdown: Shutdown,
    running: RunningGateway,
}

impl DemoGateway {
    pub(super) async fn start(config: &Config) -> anyhow::Result<Self> {
        let shutdown = Shutdown::default();
        let listen = ListenOptions {
            listen: config.gateway.listen,
            insecure: false,
            tls: None,
            connections_max: config.gateway.connections_max,
            drain: DRAIN,
        };
        let running = wiring::gateway(config).await?.start(listen, &shutdown).await?;
        Ok(Self { shutdown, running })
    }

    /// The base URL of an Azure resource behind it.
    pub(super) fn azure_endpoint(&self, resource: &str) -> String {
        format!("http://{}/v1/demo-account/{GATEWAY}/azure-openai/{resource}", self.running.address())
    }

    /// Ends it; all of its records are in the bucket then.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.request();
        let left = self.running.drained().await?;
        anyhow::ensure!(left.records == 0, "{} audit records could not be shipped", left.records);
        Ok(())
    }
}
