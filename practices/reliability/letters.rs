//! What failed for good is set aside whole, is seen, and can be brought back.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Reply, Signal, Tenant, get, post},
};
use serde_json::{Value, json};

use crate::{
    data::jobs::{KIND, ask, awaited, effects, made},
    figures::Figures,
};

const SOON: Duration = Duration::from_secs(8);

fn dead(reply: &Option<Reply>) -> bool {
    reply.as_ref().is_some_and(|reply| reply.str("/state") == "dead")
}

fn listed(tenant: &Tenant, state: &str) -> Ask {
    get(format!("/v1/jobs?state={state}&page_size=100")).bearer(&tenant.owner)
}

fn names(reply: &Reply, id: &str) -> bool {
    reply.json()["items"].as_array().into_iter().flatten().any(|item| item["id"] == id)
}

/// A job that used all its attempts, one that nobody can read, one whose process dies at the end.
pub(crate) async fn kept(rig: &mut Rig) -> Result<(), Trouble> {
    let mut copy = rig.copy(&[("work.lease", "1s")]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;

    rig.check("moved");
    let id = made(rig, &tenant, &json!({ "name": "never", "fails": 1000 })).await?;
    rig.note("POST a job that always fails and may be tried three times");
    let end = awaited(rig, &tenant, &id, "dead").await?;
    rig.must(dead(&end), "after its last attempt the job is a dead letter");
    let job = end.as_ref().map(Reply::json).unwrap_or_default();
    rig.must(job["attempts"] == 3 && job["most_attempts"] == 3, "it was tried three times");
    let letters = rig.quietly(listed(&tenant, "dead")).await?;
    rig.must(names(&letters, &id), "it is in the list of dead letters");
    for state in ["ready", "waiting", "running"] {
        let others = rig.quietly(listed(&tenant, state)).await?;
        rig.must(others.status == 200 && !names(&others, &id), format!("it is no longer in the queue ({state})"));
    }

    rig.check("complete");
    rig.must(job["payload"]["name"] == "never" && job["payload"]["fails"] == 1000, "the payload is there as it was sent");
    let failures = job["failures"].as_array().cloned().unwrap_or_default();
    let told = |failure: &Value| {
        ["code", "detail", "at", "worker"].iter().all(|part| failure[*part].as_str().is_some_and(|text| !text.is_empty()))
    };
    rig.must(failures.len() == 3 && failures.iter().all(told), "each attempt left its error, its moment and its process");
    rig.must(job["first_failed_at"].is_string() && job["last_failed_at"].is_string(), "first and last failure have their times");
    let body = json!({ "payload": { "unheard": ["of"] } });
    let foreign = rig.send(post("/v1/rehearsal/poison").bearer(&tenant.owner).json(&body)).await?.str("/jobs/0");
    let end = awaited(rig, &tenant, &foreign, "dead").await?;
    let job = end.as_ref().map(Reply::json).unwrap_or_default();
    rig.must(dead(&end) && job["attempts"] == 1, "a payload that cannot be read is a dead letter after one attempt");
    rig.must(job["payload"] == body["payload"], "and is kept as it is");

    rig.check("not-lost");
    let last = made(rig, &tenant, &json!({ "name": "last", "fails": 1000, "ms": 300 })).await?;
    let third = |reply: &Reply| reply.number("/attempts") == Some(3) && reply.str("/state") == "running" || reply.status == 404;
    let caught = rig.until(SOON, || ask(&tenant, &last), third).await?;
    rig.must(caught.is_some_and(|reply| reply.status == 200), "a slow job begins its last attempt");
    copy.signal(Signal::Kill).await?;
    copy.end().await?;
    copy.again().await?;
    rig.turn_to(&copy);
    rig.note("SIGKILL for the process in the middle of the last attempt, then a start on the same data");
    let end = awaited(rig, &tenant, &last, "dead").await?;
    rig.must(dead(&end), "the job is a dead letter all the same");
    let count = end.as_ref().and_then(|reply| reply.json()["failures"].as_array().map(Vec::len));
    rig.must(count == Some(3), "the attempt that died with its process is on record like the others");
    Ok(())
}

/// The figure of dead letters of the probe's kind; `None` where it is not shown.
async fn depth(rig: &mut Rig, family: &str) -> Result<Option<f64>, Trouble> {
    let reply = rig.quietly(get("/metrics").operations()).await?;
    let figures = Figures::read(&reply.text()).map_err(|line| Trouble::new(format!("the metrics cannot be read at: {line}")))?;
    let of_kind = |labels: &std::collections::BTreeMap<String, String>| labels.get("kind").is_some_and(|kind| kind == KIND);
    Ok(figures.samples.iter().find(|sample| sample.name == family && of_kind(&sample.labels)).map(|sample| sample.value))
}

/// Waits until the metric has this value; whether it came to it.
async fn shows(rig: &mut Rig, wanted: f64) -> Result<bool, Trouble> {
    let line = format!("plimsoll_dead_letters{{kind=\"{KIND}\"}} {wanted}\n");
    let found = rig.until(SOON, || get("/metrics").operations(), |reply| reply.text().contains(&line)).await?;
    Ok(found.is_some())
}

/// What an operator sees, does, and leaves on record.
pub(crate) async fn operated(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;

    rig.check("depth-metric");
    let shown = shows(rig, 0.0).await?;
    if !rig.must(shown, "the number of dead letters is a metric, also while it is 0") {
        return Ok(());
    }
    let poison = json!({ "payload": { "nam": "typing error" } });
    let id = rig.quietly(post("/v1/rehearsal/poison").bearer(&tenant.owner).json(&poison)).await?.str("/jobs/0");
    let other = made(rig, &tenant, &json!({ "name": "never", "fails": 1000 })).await?;
    for job in [&id, &other] {
        awaited(rig, &tenant, job, "dead").await?;
    }
    rig.note("POST a job whose payload cannot be read, and one that always fails");
    let shown = shows(rig, 2.0).await?;
    rig.must(shown, "it rises with them");
    let age = depth(rig, "plimsoll_dead_letters_oldest_seconds").await?;
    rig.must(age.is_some_and(|age| age > 0.0), "so does the age of the oldest");

    rig.check("alert");
    // Whether health lists its checks at all is another practice's; the figures above stand without it.
    let mute = |reply: &Reply| reply.json()["checks"].as_object().is_none_or(|checks| checks.is_empty());
    let failed = |reply: &Reply| mute(reply) || reply.json()["checks"]["dead-letters"]["status"] == "failed";
    let health = rig.until(SOON, || get("/health").operations(), failed).await?;
    rig.must(health.is_some(), "health has a check about dead letters, and it fails now");
    let silent = health.as_ref().is_some_and(mute);
    let health = health.map(|reply| reply.json()).unwrap_or_default();
    let said = health["checks"]["dead-letters"]["message"].as_str().unwrap_or_default().to_owned();
    rig.must(silent || (said.contains(KIND) && said.contains("plimsoll jobs")), "the check names the kind and the command to look with");

    rig.check("operate");
    let order = |job: &str, word: &str, body: Value| {
        post(format!("/v1/jobs/{job}/{word}")).bearer(&tenant.owner).json(&body).shown(format!("/v1/jobs/{{id}}/{word}"))
    };
    let seen = rig.send(ask(&tenant, &id)).await?;
    rig.must(seen.json()["payload"] == poison["payload"] && !seen.str("/error/code").is_empty(), "an operator sees payload and error");
    let unfit = rig.send(order(&id, "replay", json!({ "payload": { "nam": "again" } }))).await?;
    rig.must(unfit.status == 422, "a correction that cannot be read either is refused");
    let fixed = json!({ "payload": { "name": "repaired" }, "reason": "the field is called name" });
    let replies = rig.together(vec![order(&id, "replay", fixed.clone()), order(&id, "replay", fixed)]).await?;
    rig.note("POST /v1/jobs/{id}/replay with a corrected payload, twice at once");
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    rig.must(statuses == [200, 409], "of two replays at once one is taken and one is refused with 409");
    let done = awaited(rig, &tenant, &id, "done").await?.map(|reply| reply.json()).unwrap_or_default();
    rig.must(done["state"] == "done" && done["replays"] == 1, "the job is done under its own id");
    rig.must(done["failures"].as_array().is_some_and(|all| all.len() == 1), "its failure is still there to be read");
    let count = effects(rig, &tenant, "repaired").await?;
    rig.must(count == 1, "its effect exists exactly once");
    let mute = rig.send(order(&other, "discard", json!({}))).await?;
    rig.must(!mute.good(), "nothing is thrown away without a reason");
    let thrown = rig.send(order(&other, "discard", json!({ "reason": "nobody needs it" }))).await?;
    rig.must(thrown.good() && thrown.str("/state") == "cancelled", "with a reason it is");
    let shown = shows(rig, 0.0).await?;
    rig.must(shown, "the metric falls back to 0");

    rig.check("audited");
    for (job, action) in [(&id, "jobs.replay"), (&other, "jobs.discard")] {
        let ask = get(format!("/v1/audit?target=jobs/{job}&action={action}")).bearer(&tenant.owner);
        let reply = rig.send(ask.shown(format!("/v1/audit?target=jobs/{{id}}&action={action}"))).await?;
        let found = reply.json();
        rig.must(found["pagination"]["total_items"] == 1, format!("{action} is on record once"));
        let entry = &found["items"][0];
        let whole = entry["actor"]["id"].as_str().is_some_and(|id| id.starts_with("key_")) && entry["at"].is_string();
        rig.must(whole && entry["detail"]["reason"].is_string(), "with who, when and why");
    }
    Ok(())
}
