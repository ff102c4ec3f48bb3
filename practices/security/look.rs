//! What can be seen of these practices from outside.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, get, options},
};

use super::headers::{protected, remembered};
use crate::outside::{self, NOWHERE, begin, beyond, is_page, untold};

const FOREIGN: &str = "https://evil.example";
/// Most reads of a description that are asked for.
const READS: usize = 8;

/// A preflight and two reads with a foreign origin.
pub(crate) async fn cross_origin(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("foreign-origins");
    let description = outside::described(rig).await?;
    let path = description
        .as_ref()
        .and_then(|document| outside::reads(document).into_iter().next())
        .map_or_else(|| "/".to_owned(), |read| read.path);
    let ask = options(&path).header("origin", FOREIGN).header("access-control-request-method", "GET");
    let replies = [
        rig.send(ask.header("access-control-request-headers", "authorization")).await?,
        rig.send(get(&path).header("origin", FOREIGN)).await?,
        rig.send(get(NOWHERE).header("origin", FOREIGN)).await?,
    ];
    let allowed = |reply: &Reply| reply.header("access-control-allow-origin").unwrap_or("").to_owned();
    let cookies = |reply: &Reply| reply.header("access-control-allow-credentials") == Some("true");
    if replies.iter().all(|reply| allowed(reply).is_empty() || allowed(reply) == "*") && replies.iter().any(|reply| allowed(reply) == "*") {
        rig.unknown("every origin may read; that is right for public data only, and whether it is public cannot be seen");
    } else {
        let reflected = replies.iter().any(|reply| allowed(reply) == FOREIGN);
        rig.must(!reflected, "no foreign origin is allowed");
    }
    rig.check("no-wildcard-with-credentials");
    let open = replies.iter().any(|reply| cookies(reply) && (allowed(reply) == "*" || allowed(reply) == FOREIGN));
    rig.must(!open, "no foreign page is told that it may send cookies");
    beyond(rig, "which origins are listed cannot be seen from outside");
    Ok(())
}

/// A document, a page and a refusal.
pub(crate) async fn headers(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("api-answers");
    let mut data = None;
    for path in ["/openapi.json", "/health", "/"] {
        let reply = rig.send(get(path)).await?;
        if reply.good() && !is_page(&reply) {
            data = Some((path, reply));
            break;
        }
    }
    match &data {
        Some((path, reply)) => protected(rig, reply, &format!("GET {path}")),
        None => rig.unknown("no answer of an API was found"),
    }
    rig.check("pages");
    let mut page = None;
    for path in ["/", "/docs"] {
        let reply = rig.send(get(path).header("accept", "text/html")).await?;
        if reply.good() && is_page(&reply) {
            page = Some((path, reply));
            break;
        }
    }
    match &page {
        Some((path, reply)) => protected(rig, reply, &format!("the page {path}")),
        None => rig.unknown("no page was found"),
    }
    rig.check("error-answers");
    let reply = rig.send(get(NOWHERE)).await?;
    if reply.status >= 400 {
        protected(rig, &reply, "the answer to an unknown address");
    } else {
        rig.unknown("no refusal could be provoked by reading");
    }
    Ok(())
}

/// The field that only HTTPS may carry.
pub(crate) async fn strict_transport(rig: &mut Rig) -> Result<(), Trouble> {
    if rig.site().base.starts_with("https://") {
        rig.check("on-https");
        for path in ["/", NOWHERE] {
            let reply = rig.send(get(path)).await?;
            rig.must(
                remembered(&reply).is_some_and(|seconds| seconds >= 15_552_000),
                format!("GET {path} is to be remembered for half a year or longer"),
            );
        }
    } else {
        untold(rig, "on-https", "the address that was given speaks plain HTTP; TLS may end before it");
        rig.check("not-on-http");
        let reply = rig.send(get("/")).await?;
        if reply.has("strict-transport-security") {
            rig.must(false, "plain HTTP does not speak of it");
        } else {
            rig.unknown("plain HTTP does not speak of it; that says little where HTTPS cannot be asked");
        }
    }
    beyond(rig, "only the address that was given is asked");
    Ok(())
}

/// Nothing of this can be seen on one address.
pub(crate) async fn redirect(rig: &mut Rig) -> Result<(), Trouble> {
    let encrypted = rig.site().base.starts_with("https://");
    let why = if encrypted {
        "only the encrypted address was given; the plain one may belong to somebody else"
    } else {
        "the address that was given speaks plain HTTP; TLS may end before it"
    };
    beyond(rig, why);
    Ok(())
}

/// One request for a foreign name.
pub(crate) async fn hosts(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("foreign-refused");
    let own = rig.send(get("/")).await?;
    let foreign = rig.send(get("/").header("host", "evil.example").shown("/ at evil.example")).await?;
    let refused = matches!(foreign.status, 400 | 403 | 421) && own.status != foreign.status;
    if refused {
        rig.must(true, "a request for a foreign name is refused");
        rig.check("own-served");
        rig.must(own.status < 500, "one for the service's own name is answered");
    } else if foreign.status == own.status && own.good() {
        rig.must(false, "a request for a foreign name is refused");
        untold(rig, "own-served", "whoever answers every name answers its own");
    } else {
        rig.unknown("the answer does not tell whether it was refused for its name");
    }
    beyond(rig, "only one request for a foreign name is polite");
    Ok(())
}

/// Metrics on the public address.
pub(crate) async fn metrics(rig: &mut Rig) -> Result<(), Trouble> {
    if begin(rig, "not-public") {
        let mut open = false;
        for path in ["/metrics", "/actuator/prometheus"] {
            let reply = rig.send(get(path)).await?;
            let text = reply.text();
            open |= reply.good() && (text.contains("# HELP") || text.contains("# TYPE"));
        }
        if open {
            rig.must(false, "metrics cannot be read on the public address without a credential");
        } else {
            rig.unknown("no metrics at the usual addresses; whether they are kept elsewhere, and how, cannot be seen");
        }
    }
    beyond(rig, "whoever collects metrics knows where they are; from outside it cannot be seen");
    Ok(())
}

/// Reads of the service's own description without a credential.
pub(crate) async fn authentication(rig: &mut Rig) -> Result<(), Trouble> {
    if begin(rig, "no-credential") {
        match outside::described(rig).await? {
            None => rig.unknown("the service does not describe its operations"),
            Some(document) => closed(rig, outside::reads(&document)).await?,
        }
    }
    beyond(rig, "without a credential only refusals can be seen");
    Ok(())
}

async fn closed(rig: &mut Rig, reads: Vec<outside::Read>) -> Result<(), Trouble> {
    let closed: Vec<_> = reads.iter().filter(|read| !read.public).take(READS).collect();
    if closed.is_empty() {
        rig.unknown("every read that can be asked for without parameters declares itself public");
        return Ok(());
    }
    let mut answered = Vec::new();
    for read in &closed {
        let reply = rig.send(get(&read.path)).await?;
        if reply.good() {
            answered.push(read.path.clone());
        }
    }
    if answered.is_empty() {
        rig.unknown("the reads that were asked for refuse; changes cannot be asked for by a look");
    }
    for path in answered {
        rig.must(false, format!("GET {path} does not declare itself public and refuses who shows no credential"));
    }
    Ok(())
}

/// An error page of a framework in debug mode.
pub(crate) async fn debugging(rig: &mut Rig) -> Result<(), Trouble> {
    for check in ["no-debug-output", "quiet-errors"] {
        if begin(rig, check) {
            let reply = rig.send(get(NOWHERE)).await?;
            match outside::internals(&reply.text()) {
                Some("a stack trace" | "a debug page") => {
                    rig.must(false, "an unknown address is answered without stack trace or debug page");
                }
                _ => rig.unknown("nothing of it shows at an unknown address; an error inside cannot be provoked by reading"),
            }
        }
    }
    beyond(rig, "how the service is configured cannot be seen from outside");
    Ok(())
}
