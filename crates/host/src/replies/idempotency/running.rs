//! Which requests run in this process at the moment, so that a repeat can wait without asking again and again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use plimsoll_core::TenantId;
use tokio::sync::watch;

use super::Ticket;

type Id = (TenantId, String);

/// Requests that run.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<Id, watch::Receiver<()>>>>);

/// What a request finds.
pub enum Entry {
    /// It is the first: it runs, until this is dropped.
    First(Turn),
    /// Another one runs; this tells when it has ended.
    Busy(watch::Receiver<()>),
}

/// The right to run; whoever waits is woken when it is dropped.
pub struct Turn {
    running: Running,
    id: Id,
    _ends: watch::Sender<()>,
}

impl Running {
    /// Enters, or says who is there.
    pub fn enter(&self, ticket: &Ticket) -> Entry {
        let id = (ticket.tenant, ticket.id.clone());
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = held.get(&id) {
            return Entry::Busy(other.clone());
        }
        let (ends, end) = watch::channel(());
        held.insert(id.clone(), end);
        Entry::First(Turn { running: self.clone(), id, _ends: ends })
    }

    /// How many run.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
