//! One form for every refusal, and a page for every code.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Reply, Tenant, delete, get, patch, post, put},
};
use serde_json::{Value, json};

use crate::resource;

/// Most logins that are tried to be told to slow down.
const MANY: u32 = 60;

/// Refusals of every layer, with what was done wrong. Which of them come depends on other
/// practices; the form must not.
async fn refusals(rig: &mut Rig, tenant: &Tenant) -> Result<Vec<(&'static str, Reply)>, Trouble> {
    let target = resource::first(rig, |one| one.text().is_some(), "with a text that is required").await?;
    let field = target.text().unwrap_or_default();
    let id = resource::make(rig, tenant, &target, &target.example).await?;
    let key = json!({ "name": "viewer", "role": "viewer" });
    let viewer = rig.quietly(post("/v1/keys").bearer(&tenant.owner).json(&key)).await?.str("/key");
    let owned = |ask: Ask| ask.bearer(&tenant.owner);
    let (path, item) = (target.path.as_str(), target.item(&id));
    let asks: Vec<(&'static str, Ask)> = vec![
        ("broken JSON", owned(post(path)).header("content-type", "application/json").body("{\"a\":")),
        ("no credential", get(path)),
        ("a credential that does not exist", get(path).bearer("plm_notakeythatanybodyhaseverissued00000000000")),
        ("a role that may only read", post(path).bearer(&viewer).json(&target.example)),
        ("an object that is not there", owned(get(target.item(&json!(1_000_000_007))))),
        ("a stale version", owned(put(&item)).header("if-match", "\"0\"").json(&target.example).shown(target.shown())),
        ("another media type", owned(post(path)).header("content-type", "text/plain").body("x")),
        ("a missing and an unknown field", owned(post(path)).json(&json!({ "nobody-knows": 1 }))),
        ("an order that is not declared", owned(get(format!("{path}?sort=nothing")))),
        ("a value of the wrong kind", owned(patch(&item)).json(&json!({ field: 5 })).shown(target.shown())),
        ("a clash with what is stored", owned(post(format!("{item}/restore"))).shown(target.shown())),
        ("an internal failure", owned(post("/v1/rehearsal/fail")).json(&json!({ "canary": "none" }))),
        ("an address that is not there", get("/nothing/is/here")),
        ("a method that is not offered", owned(delete(path))),
        ("a body that is too large", owned(post(path)).header("content-type", "application/json").body(vec![b' '; 5 << 20])),
        ("an address that is too long", get(format!("/health?{}", "a".repeat(20_000))).shown("an address of 20000 letters")),
        ("headers that are too large", get("/docs").header("x-padding", "a".repeat(40_000))),
        ("a foreign host", get("/docs").header("host", "evil.example")),
    ];
    let mut found = Vec::new();
    for (what, ask) in asks {
        let reply = rig.quietly(ask).await?;
        found.push((what, reply));
    }
    let login = json!({ "refresh_token": "none" });
    for _ in 0..MANY {
        let reply = rig.quietly(post("/v1/auth/refresh").json(&login)).await?;
        if reply.status == 429 {
            found.push(("too many attempts", reply));
            break;
        }
    }
    Ok(found)
}

/// What is not a problem document, in words; empty where all is well.
fn faults(reply: &Reply) -> Vec<&'static str> {
    let problem = reply.json();
    let text = |member: &str| problem[member].as_str().is_some_and(|text| !text.is_empty());
    let mut faults = Vec::new();
    let kind = reply.header("content-type").unwrap_or("");
    if !kind.starts_with("application/problem+json") {
        faults.push("its media type");
    }
    let place = problem["type"].as_str().unwrap_or("");
    if !(place.starts_with('/') || place.starts_with("https://")) {
        faults.push("a `type` that is an address");
    }
    for member in ["title", "detail", "code", "request_id"] {
        if !text(member) {
            faults.push(match member {
                "title" => "`title`",
                "detail" => "`detail`",
                "code" => "`code`",
                _ => "`request_id`",
            });
        }
    }
    if problem["status"] != json!(reply.status) {
        faults.push("the `status` it was sent with");
    }
    faults
}

/// Provokes refusals of every kind and looks at their form.
pub(crate) async fn envelope(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("one-shape");
    let tenant = rig.tenant().await?;
    let mut all: Vec<(&str, Reply)> = refusals(rig, &tenant).await?.into_iter().filter(|(_, reply)| reply.status >= 400).collect();
    let (copy, service) = rig.copy_with_service(&[]).await?;
    rig.turn_to(&copy);
    all.push(("a request that a mounted service broke off", rig.quietly(get("/mounted/open/reset")).await?));
    service.refuse(true).await;
    all.push(("a request for a mounted service that is away", rig.quietly(get("/mounted/open/echo")).await?));
    let kinds: BTreeSet<u16> = all.iter().map(|(_, reply)| reply.status).collect();
    // One kind may be missing where another practice does not refuse; it is that one's to say so.
    rig.must(kinds.len() >= 10, "ten or more different statuses could be provoked");
    for (what, reply) in &all {
        let kind = reply.header("content-type").unwrap_or("");
        rig.must(kind.starts_with("application/problem+json"), format!("the answer to {what} is a problem document"));
    }

    rig.check("members");
    for (what, reply) in &all {
        let missing = faults(reply);
        rig.must(missing.is_empty(), format!("the answer to {what} has every member{}", lacking(&missing)));
    }
    for (what, reply) in all.iter().filter(|(_, reply)| reply.status == 422) {
        let listed: Vec<Value> = reply.json()["errors"].as_array().cloned().unwrap_or_default();
        let told = listed.iter().all(|fault| fault["pointer"].is_string() && fault["detail"].is_string());
        // Which faults of a body are found is another practice's; a query has at least this one.
        let some = !listed.is_empty() || *what != "an order that is not declared";
        rig.must(some && told, format!("the answer to {what} says what is wrong at which place"));
    }

    rig.check("right-status");
    let expected: BTreeMap<&str, u16> = EXPECTED.iter().copied().collect();
    for (what, reply) in &all {
        if let Some(status) = expected.get(what) {
            // Where a caller was not refused at all, another practice is missing and not this one.
            let fits = reply.status == *status || (reply.status / 100 == 4 && *status / 100 == 4 && OTHERS.contains(&reply.status));
            rig.must(fits, format!("the answer to {what} has the status that fits"));
        }
    }
    Ok(())
}

/// The status that fits each wrong.
const EXPECTED: &[(&str, u16)] = &[
    ("broken JSON", 400),
    ("no credential", 401),
    ("a credential that does not exist", 401),
    ("a role that may only read", 403),
    ("an object that is not there", 404),
    ("a stale version", 412),
    ("another media type", 415),
    ("a missing and an unknown field", 422),
    ("an order that is not declared", 422),
    ("a value of the wrong kind", 422),
    ("an internal failure", 500),
    ("an address that is not there", 404),
    ("a method that is not offered", 405),
    ("a body that is too large", 413),
    ("an address that is too long", 414),
    ("headers that are too large", 431),
    ("a clash with what is stored", 409),
    ("too many attempts", 429),
    ("a request that a mounted service broke off", 502),
    ("a request for a mounted service that is away", 502),
];

/// What a caller may be told instead where the practice that refuses first is missing.
const OTHERS: &[u16] = &[400, 401, 403, 404];

fn lacking(missing: &[&str]) -> String {
    if missing.is_empty() { String::new() } else { format!("; it lacks {}", missing.join(", ")) }
}

/// Codes that answers give, and where they are explained.
pub(crate) async fn catalogue(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("stable-codes");
    let tenant = rig.tenant().await?;
    let mut met: BTreeMap<String, String> = BTreeMap::new();
    for (what, reply) in refusals(rig, &tenant).await?.into_iter().filter(|(_, reply)| reply.status >= 400) {
        let code = reply.code();
        rig.must(is_code(&code), format!("the answer to {what} carries a code"));
        met.insert(code, reply.str("/type"));
    }

    rig.check("documented");
    for (code, place) in &met {
        let place = if place.is_empty() { format!("/problems/{code}") } else { place.clone() };
        let reply = rig.quietly(get(place)).await?;
        let text = reply.text();
        rig.must(reply.status == 200 && text.contains(code.as_str()), format!("{code} has a page where its `type` says"));
        rig.must(text.contains("What to do."), format!("the page of {code} says what to do"));
    }

    rig.check("agree");
    let description = rig.description().await?;
    let operations = description["paths"].as_object().into_iter().flatten().filter_map(|(_, item)| item.as_object()).flatten();
    // Answers that operations share stand among the components.
    let answers = operations.filter_map(|(_, operation)| operation["responses"].as_object()).flatten().map(|(_, answer)| answer);
    let shared = |answer: &Value| answer["$ref"].as_str().and_then(|place| description.pointer(place.strip_prefix('#')?)).cloned();
    let listed: BTreeSet<String> = answers
        .map(|answer| shared(answer).unwrap_or_else(|| answer.clone()))
        .filter_map(|answer| answer["x-plimsoll-problems"].as_array().cloned())
        .flatten()
        .filter_map(|problem| problem["code"].as_str().map(str::to_owned))
        .collect();
    rig.must(listed.len() >= 10, "the description names the codes that operations answer with");
    for code in &listed {
        let reply = rig.quietly(get(format!("/problems/{code}"))).await?;
        rig.must(reply.status == 200, format!("{code} of the description has a page"));
    }
    let copy = rig.copy(&[]).await?;
    for code in met.keys().take(4) {
        let said = copy.run(&["explain", code], "").await?;
        rig.must(said.code == Some(0) && said.stdout.contains(code.as_str()), format!("the command line explains {code}"));
    }
    Ok(())
}

fn is_code(code: &str) -> bool {
    let parts: Vec<&str> = code.split('-').collect();
    matches!(parts.as_slice(), ["PLM", area, number]
        if area.bytes().all(|byte| byte.is_ascii_uppercase()) && number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit()))
}
