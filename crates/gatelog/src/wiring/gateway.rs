//! Puts the gateway together.

use std::{fs, future::Future, net::SocketAddr, path::Path, pin::Pin, sync::Arc};

use anyhow::Context;
use gatelog_budget::Limiter;
use gatelog_catalog::Catalog;
use gatelog_gateway::{
    FirstOf, Gateway, KeyMode, ListedTokens, ListenOptions, Parts, Prices, Remembered, TokenDigest, TokenGrant,
    TokenStore, TokenStoreDown, Webhook,
};
use gatelog_logpush::SealingKey;
use gatelog_model::{Digest, TenantId};
use gatelog_pricing::DeploymentMap;
use gatelog_runtime::{Shutdown, SystemClock};
use gatelog_spool::{SEALERS_DEFAULT, SealerPool, Shipper, ShipperOptions, Spool, SpoolStatus};
use gatelog_traces::Traces;
use tokio::{runtime::Handle, task::JoinHandle};
use tracing::warn;

use super::limits::{Limits, limits};
use crate::config::{AuditSection, Config, ConfigError, DeploymentSection, GatewaySection, TlsSection};

/// A task that runs until shutdown.
pub(crate) type Task = Box<dyn FnOnce(Shutdown) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A gateway and what runs beside it.
pub(crate) struct GatewayParts {
    pub(crate) spool: Spool,
    gateway: Gateway,
    shipper: Shipper,
    limiter: Limiter,
    traces: Traces,
    tasks: Vec<Task>,
}

/// A gateway that answers.
pub(crate) struct RunningGateway {
    traces: Traces,
    address: SocketAddr,
    shutdown: Shutdown,
    /// The limiter gives its leases back after the last answer, so it stops on a token of its own.
    limiting: Shutdown,
    limited: JoinHandle<()>,
    /// The shipper must outlive the answers that are still open, so it too stops on a token of its own.
    shipping: Shutdown,
    shipped: JoinHandle<SpoolStatus>,
}

impl GatewayParts {
    /// Listens, and answers until `shutdown` is requested.
    pub(crate) async fn start(self, listen: ListenOptions, shutdown: &Shutdown) -> anyhow::Result<RunningGateway> {
        let (limiting, shipping) = (Shutdown::default(), Shutdown::default());
        let shipped = shipping.spawn(self.shipper.run(shipping.clone()));
        let listening = self.gateway.listen(listen, shutdown).await?;
        let limited = limiting.spawn({
            let (limiter, stop) = (self.limiter, limiting.clone());
            async move { limiter.run(stop.requested()).await }
        });
        for task in self.tasks {
            shutdown.spawn(task(shutdown.clone()));
        }
        let (address, shutdown, traces) = (listening.address, shutdown.clone(), self.traces);
        Ok(RunningGateway { traces, address, shutdown, limiting, limited, shipping, shipped })
    }
}

impl RunningGateway {
    /// Where it answers.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// After shutdown was requested: waits for open answers, gives unused budget back and ships the records. What is
    /// left is in the spool for the next start.
    pub(crate) async fn drained(self) -> anyhow::Result<SpoolStatus> {
        self.shutdown.drained().await;
        self.traces.close().await;
        self.limiting.request();
        self.limited.await.context("give unused budget back")?;
        self.shipping.request();
        self.shipped.await.context("ship the rest of the audit records")
    }
}

/// Everything a gateway needs; connects to the database if there is one.
pub(crate) async fn gateway(config: &Config) -> anyhow::Result<GatewayParts> {
    // What can be wrong on this machine comes first, before anything is connected.
    let section = &config.gateway;
    let options = section.options(&config.metadata.tenant_key)?;
    if options.cache.key_mode == KeyMode::Literal {
        warn!(
            "`gateway.cache.key_mode` is literal: `cf-aig-cache-key` replaces the prompt, so callers get each other's answers"
        );
    }
    let sealers = sealers(&section.audit)?;
    let budgets = config.budgets.budgets(&config.reporting.time_zone)?;
    let prefix = config.source.prefixes.first().map_or("", String::as_str);
    let spool_options = section.audit.spool_options(prefix)?;
    let deployments = config.deployments.iter().map(DeploymentSection::entry).collect();
    let prices = Prices {
        rates: super::rates(config)?,
        deployments: DeploymentMap::try_new(deployments).context("read `deployments`")?,
    };
    let webhook = config.budgets.webhook()?;
    let traces = match config.traces.options()? {
        Some(options) => Traces::start(&options).context("set up `traces`")?,
        None => Traces::off(),
    };

    let catalog = if config.database.is_set() { Some(super::catalog(config).await?) } else { None };
    let tokens = tokens(section, catalog.as_ref())?;
    let spool_folder = spool_options.folder.clone();
    let spool = tokio::task::spawn_blocking(move || Spool::open(spool_options, Arc::new(SystemClock)));
    let spool = spool.await?.context("open `gateway.audit.spool_folder`")?;
    let Limits { limiter, alerts, holder, closing } =
        limits(&config.budgets, budgets, catalog.as_ref(), &spool_folder).await?;
    let mut tasks: Vec<Task> = closing.into_iter().collect();
    if let Some(url) = webhook {
        let webhook = Webhook::new(url.expose(), alerts, holder).context("set up `budgets.webhook_url`")?;
        tasks.push(Box::new(|shutdown| Box::pin(webhook.run(shutdown))));
    }

    let bucket = super::source(config).await?;
    let shipper = Shipper::new(spool.clone(), bucket, ShipperOptions::default())?;
    let parts = Parts {
        clock: Arc::new(SystemClock),
        spool: spool.clone(),
        sealers,
        limiter: limiter.clone(),
        prices,
        tokens,
        traces: traces.clone(),
    };
    let gateway = Gateway::new(options, parts).context("read `gateway`")?;
    Ok(GatewayParts { spool, gateway, shipper, limiter, traces, tasks })
}

/// The public key that records are sealed with; only who says so runs without.
fn sealers(section: &AuditSection) -> anyhow::Result<Option<SealerPool>> {
    let Some(path) = &section.public_key_file else {
        if section.allow_unsealed {
            warn!("no `gateway.audit.public_key_file`: prompts and answers lie in the spool and the bucket in clear");
            return Ok(None);
        }
        let hint = "name the RSA public key that records are sealed with (`gatelog keygen` makes one), or set \
                    `gateway.audit.allow_unsealed`";
        return Err(ConfigError::Missing { key: "gateway.audit.public_key_file", hint }.into());
    };
    let pem = read(path, "gateway.audit.public_key_file")?;
    let key = SealingKey::from_pem(&path.display().to_string(), &pem)?;
    Ok(Some(SealerPool::start(Arc::new(key), SEALERS_DEFAULT).context("start sealing")?))
}

fn read(path: &Path, key: &'static str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("read `{key}` `{}`", path.display()))
}

fn tokens(section: &GatewaySection, catalog: Option<&Catalog>) -> anyhow::Result<Option<Box<dyn TokenStore>>> {
    if !section.authentication && section.tokens.is_empty() {
        return Ok(None);
    }
    let listed = section.tokens.iter().map(|token| token.grant()).collect::<Result<ListedTokens, _>>()?;
    let mut stores: Vec<Box<dyn TokenStore>> = vec![Box::new(listed)];
    if let Some(catalog) = catalog {
        stores.push(Box::new(Remembered::new(Box::new(DatabaseTokens {
            catalog: catalog.clone(),
            runtime: Handle::current(),
        }))));
    } else if section.tokens.is_empty() {
        anyhow::bail!(
            "`gateway.authentication` is on, but there are neither `gateway.tokens` nor a database with tokens"
        );
    }
    Ok(Some(Box::new(FirstOf(stores))))
}

/// The tokens of `gatelog token`. They are looked up on the runtime that the database's connections belong to.
#[derive(Debug)]
struct DatabaseTokens {
    catalog: Catalog,
    runtime: Handle,
}

#[async_trait::async_trait]
impl TokenStore for DatabaseTokens {
    async fn find(&self, digest: TokenDigest) -> Result<Option<TokenGrant>, TokenStoreDown> {
        let down = |error| TokenStoreDown(Box::new(error));
        let catalog = self.catalog.clone();
        let find = async move { catalog.find_token(&Digest(digest.0)).await };
        let found = self.runtime.spawn(find).await.map_err(|error| TokenStoreDown(Box::new(error)))?;
        let Some(token) = found.map_err(down)? else { return Ok(None) };
        let tenant = token.tenant.as_deref().map(TenantId::parse).transpose();
        let tenant = tenant.map_err(|error| TokenStoreDown(Box::new(error)))?;
        Ok(Some(TokenGrant { id: token.id, tenant, gateways: token.gateways }))
    }
}

/// TLS towards callers, if it is configured.
pub(crate) fn server_tls(section: &TlsSection) -> anyhow::Result<Option<Arc<rustls::ServerConfig>>> {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

    let (certificate, key) = match (&section.certificate_file, &section.private_key_file) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => anyhow::bail!("`gateway.tls` needs both `certificate_file` and `private_key_file`"),
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("read `gateway.tls.certificate_file` `{}`", certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("read `gateway.tls.private_key_file` `{}`", key.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("use `gateway.tls`: does the key belong to the certificate?")?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Arc::new(tls)))
}
