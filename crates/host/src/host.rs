//! The host: what is left when systems only declare.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{Request, Response};
use plimsoll_core::{Clock, Result, Seed};
use plimsoll_store::{Schema, Store};

use crate::{
    Body, edge,
    exchange::Exchange,
    identity, ledger, limits, probes,
    route::{Routes, Table, Wiring},
    stack::{Boxed, Next},
    system::System,
    telemetry,
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
    /// The bytes of `/openapi.json`.
    pub description: crate::manual::Description,
    pub(crate) body_limit: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) compute_slots: Arc<tokio::sync::Semaphore>,
    /// Practices switched off, with the reason; empty outside the development profile.
    pub(crate) off: BTreeMap<String, String>,
}

impl Host {
    /// Whether a practice is enforced. Only the development profile can switch one off.
    pub fn holds(&self, practice: &str) -> bool {
        self.off.is_empty() || !self.off.contains_key(practice)
    }
}

/// What a starting system may use.
pub struct Boot {
    /// The data.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
}

type Start = Box<dyn for<'b> FnOnce(&'b Boot) -> Boxed<'b, Result<()>> + Send>;

/// Systems that have declared themselves and have not started.
#[derive(Default)]
pub struct Mounts {
    wiring: Wiring,
    schemas: Vec<Schema>,
    starts: Vec<(&'static str, Start)>,
}

impl Mounts {
    /// Nothing mounted.
    pub fn new() -> Mounts {
        Mounts { schemas: vec![ledger::SCHEMA], ..Mounts::default() }
    }

    /// Mounts a system.
    #[must_use]
    pub fn mount<S: System>(mut self, config: S::Config) -> Mounts {
        let slot: Arc<OnceLock<Arc<S>>> = Arc::default();
        S::routes(&mut Routes::new(&mut self.wiring, S::NAME, "/v1", slot.clone()));
        self.schemas.push(Schema { name: S::NAME, migrations: S::SCHEMA });
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

    /// The migrations of the host and of every mounted system.
    pub fn schemas(&self) -> &[Schema] {
        &self.schemas
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
