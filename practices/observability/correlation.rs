//! One id for a request, wherever it leaves a trace.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Seen, get, post},
};
use serde_json::json;

use crate::{reliability::logged, resource};

/// Ids that must not come back: they would break a log line, a header or a page.
const HOSTILE: &[&str] = &["<script>alert(1)</script>", "a b", "a\"b", "{\"a\":1}", "a;b=c", "\u{e4}\u{f6}"];
/// How long a trace may take to leave.
const EXPORTED: Duration = Duration::from_secs(6);

/// Ids of our own, hostile ones, and none.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let mark: u64 = u64::from_le_bytes(rig.seed.bytes());
    let own = format!("probe-{mark:016x}");
    rig.check("taken-or-made");
    let tenant = rig.tenant().await?;
    let reply = rig.send(get("/v1/auth/me").bearer(&tenant.owner).header("x-request-id", &own)).await?;
    rig.must(reply.header("x-request-id") == Some(own.as_str()), "a harmless id of the caller comes back");
    for (number, bad) in HOSTILE.iter().map(|bad| (*bad).to_owned()).chain(["x".repeat(500)]).enumerate() {
        let ask = get("/v1/auth/me").bearer(&tenant.owner).header("x-request-id", &bad);
        let reply = rig.quietly(ask).await?;
        let shown = reply.header("x-request-id").unwrap_or("");
        let safe =
            !shown.is_empty() && shown.len() <= 128 && shown.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte));
        rig.must(safe && shown != bad, format!("hostile id number {} is replaced by one of the service", number + 1));
    }
    let mut made = Vec::new();
    for _ in 0..2 {
        made.push(rig.send(get("/v1/auth/me").bearer(&tenant.owner)).await?.header("x-request-id").unwrap_or("").to_owned());
    }
    rig.must(!made[0].is_empty() && made[0] != made[1], "without an id each request gets one of its own");

    rig.check("returned");
    let asks = [
        ("a success", get("/docs")),
        ("an address that is not there", get("/nothing-is-here")),
        ("a call without credential", get("/v1/auth/me")),
        ("a foreign host", get("/docs").header("host", "evil.example")),
        ("a body that cannot be read", post("/v1/auth/login").header("content-type", "application/json").body("{")),
    ];
    for (what, ask) in asks {
        let reply = rig.send(ask).await?;
        let (shown, told) = (reply.header("x-request-id").unwrap_or(""), reply.str("/request_id"));
        rig.must(!shown.is_empty(), format!("the answer to {what} carries the id"));
        rig.must(reply.status < 400 || told.is_empty() || told == shown, format!("the document of the answer to {what} has no other id"));
    }

    rig.check("logged");
    let marker = format!("mark-{mark:016x}");
    let body = json!({ "mark": marker, "canary": "none" });
    let reply = rig.send(post("/v1/rehearsal/log").bearer(&tenant.owner).json(&body)).await?;
    let id = reply.header("x-request-id").unwrap_or("-").to_owned();
    let lines = logged(rig, &[&marker]).await;
    rig.must(!lines.is_empty() && lines.iter().all(|line| line.contains(&id)), "every line that the handler wrote holds the id");

    rig.check("passed-on");
    if rig.service().is_ok() {
        for (ask, what) in
            [(get("/mounted/echo"), "made here"), (get("/mounted/echo").header("x-request-id", &own), "that the caller brought")]
        {
            let reply = rig.send(ask.bearer(&tenant.owner)).await?;
            let told = Seen::told(&reply).unwrap_or_default();
            let same = reply.header("x-request-id").is_none_or(|id| told.header("x-request-id") == Some(id));
            rig.must(
                same && told.header("x-request-id").is_some(),
                format!("a mounted service is told the id {what}, as the answer carries it"),
            );
        }
    }
    let target = resource::resources(rig).await?.remove(0);
    let trace = format!("{mark:032x}");
    let ask = post(&target.path).bearer(&tenant.owner).json(&target.example).header("traceparent", format!("00-{trace}-{mark:016x}-01"));
    let reply = rig.send(ask).await?;
    let id = reply.header("x-request-id").unwrap_or("-").to_owned();
    rig.must(reply.good() && id != "-", "a change is made and its answer carries the id");
    let list = rig.quietly(get("/v1/audit?page_size=100").bearer(&tenant.owner)).await?;
    let object = reply.json()["id"].to_string();
    let wanted = format!("{}/{}", target.path.trim_start_matches("/v1/"), object.trim_matches('"'));
    // Where no entry was kept or no trace was sent, that is another practice's to find out.
    let entries: Vec<_> = resource::items(&list).into_iter().filter(|entry| entry.to_string().contains(&wanted)).collect();
    rig.must(entries.iter().all(|entry| entry.to_string().contains(&id)), "the ledger entry of the change holds the id");
    if let Some(sent) = exported(rig, &trace).await {
        rig.must(sent.contains(&id), "the trace that left for the collector holds the id");
    }
    Ok(())
}

/// The document with this trace, once the collector has it.
async fn exported(rig: &Rig, trace: &str) -> Option<String> {
    let end = tokio::time::Instant::now() + EXPORTED;
    loop {
        let heard = rig.ground().collector.as_ref()?.heard();
        if let Some(document) = heard.into_iter().find(|heard| heard.text.contains(trace)) {
            return Some(document.text);
        }
        if tokio::time::Instant::now() >= end {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
