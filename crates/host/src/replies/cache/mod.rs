//! The response cache: answers of mounted services that are given again without asking.
//!
//! It is a shared cache as RFC 9111 describes it, and keeps only what the service declares as
//! cacheable or a rule of the operator grants. Heuristics are off. What it promises besides:
//! nobody gets what was made for somebody else (a key holds host, path, query, tenant and person,
//! and every header that the service named in `Vary`); a body is kept only once it has arrived
//! whole; memory is bounded; of identical requests that find nothing one goes and the others wait
//! a bounded time; where the service fails, an answer that is no longer fresh stands in for it and
//! says so. What it does not: it cannot know that a service uses a header it does not name in
//! `Vary`. Headers that name another resource or host are the exception: a request that carries
//! one passes the cache by.
//!
//! With a shared server ([`Shared`]) the shelf of this process is the first tier and the server
//! the second; a server that is away only means fewer hits.

pub mod config;
pub mod control;
pub mod entry;
pub mod fill;
pub mod flight;
pub mod key;
mod layer;
pub mod metrics;
pub mod purge;
pub mod routes;
pub mod second;
pub mod shelf;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use http::{HeaderName, Request, Response, StatusCode, header};
use hyper::body::Body as _;
use plimsoll_core::{Clock, Code, Error, Result, Seed, Time};

pub use self::layer::{around, wants};
use self::{
    config::{CacheConfig, Granted},
    entry::{Mark, Stored, Terms, has_validator, keepable, take_tags},
    fill::Fill,
    flight::{Flights, Landing, Leader, Part},
    key::{Asked, Key, shelf_mark},
    metrics::{Outcome, Tally},
    purge::{Purge, Purges, What},
    second::{News, Second},
    shelf::{Found, Shelf},
};
use crate::{
    Body,
    shared::{Lost, Shared},
    stack::Boxed,
};

/// How often the shared list of purges is read.
const FOLLOWED: Duration = Duration::from_millis(250);

/// Every kept answer, and what is under way to become one.
pub struct Cache {
    config: CacheConfig,
    rules: Granted,
    shelf: Shelf,
    flights: Arc<Flights>,
    purges: Purges,
    second: Option<Second>,
    tally: Tally,
    clock: Clock,
}

/// What stands below the cache: the service, or a stand-in for tests.
pub(crate) trait Below<'a>: Send {
    /// Asks now, in the caller's place.
    fn ask(self, request: Request<Body>) -> Boxed<'a, Result<Response<Body>>>;
    /// Asks behind the caller's back; works on when the caller has left.
    fn later(&self, request: Request<Body>) -> Boxed<'static, Result<Response<Body>>>;
}

/// A kept answer and where it lies.
type Met = Option<(Key, Arc<Stored>)>;

impl Cache {
    /// What the section says.
    ///
    /// # Errors
    /// `ConfigInvalid` for a rule that cannot be read.
    pub fn new(config: &CacheConfig, shared: Option<Arc<Shared>>, clock: Clock, seed: &Seed) -> Result<Arc<Cache>> {
        Ok(Arc::new(Cache {
            rules: Granted::read(&config.rules)?,
            shelf: Shelf::new(config.size.length()),
            flights: Arc::default(),
            purges: Purges::default(),
            second: shared.map(|shared| Second::new(shared, seed.clone())),
            tally: Tally::default(),
            config: config.clone(),
            clock,
        }))
    }

    /// Whether answers are kept.
    pub fn is_on(&self) -> bool {
        self.config.enabled
    }
    /// The largest body that is kept, in bytes.
    pub fn largest(&self) -> usize {
        self.config.largest.length()
    }

    /// Follows the shared list of purges for as long as the value lives; does nothing without one.
    pub fn follow(self: &Arc<Cache>) {
        if self.second.is_some() && self.is_on() {
            tokio::spawn(follow(Arc::downgrade(self)));
        }
    }

    /// What is known of purges, before the service is asked.
    fn mark(&self) -> Mark {
        Mark { own: self.purges.number(), shared: self.second.as_ref().and_then(Second::mark) }
    }

    /// The answer that lies in this process.
    fn near(&self, asked: &Asked) -> Met {
        let path = shelf_mark(&asked.host, &asked.path);
        asked.scopes().find_map(|scope| {
            let base = asked.base(scope);
            match self.shelf.get(path, &base)? {
                Found::Answer(stored) => Some((base, stored)),
                Found::Names(names) => {
                    let key = asked.variant(base, &names);
                    match self.shelf.get(path, &key)? {
                        Found::Answer(stored) => Some((key, stored)),
                        Found::Names(_) => None,
                    }
                }
            }
        })
    }

    /// The answer that lies here, or on the shared server if that one is better.
    async fn look(&self, asked: &Asked) -> Met {
        let near = self.near(asked);
        let now = self.clock.now();
        let Some(second) = self.second.as_ref().filter(|_| near.as_ref().is_none_or(|(_, stored)| !stored.is_fresh(now))) else {
            return near;
        };
        match second.look(asked).await {
            Ok(Some((key, stored, names))) if near.as_ref().is_none_or(|(_, near)| near.at < stored.at) => {
                self.tally.second_hit();
                let path = shelf_mark(&stored.host, &stored.path);
                if let Some(names) = names {
                    self.shelf.put(path, stored.base, Found::Names(names));
                }
                self.shelf.put(path, key, Found::Answer(stored.clone()));
                Some((key, stored))
            }
            _ => near,
        }
    }

    /// Puts an answer on the shelf, unless it was purged while it was on its way.
    fn keep(self: &Arc<Cache>, key: Key, stored: Stored, names: Vec<HeaderName>) {
        if !self.purges.spares(&stored, stored.mark.own) {
            return;
        }
        let (path, stored) = (shelf_mark(&stored.host, &stored.path), Arc::new(stored));
        if key != stored.base {
            self.shelf.put(path, stored.base, Found::Names(Arc::new(names.clone())));
        }
        self.shelf.put(path, key, Found::Answer(stored.clone()));
        self.tally.stored();
        // Between the look above and the shelf somebody may have purged.
        if !self.purges.spares(&stored, stored.mark.own) {
            self.shelf.drop_path(path, |other| other.base == stored.base);
            return;
        }
        if self.second.is_some() {
            let cache = self.clone();
            tokio::spawn(async move {
                if let Some(second) = &cache.second {
                    let _ = second.keep(&key, &stored, &names).await;
                    // Purged while it was being written.
                    if !cache.purges.spares(&stored, stored.mark.own) {
                        let _ = second.forget(&key).await;
                    }
                }
            });
        }
    }

    /// Takes answers out, here and, where there is a shared server, for everybody. Says how many
    /// lay here, and whether everybody will know.
    pub async fn purge(&self, purge: Purge) -> (usize, bool) {
        let dropped = self.drop_local(&purge);
        let reached = match &self.second {
            // What is read of the list here must hold at once what was just put there.
            Some(second) => second.add(&purge).await.is_ok() && self.catch_up().await.is_ok(),
            None => false,
        };
        (dropped, reached)
    }

    fn drop_local(&self, purge: &Purge) -> usize {
        self.purges.note(purge.clone());
        let dropped = match &purge.what {
            What::Path(path, Some(host)) => self.shelf.drop_path(shelf_mark(host, path), |stored| purge.takes(stored)),
            _ => self.shelf.drop_all(|stored| purge.takes(stored)),
        };
        self.tally.purged(dropped);
        dropped
    }

    /// Reads what is new on the shared list, and takes out what it says.
    async fn catch_up(&self) -> Result<(), Lost> {
        let Some(second) = &self.second else { return Ok(()) };
        match second.follow().await? {
            News::Everything => drop(self.shelf.drop_all(|_| true)),
            News::Purges(purges) => {
                for (number, purge) in purges {
                    let before = |stored: &Stored| stored.mark.shared.is_none_or(|(_, known)| known < number) && purge.takes(stored);
                    match &purge.what {
                        What::Path(path, Some(host)) => self.shelf.drop_path(shelf_mark(host, path), before),
                        _ => self.shelf.drop_all(before),
                    };
                }
            }
        }
        Ok(())
    }

    /// A request that may have changed something at `path` was not refused (RFC 9111 §4.4).
    pub async fn changed(&self, host: &str, path: &str) {
        self.purge(Purge { what: What::Path(path.to_owned(), Some(host.to_owned())), tenant: None }).await;
    }
}

async fn follow(cache: Weak<Cache>) {
    let mut lost = false;
    loop {
        {
            let Some(cache) = cache.upgrade() else { return };
            match cache.catch_up().await {
                Ok(()) if std::mem::take(&mut lost) => {
                    // Kept while nobody could say what others had changed.
                    cache.shelf.drop_all(|stored| stored.mark.shared.is_none());
                }
                Ok(()) => {}
                Err(Lost) => lost = true,
            }
        }
        tokio::time::sleep(FOLLOWED).await;
    }
}

/// Whether a failure is one that an older answer may stand in for.
fn may_stand_in(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::UpstreamUnreachable | Code::UpstreamFailed | Code::UpstreamTimeout | Code::CircuitOpen | Code::ServiceStarting
    )
}

fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// Answers a request from the shelf, or from below.
pub(crate) async fn answer<'a>(cache: &Arc<Cache>, asked: Asked, request: Request<Body>, below: impl Below<'a>) -> Result<Response<Body>> {
    let until = Instant::now() + cache.config.wait.duration();
    // The side that will answer was chosen before this moment; what is purged from now on is of it.
    let known = cache.purges.number();
    let (mut collapsed, mut waited) = (false, false);
    let (met, leader) = loop {
        let met = cache.look(&asked).await;
        let now = cache.clock.now();
        if let Some((_, stored)) = &met {
            if suits(&asked, stored, now, collapsed) {
                cache.tally.answered(if collapsed { Outcome::Collapsed } else { Outcome::Hit });
                return Ok(hit(stored, &asked, now, collapsed.then_some("collapsed")));
            }
            if stands_while_renewing(&asked, stored, now) {
                if let Part::Leader(leader) = cache.flights.join(asked.flight()) {
                    renew_behind(cache, &asked, stored.clone(), leader, &request, &below);
                }
                cache.tally.answered(Outcome::Stale);
                return Ok(hit(stored, &asked, now, Some("stale-while-revalidate")));
            }
        }
        if asked.control.only_if_cached {
            cache.tally.answered(Outcome::Miss);
            return Err(Code::NotCached.because("the request asks for a kept answer only, and there is none that is fresh"));
        }
        // A HEAD keeps nothing that others could wait for; nor does what must not be kept.
        if asked.head || asked.control.no_store || waited {
            break (met, None);
        }
        match cache.flights.join(asked.flight()) {
            Part::Alone => break (met, None),
            Part::Leader(leader) => match cache.near(&asked).filter(|(_, stored)| suits(&asked, stored, cache.clock.now(), collapsed)) {
                // Somebody was quicker between the look and the flight.
                Some((_, stored)) => {
                    leader.kept();
                    cache.tally.answered(Outcome::Hit);
                    return Ok(hit(&stored, &asked, cache.clock.now(), None));
                }
                None => break (met, Some(leader)),
            },
            Part::Follower(flight) => match flight::wait(flight, until).await {
                Landing::Kept => (collapsed, waited) = (true, true),
                Landing::Failed if Instant::now() < until => {}
                Landing::Failed | Landing::Alone | Landing::Flying => break (met, None),
            },
        }
    };
    let mut request = request;
    let asks = met.as_ref().is_some_and(|(_, stored)| !asked.head && has_validator(&stored.headers));
    if let Some((_, stored)) = met.as_ref().filter(|_| asks) {
        stored.ask_about(request.headers_mut());
    }
    let (mark, began) = (Mark { own: known, ..cache.mark() }, Instant::now());
    let answered = below.ask(request).await;
    let settled = Settling { cache, asked: &asked, met, asks, mark, waited: began.elapsed() };
    settled.settle(answered, leader)
}

/// Whether a kept answer can be given as it is (RFC 9111 §4.2 and §5.2.1).
fn suits(asked: &Asked, stored: &Stored, now: Time, collapsed: bool) -> bool {
    let control = &asked.control;
    // What has come back while this request waited was checked with the service just now.
    (collapsed || !control.no_cache)
        && stored.is_fresh(now)
        && control.max_age.is_none_or(|most| collapsed || stored.age(now) <= most)
        && control.min_fresh.is_none_or(|least| stored.left(now) >= least)
}

fn stands_while_renewing(asked: &Asked, stored: &Stored, now: Time) -> bool {
    let control = &asked.control;
    let wants = !control.no_cache && control.max_age.is_none() && control.min_fresh.is_none() && !control.no_store;
    wants && !stored.terms.while_revalidate.is_zero() && !stored.is_fresh(now) && stored.stale_for(now) < stored.terms.while_revalidate
}

fn stands_in(stored: &Stored, now: Time) -> bool {
    stored.is_fresh(now) || (!stored.terms.if_error.is_zero() && stored.stale_for(now) < stored.terms.if_error)
}

fn hit(stored: &Stored, asked: &Asked, now: Time, detail: Option<&str>) -> Response<Body> {
    let mut answer = stored.answer(asked, now);
    let left =
        i64::try_from(stored.terms.fresh.as_secs()).unwrap_or(i64::MAX) - i64::try_from(stored.age(now).as_secs()).unwrap_or(i64::MAX);
    let detail = detail.map_or_else(String::new, |detail| format!("; detail={detail}"));
    status(&mut answer, &format!("hit; ttl={left}{detail}"));
    answer
}

/// Says on the answer what the cache did (RFC 9211).
pub(crate) fn status(answer: &mut Response<Body>, what: &str) {
    if let Ok(value) = format!("Plimsoll; {what}").parse() {
        answer.headers_mut().append("cache-status", value);
    }
}

/// Fetches a new answer while the old one is given.
fn renew_behind<'a>(
    cache: &Arc<Cache>,
    asked: &Asked,
    stored: Arc<Stored>,
    leader: Leader,
    request: &Request<Body>,
    below: &impl Below<'a>,
) {
    let mut again = Request::new(Body::empty());
    *again.method_mut() = http::Method::GET;
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    again.headers_mut().remove(header::IF_NONE_MATCH);
    again.headers_mut().remove(header::IF_MODIFIED_SINCE);
    let asks = has_validator(&stored.headers);
    if asks {
        stored.ask_about(again.headers_mut());
    }
    let (cache, mut asked) = (cache.clone(), asked.clone());
    // Fetched for everybody, whatever the one wanted who came first.
    asked.head = false;
    let (fetching, mark, began) = (below.later(again), cache.mark(), Instant::now());
    tokio::spawn(async move {
        let answered = fetching.await;
        let met = Some((asked.base(stored.scope), stored));
        let settling = Settling { cache: &cache, asked: &asked, met, asks, mark, waited: began.elapsed() };
        let Ok(answer) = settling.settle(answered, Some(leader)) else { return };
        let mut body = answer.into_body();
        while let Some(Ok(_)) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await {}
    });
}

/// What is known when the service has answered.
struct Settling<'s> {
    cache: &'s Arc<Cache>,
    asked: &'s Asked,
    met: Met,
    asks: bool,
    mark: Mark,
    waited: Duration,
}

impl Settling<'_> {
    fn settle(mut self, answered: Result<Response<Body>>, leader: Option<Leader>) -> Result<Response<Body>> {
        let now = self.cache.clock.now();
        let old = self.met.take();
        let spare = old.as_ref().filter(|(_, stored)| stands_in(stored, now));
        let answer = match (answered, spare) {
            (Err(error), Some((_, stored))) if may_stand_in(&error) => {
                leader.into_iter().for_each(Leader::release);
                return Ok(self.stand_in(stored, now));
            }
            (Ok(answer), Some((_, stored))) if is_failure(answer.status()) => {
                leader.into_iter().for_each(Leader::release);
                return Ok(self.stand_in(stored, now));
            }
            (Err(error), _) => return Err(error),
            (Ok(answer), _) => answer,
        };
        match old {
            Some((key, stored)) if self.asks && answer.status() == StatusCode::NOT_MODIFIED => {
                Ok(self.confirmed(key, &stored, answer, now, leader))
            }
            old => Ok(self.replaced(old, answer, now, leader)),
        }
    }

    fn stand_in(&self, stored: &Stored, now: Time) -> Response<Body> {
        self.cache.tally.answered(Outcome::StaleOnError);
        let mut answer = hit(stored, self.asked, now, Some("stale-if-error"));
        entry::degraded(&mut answer, "stale");
        answer
    }

    /// The service said that the old answer still holds (RFC 9111 §4.3.4).
    fn confirmed(&self, key: Key, stored: &Arc<Stored>, answer: Response<Body>, now: Time, leader: Option<Leader>) -> Response<Body> {
        let mut told = answer.into_parts().0;
        let _ = take_tags(&mut told.headers);
        let keep = Terms { age: Duration::ZERO, ..stored.terms.clone() };
        let mut renewed = stored.renewed(&told.headers, keep, now, self.mark);
        // The new head may allow more, or less, than the old one.
        let mut head = Response::new(()).into_parts().0;
        head.status = renewed.status;
        head.headers = renewed.headers.clone();
        let grant = self.cache.rules.of(&self.asked.path);
        let tags = Some(renewed.tags.clone());
        let fit = keepable(self.asked, &head, tags, grant, &self.cache.config, now, self.waited);
        let fit = fit.ok().filter(|fit| fit.scope == renewed.scope);
        let given = if let Some(fit) = fit {
            renewed.terms = fit.terms;
            let given = renewed.answer(self.asked, now);
            self.cache.keep(key, renewed, fit.vary);
            leader.into_iter().for_each(Leader::kept);
            given
        } else {
            let given = renewed.answer(self.asked, now);
            self.forget(&key, stored);
            leader.into_iter().for_each(Leader::alone);
            given
        };
        self.cache.tally.answered(Outcome::Revalidated);
        let mut given = given;
        status(&mut given, "fwd=stale; fwd-status=304");
        given
    }

    /// A new answer, kept on its way if it may be.
    fn replaced(&self, old: Met, answer: Response<Body>, now: Time, leader: Option<Leader>) -> Response<Body> {
        let (cache, asked) = (self.cache, self.asked);
        let (mut parts, body) = answer.into_parts();
        let tags = take_tags(&mut parts.headers);
        let forward = if old.is_some() {
            "stale"
        } else if asked.control.no_cache {
            "request"
        } else {
            "miss"
        };
        let code = parts.status.as_u16();
        cache.tally.answered(Outcome::Miss);
        let transient = parts.status == StatusCode::NOT_MODIFIED || is_failure(parts.status) || asked.control.no_store || asked.head;
        let fit = keepable(asked, &parts, tags, cache.rules.of(&asked.path), &cache.config, now, self.waited);
        let announced = body.size_hint().exact();
        let fit = fit.and_then(|fit| if announced.is_some_and(|length| length > cache.largest() as u64) { Err("size") } else { Ok(fit) });
        let (body, kept) = match fit {
            Err(why) => {
                // What the service has taken back must not stand in for it later.
                if let Some((key, stored)) = old.filter(|_| !transient) {
                    self.forget(&key, &stored);
                }
                leader.into_iter().for_each(if transient { Leader::release } else { Leader::alone });
                (body, format!("; detail={why}"))
            }
            Ok(fit) => {
                let base = asked.base(fit.scope);
                // One that is for others now would be found first.
                if let Some((key, stored)) = old.filter(|(_, stored)| stored.base != base) {
                    self.forget(&key, &stored);
                }
                let key = if fit.vary.is_empty() { base } else { asked.variant(base, &fit.vary) };
                let (host, path, status, headers) = (asked.host.clone(), asked.path.clone(), parts.status, parts.headers.clone());
                let mark = self.mark;
                let keep = Box::new(move |cache: &Arc<Cache>, body| {
                    let stored = Stored {
                        host,
                        path,
                        scope: fit.scope,
                        base,
                        tags: fit.tags,
                        status,
                        headers,
                        body,
                        at: now,
                        terms: fit.terms,
                        mark,
                    };
                    cache.keep(key, stored, fit.vary);
                });
                (Body::stream(Fill::new(cache.clone(), body, announced, keep, leader)), "; stored".to_owned())
            }
        };
        let mut answer = Response::from_parts(parts, body);
        status(&mut answer, &format!("fwd={forward}; fwd-status={code}{kept}"));
        answer
    }

    fn forget(&self, key: &Key, stored: &Arc<Stored>) {
        let path = shelf_mark(&stored.host, &stored.path);
        self.cache.shelf.drop_path(path, |other| std::ptr::eq(other, Arc::as_ptr(stored)));
        if self.cache.second.is_some() {
            let (cache, key) = (self.cache.clone(), *key);
            tokio::spawn(async move {
                if let Some(second) = &cache.second {
                    let _ = second.forget(&key).await;
                }
            });
        }
    }
}
