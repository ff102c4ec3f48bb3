//! One request with a key: whose it is, and what it asks for.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use http::{HeaderMap, header, request::Parts};
use plimsoll_core::{RequestId, TenantId, Time};
use ring::hmac;

use crate::{exchange::Exchange, identity::hex};

/// A request that may have been here before.
pub struct Ticket {
    /// Whose data the record is.
    pub tenant: TenantId,
    /// Stands for caller, method, route and key.
    pub id: String,
    /// Stands for everything that the request asks for.
    pub fingerprint: [u8; 32],
    /// Who asks: a principal, or what stands for a caller without one.
    pub caller: String,
    /// The method.
    pub method: String,
    /// The route's template, or the path at a mounted service.
    pub route: String,
    /// The key as it came.
    pub key: String,
    /// The request that brought it.
    pub request: RequestId,
    /// When it came.
    pub at: Time,
    /// When its answer may be forgotten.
    pub expires_at: Time,
    began: AtomicBool,
}

impl Ticket {
    /// The ticket of a request whose body has been read.
    pub(super) fn new(x: &Exchange, key: String, parts: &Parts, body: &[u8]) -> Ticket {
        let engine = &x.host.idempotency;
        let route = x.matched.as_ref().map(|matched| &matched.route);
        let path = parts.uri.path();
        let place = route.filter(|route| route.mount.is_none()).map_or(path, |route| route.template);
        let (tenant, caller) = match &x.principal {
            Some(who) => (who.tenant, who.id.to_string()),
            None => (TenantId::from_bits(0), stranger(&engine.fingerprints, x.caller, &parts.headers)),
        };
        let mut id = Digest::new(&engine.fingerprints, "id");
        [&caller, parts.method.as_str(), place, &key].into_iter().for_each(|part| id.add(part.as_bytes()));
        let mut asked = Digest::new(&engine.fingerprints, "request");
        asked.add(parts.method.as_str().as_bytes());
        asked.add(path.as_bytes());
        asked.add(parts.uri.query().unwrap_or_default().as_bytes());
        asked.add(parts.headers.get(header::CONTENT_TYPE).map_or(&[][..], |value| value.as_bytes()));
        asked.add(body);
        if x.principal.is_none() {
            // What tells one stranger from another at the same address: a session of the service's own.
            parts.headers.get_all(header::COOKIE).iter().for_each(|cookie| asked.add(cookie.as_bytes()));
        }
        let at = x.host.clock.now();
        Ticket {
            tenant,
            id: hex(&id.end()[..16]),
            fingerprint: asked.end(),
            caller,
            method: parts.method.to_string(),
            route: place.to_owned(),
            key,
            request: x.request,
            at,
            expires_at: at.plus(engine.lifetime),
            began: AtomicBool::new(false),
        }
    }

    /// A ticket for a test of the records.
    #[cfg(test)]
    pub(super) fn sample(tenant: TenantId, key: &str, at: Time, expires_at: Time) -> Ticket {
        let (caller, method, route) = ("key_x".to_owned(), "POST".to_owned(), "/orders".to_owned());
        let request = RequestId::from_bits(1);
        let began = AtomicBool::new(false);
        Ticket {
            tenant,
            id: key.to_owned(),
            fingerprint: [7; 32],
            caller,
            method,
            route,
            key: key.to_owned(),
            request,
            at,
            expires_at,
            began,
        }
    }

    /// The handler has its input and begins: from here on a failure is an outcome.
    pub(crate) fn begin(&self) {
        self.began.store(true, Ordering::Relaxed);
    }
    /// Whether the handler began.
    pub(super) fn began(&self) -> bool {
        self.began.load(Ordering::Relaxed)
    }
}

/// Who somebody is whom the host does not know: the credential for the service, else the address.
fn stranger(secret: &hmac::Key, address: IpAddr, headers: &HeaderMap) -> String {
    if let Some(credential) = headers.get(header::AUTHORIZATION) {
        let mut digest = Digest::new(secret, "credential");
        digest.add(credential.as_bytes());
        return format!("credential-{}", hex(&digest.end()[..8]));
    }
    match address {
        // One machine has a whole /64 and changes its address within.
        IpAddr::V6(six) if six.to_ipv4_mapped().is_none() => {
            let net = six.segments();
            format!("{:x}:{:x}:{:x}:{:x}::/64", net[0], net[1], net[2], net[3])
        }
        other => other.to_canonical().to_string(),
    }
}

/// SHA-256 under a key: what was asked for may be a password, and whoever reads the table must
/// not be able to try candidates. Every part counts with its length.
struct Digest(hmac::Context);

impl Digest {
    fn new(secret: &hmac::Key, purpose: &str) -> Digest {
        let mut digest = Digest(hmac::Context::with_key(secret));
        digest.add(purpose.as_bytes());
        digest
    }
    fn add(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
    }
    fn end(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.sign().as_ref());
        out
    }
}
