//! A mounted service that fails, and what its callers see of it.

use std::time::{Duration, Instant};

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Seen, Service, get, post},
};

/// How long something may take that is due in a moment: generous, for machines with other work.
const SOON: Duration = Duration::from_secs(8);
/// No failure is repeated, and none but those meant opens the breaker.
const ONCE: (&str, &str) = ("resilience.attempts", "1");
const PATIENT: (&str, &str) = ("resilience.breaker_in_a_row", "1000");

/// The longest that the pause before the second attempt may be.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A service that fails is left alone, tried, and taken back.
pub(crate) async fn breaker(rig: &mut Rig) -> Result<(), Trouble> {
    let (first, second) = (Service::start().await?, Service::start().await?);
    let mounts = format!("{{ \"/mounted\" = \"{}\", \"/mounted/open/other\" = \"{}\" }}", first.base, second.base);
    let settings = |open_for| {
        [
            ("service.mounts", mounts.as_str()),
            ONCE,
            ("resilience.breaker_in_a_row", "3"),
            ("resilience.open_for", open_for),
            ("resilience.open_most", open_for),
            ("resilience.trials", "1"),
        ]
    };
    let ask = || get("/mounted/open/echo?key=breaker");

    rig.check("opens");
    let copy = rig.copy(&settings("10m")).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    rig.note("an instance with resilience.breaker_in_a_row = 3, and a service that answers 503");
    first.ail("breaker", Some(503));
    for _ in 0..3 {
        rig.quietly(ask()).await?;
    }
    rig.must(first.arrivals("breaker") == 3, "three requests reach a service that fails");
    let refused = rig.together((0..10).map(|_| ask()).collect()).await?;
    rig.must(refused.iter().all(|reply| reply.status == 503), "ten more are answered 503");
    rig.must(first.arrivals("breaker") == 3, "and none of them reaches the service");

    rig.check("per-dependency");
    let reply = rig.send(get("/mounted/open/other/echo")).await?;
    rig.must(reply.status == 200, "another service behind the same host is asked as ever");

    rig.check("visible");
    let metrics = rig.quietly(get("/metrics").operations()).await?.text();
    let measured = metrics.contains("plimsoll_upstream_breaker_state{upstream=\"mounted\",state=\"open\"} 1");
    let view = rig.quietly(get("/v1/upstreams").bearer(&tenant.owner)).await?.json();
    let shown = view["items"].as_array().into_iter().flatten().any(|one| one["name"] == "mounted" && one["breaker"]["state"] == "open");
    rig.must(measured || shown, "metrics or the operator's view say that this breaker is open");
    drop(copy);

    rig.check("half-open");
    let copy = rig.copy(&settings("200ms")).await?;
    rig.turn_to(&copy);
    rig.note("another with resilience.open_for = \"200ms\"");
    first.ail("trial", Some(503));
    let ask = || get("/mounted/open/echo?key=trial");
    for _ in 0..3 {
        rig.quietly(ask()).await?;
    }
    let tried = rig.until(SOON, ask, |_| first.arrivals("trial") > 3).await?;
    rig.must(tried.is_some(), "after the delay a trial reaches the service that still fails");

    rig.check("closes");
    first.ail("trial", None);
    let good = rig.until(SOON, ask, |reply| reply.good()).await?;
    rig.must(good.is_some(), "when the service answers again a trial finds out");
    let replies = rig.together((0..10).map(|_| ask()).collect()).await?;
    rig.must(replies.iter().all(plimsoll_assess::rig::Reply::good), "and requests go through as before");
    Ok(())
}

/// What may be tried again is, a few times and with pauses.
pub(crate) async fn retries(rig: &mut Rig) -> Result<(), Trouble> {
    let settings = [
        ("resilience.attempts", "5"),
        ("resilience.backoff", "50ms"),
        ("resilience.retry_reserve", "100"),
        PATIENT,
        ("resilience.breaker_volume", "1000"),
    ];
    let (copy, service) = rig.copy_with_service(&settings).await?;
    rig.turn_to(&copy);
    rig.note("an instance with resilience.attempts = 5, and a service that answers 503");

    rig.check("bounded");
    service.ail("bounded", Some(503));
    rig.quietly(get("/mounted/open/echo?key=bounded")).await?;
    rig.must(service.arrivals("bounded") == 5, "a read that fails arrives five times and no more");

    rig.check("growing-gaps");
    let calls = 12;
    let (mut under_way, mut stamps) = (Vec::new(), Vec::new());
    let keys: Vec<String> = (0..calls).map(|number| format!("gaps-{number}")).collect();
    for key in &keys {
        service.ail(key, Some(503));
        let (service, key) = (service.clone(), key.clone());
        under_way.push(rig.begin(get(format!("/mounted/open/echo?key={key}")).shown("/mounted/open/echo"))?);
        stamps.push(tokio::spawn(async move {
            let mut arrived = Vec::new();
            for count in 1..=5 {
                if service.arrived(&key, count, SOON).await {
                    arrived.push(Instant::now());
                }
            }
            arrived
        }));
    }
    let mut gaps: [Vec<Duration>; 4] = Default::default();
    for (key, stamp) in keys.iter().zip(stamps) {
        let arrived = stamp.await.unwrap_or_default();
        // Where each attempt says how much time is left, the difference is the pause and never less,
        // however busy this machine is.
        let left: Vec<Duration> = service.seen(key).iter().filter_map(time_left).collect();
        let pauses = match left.len() {
            5 => left.windows(2).map(|pair| pair[0].saturating_sub(pair[1])).collect(),
            _ => arrived.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>(),
        };
        for (gaps, pause) in gaps.iter_mut().zip(pauses) {
            gaps.push(pause);
        }
    }
    for pending in under_way {
        pending.reply().await?;
    }
    let all = gaps.iter().all(|gaps| gaps.len() == calls);
    // The bound of the last is eight times the first's: nine of twelve are expected above twice of
    // it, and a busy machine makes pauses longer only.
    let grown = gaps[3].iter().filter(|gap| **gap > 2 * FIRST_PAUSE).count();
    rig.must(all && grown >= 2, "over twelve calls last pauses are more than twice as long as a first one may be");
    let spread = gaps[3].iter().max().zip(gaps[3].iter().min()).map_or(Duration::ZERO, |(most, least)| *most - *least);
    rig.must(spread > Duration::from_millis(10), "and pauses of the same number differ");

    rig.check("only-safe");
    service.ail("change", Some(503));
    rig.quietly(post("/mounted/open/echo?key=change")).await?;
    rig.must(service.arrivals("change") == 1, "a change that fails arrives once");
    rig.quietly(post("/mounted/open/effect-then-reset?key=broken")).await?;
    rig.must(service.effects("broken") == 1, "a change that broke off after its effect has one effect");

    rig.check("only-transient");
    for status in [404, 422, 500] {
        let key = format!("status-{status}");
        service.ail(&key, Some(status));
        rig.quietly(get(format!("/mounted/open/echo?key={key}"))).await?;
        rig.must(service.arrivals(&key) == 1, format!("a read that is answered {status} arrives once"));
    }
    Ok(())
}

/// What an attempt says of the time that is left for its answer.
fn time_left(seen: &Seen) -> Option<Duration> {
    seen.header("x-request-timeout-ms")?.parse().ok().map(Duration::from_millis)
}

/// Nobody waits for ever for a service.
pub(crate) async fn outbound(rig: &mut Rig) -> Result<(), Trouble> {
    let settings = [
        ONCE,
        PATIENT,
        ("resilience.attempt_timeout", "300ms"),
        ("resilience.read_places", "1"),
        ("resilience.least_places", "1"),
        ("resilience.patience", "200ms"),
        ("service.answer_timeout", "20s"),
        ("service.idle_timeout", "300ms"),
        ("service.stream_idle_timeout", "300ms"),
    ];
    let (copy, service) = rig.copy_with_service(&settings).await?;
    rig.turn_to(&copy);
    rig.note(
        "an instance with resilience.attempt_timeout = \"300ms\", and service.idle_timeout and service.stream_idle_timeout = \"300ms\"",
    );

    rig.check("calls-bounded");
    let reply = rig.send(get("/mounted/open/slow?ms=3000")).await?;
    rig.must(reply.status == 504, "a request that a service does not answer in time is answered 504");
    let reply = rig.send(get("/mounted/open/slow?ms=1")).await?;
    rig.must(reply.status == 200, "one that it answers in time is not");

    rig.check("no-endless-wait");
    service.hold("drip");
    let heading = rig.heading();
    for (media, what) in [("text/plain", "an answer"), ("text/event-stream", "a stream of events")] {
        let mut wire = rig.wire().await?;
        wire.write(format!("GET /mounted/open/drip?key=drip&n=3&type={media} HTTP/1.1\r\n{heading}\r\n")).await;
        let (_, closed) = wire.rest(SOON).await;
        rig.must(closed, format!("{what} that stands still in its middle is cut"));
    }
    service.hold("place");
    let asks = (0..3).map(|_| get("/mounted/open/echo?key=place")).collect();
    let replies = rig.together(asks).await?;
    let told = replies.iter().all(|reply| matches!(reply.status, 503 | 504));
    rig.must(told, "who waits for a place at a service that does not answer is told so as well");
    Ok(())
}

const FALLBACK: (&str, &str) = ("resilience.fallbacks", "{ \"GET /mounted/open/echo\" = \"{\\\"default\\\":true}\" }");

/// A declared answer in place of none, said to be one.
pub(crate) async fn fallback(rig: &mut Rig) -> Result<(), Trouble> {
    let ask = || get("/mounted/open/echo?key=fallback");
    rig.check("serves-last-good");
    let (copy, service) = rig.copy_with_service(&[ONCE, PATIENT, FALLBACK]).await?;
    rig.turn_to(&copy);
    let own = rig.quietly(ask()).await?;
    rig.must(own.good() && own.str("/method") == "GET", "a service that answers is heard");
    service.ail("fallback", Some(503));
    rig.note("an instance with a fallback for this path, and a service that answers 503");
    let instead = rig.send(ask()).await?;
    rig.must(instead.good() && instead.json()["default"] == true, "one that fails is replaced by the declared answer");

    rig.check("marked");
    rig.must(instead.header("x-plimsoll-degraded").is_some_and(|mark| !mark.is_empty()), "which says that it is one");
    rig.must(own.header("x-plimsoll-degraded").is_none(), "the service's own answer does not");
    drop(copy);

    rig.check("bounded-age");
    let (copy, service) = rig.copy_with_service(&[ONCE, PATIENT, FALLBACK, ("resilience.fallback_for", "1ms")]).await?;
    rig.turn_to(&copy);
    rig.note("another with resilience.fallback_for = \"1ms\"");
    service.ail("fallback", Some(503));
    let reply = rig.until(SOON, ask, |reply| reply.status == 503).await?;
    rig.must(reply.is_some(), "when the last good answer is longer ago than stated, the failure is told");
    Ok(())
}

/// A service that is away takes nothing else with it.
pub(crate) async fn degraded(rig: &mut Rig) -> Result<(), Trouble> {
    let (copy, service) = rig.copy_with_service(&[ONCE]).await?;
    rig.turn_to(&copy);
    rig.quietly(get("/mounted/open/echo")).await?;
    service.refuse(true).await;
    rig.note("a mounted service takes no connections any more");
    rig.check("stays-up");
    for path in ["/docs", "/health/ready"] {
        let reply = rig.send(get(path)).await?;
        rig.must(reply.good(), "what does not need the service is answered");
    }
    rig.check("reduced");
    let reply = rig.send(get("/mounted/open/echo")).await?;
    rig.must((502..=504).contains(&reply.status), "what needs the service is refused as what it is");
    rig.check("says-so");
    rig.must(reply.str("/code").starts_with("PLM-UPS-"), "the refusal names the service as what is missing");
    let said = told(rig, "degraded").await?;
    rig.must(said, "health says degraded");
    service.refuse(false).await;
    let healed = told(rig, "ready").await?;
    rig.must(healed, "and ready when the service is back");
    Ok(())
}

/// Whether health comes to say this word, to strangers or to operators.
async fn told(rig: &mut Rig, word: &str) -> Result<bool, Trouble> {
    let end = Instant::now() + 2 * SOON;
    while Instant::now() < end {
        for ask in [get("/health"), get("/health").operations()] {
            if rig.quietly(ask).await?.str("/status") == word {
                return Ok(true);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(false)
}
