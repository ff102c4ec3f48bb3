//! From a configuration to a host that serves, and to its orderly end: what every serving verb
//! does the same way.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use plimsoll::{
    Host, Result, Role,
    config::Config,
    database, edge,
    host::{Launch, Mounts},
    identity::{
        operate::{Desk, Tenant},
        section::IdentityConfig,
    },
    practices::PracticesConfig,
    probes,
    server::{
        self, Drained,
        listener::{self, Listener},
        shutdown::Shutdown,
        tls::Certificates,
    },
};
use plimsoll_core::{Clock, Seed};
use plimsoll_store::Schema;

use crate::{
    output,
    verbs::{master, settle},
};

/// Which listeners a process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doors {
    /// The public one and the one for operators.
    All,
    /// The one for operators: nobody sends requests here.
    OperationsOnly,
}

/// A host with its listeners bound: requests to it already wait.
pub struct Launched {
    /// The host.
    pub host: Arc<Host>,
    /// Administration beside it.
    pub desk: Desk,
    /// Its public address, `https://` where it has certificates.
    pub base: String,
    /// Where metrics and detailed health are.
    pub operations: SocketAddr,
    /// Begins the end. SIGTERM and SIGINT do so from now on.
    pub shutdown: Shutdown,
    /// Whether SIGHUP renews certificates; otherwise nobody listens to it yet.
    pub renews: bool,
    listeners: Vec<Listener>,
    certificates: Option<Arc<Certificates>>,
    settings: server::Settings,
}

/// Opens the store, starts the host with `mounts`, binds the listeners. `schemas` are those of all
/// systems that may use this data, also of those that are not mounted: their tables are there.
///
/// # Errors
/// What stands in the way, from the database to a taken port.
pub async fn launch(config: &Config, data: &Path, schemas: &[Schema], mounts: Mounts, migrate: bool, doors: Doors) -> Result<Launched> {
    let (clock, seed) = (Clock::system(), Seed::system());
    let store = database::open(config, data, &clock, schemas)?;
    settle(config, &store, migrate).await?;
    let master = master(config, data, &seed)?;
    let desk = Desk { store: store.clone(), clock: clock.clone(), seed: seed.clone(), config: config.get::<IdentityConfig>().into() };
    let host = Host::start(Launch {
        config: config.clone(),
        store,
        clock,
        seed,
        master,
        mounts,
        proofs: data.join("proofs"),
        data: data.to_owned(),
    })
    .await?;

    let section: edge::config::ServerConfig = config.get();
    let operations = listener::bind(section.operations, listener::Role::Operations).await?;
    let (operating, mut listeners) = (operations.address, vec![operations]);
    let mut answering = operating;
    if doors == Doors::All {
        let public = listener::bind(section.listen, listener::Role::Public).await?;
        answering = public.address;
        listeners.insert(0, public);
    }
    let practices: PracticesConfig = config.get();
    let certificates = certificates(&config.get())?.filter(|_| practices.holds("tls"));
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let renews = certificates.is_some() && practices.holds("tls-cert-management");
    if let Some(certificates) = certificates.as_ref().filter(|_| renews) {
        certificates.watched_by(&host);
        let reload = config.get::<edge::config::TlsConfig>().reload.duration();
        tokio::spawn(certificates.clone().keep_fresh(reload, shutdown.clone()));
    }
    let mut settings = server::Settings::new(&section, config.profile());
    if !practices.holds("twelve-factor") {
        settings.drain_timeout = Duration::ZERO;
    }
    Ok(Launched {
        base: format!("{}://{}", if certificates.is_some() { "https" } else { "http" }, answering),
        operations: operating,
        listeners,
        host,
        desk,
        shutdown,
        renews,
        certificates,
        settings,
    })
}

impl Launched {
    /// Says where it listens.
    pub fn announce(&self) {
        output::say(&format!("listening on {}  (metrics and health for operators: http://{})", self.base, self.operations));
    }

    /// Prints the one-time link to the first account, if nobody has one. `why` is
    /// the beginning of the sentence.
    pub async fn invite(&self, why: &str) -> Result<()> {
        if let Some(link) = self.host.identity.setup_link(&self.base).await? {
            output::result(false, &(), |()| format!("\n{why}make the first account within 30 minutes:\n\n    {link}"));
        }
        Ok(())
    }

    /// The tenant with this slug, made if it is not there yet.
    pub async fn tenant(&self, slug: &str, name: &str) -> Result<Tenant> {
        match self.desk.list_tenants().await?.into_iter().find(|tenant| tenant.slug == slug) {
            Some(tenant) => Ok(tenant),
            None => self.desk.create_tenant(slug, name).await,
        }
    }

    /// Makes an editor's key of a tenant, valid for 30 days.
    pub async fn key(&self, tenant: &Tenant, purpose: &str) -> Result<String> {
        let lifetime = Some(Duration::from_secs(30 * 86_400));
        Ok(self.desk.create_key(&tenant.slug, purpose, Role::Editor, Vec::new(), lifetime).await?.secret)
    }

    /// Serves until the end has begun and requests in flight have been answered.
    pub async fn serve(&mut self) -> Drained {
        let (listeners, certificates) = (std::mem::take(&mut self.listeners), self.certificates.take());
        let (settings, shutdown) = (self.settings.clone(), self.shutdown.clone());
        server::run(self.host.clone(), listeners, probes::operations::operations, certificates, settings, shutdown).await
    }

    /// Closes the store and writes out what is still to be written.
    pub async fn close(self, drained: Drained) -> Result<()> {
        self.host.stop().await?;
        if drained.cut > 0 {
            output::say(&format!("stopped; {} connections were cut because they did not end in time", drained.cut));
        }
        Ok(())
    }
}

fn certificates(tls: &edge::config::TlsConfig) -> Result<Option<Arc<Certificates>>> {
    match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => Certificates::load(certificate, key).map(Some),
        _ => Ok(None),
    }
}
