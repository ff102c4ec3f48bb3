//! Layer `shared`: one unit from the counts that all processes keep together.
//!
//! The meters of this process come first (layer `limit`): they are cheap, and what one process
//! refuses all of them together would refuse too. What passes them is counted on the shared
//! server, in one script that takes a unit of every meter or of none. It reads the server's own
//! clock, so processes whose clocks differ agree.
//!
//! When the server is lost each limit does what `[limits] when_shared_lost` declares for it: it
//! counts in this process, lets pass, or refuses. The answer says so, and so do metric and log.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use http::{HeaderName, HeaderValue, Request, Response};
use plimsoll_core::{Code, Error, PrincipalKind, Result};
use redis::Script;

use super::{meter::Reading, policy, policy::Policy, position, rate};
use crate::{
    Body,
    edge::is_probe,
    exchange::Exchange,
    host::Host,
    identity,
    route::RouteClass,
    shared::{Lost, Shared},
    stack::{Boxed, Next},
};

crate::choice! {
    /// What a limit does while the shared count is lost.
    pub enum WhenLost {
        /// It counts in this process: with N processes up to N times as much passes.
        Local = "local",
        /// It lets everything pass.
        Open = "open",
        /// It refuses everything it would have counted.
        Closed = "closed",
    }
}

/// The limits that are counted together; the limit per address protects this process and is counted here.
pub const COUNTED: [&str; 6] = ["principal", "tenant", "read", "write", "auth", "page"];

const DEGRADED: HeaderName = HeaderName::from_static("x-plimsoll-degraded");

/// All in microseconds. Answers the place of the meter that refused (0: none), then what is left
/// and the wait of each.
const TAKE: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer, full = {0}, {}
for i = 1, #KEYS do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local at = math.max(tonumber(redis.call('GET', KEYS[i]) or '0'), now) + interval
  local owed = at - now
  if owed > burst then return {i, 0, owed - burst} end
  local left = math.floor((burst - owed) / interval)
  local wait = owed
  if left == 0 then wait = owed + interval - burst end
  full[i] = at
  answer[2 * i], answer[2 * i + 1] = left, wait
end
for i = 1, #KEYS do
  redis.call('SET', KEYS[i], string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000))
end
return answer
";

/// What the shared counts need.
pub struct Together {
    script: Script,
    when_lost: BTreeMap<String, WhenLost>,
    lost: [[AtomicU64; 3]; COUNTED.len()],
}

impl Together {
    /// With what is declared for each limit.
    pub fn new(when_lost: &BTreeMap<String, WhenLost>) -> Together {
        Together { script: Script::new(TAKE), when_lost: when_lost.clone(), lost: Default::default() }
    }

    /// What a limit does while the shared count is lost.
    pub fn when_lost(&self, policy: &str) -> WhenLost {
        self.when_lost.get(policy).copied().unwrap_or(WhenLost::Local)
    }

    /// How often each limit did which of these.
    pub fn lost(&self) -> impl Iterator<Item = (&'static str, WhenLost, u64)> {
        let all = COUNTED.into_iter().zip(&self.lost);
        all.flat_map(|(policy, counts)| {
            WhenLost::ALL.iter().zip(counts).map(move |(how, count)| (policy, *how, count.load(Ordering::Relaxed)))
        })
    }

    fn count_lost(&self, policy: &str, how: WhenLost) {
        let at = COUNTED.iter().position(|name| *name == policy);
        if let Some(count) = at.and_then(|at| self.lost[at].get(how as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether a limit is let go of right now, because the shared count is lost and it is declared so.
pub(super) fn is_open(host: &Host, policy: &str) -> bool {
    let Some(shared) = &host.shared else { return false };
    host.limits.together.when_lost(policy) == WhenLost::Open && !shared.is_there() && host.holds("rate-limit-distributed")
}

/// Requests that draw on anything, where there is a shared server.
pub fn wants(x: &Exchange, request: &Request<Body>) -> bool {
    x.host.shared.is_some() && !is_probe(request.uri().path()) && x.host.holds("rate-limit-distributed") && x.host.holds("rate-limit")
}

/// Takes the units, or does what is declared for the case that nobody can say.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    Box::pin(async move {
        let host = x.host.clone();
        let class = x.matched.as_ref().map_or(RouteClass::Read, |matched| matched.route.class);
        let draws: Vec<(&Policy, u64)> = rate::draws(&host, x, class).into_iter().flatten().collect();
        let (Some(shared), false) = (&host.shared, draws.is_empty()) else { return next.run(x, request).await };
        let outcome = match take(shared, &host, x, class, &draws).await {
            Ok(outcome) => outcome,
            Err(Lost) => {
                if let Err(error) = lost(x, &host, &draws) {
                    x.refused("shared");
                    return Err(error);
                }
                return next.run(x, request).await;
            }
        };
        let (policy, reading) = match outcome {
            Ok(tightest) | Err(tightest) => tightest,
        };
        if host.holds("rate-limit-headers") {
            // The local meter has announced its own, larger, rest.
            x.headers.retain(|(name, _)| !policy::is_announcement(name));
            let members =
                host.limits.members[position(class)][usize::from(draws.iter().any(|(policy, _)| policy.name == "tenant"))].clone();
            policy.announce(x, reading, members, host.limits.legacy);
        }
        if outcome.is_err() {
            draws.iter().for_each(|(policy, key)| policy.give_back(*key));
            policy.refuse();
            x.refused("shared");
            return Err(policy.error(reading));
        }
        next.run(x, request).await
    })
}

type Outcome<'l> = Result<(&'l Policy, Reading), (&'l Policy, Reading)>;

/// One script for all meters. Answers the tightest, or the one that refused.
async fn take<'l>(shared: &Shared, host: &Host, x: &Exchange, class: RouteClass, draws: &[(&'l Policy, u64)]) -> Result<Outcome<'l>, Lost> {
    let mut run = host.limits.together.script.prepare_invoke();
    for (policy, _) in draws {
        let (interval, burst) = policy.micros();
        run.key(shared.key("l", &name(policy, x, class))).arg(interval).arg(burst);
    }
    let told: Vec<u64> = shared.script(&run).await?;
    let reading = |at: usize| Reading {
        left: told.get(at).and_then(|left| u32::try_from(*left).ok()).unwrap_or(0),
        wait: told.get(at + 1).copied().unwrap_or(0).saturating_mul(1_000),
    };
    let refused = told.first().and_then(|at| usize::try_from(*at).ok()).unwrap_or(0);
    if let Some((policy, _)) = refused.checked_sub(1).and_then(|at| draws.get(at)) {
        return Ok(Err((policy, reading(1))));
    }
    let readings = draws.iter().enumerate().map(|(at, (policy, _))| (*policy, reading(2 * at + 1)));
    readings.min_by_key(|(_, reading)| reading.left).map(Ok).ok_or(Lost)
}

/// The caller's name in a meter, the same in every process; a hash, because keys are visible on the server.
fn name(policy: &Policy, x: &Exchange, class: RouteClass) -> String {
    let known = x.principal.as_ref().filter(|who| who.kind != PrincipalKind::Anonymous);
    let caller = match (known, policy.name) {
        (Some(who), "tenant") => who.tenant.to_string(),
        (Some(who), name) if name == "principal" || class != RouteClass::Auth => who.id.to_string(),
        _ => match x.caller {
            std::net::IpAddr::V4(four) => four.to_string(),
            std::net::IpAddr::V6(six) => format!("{:x}", six.to_bits() >> 64),
        },
    };
    format!("{}:{}", policy.name, identity::hex(&identity::sha256(caller.as_bytes())[..16]))
}

/// Nobody can say how much all processes have let pass: each limit does what is declared for it.
fn lost(x: &mut Exchange, host: &Host, draws: &[(&Policy, u64)]) -> Result<(), Error> {
    let together = &host.limits.together;
    let mut marks: Vec<String> = Vec::with_capacity(draws.len());
    for (policy, _) in draws {
        let how = together.when_lost(policy.name);
        together.count_lost(policy.name, how);
        marks.push(format!("{}={how}", policy.name));
    }
    if let Ok(mark) = HeaderValue::try_from(format!("limits; {}", marks.join("; "))) {
        x.header(DEGRADED, mark);
    }
    match draws.iter().find(|(policy, _)| together.when_lost(policy.name) == WhenLost::Closed) {
        Some((closed, _)) => {
            draws.iter().for_each(|(policy, key)| policy.give_back(*key));
            Err(Code::LimitUnavailable
                .because(format!("the policy \"{}\" is counted on a server that is away, and passes nobody until it is back", closed.name))
                .reasoned(closed.name)
                .retry_after(2))
        }
        None => Ok(()),
    }
}
