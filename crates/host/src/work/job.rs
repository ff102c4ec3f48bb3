//! What a kind of job is, and the table of all kinds.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, OnceLock},
};

use http::Response;
use plimsoll_core::{Code, Result};
use schemars::SchemaGenerator;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{events::Pattern, lease::Lease, policy::Policy, schedules::Every};
use crate::{
    Body, Committed, Ctx, Host, Write,
    route::{Reply, Route},
    stack::Boxed,
};

/// A request that the host sends to itself: the same context, the same single commit, so that
/// "done" and "took effect" cannot come apart.
///
/// **At least once**: an attempt whose process dies before its commit runs again. What it did
/// inside its commit is then undone; what it did outside (a call to another system) has to carry a
/// key of its own, for which the job's id is made.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// The system it belongs to.
    type System: Send + Sync + 'static;
    /// `songs.reindex`: unique in the binary, and in the database for as long as such jobs are kept.
    const KIND: &'static str;
    /// How often, how long, how soon again.
    const POLICY: Policy = Policy::DEFAULT;
    /// Whether tenants may let such jobs come back by the clock (`/v1/schedules`).
    const SCHEDULED_BY_TENANTS: bool = false;
    /// Whether a member who is bound to a part of the tenant ([`crate::System::REACH`]) may have it done: a job
    /// reaches everything, whoever wants it.
    const BOUND_TOO: bool = false;

    /// One attempt. A failure with [`Code::Malformed`] or [`Code::Invalid`] is final; any other is
    /// tried again as the policy says, not before a `retry_after` of the error.
    fn run(self, ctx: Ctx<Self::System, Write>) -> impl Future<Output = Result<Committed<Finished>>> + Send;
}

/// What a job ends with: perhaps a result, which can be asked for as long as the job is kept.
#[derive(Debug, Clone, Default)]
pub struct Finished(pub Option<Value>);

impl Reply for Finished {
    fn response(self) -> Result<Response<Body>> {
        crate::route::Json(self.0).response()
    }
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Option<Value>) {
        <crate::route::Json<Option<Value>> as Reply>::describe(schemas)
    }
    fn result(&self) -> Option<Value> {
        self.0.clone()
    }
}

type Runner = Box<dyn Fn(Arc<Host>, Arc<Route>, Arc<Lease>) -> Result<Boxed<'static, Result<()>>> + Send + Sync>;

/// Says why a payload is none of a kind.
pub(crate) type Admits = fn(&Value) -> Result<()>;

/// A kind of job without its types.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// The system that declared it, or `host`.
    pub system: &'static str,
    /// Its policy.
    pub policy: Policy,
    /// The events of which each becomes a job of this kind.
    pub(crate) on: Vec<Pattern>,
    /// The moments at which one is made.
    pub(crate) every: Vec<Every>,
    /// Where tenants may schedule it: whether this can be the payload of such a job.
    pub(crate) admits: Option<Admits>,
    /// Whether this is a payload of the kind: what an order with a corrected one asks first.
    pub(super) reads: fn(&str) -> Result<()>,
    pub(super) route: Arc<Route>,
    pub(super) run: Runner,
}

/// All kinds of a binary, by name.
pub type Kinds = BTreeMap<&'static str, Kind>;

/// Where kinds are declared: `jobs.runs::<Reindex>()`.
pub struct Jobs<'w, S> {
    kinds: &'w mut Vec<Kind>,
    system: &'static str,
    slot: Arc<OnceLock<Arc<S>>>,
}

impl<'w, S: Send + Sync + 'static> Jobs<'w, S> {
    /// Kinds of `system`, which stands in `slot` once it has started.
    pub(crate) fn new(kinds: &'w mut Vec<Kind>, system: &'static str, slot: Arc<OnceLock<Arc<S>>>) -> Self {
        Jobs { kinds, system, slot }
    }

    /// Declares a kind that comes back by the clock, as a job of the host: `every("prune", "0 3 * * *", "UTC")`.
    /// Where `J` is an empty declaration of what is to be done, that is what each job carries.
    ///
    /// # Panics
    /// For moments or a time zone that are none: a mistake of the author, found by every start.
    pub fn every<J: Job<System = S> + Default>(&mut self, name: &'static str, cron: &'static str, zone: &'static str) {
        self.scheduled::<J>(name, cron, zone, false);
    }

    /// The same with one job for every open tenant.
    ///
    /// # Panics
    /// As [`Jobs::every`].
    pub fn every_tenant<J: Job<System = S> + Default>(&mut self, name: &'static str, cron: &'static str, zone: &'static str) {
        self.scheduled::<J>(name, cron, zone, true);
    }

    fn scheduled<J: Job<System = S> + Default>(&mut self, name: &'static str, cron: &'static str, zone: &'static str, each_tenant: bool) {
        let payload = serde_json::to_string(&J::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let every = Every { name, cron, zone, payload, each_tenant };
        every.check().unwrap_or_else(|error| panic!("{name}: {}", error.public()));
        if !self.kinds.iter().any(|kind| kind.name == J::KIND) {
            self.runs::<J>();
        }
        if let Some(kind) = self.kinds.iter_mut().find(|kind| kind.name == J::KIND) {
            kind.every.push(every);
        }
    }

    /// Declares a kind that runs for every event of these types (`artist.*`), with the event
    /// ([`super::events::Published`]) as its payload. It is put into the log with the change that
    /// the event tells of, and runs at least once. May be said again for other types.
    ///
    /// # Panics
    /// For a pattern that can match no type: a mistake of the author, found by every start.
    pub fn on<J: Job<System = S>>(&mut self, pattern: &str) {
        let pattern = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{}: {}", J::KIND, error.public()));
        if !self.kinds.iter().any(|kind| kind.name == J::KIND) {
            self.runs::<J>();
        }
        if let Some(kind) = self.kinds.iter_mut().find(|kind| kind.name == J::KIND) {
            kind.on.push(pattern);
            super::events::subscribed();
        }
    }

    /// Declares a kind.
    pub fn runs<J: Job<System = S>>(&mut self) {
        let slot = self.slot.clone();
        let run = move |host: Arc<Host>, route: Arc<Route>, lease: Arc<Lease>| -> Result<Boxed<'static, Result<()>>> {
            let system = slot.get().cloned().ok_or_else(|| Code::Internal.because("the system has not started"))?;
            let job: J = understood(&lease.payload)?;
            let running = job.run(Ctx::of_job(system, host, route, lease));
            Ok(Box::pin(async move { running.await.map(drop) }))
        };
        let route = Arc::new(Route::job(self.system, J::KIND));
        self.kinds.push(Kind {
            name: J::KIND,
            system: self.system,
            policy: J::POLICY,
            on: Vec::new(),
            every: Vec::new(),
            reads: |payload| understood::<J>(payload).map(drop),
            admits: J::SCHEDULED_BY_TENANTS.then_some(admits::<J> as Admits),
            route,
            run: Box::new(run),
        });
    }
}

fn admits<J: Job>(payload: &Value) -> Result<()> {
    serde_json::from_value::<J>(payload.clone())
        .map(drop)
        .map_err(|cause| Code::Invalid.because(format!("is no payload of `{}`: {cause}", J::KIND)))
}

/// A payload as the job it is of.
fn understood<J: Job>(payload: &str) -> Result<J> {
    serde_json::from_str(payload).map_err(|cause| Code::Malformed.because(format!("the payload is no `{}`: {cause}", J::KIND)))
}

/// The table of kinds.
///
/// # Errors
/// [`Code::Internal`] for two kinds of one name.
pub(crate) fn table(kinds: Vec<Kind>) -> Result<Kinds> {
    let mut table = Kinds::new();
    for kind in kinds {
        if let Some(twice) = table.insert(kind.name, kind) {
            return Err(Code::Internal.because(format!("two kinds of job are called `{}`", twice.name)));
        }
    }
    Ok(table)
}
