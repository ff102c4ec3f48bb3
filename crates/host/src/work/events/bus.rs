//! Whom this process tells: the subscribers inside it and the streams that are open here.

use std::{sync::Arc, time::Duration};

use plimsoll_core::TenantId;

use super::{Pattern, config::EventsConfig, hub::Hub};
use crate::work::{Kinds, Policy};

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
    /// Whether events are told at all: always, unless the practice `pubsub` is switched off.
    pub(super) tells: bool,
    pub(super) kept: Duration,
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
            hub: Arc::default(),
        }
    }

    /// Whether events of this type are recorded.
    pub(super) fn records(&self, kind: &str) -> bool {
        self.tells && !self.unrecorded.iter().any(|pattern| pattern.covers(kind))
    }

    /// Events of `tenant` have become durable.
    pub(crate) fn told(&self, tenant: TenantId) {
        self.hub.poke(tenant);
    }
}
