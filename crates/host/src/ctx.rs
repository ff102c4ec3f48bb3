//! What a handler receives: who asks, for whom, until when, and the only way to the data.

use std::{marker::PhantomData, net::IpAddr, sync::Arc, time::Duration, time::Instant};

use http::Response;
use plimsoll_core::{Code, Principal, RequestId, Result, TenantId, Time};
use plimsoll_store::{Scope, Tx, bind};

use crate::{
    Body,
    host::Host,
    ledger::{Change, Note, Origin},
    replies::idempotency::{Idempotency, Ticket},
    route::{Reply, Route},
    telemetry::Trace,
    work::{self, Lease},
};

/// Marks the context of a route that reads.
pub struct Read;
/// Marks the context of a route that changes state.
pub struct Write;

/// Reading or writing; the route decides which.
pub trait Mode: Send + 'static {
    /// Whether a commit is possible.
    const WRITES: bool;
}
impl Mode for Read {
    const WRITES: bool = false;
}
impl Mode for Write {
    const WRITES: bool = true;
}

/// The context of one request.
pub struct Ctx<S, M = Read> {
    /// The system the handler belongs to.
    pub system: Arc<S>,
    /// Who asks; anonymous on public routes.
    pub who: Principal,
    /// For which tenant; the host's own on public routes without credential.
    pub tenant: TenantId,
    /// The same id in the log line, the span, the ledger entry and the problem document.
    pub request: RequestId,
    /// When the answer has to be ready.
    pub deadline: Instant,
    /// The caller's address, as far as it can be believed.
    pub caller: IpAddr,
    /// Whether the caller's connection is encrypted.
    pub secure: bool,
    pub(crate) host: Arc<Host>,
    pub(crate) route: Arc<Route>,
    path: String,
    purpose: Option<Box<str>>,
    trace: Trace,
    ticket: Option<Arc<Ticket>>,
    lease: Option<Arc<Lease>>,
    mode: PhantomData<fn() -> M>,
}

impl<S, M> Ctx<S, M> {
    pub(crate) fn new(system: Arc<S>, call: crate::route::Call) -> Ctx<S, M> {
        let mut who = call.who.unwrap_or_else(|| Principal::anonymous(TenantId::from_bits(0)));
        if !call.host.holds("tenant-context") {
            // What is not to be done: the caller says for which tenant it acts.
            let named = call.parts.headers.get("x-tenant-id").and_then(|value| value.to_str().ok()?.parse().ok());
            who.tenant = named.unwrap_or(who.tenant);
        }
        Ctx {
            system,
            tenant: who.tenant,
            who,
            request: call.request,
            deadline: call.deadline,
            caller: call.caller,
            secure: call.secure,
            purpose: call.host.purposes.of(&call.parts.headers),
            host: call.host,
            route: call.route,
            path: call.parts.uri.path().to_owned(),
            trace: call.trace,
            ticket: call.ticket,
            lease: None,
            mode: PhantomData,
        }
    }

    /// The context of one attempt of a job.
    pub(crate) fn of_job(system: Arc<S>, host: Arc<Host>, route: Arc<Route>, lease: Arc<Lease>) -> Ctx<S, M> {
        let current = crate::telemetry::current().unwrap_or_else(|| lease.current(&host.clock, &host.seed));
        let deadline = host.work.kinds.get(lease.kind.as_str()).map_or(Duration::from_secs(60), |kind| kind.policy.deadline);
        Ctx {
            system,
            who: Principal { id: lease.job.to_string().into(), ..Principal::host(lease.tenant) },
            tenant: lease.tenant,
            request: current.request,
            deadline: Instant::now() + deadline,
            caller: IpAddr::from([127, 0, 0, 1]),
            secure: true,
            host,
            route,
            path: format!("jobs/{}", lease.job),
            purpose: None,
            trace: current.trace,
            ticket: None,
            lease: Some(lease),
            mode: PhantomData,
        }
    }

    /// The attempt that runs, where this is the context of a job.
    pub fn lease(&self) -> Option<&Arc<Lease>> {
        self.lease.as_ref()
    }

    /// Says how far the job has come: so many units of so many, and what it is at. Written at
    /// most once a second, without waiting; nothing happens where this is no job.
    pub fn progress(&self, done: i64, total: Option<i64>, note: &str) {
        if let Some(lease) = &self.lease {
            lease.note(done, total, note);
        }
    }

    /// The host's clock; tests and probes move it.
    pub fn now(&self) -> Time {
        self.host.clock.now()
    }

    /// Whether the caller holds a permission beyond the one the route demands.
    pub fn may(&self, permission: &str, least: plimsoll_core::Role) -> bool {
        self.who.holds(permission, least)
    }

    /// Whether a practice is enforced, for systems that enforce one: see [`Host::holds`].
    pub fn holds(&self, practice: &str) -> bool {
        self.host.holds(practice)
    }

    /// One snapshot of the tenant's data: of what the caller reaches, where members of this system can be
    /// bound to places. Plain synchronous SQL inside.
    pub async fn read<T: Send + 'static>(&self, f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        match self.host.bounds(self.route.system, &self.who) {
            None => self.host.store.read(Scope::Tenant(self.tenant), &self.route.pace, f).await,
            Some(bounds) => self.host.store.read(Scope::Tenant(self.tenant), &self.route.pace, move |tx| bounds.within(tx, f)).await,
        }
    }

    /// Puts on record that data about persons was handed out: which (`patients/17`), and what of it
    /// (ids, names of fields, counts; never a value), and for which purpose where purposes are
    /// demanded. To be called before the answer leaves; where it fails, the answer must not.
    ///
    /// # Errors
    /// [`Code::Forbidden`] where a purpose is demanded and none stated to which the caller is
    /// entitled; what the database says.
    pub async fn seen(&self, target: &str, mut detail: serde_json::Value) -> Result<()> {
        if self.lease.is_none()
            && self.host.holds("phi-protection")
            && let Some(purpose) = self.host.purposes.check(self.purpose.as_deref(), &self.who)?
            && let Some(fields) = detail.as_object_mut()
        {
            fields.insert("purpose".to_owned(), purpose.into());
        }
        let note = Note { target: target.to_owned(), detail: Some(detail), ..Note::default() };
        self.host
            .commit(self.tenant, self.origin(), move |change| {
                change.note(note);
                Ok(crate::route::Empty)
            })
            .await
            .map(drop)
    }

    /// Seals `plain` with the master key for `purpose`, bound to `label`: only [`Ctx::unseal`] with both opens it.
    ///
    /// # Errors
    /// [`Code::Internal`] when the cipher refuses, which it does only for gigabytes.
    pub fn seal(&self, purpose: &'static str, label: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.sealer().seal(purpose, label, plain)
    }

    /// What seals and marks for this tenant, to be taken along into a transaction.
    pub fn sealer(&self) -> Sealer {
        Sealer { host: self.host.clone(), tenant: self.tenant }
    }

    /// Opens what [`Ctx::seal`] made.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] when it was sealed with another key, for another label, or altered.
    pub fn unseal(&self, purpose: &'static str, label: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        self.host.identity.master_key().open(purpose, label, sealed).map(|plain| plain.to_vec())
    }

    /// The mark of a person's key, for a column that a [`Key::Marked`](crate::subject::Key::Marked)
    /// declares: nobody finds out from it whose the row is, and an erasure finds the row.
    pub fn mark(&self, kind: &str, key: &str) -> String {
        self.sealer().mark(kind, key)
    }

    /// Work for a processor (a password hash, a parser), on the bounded pool beside the runtime.
    pub async fn compute<T: Send + 'static>(&self, f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        self.host.compute(f).await
    }

    /// How long is left until the deadline.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin {
            at: self.host.clock.now(),
            actor_kind: self.who.kind.name(),
            actor: self.who.id.clone(),
            request: Some(self.request),
            trace: self.trace,
            address: self.lease.is_none().then_some(self.caller),
            action: self.route.operation.clone(),
            path: self.path.clone(),
        }
    }
}

/// Seals and marks what a transaction finds out only while it runs.
#[derive(Clone)]
pub struct Sealer {
    host: Arc<Host>,
    tenant: TenantId,
}

impl Sealer {
    /// As [`Ctx::seal`].
    ///
    /// # Errors
    /// As [`Ctx::seal`].
    pub fn seal(&self, purpose: &'static str, label: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.host.identity.master_key().seal(purpose, label, plain, &self.host.seed)
    }

    /// As [`Ctx::mark`].
    pub fn mark(&self, kind: &str, key: &str) -> String {
        crate::identity::hex(&self.mark_bytes(kind, key))
    }

    fn mark_bytes(&self, kind: &str, key: &str) -> [u8; 32] {
        self.host.subjects.marker.mark(Some(&self.tenant.to_string()), kind, key)
    }

    /// Whether a person was erased at `since` or later: what came before must not bring them back.
    ///
    /// # Errors
    /// What the database says.
    pub fn erased(&self, tx: &Tx<'_>, kind: &str, key: &str, since: Time) -> Result<bool> {
        let mark = self.mark_bytes(kind, key);
        let sql = "SELECT 1 FROM erasure WHERE tenant_id = :tenant AND mark = :mark AND at >= :since";
        Ok(tx.maybe::<i64>(sql, bind! { mark: &mark[..], since: since })?.is_some())
    }
}

impl<S: Send + Sync + 'static> Ctx<S, Write> {
    /// Effect, answer and ledger entry become true together or not at all.
    /// Takes the context: a request commits once, and last.
    pub async fn commit<O: Reply>(self, f: impl FnOnce(&mut Change<'_, '_>) -> Result<O> + Send + 'static) -> Result<Committed<O>> {
        let tenant = self.tenant;
        self.commit_for(tenant, f).await
    }

    /// One step of a job that goes on after it: a transaction with its ledger entry, as [`Ctx::commit`],
    /// which leaves the job running. It holds only while the attempt's lease does, so of two attempts
    /// that believe to run the job one writes and the other is refused. A job whose process dies
    /// begins anew: what its steps left must tell it where.
    ///
    /// # Errors
    /// [`Code::LeaseLost`] where this attempt is not the one that counts any more;
    /// [`Code::JobCancelled`] where somebody asked that the job stop; what `f` returns.
    pub async fn step<O: Send + 'static>(&self, f: impl FnOnce(&mut Change<'_, '_>) -> Result<O> + Send + 'static) -> Result<O> {
        let lease = self.lease.clone().ok_or_else(|| Code::Internal.because("only a job is done in steps"))?;
        if lease.is_cancelled() {
            return Err(Code::JobCancelled.because("Somebody asked that this job stop."));
        }
        let (origin, keep, bus) = (self.origin(), self.host.holds("audit-log"), self.host.work.bus.clone());
        self.host
            .store
            .commit(Scope::Tenant(self.tenant), move |tx| {
                lease.still_ours(tx)?;
                let mut change = Change::new(tx, &origin).telling(&bus);
                let made = f(&mut change)?;
                change.publish()?;
                change.finish(None, keep)?;
                Ok(made)
            })
            .await
    }

    /// The same for a tenant that was found out only now (login, setup, administration).
    pub(crate) async fn commit_for<O: Reply>(
        self,
        tenant: TenantId,
        f: impl FnOnce(&mut Change<'_, '_>) -> Result<O> + Send + 'static,
    ) -> Result<Committed<O>> {
        let origin = self.origin();
        // A key belongs to the caller's own tenant, and only there its record is looked for.
        let ticket = self.ticket.filter(|ticket| ticket.tenant == tenant);
        if let Some(lease) = &self.lease {
            self.host.work.leave(lease);
        }
        let lease = self.lease.filter(|lease| lease.tenant == tenant);
        let bounds = self.host.bounds(self.route.system, &self.who);
        let within = move |change: &mut Change<'_, '_>| {
            let Some(bounds) = bounds else { return f(change) };
            bounds.confine(change)?;
            let done = f(change);
            change.confine(None);
            done
        };
        self.host.change(tenant, origin, Standing { ticket, lease }, within).await.map(Committed)
    }
}

/// Proof that an answer was stored with its effect. Only `commit` makes one, and a route
/// that changes state can answer with nothing else.
pub struct Committed<O>(Outcome<O>);

/// What a commit settles besides the change itself: the record of a key, the end of a job.
#[derive(Default)]
struct Standing {
    ticket: Option<Arc<Ticket>>,
    lease: Option<Arc<Lease>>,
}

/// What a commit leaves to answer with.
enum Outcome<O> {
    /// What the change made.
    Made(O),
    /// The answer that is on record for the request's key: this one's, or that of an earlier request.
    Kept(Response<Body>),
}

impl<O: Reply> Committed<O> {
    pub(crate) fn response(self) -> Result<Response<Body>> {
        match self.0 {
            Outcome::Made(made) => made.response(),
            Outcome::Kept(answer) => Ok(answer),
        }
    }
}

impl Host {
    /// One transaction with its ledger entry, for `tenant`, on behalf of `origin`.
    pub async fn commit<O: Reply>(
        &self,
        tenant: TenantId,
        origin: Origin,
        f: impl FnOnce(&mut Change<'_, '_>) -> Result<O> + Send + 'static,
    ) -> Result<O> {
        match self.change(tenant, origin, Standing::default(), f).await? {
            Outcome::Made(made) => Ok(made),
            Outcome::Kept(_) => Err(Code::Internal.error().caused_by("an answer was kept without a key")),
        }
    }

    /// The same, as the answer to a request with a key; as HTTP.
    pub(crate) async fn commit_keyed<O: Reply>(
        &self,
        tenant: TenantId,
        origin: Origin,
        ticket: Option<Arc<Ticket>>,
        f: impl FnOnce(&mut Change<'_, '_>) -> Result<O> + Send + 'static,
    ) -> Result<Response<Body>> {
        Committed(self.change(tenant, origin, Standing { ticket, lease: None }, f).await?).response()
    }

    /// The same for a request that may come again: its record is part of the transaction, and
    /// where there is one already, nothing else is done.
    async fn change<O: Reply>(
        &self,
        tenant: TenantId,
        origin: Origin,
        standing: Standing,
        f: impl FnOnce(&mut Change<'_, '_>) -> Result<O> + Send + 'static,
    ) -> Result<Outcome<O>> {
        let Standing { ticket, lease } = standing;
        let ending = lease.map(|lease| {
            let kept = self.work.kinds.get(lease.kind.as_str()).map_or(work::Policy::DEFAULT.kept, |kind| kind.policy.kept);
            (lease, kept)
        });
        let repeats: Option<(Arc<Idempotency>, Arc<Ticket>)> = ticket.map(|ticket| (self.idempotency.clone(), ticket));
        let (keep, atomic) = (self.holds("audit-log"), self.holds("db-transactions"));
        let bus = self.work.bus.clone();
        self.store
            .commit(Scope::Tenant(tenant), move |tx| {
                if let Some((engine, ticket)) = &repeats
                    && let Some(earlier) = engine.kept(tx, ticket)?
                {
                    return Ok(Ok(Outcome::Kept(earlier)));
                }
                let mut change = Change::new(tx, &origin).telling(&bus);
                let answer = match f(&mut change) {
                    Ok(answer) => answer,
                    // Without the practice, what was written before the failure stays.
                    Err(error) if !atomic => return Ok(Err(error)),
                    Err(error) => return Err(error),
                };
                let target = answer.target();
                change.publish()?;
                let now = change.now();
                change.finish(target, keep)?;
                if let Some((lease, kept)) = &ending {
                    lease.finish(tx, now, *kept, answer.result())?;
                }
                let Some((engine, ticket)) = &repeats else { return Ok(Ok(Outcome::Made(answer))) };
                let answer = answer.response()?;
                engine.keep(tx, ticket, &answer)?;
                Ok(Ok(Outcome::Kept(answer)))
            })
            .await?
    }

    /// Runs processor-bound work on a bounded pool; waits for a place, refuses when the queue is long.
    pub async fn compute<T: Send + 'static>(&self, f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let permit = self.compute_slots.clone().acquire_owned();
        let permit: Result<_> = tokio::time::timeout(Duration::from_secs(10), permit)
            .await
            .map_err(|_| Code::Overloaded.because("too much work is waiting for a processor").retry_after(2));
        let permit = permit??;
        let running: tokio::task::JoinHandle<Result<T>> = tokio::task::spawn_blocking(move || {
            let _place = permit;
            f()
        });
        running.await?
    }
}
