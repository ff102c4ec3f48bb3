//! How often somebody may ask: per address, per caller, per kind of route, and what is said about it.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Copy, Reply, get, post},
};
use serde_json::json;

/// Every policy off; a probe sets its own.
const OFF: [(&str, &str); 7] = [
    ("limits.address", "off"),
    ("limits.principal", "off"),
    ("limits.tenant", "off"),
    ("limits.read", "off"),
    ("limits.write", "off"),
    ("limits.auth", "off"),
    ("limits.page", "off"),
];
/// How long an address may wait for its quota to come back; the window is two seconds.
const BACK: Duration = Duration::from_secs(6);

/// An instance with these policies and no others.
async fn limited(rig: &mut Rig, own: &[(&str, &str)]) -> Result<Copy, Trouble> {
    let mut settings = OFF.to_vec();
    for (key, value) in own {
        settings.retain(|(known, _)| known != key);
        settings.push((key, value));
    }
    let copy = rig.copy(&settings).await?;
    rig.turn_to(&copy);
    Ok(copy)
}

/// Moves to an address of 198.19.0.0/16 that no other probe uses.
fn elsewhere(rig: &mut Rig) {
    let [third, fourth]: [u8; 2] = rig.seed.bytes();
    rig.move_to(&format!("198.19.{third}.{}", fourth.max(1)));
}

fn refused(replies: &[Reply]) -> usize {
    replies.iter().filter(|reply| reply.status == 429).count()
}

/// The address's quota: used up, come back, somebody else's, switched off.
pub(crate) async fn by_address(rig: &mut Rig) -> Result<(), Trouble> {
    let ask = || get("/v1/auth/me");
    rig.check("burst-refused");
    let _copy = limited(rig, &[("limits.address", "6/2s")]).await?;
    let replies = rig.together((0..40).map(|_| ask()).collect()).await?;
    rig.note("40 requests of one address at once, where 6 are allowed in 2 s");
    rig.must(refused(&replies) >= 20, "most of the burst is refused with 429");
    rig.must(refused(&replies) < 40, "what is within the quota is not");
    let told = replies.iter().filter(|reply| reply.status == 429).all(|reply| seconds(reply).is_some_and(|wait| (1..=2).contains(&wait)));
    rig.must(told, "each refusal says with Retry-After when to come back, within the window");
    let home = rig.address().map(str::to_owned);
    elsewhere(rig);
    let reply = rig.quietly(ask()).await?;
    rig.must(reply.status != 429, "another address is served meanwhile");
    if let Some(home) = home {
        rig.move_to(&home);
    }

    rig.check("recovers");
    let served = rig.until(BACK, ask, |reply| reply.status != 429).await?;
    rig.must(served.is_some(), "the address is served again once the window has passed");

    rig.check("configurable");
    let _copy = limited(rig, &[]).await?;
    let replies = rig.together((0..40).map(|_| ask()).collect()).await?;
    rig.note("the same burst with the limit switched off by configuration");
    rig.must(refused(&replies) == 0, "with the limit switched off nothing is refused");
    let _copy = limited(rig, &[("limits.address", "1/1m")]).await?;
    let replies = [rig.quietly(ask()).await?, rig.quietly(ask()).await?];
    rig.note("two requests where one is allowed in a minute");
    rig.must(refused(&replies) == 1, "with another quota the second request is refused");
    if let Ok(service) = rig.service() {
        let reply = rig.quietly(get("/mounted/open/echo?key=rate-limit")).await?;
        let unheard = service.arrivals("rate-limit") == 0;
        rig.must(reply.status == 429 && unheard, "so is one to a mounted service, which hears nothing of it");
    }
    Ok(())
}

fn seconds(reply: &Reply) -> Option<u64> {
    reply.header("retry-after")?.parse().ok()
}

/// Two keys at one address, one key at two addresses.
pub(crate) async fn by_caller(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("own-bucket");
    let copy = limited(rig, &[("limits.principal", "6/1m")]).await?;
    let tenant = rig.tenant_on(&copy).await?;
    let other =
        rig.quietly(post("/v1/keys").bearer(&tenant.owner).json(&json!({ "name": "neighbour", "role": "viewer" }))).await?.str("/key");
    let ask = |key: &str| get("/v1/auth/me").bearer(key);
    let noisy = rig.together((0..12).map(|_| ask(&tenant.owner)).collect()).await?;
    rig.note("12 requests of one key, where a caller may send 6 in a minute");
    rig.must(refused(&noisy) >= 6, "the noisy key is refused with 429");

    rig.check("neighbours");
    let quiet = rig.together((0..5).map(|_| ask(&other)).collect()).await?;
    rig.note("5 requests of another key from the same address");
    rig.must(refused(&quiet) == 0, "another key at the same address is served meanwhile");
    elsewhere(rig);
    let reply = rig.quietly(ask(&tenant.owner)).await?;
    rig.must(reply.status == 429, "the noisy key is refused at another address, too");
    Ok(())
}

/// A strict class beside wide ones.
pub(crate) async fn by_route(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("per-class");
    let copy = limited(rig, &[("limits.write", "4/1m"), ("limits.auth", "3/1m")]).await?;
    let tenant = rig.tenant_on(&copy).await?;
    let change = || post("/v1/keys").bearer(&tenant.owner).json(&json!({ "name": "one of many", "role": "viewer" }));
    let attempt = || post("/v1/auth/refresh").json(&json!({ "refresh_token": "none" }));
    let read = || get("/v1/auth/me").bearer(&tenant.owner);
    let changes = many(rig, 8, &change).await?;
    rig.note("8 changes, where 4 are allowed in a minute");
    rig.must(refused(&changes) == 4, "changes beyond their quota are refused with 429");
    let attempts = many(rig, 6, &attempt).await?;
    rig.note("6 attempts with a credential, where 3 are allowed in a minute");
    rig.must(refused(&attempts) == 3, "attempts with credentials beyond theirs are refused with 429");

    rig.check("independent");
    let reads = many(rig, 12, &read).await?;
    rig.note("12 reads of the same caller meanwhile");
    rig.must(refused(&reads) == 0, "reads of the same caller are not refused");
    let further = rig.quietly(change()).await?;
    rig.must(further.status == 429, "changes still are");
    Ok(())
}

async fn many(rig: &mut Rig, count: usize, ask: &impl Fn() -> Ask) -> Result<Vec<Reply>, Trouble> {
    let mut replies = Vec::with_capacity(count);
    for _ in 0..count {
        replies.push(rig.quietly(ask()).await?);
    }
    Ok(replies)
}

/// What the header fields say, from the first request to the refusal.
pub(crate) async fn told(rig: &mut Rig) -> Result<(), Trouble> {
    // Two policies of one size, so that whichever is enforced is announced.
    let copy = limited(rig, &[("limits.principal", "6/1m"), ("limits.write", "6/1m")]).await?;
    rig.check("on-success");
    let tenant = rig.tenant_on(&copy).await?;
    let change = || post("/v1/keys").bearer(&tenant.owner).json(&json!({ "name": "one of many", "role": "viewer" }));
    let replies = many(rig, 8, &change).await?;
    let good: Vec<&Reply> = replies.iter().filter(|reply| reply.good()).collect();
    let over: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 429).collect();
    rig.note("8 changes of one key, where 6 are allowed in a minute");
    rig.must(!good.is_empty(), "changes within the quota are made");
    rig.must(good.iter().all(|reply| current(reply).is_some()), "each names policy, what is left and when more comes (RateLimit)");
    rig.must(
        good.iter().all(|reply| policy(reply).is_some_and(|(quota, window)| (quota, window) == (6, 60))),
        "each names quota and window of that policy (RateLimit-Policy)",
    );

    rig.check("decreases");
    let left: Vec<u64> = good.iter().filter_map(|reply| Some(current(reply)?.1)).collect();
    rig.must(left.len() >= 2 && left.windows(2).all(|pair| pair[1] < pair[0]), "what is left decreases with each request");
    rig.must(over.iter().all(|reply| current(reply).is_some_and(|(_, left, _)| left == 0)), "a refusal says that nothing is left");

    rig.check("retry-after");
    rig.must(over.iter().all(|reply| seconds(reply).is_some_and(|wait| wait >= 1)), "each 429 carries Retry-After");
    let late = over.iter().all(|reply| seconds(reply).zip(current(reply)).is_some_and(|(wait, (_, _, reset))| wait >= reset));
    rig.must(late, "Retry-After is not earlier than the time that RateLimit gives");
    Ok(())
}

/// Name, remaining units and seconds in `RateLimit: "name";r=5;t=10`.
fn current(reply: &Reply) -> Option<(String, u64, u64)> {
    let field = reply.header("ratelimit")?;
    Some((name(field)?, number(field, "r")?, number(field, "t")?))
}

/// Quota and window, in `RateLimit-Policy`, of the policy that `RateLimit` names.
fn policy(reply: &Reply) -> Option<(u64, u64)> {
    let (wanted, ..) = current(reply)?;
    let listed = reply.header("ratelimit-policy")?;
    let member = listed.split(", ").find(|member| name(member).is_some_and(|name| name == wanted))?;
    Some((number(member, "q")?, number(member, "w")?))
}

fn name(member: &str) -> Option<String> {
    Some(member.strip_prefix('"')?.split('"').next()?.to_owned())
}

fn number(member: &str, parameter: &str) -> Option<u64> {
    member.split(';').find_map(|part| part.trim().strip_prefix(parameter)?.strip_prefix('=')?.parse().ok())
}
