//! What the service writes into its log.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{get, post},
};
use serde_json::{Value, json};

use crate::log::{Line, Log};

/// Every line of a stretch of hostile traffic is one object with the fields that all have.
pub(crate) async fn structured(rig: &mut Rig) -> Result<(), Trouble> {
    let log = Log::of(rig)?;
    let tenant = rig.tenant().await?;
    let from = log.mark();
    let mark = mark(rig);
    // A bug below may cost the connection; its line is what matters here.
    let _ = rig.quietly(post("/v1/rehearsal/panic").bearer(&tenant.owner).json(&json!({ "canary": "structured" }))).await;
    for path in ["/v1/songs?q=%22%0A%7B%7D%5C", "/v1/%22%7B%0D%0A", "/v1/rehearsal/slow?ms=0"] {
        rig.quietly(get(path).bearer(&tenant.owner).header("x-request-id", "}{=+/").header("user-agent", "\"}\\")).await?;
    }
    let careless = json!({ "mark": mark, "canary": "structured" });
    rig.quietly(post("/v1/rehearsal/log").bearer(&tenant.owner).json(&careless)).await?;
    let marked = log.wait_for(2, |line| line.text.contains(&mark)).await;
    if marked.len() < 2 {
        return Err(Trouble::new("the line that was to be written is not in the log"));
    }
    let text = log.since(from);
    let objects: Vec<Option<Value>> = text.lines().map(|line| serde_json::from_str(line).ok().filter(Value::is_object)).collect();

    rig.check("every-line");
    rig.must(objects.iter().all(Option::is_some), "each line of a stretch with a panic and hostile input is one JSON object");
    rig.check("base-fields");
    let word = |object: &Value, name: &str| object[name].as_str().is_some_and(|text| !text.is_empty());
    let whole = |object: &Value| ["time", "level", "target", "message"].iter().all(|name| word(object, name));
    rig.must(objects.iter().flatten().all(whole) && objects.iter().any(Option::is_some), "each has time, level, target and message");
    let stamped =
        |object: &Value| object["time"].as_str().is_some_and(|time| time.len() >= 20 && time.contains('T') && time.ends_with('Z'));
    rig.must(objects.iter().flatten().all(stamped), "each time is RFC 3339 in UTC");
    let known = ["error", "warn", "info", "debug", "trace"];
    let levelled = |object: &Value| object["level"].as_str().is_some_and(|level| known.contains(&level));
    rig.must(objects.iter().flatten().all(levelled), "each level is one of five words");
    rig.check("fields-apart");
    let ours: Vec<&Value> = objects.iter().flatten().filter(|object| object["mark"] == mark.as_str()).collect();
    rig.must(ours.len() == 2, "a value that the code logs stands in a field of its own");
    let inside = |object: &Value| object["message"].as_str().is_some_and(|message| message.contains(&mark));
    rig.must(!objects.iter().flatten().any(inside), "and not inside the message");
    Ok(())
}

/// Lines say on whose behalf they were written.
pub(crate) async fn context(rig: &mut Rig) -> Result<(), Trouble> {
    let log = Log::of(rig)?;
    let tenant = rig.tenant().await?;
    let caller = rig.address().unwrap_or("127.0.0.1").to_owned();
    let marks = [mark(rig), mark(rig)];
    for mark in &marks {
        let careless = json!({ "mark": mark, "canary": "context" });
        rig.quietly(post("/v1/rehearsal/log").bearer(&tenant.owner).json(&careless)).await?;
    }
    rig.quietly(post("/v1/rehearsal/fail").bearer(&tenant.owner).json(&json!({ "canary": "context" }))).await?;
    let failed = log.wait_for(1, |line| line.tells_of("/v1/rehearsal/fail", &caller)).await;
    let written = log.wait_for(4, |line| marks.iter().any(|mark| line.get("mark") == mark)).await;

    rig.check("ids");
    let ids = |mark: &String| -> Vec<String> {
        written.iter().filter(|line| line.get("mark") == mark).map(|line| line.get("request_id").to_owned()).collect()
    };
    let (first, second) = (ids(&marks[0]), ids(&marks[1]));
    rig.must(first.len() == 2 && !first[0].is_empty(), "a line written by the code of a request carries the request's id");
    rig.must(first.windows(2).all(|pair| pair[0] == pair[1]), "two lines of one request carry the same");
    rig.must(first.first() != second.first(), "lines of two requests carry two");
    let failed = failed.first().cloned().unwrap_or_default();
    rig.must(!failed.get("request_id").is_empty(), "so does the line of a failed request");
    rig.check("who-where");
    rig.must(failed.get("tenant").starts_with("ten_"), "the line of a failed request says for which tenant it ran");
    rig.must(failed.get("principal").starts_with("key_"), "and who asked, as an id");
    rig.must(failed.get("route") == "/v1/rehearsal/fail", "and by which route");
    rig.check("cause");
    rig.must(!failed.get("code").is_empty(), "it names the error");
    rig.must(failed.get("cause").contains("disk I/O error"), "and its underlying cause");
    rig.must(failed.get("at").contains(".rs:"), "and the place in the code");
    Ok(())
}

/// The log is as loud as the configuration says, and at no level repeats a statement's values.
pub(crate) async fn levels(rig: &mut Rig) -> Result<(), Trouble> {
    let quiet = rig.copy(&[("telemetry.level", "error"), ("telemetry.format", "text")]).await?;
    rig.turn_to(&quiet);
    let tenant = rig.tenant_on(&quiet).await?;
    let log = Log::of_copy(&quiet);
    rig.check("from-config");
    rig.note("an instance with telemetry.level = \"error\" and telemetry.format = \"text\"");
    rig.quietly(get("/v1/songs").bearer(&tenant.owner)).await?;
    rig.quietly(post("/v1/rehearsal/log").bearer(&tenant.owner).json(&json!({ "mark": "levels", "canary": "levels" }))).await?;
    rig.quietly(post("/v1/rehearsal/fail").bearer(&tenant.owner).json(&json!({ "canary": "levels" }))).await?;
    let failed = log.wait_for(1, |line| line.get("route") == "/v1/rehearsal/fail").await;
    rig.must(failed.len() == 1, "a failure leaves a line");
    let lines = log.lines();
    rig.must(!lines.iter().any(|line| line.get("route") == "/v1/songs"), "a request that went well leaves none");
    rig.must(!lines.iter().any(|line| line.get("mark") == "levels"), "a warning leaves none");
    rig.must(failed.iter().all(|line| !line.text.starts_with('{')), "lines are written in words where the configuration says so");
    drop(quiet);

    rig.check("no-echo");
    let loud = rig.copy(&[("telemetry.level", "trace")]).await?;
    rig.turn_to(&loud);
    let tenant = rig.tenant_on(&loud).await?;
    let (log, word) = (Log::of_copy(&loud), mark(rig));
    rig.note("an instance with telemetry.level = \"trace\"");
    rig.quietly(get(format!("/v1/artists?q={word}")).bearer(&tenant.owner)).await?;
    let made = rig.quietly(post("/v1/artists").bearer(&tenant.owner).json(&json!({ "name": word }))).await?;
    if !made.good() {
        return Err(Trouble::new(format!("an artist was not made: {}", made.line())));
    }
    rig.quietly(post("/v1/rehearsal/fail").bearer(&tenant.owner).json(&json!({ "canary": "levels" }))).await?;
    log.wait_for(1, |line| line.get("route") == "/v1/rehearsal/fail").await;
    rig.must(!log.text().contains(&word), "a value that was searched for and stored stands nowhere in the log");
    Ok(())
}

/// One line per request, whatever became of it.
pub(crate) async fn access(rig: &mut Rig) -> Result<(), Trouble> {
    let log = Log::of(rig)?;
    let tenant = rig.tenant().await?;
    let caller = rig.address().unwrap_or("127.0.0.1").to_owned();
    let read = rig.quietly(get("/v1/songs").bearer(&tenant.owner)).await?;
    let passed = rig.service().is_ok();
    if passed {
        rig.quietly(get("/mounted/status/404?token=hidden").bearer(&tenant.owner)).await?;
    }
    rig.quietly(get("/no/such/address")).await?;
    rig.quietly(get("/v1/artists")).await?;
    let mut wire = rig.wire().await?;
    let head = format!("POST /v1/songs HTTP/1.1\r\n{}Content-Length: 99999999\r\n\r\n", rig.heading());
    wire.write(head).await;
    wire.head(Duration::from_secs(5)).await;
    drop(wire);
    let mut wire = rig.wire().await?;
    let key = &tenant.owner;
    let head = format!("GET /v1/rehearsal/slow?ms=60000 HTTP/1.1\r\n{}Authorization: Bearer {key}\r\n\r\n", rig.heading());
    wire.write(head).await;
    // The next answer shows that the request before it was read; then its caller leaves.
    wire.head(Duration::from_millis(100)).await;
    drop(wire);

    rig.check("one-line");
    log.wait_for(1, |line| line.tells_of("/v1/rehearsal/slow", &caller)).await;
    let lines = log.wait_for(1, |line| line.get("caller") == caller).await;
    // Whether a body is refused before or after its route is known is not the matter here.
    let fits = |line: &Line, route: &str| route == "any" || line.get("route") == route;
    let count = |route: &str, method: &str| lines.iter().filter(|line| fits(line, route) && line.get("method") == method).count();
    for (route, method, what) in [
        ("/v1/songs", "GET", "a request that was answered"),
        ("-", "GET", "a request to an address where there is nothing"),
        ("/v1/artists", "GET", "a request without a credential"),
        ("any", "POST", "a request with too large a body"),
        ("/v1/rehearsal/slow", "GET", "a request whose caller left"),
    ] {
        rig.must(count(route, method) == 1, format!("{what} leaves exactly one line"));
    }
    if passed {
        let told: Vec<&Line> = lines.iter().filter(|line| line.get("route").starts_with("/mounted")).collect();
        rig.must(told.len() == 1, "a request that a mounted service answered leaves exactly one line");
        rig.must(told.iter().all(|line| line.get("status") == "404"), "with the status that the mounted service gave");
    }
    rig.check("fields");
    let line = lines.iter().find(|line| line.get("route") == "/v1/songs" && line.get("method") == "GET").cloned().unwrap_or_default();
    rig.must(line.get("status") == read.status.to_string(), "the line holds the status that was answered");
    rig.must(line.get("duration_ms").parse::<f64>().is_ok_and(|took| took > 0.0), "and the duration in milliseconds");
    rig.must(line.get("response_bytes") == read.body.len().to_string(), "and the size of the answer");
    rig.check("duration-header");
    let told = read.header("server-timing").or(read.header("x-process-time")).unwrap_or("");
    let number = told.rsplit('=').next().unwrap_or("").parse::<f64>();
    rig.must(number.is_ok_and(|took| took >= 0.0), "the answer says in Server-Timing or X-Process-Time how long it took");
    Ok(())
}

/// A word that stands nowhere else.
fn mark(rig: &Rig) -> String {
    format!("mark{:016x}", u64::from_le_bytes(rig.seed.bytes()))
}
