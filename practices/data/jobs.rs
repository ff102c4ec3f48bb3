//! Work that was accepted is done by somebody, and can be asked for.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Reply, Signal, Tenant, get, post},
};
use plimsoll_core::Time;
use serde_json::{Value, json};

/// How long a job of a few milliseconds may take on a busy machine, a lost lease included.
const SOON: Duration = Duration::from_secs(12);
/// How long a job is watched that must not begin.
const WATCH: Duration = Duration::from_millis(400);
/// The name of the kind on private instances that leaves an artist behind.
pub(crate) const KIND: &str = "rehearsal.effect";

/// Asks a private instance for one job; its id.
pub(crate) async fn made(rig: &mut Rig, tenant: &Tenant, job: &Value) -> Result<String, Trouble> {
    let ask = post("/v1/rehearsal/jobs").bearer(&tenant.owner).json(&json!({ "jobs": [job] }));
    let reply = rig.quietly(ask).await?;
    if !reply.good() {
        return Err(Trouble::new(format!("a job could not be made: {}", reply.line())));
    }
    Ok(reply.str("/jobs/0"))
}

/// Asks for a job by its id.
pub(crate) fn ask(tenant: &Tenant, id: &str) -> Ask {
    get(format!("/v1/jobs/{id}")).bearer(&tenant.owner).shown("/v1/jobs/{id}")
}

/// Waits until a job is in this state, or is not there; what was seen last.
pub(crate) async fn awaited(rig: &mut Rig, tenant: &Tenant, id: &str, state: &str) -> Result<Option<Reply>, Trouble> {
    rig.until(SOON, || ask(tenant, id), |reply| reply.str("/state") == state || reply.status == 404).await
}

/// How many artists of this name there are: the effects of jobs that make them.
pub(crate) async fn effects(rig: &mut Rig, tenant: &Tenant, name: &str) -> Result<i64, Trouble> {
    let reply = rig.quietly(get(format!("/v1/artists?name={name}")).bearer(&tenant.owner)).await?;
    reply.number("/pagination/total_items").ok_or_else(|| Trouble::new("artists could not be counted"))
}

/// One process that only accepts jobs, others that run them, and what dies in between.
pub(crate) async fn queue(rig: &mut Rig) -> Result<(), Trouble> {
    let mut front = rig.copy(&[("work.slots", "0"), ("work.lease", "1s")]).await?;
    rig.turn_to(&front);
    let tenant = rig.tenant_on(&front).await?;

    rig.check("separate-workers");
    let first = made(rig, &tenant, &json!({ "name": "apart" })).await?;
    rig.note("POST a job to a process with work.slots = 0");
    let begun = rig.until(WATCH, || ask(&tenant, &first), |reply| reply.str("/state") != "ready").await?;
    rig.must(begun.is_none(), "a process that is to run no jobs leaves it for others");

    rig.check("stored-before-accepted");
    front.signal(Signal::Kill).await?;
    front.end().await?;
    let mut worker = front.beside(&[("work.slots", "2")]).await?;
    rig.turn_to(&worker);
    rig.note("SIGKILL for the process that accepted the job, then another one on the same data");
    let done = awaited(rig, &tenant, &first, "done").await?;
    rig.must(done.is_some_and(|reply| reply.status == 200), "the job is done by the other process");
    let count = effects(rig, &tenant, "apart").await?;
    rig.must(count == 1, "its effect exists once");

    rig.check("retried-by-policy");
    let third = made(rig, &tenant, &json!({ "name": "third", "fails": 2 })).await?;
    rig.note("POST a job that fails twice");
    let done = awaited(rig, &tenant, &third, "done").await?.map(|reply| reply.json()).unwrap_or_default();
    rig.must(done["attempts"] == 3, "a job that fails twice is done at its third attempt");
    let failures = done["failures"].as_array().cloned().unwrap_or_default();
    rig.must(failures.len() == 2, "both failures can be read afterwards");
    let moment = |value: &Value| value.as_str().and_then(|text| Time::parse(text).ok());
    let paused = match (failures.first().and_then(|one| moment(&one["at"])), failures.get(1).and_then(|one| moment(&one["at"]))) {
        (Some(one), Some(two)) => two.since(one) >= Duration::from_millis(90),
        _ => false,
    };
    rig.must(paused, "between two attempts there is a pause");
    let held = made(rig, &tenant, &json!({ "name": "held", "ms": 1200 })).await?;
    let running = awaited(rig, &tenant, &held, "running").await?;
    rig.must(running.is_some_and(|reply| reply.status == 200), "a long job begins");
    worker.signal(Signal::Kill).await?;
    worker.end().await?;
    worker.again().await?;
    rig.turn_to(&worker);
    rig.note("SIGKILL for the process that runs it, then a start on the same data");
    let done = awaited(rig, &tenant, &held, "done").await?;
    rig.must(done.is_some_and(|reply| reply.status == 200), "it is done after the lease of the dead process has run out");
    let count = effects(rig, &tenant, "held").await?;
    rig.must(count == 1, "its effect exists once");

    rig.check("visible-by-id");
    let shown = rig.send(ask(&tenant, &third)).await?;
    rig.must(shown.status == 200 && shown.str("/kind") == KIND, "its tenant asks for a job by its id and sees what it does");
    rig.must(shown.str("/state") == "done", "and how it stands");
    let viewer = rig.key(&tenant, "viewer").await?;
    let foreign = rig.send(get(format!("/v1/jobs/{third}")).bearer(viewer).shown("/v1/jobs/{id} as somebody who did not make it")).await?;
    rig.must(foreign.status == 404, "who has no right to it sees nothing");
    let nobody = rig.send(get(format!("/v1/jobs/{third}")).shown("/v1/jobs/{id} without a credential")).await?;
    rig.must(nobody.status == 401, "nobody asks without a credential");
    Ok(())
}
