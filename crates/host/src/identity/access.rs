//! Layer `access`: no, unless the route says otherwise.

use http::{Request, Response};
use plimsoll_core::{Access, Code, Error, Principal, Result};
use serde_json::json;

use crate::{Body, exchange::Exchange, ledger::Note, stack::Boxed};

/// Refuses a caller whose role or scopes do not hold the route's permission, and records it.
pub fn gate<'a>(x: &'a mut Exchange, _: &'a mut Request<Body>) -> Option<Boxed<'a, Result<Response<Body>>>> {
    let (error, reason) = judge(x).err()?;
    Some(Box::pin(async move {
        if let Some(who) = x.principal.clone().filter(|_| x.host.holds("audit-security-events")) {
            let note = Note {
                action: "access.denied".into(),
                target: x.template().unwrap_or_default().to_owned(),
                outcome: "denied",
                detail: Some(json!({ "reason": reason, "method": x.method.as_str() })),
            };
            super::layer::record(x, Some(who.tenant), who.kind.name(), who.id.to_string(), note).await;
        }
        Err(error)
    }))
}

fn judge(x: &Exchange) -> Result<(), (Error, &'static str)> {
    let Some(matched) = &x.matched else { return Ok(()) };
    let demanded = std::iter::once(&matched.route.access).chain(&matched.route.besides);
    demanded.copied().try_for_each(|access| satisfies(x, access))
}

fn satisfies(x: &Exchange, access: Access) -> Result<(), (Error, &'static str)> {
    match access {
        Access::Public { .. } => Ok(()),
        Access::Authenticated => {
            x.principal.as_ref().map(|_| ()).ok_or_else(nobody).or_else(|refusal| excused(x.host.holds("auth-required"), refusal))
        }
        Access::Nobody => match &x.principal {
            None => excused(x.host.holds("auth-required"), nobody()),
            Some(_) => excused(x.host.holds("rbac"), (Code::Forbidden.because("this is closed to everybody").reasoned("closed"), "closed")),
        },
        Access::Needs { permission, least } => match &x.principal {
            None => excused(x.host.holds("auth-required"), nobody()),
            Some(who) if who.holds(permission, least) => Ok(()),
            Some(who) if who.role < least => excused(x.host.holds("rbac"), denied(who, permission, least)),
            Some(who) => excused(x.host.holds("api-keys"), denied(who, permission, least)),
        },
    }
}

/// Lets pass what is refused for a practice that is switched off.
fn excused(holds: bool, refusal: (Error, &'static str)) -> Result<(), (Error, &'static str)> {
    if holds { Err(refusal) } else { Ok(()) }
}

fn nobody() -> (Error, &'static str) {
    (Code::Unauthenticated.because("send `Authorization: Bearer` with an access token or an API key, or log in"), "nobody")
}

fn denied(who: &Principal, permission: &str, least: plimsoll_core::Role) -> (Error, &'static str) {
    if who.role < least {
        let sentence = format!("this needs `{permission}`, which the role `{least}` and those above it hold; yours is `{}`", who.role);
        (Code::Forbidden.because(sentence).reasoned("role"), "role")
    } else {
        (Code::Forbidden.because(format!("the scopes of this key do not include `{permission}`")).reasoned("scope"), "scope")
    }
}
