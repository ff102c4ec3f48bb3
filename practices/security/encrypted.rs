//! Where TLS is required, plain HTTP leads to HTTPS and to nothing else.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, get, post},
};
use serde_json::json;

const PAGE: &str = "/docs?from=a%20bookmark";

fn page(path: &str) -> Ask {
    get(path).header("accept", "text/html,application/xhtml+xml")
}

/// A private instance behind a proxy that is believed, and one behind a stranger.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("pages-redirected");
    let copy = rig.copy(&[("tls.required", "true")]).await?;
    rig.turn_to(&copy);
    let reply = rig.send(page(PAGE)).await?;
    let host = rig.site().authority().split(':').next().unwrap_or("").to_owned();
    let target = reply.header("location").unwrap_or("");
    rig.must(matches!(reply.status, 301 | 308), "a page over plain HTTP is redirected for good");
    rig.must(target == format!("https://{host}{PAGE}"), "the redirect leads to the same address over HTTPS");
    let reply = rig.send(page(PAGE).header("x-forwarded-proto", "http")).await?;
    rig.must(matches!(reply.status, 301 | 308), "so is one that the proxy says came over plain HTTP");

    rig.check("api-refused");
    let reply = rig.send(get("/v1/auth/me")).await?;
    rig.must(reply.status == 403 && !reply.has("location"), "an API call over plain HTTP is refused, not redirected");
    let login = json!({ "email": "ana@probe.example", "password": "quiet harbour lantern" });
    let reply = rig.send(post("/v1/auth/login").header("accept", "text/html").json(&login)).await?;
    rig.must(reply.status == 403 && !reply.has("location"), "so is a login, whatever it accepts");

    rig.check("https-served");
    let reply = rig.send(page("/docs").header("x-forwarded-proto", "https").shown("/docs over HTTPS")).await?;
    rig.must(reply.status == 200, "a page over HTTPS is served");

    rig.check("health-exempt");
    for path in ["/health/live", "/health/ready"] {
        let reply = rig.send(get(path)).await?;
        rig.must(!matches!(reply.status, 301 | 302 | 307 | 308 | 403), format!("GET {path} over plain HTTP is not turned away"));
    }

    rig.check("spoofed-scheme");
    let copy = rig.copy(&[("tls.required", "true"), ("server.trusted_proxies", "[\"192.0.2.77\"]")]).await?;
    rig.turn_to(&copy);
    let reply = rig.send(page(PAGE).header("x-forwarded-proto", "https").shown("/docs, said to come over HTTPS by a stranger")).await?;
    rig.must(matches!(reply.status, 301 | 308), "a stranger who says that the page came over HTTPS is not believed");
    let reply = rig.send(get("/v1/auth/me").header("x-forwarded-proto", "https").header("forwarded", "for=192.0.2.1;proto=https")).await?;
    rig.must(reply.status == 403, "nor about an API call");
    Ok(())
}
