//! What the service counts.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{get, post},
};
use serde_json::json;

use crate::figures::Figures;

const REQUESTS: &str = "http_server_request_duration_seconds";

async fn page(rig: &mut Rig) -> Result<Figures, Trouble> {
    let reply = rig.quietly(get("/metrics").operations()).await?;
    if reply.status != 200 {
        return Err(Trouble::new(format!("there are no metrics: {}", reply.line())));
    }
    Figures::read(&reply.text()).map_err(|line| Trouble::new(format!("the metrics cannot be read at: {line}")))
}

/// A page that a scraper reads, and that callers cannot make grow.
pub(crate) async fn exposed(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("exposition");
    let reply = rig.send(get("/metrics").operations()).await?;
    if !rig.must(reply.status == 200, "the operations listener answers GET /metrics") {
        return Ok(());
    }
    let media = reply.header("content-type").unwrap_or("");
    rig.must(media.starts_with("text/plain") && media.contains("version=0.0.4"), "the answer is in the text format 0.0.4");
    let figures = Figures::read(&reply.text()).unwrap_or_default();
    rig.must(!figures.samples.is_empty(), "a strict parser accepts each line");
    let typed = figures.samples.iter().all(|sample| figures.family(&sample.name).is_some());
    rig.must(typed, "each sample belongs to a family whose kind is announced");
    for kind in ["counter", "gauge"] {
        rig.must(figures.kinds.values().any(|found| found == kind), format!("there is a {kind}"));
    }

    rig.check("bounded");
    let word = format!("path{:012x}", u64::from_le_bytes(rig.seed.bytes()) >> 16);
    let asks = (0..200).map(|number| get(format!("/{word}/{number}?{word}={number}"))).collect();
    rig.together(asks).await?;
    for method in ["BREW", "WHEN", "PROPFIND"] {
        let method = http::Method::from_bytes(method.as_bytes()).map_err(|error| Trouble::new(error.to_string()))?;
        rig.quietly(plimsoll_assess::rig::request(method, format!("/{word}"))).await?;
    }
    rig.note("GET on 200 addresses where there is nothing, and methods that nobody knows");
    let figures = page(rig).await?;
    let named = figures.samples.iter().any(|sample| sample.labels.values().any(|value| value.contains(&word)));
    rig.must(!named, "no label takes its value from an address");
    let invented = |value: &String| ["BREW", "WHEN"].contains(&value.as_str());
    rig.must(!figures.samples.iter().any(|sample| sample.labels.values().any(invented)), "nor from a method that a caller invented");
    let without =
        figures.samples.iter().filter(|sample| sample.name == format!("{REQUESTS}_count") && !sample.labels.contains_key("http_route"));
    rig.must(without.count() < 40, "200 addresses do not become 200 series");
    Ok(())
}

/// Requests raise the series of their route by their number.
pub(crate) async fn counted(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    rig.note("an instance that nobody else asks");
    let before = page(rig).await?;
    for _ in 0..7 {
        rig.quietly(get("/v1/songs").bearer(&tenant.owner)).await?;
    }
    for number in 1..=3 {
        rig.quietly(get(format!("/v1/songs/{number}")).bearer(&tenant.owner)).await?;
    }
    for _ in 0..2 {
        rig.quietly(post("/v1/rehearsal/fail").bearer(&tenant.owner).json(&json!({ "canary": "counted" }))).await?;
    }
    let passed = rig.service().is_ok();
    for number in (1..=4).filter(|_| passed) {
        rig.quietly(get(format!("/mounted/echo/{number}")).bearer(&tenant.owner)).await?;
    }
    let after = page(rig).await?;
    let name = format!("{REQUESTS}_count");
    let rise = |labels: &[(&str, &str)]| after.sum(&name, labels) - before.sum(&name, labels);
    let is = |found: f64, wanted: u32| (found - f64::from(wanted)).abs() < 0.5;

    rig.check("count");
    let read = rise(&[("http_route", "/v1/songs"), ("http_request_method", "GET"), ("http_response_status_code", "200")]);
    rig.must(is(read, 7), "seven reads of a list raise the series of its route, method and status by seven");
    let missed = rise(&[("http_route", "/v1/songs/{id}"), ("http_request_method", "GET"), ("http_response_status_code", "404")]);
    rig.must(is(missed, 3), "three reads of three unknown ids raise one series, under the template, by three");
    if passed {
        let mounted = after.samples.iter().filter(|one| one.labels.get("http_route").is_some_and(|route| route.starts_with("/mounted")));
        let routes: std::collections::BTreeSet<&str> = mounted.filter_map(|one| one.labels.get("http_route")).map(String::as_str).collect();
        let answered = routes.iter().map(|route| rise(&[("http_route", *route), ("http_response_status_code", "200")])).sum();
        let single = routes.len() == 1 && is(answered, 4);
        rig.must(single, "four paths of a mounted service raise one series, under the rule that let them in, by four");
    }
    rig.check("errors");
    let failed = rise(&[("http_route", "/v1/rehearsal/fail"), ("http_response_status_code", "500")]);
    rig.must(is(failed, 2), "two failures inside raise the series of their route and status 500 by two");
    rig.check("duration");
    rig.must(after.kinds.get(REQUESTS).is_some_and(|kind| kind == "histogram"), "the duration is a histogram");
    let route = ("http_route", "/v1/songs");
    let buckets: Vec<f64> = after
        .samples
        .iter()
        .filter(|one| one.name == format!("{REQUESTS}_bucket") && one.labels.get(route.0).is_some_and(|found| found == route.1))
        .map(|one| one.value)
        .collect();
    rig.must(buckets.len() >= 10 && buckets.windows(2).all(|pair| pair[0] <= pair[1]), "its buckets rise");
    let all = after.sum(&format!("{REQUESTS}_bucket"), &[route, ("le", "+Inf")]);
    rig.must(is(all - after.sum(&name, &[route]), 0), "the last bucket holds as many as were counted");
    rig.must(after.sum(&format!("{REQUESTS}_sum"), &[route]) > 0.0, "the time adds up");
    Ok(())
}

/// Strangers see no metrics.
pub(crate) async fn secured(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("not-public");
    for path in ["/metrics", "/v1/metrics", "/health/pool", "/health/db"] {
        let reply = rig.send(get(path)).await?;
        rig.must(matches!(reply.status, 401 | 403 | 404), "the public listener shows no figures");
        rig.must(!reply.text().contains("# TYPE"), "nor in the body of its refusal");
    }
    rig.check("own-listener");
    let (public, private) = (rig.site().base.clone(), rig.site().operations.clone());
    rig.must(private.is_some_and(|private| private != public), "figures have a listener of their own");
    rig.send(get("/health").operations()).await?;
    let songs = rig.send(get("/v1/songs").operations()).await?;
    rig.must(songs.status == 404, "which answers nothing of the service itself");
    Ok(())
}
