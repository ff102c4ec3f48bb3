//! Layer `address`: per address, before any work is spent on a credential.
//!
//! The machine's own address counts too; a proxy on it that is not named in
//! `[server] trusted_proxies` would otherwise switch this limit off for everybody behind it.

use http::{HeaderValue, Request};
use plimsoll_core::Result;

use crate::{Body, edge::is_probe, exchange::Exchange};

/// Takes one unit from the address's meter.
pub fn check(x: &mut Exchange, request: &mut Request<Body>) -> Result<()> {
    let host = x.host.clone();
    let limits = &host.limits;
    let Some(policy) = limits.address.as_ref().filter(|_| host.holds("rate-limit") && !is_probe(request.uri().path())) else {
        return Ok(());
    };
    let Err(reading) = policy.take(limits.address_key(x.caller), limits.at(x.started)) else {
        return Ok(());
    };
    if host.holds("rate-limit-headers") {
        policy.announce(x, reading, HeaderValue::try_from(policy.member())?, limits.legacy);
    }
    Err(policy.error(reading))
}
