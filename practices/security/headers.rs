//! Header fields that tell a browser what it must not do with an answer.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, get, post},
};
use serde_json::json;

/// Half a year, in seconds: the least that keeps a returning visitor safe.
const LONG: u64 = 15_552_000;

/// Answers of the API, pages and refusals of every layer.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("api-answers");
    let tenant = rig.tenant().await?;
    for path in ["/v1/auth/me", "/openapi.json"] {
        let reply = rig.send(get(path).bearer(&tenant.owner)).await?;
        protected(rig, &reply, &format!("GET {path}"));
    }

    if rig.service().is_ok() {
        for path in ["/mounted/open/echo", "/mounted/open/status/500"] {
            let reply = rig.send(get(path)).await?;
            protected(rig, &reply, &format!("what a mounted service answers to GET {path}"));
        }
        let own = "frame-ancestors%20https://portal.example";
        let ask = get(format!("/mounted/open/fields?content-security-policy={own}&server=probe/1.0&x-powered-by=probe"));
        let reply = rig.send(ask.shown("/mounted/open/fields with a policy of its own")).await?;
        protected(rig, &reply, "a mounted service's answer with a policy of its own");
        let kept = reply.header("content-security-policy").unwrap_or("").contains("portal.example");
        rig.must(kept, "the policy that a mounted service chose stays");
        let told = ["server", "x-powered-by"].iter().any(|name| reply.header(name).is_some_and(|value| value.contains("probe")));
        rig.must(!told, "what it is made of is not told");
    }

    rig.check("pages");
    for path in ["/docs", "/setup"] {
        let reply = rig.send(get(path).header("accept", "text/html")).await?;
        protected(rig, &reply, &format!("the page {path}"));
        let policy = reply.header("content-security-policy").unwrap_or("").to_owned();
        let scripts = directive(&policy, "script-src").or_else(|| directive(&policy, "default-src")).unwrap_or("*");
        let loose = ["*", "'unsafe-inline'", "'unsafe-eval'", "http:", "https:", "data:"];
        let tight = !scripts.split_ascii_whitespace().any(|source| loose.contains(&source));
        rig.must(tight, format!("the page {path} runs scripts of named places only, and none that stand in the text"));
    }

    rig.check("error-answers");
    let refusals = [
        ("an unknown address", get("/nothing-is-here")),
        ("a call without credential", get("/v1/auth/me")),
        ("a method that is not offered", post("/health/live")),
        ("a body that cannot be read", post("/v1/auth/login").header("content-type", "application/json").body("{")),
        ("a body that breaks a rule", post("/v1/auth/login").json(&json!({ "email": 1 }))),
        ("a foreign host", get("/docs").header("host", "evil.example")),
    ];
    for (what, ask) in refusals {
        let reply = rig.send(ask).await?;
        protected(rig, &reply, &format!("the answer to {what}"));
    }
    if rig.service().is_ok() {
        let reply = rig.send(get("/mounted/echo")).await?;
        protected(rig, &reply, "the answer in place of a mounted service to a call without credential");
    }
    Ok(())
}

/// States the four that every answer needs.
pub(super) fn protected(rig: &mut Rig, reply: &Reply, what: &str) {
    let value = |name: &str| reply.header(name).unwrap_or("").to_ascii_lowercase();
    let policy = value("content-security-policy");
    rig.must(value("x-content-type-options") == "nosniff", format!("{what} forbids guessing its type"));
    let framed = ["deny", "sameorigin"].contains(&value("x-frame-options").as_str()) || policy.contains("frame-ancestors");
    rig.must(framed, format!("{what} says who may frame it"));
    rig.must(!value("referrer-policy").is_empty(), format!("{what} says what is told to the next site"));
    rig.must(!policy.is_empty(), format!("{what} has a content security policy"));
}

fn directive<'p>(policy: &'p str, name: &str) -> Option<&'p str> {
    policy.split(';').map(str::trim).find_map(|part| part.strip_prefix(name))
}

/// The seconds of `max-age` in a `Strict-Transport-Security` field.
pub(super) fn remembered(reply: &Reply) -> Option<u64> {
    let field = reply.header("strict-transport-security")?;
    field.split(';').find_map(|part| part.trim().strip_prefix("max-age=")?.trim_matches('"').parse().ok())
}

/// Answers that came encrypted and answers that did not.
pub(crate) async fn strict_transport(rig: &mut Rig) -> Result<(), Trouble> {
    let paths = ["/docs", "/v1/auth/me", "/nothing-is-here"];
    rig.check("on-https");
    for path in paths {
        let reply = rig.send(get(path).header("x-forwarded-proto", "https").shown(format!("{path} over HTTPS"))).await?;
        let long = remembered(&reply).is_some_and(|seconds| seconds >= LONG);
        rig.must(long, format!("GET {path} over HTTPS is to be remembered for half a year or longer"));
    }
    rig.check("not-on-http");
    for path in paths {
        let reply = rig.send(get(path)).await?;
        rig.must(!reply.has("strict-transport-security"), format!("GET {path} over plain HTTP does not speak of it"));
    }
    Ok(())
}
