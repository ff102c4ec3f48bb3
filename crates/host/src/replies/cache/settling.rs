//! What becomes of the service's answer: given, kept, or replaced by an older one.

use std::{sync::Arc, time::Duration};

use http::{Response, StatusCode};
use hyper::body::Body as _;
use plimsoll_core::{Result, Time};

use super::{
    Cache, Met,
    answering::{hit, is_failure, may_stand_in, stands_in, status},
    entry::{self, Mark, Stored, Terms, keepable, take_tags},
    fill::Fill,
    flight::Leader,
    key::{Asked, Key, shelf_mark},
    metrics::Outcome,
};
use crate::Body;

/// What is known when the service has answered.
pub(super) struct Settling<'s> {
    pub(super) cache: &'s Arc<Cache>,
    pub(super) asked: &'s Asked,
    pub(super) met: Met,
    pub(super) asks: bool,
    pub(super) mark: Mark,
    pub(super) waited: Duration,
}

impl Settling<'_> {
    pub(super) fn settle(mut self, answered: Result<Response<Body>>, leader: Option<Leader>) -> Result<Response<Body>> {
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
