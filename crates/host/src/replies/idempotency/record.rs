//! What is known of a request: the rows of `idempotency`.

use std::time::Duration;

use plimsoll_core::{Result, Time};
use plimsoll_store::{FromRow, Row, Tx, bind};

use super::Ticket;

/// How a request ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was begun; a mounted service may be acting.
    Started,
    /// It has an answer that can be given again.
    Finished,
    /// It was done; its answer was given once and was not kept.
    Withheld,
    /// Nobody here knows whether it was done.
    Unknown,
}

impl State {
    /// As it stands in the table and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            State::Started => "started",
            State::Finished => "finished",
            State::Withheld => "withheld",
            State::Unknown => "unknown",
        }
    }
}

/// A row, as far as a repeat needs it.
pub struct Record {
    /// Of the first request.
    pub fingerprint: Vec<u8>,
    /// How it ended.
    pub state: State,
    /// The process that began it, while it runs.
    pub instance: Option<String>,
    /// Until when that process counts as alive.
    pub lease_until: Option<Time>,
    /// The sealed answer.
    pub answer: Option<Vec<u8>>,
    /// Why there is none.
    pub reason: Option<String>,
}

impl FromRow for Record {
    fn from_row(row: &Row<'_>) -> Result<Record> {
        let state = match row.get::<String>(1)?.as_str() {
            "started" => State::Started,
            "finished" => State::Finished,
            "withheld" => State::Withheld,
            _ => State::Unknown,
        };
        Ok(Record {
            fingerprint: row.get(0)?,
            state,
            instance: row.get(2)?,
            lease_until: row.get(3)?,
            answer: row.get(4)?,
            reason: row.get(5)?,
        })
    }
}

/// The record of a request, unless it may be forgotten by now.
pub fn find(tx: &Tx<'_>, ticket: &Ticket) -> Result<Option<Record>> {
    tx.maybe(
        "SELECT fingerprint, state, instance, lease_until, answer, reason FROM idempotency \
         WHERE tenant_id = :tenant AND id = :id AND expires_at > :now",
        bind! { id: ticket.id, now: ticket.at },
    )
}

/// How a request stands, to be written down.
#[derive(Clone)]
pub struct Outcome {
    /// How it ended.
    pub state: State,
    /// The status of its answer, if it had one.
    pub status: Option<u16>,
    /// The sealed answer.
    pub answer: Option<Vec<u8>>,
    /// Why there is none.
    pub reason: Option<String>,
    /// Who runs it, and until when that can be believed.
    pub lease: Option<(String, Time)>,
}

impl Outcome {
    /// An answer that can be given again.
    pub fn finished(status: u16, answer: Vec<u8>) -> Outcome {
        Outcome { state: State::Finished, status: Some(status), answer: Some(answer), reason: None, lease: None }
    }
    /// Done, with an answer that was not kept.
    pub fn withheld(status: u16, reason: impl Into<String>) -> Outcome {
        Outcome { state: State::Withheld, status: Some(status), answer: None, reason: Some(reason.into()), lease: None }
    }
    /// Nobody knows.
    pub fn unknown(reason: impl Into<String>) -> Outcome {
        Outcome { state: State::Unknown, status: None, answer: None, reason: Some(reason.into()), lease: None }
    }
}

/// Writes how a request stands, in place of what was there.
pub fn put(tx: &mut Tx<'_>, ticket: &Ticket, outcome: &Outcome) -> Result<()> {
    let (instance, lease) = match &outcome.lease {
        Some((instance, until)) => (Some(instance), Some(*until)),
        None => (None, None),
    };
    tx.write(
        "INSERT INTO idempotency (tenant_id, id, fingerprint, state, caller, method, route, key, instance, lease_until, status, answer, \
           reason, request, created_at, expires_at) \
         VALUES (:tenant, :id, :fingerprint, :state, :caller, :method, :route, :key, :instance, :lease, :status, :answer, \
           :reason, :request, :created, :expires) \
         ON CONFLICT (tenant_id, id) DO UPDATE SET fingerprint = excluded.fingerprint, state = excluded.state, \
           instance = excluded.instance, lease_until = excluded.lease_until, status = excluded.status, answer = excluded.answer, \
           reason = excluded.reason, request = excluded.request, created_at = excluded.created_at, expires_at = excluded.expires_at",
        bind! {
            id: ticket.id, fingerprint: ticket.fingerprint, state: outcome.state.name(), caller: ticket.caller, method: ticket.method,
            route: ticket.route, key: ticket.key, instance: instance, lease: lease, status: outcome.status.map(i64::from),
            answer: outcome.answer, reason: outcome.reason, request: ticket.request.to_string(), created: ticket.at,
            expires: ticket.expires_at,
        },
    )?;
    Ok(())
}

/// Begins a request to a mounted service, unless there is a record of it already. A record whose
/// process is gone, or forgot it, becomes one of unknown outcome.
pub fn begin(tx: &mut Tx<'_>, ticket: &Ticket, instance: &str, now: Time, lease: Duration) -> Result<Option<Record>> {
    let Some(mut record) = find(tx, ticket)? else {
        let lease = Some((instance.to_owned(), now.plus(lease)));
        put(tx, ticket, &Outcome { state: State::Started, status: None, answer: None, reason: None, lease })?;
        return Ok(None);
    };
    let forgotten = record.instance.as_deref() == Some(instance);
    let silent = record.lease_until.is_none_or(|until| until <= now);
    if record.state == State::Started && (forgotten || silent) {
        let reason = "the process that had sent it on ended before the answer was on record";
        tx.write(
            "UPDATE idempotency SET state = 'unknown', reason = :reason, instance = NULL, lease_until = NULL \
             WHERE tenant_id = :tenant AND id = :id",
            bind! { id: ticket.id, reason: reason },
        )?;
        record.state = State::Unknown;
        record.reason = Some(reason.to_owned());
    }
    Ok(Some(record))
}

/// Says that the process still runs the request.
pub fn renew(tx: &mut Tx<'_>, ticket: &Ticket, instance: &str, until: Time) -> Result<()> {
    tx.write(
        "UPDATE idempotency SET lease_until = :until WHERE tenant_id = :tenant AND id = :id AND state = 'started' AND instance = :instance",
        bind! { id: ticket.id, instance: instance, until: until },
    )?;
    Ok(())
}

/// Takes back a beginning from which nothing followed: the request may be sent again.
pub fn forget(tx: &mut Tx<'_>, ticket: &Ticket, instance: &str) -> Result<()> {
    tx.write(
        "DELETE FROM idempotency WHERE tenant_id = :tenant AND id = :id AND instance = :instance AND state = 'started'",
        bind! { id: ticket.id, instance: instance },
    )?;
    Ok(())
}

/// Removes records that may be forgotten, `most` at a time; how many went.
pub fn sweep(tx: &mut Tx<'_>, now: Time, most: i64) -> Result<u64> {
    tx.write(
        "DELETE FROM idempotency WHERE tenant_id = :tenant AND id IN \
           (SELECT id FROM idempotency WHERE tenant_id = :tenant AND expires_at <= :now ORDER BY expires_at LIMIT :most)",
        bind! { now: now, most: most },
    )
}
