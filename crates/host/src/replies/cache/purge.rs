//! Taking kept answers out before their time: on request, and because something was changed.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use plimsoll_core::TenantId;
use serde::{Deserialize, Serialize};

use super::entry::Stored;

/// How many are remembered, for answers that were asked for before and arrive after.
pub const REMEMBERED: usize = 4096;

/// Which answers go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purge {
    /// By what.
    #[serde(flatten)]
    pub what: What,
    /// Only those of this tenant and those of nobody; all where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
}

/// By what answers are chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Exactly this path, with any query; on every host, or on one.
    Path(String, Option<String>),
    /// Paths that begin so.
    Prefix(String),
    /// Paths below none of these prefixes: what is left for the service at `/`.
    Outside(Vec<String>),
    /// What the service marked with this tag.
    Tag(String),
    /// Everything.
    All,
}

impl Purge {
    /// Whether an answer goes.
    pub fn takes(&self, stored: &Stored) -> bool {
        let owned = match (self.tenant, stored.scope.tenant()) {
            (Some(tenant), Some(owner)) => tenant == owner,
            _ => true,
        };
        owned
            && match &self.what {
                What::Path(path, host) => stored.path == *path && host.as_ref().is_none_or(|host| *host == stored.host),
                What::Prefix(prefix) => stored.path.starts_with(prefix.as_str()),
                What::Outside(prefixes) => !prefixes
                    .iter()
                    .any(|prefix| stored.path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))),
                What::Tag(tag) => stored.tags.contains(tag),
                What::All => true,
            }
    }
}

/// The purges of this process, numbered.
#[derive(Default)]
pub struct Purges {
    number: AtomicU64,
    recent: Mutex<VecDeque<(u64, Purge)>>,
}

impl Purges {
    /// The number of the last one.
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    /// Remembers one. Whoever asked before and keeps later will see it.
    pub fn note(&self, purge: Purge) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.number.load(Ordering::SeqCst) + 1;
        recent.push_back((number, purge));
        if recent.len() > REMEMBERED {
            recent.pop_front();
        }
        self.number.store(number, Ordering::SeqCst);
    }

    /// Whether an answer that was asked for after purge number `begun` is still good.
    pub fn spares(&self, stored: &Stored, begun: u64) -> bool {
        if begun == self.number() {
            return true;
        }
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is forgotten may have been the one.
        let known = recent.front().is_none_or(|(first, _)| *first <= begun + 1);
        known && !recent.iter().rev().take_while(|(number, _)| *number > begun).any(|(_, purge)| purge.takes(stored))
    }
}
