//! Pages of other sites may read answers only where the configuration lists their origin.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, get, options},
};

/// The origin that private instances allow.
const FRIEND: &str = "https://app.probe.example";
/// Origins that look like the friend's or that careless servers let in.
const FOREIGN: &[&str] = &[
    "https://evil.example",
    "https://app.probe.example.evil.example",
    "https://evilapp.probe.example",
    "http://app.probe.example",
    "null",
];

/// What is asked: an object's list, a refusal without credential, an address that does not exist.
const PATHS: &[&str] = &["/v1/auth/me", "/v1/nothing-is-here"];

/// Preflights and requests of a listed origin and of others.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("listed-origin");
    let reply = preflight(rig, FRIEND).await?;
    rig.must(reply.good() && allowed(&reply) == FRIEND, "the preflight of the listed origin passes and names that origin");
    for list in ["access-control-allow-methods", "access-control-allow-headers"] {
        let named = reply.header(list).unwrap_or("");
        rig.must(!named.is_empty() && !named.contains('*'), format!("{list} is a list without wildcard"));
    }
    for path in PATHS {
        let reply = rig.send(get(*path).header("origin", FRIEND)).await?;
        rig.must(allowed(&reply) == FRIEND, format!("the refusal of GET {path} can be read by the listed origin"));
    }

    let passed = rig.service().is_ok();
    if passed {
        let reply = mounted_preflight(rig, FRIEND).await?;
        rig.must(reply.good() && allowed(&reply) == FRIEND, "the preflight for a mounted service passes without a credential");
        let reply = rig.send(get(OWN_WORD).header("origin", FRIEND)).await?;
        rig.must(reply.status == 200 && allowed(&reply) == FRIEND, "what a mounted service answers can be read by the listed origin");
    }

    rig.check("foreign-origins");
    if passed {
        let reply = mounted_preflight(rig, FOREIGN[0]).await?;
        rig.must(!reply.has("access-control-allow-origin"), "the preflight of a foreign origin for a mounted service gets no allow header");
        let reply = rig.send(get(OWN_WORD).header("origin", FOREIGN[0])).await?;
        let silent = !reply.headers.keys().any(|name| name.as_str().starts_with("access-control-allow"));
        rig.must(silent, "what a mounted service answers cannot be read by a foreign origin, although the service itself allows everybody");
    }
    for origin in FOREIGN {
        let reply = preflight(rig, origin).await?;
        rig.must(!reply.has("access-control-allow-origin"), format!("the preflight of {origin} gets no allow header"));
        for path in PATHS {
            let reply = rig.send(get(*path).header("origin", origin)).await?;
            rig.must(!reply.has("access-control-allow-origin"), format!("the answer to {origin} on GET {path} gets no allow header"));
        }
    }

    rig.check("no-wildcard-with-credentials");
    for origin in [FRIEND, FOREIGN[0]] {
        let reply = preflight(rig, origin).await?;
        let open = allowed(&reply) == "*" && reply.header("access-control-allow-credentials") == Some("true");
        rig.must(!open, format!("{origin} is not told that every origin may send cookies"));
    }
    let ended = rig.ground().stage.as_ref().ok_or_else(|| Trouble::new("private copies were not granted"))?;
    let ended = ended.refused(&[("cors.origins", "[\"*\"]"), ("cors.credentials", "true")]).await?;
    rig.must(ended.is_some_and(|ended| ended.code != Some(0)), "a configuration with `*` and credentials does not start");

    rig.check("strict-when-unset");
    let copy = rig.copy(&[("cors.origins", "[]")]).await?;
    rig.turn_to(&copy);
    for origin in [FRIEND, FOREIGN[0]] {
        let reply = preflight(rig, origin).await?;
        rig.must(!reply.has("access-control-allow-origin"), format!("with an empty list {origin} is not allowed"));
    }
    Ok(())
}

async fn preflight(rig: &mut Rig, origin: &str) -> Result<Reply, Trouble> {
    let ask = options("/v1/auth/me").header("origin", origin).header("access-control-request-method", "GET");
    rig.send(ask.header("access-control-request-headers", "authorization").shown(format!("/v1/auth/me from {origin}"))).await
}

/// What a mounted service says that lets everybody in.
const OWN_WORD: &str = "/mounted/open/fields?access-control-allow-origin=*&access-control-allow-methods=*";

async fn mounted_preflight(rig: &mut Rig, origin: &str) -> Result<Reply, Trouble> {
    let ask = options("/mounted/echo").header("origin", origin).header("access-control-request-method", "PUT");
    rig.send(ask.shown(format!("/mounted/echo from {origin}"))).await
}

fn allowed(reply: &Reply) -> &str {
    reply.header("access-control-allow-origin").unwrap_or("")
}
