//! The same promises for a service that the host only stands in front of.
//!
//! A practice that the host keeps for its own systems is kept for a mounted service by the same
//! layers; each function here adds to a check what shows that. Where no service of the prober's is
//! mounted (a deployment of somebody) there is nothing to add.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Seen, get, post},
};

/// Nobody without a credential reaches the service.
pub(crate) async fn closed(rig: &mut Rig) -> Result<(), Trouble> {
    let Ok(service) = rig.service() else { return Ok(()) };
    for ask in [get("/mounted/echo?key=closed"), post("/mounted/echo?key=closed"), get("/mounted?key=closed")] {
        let line = ask.line();
        let reply = rig.quietly(ask).await?;
        rig.must(reply.status == 401, format!("{line}, to a mounted service, is refused with 401 without a credential"));
    }
    rig.must(service.arrivals("closed") == 0, "none of it reached the mounted service");
    Ok(())
}

/// Nobody with a credential that does not exist does, and nobody says who they are themselves.
pub(crate) async fn believed(rig: &mut Rig) -> Result<(), Trouble> {
    let Ok(service) = rig.service() else { return Ok(()) };
    let ask = get("/mounted/echo?key=believed").bearer("plm_notakeythatanybodyhaseverissued00000000000");
    let reply = rig.quietly(ask).await?;
    rig.must(reply.status == 401, "a key that does not exist is refused with 401 in front of a mounted service");
    rig.must(service.arrivals("believed") == 0, "and the service hears nothing of it");
    let names = ["x-plimsoll-principal", "x-plimsoll-tenant", "x-plimsoll-role"];
    let ask = names.iter().fold(get("/mounted/open/echo"), |ask, name| ask.header(name, "owner-of-everything"));
    let told = Seen::told(&rig.quietly(ask).await?);
    let believed = told.is_none_or(|seen| seen.headers.iter().any(|(_, value)| value.contains("owner-of-everything")));
    rig.must(!believed, "who somebody claims to be in header fields of the host does not reach the service");
    Ok(())
}

/// What is declared public asks for no credential, and only that.
pub(crate) async fn open(rig: &mut Rig) -> Result<(), Trouble> {
    let Ok(service) = rig.service() else { return Ok(()) };
    let reply = rig.quietly(get("/mounted/open/echo?key=open")).await?;
    rig.must(reply.status == 200 && service.arrivals("open") == 1, "a path of a mounted service that is declared public is served");
    for path in ["/mounted/open/../echo?key=around", "/mounted/open/%2e%2e/echo?key=around", "/mounted/open//../../mounted/echo?key=around"]
    {
        let head = format!("GET {path} HTTP/1.1\r\n{}Connection: close\r\n\r\n", rig.heading());
        let mut wire = rig.wire().await?;
        wire.write(head).await;
        wire.rest(std::time::Duration::from_secs(5)).await;
    }
    // What arrived there literally under the public prefix is the service's own to understand; as
    // another path than the one that was judged it must not arrive.
    let moved = service.seen("around").iter().any(|seen| !seen.target.starts_with("/mounted/open/"));
    rig.must(!moved, "no detour through the public path leads to another one");
    Ok(())
}

/// Who may not by the rules of `[routes]` is refused, and the service is not asked.
pub(crate) async fn forbidden(rig: &mut Rig, viewer: &str, owner: &str) -> Result<(), Trouble> {
    let Ok(service) = rig.service() else { return Ok(()) };
    let reply = rig.quietly(post("/mounted/editors/echo?key=forbidden").bearer(viewer)).await?;
    rig.must(reply.status == 403, "a path of a mounted service that is for editors is refused to a viewer with 403");
    let reply = rig.quietly(get("/mounted/closed/echo?key=forbidden").bearer(viewer)).await?;
    rig.must(reply.status == 403, "one that is denied to all is refused with 403");
    let reply = rig.quietly(get("/mounted/closed/echo?key=forbidden").bearer(owner)).await?;
    rig.must(reply.status == 403, "to the owner too");
    rig.must(service.arrivals("forbidden") == 0, "the mounted service hears of none of it");
    Ok(())
}

/// Who may, gets through.
pub(crate) async fn granted(rig: &mut Rig, editor: &str) -> Result<(), Trouble> {
    if rig.service().is_err() {
        return Ok(());
    }
    let reply = rig.quietly(post("/mounted/editors/echo?key=granted").bearer(editor)).await?;
    rig.must(reply.status == 200, "a path of a mounted service that is for editors is open to an editor");
    Ok(())
}

/// Another site cannot act on a mounted service with somebody's cookie.
pub(crate) async fn other_sites(rig: &mut Rig, cookie: &str) -> Result<(), Trouble> {
    let Ok(service) = rig.service() else { return Ok(()) };
    for (what, site) in [("another site", "cross-site"), ("a sister site", "same-site")] {
        let ask = post("/mounted/effect?key=other-sites").header("cookie", cookie).header("sec-fetch-site", site);
        let reply = rig.send(ask.shown(format!("/mounted/effect from {what}"))).await?;
        rig.must(reply.status == 403, format!("a change of a mounted service from {what} is refused with 403"));
    }
    rig.must(service.effects("other-sites") == 0, "and had no effect there");
    Ok(())
}

/// An own page can.
pub(crate) async fn own_page(rig: &mut Rig, cookie: &str) -> Result<(), Trouble> {
    if rig.service().is_err() {
        return Ok(());
    }
    let ask = post("/mounted/effect?key=own-page").header("cookie", cookie).header("sec-fetch-site", "same-origin");
    let reply = rig.send(ask).await?;
    rig.must(reply.status == 200, "a change of a mounted service from an own page passes");
    Ok(())
}
