//! A transaction that keeps the ledger.

use std::{
    borrow::Cow,
    net::IpAddr,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use plimsoll_core::{Id, Kind, RequestId, Result, Seed, Time};
use plimsoll_store::Tx;
use serde_json::Value;

use super::chain;
use crate::{
    telemetry::Trace,
    work::events::{self, Bus, Event},
};

/// Where a change comes from: the same for every entry of one request.
#[derive(Debug, Clone)]
pub struct Origin {
    /// When.
    pub at: Time,
    /// `person`, `key`, `host`, `anonymous`.
    pub actor_kind: &'static str,
    /// `usr_…`, `key_…`, `host`, `anonymous`.
    pub actor: Arc<str>,
    /// The request that caused it, if one did.
    pub request: Option<RequestId>,
    /// The trace it belongs to; empty where there is none.
    pub trace: Trace,
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The action, where the change does not name its own.
    pub action: Cow<'static, str>,
    /// The target, where neither change nor answer names one.
    pub path: String,
}

impl Origin {
    /// Something the host or its operator does at the command line.
    pub fn host(at: Time, action: impl Into<Cow<'static, str>>) -> Origin {
        Origin {
            at,
            actor_kind: "host",
            actor: "host".into(),
            request: None,
            trace: Trace::default(),
            address: None,
            action: action.into(),
            path: String::new(),
        }
    }
}

/// One thing to put on record.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// `songs.delete`, `auth.login`; the origin's action when empty.
    pub action: Cow<'static, str>,
    /// `songs/17`; the path when empty.
    pub target: String,
    /// `ok`, `denied`, `failed`; `ok` when empty.
    pub outcome: &'static str,
    /// Names of fields, counts, reasons: never a value of personal data.
    pub detail: Option<Value>,
}

/// An open transaction of a commit: everything a [`Tx`] can do, and the ledger.
pub struct Change<'t, 'c> {
    tx: &'t mut Tx<'c>,
    origin: &'t Origin,
    notes: Vec<Note>,
    bus: Option<&'t Bus>,
    events: Vec<Event>,
    recorded: bool,
}

impl<'t, 'c> Change<'t, 'c> {
    pub(crate) fn new(tx: &'t mut Tx<'c>, origin: &'t Origin) -> Self {
        Change { tx, origin, notes: Vec::new(), bus: None, events: Vec::new(), recorded: true }
    }

    /// The same in a process that knows who wants to hear of it.
    pub(crate) fn telling(mut self, bus: &'t Bus) -> Self {
        self.bus = Some(bus);
        self
    }

    /// Tells, in this transaction, that something happened: subscribers, webhooks and streams hear
    /// of it once the change is durable, or never if it fails.
    pub fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Writes the events. Called once, by the commit, before [`Change::finish`].
    pub(crate) fn publish(&mut self) -> Result<()> {
        let events = std::mem::take(&mut self.events);
        events::publish(self, self.bus, &events)
    }

    /// Where the change comes from.
    pub fn origin(&self) -> &'t Origin {
        self.origin
    }

    /// Once this change is durable there is something to be done: a job, an event.
    pub(crate) fn wakes(&mut self) {
        self.tx.notify(crate::work::CALLS);
    }

    /// Once this change is durable, an attempt that runs somewhere has to be told something.
    pub(crate) fn hurries(&mut self) {
        self.tx.notify(crate::work::ORDERS);
    }

    /// The moment of the change: one for all rows of one commit.
    pub fn now(&self) -> Time {
        self.origin.at
    }

    /// A new id at the moment of the change.
    pub fn id<K: Kind>(&self) -> Id<K> {
        Id::new(self.origin.at, &Seed::system())
    }

    /// Puts something more particular on record than "this operation on this path".
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// This change has a log of its own (attempts of deliveries): without a note it leaves no entry.
    pub(crate) fn unrecorded(&mut self) {
        self.recorded = false;
    }

    /// Writes the entries. Called once, by the commit.
    pub(crate) fn finish(mut self, target: Option<String>, keep: bool) -> Result<()> {
        if !keep {
            return Ok(());
        }
        if self.notes.is_empty() && self.recorded {
            self.notes
                .push(Note { target: target.unwrap_or_else(|| self.origin.path.trim_start_matches("/v1/").to_owned()), ..Note::default() });
        }
        for note in std::mem::take(&mut self.notes) {
            chain::append(self.tx, self.origin, &note)?;
        }
        Ok(())
    }
}

impl<'c> Deref for Change<'_, 'c> {
    type Target = Tx<'c>;
    fn deref(&self) -> &Tx<'c> {
        self.tx
    }
}
impl<'c> DerefMut for Change<'_, 'c> {
    fn deref_mut(&mut self) -> &mut Tx<'c> {
        self.tx
    }
}
