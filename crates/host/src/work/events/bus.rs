//! Whom this process tells: the subscribers inside it and the streams that are open here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Pattern, config::EventsConfig, hub::Hub};
use crate::work::{Kinds, Policy};

/// Whether any system of this binary has ever declared a subscriber. The command line mounts the
/// same systems as a host and runs none of them: all it needs to know is whether there is anybody
/// to carry its events to.
static SUBSCRIBED: AtomicBool = AtomicBool::new(false);

/// A kind was declared that wants events.
pub(crate) fn subscribed() {
    SUBSCRIBED.store(true, Ordering::SeqCst);
}

/// Whether there may be subscribers that this process does not run.
pub(super) fn anybody() -> bool {
    SUBSCRIBED.load(Ordering::SeqCst)
}

/// A kind of job that wants events.
pub(super) struct Subscription {
    pub(super) patterns: Vec<Pattern>,
    pub(super) kind: &'static str,
    pub(super) policy: Policy,
}

/// What a change needs to know to tell of itself.
pub struct Bus {
    pub(super) subscriptions: Vec<Subscription>,
    unrecorded: Vec<Pattern>,
    /// Whether subscribers and readers hear of events: always, unless the practice `pubsub` is switched off.
    pub(super) tells: bool,
    pub(super) kept: Duration,
    pub(super) heartbeat: Duration,
    pub(super) streams: usize,
    pub(super) streams_per_tenant: usize,
    pub(super) hub: Arc<Hub>,
}

impl Bus {
    /// The subscribers among `kinds`.
    pub fn new(config: &EventsConfig, kinds: &Kinds, tells: bool) -> Bus {
        let subscribed = kinds.values().filter(|kind| !kind.on.is_empty());
        Bus {
            subscriptions: subscribed
                .map(|kind| Subscription { patterns: kind.on.clone(), kind: kind.name, policy: kind.policy })
                .collect(),
            unrecorded: config.unrecorded.iter().filter_map(|text| Pattern::parse(text).ok()).collect(),
            tells,
            kept: config.kept.duration(),
            heartbeat: config.heartbeat.duration(),
            streams: usize::try_from(config.streams).unwrap_or(usize::MAX),
            streams_per_tenant: usize::try_from(config.streams_per_tenant).unwrap_or(usize::MAX),
            hub: Arc::default(),
        }
    }

    /// Whether events of this type are recorded.
    pub(super) fn records(&self, kind: &str) -> bool {
        !self.unrecorded.iter().any(|pattern| pattern.covers(kind))
    }
}
