//! One kind of work that is stuck leaves room for the others.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Wire, get, post},
};
use serde_json::json;

use crate::resource;

/// How long the instance may take to have taken the places.
const SOON: Duration = Duration::from_secs(4);

/// An instance with two places for reads and one for changes, and handlers that do not come back.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("own-bound");
    let copy = rig
        .copy(&[
            ("limits.read_places", "2"),
            ("limits.write_places", "1"),
            // A place taken for a moment by one of our questions must not turn the stuck away.
            ("limits.queue", "8"),
            ("limits.patience", "300ms"),
            ("server.handler_timeout", "20s"),
            ("server.body_timeout", "20s"),
            ("resilience.read_places", "1"),
            ("resilience.least_places", "1"),
            ("resilience.queue", "0"),
        ])
        .await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let target = resource::resources(rig).await?.remove(0);
    let key = tenant.owner.clone();
    let read = || get(&target.path).bearer(&key);
    let change = || post(&target.path).bearer(&key).json(&target.example);

    let stuck =
        [hold(rig, &key, "GET /v1/rehearsal/slow?ms=15000", "").await?, hold(rig, &key, "GET /v1/rehearsal/slow?ms=15000", "").await?];
    rig.note("two reads that do not come back");
    let refused = rig.until(SOON, read, |reply| reply.status == 503).await?;
    rig.must(refused.is_some(), "with both places taken, a further read is refused with 503");

    rig.check("excess-refused");
    let retry = refused.as_ref().and_then(|reply| reply.header("retry-after")?.parse::<u32>().ok());
    rig.must(retry.is_some(), "the refusal says with Retry-After when to come back");

    rig.check("no-starvation");
    for (what, ask) in [("a change", change()), ("a page", get("/docs")), ("a question about health", get("/health/live"))] {
        let reply = rig.quietly(ask).await?;
        rig.must(reply.status != 503, format!("while reads are stuck, {what} is answered"));
    }
    drop(stuck);
    let free = rig.until(SOON, read, |reply| reply.good()).await?;
    rig.must(free.is_some(), "when the stuck reads have gone, reads are answered again");
    let body = json!({ "ms": 15_000, "name": "stuck" }).to_string();
    let stuck = hold(rig, &key, "POST /v1/rehearsal/slow", &body).await?;
    rig.note("a change that does not come back");
    let refused = rig.until(SOON, change, |reply| reply.status == 503).await?;
    rig.must(refused.is_some(), "with its place taken, a further change is refused with 503");
    let reply = rig.quietly(read()).await?;
    rig.must(reply.good(), "while changes are stuck, a read is answered");
    drop(stuck);
    let service = rig.service()?;
    service.hold("bulkhead");
    let stuck = rig.begin(get("/mounted/open/echo?key=bulkhead"))?;
    rig.note("a mounted service that does not come back");
    rig.must(service.holding("bulkhead", 1, SOON).await, "a request reaches a mounted service and is stuck there");
    let refused = rig.quietly(get("/mounted/open/echo")).await?;
    rig.must(refused.status == 503, "with its place taken, a further request for that service is refused with 503");
    let reply = rig.quietly(read()).await?;
    rig.must(reply.good(), "while the service is stuck, a read of the host's own is answered");
    service.release("bulkhead");
    stuck.reply().await?;
    Ok(())
}

/// Sends a request and leaves its connection open; the place is free again when it is dropped.
async fn hold(rig: &mut Rig, key: &str, line: &str, body: &str) -> Result<Wire, Trouble> {
    let heading = rig.heading();
    let mut wire = rig.wire().await?;
    let head = format!(
        "{line} HTTP/1.1\r\n{heading}Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    if wire.write(head + body).await { Ok(wire) } else { Err(Trouble::new("a request could not be sent")) }
}
