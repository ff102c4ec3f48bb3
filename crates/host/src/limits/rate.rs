//! Layer `limit`: one unit from each meter the caller draws on.
//!
//! All or nothing: when one meter refuses, what the others gave is given back, so that a refused
//! request costs nothing.

use std::time::Duration;

use http::Request;
use plimsoll_core::{PrincipalKind, Result};

use super::{meter::Reading, policy::Policy, position, shared};
use crate::{Body, edge::is_probe, exchange::Exchange, host::Host, route::RouteClass};

/// The meters of one request: policy and the caller's key in it.
type Draws<'l> = [Option<(&'l Policy, u64)>; 3];

/// Takes the units, or says which policy has none.
pub fn check(x: &mut Exchange, request: &mut Request<Body>) -> Result<()> {
    if is_probe(request.uri().path()) {
        return Ok(());
    }
    let host = x.host.clone();
    let limits = &host.limits;
    let class = x.matched.as_ref().map_or(RouteClass::Read, |matched| matched.route.class);
    let draws = draws(&host, x, class);
    let outcome = take(&draws, limits.at(x.started));
    let Some((policy, reading)) = (match outcome {
        Ok(tightest) => tightest,
        Err(refused) => Some(refused),
    }) else {
        return Ok(());
    };
    if host.holds("rate-limit-headers") {
        let members = limits.members[position(class)][usize::from(draws[1].is_some())].clone();
        policy.announce(x, reading, members, limits.legacy);
    }
    if outcome.is_err() { Err(policy.error(reading)) } else { Ok(()) }
}

/// Who draws on what. Attempts with credentials count by address, whatever credential came with
/// them; who has none counts by address everywhere, and on no tenant: strangers who read what a
/// tenant made public must not use up what its people may do.
pub(super) fn draws<'l>(host: &'l Host, x: &Exchange, class: RouteClass) -> Draws<'l> {
    if !host.holds("rate-limit") {
        return [None; 3];
    }
    let limits = &host.limits;
    let known = x.principal.as_ref().filter(|who| who.kind != PrincipalKind::Anonymous);
    if known.is_some_and(|who| who.kind == PrincipalKind::Host) {
        return [None; 3];
    }
    let who = known.map_or_else(|| limits.address_key(x.caller), |who| limits.keys.of(&*who.id));
    let by_class = if class == RouteClass::Auth && known.is_some() { limits.address_key(x.caller) } else { who };
    let (per_user, per_class) = (host.holds("rate-limit-per-user"), host.holds("rate-limit-per-endpoint"));
    let counts = |policy: &&Policy| !shared::is_open(host, policy.name);
    [
        limits.principal.as_ref().filter(|_| per_user).filter(counts).map(|policy| (policy, who)),
        limits.tenant.as_ref().filter(|_| per_user).filter(counts).zip(known).map(|(policy, who)| (policy, limits.keys.of(who.tenant))),
        limits.class[position(class)].as_ref().filter(|_| per_class).filter(counts).map(|policy| (policy, by_class)),
    ]
}

/// Takes one unit each. Answers with the policy that has the least left, or with the one that refused.
fn take<'l>(draws: &Draws<'l>, now: Duration) -> Result<Option<(&'l Policy, Reading)>, (&'l Policy, Reading)> {
    let mut tightest: Option<(&Policy, Reading)> = None;
    for (at, (policy, key)) in draws.iter().enumerate().filter_map(|(at, draw)| draw.map(|draw| (at, draw))) {
        match policy.take(key, now) {
            Ok(reading) if tightest.is_none_or(|(_, least)| reading.left < least.left) => tightest = Some((policy, reading)),
            Ok(_) => {}
            Err(reading) => {
                draws[..at].iter().flatten().for_each(|(policy, key)| policy.give_back(*key));
                return Err((policy, reading));
            }
        }
    }
    Ok(tightest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Rate, limits::config::Quota};

    fn policy(name: &'static str, quota: u32) -> Policy {
        Policy::new(name, Quota(Some(Rate { count: quota, window: Duration::from_secs(60) })), 64).unwrap()
    }

    #[test]
    fn the_policy_with_the_least_left_is_announced() {
        let (wide, narrow) = (policy("wide", 100), policy("narrow", 10));
        let draws = [Some((&wide, 1)), None, Some((&narrow, 1))];
        let (tightest, reading) = take(&draws, Duration::ZERO).ok().flatten().unwrap();
        assert_eq!((tightest.name, reading.left), ("narrow", 9));
    }

    #[test]
    fn a_refused_request_costs_nothing_in_the_other_meters() {
        let (wide, narrow) = (policy("wide", 3), policy("narrow", 1));
        let draws = [Some((&wide, 1)), Some((&narrow, 1)), None];
        assert!(take(&draws, Duration::ZERO).is_ok());
        for _ in 0..10 {
            assert_eq!(take(&draws, Duration::ZERO).err().map(|(policy, _)| policy.name), Some("narrow"));
        }
        assert_eq!(wide.take(1, Duration::ZERO).unwrap().left, 1, "only the one request that passed was counted");
    }

    #[test]
    fn no_policy_lets_everything_pass_and_announces_nothing() {
        assert!(matches!(take(&[None; 3], Duration::ZERO), Ok(None)));
    }
}
