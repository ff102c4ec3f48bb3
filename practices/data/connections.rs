//! Connections to the database: how many, how long one waits for them, what is told of them, and
//! what becomes of them when the database goes away.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{get, post},
};
use serde_json::json;
use tokio::time::Instant;

/// More work than one connection can take at a time.
const CALLERS: usize = 4;

/// One connection, four callers: one is served, three learn soon that there is no room.
pub(crate) async fn bounded(rig: &mut Rig) -> Result<(), Trouble> {
    let settings = [("database.readers", "1"), ("database.acquire_timeout", "1s"), ("server.handler_timeout", "30s")];
    // On a busy machine the start itself may wait longer for its connections than it may here.
    let mut tries = 0;
    let copy = loop {
        tries += 1;
        match rig.copy(&settings).await {
            Err(_) if tries < 3 => {}
            started => break started?,
        }
    };
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    // The key is looked up once, before there is a crowd.
    rig.quietly(get("/v1/rehearsal/slow?ms=0").bearer(&tenant.owner)).await?;
    let replies = rig.together((0..CALLERS).map(|_| get("/v1/rehearsal/hold?ms=2500").bearer(&tenant.owner)).collect()).await?;
    let with = |status: u16| replies.iter().filter(|reply| reply.status == status).count();

    rig.check("bound");
    rig.note("an instance with database.readers = 1; four reads at once, each of which keeps its connection");
    rig.must(with(200) == 1, "one connection does the work of one caller at a time");
    rig.check("exhaustion-is-503");
    rig.must(with(503) == CALLERS - 1, "the callers that find none free are answered 503");
    let next = || get("/v1/rehearsal/hold?ms=0").bearer(&tenant.owner);
    let after = rig.until(Duration::from_secs(5), next, |reply| reply.status == 200).await?;
    rig.must(after.is_some(), "when the work is done, the connection serves again");
    rig.check("acquire-timeout");
    let told = replies.iter().filter(|reply| reply.status == 503).all(|reply| reply.has("retry-after"));
    rig.must(
        with(503) > 0 && told,
        "they waited no longer than database.acquire_timeout, a part of what the work takes, and are told when to return",
    );
    Ok(())
}

/// Figures about connections, and whether they move.
pub(crate) async fn watched(rig: &mut Rig) -> Result<(), Trouble> {
    use crate::figures::{Pool, pool};
    let copy = rig.copy(&[("server.handler_timeout", "30s")]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    rig.check("in-use-and-idle");
    let Some(Pool { used, idle, .. }) = pool(rig).await? else {
        rig.must(false, "the operations listener tells how connections are used");
        for check in ["waiters", "timeouts", "overflow"] {
            rig.check(check);
            rig.must(false, "the operations listener tells how connections are used");
        }
        return Ok(());
    };
    rig.must(used < 0.5 && idle > 0.5, "without work no connection is in use");
    let work = rig.begin(get("/v1/rehearsal/hold?ms=300").bearer(&tenant.owner))?;
    let mut most = 0.0_f64;
    while !work.is_over() {
        most = most.max(pool(rig).await?.map_or(0.0, |pool| pool.used));
    }
    rig.must(most > 0.5, "while a long read runs, one is in use");
    // The answer may be there a moment before the connection is back.
    let end = Instant::now() + Duration::from_secs(3);
    let now = loop {
        let now = pool(rig).await?.unwrap_or_default();
        if now.used < 0.5 || Instant::now() > end {
            break now;
        }
    };
    rig.must(now.used < 0.5 && now.idle > 0.5, "when it has ended, none is");
    rig.check("waiters");
    rig.must(now.waiting.is_some(), "a gauge says how many callers wait for a connection");
    rig.check("timeouts");
    rig.must(now.timeouts.is_some(), "a counter says how many callers found none in time");
    rig.check("overflow");
    rig.must(now.used + now.idle <= now.most + 0.5, "connections are never more than the figure for their maximum");
    Ok(())
}

/// A connection that died is replaced, and nobody restarts anything.
pub(crate) async fn renewed(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let write = || post("/v1/artists").bearer(&tenant.owner).json(&json!({ "name": "renewed" }));
    if !rig.quietly(write()).await?.good() {
        return Err(Trouble::new("an artist was not made"));
    }
    rig.check("checked-before-use");
    copy.deprive(true)?;
    if copy.embedded() {
        // A file has no connection that could die; the service must have met the gap.
        rig.quietly(write()).await?;
    }
    copy.deprive(false)?;
    rig.note("the database went away for a moment and is back");
    for _ in 0..3 {
        let reply = rig.send(write()).await?;
        rig.must(reply.status == 201, "work that begins on a connection that died meanwhile is done");
    }
    rig.check("back-without-restart");
    copy.deprive(true)?;
    let lost = rig.until(Duration::from_secs(5), write, |reply| reply.status >= 500).await?;
    if lost.is_none() {
        return Err(Trouble::new("the service does not notice that its database is away"));
    }
    rig.note("the database is away until a change fails");
    copy.deprive(false)?;
    let back = rig.until(Duration::from_secs(10), write, |reply| reply.status == 201).await?;
    rig.must(back.is_some(), "when the database is back, the same process makes changes again");
    let read = rig.until(Duration::from_secs(10), || get("/v1/artists").bearer(&tenant.owner), |reply| reply.status == 200).await?;
    rig.must(read.is_some(), "and reads again");
    Ok(())
}
