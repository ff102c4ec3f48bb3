//! What is over goes by itself; what is not stays.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{delete, get, post},
};
use serde_json::{Value, json};

/// How long a purge that is due every fifth of a second may take to come.
const SOON: Duration = Duration::from_secs(15);

fn class<'v>(listed: &'v Value, name: &str) -> &'v Value {
    listed["items"].as_array().and_then(|items| items.iter().find(|one| one["class"] == name)).unwrap_or(&Value::Null)
}

/// Deletes one thing whose period is over at once and one whose period is a year.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[("retention.every", "200ms"), ("retention.periods", "{ \"deleted-songs\" = \"1ms\" }")]).await?;
    let tenant = rig.tenant_on(&copy).await?;
    rig.turn_to(&copy);
    let key = tenant.owner.clone();

    rig.check("period-per-class");
    let listed = rig.send(get("/v1/retention").bearer(&key)).await?.json();
    let items = listed["items"].as_array().cloned().unwrap_or_default();
    let told = |one: &Value| one["class"].is_string() && one["about"].is_string() && (one["period"].is_string() || one["period"].is_null());
    rig.must(!items.is_empty() && items.iter().all(told), "the service lists its classes of data, each with a period and what starts it");
    rig.must(class(&listed, "deleted-songs")["period"] == "1ms", "a configured period is the one in force");
    rig.must(
        class(&listed, "ended-sessions")["period"] == "30d" && class(&listed, "deleted-artists")["period"] == "365d",
        "the others have their own",
    );

    rig.check("scheduled-purge");
    let mut made = Vec::new();
    for (path, body) in
        [("/v1/songs", json!({ "title": "Over" })), ("/v1/songs", json!({ "title": "Alive" })), ("/v1/artists", json!({ "name": "Fresh" }))]
    {
        let reply = rig.quietly(post(path).bearer(&key).json(&body)).await?;
        made.push((path, reply.number("/id").unwrap_or_default()));
    }
    for (path, id) in [made[0], made[2]] {
        rig.quietly(delete(format!("{path}/{id}")).bearer(&key)).await?;
    }
    let empty = |reply: &plimsoll_assess::rig::Reply| reply.number("/pagination/total_items") == Some(0);
    let trash = rig.until(SOON, || get("/v1/songs?deleted=true").bearer(&key), empty).await?;
    rig.must(trash.is_some(), "a deleted song whose period is over is gone without anybody's order");
    let fresh = rig.send(post(format!("/v1/artists/{}/restore", made[2].1)).bearer(&key).shown("/v1/artists/{id}/restore")).await?;
    rig.must(fresh.status == 200, "a deleted artist whose period is not over can be brought back");
    let alive = rig.send(get(format!("/v1/songs/{}", made[1].1)).bearer(&key).shown("/v1/songs/{id}")).await?;
    rig.must(alive.status == 200, "what was not deleted is untouched");

    rig.check("purge-logged");
    let ran = |reply: &plimsoll_assess::rig::Reply| class(&reply.json(), "deleted-artists")["last_run"]["up_to"].is_string();
    let runs = rig.until(SOON, || get("/v1/retention").bearer(&key), ran).await?;
    rig.must(runs.is_some(), "each class says when it was last purged, and up to which moment, also where nothing was over");
    let logged = rig.send(get("/v1/audit?action=retention.purge").bearer(&key)).await?.json();
    let entry = &logged["items"][0];
    rig.must(
        entry["detail"]["class"] == "deleted-songs" && entry["detail"]["removed"] == 1 && entry["detail"]["up_to"].is_string(),
        "the ledger says which class, how much, and up to when",
    );
    rig.must(logged["pagination"]["total_items"] == 1, "a run that removed nothing leaves no entry there");
    Ok(())
}
