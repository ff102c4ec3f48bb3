//! A request at the cache: a kept answer, one that is on its way, or a question to the service.

use std::{sync::Arc, time::Instant};

use http::{Request, Response, StatusCode, header};
use hyper::body::Body as _;
use plimsoll_core::{Code, Error, Result, Time};

use super::{
    Below, Cache,
    entry::{Mark, Stored, has_validator},
    flight::{self, Landing, Leader, Part},
    key::Asked,
    metrics::Outcome,
    settling::Settling,
};
use crate::Body;

/// Whether a failure is one that an older answer may stand in for.
pub(super) fn may_stand_in(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::UpstreamUnreachable | Code::UpstreamFailed | Code::UpstreamTimeout | Code::CircuitOpen | Code::ServiceStarting
    )
}

pub(super) fn is_failure(status: StatusCode) -> bool {
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

pub(super) fn stands_in(stored: &Stored, now: Time) -> bool {
    stored.is_fresh(now) || (!stored.terms.if_error.is_zero() && stored.stale_for(now) < stored.terms.if_error)
}

pub(super) fn hit(stored: &Stored, asked: &Asked, now: Time, detail: Option<&str>) -> Response<Body> {
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
