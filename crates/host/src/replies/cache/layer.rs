//! Layer `cache`: what was kept is given again, what comes is kept if it may be.

use http::{Request, Response, header};
use plimsoll_core::{Code, Result};

use super::{
    Below,
    entry::take_tags,
    key::{Asked, Caller, host_of},
    metrics::Outcome,
    status,
};
use crate::{
    Body,
    edge::host::asked_for,
    exchange::Exchange,
    route,
    stack::{Boxed, Next},
};

/// Requests for mounted services, except those that change the protocol.
pub fn wants(x: &Exchange, request: &Request<Body>) -> bool {
    x.host.cache.is_on()
        && x.matched.as_ref().is_some_and(|matched| matched.route.mount.is_some())
        && x.host.holds("cache-ttl-invalidation")
        && !request.headers().contains_key(header::UPGRADE)
}

/// Answers from the cache, or below and into it.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    Box::pin(async move {
        let cache = x.host.cache.clone();
        if !request.method().is_safe() {
            return change(x, request, next).await;
        }
        let caller = Caller { principal: x.principal.as_ref(), address: x.caller, secure: x.secure };
        // What is kept is of the side that is trusted; the other is asked itself, and for this caller only.
        let kept = x.steered.as_ref().is_none_or(|steered| steered.cached);
        match kept.then(|| Asked::of(&caller, &request)).flatten() {
            Some(mut asked) => {
                asked.host = names(x, &request);
                super::answer(&cache, asked, request, Stack { x, next }).await
            }
            None => {
                cache.tally.answered(Outcome::Bypass);
                let mut answer = next.run(x, request).await?;
                let _ = take_tags(answer.headers_mut());
                status(&mut answer, "fwd=bypass");
                Ok(answer)
            }
        }
    })
}

/// A request that may change something: what is kept of its target goes (RFC 9111 §4.4), also
/// where it broke off and nobody knows whether it acted.
async fn change(x: &mut Exchange, request: Request<Body>, next: Next<'_>) -> Result<Response<Body>> {
    let cache = x.host.cache.clone();
    let (host, path) = (names(x, &request), request.uri().path().to_owned());
    let mut answered = next.run(x, request).await;
    match &mut answered {
        Ok(answer) => {
            let _ = take_tags(answer.headers_mut());
            if answer.status().is_success() || answer.status().is_redirection() {
                for named in [header::LOCATION, header::CONTENT_LOCATION] {
                    if let Some(other) = answer.headers().get(named).and_then(|value| same_host(value.to_str().ok()?, &host)) {
                        cache.changed(&host, &other).await;
                    }
                }
                cache.changed(&host, &path).await;
            }
            status(answer, "fwd=method");
        }
        Err(error) if matches!(error.code(), Code::UpstreamFailed | Code::UpstreamTimeout) => cache.changed(&host, &path).await,
        Err(_) => {}
    }
    answered
}

/// The name that the request is for; behind a trusted proxy the one that the caller asked for and
/// then the proxy's own, for the service sees both.
fn names(x: &Exchange, request: &Request<Body>) -> String {
    let own = host_of(request.uri(), request.headers());
    match asked_for(x, request.headers()) {
        Some(asked) => format!("{} {own}", asked.to_ascii_lowercase()),
        None => own,
    }
}

/// The path of an address on the same host: nobody takes out what belongs to another.
fn same_host(address: &str, host: &str) -> Option<String> {
    if address.starts_with('/') && !address.starts_with("//") {
        return Some(address.split(['?', '#']).next().unwrap_or(address).to_owned());
    }
    let uri: http::Uri = address.parse().ok()?;
    let host = host.split(' ').next().unwrap_or(host);
    uri.authority().filter(|authority| authority.as_str().eq_ignore_ascii_case(host)).map(|_| uri.path().to_owned())
}

/// The rest of the stack, for one request.
struct Stack<'a> {
    x: &'a mut Exchange,
    next: Next<'a>,
}

impl<'a> Below<'a> for Stack<'a> {
    fn ask(self, request: Request<Body>) -> Boxed<'a, Result<Response<Body>>> {
        Box::pin(self.next.run(self.x, request))
    }

    fn later(&self, request: Request<Body>) -> Boxed<'static, Result<Response<Body>>> {
        let mut again = Exchange::new(self.x.host.clone(), self.x.peer, self.x.secure, &request);
        again.caller = self.x.caller;
        again.principal = self.x.principal.clone();
        again.cookie_auth = self.x.cookie_auth;
        again.matched = self.x.matched.clone();
        again.trace = self.x.trace;
        again.steered = self.x.steered.clone();
        if let Some(mount) = again.matched.as_ref().and_then(|matched| matched.route.mount.as_ref()) {
            again.deadline = again.started + mount.answer_timeout;
        }
        Box::pin(async move { route::call(&mut again, request).await })
    }
}

#[cfg(test)]
mod tests {
    use super::same_host;

    #[test]
    fn only_addresses_on_the_same_host_are_taken_out() {
        assert_eq!(same_host("/a/1?x#y", "h").as_deref(), Some("/a/1"));
        assert_eq!(same_host("http://H:80/a", "h:80").as_deref(), Some("/a"));
        for other in ["//other/a", "http://other/a", "a", ""] {
            assert_eq!(same_host(other, "h"), None, "{other}");
        }
    }
}
