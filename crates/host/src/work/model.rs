//! The table of states, run in random order against both databases: workers that come, go, stand
//! still and come back, transactions that never commit, a clock that moves, and people who enqueue,
//! cancel and replay. After every step the database holds exactly what the table says.
//!
//! `PLIMSOLL_TEST_SEED` repeats a run, `PLIMSOLL_TEST_STEPS` sets its length (400).

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use plimsoll_core::{Clock, Code, Id, JobId, Result, Seed, TenantId, Time};
use plimsoll_store::{FromRow, Migration, Pace, Place, Row, Schema, Scope, Settings, Store, Tx, bind};
use plimsoll_testkit::{Db, both, both::Ground};
use serde::{Deserialize, Serialize};

use super::{
    Finished, Job, Jobs, Kinds, Order, Pauses, Policy, SCHEMA,
    claim::{self, Ask, Claimed},
    heartbeat,
    job::table,
    lease::{Lease, Next},
    policy::is_setback,
    tend,
};
use crate::{
    Committed, Ctx, Write,
    ledger::{Change, Origin},
};

const TERM: Duration = Duration::from_secs(2);
const KEPT: Duration = Duration::from_secs(15);
const PAUSES: Pauses = Pauses::Doubling { first: Duration::from_secs(1), longest: Duration::from_secs(4) };
pub(super) const PLAIN: Policy = Policy { attempts: 3, pauses: PAUSES, kept: KEPT, ..Policy::DEFAULT };
pub(super) const FEW: Policy = Policy { attempts: 2, at_once: Some(2), priority: 3, ..PLAIN };
pub(super) const ALONE: Policy = Policy { attempts: 1, per_tenant: Some(1), ..PLAIN };
/// A kind that this binary does not know.
const FOREIGN: &str = "trial.foreign";

static PACE: Pace = Pace::new();

macro_rules! kinds {
    ($($name:ident $kind:literal $policy:ident;)*) => { $(
        #[derive(Serialize, Deserialize)]
        struct $name {}
        impl Job for $name {
            type System = ();
            const KIND: &'static str = $kind;
            const POLICY: Policy = $policy;
            async fn run(self, _: Ctx<(), Write>) -> Result<Committed<Finished>> {
                Err(Code::Internal.because("not in this test"))
            }
        }
    )* };
}
kinds! { Plain "trial.plain" PLAIN; Few "trial.few" FEW; Alone "trial.alone" ALONE; }

const EFFECT: Schema = Schema {
    name: "trial",
    migrations: &[Migration {
        id: "0001_effect",
        up: "CREATE TABLE effect (tenant_id TEXT NOT NULL, id TEXT NOT NULL, job_id TEXT NOT NULL, PRIMARY KEY (tenant_id, id)) STRICT, WITHOUT ROWID;",
        down: "DROP TABLE effect;",
    }],
};

pub(super) fn known() -> Kinds {
    known_and(|_| {})
}

/// The kinds of the trial and more.
pub(super) fn known_and(more: impl FnOnce(&mut Jobs<'_, ()>)) -> Kinds {
    let (mut kinds, slot) = (Vec::new(), Arc::new(OnceLock::from(Arc::new(()))));
    let mut jobs = Jobs::new(&mut kinds, "trial", slot);
    jobs.runs::<Plain>();
    jobs.runs::<Few>();
    jobs.runs::<Alone>();
    more(&mut jobs);
    table(kinds).unwrap()
}

pub(super) async fn store(ground: &Ground) -> Store {
    let place = match ground.url() {
        Some(url) => Place::Postgres { url: url.to_owned() },
        None => Place::Sqlite { path: ground.data.path().join("test.db") },
    };
    let settings = Settings { place, statement_timeout: Duration::from_secs(60), ..Settings::default() };
    let store = Store::open(settings, &[crate::identity::SCHEMA, SCHEMA, EFFECT]).unwrap();
    store.migrate_up().await.unwrap();
    store
}

/// What the table says about one job.
#[derive(Debug, Clone, PartialEq)]
struct Is {
    tenant: TenantId,
    kind: String,
    state: String,
    attempt: i64,
    most: i64,
    run_at: Time,
    worker: Option<String>,
    until: Option<Time>,
    cancel: bool,
    key: Option<String>,
    expires: Option<Time>,
    failures: i64,
    effects: i64,
    /// Attempts before the last replay.
    before: i64,
    /// Setbacks in a row,
    setbacks: i64,
    /// of which so many were ever put on record.
    noted: i64,
    /// Leases lost since the last replay.
    losses: i64,
}

struct Found(JobId, Is);

impl FromRow for Found {
    fn from_row(row: &Row<'_>) -> Result<Found> {
        let cancel: Option<Time> = row.get(9)?;
        let is = Is {
            tenant: row.get(1)?,
            kind: row.get(2)?,
            state: row.get(3)?,
            attempt: row.get(4)?,
            most: row.get(5)?,
            run_at: row.get(6)?,
            worker: row.get(7)?,
            until: row.get(8)?,
            cancel: cancel.is_some(),
            key: row.get(10)?,
            expires: row.get(11)?,
            failures: row.get(12)?,
            effects: row.get(13)?,
            before: row.get(14)?,
            setbacks: row.get(15)?,
            noted: row.get(16)?,
            losses: row.get(17)?,
        };
        Ok(Found(row.get(0)?, is))
    }
}

/// A process: its name, and the attempts it believes to run.
struct Worker {
    name: String,
    leases: Vec<Arc<Lease>>,
}

struct World {
    store: Store,
    clock: Clock,
    seed: Seed,
    kinds: Arc<Kinds>,
    workers: Vec<Worker>,
    /// Attempts of processes that stood still and do not know yet what has happened.
    asleep: Vec<Arc<Lease>>,
    jobs: BTreeMap<JobId, Is>,
    effects: u64,
    ended: BTreeMap<&'static str, usize>,
}

fn tenant(number: u64) -> TenantId {
    TenantId::from_bits(u128::from(number) + 1)
}

fn never() -> plimsoll_core::Error {
    Code::Internal.because("the process died before its commit")
}

impl World {
    fn below(&self, bound: u64) -> usize {
        usize::try_from(self.seed.below(bound)).unwrap()
    }
    fn chance(&self, one_in: u64) -> bool {
        self.seed.below(one_in) == 0
    }
    fn now(&self) -> Time {
        self.clock.now()
    }
    fn name(&self) -> String {
        crate::identity::hex(&self.seed.bytes::<8>())
    }
    fn policy(&self, kind: &str) -> Policy {
        self.kinds.get(kind).map_or(Policy::DEFAULT, |kind| kind.policy)
    }
    fn pick(&self, state: &str) -> Option<JobId> {
        let fit: Vec<JobId> = self.jobs.iter().filter(|(_, is)| is.state == state).map(|(id, _)| *id).collect();
        (!fit.is_empty()).then(|| fit[self.below(fit.len() as u64)])
    }
    async fn change<T: Send + 'static>(&self, scope: Scope, f: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        self.store.commit(scope, f).await
    }

    async fn enqueue(&mut self) {
        let kind = [Plain::KIND, Plain::KIND, Few::KIND, Alone::KIND, FOREIGN][self.below(5)];
        let (tenant, now, policy, commits) = (tenant(self.seed.below(3)), self.now(), self.policy(kind), !self.chance(6));
        let at = self.chance(3).then(|| now.plus(Duration::from_millis(self.seed.below(6_000))));
        let key = self.chance(4).then(|| format!("k{}", self.seed.below(2)));
        let order = Order { at, unique: key.clone(), priority: None };
        let made = self
            .change(Scope::Tenant(tenant), move |tx| {
                let origin = Origin::host(now, "trial");
                let made = Change::new(tx, &origin).enqueue_raw(kind, &policy, "{}", &order)?;
                if commits { Ok(made) } else { Err(never()) }
            })
            .await;
        let Ok(made) = made else { return assert!(!commits) };
        let live = |is: &&Is| matches!(is.state.as_str(), "waiting" | "ready" | "running");
        let earlier = self.jobs.iter().find(|(_, is)| key.is_some() && is.key == key && is.tenant == tenant && is.kind == kind && live(is));
        match earlier {
            Some((id, _)) => assert_eq!((made.id, made.new), (*id, false)),
            None => {
                assert!(made.new);
                let due = at.unwrap_or(now);
                let state = if due > now { "waiting" } else { "ready" };
                let is = Is {
                    tenant,
                    kind: kind.to_owned(),
                    state: state.to_owned(),
                    attempt: 0,
                    most: i64::from(policy.attempts),
                    run_at: due,
                    worker: None,
                    until: None,
                    cancel: false,
                    key,
                    expires: None,
                    failures: 0,
                    effects: 0,
                    before: 0,
                    setbacks: 0,
                    noted: 0,
                    losses: 0,
                };
                self.jobs.insert(made.id, is);
            }
        }
    }

    async fn claim(&mut self) {
        let (which, most, commits) = (self.below(self.workers.len() as u64), self.below(6) + 1, !self.chance(6));
        let (clock, seed, kinds, worker) = (self.clock.clone(), self.seed.clone(), self.kinds.clone(), self.workers[which].name.clone());
        let after = self.chance(2).then(|| tenant(self.seed.below(3)));
        let name = worker.clone();
        let claimed: Result<Claimed> = self
            .change(Scope::Host, move |tx| {
                let ask = Ask { clock: &clock, seed: &seed, worker: &worker, kinds: &kinds, most, term: TERM, after, keeps: true };
                let claimed = claim::claim(tx, &ask)?;
                if commits { Ok(claimed) } else { Err(never()) }
            })
            .await;
        let Ok(claimed) = claimed else { return assert!(!commits) };
        let now = self.now();
        let found = self.found().await;
        for (id, is) in &mut self.jobs {
            if is.state == "waiting" && is.run_at <= now {
                is.state = "ready".into();
            }
            if is.state == "running" && is.until.is_some_and(|until| until <= now) {
                is.failures += 1;
                let first = is.losses == 0;
                is.losses += 1;
                lose(is, now, &found[id], first);
            }
        }
        assert!(claimed.leases.len() <= most);
        for lease in &claimed.leases {
            let is = self.jobs.get_mut(&lease.job).unwrap();
            assert!(is.state == "ready" && self.kinds.contains_key(is.kind.as_str()), "{is:?}");
            (is.state, is.attempt, is.worker, is.until) = ("running".into(), is.attempt + 1, Some(name.clone()), Some(now.plus(TERM)));
            assert_eq!((lease.attempt, lease.tenant, &lease.kind), (is.attempt, is.tenant, &is.kind));
        }
        if claimed.leases.len() < most {
            let idle = self.jobs.values().find(|is| is.state == "ready" && self.room(is) > 0);
            assert_eq!(idle, None, "a job was left although there was room for it");
        }
        assert!(!self.jobs.values().any(|is| is.until.is_some_and(|until| until <= now)), "a lease outlived its term and a claim");
        let waiting = self.jobs.values().filter(|is| is.state == "waiting").map(|is| is.run_at);
        assert_eq!(claimed.due, waiting.chain(self.jobs.values().filter_map(|is| is.until)).min());
        // Now and then the process dies before it hears what it was given.
        if !self.chance(6) {
            self.workers[which].leases.extend(claimed.leases.into_iter().map(Arc::new));
        }
    }

    /// How many more jobs like this one may run.
    fn room(&self, like: &Is) -> usize {
        let Some(kind) = self.kinds.get(like.kind.as_str()) else { return 0 };
        let running = |alike: &dyn Fn(&Is) -> bool| {
            self.jobs.values().filter(|is| is.state == "running" && is.kind == like.kind && alike(is)).count()
        };
        let left = |limit: Option<u32>, used: usize| {
            limit.map_or(usize::MAX, |limit| (limit as usize).checked_sub(used).expect("a limit was exceeded"))
        };
        left(kind.policy.at_once, running(&|_| true)).min(left(kind.policy.per_tenant, running(&|is| is.tenant == like.tenant)))
    }

    /// An attempt that somebody believes to run, taken from who does.
    fn attempt(&mut self) -> Option<Arc<Lease>> {
        if self.chance(4) && !self.asleep.is_empty() {
            let at = self.below(self.asleep.len() as u64);
            return Some(self.asleep.swap_remove(at));
        }
        let which = self.below(self.workers.len() as u64);
        let count = self.workers[which].leases.len() as u64;
        (count > 0).then(|| self.below(count)).map(|at| self.workers[which].leases.swap_remove(at))
    }

    fn counts(&self, lease: &Lease) -> bool {
        let is = self.jobs.get(&lease.job);
        is.is_some_and(|is| is.state == "running" && is.attempt == lease.attempt && is.worker.as_deref() == Some(&lease.worker))
    }

    async fn finish(&mut self) {
        let Some(lease) = self.attempt() else { return };
        let (now, mine, commits) = (self.now(), lease.clone(), !self.chance(6));
        let effect: JobId = Id::new(now, &self.seed);
        let done = self
            .change(Scope::Tenant(lease.tenant), move |tx| {
                tx.write("INSERT INTO effect (tenant_id, id, job_id) VALUES (:tenant, :id, :job)", bind! { id: effect, job: mine.job })?;
                mine.finish(tx, now, KEPT, Some(serde_json::json!({ "done": true })))?;
                if commits { Ok(()) } else { Err(never()) }
            })
            .await;
        match (self.counts(&lease), commits) {
            (true, true) => {
                done.unwrap();
                let is = self.jobs.get_mut(&lease.job).unwrap();
                (is.state, is.until, is.cancel, is.expires, is.effects) =
                    ("done".into(), None, false, Some(now.plus(KEPT)), is.effects + 1);
                self.effects += 1;
            }
            (true, false) => drop(done.unwrap_err()),
            (false, _) => assert_eq!(done.unwrap_err().code(), Code::LeaseLost, "a stale attempt was kept"),
        }
    }

    async fn fail(&mut self) {
        let Some(lease) = self.attempt() else { return };
        let (now, mine, counts) = (self.now(), lease.clone(), self.counts(&lease));
        let setback = self.chance(6);
        let pause = PAUSES.after(lease.turn(), &self.seed);
        let (next, error) = match (setback, lease.attempt < lease.most) {
            (true, _) => (Next::Later(now.plus(pause)), Code::DatabaseUnavailable.because("the trial took the database away")),
            (_, true) => (Next::Again(now.plus(pause)), Code::Internal.because("the trial failed as it was told to")),
            (_, false) => (Next::Dead, Code::Internal.because("the trial failed as it was told to")),
        };
        assert_eq!(is_setback(&error), setback);
        let ended = self.change(Scope::Tenant(lease.tenant), move |tx| mine.fail(tx, now, &error, KEPT, next)).await.unwrap();
        assert_eq!(ended.is_some(), counts);
        if !counts {
            return;
        }
        let found = self.found().await;
        let is = self.jobs.get_mut(&lease.job).unwrap();
        if !setback || is.cancel {
            is.failures += 1;
            is.noted += i64::from(setback);
            lose(is, now, &found[&lease.job], false);
            return;
        }
        let first = i64::from(is.setbacks == 0);
        (is.failures, is.noted) = (is.failures + first, is.noted + first);
        (is.state, is.worker, is.until, is.run_at) = ("waiting".into(), None, None, now.plus(pause));
        (is.attempt, is.setbacks) = (is.attempt - 1, is.setbacks + 1);
    }

    async fn give_back(&mut self) {
        let Some(lease) = self.attempt() else { return };
        let (now, mine, counts) = (self.now(), lease.clone(), self.counts(&lease));
        let back = self.change(Scope::Tenant(lease.tenant), move |tx| mine.give_back(tx, now, KEPT)).await.unwrap();
        assert_eq!(back, counts);
        if counts {
            let is = self.jobs.get_mut(&lease.job).unwrap();
            (is.attempt, is.until, is.worker) = (is.attempt - 1, None, None);
            (is.state, is.expires) = if is.cancel { ("cancelled".into(), Some(now.plus(KEPT))) } else { ("ready".into(), None) };
        }
    }

    async fn beat(&mut self) {
        let which = self.below(self.workers.len() as u64);
        let (now, worker, leases) = (self.now(), self.workers[which].name.clone(), self.workers[which].leases.clone());
        let asked = leases.clone();
        let name = worker.clone();
        let heard = self.change(Scope::Host, move |tx| heartbeat::beat(tx, now, &worker, TERM, &asked)).await.unwrap();
        for lease in leases {
            let counts = self.counts(&lease);
            assert_eq!(heard.held.contains(&(lease.tenant, lease.job, lease.attempt)), counts);
            if counts {
                let is = self.jobs.get_mut(&lease.job).unwrap();
                is.until = Some(now.plus(TERM));
                assert_eq!(heard.cancelled.contains(&(lease.tenant, lease.job)), is.cancel);
            } else {
                self.workers[which].leases.retain(|one| !Arc::ptr_eq(one, &lease));
            }
        }
        let unknown = heard.held.iter().filter(|(_, job, _)| self.jobs[job].worker.as_deref() != Some(&name)).count();
        assert_eq!(unknown, 0);
    }

    async fn cancel(&mut self) {
        let state = ["waiting", "ready", "running"][self.below(3)];
        let Some(id) = self.pick(state) else { return };
        let (now, owner) = (self.now(), self.jobs[&id].tenant);
        let changed = self
            .change(Scope::Tenant(owner), move |tx| {
                tx.write(
                    "UPDATE job SET cancel_at = :now, state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END, \
                     expires_at = CASE WHEN state = 'running' THEN NULL ELSE :expires END WHERE tenant_id = :tenant AND id = :id",
                    bind! { now: now, expires: now.plus(KEPT), id: id },
                )
            })
            .await
            .unwrap();
        let is = self.jobs.get_mut(&id).unwrap();
        is.cancel = true;
        if is.state != "running" {
            (is.state, is.expires) = ("cancelled".into(), Some(now.plus(KEPT)));
        }
        assert_eq!(changed, 1);
    }

    async fn replay(&mut self) {
        let Some(id) = self.pick("dead") else { return };
        let is = self.jobs[&id].clone();
        let live = |other: &Is| matches!(other.state.as_str(), "waiting" | "ready" | "running");
        if is.key.is_some()
            && self.jobs.values().any(|other| live(other) && (other.tenant, &other.kind, &other.key) == (is.tenant, &is.kind, &is.key))
        {
            return;
        }
        let (now, most) = (self.now(), is.attempt + i64::from(self.policy(&is.kind).attempts));
        let changed = self
            .change(Scope::Tenant(is.tenant), move |tx| {
                tx.write(
                    "UPDATE job SET state = 'ready', run_at = :now, most_attempts = :most, attempts_before = attempt, setbacks = 0, finished_at = NULL \
                     WHERE tenant_id = :tenant AND id = :id AND state = 'dead'",
                    bind! { now: now, most: most, id: id },
                )
            })
            .await
            .unwrap();
        assert_eq!(changed, 1);
        let is = self.jobs.get_mut(&id).unwrap();
        (is.state, is.most, is.run_at, is.before, is.setbacks, is.losses) = ("ready".into(), most, now, is.attempt, 0, 0);
    }

    /// A process is gone, or stands still and comes back later.
    fn forget(&mut self) {
        let which = self.below(self.workers.len() as u64);
        let name = self.name();
        let gone = std::mem::replace(&mut self.workers[which], Worker { name, leases: Vec::new() });
        if self.chance(2) {
            self.asleep.extend(gone.leases);
        }
    }

    async fn tend(&mut self) {
        let now = self.now();
        self.change(Scope::Host, move |tx| tend::remove(tx, now)).await.unwrap();
        for is in self.jobs.values().filter(|is| is.expires.is_some_and(|at| at <= now)) {
            *self.ended.entry(if is.state == "done" { "done" } else { "cancelled" }).or_default() += 1;
        }
        self.jobs.retain(|_, is| is.expires.is_none_or(|at| at > now));
    }

    async fn found(&self) -> BTreeMap<JobId, Is> {
        let rows: Vec<Found> = self
            .store
            .read(Scope::Host, &PACE, |tx| {
                tx.rows(
                    "SELECT id, tenant_id, kind, state, attempt, most_attempts, run_at, worker, lease_until, cancel_at, unique_key, expires_at, \
                     (SELECT COUNT(*) FROM job_failure f WHERE f.tenant_id = job.tenant_id AND f.job_id = job.id), \
                     (SELECT COUNT(*) FROM effect e WHERE e.tenant_id = job.tenant_id AND e.job_id = job.id), \
                     attempts_before, setbacks, \
                     (SELECT COUNT(*) FROM job_failure f WHERE f.tenant_id = job.tenant_id AND f.job_id = job.id AND f.code = :away), \
                     (SELECT COUNT(*) FROM job_failure f WHERE f.tenant_id = job.tenant_id AND f.job_id = job.id AND f.code = :lost \
                        AND f.attempt > job.attempts_before) FROM job",
                    bind! { away: Code::DatabaseUnavailable.stable(), lost: Code::LeaseLost.stable() },
                )
            })
            .await
            .unwrap();
        rows.into_iter().map(|Found(id, is)| (id, is)).collect()
    }

    async fn step(&mut self) {
        match self.below(20) {
            0..=4 => self.enqueue().await,
            5..=8 => self.claim().await,
            9..=11 => self.finish().await,
            12..=13 => self.fail().await,
            14 => self.give_back().await,
            15 => self.beat().await,
            16 => self.cancel().await,
            17 => self.replay().await,
            18 if self.chance(2) => self.forget(),
            18 => self.tend().await,
            _ => self.clock.advance(Duration::from_millis(self.seed.below(2_500))),
        }
    }

    /// The database is what the table says, and keeps the promises.
    async fn check(&self) {
        let found = self.found().await;
        for (id, is) in &self.jobs {
            assert_eq!(found.get(id), Some(is), "{id}");
            let failures = if matches!(is.state.as_str(), "running" | "done") { is.attempt - 1 } else { is.attempt };
            // What was cancelled at a setback counts as it did.
            let noted = if is.state == "cancelled" { is.noted.min(is.failures - failures) } else { is.noted };
            assert!(is.failures - noted == failures && is.attempt <= is.most, "{is:?}");
            assert_eq!(is.effects, i64::from(is.state == "done"), "{is:?}");
            self.room(is);
        }
        assert_eq!(found.len(), self.jobs.len());
        let effects: i64 = self.store.read(Scope::Host, &PACE, |tx| tx.row("SELECT COUNT(*) FROM effect", bind! {})).await.unwrap();
        assert_eq!(effects, i64::try_from(self.effects).unwrap(), "an effect without its end, or twice");
    }
}

/// A failed attempt, as the table says; only the pause is the database's own.
fn lose(is: &mut Is, now: Time, found: &Is, at_once: bool) {
    (is.worker, is.until, is.setbacks) = (None, None, 0);
    if is.cancel {
        (is.state, is.expires) = ("cancelled".into(), Some(now.plus(KEPT)));
    } else if is.attempt >= is.most {
        is.state = "dead".into();
    } else if at_once {
        is.state = "ready".into();
    } else {
        is.state = "waiting".into();
        assert!(found.run_at > now && found.run_at <= now.plus(Duration::from_secs(4)), "{found:?}");
        is.run_at = found.run_at;
    }
}

both! {
    async fn whatever_happens_in_whatever_order_the_table_of_states_holds(db: Db) {
        #[expect(clippy::disallowed_methods, reason = "long runs are asked for from outside")]
        let number = |name: &str, otherwise| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
        let seed = number("PLIMSOLL_TEST_SEED", Seed::system().below(1 << 32));
        println!("PLIMSOLL_TEST_SEED={seed}");
        let ground = db.ground();
        let mut world = World {
            store: store(&ground).await,
            clock: Clock::manual(Time::parse("2026-11-21T10:00:00Z").unwrap()),
            seed: Seed::fixed(seed),
            kinds: Arc::new(known()),
            workers: Vec::new(),
            asleep: Vec::new(),
            jobs: BTreeMap::new(),
            effects: 0,
            ended: BTreeMap::new(),
        };
        world.workers = (0..3).map(|_| Worker { name: world.name(), leases: Vec::new() }).collect();
        let steps = number("PLIMSOLL_TEST_STEPS", 400);
        for _ in 0..steps {
            world.step().await;
            world.check().await;
        }
        for is in world.jobs.values() {
            *world.ended.entry(match is.state.as_str() { "dead" => "dead", "done" => "done", "cancelled" => "cancelled", _ => "open" }).or_default() += 1;
        }
        println!("{db:?}: {} effects, {:?}", world.effects, world.ended);
        assert!(world.effects > 0 && (steps < 1000 || world.ended.contains_key("dead")), "nothing happened");
        world.store.close().await.unwrap();
    }
}
