//! Idempotency keys: a request that is sent again with the same key has one effect and one answer.
//!
//! **Promises.** For a native system the record of the answer is written in the transaction of the
//! effect and its ledger entry, so there are two outcomes: all of it, or nothing. A repeat that
//! runs beside the first, in this process or in another, finds the first's record inside its own
//! transaction and answers with that. For a mounted service, whose effect no transaction of ours
//! can hold, a record is durable before anything is sent and the answer is on record before its
//! caller gets it; a caller that hangs up does not end what it began.
//!
//! **Does not promise** to know what a mounted service did when its answer never came: the service
//! broke off, was too slow, or we were killed in between. Such a request has an *unknown outcome*:
//! every repeat is answered with 409 and that problem type, nothing is sent again, and somebody
//! who has looked at the service settles it with `POST /v1/idempotency/{id}/settle`. Nor can an
//! answer be given again that was a stream, was larger than the limit or set a cookie: the repeat
//! has no effect and is told why there is no answer.
//!
//! **Whose a key is.** A record belongs to tenant, principal, method, route and key. On a public
//! route of a mounted service a caller is known by its `Authorization` header, or without one by
//! its address; cookies count as part of what is asked for, so that nobody gets the answer of
//! another one behind the same address. Public routes of native systems (login, set-up) ignore the
//! key: what they hand out is to be handed out once.
//!
//! **What is kept.** Answers of executions, successes and failures. Not what was refused before
//! anything ran (a malformed request, 401, 403, 409, 429, no room, a service that was not to be
//! reached): there the key is still unused. Fingerprints are made under a key and answers are
//! sealed, so a copy of the database gives neither passwords nor new API keys away.

mod answer;
pub mod config;
mod key;
mod layer;
mod mounted;
mod native;
mod places;
pub mod record;
mod routes;
mod running;
mod tally;
#[cfg(test)]
mod tests;
mod ticket;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderName, Method, Response};
use plimsoll_core::{Code, Error, Result, Seed, TenantId};
use plimsoll_store::{Migration, Pace, Schema, Scope, Store, Tx};
use ring::hmac;

pub(crate) use self::layer::repeatable;
pub use self::{
    answer::REPLAYED,
    key::KEY,
    layer::{around, wants},
    routes::routes,
    ticket::Ticket,
};
use self::{
    config::IdempotencyConfig,
    places::Places,
    record::{Outcome, Record, State},
    running::Running,
};
use crate::{Body, Host, identity::Master};

/// The table of records.
pub const SCHEMA: Schema = Schema {
    name: "idempotency",
    migrations: &[Migration { id: "0001_idempotency", up: include_str!("schema.sql"), down: "DROP TABLE idempotency;" }],
};

/// So many records go at once when they are swept, so that no change waits behind a long one.
const SWEPT_AT_ONCE: i64 = 500;
/// How long a stopping process waits for requests whose callers have left.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// The engine.
pub struct Idempotency {
    /// How long an answer is kept.
    pub lifetime: Duration,
    wait: Duration,
    lease: Duration,
    body_limit: usize,
    request_limit: usize,
    methods: Vec<Method>,
    required: Places,
    headers: Vec<HeaderName>,
    running: Running,
    /// What came of requests with a key.
    pub tally: tally::Tally,
    /// This process, for its leases.
    instance: String,
    fingerprints: hmac::Key,
    master: Arc<Master>,
    seed: Seed,
    pace: Pace,
}

impl Idempotency {
    /// The engine of one process.
    ///
    /// # Errors
    /// `ConfigInvalid`, naming what is wrong with the section.
    pub fn new(config: &IdempotencyConfig, master: Arc<Master>, seed: Seed) -> Result<Idempotency> {
        let method = |name: &String| Method::from_bytes(name.as_bytes()).ok();
        Ok(Idempotency {
            lifetime: config.lifetime.duration(),
            wait: config.wait.duration(),
            lease: config.lease.duration(),
            body_limit: config.body_limit.length(),
            request_limit: config.request_limit.length(),
            methods: config.methods.iter().filter_map(method).collect(),
            required: Places::new(&config.required)?,
            headers: config.headers.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect(),
            running: Running::default(),
            tally: tally::Tally::default(),
            instance: crate::identity::hex(&seed.bytes::<16>()),
            fingerprints: master.mac("idempotency-fingerprint")?,
            master,
            seed,
            pace: Pace::new(),
        })
    }

    /// Whether a key has a meaning for this method.
    fn concerns(&self, method: &Method) -> bool {
        *method == Method::POST || *method == Method::PATCH || self.methods.contains(method)
    }

    /// The record of an earlier request, if there is one.
    async fn look(&self, store: &Store, ticket: &Arc<Ticket>) -> Result<Option<Record>> {
        let wanted = ticket.clone();
        store.read(Scope::Tenant(ticket.tenant), &self.pace, move |tx| record::find(tx, &wanted)).await
    }

    /// What a record has to say to a repeat; `None` while the first runs.
    fn judge(&self, ticket: &Ticket, record: &Record) -> Result<Option<Response<Body>>> {
        if record.fingerprint != ticket.fingerprint {
            return Err(Code::IdempotencyKeyReused.because("this key came before with another request: another address, another media type or another body; make a new key for a new request"));
        }
        let reason = || record.reason.clone().unwrap_or_default();
        match (record.state, &record.answer) {
            (State::Started, _) => Ok(None),
            (State::Finished, Some(sealed)) => match answer::open(&self.master, &ticket.id, sealed) {
                Ok(answer) => Ok(Some(answer)),
                Err(error) if error.code() == Code::ConfigInvalid => Err(withheld("it was sealed with another master key")),
                Err(error) => Err(error),
            },
            (State::Finished | State::Withheld, _) => Err(withheld(&reason())),
            (State::Unknown, _) => Err(Code::OutcomeUnknown.because(format!(
                "this request was sent to the service, and whether it acted is not known: {}; it is not sent again",
                reason()
            ))),
        }
    }

    /// What is written down of an answer.
    fn outcome(&self, ticket: &Ticket, answer: &Response<Body>) -> Result<Outcome> {
        let (status, headers) = (answer.status(), answer.headers());
        let withheld = |reason: &'static str| Ok(Outcome::withheld(status.as_u16(), reason));
        match (answer::withheld(headers), answer.body().full()) {
            (Some(reason), _) => withheld(reason),
            (None, None) => withheld("it was a stream"),
            (None, Some(body)) => {
                let sealed = answer::seal(&self.master, &self.seed, &ticket.id, status, headers, &self.headers, body)?;
                Ok(Outcome::finished(status.as_u16(), sealed))
            }
        }
    }

    /// Inside the transaction of a change: the answer of a request that was here before.
    ///
    /// # Errors
    /// `IdempotencyKeyReused`, `IdempotencyNotReplayable`; what the database says.
    pub(crate) fn kept(&self, tx: &Tx<'_>, ticket: &Ticket) -> Result<Option<Response<Body>>> {
        match record::find(tx, ticket)? {
            Some(record) => self.judge(ticket, &record),
            None => Ok(None),
        }
    }

    /// Inside the transaction of a change: puts its answer on record.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn keep(&self, tx: &mut Tx<'_>, ticket: &Ticket, answer: &Response<Body>) -> Result<()> {
        record::put(tx, ticket, &self.outcome(ticket, answer)?)
    }

    /// Waits until nothing runs here any more, or until a bound.
    pub async fn settle(&self) {
        let began = Instant::now();
        while self.running.count() > 0 && began.elapsed() < LAST_WAIT {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Removes what may be forgotten, in small changes of one tenant each.
///
/// # Errors
/// What the database says.
pub async fn tend(host: &Host) -> Result<()> {
    let now = host.clock.now();
    let overdue = move |tx: &Tx<'_>| {
        let tenants = "SELECT DISTINCT tenant_id FROM idempotency WHERE expires_at <= :now LIMIT 1000";
        tx.rows::<TenantId>(tenants, plimsoll_store::bind! { now: now })
    };
    for tenant in host.store.read(Scope::Host, &host.idempotency.pace, overdue).await? {
        while host.store.commit(Scope::Tenant(tenant), move |tx| record::sweep(tx, now, SWEPT_AT_ONCE)).await? > 0 {}
    }
    Ok(())
}

fn withheld(reason: &str) -> Error {
    Code::IdempotencyNotReplayable.because(format!("this request was done and its answer was not kept: {reason}; nothing was done again"))
}

fn in_progress() -> Error {
    Code::IdempotencyInProgress.because("the first request with this key still runs; ask again with the same key").retry_after(1)
}
