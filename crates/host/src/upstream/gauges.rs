//! The figures of every upstream, on the page of metrics, and its entry in health.

use std::sync::{Arc, atomic::Ordering};

use plimsoll_core::{Code, Result};

use super::{Upstreams, breaker::State, lifecycle::Lifecycle, mount::Mount, resilience::Counts};
use crate::{
    host::Host,
    probes::{Health, Weight},
    route::RouteClass,
    telemetry::Page,
};

type Count = fn(&Counts) -> &std::sync::atomic::AtomicU64;

const COUNTERS: [(&str, &str, Count); 11] = [
    ("plimsoll_upstream_requests_total", "Requests that were sent to the service, repetitions not counted.", |counts| &counts.requests),
    ("plimsoll_upstream_retries_total", "Repetitions.", |counts| &counts.retries),
    ("plimsoll_upstream_retries_refused_total", "Repetitions that the budget refused.", |counts| &counts.retries_refused),
    ("plimsoll_upstream_unreachable_total", "Attempts that found nobody.", |counts| &counts.unreachable),
    ("plimsoll_upstream_broken_total", "Attempts and answers that broke off.", |counts| &counts.broken),
    ("plimsoll_upstream_late_total", "Attempts that were not answered in time.", |counts| &counts.late),
    ("plimsoll_upstream_failing_status_total", "Attempts answered with a status that is a failure.", |counts| &counts.failing_status),
    ("plimsoll_upstream_circuit_open_total", "Requests refused because the breaker was open.", |counts| &counts.circuit_open),
    ("plimsoll_upstream_crowded_total", "Requests refused because too many answers were under way.", |counts| &counts.crowded),
    ("plimsoll_upstream_fallbacks_total", "Requests that were given a fallback answer.", |counts| &counts.fallbacks),
    ("plimsoll_upstream_breaker_openings_total", "How often the breaker opened.", |counts| &counts.openings),
];

/// Writes the figures; nothing where nothing is mounted.
pub fn write(page: &mut Page, upstreams: &Upstreams) {
    if upstreams.is_empty() {
        return;
    }
    page.family("plimsoll_upstream_breaker_state", "gauge", "The state of the service's circuit breaker: 1 for the one it is in.");
    for mount in upstreams.mounts() {
        let (now, _) = mount.guard().standing();
        for state in State::ALL {
            let labels = [("upstream", mount.name), ("state", state.name())];
            page.sample("plimsoll_upstream_breaker_state", &labels, u8::from(state == now));
        }
    }
    for (name, help, count) in COUNTERS {
        page.family(name, "counter", help);
        for mount in upstreams.mounts() {
            page.sample(name, &[("upstream", mount.name)], count(&mount.guard().counts).load(Ordering::Relaxed));
        }
    }
    page.family("plimsoll_upstream_active", "gauge", "Requests at the service, streamed answers included.");
    for mount in upstreams.mounts() {
        page.sample("plimsoll_upstream_active", &[("upstream", mount.name)], mount.active());
    }
    page.family("plimsoll_upstream_idle_connections", "gauge", "Connections to the service that wait for a request.");
    for mount in upstreams.mounts() {
        page.sample("plimsoll_upstream_idle_connections", &[("upstream", mount.name)], mount.pool.idle());
    }
    page.family("plimsoll_upstream_places", "gauge", "Places at the service: how many there are, taken, and waited for.");
    let classes = [RouteClass::Read, RouteClass::Write];
    let places = || upstreams.mounts().flat_map(|mount| classes.map(|class| (mount, class, mount.guard().places(class).figures())));
    for (mount, class, figures) in places() {
        for (state, count) in [("limit", figures.limit), ("taken", figures.taken), ("waiting", figures.waiting)] {
            page.sample("plimsoll_upstream_places", &[("upstream", mount.name), ("class", class.name()), ("state", state)], count);
        }
    }
    page.family("plimsoll_upstream_overloaded_total", "counter", "Requests refused because no place at the service became free in time.");
    for (mount, class, figures) in places() {
        page.sample("plimsoll_upstream_overloaded_total", &[("upstream", mount.name), ("class", class.name())], figures.refused);
    }
}

/// Enters every service into the host's health: a service that is away is a reason to look, not
/// to send requests elsewhere. Only a host whose single service has never been there is not ready.
pub fn watch(health: &Health, host: &Arc<Host>) {
    let single = host.upstreams.alone();
    for mount in host.upstreams.mounts() {
        let name: &'static str = String::leak(format!("upstream-{}", mount.name));
        let (asked, of) = (mount.clone(), Arc::downgrade(host));
        health.check(name, Weight::Attention, move || {
            let (mount, of) = (asked.clone(), of.clone());
            Box::pin(async move {
                let told = of.upgrade().is_none_or(|host| host.holds("graceful-degradation"));
                if told { standing(&mount).await } else { Ok(()) }
            })
        });
        if single.is_some_and(|only| Arc::ptr_eq(only, mount)) {
            let (mount, ever) = (mount.clone(), std::sync::atomic::AtomicBool::new(false));
            health.check("service-was-ready", Weight::Vital, move || {
                let there = !matches!(mount.lifecycle(), Some(Lifecycle::Starting));
                let was = ever.fetch_or(there, Ordering::SeqCst) || there;
                Box::pin(async move { if was { Ok(()) } else { Err(Code::ServiceStarting.because("the service has not been ready yet")) } })
            });
        }
    }
}

/// How a service stands: by its program's life, by what its answers were like, and at last by
/// whether its address takes a connection.
async fn standing(mount: &Mount) -> Result<()> {
    match mount.lifecycle() {
        Some(Lifecycle::Ready) | None => {}
        Some(other) => return Err(Code::ServiceStarting.because(format!("its program is {}", other.name()))),
    }
    match mount.guard().standing() {
        (State::Closed, _) => {}
        (state, since) => {
            return Err(Code::CircuitOpen.because(format!("its circuit breaker is {} since {} s", state.name(), since.as_secs())));
        }
    }
    if mount.pool.is_connected() { Ok(()) } else { mount.pool.reach().await }
}
