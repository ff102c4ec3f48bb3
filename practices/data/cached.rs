//! Kept answers of a mounted service: their time, their room, their end.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Copy, Redis, get, post},
};

/// How long an answer with a lifetime of a second may still be given on a busy machine.
const EXPIRY: Duration = Duration::from_secs(10);
/// The room of the cache in bytes.
const ROOM: f64 = 262_144.0;

fn kept(key: &str, seconds: u32) -> Ask {
    // One name for all instances, as behind a balancer: the name is part of what is kept.
    get(format!("/mounted/open/cacheable?key={key}&cc=public,max-age={seconds}")).header("host", "localhost")
}

/// The number that the service gave the answer, from 1 for each key.
async fn number(rig: &mut Rig, ask: Ask) -> Result<i64, Trouble> {
    let reply = rig.quietly(ask).await?;
    reply.number("/number").ok_or_else(|| Trouble::new(format!("the service behind the host did not answer: {}", reply.line())))
}

/// A figure from the page of metrics or, where there is none, from what is said about bounded things.
async fn figure(rig: &mut Rig, name: &str, place: &str) -> Result<f64, Trouble> {
    let page = rig.quietly(get("/metrics").operations()).await?;
    if page.status == 200 {
        let text = page.text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        return Ok(value.unwrap_or(-1.0));
    }
    let told = rig.quietly(get("/health/pool").operations()).await?;
    Ok(told.json().pointer(place).and_then(serde_json::Value::as_f64).unwrap_or(-1.0))
}

/// A lifetime, a bound, an end at every change, figures, and a store that processes share.
pub(crate) async fn bounded(rig: &mut Rig) -> Result<(), Trouble> {
    let redis = Redis::start().await;
    let url = redis.as_ref().map(Redis::url).unwrap_or_default();
    let mut settings = vec![("cache.size", "256KiB"), ("cache.largest", "16KiB"), ("limits.address", "off"), ("limits.principal", "off")];
    if redis.is_ok() {
        settings.extend([("redis.url", url.as_str()), ("redis.timeout", "2s")]);
    }
    let (copy, service) = rig.copy_with_service(&settings).await?;
    rig.turn_to(&copy);

    rig.check("lifetime");
    let (one, again) = (number(rig, kept("lasting", 600)).await?, number(rig, kept("lasting", 600)).await?);
    rig.must((one, again) == (1, 1), "the second of two identical reads is answered without the service");
    number(rig, kept("short", 1)).await?;
    let renewed = rig.until(EXPIRY, || kept("short", 1), |reply| reply.number("/number") == Some(2)).await?;
    rig.must(renewed.is_some(), "an answer that is good for a second is asked for again after it");

    rig.check("removed-on-write");
    let path = "/mounted/open/editable/cacheable?key=written&cc=public,max-age=600";
    let (one, again) = (number(rig, get(path)).await?, number(rig, get(path)).await?);
    rig.must((one, again) == (1, 1), "an answer is kept");
    let reply = rig.send(post("/mounted/open/editable/cacheable?key=writing")).await?;
    rig.must(reply.status == 200, "something is changed at its address");
    let next = number(rig, get(path)).await?;
    rig.must(next == 2, "the next read is answered by the service");

    rig.check("hit-ratio");
    let hits = figure(rig, "plimsoll_cache_answers_total{outcome=\"hit\"}", "/cache/hits").await?;
    let misses = figure(rig, "plimsoll_cache_answers_total{outcome=\"miss\"}", "/cache/misses").await?;
    rig.must(hits >= 2.0 && misses >= 4.0, "hits and misses are counted where an operator sees them");

    rig.check("bounded-size");
    let body = "b".repeat(4000);
    for piece in 0..80 {
        let ask = get(format!("/mounted/open/cacheable?key=piece-{piece}&cc=public,max-age=600&body={body}"));
        rig.quietly(ask).await?;
    }
    rig.note("80 different answers of 4 KB, where 256 KiB are allowed");
    let (bytes, evicted) =
        (figure(rig, "plimsoll_cache_bytes", "/cache/bytes").await?, figure(rig, "plimsoll_cache_evicted_total", "/cache/evicted").await?);
    rig.must((1.0..=ROOM).contains(&bytes), "the kept answers take no more room than is set");
    rig.must(evicted > 0.0, "older ones made room for newer ones");

    rig.check("shared-store");
    if let Err(trouble) = &redis {
        rig.unknown(trouble.0.clone());
        return Ok(());
    }
    let other = copy.beside(&[]).await?;
    shared(rig, &copy, &other).await?;
    rig.must(service.arrivals("together") == 1, "the service was asked once by both");
    Ok(())
}

/// What one process has kept another one gives.
async fn shared(rig: &mut Rig, one: &Copy, other: &Copy) -> Result<(), Trouble> {
    rig.turn_to(one);
    number(rig, kept("together", 600)).await?;
    rig.turn_to(other);
    // Putting it into the store goes on after the answer; a look that came too early asks the service.
    let ask = || kept("together", 600).header("cache-control", "only-if-cached");
    let found = rig.until(EXPIRY, ask, |reply| reply.status == 200).await?;
    rig.must(found.is_some_and(|reply| reply.number("/number") == Some(1)), "what one process has kept is given by another");
    Ok(())
}
