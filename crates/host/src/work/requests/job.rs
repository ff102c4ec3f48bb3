//! A request that was kept, on its way through the host.

use std::net::{IpAddr, SocketAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use plimsoll_core::{Code, Error, KeyId, Principal, PrincipalKind, Result, Role, TenantId, Time, UserId};
use plimsoll_store::{Tx, bind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    Body, Committed, Ctx, Write,
    exchange::Exchange,
    identity,
    route::{find, read_body},
    stack::Next,
    work::{Finished, Job, Policy},
};

/// Largest body of an answer that is kept with its job.
const RESULT_LIMIT: usize = 64 << 10;

/// A request, as far as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    /// In base 64.
    pub(super) body: String,
    pub(super) caller: Caller,
}

/// On whose behalf.
#[derive(Serialize, Deserialize)]
pub(super) struct Caller {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) address: IpAddr,
    pub(super) secure: bool,
}

impl Job for Request {
    type System = ();
    const KIND: &'static str = "host.request";
    const POLICY: Policy = Policy { deadline: std::time::Duration::from_secs(900), ..Policy::DEFAULT };

    async fn run(self, ctx: Ctx<(), Write>) -> Result<Committed<Finished>> {
        let key = ctx.lease().map(|lease| lease.job.to_string()).unwrap_or_default();
        let (answered, honoured) = self.send(&ctx, &key).await?;
        // A service that honours the key can be asked again: it knows what it has done.
        let answer = answered.map_err(|error| if honoured { error } else { judged(error) })?;
        let status = answer.status();
        if status.is_server_error() {
            // It was asked and has failed; it would not act otherwise if it were asked again with the same key.
            return Err(Code::Invalid.because(format!("the request was answered with status {}", status.as_u16())));
        }
        let result = kept(answer).await?;
        ctx.commit(move |_| Ok(Finished(Some(result)))).await
    }
}

impl Request {
    /// Through the stack, below what has been settled when it was accepted; what the caller may do is asked again.
    /// Also whether it goes to a service that honours keys itself.
    async fn send(self, ctx: &Ctx<(), Write>, key: &str) -> Result<(Result<Response<Body>>, bool)> {
        let unreadable = |what: &str| Code::Malformed.because(format!("the request that was kept has no {what}"));
        let body = STANDARD.decode(&self.body).map_err(|_| unreadable("body"))?;
        let mut request = http::Request::new(Body::from(Bytes::from(body)));
        *request.method_mut() = Method::from_bytes(self.method.as_bytes()).map_err(|_| unreadable("method"))?;
        *request.uri_mut() = self.target.parse().map_err(|_| unreadable("address"))?;
        for (name, value) in &self.headers {
            let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) else { continue };
            request.headers_mut().append(name, value);
        }
        request.headers_mut().insert("idempotency-key", HeaderValue::from_str(key)?);
        let (tenant, now) = (ctx.tenant, ctx.now());
        let (kind, id) = (self.caller.kind.clone(), self.caller.id.clone());
        let who = ctx.read(move |tx| standing(tx, tenant, &kind, &id, now)).await?;
        let mut x = Exchange::new(ctx.host.clone(), SocketAddr::new(self.caller.address, 0), self.caller.secure, &request);
        (x.request, x.caller, x.deadline, x.principal, x.later) = (ctx.request, self.caller.address, ctx.deadline, Some(who), true);
        if let Some(current) = crate::telemetry::current() {
            x.trace = current.trace;
        }
        if let Err(error) = find(&mut x, &mut request) {
            return Ok((Err(error), false));
        }
        if let Some(refused) = identity::access::gate(&mut x, &mut request) {
            return Ok((refused.await, false));
        }
        // A declared fallback is for somebody who waits: here it is better to try again.
        let mount = x.matched.as_ref().and_then(|matched| matched.route.mount.clone());
        let honoured = mount.is_some_and(|mount| mount.guard().settings.service_honours_keys);
        let below = if honoured { "replay" } else { "fallback" };
        Ok((Next::below(below).run(&mut x, request).await, honoured))
    }
}

/// Who the caller is now: whoever has lost a right since the request was accepted does not use it later.
fn standing(tx: &Tx<'_>, tenant: TenantId, kind: &str, id: &str, now: Time) -> Result<Principal> {
    let gone = || Code::Invalid.because("the caller of this request may not act here any more");
    let (role, scopes, kind): (String, Vec<String>, PrincipalKind) = match kind {
        "key" => {
            let key: KeyId = id.parse()?;
            let row: Option<(String, String)> = tx.maybe(
                "SELECT role, scopes FROM api_key WHERE tenant_id = :tenant AND id = :id AND revoked_at IS NULL \
                 AND (expires_at IS NULL OR expires_at > :now)",
                bind! { id: key, now: now },
            )?;
            let (role, scopes) = row.ok_or_else(gone)?;
            (role, serde_json::from_str(&scopes)?, PrincipalKind::Key)
        }
        _ => {
            let person: UserId = id.parse()?;
            let role: Option<String> = tx.maybe(
                "SELECT m.role FROM member m JOIN person p ON p.id = m.person_id \
                 WHERE m.tenant_id = :tenant AND m.person_id = :id AND m.active = 1 AND p.active = 1",
                bind! { id: person },
            )?;
            (role.ok_or_else(gone)?, Vec::new(), PrincipalKind::Person)
        }
    };
    Ok(Principal { kind, id: id.into(), tenant, role: role.parse::<Role>()?, scopes: scopes.into(), session: None })
}

/// What a failure means for the job: what is not known is not tried again.
fn judged(error: Error) -> Error {
    match error.code() {
        Code::UpstreamFailed | Code::UpstreamTimeout | Code::HandlerTimeout | Code::OutcomeUnknown => Code::OutcomeUnknown.because(
            format!("the service was asked, and whether it acted is not known: {}; it is not asked again by itself", error.public()),
        ),
        // Refused, and it would be again.
        Code::Forbidden | Code::NotFound | Code::MethodNotAllowed | Code::Conflict | Code::PreconditionFailed | Code::UnsupportedMedia => {
            Code::Invalid.because(error.public().to_owned()).with_faults(error.faults().to_vec())
        }
        _ => error,
    }
}

/// What is kept of an answer.
async fn kept(answer: Response<Body>) -> Result<Value> {
    let (head, body) = answer.into_parts();
    let mut headers = Map::new();
    for name in [header::CONTENT_TYPE, header::LOCATION, header::ETAG] {
        if let Some(text) = head.headers.get(&name).and_then(|value| value.to_str().ok()) {
            headers.insert(name.as_str().to_owned(), json!(text));
        }
    }
    let mut result = json!({ "status": head.status.as_u16(), "headers": headers });
    let bytes = match read_body(body, RESULT_LIMIT, std::time::Duration::from_secs(60)).await {
        Ok(bytes) => bytes,
        Err(error) if error.code() == Code::BodyTooLarge => {
            result["body_omitted"] = json!(format!("it is larger than {RESULT_LIMIT} bytes"));
            return Ok(result);
        }
        Err(_) => {
            result["body_omitted"] = json!("it broke off before its end");
            return Ok(result);
        }
    };
    let is_json = headers.get("content-type").and_then(Value::as_str).is_some_and(|media| media.starts_with("application/json"));
    match (std::str::from_utf8(&bytes), head.status) {
        (_, StatusCode::NO_CONTENT) => {}
        (Ok(text), _) => {
            let parsed = is_json.then(|| serde_json::from_str::<Value>(text).ok()).flatten();
            result["body"] = parsed.unwrap_or_else(|| json!(text));
        }
        (Err(_), _) => result["body_base64"] = json!(STANDARD.encode(&bytes)),
    }
    Ok(result)
}
