//! The host: what is left when systems only declare.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{Request, Response};
use plimsoll_core::{Clock, Code, Result, Seed};
use plimsoll_store::{Schema, Store};

use crate::{
    Body, archive,
    config::{self, Config},
    console,
    database::{self, DatabaseConfig},
    edge::{
        self,
        config::{CorsConfig, ServerConfig, TlsConfig},
    },
    exchange::Exchange,
    identity, ledger,
    limits::{self, config::LimitsConfig},
    manual, openapi, practices, probes,
    replies::{self, cache},
    retention,
    route::{Routes, Table, Wiring},
    shared,
    stack::{Boxed, Next},
    subject,
    system::System,
    telemetry, upstream, work,
};

/// A running host.
pub struct Host {
    /// The data.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// Chance.
    pub seed: Seed,
    /// Every route.
    pub routes: Table,
    /// Security events.
    pub events: ledger::Events,
    /// Who asks.
    pub identity: identity::Identity,
    /// What it may cost.
    pub limits: limits::Limits,
    /// What the edge demands.
    pub edge: edge::Rules,
    /// Logs, metrics, traces, error reports.
    pub telemetry: telemetry::Telemetry,
    /// Live, ready, draining.
    pub health: probes::Health,
    /// Pages of the manual that were given to the host.
    pub(crate) shelf: Option<manual::Shelf>,
    /// Where proofs of this data are kept.
    pub(crate) proofs: PathBuf,
    /// Foreign services behind the same stack.
    pub upstreams: upstream::Upstreams,
    /// Answers to requests that may be sent again.
    pub idempotency: Arc<replies::idempotency::Idempotency>,
    /// What several processes share, where a server for it is named.
    pub shared: Option<Arc<shared::Shared>>,
    /// Kept answers.
    pub cache: Arc<cache::Cache>,
    /// How long data is kept.
    pub retention: Arc<retention::Retention>,
    /// Data about persons, and its end.
    pub subjects: Arc<subject::Subjects>,
    /// Why data about persons is read.
    pub(crate) purposes: identity::purpose::Purposes,
    /// Jobs.
    pub work: Arc<work::Work>,
    /// Others are told of events.
    pub(crate) webhooks: Arc<work::webhooks::Webhooks>,
    /// Backups.
    pub archive: Option<Arc<archive::Archive>>,
    /// The bytes of `/openapi.json`.
    pub description: crate::manual::Description,
    /// Systems with something to tell operators.
    pub(crate) tellers: telemetry::told::Tellers,
    pub(crate) body_limit: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) compute_slots: Arc<tokio::sync::Semaphore>,
    /// The systems whose members can be bound to places.
    pub(crate) reaches: Vec<(&'static str, &'static plimsoll_store::Reach)>,
    /// Practices switched off, with the reason; empty outside the development profile.
    pub(crate) off: BTreeMap<String, String>,
}

impl Host {
    /// Whether a practice is enforced. Only the development profile can switch one off.
    pub fn holds(&self, practice: &str) -> bool {
        self.off.is_empty() || !self.off.contains_key(practice)
    }
}

const TEND_EVERY: Duration = Duration::from_secs(60);

/// What a starting system may use.
pub struct Boot {
    /// The data.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    pub(crate) practices: practices::PracticesConfig,
    master: Arc<identity::Master>,
}

impl Boot {
    /// Whether a practice is enforced, for what a system decides once: see [`Host::holds`].
    pub fn holds(&self, practice: &str) -> bool {
        self.practices.holds(practice)
    }

    /// Marks over what the system `S` keeps, for one purpose of its own.
    ///
    /// # Errors
    /// As for [`identity::Mac::new`].
    pub fn mac<S: System>(&self, purpose: &str) -> Result<identity::Mac> {
        identity::Mac::new(&self.master, S::NAME, purpose)
    }
}

type Start = Box<dyn for<'b> FnOnce(&'b Boot) -> Boxed<'b, Result<()>> + Send>;

/// Fills a tenant with the sample data of a system that has started.
pub type Demo = Arc<dyn Fn(&mut ledger::Change<'_, '_>) -> Result<()> + Send + Sync>;

/// Systems that have declared themselves and have not started.
#[derive(Default)]
pub struct Mounts {
    wiring: Wiring,
    schemas: Vec<Schema>,
    starts: Vec<(&'static str, Start)>,
    kinds: Vec<work::Kind>,
    demos: Vec<Demo>,
    tellers: Vec<telemetry::told::Teller>,
    shelf: Option<manual::Shelf>,
    subjects: Vec<(&'static str, &'static [subject::Subject])>,
    classes: Vec<(&'static str, &'static [retention::Class])>,
    reaches: Vec<(&'static str, &'static plimsoll_store::Reach)>,
    public: HashMap<&'static str, String>,
}

impl Mounts {
    /// The host's own routes and tables; no system yet.
    pub fn new() -> Mounts {
        let mut mounts = Mounts {
            schemas: vec![
                ledger::SCHEMA,
                identity::SCHEMA,
                replies::idempotency::SCHEMA,
                upstream::release::kept::SCHEMA,
                subject::SCHEMA,
                retention::SCHEMA,
                work::SCHEMA,
                work::events::SCHEMA,
                work::schedules::SCHEMA,
                archive::SCHEMA,
                work::webhooks::SCHEMA,
            ],
            ..Mounts::default()
        };
        let slot: Arc<OnceLock<Arc<()>>> = Arc::new(OnceLock::from(Arc::new(())));
        let mut top = Routes::new(&mut mounts.wiring, "host", "", slot.clone());
        probes::routes(&mut top);
        manual::routes(&mut top);
        console::routes(&mut top);
        work::admin::pages(&mut top);
        identity::well_known(&mut top);
        work::Jobs::new(&mut mounts.kinds, "host", slot.clone()).runs::<work::webhooks::Deliver>();
        subject::well_known(&mut top);
        work::events::declare(&mut work::Jobs::new(&mut mounts.kinds, "host", slot.clone()));
        work::requests::declare(&mut work::Jobs::new(&mut mounts.kinds, "host", slot.clone()));
        work::schedules::declare(&mut work::Jobs::new(&mut mounts.kinds, "host", slot.clone()));
        let mut versioned = Routes::new(&mut mounts.wiring, "host", "/v1", slot);
        identity::routes(&mut versioned);
        ledger::admin::routes(&mut versioned);
        work::events::routes(&mut versioned);
        work::schedules::routes(&mut versioned);
        upstream::contract::admin::routes(&mut versioned);
        upstream::release::admin::routes(&mut versioned);
        upstream::operate::routes(&mut versioned);
        replies::idempotency::routes(&mut versioned);
        cache::routes::routes(&mut versioned);
        work::admin::routes(&mut versioned);
        work::webhooks::routes(&mut versioned);
        archive::routes(&mut versioned);
        subject::routes(&mut versioned);
        retention::routes(&mut versioned);
        mounts
    }

    /// Mounts a system.
    #[must_use]
    pub fn mount<S: System>(mut self, config: S::Config) -> Mounts {
        if let Some(slug) = S::public_read(&config) {
            self.public.insert(S::NAME, slug);
        }
        self.subjects.push((S::NAME, S::SUBJECTS));
        self.classes.push((S::NAME, S::RETENTION));
        self.reaches.extend(S::REACH.map(|reach| (S::NAME, reach)));
        let slot: Arc<OnceLock<Arc<S>>> = Arc::default();
        S::routes(&mut Routes::new(&mut self.wiring, S::NAME, "/v1", slot.clone()));
        S::jobs(&mut work::Jobs::new(&mut self.kinds, S::NAME, slot.clone()));
        let telling = slot.clone();
        self.tellers.push(telemetry::told::Teller::new(move |host| {
            let system = telling.get().cloned();
            Box::pin(async move {
                match system {
                    Some(system) => S::tell(telemetry::Overview::new(system, host)).await,
                    None => telemetry::Told::default(),
                }
            })
        }));
        self.schemas.push(Schema { name: S::NAME, migrations: S::SCHEMA });
        let started = slot.clone();
        self.demos.push(Arc::new(move |change: &mut ledger::Change<'_, '_>| {
            let system = started.get().ok_or_else(|| Code::Internal.error().caused_by(format!("`{}` has not started", S::NAME)))?;
            system.demo(change)
        }));
        self.starts.push((
            S::NAME,
            Box::new(move |boot| {
                Box::pin(async move {
                    let system = S::start(config, boot).await?;
                    let _ = slot.set(Arc::new(system));
                    Ok(())
                })
            }),
        ));
        self
    }

    /// Adds pages to the manual, below `/docs`.
    #[must_use]
    pub fn manual(mut self, shelf: manual::Shelf) -> Mounts {
        self.shelf = Some(shelf);
        self
    }

    /// The migrations of the host and of every mounted system.
    pub fn schemas(&self) -> &[Schema] {
        &self.schemas
    }

    /// Every kind of job, for commands that work without a host.
    ///
    /// # Errors
    /// Two kinds of one name.
    pub fn kinds(&mut self) -> Result<work::Kinds> {
        work::table(std::mem::take(&mut self.kinds))
    }

    /// What the host and every mounted system declare about persons.
    pub fn register(&self) -> subject::Register {
        let mut register = subject::Register::host();
        for (system, subjects) in &self.subjects {
            register.declare(system, subjects);
        }
        register
    }

    /// What fills a tenant with sample data, one per system.
    pub fn demos(&self) -> Vec<Demo> {
        self.demos.clone()
    }

    /// The API description; needs no database.
    ///
    /// # Errors
    /// Two systems that claim one path.
    pub fn describe(mut self) -> Result<serde_json::Value> {
        let table = Table::build(std::mem::take(&mut self.wiring.routes))?;
        Ok(openapi::document(&table, &mut self.wiring.schemas, env!("CARGO_PKG_VERSION")))
    }
}

/// Everything a host is started with.
pub struct Launch {
    /// The effective configuration.
    pub config: Config,
    /// An open store whose schema is in place.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// Chance.
    pub seed: Seed,
    /// The key that seals other keys.
    pub master: identity::Master,
    /// The systems.
    pub mounts: Mounts,
    /// The folder where proofs of this data are kept; it need not exist.
    pub proofs: PathBuf,
    /// The data folder.
    pub data: PathBuf,
}

/// The sections of the host itself and the rules between them.
pub fn schema() -> config::Schema {
    config::Schema::new()
        .section::<ServerConfig>()
        .section::<TlsConfig>()
        .section::<CorsConfig>()
        .section::<LimitsConfig>()
        .section::<DatabaseConfig>()
        .section::<identity::section::IdentityConfig>()
        .section::<identity::purpose::PurposesConfig>()
        .section::<telemetry::config::TelemetryConfig>()
        .section::<probes::config::ProbesConfig>()
        .section::<practices::PracticesConfig>()
        .section::<upstream::config::ServiceConfig>()
        .section::<upstream::config::RoutesConfig>()
        .section::<upstream::resilience::ResilienceConfig>()
        .section::<upstream::release::config::ReleaseConfig>()
        .section::<replies::idempotency::config::IdempotencyConfig>()
        .section::<cache::config::CacheConfig>()
        .section::<shared::config::RedisConfig>()
        .section::<retention::config::RetentionConfig>()
        .section::<work::config::WorkConfig>()
        .section::<archive::config::ArchiveConfig>()
        .section::<work::events::config::EventsConfig>()
        .section::<work::webhooks::config::WebhooksConfig>()
        .rule(practices::rule)
        .rule(upstream::config::rule)
        .rule(upstream::resilience::rule)
        .rule(upstream::release::config::rule)
        .rule(replies::idempotency::config::rule)
        .rule(cache::config::rule)
        .rule(shared::config::rule)
        .rule(retention::config::rule)
        .rule(work::config::rule)
        .rule(archive::config::rule)
        .rule(work::events::config::rule)
        .rule(work::webhooks::config::rule)
        .rule(limits::config::rule)
        .rule(edge::config::rule)
        .rule(telemetry::config::rules)
        .rule(identity::section::rule)
        .rule(identity::purpose::rule)
        .rule(database::rule)
}

impl Host {
    /// Starts every system and opens the gate; requests may come from then on.
    ///
    /// # Errors
    /// What a system or an engine cannot start without; two systems that claim one path.
    pub async fn start(launch: Launch) -> Result<Arc<Host>> {
        let Launch { config, store, clock, seed, master, mut mounts, proofs, data } = launch;
        let off = config.get::<practices::PracticesConfig>().off;
        for (practice, reason) in &off {
            tracing::warn!(practice, reason, "a practice is switched off");
        }
        let server: ServerConfig = config.get();
        let service = telemetry::Service { environment: config.profile().to_string(), ..telemetry::Service::default() };
        let telemetry =
            telemetry::Telemetry::start(&config.get(), service, clock.clone(), seed.clone(), &|practice| !off.contains_key(practice))?;
        telemetry.install();
        let health = probes::Health::new(clock.clone());
        health.check_database(&store, database::production(&config));
        let mut identifying: identity::Config = config.get::<identity::section::IdentityConfig>().into();
        if !config.get::<practices::PracticesConfig>().holds("stateless-app") {
            // What is not to be done: tokens that mean something to the process alone that made them.
            identifying.issuer = format!("{}-{}", identifying.issuer, u64::from_be_bytes(seed.bytes()));
        }
        let retention = retention::Retention::new(&mounts.classes, &config.get())?;
        let subjects = subject::Subjects::new(mounts.register(), &master)?;
        let identity = identity::Identity::start(identifying, store.clone(), clock.clone(), seed.clone(), master, mounts.public).await?;
        let boot = Boot { store: store.clone(), clock: clock.clone(), practices: config.get(), master: identity.master_key() };
        for (_, start) in mounts.starts {
            start(&boot).await?;
        }
        let routes = Table::build(std::mem::take(&mut mounts.wiring.routes))?;
        let description = manual::Description::default();
        description.set(&openapi::document(&routes, &mut mounts.wiring.schemas, env!("CARGO_PKG_VERSION")));
        let places = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let idempotency = replies::idempotency::Idempotency::new(&config.get(), identity.master_key(), seed.clone())?;
        let kinds = work::table(std::mem::take(&mut mounts.kinds))?;
        let bus = work::events::Bus::new(&config.get(), &kinds, config.get::<practices::PracticesConfig>().holds("pubsub"));
        let mut working: work::config::WorkConfig = config.get();
        if off.contains_key("job-queue") && working.slots == 0 {
            // What is not to be done: jobs run in the process that answers requests, whatever it was told.
            working.slots = 4;
        }
        let work = work::Work::new(&working, bus, kinds, &seed).patient(server.drain_timeout.duration());
        let webhooks = work::webhooks::Webhooks::new(config.get(), config.profile(), work.slots)?;
        webhooks.measure(&telemetry);
        let shared = shared::Shared::new(&config.get())?;
        let cache = cache::Cache::new(&config.get(), shared.clone(), clock.clone(), &seed)?;
        let archive = archive::Archive::new(&config, &data, store.clone(), &identity.master_key(), clock.clone(), seed.clone())?;
        let host = Arc::new(Host {
            archive: Some(Arc::new(archive)),
            idempotency: Arc::new(idempotency),
            store,
            clock,
            seed,
            routes,
            identity,
            description,
            upstreams: upstream::Upstreams::new(&config.get(), &config.get())?
                .releasing(&config.get(), &config.get())?
                .guarded(&config.get(), &config.get())?,
            shared,
            cache,
            retention,
            subjects,
            purposes: config.get::<identity::purpose::PurposesConfig>().into(),
            work: Arc::new(work),
            webhooks: Arc::new(webhooks),
            shelf: mounts.shelf,
            reaches: mounts.reaches,
            proofs,
            off,
            events: ledger::Events::default(),
            limits: limits::Limits::new(&config.get())?,
            edge: edge::Rules::new(&server, &config.get(), &config.get(), config.profile())?,
            telemetry,
            tellers: telemetry::told::Tellers(mounts.tellers),
            health,
            body_limit: server.body_limit.length(),
            body_timeout: server.body_timeout.duration(),
            compute_slots: Arc::new(tokio::sync::Semaphore::new(places)),
        });
        let probes: probes::config::ProbesConfig = config.get();
        if probes.warmup || !host.holds("warmup-bounded") {
            host.health.warm(warm_up(&host), probes.warmup_limit.duration()).await;
        }
        host.check_shared().await;
        host.check_keys();
        work::admin::watch::checks(&host.health, &host, &config.get());
        telemetry::told::check(&host.health, &host);
        upstream::Upstreams::open(&host).await;
        upstream::gauges::watch(&host.health, &host);
        work::schedules::settle(&host).await?;
        archive::watch(&host);
        host.health.started();
        tokio::spawn(tend(Arc::downgrade(&host)));
        tokio::spawn(retention::keep(Arc::downgrade(&host)));
        tokio::spawn(work::run(Arc::downgrade(&host)));
        tokio::spawn(work::events::herald(Arc::downgrade(&host)));
        tokio::spawn(archive::keep_up(Arc::downgrade(&host)));
        tokio::spawn(archive::ship(Arc::downgrade(&host)));
        Ok(host)
    }

    /// Readiness needs a key that signs: without one nobody can log in.
    fn check_keys(self: &Arc<Host>) {
        let host = Arc::downgrade(self);
        self.health.check("signing-key", probes::Weight::Vital, move || {
            let host = host.clone();
            Box::pin(async move {
                let signs = host.upgrade().is_none_or(|host| host.identity.can_sign());
                if signs {
                    Ok(())
                } else {
                    Err(Code::Internal.because("no signing key is active; `plimsoll key rotate-signing` makes one"))
                }
            })
        });
    }

    /// A shared server that is away makes nothing impossible: limits and cache do without it.
    async fn check_shared(&self) {
        let Some(shared) = self.shared.clone() else { return };
        shared.connect().await;
        shared.keep();
        self.cache.follow();
        self.health.check("redis", probes::Weight::Attention, move || {
            let shared = shared.clone();
            Box::pin(async move { shared.check().await })
        });
    }

    /// Writes what is open and lets go of the database; called once requests have ended.
    ///
    /// # Errors
    /// What the database says.
    pub async fn stop(&self) -> Result<()> {
        self.work.stop().await;
        self.idempotency.settle().await;
        let closed = self.store.close().await;
        self.telemetry.flush().await;
        closed
    }
}

/// What makes the first request as quick as the second: each reader opens its file and reads a page.
fn warm_up(host: &Arc<Host>) -> Vec<probes::WarmUp> {
    let store = host.store.clone();
    vec![probes::WarmUp { name: "database", work: Box::pin(async move { store.ping(Duration::from_secs(1)).await }) }]
}

/// What has to be done now and then, for as long as the host lives.
async fn tend(host: std::sync::Weak<Host>) {
    loop {
        tokio::time::sleep(TEND_EVERY).await;
        let Some(host) = host.upgrade() else { return };
        if let Err(error) = host.identity.tend().await {
            tracing::warn!(cause = error.cause(), "keys and sessions were not tended: {}; next try in a minute", error.public());
        }
        if let Err(error) = replies::idempotency::tend(&host).await {
            tracing::warn!(cause = error.cause(), "old answers were not removed: {}; next try in a minute", error.public());
        }
        if let Err(error) = work::tend(&host).await {
            tracing::warn!(cause = error.cause(), "old jobs were not removed: {}; next try in a minute", error.public());
        }
        if let Err(error) = work::events::tend(&host).await {
            tracing::warn!(cause = error.cause(), "old events were not removed: {}; next try in a minute", error.public());
        }
        if let Err(error) = work::webhooks::tend(&host).await {
            tracing::warn!(cause = error.cause(), "old deliveries were not removed: {}; next try in a minute", error.public());
        }
    }
}

/// Runs one request through the stack.
pub async fn serve(host: Arc<Host>, peer: std::net::SocketAddr, secure: bool, request: Request<Body>) -> Response<Body> {
    let mut x = Exchange::new(host, peer, secure, &request);
    match Next::all().run(&mut x, request).await {
        Ok(answer) => answer,
        // Only the layers above `problem` can get here.
        Err(error) => crate::edge::problem::answer(&error, x.request, x.refused_by),
    }
}
