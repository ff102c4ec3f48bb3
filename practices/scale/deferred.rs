//! Long work is accepted at once, done elsewhere, and its end can be read.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, get, post},
};
use serde_json::json;

use crate::resource;

/// How long accepted work may take to begin and to end.
const SOON: Duration = Duration::from_secs(8);

fn job(address: &str, key: &str) -> Ask {
    get(address).bearer(key).shown("/v1/jobs/{id}")
}

/// Many objects at once, and a mounted service that takes its time.
pub(crate) async fn later(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("accepted");
    let tenant = rig.tenant().await?;
    let key = tenant.owner.clone();
    let target = resource::first(rig, |one| one.bulk, "that takes many at once").await?;
    let body = json!({ "items": vec![target.example.clone(); 3] });
    let ask = post(format!("{}/bulk", target.path)).bearer(&key).header("prefer", "respond-async").json(&body);
    let accepted = rig.send(ask).await?;
    let address = accepted.header("location").unwrap_or_default().to_owned();
    rig.must(accepted.status == 202 && address.starts_with("/v1/jobs/job_"), "work for later is answered 202 with the address of its job");
    rig.must(accepted.header("preference-applied") == Some("respond-async"), "and the answer says that the wish was followed");
    let mut mounted = None;
    if let Ok(service) = rig.service() {
        service.hold("deferred");
        let ask = post("/mounted/effect?key=deferred").bearer(&key).header("prefer", "respond-async").json(&json!({ "long": true }));
        let accepted = rig.send(ask.shown("/mounted/effect, which takes its time")).await?;
        rig.must(accepted.status == 202, "so is a change of a mounted service that has not answered yet");
        mounted = Some((service, accepted.header("location").unwrap_or_default().to_owned()));
    }

    rig.check("in-workers");
    let made = rig
        .until(
            SOON,
            || get(format!("{}?page_size=1", target.path)).bearer(&key),
            |reply| reply.number("/pagination/total_items") == Some(3),
        )
        .await?;
    rig.must(made.is_some(), "the work is done although nobody waits for it");
    if let Some((service, address)) = &mounted {
        rig.must(service.holding("deferred", 1, SOON).await, "the mounted service is asked by a worker");
        let busy = rig.quietly(job(address, &key)).await?;
        rig.must(busy.status != 200 || busy.str("/state") == "running", "while it works, its job is shown as running");
        service.release("deferred");
    }

    rig.check("pollable");
    let ended = |address: String, key: String| move || job(&address, &key);
    let done = rig.until(SOON, ended(address, key.clone()), |reply| reply.str("/state") == "done").await?;
    let result = done.map(|reply| reply.json()["result"].clone()).unwrap_or_default();
    rig.must(result["status"] == 201 && result["body"]["created"] == 3, "under the address one reads that it is done, and its answer");
    if let Some((service, address)) = mounted {
        let done = rig.until(SOON, ended(address, key), |reply| reply.str("/state") == "done").await?;
        let result = done.map(|reply| reply.json()["result"].clone()).unwrap_or_default();
        rig.must(result["status"] == 200 && result["body"]["effect"] == 1, "so one does for the mounted service");
        rig.must(service.effects("deferred") == 1, "which was asked once");
    }
    Ok(())
}
