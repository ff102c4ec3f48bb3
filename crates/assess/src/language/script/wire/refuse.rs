//! Whom the things before a route turn away, and with which status.

use std::collections::BTreeSet;

use super::{Loom, Spot};
use crate::{
    fact::{Fact, Kind},
    language::graph::Layer,
};

/// What lets nobody pass who did not say who they are.
const KNOWN: &[&str] = &[
    "@nestjs/passport.AuthGuard",
    "express-jwt",
    "express-jwt.expressjwt",
    "passport.authenticate",
    "koa-passport.authenticate",
    "koa-jwt",
    "express-basic-auth",
    "express-openid-connect.requiresAuth",
    "express-oauth2-jwt-bearer.auth",
    "connect-ensure-login.ensureLoggedIn",
    "hono/jwt.jwt",
    "hono/bearer-auth.bearerAuth",
    "hono/basic-auth.basicAuth",
    "next-auth/middleware",
    "next-auth/middleware.withAuth",
    "request.jwtVerify",
    "req.jwtVerify",
    "fastify.authenticate",
    "keycloak-connect.protect",
    "supertokens-node/recipe/session/framework/express.verifySession",
];

/// What answers 429.
const LIMITS: &[&str] = &[
    "express-rate-limit",
    "express-slow-down",
    "@nestjs/throttler.ThrottlerGuard",
    "@fastify/rate-limit",
    "koa-ratelimit",
    "hono-rate-limiter.rateLimiter",
];

/// What the name of a failure holds that is thrown at somebody who is not known.
const NOT_KNOWN: &[&str] = &[
    "unauthorized",
    "unauthorised",
    "unauthenticated",
    "notlogged",
    "notsignedin",
    "notauthenticated",
    "authenticationerror",
    "authenticationexception",
    "authenticationrequired",
    "authrequired",
    "loginrequired",
    "autherror",
    "invalidtoken",
    "missingtoken",
    "invalidapikey",
    "invalidsession",
];

/// And at somebody who is known.
const NOT_ALLOWED: &[&str] = &["forbidden", "accessdenied", "permissiondenied", "notadmin", "notallowed", "authorizationerror"];

/// The status that a call or throw answers with, where it turns somebody away.
fn refusal(fact: &Fact) -> Option<&'static str> {
    let lower = fact.name.to_lowercase();
    let last = lower.rsplit('.').next().unwrap_or("");
    for (words, status) in [
        (["unauthorized", "notauthenticated"], "401"),
        (["forbidden", "accessdenied"], "403"),
        (["toomanyrequests", "ratelimitexceeded"], "429"),
    ] {
        if words.iter().any(|word| last.starts_with(word)) {
            return Some(status);
        }
    }
    if last.ends_with("error") || last.ends_with("exception") {
        // Classes of our own, by what they say.
        let says = |words: &[&str]| words.iter().any(|word| last.contains(word));
        if says(NOT_KNOWN) {
            return Some("401");
        }
        if says(NOT_ALLOWED) {
            return Some("403");
        }
    }
    let answers = fact.kind == Kind::Raise
        || matches!(
            last,
            "status" | "sendstatus" | "writehead" | "code" | "throw" | "json" | "redirect" | "createerror" | "response" | "text"
        )
        || last.ends_with("error")
        || last.ends_with("exception");
    if !answers {
        return None;
    }
    let given =
        fact.attrs.iter().filter(|(key, _)| key.parse::<u8>().is_ok_and(|number| number < 3) || key.contains("status") || key == "code");
    for (_, value) in given {
        let value = value.to_uppercase();
        let named = |word: &str| value.ends_with(word) && value.len() < 60;
        if value == "401" || named(".UNAUTHORIZED") {
            return Some("401");
        }
        if value == "403" || named(".FORBIDDEN") {
            return Some("403");
        }
        if value == "429" || named(".TOO_MANY_REQUESTS") {
            return Some("429");
        }
    }
    None
}

impl Loom<'_> {
    /// What a definition and its own functions called in it, or named in it, turn callers away with.
    fn refusals(&self, spot: Spot, depth: u32) -> (bool, BTreeSet<&'static str>) {
        let (mut known, mut found, mut seen, mut open) = (false, BTreeSet::new(), BTreeSet::new(), vec![(spot, depth)]);
        while let Some((spot, depth)) = open.pop() {
            if !seen.insert(spot) || seen.len() > 60 {
                continue;
            }
            let Some(extract) = self.linker.extract(spot.0) else { continue };
            for fact in extract.facts.iter().filter(|fact| fact.symbol == spot.1) {
                match fact.kind {
                    Kind::Call | Kind::Raise => {
                        found.extend(refusal(fact));
                        known |= fact.kind == Kind::Call && KNOWN.contains(&fact.name.as_str());
                    }
                    Kind::Def => known |= fact.all("base").any(|base| KNOWN.contains(&base)),
                    _ => {}
                }
            }
            // Functions and methods in it.
            for (number, symbol) in extract.symbols.iter().enumerate().skip(1) {
                if symbol.parent == spot.1 && spot.1 != 0 {
                    open.push(((spot.0, u32::try_from(number).unwrap_or(0)), depth));
                }
            }
            if depth > 0 {
                for used in extract.uses.iter().filter(|used| used.symbol == spot.1) {
                    if let Some(next) = self.linker.within(spot.0, &used.path, 0)
                        && let Some(symbol) = next.symbol
                    {
                        open.push(((next.file, symbol), depth - 1));
                    }
                }
            }
        }
        (known, found)
    }

    /// Whether these let only those pass who are known, and the answers to all others.
    pub(super) fn turned_away(&self, file: usize, guards: &[Layer]) -> (bool, BTreeSet<&'static str>) {
        let (mut auth, mut rejects) = (false, BTreeSet::new());
        for guard in guards {
            if KNOWN.contains(&guard.name.as_str()) {
                auth = true;
                rejects.insert("401");
            }
            if LIMITS.contains(&guard.name.as_str()) {
                rejects.insert("429");
            }
            let inner = guard.attrs.iter().filter(|(key, _)| key == "calls");
            if inner.clone().any(|(_, call)| KNOWN.contains(&call.as_str())) {
                auth = true;
                rejects.insert("401");
            }
            let spot = self.spots.get(&guard.name).copied().or_else(|| {
                let found = self.linker.find(file, &guard.name)?;
                Some((found.file, found.symbol?))
            });
            if let Some(spot) = spot {
                let (known, found) = self.refusals(spot, 1);
                auth |= known || found.contains("401") || found.contains("403");
                if known {
                    rejects.insert("401");
                }
                rejects.extend(found);
            }
        }
        (auth, rejects)
    }

    /// Whether a handler asks for the session by itself and turns away who has none.
    pub(super) fn asks_itself(&self, spot: Spot) -> bool {
        let asks = self.called(spot, 0).iter().any(|call| {
            let last = call.rsplit('.').next().unwrap_or("");
            matches!(
                last,
                "getServerSession"
                    | "auth"
                    | "getSession"
                    | "getToken"
                    | "currentUser"
                    | "getUser"
                    | "validateRequest"
                    | "requireUser"
                    | "getCurrentUser"
            )
        });
        asks && self.refusals(spot, 0).1.iter().any(|status| *status == "401" || *status == "403")
    }
}
