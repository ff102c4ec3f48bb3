//! Nobody keeps a place by being slow.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Wire, get, status_of},
};

/// How long an end may take that is due after 300 ms: generous, for machines with other work.
const LIMIT: Duration = Duration::from_secs(4);
/// Between two bytes of a caller that trickles.
const DRIP: Duration = Duration::from_millis(100);

/// Slow heads, slow bodies and a slow handler, on an instance with short bounds.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("slow-head");
    // The handler's bound is the widest: a late body must not meet it first.
    let bounds = [
        ("server.header_timeout", "300ms"),
        ("server.body_timeout", "300ms"),
        ("server.handler_timeout", "1200ms"),
        ("service.idle_timeout", "300ms"),
    ];
    let copy = rig.copy(&bounds).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let heading = rig.heading();
    let mut wire = rig.wire().await?;
    wire.write(format!("GET /health HTTP/1.1\r\n{heading}X-Slow: ")).await;
    let (_, closed) = wire.rest(LIMIT).await;
    rig.note("half a head, then silence");
    rig.must(closed, "a connection whose head stops arriving is closed at the limit");
    let mut wire = rig.wire().await?;
    wire.write(format!("GET /health HTTP/1.1\r\n{heading}X-Slow: ")).await;
    rig.note("half a head, then a byte now and then");
    rig.must(ends(&mut wire).await, "so is one whose head goes on arriving byte by byte");

    rig.check("slow-body");
    let upload =
        format!("POST /v1/auth/login HTTP/1.1\r\n{heading}Content-Type: application/json\r\nContent-Length: 2000\r\n\r\n{{\"email\":\"");
    let mut wire = rig.wire().await?;
    wire.write(&upload).await;
    let (answer, closed) = wire.rest(LIMIT).await;
    rig.note("POST /v1/auth/login with half a body, then silence");
    rig.must(status_of(&answer) == 408, "a body that stops arriving is answered with 408 at the limit");
    rig.must(closed, "and its connection is closed");
    let mut wire = rig.wire().await?;
    wire.write(&upload).await;
    rig.note("POST /v1/auth/login with half a body, then a byte now and then");
    rig.must(ends(&mut wire).await, "so is one that goes on arriving byte by byte");

    let upload = format!("POST /mounted/open/upload HTTP/1.1\r\n{heading}Content-Length: 2000\r\n\r\nhalf");
    let mut wire = rig.wire().await?;
    wire.write(&upload).await;
    let (answer, closed) = wire.rest(LIMIT).await;
    rig.note("POST /mounted/open/upload with half a body, then silence");
    rig.must(status_of(&answer) == 408 && closed, "a body for a mounted service that stops arriving is answered with 408, and closed");

    rig.check("slow-handler");
    let reply = rig.send(get("/v1/rehearsal/slow?ms=4000").bearer(&tenant.owner)).await?;
    rig.must(matches!(reply.status, 503 | 504), "a handler that takes longer than it may is answered with 503 or 504");
    let reply = rig.send(get("/v1/rehearsal/slow?ms=1").bearer(&tenant.owner)).await?;
    rig.must(reply.status == 200, "one that takes its time within the limit is not");
    Ok(())
}

/// Whether the other side ends it although bytes keep coming.
async fn ends(wire: &mut Wire) -> bool {
    let end = tokio::time::Instant::now() + LIMIT;
    while tokio::time::Instant::now() < end {
        let (_, closed) = wire.rest(DRIP).await;
        if closed || !wire.write("a").await {
            return true;
        }
    }
    false
}
