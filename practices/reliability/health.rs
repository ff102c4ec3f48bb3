//! What the service says of its own health, with a dependency there and away.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Copy, Signal, Tenant, get, post},
};
use serde_json::{Value, json};

use crate::log::Log;

/// How long the service may take to notice that its database is gone or back.
const NOTICE: Duration = Duration::from_secs(10);

/// Takes the database of an instance away and waits until a change fails.
async fn deprive(rig: &mut Rig, copy: &Copy, tenant: &Tenant) -> Result<(), Trouble> {
    copy.deprive(true)?;
    let write = || post("/v1/artists").bearer(&tenant.owner).json(&json!({ "name": "health" }));
    match rig.until(NOTICE, write, |reply| reply.status >= 500).await? {
        Some(_) => {
            rig.note("the database is taken away, and a change fails");
            Ok(())
        }
        None => Err(Trouble::new("changes succeed although the database is away")),
    }
}

/// There is an address that says "up".
pub(crate) async fn endpoint(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("answers");
    for path in ["/health", "/healthz"] {
        let reply = rig.send(get(path)).await?;
        rig.must(reply.status == 200, "the service says that it is up");
        rig.must(!reply.str("/status").is_empty(), "and in one word how it is");
    }
    rig.check("open");
    let reply = rig
        .send(get("/health").bearer("plm_notakeythatanybodyhaseverissued00000000000").shown("/health with a key that does not exist"))
        .await?;
    rig.must(reply.status == 200, "a bad credential does not matter there");
    let reply = rig.send(get("/health").header("host", "balancer.example").shown("/health by another host name")).await?;
    rig.must(reply.status == 200, "nor by which name the service is asked");
    rig.check("cheap");
    let replies = rig.together((0..100).map(|_| get("/health")).collect()).await?;
    rig.must(replies.iter().all(|reply| reply.status == 200), "a hundred askers at once are answered");
    Ok(())
}

/// The process is alive whatever happens around it.
pub(crate) async fn live(rig: &mut Rig) -> Result<(), Trouble> {
    let settings = [("limits.in_flight", "2"), ("server.handler_timeout", "30s")];
    let copy = rig.copy(&settings).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    rig.check("under-load");
    rig.note("an instance with limits.in_flight = 2 and two slow requests");
    let slow = || get("/v1/rehearsal/slow?ms=20000").bearer(&tenant.owner);
    let _under_way = (rig.begin(slow())?, rig.begin(slow())?);
    let reply = rig.send(get("/health/live")).await?;
    rig.must(reply.status == 200, "a full service is alive");
    drop(copy);

    rig.check("survives-outage");
    let copy = rig.copy(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    deprive(rig, &copy, &tenant).await?;
    for path in ["/health/live", "/livez"] {
        let reply = rig.send(get(path)).await?;
        rig.must(reply.status == 200, "the process is alive without its database");
    }
    Ok(())
}

/// Requests come only when they can be served.
pub(crate) async fn ready(rig: &mut Rig) -> Result<(), Trouble> {
    let mut copy = rig.copy(&[("server.drain_notice", "3s")]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let asked = || get("/health/ready");
    rig.check("dependencies");
    let reply = rig.send(asked()).await?;
    rig.must(reply.status == 200, "with everything in place the service is ready");
    deprive(rig, &copy, &tenant).await?;
    let red = rig.until(NOTICE, asked, |reply| reply.status == 503).await?;
    rig.must(red.is_some(), "without its database it is not");
    copy.deprive(false)?;
    let green = rig.until(NOTICE, asked, |reply| reply.status == 200).await?;
    rig.must(green.is_some(), "with the database back it is ready again");

    rig.check("draining");
    rig.note("an instance with server.drain_notice = \"3s\" is told to stop");
    copy.signal(Signal::Term).await?;
    let red = rig.until(Duration::from_secs(2), asked, |reply| reply.status == 503).await;
    rig.must(matches!(red, Ok(Some(_))), "it is not ready any more");
    let still = rig.quietly(get("/openapi.json")).await;
    rig.must(still.is_ok_and(|reply| reply.status == 200), "and still answers requests");
    Ok(())
}

/// Health in detail, from the operations listener.
async fn detail(rig: &mut Rig) -> Result<(u16, Value), Trouble> {
    let reply = rig.quietly(get("/health").operations()).await?;
    Ok((reply.status, reply.json()))
}

fn standing<'a>(detail: &'a Value, check: &str) -> &'a str {
    detail["checks"][check]["status"].as_str().unwrap_or("")
}

/// Each dependency is asked for real, and told of by name.
pub(crate) async fn dependencies(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let (_, before) = detail(rig).await?;
    rig.check("each-listed");
    for check in ["database", "schema", "durability", "signing-key", "upstream-mounted"] {
        rig.must(standing(&before, check) == "good", format!("health has an entry `{check}`, which is good"));
    }
    rig.check("status-latency");
    let entries: Vec<&Value> = before["checks"].as_object().into_iter().flat_map(|checks| checks.values()).collect();
    let timed = entries.iter().all(|entry| entry["latency_ms"].is_number() && entry["status"].is_string());
    rig.must(!entries.is_empty() && timed, "each entry has a status and the time its check took");
    rig.must(entries.iter().all(|entry| entry["since"].is_string()), "and says since when it stands so");
    deprive(rig, &copy, &tenant).await?;
    rig.check("real-check");
    let failed = rig.until(NOTICE, || get("/health").operations(), |reply| standing(&reply.json(), "database") == "failed").await?;
    rig.must(failed.is_some(), "the entry of the database fails when the database is away");
    let (_, away) = detail(rig).await?;
    rig.must(away["checks"]["database"]["message"].is_string(), "and says why");
    rig.check("isolated");
    rig.must(standing(&away, "signing-key") == "good", "what does not depend on the database stays good");
    copy.deprive(false)?;
    let good = rig.until(NOTICE, || get("/health").operations(), |reply| standing(&reply.json(), "database") == "good").await?;
    rig.must(good.is_some(), "the entry is good again when the database is back");
    Ok(())
}

/// Ready, degraded and down are three things.
pub(crate) async fn states(rig: &mut Rig) -> Result<(), Trouble> {
    let (status, well) = detail(rig).await?;
    // A warm-up that has no time leaves something undone without which the service can serve.
    let copy = rig.copy(&[("probes.warmup_limit", "0ms")]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    rig.check("degraded-serves");
    rig.note("an instance whose warm-up had no time");
    let (degraded, said) = detail(rig).await?;
    rig.must(degraded == 200 && said["status"] == "degraded", "a failed check that is not vital gives degraded with 200");
    deprive(rig, &copy, &tenant).await?;
    let down = rig.until(NOTICE, || get("/health").operations(), |reply| reply.status == 503).await?;
    rig.must(down.is_some_and(|reply| reply.str("/status") == "unready"), "a vital one gives unready with 503");
    rig.check("three-states");
    let failing = well["checks"].as_object().is_some_and(|checks| checks.values().any(|entry| entry["status"] == "failed"));
    let expected = if failing { "degraded" } else { "ready" };
    rig.must(
        status == 200 && well["status"] == expected,
        "an instance that nobody disturbed is ready, or names the check for which it is not",
    );
    rig.check("timestamp");
    rig.must(well["at"].as_str().is_some_and(|at| at.ends_with('Z')), "the report says in UTC when its checks ran");
    rig.check("detail");
    rig.must(well["checks"].as_object().is_some_and(|checks| checks.len() >= 4), "the report has an entry per check");
    Ok(())
}

/// Loss of the database is 503 with a time to return, and passes by itself.
pub(crate) async fn mapped(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let read = || get("/v1/artists").bearer(&tenant.owner);
    let write = || post("/v1/artists").bearer(&tenant.owner).json(&json!({ "name": "mapped" }));
    rig.check("right-status");
    deprive(rig, &copy, &tenant).await?;
    let mut answers = Vec::new();
    for (what, ask) in [("a read", read()), ("a change", write()), ("another read", read()), ("another change", write())] {
        let reply = rig.send(ask).await?;
        rig.must(reply.status == 503, format!("{what} is answered 503"));
        answers.push(reply);
    }
    if rig.service().is_ok() {
        let (other, service) = rig.copy_with_service(&[]).await?;
        rig.turn_to(&other);
        service.refuse(true).await;
        let reply = rig.send(get("/mounted/open/echo")).await?;
        let fits = (502..=504).contains(&reply.status);
        rig.must(fits, "a read of a mounted service that takes no connection is answered 502, 503 or 504");
        answers.push(reply);
        rig.turn_to(&copy);
    }
    rig.check("retry-after");
    let told = |reply: &plimsoll_assess::rig::Reply| reply.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok());
    rig.must(answers.iter().all(told), "each of these answers says in how many seconds to try again");
    rig.check("recovers");
    copy.deprive(false)?;
    let change = rig.until(NOTICE, write, |reply| reply.status == 201).await?;
    rig.must(change.is_some(), "with the database back a change succeeds, without a restart");
    let look = rig.until(NOTICE, read, |reply| reply.status == 200).await?;
    rig.must(look.is_some(), "and a read");
    Ok(())
}

/// Warm-up ends at its limit, and may be left out.
pub(crate) async fn warm(rig: &mut Rig) -> Result<(), Trouble> {
    let told = |copy: &Copy| Log::of_copy(copy).lines().into_iter().any(|line| line.get("piece") == "database");
    rig.check("time-limit");
    let short = rig.copy(&[("probes.warmup_limit", "0ms")]).await?;
    rig.turn_to(&short);
    rig.note("an instance with probes.warmup_limit = \"0ms\"");
    let reply = rig.send(get("/openapi.json")).await?;
    rig.must(reply.status == 200, "a service whose warm-up had no time serves");
    let left = Log::of_copy(&short).wait_for(1, |line| line.get("piece") == "database").await;
    rig.must(left.len() == 1, "the log says what was not warmed up");
    drop(short);
    rig.check("skippable");
    let none = rig.copy(&[("probes.warmup_limit", "0ms"), ("probes.warmup", "false")]).await?;
    rig.turn_to(&none);
    rig.note("an instance with probes.warmup = false besides");
    let reply = rig.send(get("/openapi.json")).await?;
    rig.must(reply.status == 200, "a service without warm-up serves");
    // What start-up had to say stands in the log before what this request leaves there.
    let tenant = rig.tenant_on(&none).await?;
    rig.quietly(post("/v1/rehearsal/fail").bearer(&tenant.owner).json(&json!({ "canary": "warm" }))).await?;
    Log::of_copy(&none).wait_for(1, |line| line.get("route") == "/v1/rehearsal/fail").await;
    rig.must(!told(&none), "and tried none");
    Ok(())
}
