//! What can be seen of these practices from outside.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, get, options},
};
use serde_json::Value;

use crate::outside::{self, NOWHERE, begin, beyond, untold};

const HEALTH: &[&str] = &["/health", "/healthz", "/api/health", "/ping", "/status", "/actuator/health"];
const LIVE: &[&str] = &["/health/live", "/livez", "/live"];
const READY: &[&str] = &["/health/ready", "/readyz", "/ready"];

/// A refusal that can be had by reading, twice, and one of a method.
pub(crate) async fn envelope(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("one-shape");
    let unknown = rig.send(get(NOWHERE)).await?;
    let method = rig.send(options(NOWHERE)).await?;
    let refusals: Vec<&Reply> = [&unknown, &method].into_iter().filter(|reply| reply.status >= 400 && !reply.body.is_empty()).collect();
    let documented = |reply: &&Reply| reply.header("content-type").is_some_and(|kind| kind.contains("json")) && reply.json().is_object();
    let members = |reply: &Reply| reply.json().as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
    if refusals.is_empty() {
        rig.unknown("no refusal could be provoked by reading");
    } else if refusals.iter().all(documented) && refusals.windows(2).all(|pair| members(pair[0]) == members(pair[1])) {
        rig.unknown("the refusals that reading provokes have one form; the others cannot be provoked by a look");
    } else {
        rig.must(false, "refusals are documents of one form that a program can read");
    }
    rig.check("members");
    match refusals.iter().find(|reply| documented(reply)) {
        None if refusals.is_empty() => rig.unknown("no refusal could be provoked by reading"),
        found => {
            let problem = found.map(|reply| reply.json()).unwrap_or_default();
            let has = |names: &[&str]| names.iter().any(|name| problem[*name].is_string() || problem["error"][*name].is_string());
            rig.must(has(&["code"]), "the refusal of an unknown address carries a code");
            rig.must(has(&["request_id", "requestId", "trace_id", "traceId"]), "it carries the id of the request");
            rig.must(has(&["detail", "message", "title"]), "it carries a message");
        }
    }
    rig.check("right-status");
    if unknown.status == 404 {
        rig.unknown("an unknown address is answered with 404; other errors cannot be provoked by a look");
    } else if matches!(unknown.status, 401 | 403) {
        rig.unknown("an unknown address is refused for want of a credential");
    } else {
        rig.must(false, "an unknown address is answered with 404");
    }
    Ok(())
}

/// What a refusal gives away.
pub(crate) async fn leaks(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("no-internals");
    let mut found = None;
    for path in [NOWHERE, "/plimsoll-look/%27"] {
        let reply = rig.send(get(path)).await?;
        if reply.status >= 400 {
            found = found.or(outside::internals(&reply.text()));
        }
    }
    match found {
        Some(what) => {
            rig.must(false, format!("the answer to an unknown address holds nothing of the inside; it holds {what}"));
        }
        None => rig.unknown("unknown addresses give nothing away; an error inside cannot be provoked by reading"),
    }
    beyond(rig, "what the service logs cannot be seen from outside");
    Ok(())
}

/// Whether a description exists and names no address with one of these words.
async fn described_without(rig: &mut Rig, words: &[&str]) -> Result<bool, Trouble> {
    let Some(document) = outside::described(rig).await? else { return Ok(false) };
    let named = |document: &Value| {
        document["paths"].as_object().into_iter().flatten().any(|(path, _)| words.iter().any(|word| path.contains(word)))
    };
    Ok(!named(&document))
}

/// An address that says that the service is there.
pub(crate) async fn health(rig: &mut Rig) -> Result<(), Trouble> {
    if begin(rig, "answers") {
        if outside::answers_everything(rig).await? {
            rig.unknown("every address is answered alike, so that an answer tells nothing");
        } else {
            match outside::first_good(rig, HEALTH).await? {
                Some((path, _)) => {
                    rig.must(true, format!("GET {path} is answered with 200"));
                    if begin(rig, "open") {
                        rig.must(true, format!("GET {path} needs no credential"));
                    }
                }
                None if described_without(rig, &["health", "ping", "status", "alive"]).await? => {
                    rig.must(false, "there is a health address: at a usual place, or in the description");
                }
                None => rig.unknown("no usual address answers; it may be elsewhere"),
            }
        }
    }
    untold(rig, "cheap", "a few questions do not tell what many would cost");
    beyond(rig, "no health address was found");
    Ok(())
}

/// An address for restarts.
pub(crate) async fn liveness(rig: &mut Rig) -> Result<(), Trouble> {
    depends(rig, LIVE, "what it checks shows only when something else is down").await
}

/// An address for traffic.
pub(crate) async fn readiness(rig: &mut Rig) -> Result<(), Trouble> {
    depends(rig, READY, "what it checks shows only at a start, a stop and an outage").await
}

async fn depends(rig: &mut Rig, paths: &[&'static str], why: &str) -> Result<(), Trouble> {
    let found = if outside::answers_everything(rig).await? { None } else { outside::first_good(rig, paths).await? };
    match found {
        Some((path, _)) => beyond(rig, &format!("GET {path} answers 200; {why}")),
        None => beyond(rig, "no usual address answers; it may be elsewhere"),
    }
    Ok(())
}
