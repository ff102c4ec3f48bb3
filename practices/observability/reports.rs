//! What the service sends to those who collect: spans and error reports.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Collector, Heard, get, post},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How long a document may be on its way.
const PATIENCE: Duration = Duration::from_secs(6);

/// The collector of this run.
///
/// # Errors
/// When there is none.
pub(crate) fn collector(rig: &Rig) -> Result<&Collector, Trouble> {
    rig.ground().collector.as_ref().ok_or_else(|| Trouble::new("nothing receives what the service sends out"))
}

/// An address of error reports at the collector that no other probe uses.
///
/// # Errors
/// When there is no collector.
pub(crate) fn dsn(rig: &Rig, project: u32) -> Result<String, Trouble> {
    let base = &collector(rig)?.base;
    Ok(format!("{}/{project}", base.replacen("://", "://probe@", 1)))
}

/// Waits until something arrived that is wanted, or for as long as it may be on its way; all of it.
///
/// # Errors
/// When there is no collector.
pub(crate) async fn arrived(rig: &Rig, wanted: impl Fn(&Heard) -> bool) -> Result<Vec<Heard>, Trouble> {
    let end = Instant::now() + PATIENCE;
    loop {
        let heard: Vec<Heard> = collector(rig)?.heard().into_iter().filter(|heard| wanted(heard)).collect();
        if !heard.is_empty() || Instant::now() >= end {
            return Ok(heard);
        }
        sleep(Duration::from_millis(25)).await;
    }
}

/// The event in a Sentry envelope: the line after the head of its item.
fn event(heard: &Heard) -> Value {
    heard.text.lines().nth(2).and_then(|line| serde_json::from_str(line).ok()).unwrap_or(Value::Null)
}

/// A failure inside arrives at the tracker, once, with what is needed to find it.
pub(crate) async fn tracked(rig: &mut Rig) -> Result<(), Trouble> {
    const PROJECT: u32 = 7001;
    let dsn = dsn(rig, PROJECT)?;
    let copy = rig.copy(&[("telemetry.sentry_dsn", &dsn)]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let name = format!("canary {:016x}", u64::from_le_bytes(rig.seed.bytes()));
    for _ in 0..5 {
        rig.quietly(post("/v1/rehearsal/fail").bearer(&tenant.owner).json(&json!({ "canary": "tracked" }))).await?;
    }
    rig.quietly(post("/v1/rehearsal/pair").bearer(&tenant.owner).json(&json!({ "name": name, "second": "error" }))).await?;

    rig.check("reported");
    let path = format!("/api/{PROJECT}/");
    // Reports leave in order: when the last is there, all are.
    let last = arrived(rig, |heard| heard.path.starts_with(&path) && heard.text.contains("/v1/rehearsal/pair")).await?;
    rig.must(last.len() == 1, "a failure inside arrives at the tracker");
    rig.check("grouped");
    let all: Vec<Heard> = collector(rig)?.heard().into_iter().filter(|heard| heard.path.starts_with(&path)).collect();
    let of_the_five: Vec<Value> = all.iter().map(event).filter(|event| event["transaction"] == "/v1/rehearsal/fail").collect();
    rig.must(of_the_five.len() == 1, "five failures of one cause are one event");
    let last = last.first().map(event).unwrap_or_default();
    let groups: Vec<&Value> = of_the_five.iter().chain([&last]).map(|event| &event["fingerprint"]).collect();
    rig.must(groups.windows(2).all(|pair| pair[0] != pair[1] && pair[0].is_array()), "two causes are two groups");
    rig.check("context");
    let starts = |pointer: &str, with: &str| last.pointer(pointer).and_then(Value::as_str).is_some_and(|text| text.starts_with(with));
    rig.must(starts("/release", "plimsoll@"), "the event names the release");
    rig.must(starts("/tags/request_id", "req_"), "and the request");
    rig.must(starts("/user/id", "key_"), "and who asked, as an id");
    rig.must(last.pointer("/exception/values/0/stacktrace/frames/0/filename").is_some(), "and the place in the code");
    rig.check("no-secrets");
    let told = last.to_string();
    rig.must(!told.is_empty() && last.is_object() && !told.contains(&tenant.owner), "the credential of the request is not in it");
    rig.must(last.is_object() && !told.contains(&name), "nor is what stood in the request's body");
    Ok(())
}

/// A caller's trace goes on here, and is exported.
pub(crate) async fn traced(rig: &mut Rig) -> Result<(), Trouble> {
    let ids: [u128; 3] = std::array::from_fn(|_| u128::from_le_bytes(rig.seed.bytes()) | 1);
    let parent = u64::from_le_bytes(rig.seed.bytes()) | 1;
    let [followed, silent, broken] = ids.map(|id| format!("{id:032x}"));
    let tenant = rig.tenant().await?;
    let ask = || get("/v1/songs").bearer(&tenant.owner);
    rig.quietly(ask().header("traceparent", format!("00-{silent}-{parent:016x}-00"))).await?;
    rig.quietly(ask().header("traceparent", format!("00-{broken}-{parent:016x}-01-more"))).await?;
    rig.quietly(ask().header("traceparent", format!("00-{followed}-{parent:016x}-01"))).await?;

    rig.check("otlp");
    // Spans leave in order: when the last is there, all are.
    let heard = arrived(rig, |heard| heard.text.contains(&followed)).await?;
    rig.must(heard.iter().any(|heard| heard.path == "/v1/traces"), "the span of a request arrives at the collector by OTLP");
    let spans: Vec<Value> = heard.iter().filter_map(|heard| serde_json::from_str(&heard.text).ok()).flat_map(|page| spans(&page)).collect();
    let span = spans.into_iter().find(|span| span["traceId"] == followed.as_str()).unwrap_or(Value::Null);
    rig.must(span["name"] == "GET /v1/songs" && span["kind"] == 2, "it is a server's span and named after the route");
    rig.check("w3c");
    rig.must(span["traceId"] == followed.as_str(), "a caller's traceparent is continued under the same trace");
    rig.must(span["parentSpanId"] == format!("{parent:016x}"), "the caller's span is the parent");
    let own = span["spanId"].as_str().unwrap_or("");
    rig.must(own.len() == 16 && own != format!("{parent:016x}"), "the request's span has an id of its own");
    let everything = collector(rig)?.heard();
    let known = |id: &String| everything.iter().any(|heard| heard.text.contains(id));
    rig.must(!known(&silent), "a trace that its caller does not sample is not exported");
    rig.must(!known(&broken), "a traceparent that is malformed is not continued");
    rig.check("inside");
    let steps = span["events"].as_array().map_or(0, Vec::len);
    rig.must(steps >= 5, "the span has an event for each step of the request inside the service");
    Ok(())
}

fn spans(page: &Value) -> Vec<Value> {
    let scopes = page["resourceSpans"].as_array().into_iter().flatten().flat_map(|one| one["scopeSpans"].as_array().into_iter().flatten());
    scopes.flat_map(|scope| scope["spans"].as_array().cloned().unwrap_or_default()).collect()
}
