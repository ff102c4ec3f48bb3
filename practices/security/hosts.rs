//! Requests for names that are not ours are refused.

use plimsoll_assess::{Rig, Trouble, rig::get};

/// Foreign names, among them some that resemble ours.
const FOREIGN: &[&str] = &["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost"];

/// Known and foreign names in `Host`.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("foreign-refused");
    for name in FOREIGN {
        for path in ["/docs", "/v1/auth/me"] {
            let reply = rig.send(get(path).header("host", name).shown(format!("{path} at {name}"))).await?;
            rig.must(matches!(reply.status, 400 | 421), format!("GET {path} for the host {name} is refused"));
        }
    }

    if let Ok(service) = rig.service() {
        let reply = rig.send(get("/mounted/open/echo?key=hosts").header("host", "evil.example")).await?;
        let refused = matches!(reply.status, 400 | 421) && service.arrivals("hosts") == 0;
        rig.must(refused, "a foreign host is refused in front of a mounted service too");
    }

    rig.check("own-served");
    let own = rig.site().authority().to_owned();
    let reply = rig.send(get("/docs").header("host", &own)).await?;
    rig.must(reply.status == 200, "a page for the service's own name is served");

    rig.check("not-taken-from-elsewhere");
    let reply = rig.send(get("/docs").header("x-forwarded-host", "evil.example")).await?;
    let said = reply.headers.values().any(|value| String::from_utf8_lossy(value.as_bytes()).contains("evil.example"));
    let answered = matches!(reply.status, 200 | 400 | 421) && !said && !reply.text().contains("evil.example");
    rig.must(answered, "a foreign name in X-Forwarded-Host changes nothing, or is refused like one in Host");
    if let Ok(service) = rig.service() {
        for line in ["x-forwarded-host", "forwarded"] {
            let word = if line == "forwarded" { "for=192.0.2.1;host=evil.example" } else { "evil.example" };
            rig.quietly(get("/mounted/open/echo?key=forwarded-host").header(line, word)).await?;
        }
        let told = service.seen("forwarded-host").iter().any(|seen| seen.headers.iter().any(|(_, value)| value.contains("evil.example")));
        rig.must(!told, "a mounted service is never told one");
    }
    let mut wire = rig.wire().await?;
    let heading = rig.heading();
    wire.write(format!("GET /docs HTTP/1.1\r\n{heading}Host: evil.example\r\nConnection: close\r\n\r\n")).await;
    let (answer, _) = wire.rest(std::time::Duration::from_secs(5)).await;
    rig.note("GET /docs with two Host fields → read from the wire");
    rig.must(plimsoll_assess::rig::status_of(&answer) == 400, "two Host fields in one request are refused");
    Ok(())
}
