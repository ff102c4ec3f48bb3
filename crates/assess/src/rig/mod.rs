//! The prober's hands.
//!
//! A [`Rig`] sends requests, reads what comes back, and writes down what it concludes, check by
//! check. What it writes holds no secret, no random id, no port and no time, so that the same
//! service gives the same words twice. It counts requests and watches the time: a probe that
//! runs out of either leaves its checks unknown.

mod ask;
mod collector;
mod copy;
mod ground;
mod people;
mod plain;
mod redis;
mod relay;
mod reply;
mod scratch;
mod service;
mod tls;
mod wire;

use std::{sync::Arc, time::Duration};

use plimsoll_core::Seed;
use tokio::time::Instant;

pub use ask::{Ask, delete, get, head, options, patch, post, put, request};
pub use collector::{Collector, Heard};
pub use copy::{Copy, Ended, Signal, Stage};
pub use ground::{Altered, Column, Ground, House, Kept, Operator, Site};
pub use people::{Person, Tenant};
pub use plain::plain;
pub use redis::Redis;
pub use reply::Reply;
pub use scratch::Scratch;
pub use service::{Seen, Service, accept, frame};
pub use tls::{Papers, Shaken, Version, shake, speaks_old};
pub use wire::{Wire, status_of};

use crate::{Check, Finding, Grade, Outcome, verdict::NOT_YET};

/// Most requests of one probe.
const REQUESTS: u32 = 8_000;
/// Longest time of one probe. Longer than the longest wait in it by as much as the rest of a probe
/// takes on a busy machine: what does not happen within its wait is then told as that, and not as
/// time used up, which is no verdict.
const PATIENCE: Duration = Duration::from_secs(75);
/// Longest time of one probe that shares the limits of its address with everybody there.
const SHARED: Duration = Duration::from_secs(180);

/// Why a probe could not go on. Never a verdict: the checks that are left become unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble(pub String);

impl Trouble {
    /// A trouble with this sentence.
    pub fn new(said: impl Into<String>) -> Trouble {
        Trouble(said.into())
    }
}

impl From<String> for Trouble {
    fn from(said: String) -> Trouble {
        Trouble(said)
    }
}

/// What a probe works with.
pub struct Rig {
    /// Chance, the same for the same seed and practice.
    pub seed: Seed,
    ground: Arc<Ground>,
    site: Site,
    practice: &'static str,
    /// The address this probe's requests seem to come from, where the service believes us.
    address: Option<String>,
    tenants: Vec<String>,
    client: ask::Client,
    spent: u32,
    until: Instant,
    checks: Vec<Check>,
    findings: Vec<Finding>,
    current: Option<Open>,
    last: String,
}

/// A request that is under way.
pub struct Pending(tokio::task::JoinHandle<Result<Reply, Trouble>>);

impl Pending {
    /// Waits for its answer.
    ///
    /// # Errors
    /// When the connection ends before, or the time does.
    pub async fn reply(self) -> Result<Reply, Trouble> {
        self.0.await.map_err(|error| Trouble::new(format!("a request ended badly: {error}")))?
    }

    /// Whether the answer has come, or will not.
    pub fn is_over(&self) -> bool {
        self.0.is_finished()
    }
}

/// A check in the making.
struct Open {
    check: String,
    held: u32,
    broken: Option<String>,
    transcript: Vec<String>,
}

impl Rig {
    /// A rig for one practice on this ground. `number` tells probes of one run apart.
    pub fn new(ground: Arc<Ground>, practice: &'static str, checks: Vec<Check>, number: u32) -> Rig {
        let patience = if ground.believed { PATIENCE } else { SHARED };
        let seed = Seed::fixed(ground.seed ^ u64::from(number).wrapping_mul(plimsoll_core::seed::STEP));
        Rig {
            seed,
            site: ground.site.clone(),
            practice,
            // RFC 2544 keeps 198.18.0.0/15 for tests: two addresses of it never are two callers.
            address: ground.believed.then(|| format!("198.18.{}.{}", number / 250, number % 250 + 1)),
            tenants: Vec::new(),
            client: ask::client(),
            ground,
            spent: 0,
            until: Instant::now() + patience,
            checks,
            findings: Vec::new(),
            current: None,
            last: String::new(),
        }
    }

    /// Where the service is.
    pub fn site(&self) -> &Site {
        &self.site
    }
    /// What was granted.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }
    /// The practice this rig works for.
    pub fn practice(&self) -> &'static str {
        self.practice
    }

    /// Begins a check of the practice's page; what follows belongs to it.
    ///
    /// # Panics
    /// When the page has no such check: the page is what readers see, so it is right.
    pub fn check(&mut self, id: &str) {
        let known = self.checks.iter().find(|check| check.id == id);
        let open = known.unwrap_or_else(|| panic!("{}: the page has no check `{id}`", self.practice)).open.is_some();
        self.finish_check();
        if open {
            // The page has said already why nobody can make it.
            return;
        }
        self.current = Some(Open { check: id.to_owned(), held: 0, broken: None, transcript: Vec::new() });
    }

    /// The page's checks that were not begun, in its order.
    pub fn left_out(&self) -> Vec<String> {
        let begun =
            |id: &str| self.findings.iter().any(|found| found.check == id) || self.current.as_ref().is_some_and(|open| open.check == id);
        self.checks.iter().filter(|check| !begun(&check.id)).map(|check| check.id.clone()).collect()
    }

    /// Writes a line into the transcript.
    pub fn note(&mut self, line: impl AsRef<str>) {
        let line = plain(line.as_ref());
        if let Some(open) = &mut self.current {
            open.transcript.push(line);
        }
    }

    /// States a condition of the current check. The first that is false breaks the check. What is
    /// said must be the same in every run.
    pub fn must(&mut self, holds: bool, said: impl AsRef<str>) -> bool {
        let line = plain(said.as_ref());
        let saw = self.last.clone();
        let Some(open) = &mut self.current else { panic!("{}: a condition outside of a check", self.practice) };
        if holds {
            open.held += 1;
            open.transcript.push(format!("holds: {line}"));
        } else {
            open.transcript.push(format!("broken: {line}"));
            if !saw.is_empty() {
                open.transcript.push(format!("saw: {saw}"));
            }
            open.broken.get_or_insert(line);
        }
        holds
    }

    /// The current check cannot be decided.
    pub fn unknown(&mut self, why: impl Into<String>) {
        let why = plain(&why.into());
        if let Some(open) = self.current.take() {
            self.findings.push(Finding { transcript: open.transcript, ..Finding::unknown(open.check, why) });
        }
    }

    /// The current check has no meaning for this service.
    pub fn not_applicable(&mut self, why: impl Into<String>) {
        let why = plain(&why.into());
        if let Some(open) = self.current.take() {
            self.findings.push(Finding { transcript: open.transcript, ..Finding::not_applicable(open.check, why) });
        }
    }

    fn finish_check(&mut self) {
        let Some(open) = self.current.take() else { return };
        let (outcome, grade) = match (open.broken, open.held) {
            (Some(why), _) => (Outcome::Broken(why), Some(Grade::E3)),
            (None, 0) => (Outcome::Unknown("the probe concluded nothing".into()), None),
            (None, _) => (Outcome::Held, Some(Grade::E3)),
        };
        self.findings.push(Finding { check: open.check, outcome, grade, transcript: open.transcript });
    }

    /// What was found, one finding per check of the page, in the page's order; `end` is how the
    /// probe came out.
    pub fn conclude(mut self, end: Result<(), Trouble>) -> Vec<Finding> {
        if let Err(trouble) = end {
            let trouble = plain(&trouble.0);
            match &self.current {
                // What was broken before the trouble stays broken.
                Some(open) if open.broken.is_some() => self.finish_check(),
                Some(_) => self.unknown(trouble.clone()),
                None => {}
            }
            for check in &self.checks {
                if !self.findings.iter().any(|found| found.check == check.id) {
                    self.findings.push(Finding::unknown(check.id.clone(), trouble.clone()));
                }
            }
        }
        self.finish_check();
        self.checks
            .iter()
            .map(|check| {
                if let Some(why) = &check.open {
                    return Finding::unknown(check.id.clone(), format!("{NOT_YET}{why}"));
                }
                let found = self.findings.iter().find(|found| found.check == check.id);
                found.cloned().unwrap_or_else(|| Finding::unknown(check.id.clone(), "the probe did not come to this check"))
            })
            .collect()
    }

    /// Sends a request to the public listener and writes both into the transcript.
    ///
    /// # Errors
    /// When nothing comes back, or requests or time are used up.
    pub async fn send(&mut self, ask: Ask) -> Result<Reply, Trouble> {
        let line = ask.line();
        let reply = self.quietly(ask).await?;
        self.last = format!("{line} → {}", reply.seen());
        self.note(format!("{line} → {}", reply.line()));
        Ok(reply)
    }

    /// [`Rig::send`] without a line in the transcript, for what is repeated until something happens.
    ///
    /// # Errors
    /// As for [`Rig::send`].
    pub async fn quietly(&mut self, ask: Ask) -> Result<Reply, Trouble> {
        let line = ask.line();
        let reply = loop {
            self.spend(1)?;
            let reply = ask.clone().go(&self.client, &self.site, self.address.as_deref(), self.until).await?;
            match self.told_to_wait(&reply) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => break reply,
            }
        };
        self.last = format!("{line} → {}", reply.seen());
        Ok(reply)
    }

    /// How long to wait before asking again: where we share an address with others we keep to its
    /// limits, and a probe for which limits matter is not run there.
    fn told_to_wait(&self, reply: &Reply) -> Option<Duration> {
        if self.ground.believed || reply.code() != "PLM-LIM-001" {
            return None;
        }
        let seconds: u64 = reply.header("retry-after")?.parse().ok()?;
        let pause = Duration::from_secs(seconds.clamp(1, 60));
        (pause < self.left()).then_some(pause)
    }

    /// Sends many requests at once; the replies in the order of the requests. Nothing is written
    /// into the transcript: say with [`Rig::note`] what is the same in every run.
    ///
    /// # Errors
    /// As for [`Rig::send`], for the first that fails.
    pub async fn together(&mut self, asks: Vec<Ask>) -> Result<Vec<Reply>, Trouble> {
        if !self.ground.believed {
            // Bursts are for addresses of our own.
            let mut replies = Vec::new();
            for ask in asks {
                replies.push(self.quietly(ask).await?);
            }
            return Ok(replies);
        }
        self.spend(u32::try_from(asks.len()).unwrap_or(u32::MAX))?;
        let mut set = tokio::task::JoinSet::new();
        for (place, ask) in asks.into_iter().enumerate() {
            let (client, site, address, until) = (self.client.clone(), self.site.clone(), self.address.clone(), self.until);
            set.spawn(async move { (place, ask.go(&client, &site, address.as_deref(), until).await) });
        }
        let mut replies = Vec::new();
        while let Some(done) = set.join_next().await {
            let (place, reply) = done.map_err(|error| Trouble::new(format!("a request ended badly: {error}")))?;
            replies.push((place, reply?));
        }
        replies.sort_by_key(|(place, _)| *place);
        Ok(replies.into_iter().map(|(_, reply)| reply).collect())
    }

    /// Sends a request and goes on; [`Pending::reply`] has the answer. For what must be under way
    /// while something else happens.
    ///
    /// # Errors
    /// When requests or time are used up.
    pub fn begin(&mut self, ask: Ask) -> Result<Pending, Trouble> {
        self.spend(1)?;
        let (client, site, address, until) = (self.client.clone(), self.site.clone(), self.address.clone(), self.until);
        Ok(Pending(tokio::spawn(async move { ask.go(&client, &site, address.as_deref(), until).await })))
    }

    /// Asks until the answer is as wanted, or the time is up; the last answer. Nothing is written
    /// into the transcript.
    ///
    /// # Errors
    /// As for [`Rig::send`], but a service that does not answer is asked again.
    pub async fn until(
        &mut self,
        limit: Duration,
        ask: impl Fn() -> Ask,
        wanted: impl Fn(&Reply) -> bool,
    ) -> Result<Option<Reply>, Trouble> {
        let end = (Instant::now() + limit).min(self.until);
        loop {
            match self.quietly(ask()).await {
                Ok(reply) if wanted(&reply) => return Ok(Some(reply)),
                Err(trouble) if Instant::now() >= end => return Err(trouble),
                Ok(_) if Instant::now() >= end => return Ok(None),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// A connection to write bytes to that no well-behaved client would send.
    ///
    /// # Errors
    /// When nobody listens, or requests or time are used up.
    pub async fn wire(&mut self) -> Result<Wire, Trouble> {
        self.spend(1)?;
        Wire::open(&self.site.base, self.until).await
    }

    /// The `Host` header and the forwarded address that a request written by hand needs.
    pub fn heading(&self) -> String {
        let forwarded = self.address.as_ref().map_or_else(String::new, |address| format!("X-Forwarded-For: {address}\r\n"));
        format!("Host: {}\r\nUser-Agent: {}\r\n{forwarded}", self.site.authority(), ask::AGENT)
    }

    /// Pretends to be at another address from now on, where the service believes us.
    pub fn move_to(&mut self, address: &str) {
        if self.ground.believed {
            self.address = Some(address.to_owned());
        }
    }

    /// The address that requests seem to come from, where the service believes us.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// A private instance of the service with further settings (`("server.body_timeout", "1s")`).
    /// It ends when it is dropped.
    ///
    /// # Errors
    /// When copies were not granted, or it does not start.
    pub async fn copy(&mut self, settings: &[(&str, &str)]) -> Result<Copy, Trouble> {
        let ground = self.ground.clone();
        let stage = ground.stage.as_ref().ok_or_else(|| Trouble::new("private copies were not granted"))?;
        stage.start(settings).await
    }

    /// The foreign service that stands behind the instance under test, below `/mounted`; below
    /// `/mounted/open` it is open to everybody, below `/mounted/editors` to editors, below
    /// `/mounted/closed` to nobody. All probes share it: use a key of your own.
    ///
    /// # Errors
    /// When the service under test has no foreign service of the prober's behind it.
    pub fn service(&self) -> Result<Arc<Service>, Trouble> {
        self.ground.service.clone().ok_or_else(|| Trouble::new("no service of the prober's is mounted there"))
    }

    /// A private instance with a foreign service of its own below `/mounted`, to be refused, cut
    /// and made sick without anybody else's notice.
    ///
    /// # Errors
    /// As for [`Rig::copy`].
    pub async fn copy_with_service(&mut self, settings: &[(&str, &str)]) -> Result<(Copy, Arc<Service>), Trouble> {
        let service = Arc::new(Service::start().await?);
        let copy = self.copy_before(&service, settings).await?;
        Ok((copy, service))
    }

    /// A private instance with this foreign service below `/mounted`, for services that have to be
    /// told something before the instance starts.
    ///
    /// # Errors
    /// As for [`Rig::copy`].
    pub async fn copy_before(&mut self, service: &Service, settings: &[(&str, &str)]) -> Result<Copy, Trouble> {
        let mounts = mounts(service);
        let mounted = [("service.mounts", mounts.as_str())];
        self.copy(&[&mounted, settings].concat()).await
    }

    /// Works on that instance from now on: requests go to it, tenants are made in it.
    pub fn turn_to(&mut self, copy: &Copy) {
        self.site = copy.site().clone();
    }

    /// Time that is left for this probe.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    fn spend(&mut self, requests: u32) -> Result<(), Trouble> {
        self.spent = self.spent.saturating_add(requests);
        if self.spent > REQUESTS {
            return Err(Trouble::new(format!("the probe used up its {REQUESTS} requests")));
        }
        if Instant::now() >= self.until {
            return Err(Trouble::new("the probe used up its time".to_owned()));
        }
        Ok(())
    }

    /// Removes what the probe made. What cannot be removed is told.
    pub async fn tidy(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        if let Some(operator) = &self.ground.operator {
            for slug in self.tenants.drain(..) {
                if let Err(why) = operator.remove(&slug).await {
                    left.push(format!("the scratch tenant `{slug}` could not be removed: {why}"));
                }
            }
        }
        left
    }
}

/// The value of `service.mounts` that puts a service where probes look for it.
pub fn mounts(service: &Service) -> String {
    format!("{{ \"/mounted\" = \"{}\" }}", service.base)
}
