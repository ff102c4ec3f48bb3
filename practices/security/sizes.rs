//! What is too large is refused before it is read.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Tenant, get, status_of},
};

use crate::resource::{self, Resource};

/// The bounds of the private instance.
const BODY: usize = 4096;
const URI: usize = 512;
const HEADERS: usize = 2048;
/// How long an answer may take to come; the instance gives up on a body after one second.
const PATIENCE: Duration = Duration::from_secs(5);

/// One byte more than each bound, on an instance with small ones.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("body-declared");
    let settings =
        [("server.body_limit", "4096"), ("service.body_limit", "4096"), ("server.uri_limit", "512"), ("server.header_limit", "2048")];
    let copy = rig.copy(&settings).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let target = resource::resources(rig).await?.remove(0);
    let status = upload(rig, &tenant, &target, &format!("Content-Length: {}", BODY + 1), String::new()).await?;
    rig.must(status == 413, "a body declared one byte above the limit is refused with 413, and none of it is waited for");
    let status = upload(rig, &tenant, &target, &format!("Content-Length: {BODY}"), " ".repeat(BODY)).await?;
    rig.must(status == 400, "a body of exactly the limit is read");
    let status = passed(rig, &format!("Content-Length: {}", BODY + 1), String::new()).await?;
    rig.must(status == 413, "in front of a mounted service one byte above its limit is refused with 413, and not waited for");
    let status = passed(rig, &format!("Content-Length: {BODY}"), " ".repeat(BODY)).await?;
    rig.must(status == 200, "a body of exactly the limit reaches a mounted service");

    rig.check("body-chunked");
    let chunk = |length: usize| format!("{length:x}\r\n{}\r\n", " ".repeat(length));
    let status = upload(rig, &tenant, &target, "Transfer-Encoding: chunked", chunk(BODY) + &chunk(1)).await?;
    rig.must(status == 413, "a body in chunks is refused with 413 at the first byte above the limit, and its end is not waited for");
    let status = upload(rig, &tenant, &target, "Transfer-Encoding: chunked", chunk(BODY) + "0\r\n\r\n").await?;
    rig.must(status == 400, "chunks of exactly the limit are read");
    let status = passed(rig, "Transfer-Encoding: chunked", chunk(BODY) + &chunk(1)).await?;
    rig.must(status == 413, "chunks for a mounted service are refused with 413 at the first byte above the limit");
    let status = passed(rig, "Transfer-Encoding: chunked", chunk(BODY) + "0\r\n\r\n").await?;
    rig.must(status == 200, "chunks of exactly the limit reach a mounted service");

    rig.check("address");
    let path = |length: usize| format!("/health?{}", "a".repeat(length - "/health?".len()));
    let reply = rig.send(get(path(URI + 1)).shown("an address one byte above the limit")).await?;
    rig.must(reply.status == 414, "an address one byte above the limit is refused with 414");
    let reply = rig.send(get(path(URI)).shown("an address of exactly the limit")).await?;
    rig.must(reply.status != 414, "an address of exactly the limit is not");

    rig.check("headers");
    let reply = rig.send(get("/docs").header("x-padding", "a".repeat(HEADERS)).shown("/docs with headers above the limit")).await?;
    rig.must(reply.status == 431, "headers above the limit are refused with 431");
    let reply = rig.send(get("/docs").header("x-padding", "a".repeat(HEADERS / 2)).shown("/docs with headers within the limit")).await?;
    rig.must(reply.status == 200, "headers within the limit are read");
    Ok(())
}

/// The same to the mounted service.
async fn passed(rig: &mut Rig, framing: &str, body: String) -> Result<u16, Trouble> {
    let head = format!("POST /mounted/open/upload HTTP/1.1\r\n{}{framing}\r\n\r\n", rig.heading());
    let mut wire = rig.wire().await?;
    wire.write(head + &body).await;
    let status = status_of(&wire.head(PATIENCE).await);
    rig.note(format!("POST /mounted/open/upload with {framing} → {status}"));
    Ok(status)
}

/// Sends a head and what there is of a body, and keeps the connection open: the status.
async fn upload(rig: &mut Rig, tenant: &Tenant, target: &Resource, framing: &str, body: String) -> Result<u16, Trouble> {
    let head = format!(
        "POST {} HTTP/1.1\r\n{}Authorization: Bearer {}\r\nContent-Type: application/json\r\n{framing}\r\n\r\n",
        target.path,
        rig.heading(),
        tenant.owner
    );
    let mut wire = rig.wire().await?;
    wire.write(head + &body).await;
    let status = status_of(&wire.head(PATIENCE).await);
    rig.note(format!("POST {} with {framing} → {status}", target.path));
    Ok(status)
}
