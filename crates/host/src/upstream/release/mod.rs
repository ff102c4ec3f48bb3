//! A candidate beside the stable service.
//!
//! Promises: the candidate gets nothing before its smoke checks pass and nothing while they fail
//! (until it is promoted); a caller stays on its side while the share grows; when the candidate
//! breaks a stated bound, everything returns to the stable service with the very next request, and
//! only a person begins anew, also after a restart; a mirrored request delays and fails nobody;
//! answers of a side that is not trusted are neither kept for others nor hidden behind kept ones.
//! A candidate that was promoted keeps everything when its smoke checks turn red (the service
//! before it may be gone); that is shown in health as something that needs attention, and bounds
//! on what callers meet still return it. Does not promise: the state is this process's own while it
//! runs, so replicas judge for themselves; a restart begins with what was last put on record.

pub mod admin;
pub mod config;
pub mod kept;
pub mod machine;
mod mirror;
pub mod order;
pub mod smoke;
pub mod split;
pub mod window;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Request, Response, header};
use plimsoll_core::{Code, Result, Role};
use tokio::sync::{Notify, Semaphore};

use self::{
    config::ReleaseConfig,
    machine::{Arm, Bounds, Gate, Machine, Phase},
    smoke::Look,
    split::Split,
};
use super::{config::ServiceConfig, mount::Mount};
use crate::{
    Body, Host,
    exchange::Exchange,
    probes::{Health, Weight},
    replies::cache::purge::{Purge, What},
};

/// Who may choose a side for itself, with a header or a cookie.
const TEST: (&str, Role) = ("release:test", Role::Editor);
const HEADER: &str = "x-plimsoll-release";
const COOKIE: &str = "plimsoll-release";

/// A candidate and how far it has come.
pub struct Release {
    stable: Arc<Mount>,
    candidate: Arc<Mount>,
    looks: Vec<Look>,
    every: Duration,
    limit: Duration,
    mirror: u32,
    callers: Split,
    mirrored_callers: Split,
    room: Arc<Semaphore>,
    machine: Mutex<Machine>,
    /// The share that the configuration asks for.
    configured: u32,
    /// One order, or return, is put on record at a time.
    orders: tokio::sync::Mutex<()>,
    begun: Instant,
    again: Notify,
    sent: [AtomicU64; 2],
    failed: [AtomicU64; 2],
    mirrored: AtomicU64,
    unmirrored: AtomicU64,
    returns: AtomicU64,
}

/// Where a request goes: decided once for each, above the cache.
#[derive(Clone)]
pub struct Steered {
    /// To which service.
    pub mount: Arc<Mount>,
    /// Whether the answer may come from the cache and be kept there.
    pub cached: bool,
    arm: Arm,
    chosen: bool,
}

/// Layer `release`: decides to which side a request goes.
pub fn choose(x: &mut Exchange, request: &mut Request<Body>) -> Result<()> {
    if let Some(release) = x.host.upstreams.release.clone()
        && let Some(mount) = x.matched.as_ref().and_then(|matched| matched.route.mount.clone())
    {
        x.steered = release.steer(x, &mount, request.headers());
    }
    Ok(())
}

impl Release {
    /// What the section says; nothing without a candidate.
    ///
    /// # Errors
    /// `ConfigInvalid`, naming what is wrong.
    pub fn new(section: &ReleaseConfig, stable: &Arc<Mount>, service: &ServiceConfig) -> Result<Option<Release>> {
        let Some(url) = &section.candidate else { return Ok(None) };
        let share = |text: &str| split::share(text).ok_or_else(|| Code::ConfigInvalid.because(format!("\"{text}\" is no share; write 5%")));
        let bound =
            |text: &str| if text == "off" { Ok(None) } else { share(text).map(|parts| Some(f64::from(parts) / f64::from(split::WHOLE))) };
        let looks: std::result::Result<Vec<Look>, String> = section.smoke.iter().map(|text| Look::read(text)).collect();
        let mut looks = looks.map_err(|why| Code::ConfigInvalid.because(why))?;
        if looks.is_empty() {
            looks.push(Look::any());
        }
        let bounds = Bounds {
            failing: bound(&section.failing)?,
            failing_more: bound(&section.failing_more)?,
            slow: section.slow.map(|span| span.duration()),
            slower: section.slower,
            least: section.least.max(1),
            window: section.window.duration(),
        };
        Ok(Some(Release {
            stable: stable.clone(),
            candidate: Arc::new(Mount::new(&format!("{}-candidate", service.name), "", url, service)?),
            looks,
            every: section.smoke_every.duration(),
            limit: section.smoke_timeout.duration(),
            mirror: section.mirror.parts(),
            callers: Split::new("release")?,
            mirrored_callers: Split::new("release-mirror")?,
            room: Arc::new(Semaphore::new(section.mirror_room)),
            machine: Mutex::new(Machine::new(bounds, section.weight.parts())),
            configured: section.weight.parts(),
            orders: tokio::sync::Mutex::default(),
            begun: Instant::now(),
            again: Notify::new(),
            sent: Default::default(),
            failed: Default::default(),
            mirrored: AtomicU64::new(0),
            unmirrored: AtomicU64::new(0),
            returns: AtomicU64::new(0),
        }))
    }

    /// The candidate.
    pub fn candidate(&self) -> &Arc<Mount> {
        &self.candidate
    }
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Where a request for `mount` goes; nothing where this release does not concern it.
    fn steer(&self, x: &Exchange, mount: &Arc<Mount>, headers: &HeaderMap) -> Option<Steered> {
        if !Arc::ptr_eq(mount, &self.stable) {
            return None;
        }
        let wish = wish(headers).filter(|_| x.principal.as_ref().is_some_and(|who| who.holds(TEST.0, TEST.1)));
        let (share, open, trusted) = {
            let machine = self.machine();
            let share = if x.host.holds("rollback-automated") { machine.share() } else { machine.ungated() };
            (share, machine.open(), machine.trusted())
        };
        let drawn = || {
            let within = self.callers.takes(share, x.principal.as_ref().map(|who| &*who.id), x.caller);
            if within { Arm::Candidate } else { Arm::Stable }
        };
        let arm = match wish {
            Some(Arm::Candidate) if !open => Arm::Stable,
            Some(arm) => arm,
            None => drawn(),
        };
        let mount = if arm == Arm::Candidate { &self.candidate } else { &self.stable };
        Some(Steered { mount: mount.clone(), cached: arm == trusted, arm, chosen: wish.is_some() })
    }

    /// What came of it after this time; returns everything to the stable service where a bound is broken now.
    pub async fn came_back(self: &Arc<Release>, x: &Exchange, steered: &Steered, took: Duration, answer: &mut Result<Response<Body>>) {
        let failed = match answer {
            Ok(answer) => answer.status().is_server_error(),
            Err(error) => {
                matches!(error.code(), Code::UpstreamUnreachable | Code::UpstreamFailed | Code::UpstreamTimeout | Code::CircuitOpen)
            }
        };
        let place = usize::from(steered.arm == Arm::Candidate);
        self.sent[place].fetch_add(1, Ordering::Relaxed);
        self.failed[place].fetch_add(u64::from(failed), Ordering::Relaxed);
        if let (true, Ok(answer)) = (steered.chosen, &mut *answer) {
            let side = if steered.arm == Arm::Candidate { "candidate" } else { "stable" };
            answer.headers_mut().insert(HEADER, HeaderValue::from_static(side));
        }
        // What a tester tries says nothing about callers.
        if steered.chosen || !x.host.holds("canary") {
            return;
        }
        let (was, broken) = {
            let mut machine = self.machine();
            (machine.trusted(), machine.answered(self.now(), steered.arm, failed, took))
        };
        if let Some(why) = broken {
            self.returned(&x.host, why);
            if was == Arm::Candidate {
                self.forget_answers(&x.host).await;
            }
        }
    }

    /// Takes the kept answers of the service out, and nobody else's: another side answers from now on.
    async fn forget_answers(&self, host: &Host) {
        let others = host.upstreams.mounts().map(|mount| mount.prefix.clone()).filter(|prefix| !prefix.is_empty());
        host.cache.purge(Purge { what: What::Outside(others.collect()), tenant: None }).await;
    }

    fn returned(self: &Arc<Release>, host: &Arc<Host>, why: String) {
        self.returns.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(service = self.stable.name, why, "the candidate is returned: everything goes to the stable service");
        tokio::spawn(self.clone().keep_return(Arc::downgrade(host), why));
    }

    /// What needs a person: everything goes to a candidate whose smoke checks fail.
    ///
    /// # Errors
    /// `UpstreamFailed`, naming the check.
    fn attention(&self) -> Result<()> {
        let machine = self.machine();
        match (machine.phase(), machine.gate()) {
            (Phase::Promoted, Gate::Red(why)) => {
                Err(Code::UpstreamFailed.because(format!("the promoted candidate's smoke checks fail: {why}")))
            }
            _ => Ok(()),
        }
    }

    /// Its entry in health.
    pub fn report(self: &Arc<Release>, health: &Health) {
        let release = Arc::downgrade(self);
        health.check("release", Weight::Attention, move || {
            let found = release.upgrade().map_or(Ok(()), |release| release.attention());
            Box::pin(async move { found })
        });
    }

    /// Asks the smoke checks now and again, for as long as the host lives.
    pub async fn watch(self: Arc<Release>, host: Weak<Host>) {
        while host.strong_count() > 0 {
            let found = smoke::ask(&self.candidate, &self.looks, self.limit).await;
            let changed = {
                let mut machine = self.machine();
                let changed = *machine.gate() != found;
                machine.smoked(found.clone());
                changed
            };
            match (changed, found) {
                (true, Gate::Red(why)) => {
                    tracing::warn!(service = self.stable.name, why, "the candidate's smoke checks fail: it gets nothing")
                }
                (true, _) => tracing::info!(service = self.stable.name, "the candidate's smoke checks pass"),
                (false, _) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                () = self.again.notified() => {}
            }
        }
    }

    /// Writes its figures.
    pub fn write(&self, page: &mut crate::telemetry::Page) {
        let arms = [("stable", 0), ("candidate", 1)];
        for (name, help, counts) in [
            ("plimsoll_release_requests_total", "Requests, by the side they were sent to.", &self.sent),
            ("plimsoll_release_failures_total", "Requests that failed, by side.", &self.failed),
        ] {
            page.family(name, "counter", help);
            arms.iter().for_each(|(arm, place)| page.sample(name, &[("arm", *arm)], counts[*place].load(Ordering::Relaxed)));
        }
        let (share, phase) = {
            let machine = self.machine();
            (f64::from(machine.share()) / f64::from(split::WHOLE), machine.phase().name())
        };
        page.gauge("plimsoll_release_share", "The share of callers that the candidate gets now, from 0 to 1.", share);
        page.family("plimsoll_release_phase", "gauge", "Where the release is: 1 for the phase it is in.");
        for name in ["waiting", "running", "returned", "promoted"] {
            page.sample("plimsoll_release_phase", &[("phase", name)], u8::from(name == phase));
        }
        page.counter("plimsoll_release_returns_total", "Automatic returns to the stable service.", self.returns.load(Ordering::Relaxed));
        page.family("plimsoll_release_mirrored_total", "counter", "Requests that were to be mirrored, by whether there was room.");
        for (outcome, count) in [("sent", &self.mirrored), ("dropped", &self.unmirrored)] {
            page.sample("plimsoll_release_mirrored_total", &[("outcome", outcome)], count.load(Ordering::Relaxed));
        }
    }
}

/// The side that a request asks for, in a header or a cookie.
fn wish(headers: &HeaderMap) -> Option<Arm> {
    let named = |text: &str| match text.trim() {
        "candidate" => Some(Arm::Candidate),
        "stable" => Some(Arm::Stable),
        _ => None,
    };
    if let Some(text) = headers.get(HEADER).and_then(|value| value.to_str().ok()) {
        return named(text);
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(';'));
    let mut ours = cookies.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| *name == COOKIE);
    ours.next().and_then(|(_, text)| named(text))
}
