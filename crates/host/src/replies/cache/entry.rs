//! One kept answer: may it be kept, for whom, how long is it good, and what is it as an answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header, response::Parts};
use plimsoll_core::Time;

use super::{
    config::{CacheConfig, Sharing},
    control::{Control, seconds},
    key::{Asked, Key, Scope, Who},
};
use crate::Body;

/// Statuses that are kept where the service says how long (RFC 9110 §15.1, without those that
/// depend on a range, a precondition or a method).
const KEPT: [u16; 11] = [200, 203, 300, 301, 302, 307, 308, 404, 405, 410, 414];
/// Headers by which a service says what an answer is about; for the cache, not for the caller.
pub const TAGS: [HeaderName; 2] = [HeaderName::from_static("cache-tag"), HeaderName::from_static("surrogate-key")];
/// Most tags of one answer; further ones are not read, and such an answer is not kept.
const MOST_TAGS: usize = 64;

/// When an entry was begun, on the two counts of purges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// Purges of this process.
    pub own: u64,
    /// Life and count of the shared list of purges; nothing without a shared server.
    pub shared: Option<(u64, u64)>,
}

/// What decides how an answer may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How old it was when it was kept.
    pub age: Duration,
    /// How long from its making it is fresh.
    pub fresh: Duration,
    /// How long after that it may be given while a new one is fetched.
    pub while_revalidate: Duration,
    /// How long after that it may stand in for a failing service.
    pub if_error: Duration,
}

/// A kept answer.
#[derive(Debug)]
pub struct Stored {
    /// Host, path and query it answers.
    pub host: String,
    /// See `host`.
    pub path: String,
    /// For whom it is.
    pub scope: Scope,
    /// Under which key without `Vary` it lies.
    pub base: Key,
    /// What the service said it is about.
    pub tags: Vec<String>,
    /// Its status.
    pub status: StatusCode,
    /// Its headers, without those of one connection.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
    /// When it arrived.
    pub at: Time,
    /// How long it is good.
    pub terms: Terms,
    /// Purges that were known when it was asked for.
    pub mark: Mark,
}

/// An answer that may be kept once its body has arrived whole.
#[derive(Debug)]
pub struct Keepable {
    /// For whom.
    pub scope: Scope,
    /// The request's headers on which it depends.
    pub vary: Vec<HeaderName>,
    /// How long it is good.
    pub terms: Terms,
    /// What it is about.
    pub tags: Vec<String>,
}

/// Takes the tags off an answer; `None` where there are too many to keep it findable.
pub fn take_tags(headers: &mut HeaderMap) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    for name in &TAGS {
        for value in headers.get_all(name) {
            tags.extend(value.to_str().ok()?.split([',', ' ']).map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned));
        }
        headers.remove(name);
    }
    (tags.len() <= MOST_TAGS).then_some(tags)
}

/// What a rule of the operator grants to an answer.
pub type Grant = Option<(Duration, Sharing)>;

/// Whether and how an answer may be kept (RFC 9111 §3), or why not, in one word.
pub fn keepable(
    asked: &Asked,
    head: &Parts,
    tags: Option<Vec<String>>,
    grant: Grant,
    config: &CacheConfig,
    now: Time,
    waited: Duration,
) -> Result<Keepable, &'static str> {
    let (headers, control) = (&head.headers, Control::of(&head.headers));
    let tags = tags.ok_or("tags")?;
    let silent = !control.said && !headers.contains_key(header::EXPIRES) && !headers.contains_key(header::PRAGMA);
    let granted = grant.filter(|_| silent);
    if asked.head || !KEPT.contains(&head.status.as_u16()) {
        return Err("status");
    }
    if control.no_store || asked.control.no_store {
        return Err("no-store");
    }
    if control.private {
        return Err("private");
    }
    if headers.contains_key(header::SET_COOKIE) {
        return Err("set-cookie");
    }
    if headers.contains_key(header::CONTENT_RANGE) || headers.contains_key(header::TRAILER) {
        return Err("partial");
    }
    let vary = vary(headers).ok_or("vary")?;
    let sharing = granted.map(|(_, sharing)| sharing);
    let scope = scope(asked, &control, sharing, config.personal).ok_or("credential")?;
    let fresh = match (control.s_maxage, control.max_age, granted) {
        _ if control.no_cache => Some(Duration::ZERO),
        (Some(shared), _, _) => Some(shared),
        (None, Some(own), _) => Some(own),
        (None, None, Some((granted, _))) => Some(granted),
        (None, None, None) => expires(headers, now),
    };
    // Heuristics are off: who says nothing has not said yes (RFC 9111 §4.2.2 would let us guess).
    let fresh = fresh.ok_or("no-freshness")?.min(config.longest.duration());
    let strict = control.must_revalidate || control.no_cache || control.s_maxage.is_some();
    let or = |said: Option<Duration>, usual: Duration| {
        if control.must_revalidate || control.no_cache {
            Duration::ZERO
        } else {
            said.unwrap_or(if strict { Duration::ZERO } else { usual })
        }
    };
    let terms = Terms {
        age: initial_age(headers, now, waited),
        fresh,
        while_revalidate: or(control.stale_while_revalidate, config.stale_while_revalidate.duration()),
        if_error: or(control.stale_if_error, config.stale_if_error.duration()),
    };
    if terms.fresh <= terms.age && terms.while_revalidate.is_zero() && terms.if_error.is_zero() && !has_validator(headers) {
        return Err("stale");
    }
    Ok(Keepable { scope, vary, terms, tags })
}

/// For whom an answer is (RFC 9111 §3.5, and tenants never share what is not public).
fn scope(asked: &Asked, control: &Control, rule: Option<Sharing>, personal: bool) -> Option<Scope> {
    if control.public || rule == Some(Sharing::Public) {
        return Some(Scope::Public);
    }
    let opened = control.s_maxage.is_some() || control.opens || rule == Some(Sharing::Tenant);
    match asked.who {
        Who::Stranger => Some(Scope::Strangers),
        Who::Known(tenant, _) if opened => Some(Scope::Tenant(tenant)),
        Who::Known(tenant, person) => personal.then_some(Scope::Person(tenant, person)),
        // Somebody, and we cannot tell from whom it must be kept: only what is for everybody.
        Who::Unknown => None,
    }
}

/// The headers that an answer depends on, sorted; nothing where it depends on more than headers.
fn vary(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for value in headers.get_all(header::VARY) {
        for name in value.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| name != "*")?;
            // Different in every request, so nothing could ever be found again.
            if name.as_str() == "x-request-id" || (name.as_str().starts_with("x-plimsoll-") && !TOLD.contains(&name.as_str())) {
                return None;
            }
            names.push(name);
        }
    }
    // Two things that services forget to say, and that would give one caller's form to another.
    let mirrored = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_some_and(|origin| origin != "*");
    names.extend(mirrored.then_some(header::ORIGIN));
    names.extend(headers.contains_key(header::CONTENT_ENCODING).then_some(header::ACCEPT_ENCODING));
    names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    Some(names)
}

/// What the service is told about a caller and may name in `Vary`.
const TOLD: [&str; 3] = ["x-plimsoll-principal", "x-plimsoll-tenant", "x-plimsoll-role"];

/// `Expires` less `Date` (RFC 9111 §4.2.1); what cannot be read is in the past (§5.3).
fn expires(headers: &HeaderMap, now: Time) -> Option<Duration> {
    let expires = headers.get(header::EXPIRES)?;
    let at = expires.to_str().ok().and_then(moment).unwrap_or_default();
    let made = headers.get(header::DATE).and_then(|date| moment(date.to_str().ok()?)).unwrap_or(now);
    Some(at.since(made))
}

/// How old an answer is when it arrives (RFC 9111 §4.2.3).
fn initial_age(headers: &HeaderMap, now: Time, waited: Duration) -> Duration {
    let apparent = headers.get(header::DATE).and_then(|date| moment(date.to_str().ok()?)).map_or(Duration::ZERO, |made| now.since(made));
    let said = headers.get(header::AGE).and_then(|age| age.to_str().ok()).map_or(0, seconds);
    // A date counts whole seconds: what is within one is no age.
    let apparent = if apparent < Duration::from_secs(1) { Duration::ZERO } else { apparent };
    apparent.max(Duration::from_secs(said) + waited)
}

/// A moment as HTTP writes it (RFC 9110 §5.6.7), the one form that may be made.
pub fn moment(text: &str) -> Option<Time> {
    let at = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text.trim()).ok()?;
    Some(Time::from_micros(at.as_microsecond()))
}

/// Whether the service can be asked if an answer still holds.
pub fn has_validator(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED)
}

impl Stored {
    /// How old it is.
    pub fn age(&self, now: Time) -> Duration {
        self.terms.age + now.since(self.at)
    }
    /// How long it is fresh from now on.
    pub fn left(&self, now: Time) -> Duration {
        self.terms.fresh.saturating_sub(self.age(now))
    }
    /// Whether it may be given without asking, as far as the service goes.
    pub fn is_fresh(&self, now: Time) -> bool {
        self.age(now) < self.terms.fresh
    }
    /// How long it has been stale.
    pub fn stale_for(&self, now: Time) -> Duration {
        self.age(now).saturating_sub(self.terms.fresh)
    }
    /// How long it is of any use, from when it was kept: fresh, stale in a pinch, or to be asked about.
    pub fn useful(&self) -> Duration {
        let stale =
            self.terms.if_error.max(self.terms.while_revalidate).max(if has_validator(&self.headers) { ASKABLE } else { Duration::ZERO });
        self.terms.fresh.saturating_sub(self.terms.age) + stale
    }
    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 48).sum();
        let tags: usize = self.tags.iter().map(|tag| tag.len() + 24).sum();
        OVERHEAD + self.host.len() + self.path.len() + headers + tags + self.body.len()
    }

    /// Its like, made good again by a 304 (RFC 9111 §3.2 and §4.3.4).
    pub fn renewed(&self, told: &HeaderMap, terms: Terms, now: Time, mark: Mark) -> Stored {
        let mut headers = self.headers.clone();
        let fixed = [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_TYPE, header::CONTENT_RANGE, header::AGE];
        for name in told.keys().filter(|name| !fixed.contains(name)) {
            headers.remove(name);
            for value in told.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        Stored {
            host: self.host.clone(),
            path: self.path.clone(),
            scope: self.scope,
            base: self.base,
            tags: self.tags.clone(),
            status: self.status,
            headers,
            body: self.body.clone(),
            at: now,
            terms,
            mark,
        }
    }

    /// As an answer to `asked`: whole, without body for HEAD, or 304 where the caller has it (RFC 9110 §13.1).
    pub fn answer(&self, asked: &Asked, now: Time) -> Response<Body> {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = self.status;
        *answer.headers_mut() = self.headers.clone();
        let headers = answer.headers_mut();
        headers.insert(header::AGE, self.age(now).as_secs().into());
        if self.status == StatusCode::OK && self.is_known_to(&asked.headers) {
            headers.remove(header::CONTENT_LENGTH);
            headers.remove(header::CONTENT_TYPE);
            headers.remove(header::CONTENT_ENCODING);
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        } else if asked.head {
            headers.insert(header::CONTENT_LENGTH, self.body.len().into());
        } else {
            headers.remove(header::CONTENT_LENGTH);
            *answer.body_mut() = Body::from(self.body.clone());
        }
        answer
    }

    fn is_known_to(&self, asked: &HeaderMap) -> bool {
        let text = |headers: &HeaderMap, name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if let Some(wanted) = text(asked, header::IF_NONE_MATCH) {
            // Weak comparison (RFC 9110 §13.1.2); a date beside it plays no part.
            let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
            let own = text(&self.headers, header::ETAG).map(|tag| plain(&tag));
            return wanted.trim() == "*" || own.is_some_and(|own| wanted.split(',').any(|one| plain(one) == own));
        }
        let since = text(asked, header::IF_MODIFIED_SINCE).and_then(|at| moment(&at));
        let changed = text(&self.headers, header::LAST_MODIFIED).and_then(|at| moment(&at));
        matches!((changed, since), (Some(changed), Some(since)) if changed <= since)
    }

    /// Makes a request into the question whether this answer still holds (RFC 9111 §4.3.1).
    pub fn ask_about(&self, headers: &mut HeaderMap) {
        headers.remove(header::IF_NONE_MATCH);
        headers.remove(header::IF_MODIFIED_SINCE);
        for (from, to) in [(header::ETAG, header::IF_NONE_MATCH), (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE)] {
            if let Some(value) = self.headers.get(from) {
                headers.insert(to, value.clone());
            }
        }
    }
}

/// How long an answer that can be asked about stays after it is stale.
const ASKABLE: Duration = Duration::from_secs(3600);
/// What an entry costs besides its text.
const OVERHEAD: usize = 512;

/// Marks an answer as one that stood in for something better.
pub fn degraded(answer: &mut Response<Body>, how: &'static str) {
    answer.headers_mut().insert("x-plimsoll-degraded", HeaderValue::from_static(how));
}
