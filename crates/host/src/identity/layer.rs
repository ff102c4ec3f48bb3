//! Layer `identity`: who, for which tenant, by which credential.
//!
//! A credential that was presented must check out, even where none is needed: whoever sends a bad
//! one has a bug or an intention. Two exceptions: routes that try credentials themselves or end
//! here for everybody (login, setup, pages), and public routes outside `/v1` (health, keys,
//! descriptions), where nothing depends on who asks. There a stale cookie must not lock anyone out.

use http::{HeaderMap, Method, Request, Response, header};
use plimsoll_core::{Access, Code, Error, Principal, Result, Role, TenantId};
use serde_json::json;

use super::{
    resolve::{Enforced, Presented, Refusal},
    session,
};
use crate::{
    Body,
    exchange::Exchange,
    ledger::{Note, Origin},
    route::RouteClass,
    stack::{Boxed, Next},
};

/// Finds out who asks, or refuses.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    let presented = if asks(x) { presented(request.headers(), x.secure) } else { Ok(None) };
    x.cookie_auth = matches!(presented, Ok(Some(Presented::Cookie(_))));
    // A credential seen a moment ago costs neither a future nor a look at the database.
    if let Ok(Some(presented)) = &presented
        && let Some(who) = x.host.identity.remembered(&presented.cache_key(), x.host.clock.now())
    {
        x.principal = Some(who);
        return Box::pin(next.run(x, request));
    }
    Box::pin(async move {
        let identified = match presented {
            Ok(Some(presented)) => identify(x, presented).await,
            Ok(None) => without(x).await,
            Err(error) => Err(refuse(x, "unknown", error.into()).await),
        };
        match identified {
            Ok(who) => x.principal = who,
            Err(error) => {
                x.refused("identity");
                return Err(error);
            }
        }
        next.run(x, request).await
    })
}

/// Whether the matched route cares who asks.
fn asks(x: &Exchange) -> bool {
    x.matched.as_ref().is_some_and(|matched| {
        let route = &matched.route;
        let open = matches!(route.access, Access::Public { .. });
        !(open
            && (route.mount.is_some() || !route.template.starts_with("/v1/") || matches!(route.class, RouteClass::Auth | RouteClass::Page)))
    })
}

/// The credential in the request. `Authorization` wins over the cookie.
pub(super) fn presented(headers: &HeaderMap, secure: bool) -> Result<Option<Presented>> {
    let malformed = || {
        Code::CredentialInvalid
            .because("the `Authorization` header must be one `Bearer` and an access token or API key")
            .reasoned("malformed")
    };
    let mut found = headers.get_all(header::AUTHORIZATION).iter();
    match (found.next(), found.next()) {
        (None, _) => Ok(session::cookie(headers, secure).map(|text| Presented::Cookie(text.to_owned()))),
        (Some(_), Some(_)) => Err(malformed()),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| malformed())?;
            let (scheme, token) = text.split_once(' ').ok_or_else(malformed)?;
            let token = token.trim();
            if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains(char::is_whitespace) {
                return Err(malformed());
            }
            Ok(Some(Presented::Bearer(token.to_owned())))
        }
    }
}

async fn identify(x: &mut Exchange, presented: Presented) -> Result<Option<Principal>> {
    let host = x.host.clone();
    match host.identity.resolve(Enforced::by(&host), &presented, host.clock.now()).await {
        Ok(who) => Ok(Some(who)),
        Err(refusal) => {
            let error = refuse(x, presented.kind(), refusal).await;
            if matches!(presented, Presented::Cookie(_)) && error.code().status() == 401 {
                x.header(header::SET_COOKIE, session::set_cookie(None, x.secure, host.holds("secure-cookies"))?);
            }
            Err(error)
        }
    }
}

/// Who asks without a credential: nobody, a reader of public data, or somebody who must log in.
async fn without(x: &mut Exchange) -> Result<Option<Principal>> {
    let Some(matched) = &x.matched else { return Ok(None) };
    let route = matched.route.clone();
    if matches!(route.access, Access::Public { .. }) {
        return Ok(None);
    }
    let reads = x.method == Method::GET || x.method == Method::HEAD;
    if reads
        && matches!(route.access, Access::Needs { least: Role::Viewer, .. })
        && let Some(tenant) = x.host.identity.public_tenant(route.system).await?
    {
        return Ok(Some(Principal::anonymous(tenant)));
    }
    if !x.host.holds("auth-required") {
        return Ok(None);
    }
    Err(Code::Unauthenticated.because("send `Authorization: Bearer` with an access token or an API key, or log in"))
}

/// Puts a refused credential on record and gives back the error for the caller. Errors that say
/// nothing about the credential (the database is away) are not recorded.
async fn refuse(x: &Exchange, kind: &'static str, refusal: Refusal) -> Error {
    let error = refusal.error;
    if error.code().status() == 401 && x.host.holds("audit-security-events") {
        let (actor_kind, actor) = match refusal.actor {
            Some(id) => (if id.starts_with("key_") { "key" } else { "person" }, id),
            None => ("anonymous", "anonymous".to_owned()),
        };
        let note = Note {
            action: "credential.refused".into(),
            target: x.template().unwrap_or_default().to_owned(),
            outcome: "denied",
            detail: Some(json!({ "reason": error.reason().unwrap_or("invalid"), "credential": kind })),
        };
        record(x, refusal.tenant, actor_kind, actor, note).await;
    }
    error
}

/// Records a security event. A record that cannot be written is logged; the refusal stands anyway.
pub(super) async fn record(x: &Exchange, tenant: Option<TenantId>, actor_kind: &'static str, actor: String, note: Note) {
    let origin = Origin {
        at: x.arrived,
        actor_kind,
        actor: actor.into(),
        request: Some(x.request),
        trace: x.trace,
        address: Some(x.caller),
        action: note.action.clone(),
        path: String::new(),
    };
    let tenant = tenant.unwrap_or(TenantId::from_bits(0));
    if let Err(error) = x.host.events.record(&x.host.store, tenant, origin, note).await {
        tracing::warn!(error = ?error, "a security event could not be recorded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn given(lines: &[(&str, &str)], secure: bool) -> Result<Option<String>> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Ok(presented(&headers, secure)?.map(|found| format!("{}:{}", found.kind(), found.text())))
    }

    #[test]
    fn a_bearer_wins_over_a_cookie() {
        let cookie = ("cookie", "plimsoll_session=c");
        assert_eq!(given(&[cookie], false).unwrap().as_deref(), Some("cookie:c"));
        assert_eq!(given(&[cookie, ("authorization", "bearer  plm_x")], false).unwrap().as_deref(), Some("api-key:plm_x"));
        assert_eq!(given(&[("authorization", "Bearer a.b.c")], true).unwrap().as_deref(), Some("access-token:a.b.c"));
        assert_eq!(given(&[cookie], true).unwrap(), None);
    }

    #[test]
    fn a_header_that_cannot_be_read_is_refused_not_ignored() {
        for value in ["Basic dTpw", "Bearer", "Bearer ", "Bearer a b", "plm_x", "", "Bearer \u{e9}"] {
            let error = given(&[("authorization", value), ("cookie", "plimsoll_session=c")], false).unwrap_err();
            assert_eq!((error.code(), error.reason()), (Code::CredentialInvalid, Some("malformed")), "{value}");
        }
        assert!(given(&[("authorization", "Bearer a"), ("authorization", "Bearer b")], false).is_err());
    }
}
