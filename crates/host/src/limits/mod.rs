//! Limits: how often, and how much at the same time.
//!
//! Rates count per address (before anything else is known), per principal, per tenant and per
//! class of routes. Room is bounded twice: for all requests (`shed`) and per class of routes
//! (`bulkhead`), so that slow work of one kind leaves room for the others.
//!
//! Alone, a process counts for itself: two of them behind one balancer allow twice the rate. With
//! `[redis] url` the rates of principals, tenants and classes are counted together (`shared`).

pub mod address;
pub mod bulkhead;
pub mod config;
pub mod meter;
pub mod policy;
pub mod rate;
pub mod shared;
pub mod shed;

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use http::HeaderValue;
use plimsoll_core::Result;

use self::{bulkhead::Places, meter::Keys, policy::Policy};
use crate::route::RouteClass;

/// Every meter and every bound.
pub struct Limits {
    started: Instant,
    keys: Keys,
    address: Option<Policy>,
    principal: Option<Policy>,
    tenant: Option<Policy>,
    /// In the order of [`RouteClass::ALL`].
    class: [Option<Policy>; 4],
    /// `RateLimit-Policy`, by class and by whether a tenant counts.
    members: [[HeaderValue; 2]; 4],
    legacy: bool,
    most_in_flight: usize,
    in_flight: AtomicUsize,
    shed: AtomicU64,
    places: [Places; 4],
    patience: Duration,
    /// The counts that all processes keep together.
    pub together: shared::Together,
}

/// What is going on, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauges {
    /// Requests being worked on.
    pub in_flight: usize,
    /// The most there may be.
    pub most_in_flight: usize,
    /// Refusals since the start, by policy; `in_flight` and `<class>_places` are those for want of room.
    pub refused: Vec<(&'static str, u64)>,
    /// Callers remembered, by policy.
    pub cells: Vec<(&'static str, usize)>,
    /// Class, places taken, requests waiting for one.
    pub places: Vec<(&'static str, usize, usize)>,
}

impl Limits {
    /// Builds the meters.
    pub fn new(limits: &config::LimitsConfig) -> Result<Limits> {
        let policy = |name, rate| Policy::new(name, rate, limits.cells);
        let (principal, tenant) = (policy("principal", limits.principal), policy("tenant", limits.tenant));
        let rates = [limits.read, limits.write, limits.auth, limits.page];
        let class = std::array::from_fn(|at| policy(RouteClass::ALL[at].name(), rates[at]));
        let member = |at: usize, with_tenant: bool| {
            let drawn = [principal.as_ref(), tenant.as_ref().filter(|_| with_tenant), class[at].as_ref()];
            let listed: Vec<String> = drawn.into_iter().flatten().map(Policy::member).collect();
            HeaderValue::try_from(listed.join(", "))
        };
        let mut members = std::array::from_fn(|_| [HeaderValue::from_static(""), HeaderValue::from_static("")]);
        for (at, slot) in members.iter_mut().enumerate() {
            *slot = [member(at, false)?, member(at, true)?];
        }
        let places = [limits.read_places, limits.write_places, limits.auth_places, limits.page_places];
        Ok(Limits {
            started: Instant::now(),
            keys: Keys::default(),
            address: policy("address", limits.address),
            principal,
            tenant,
            class,
            members,
            legacy: limits.legacy_headers,
            most_in_flight: limits.in_flight,
            in_flight: AtomicUsize::new(0),
            shed: AtomicU64::new(0),
            places: places.map(|places| Places::new(places, limits.queue)),
            patience: limits.patience.duration(),
            together: shared::Together::new(&limits.when_shared_lost),
        })
    }

    /// What is going on.
    pub fn gauges(&self) -> Gauges {
        let policies = || [&self.address, &self.principal, &self.tenant].into_iter().chain(&self.class).flatten();
        let classes = || RouteClass::ALL.into_iter().zip(&self.places);
        let mut refused: Vec<_> = policies().map(|policy| (policy.name, policy.refused())).collect();
        refused.push(("in_flight", self.shed.load(Ordering::Relaxed)));
        refused.extend(classes().map(|(class, places)| (bulkhead::name(class), places.refused())));
        Gauges {
            in_flight: self.in_flight.load(Ordering::Relaxed),
            most_in_flight: self.most_in_flight,
            refused,
            cells: policies().map(|policy| (policy.name, policy.cells())).collect(),
            places: classes().map(|(class, places)| (class.name(), places.taken(), places.waiting())).collect(),
        }
    }

    /// The meters' time at `moment`.
    fn at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.started)
    }

    /// The key of an address. Whoever has one IPv6 address has its whole /64.
    fn address_key(&self, address: IpAddr) -> u64 {
        match address {
            IpAddr::V4(four) => self.keys.of((4u8, u64::from(four.to_bits()))),
            IpAddr::V6(six) => self.keys.of((6u8, (six.to_bits() >> 64) as u64)),
        }
    }
}

/// The position of a class in every array here.
fn position(class: RouteClass) -> usize {
    match class {
        RouteClass::Read => 0,
        RouteClass::Write => 1,
        RouteClass::Auth => 2,
        RouteClass::Page => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_follow_the_list_of_classes() {
        for (at, class) in RouteClass::ALL.into_iter().enumerate() {
            assert_eq!(position(class), at);
        }
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_caller() {
        let limits = Limits::new(&config::LimitsConfig::default()).unwrap();
        let key = |text: &str| limits.address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    #[test]
    fn policies_are_announced_as_far_as_they_apply() {
        let limits = Limits::new(&config::LimitsConfig::default()).unwrap();
        assert_eq!(limits.members[0][0], "\"principal\";q=600;w=60");
        assert_eq!(limits.members[1][1], "\"principal\";q=600;w=60, \"tenant\";q=6000;w=60, \"write\";q=300;w=60");
    }

    #[test]
    fn gauges_name_every_policy_that_is_on() {
        let gauges = Limits::new(&config::LimitsConfig::default()).unwrap().gauges();
        let names: Vec<_> = gauges.refused.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            ["address", "principal", "tenant", "write", "auth", "in_flight", "read_places", "write_places", "auth_places", "page_places"]
        );
    }
}
