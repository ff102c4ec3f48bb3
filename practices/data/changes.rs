//! Changes of more than one row: many at once, all or nothing, with what refers to it, and back.

use std::time::Instant;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, delete, get, post},
};
use serde_json::{Value, json};

use crate::resource::{self, Resource, items};

/// Objects in the comparison of one call with many.
const BATCH: usize = 40;

/// Good and bad items in one call, too many, and how long it takes.
pub(crate) async fn batches(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("result-per-item");
    let tenant = rig.tenant().await?;
    let target = resource::first(rig, |one| one.bulk && one.text().is_some(), "that takes many at once").await?;
    let text = target.text().unwrap_or_default();
    let good = |number: usize| target.body(&[(text.as_str(), json!(format!("Item {number}")))]);
    let bad = target.body(&[(text.as_str(), json!(5))]);
    let bulk =
        |query: &str, list: Vec<Value>| post(format!("{}/bulk{query}", target.path)).bearer(&tenant.owner).json(&json!({ "items": list }));
    let reply = rig.send(bulk("", vec![good(0), bad.clone(), good(2)])).await?;
    let statuses = |reply: &Reply| {
        let results = reply.json()["results"].as_array().cloned().unwrap_or_default();
        results.iter().map(|one| one["status"].as_i64().unwrap_or(0)).collect::<Vec<_>>()
    };
    rig.must(statuses(&reply) == [201, 422, 201], "each item has a result of its own");
    let why = reply.json().pointer("/results/1/errors/0/pointer").and_then(Value::as_str).unwrap_or("").to_owned();
    rig.must(why.contains(&text), "the refused one says which of its fields is wrong");
    let stored = resource::count(rig, &tenant, &target).await?;
    rig.must(stored == 2, "the others are stored, as the description says");

    rig.check("atomic-chunks");
    let reply = rig.send(bulk("?atomic=true", vec![good(3), bad, good(5)])).await?;
    let after = resource::count(rig, &tenant, &target).await?;
    rig.must(after == stored, "with `atomic=true` one bad item keeps the whole call from being stored");
    rig.must(statuses(&reply).get(1) == Some(&422), "and the answer says which it was");

    rig.check("bounded");
    let reply = rig.send(bulk("", vec![good(0); 1001])).await?;
    let after = resource::count(rig, &tenant, &target).await?;
    rig.must((400..500).contains(&reply.status) && after == stored, "1001 items at once are refused, and none of them is stored");

    rig.check("cheaper");
    let started = Instant::now();
    for number in 0..BATCH {
        resource::make(rig, &tenant, &target, &good(number)).await?;
    }
    let singly = started.elapsed();
    let started = Instant::now();
    let reply = rig.send(bulk("", (0..BATCH).map(good).collect())).await?;
    let together = started.elapsed();
    rig.must(reply.good() && together < singly, "forty items in one call take less time than forty calls");
    Ok(())
}

/// Whether an object with this id is in a list.
fn holds(reply: &Reply, id: &Value) -> bool {
    items(reply).iter().any(|item| item["id"] == *id)
}

async fn list(rig: &mut Rig, key: &str, target: &Resource, query: &str) -> Result<Reply, Trouble> {
    rig.send(get(format!("{}?page_size=100{query}", target.path)).bearer(key)).await
}

/// Delete, look everywhere, bring back.
pub(crate) async fn deletes(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("delete-marks");
    let tenant = rig.tenant().await?;
    let key = tenant.owner.clone();
    let target = resource::first(rig, |one| one.takes("deleted"), "that shows what was deleted").await?;
    let (id, other) =
        (resource::make(rig, &tenant, &target, &target.example).await?, resource::make(rig, &tenant, &target, &target.example).await?);
    let before = rig.send(get(target.item(&id)).bearer(&key).shown(target.shown())).await?;
    let reply = resource::remove(rig, &tenant, &target, &id).await?;
    rig.must(reply.good(), "an object can be deleted");
    let reply = list(rig, &key, &target, "&deleted=true").await?;
    rig.must(holds(&reply, &id) && !holds(&reply, &other), "the list of what was deleted shows it, and nothing that was not");

    rig.check("hidden-from-reads");
    let reply = rig.send(get(target.item(&id)).bearer(&key).shown(target.shown())).await?;
    rig.must(reply.status == 404, "reading it is answered with 404");
    let reply = list(rig, &key, &target, "").await?;
    rig.must(!holds(&reply, &id) && holds(&reply, &other), "the list does not show it any more");
    rig.must(reply.number("/pagination/total_items") == Some(1), "nor does the total count it");
    let reply = resource::remove(rig, &tenant, &target, &id).await?;
    rig.must(reply.status == 404, "it cannot be deleted twice");

    rig.check("restore-by-permission");
    let reply = rig.send(post(format!("{}/restore", target.item(&id))).bearer(&key).shown(format!("{}/restore", target.shown()))).await?;
    rig.must(reply.status == 200, "somebody who may change it can bring it back");
    let after = rig.send(get(target.item(&id)).bearer(&key).shown(target.shown())).await?;
    rig.must(after.status == 200 && after.json() == before.json(), "it is what it was");
    Ok(())
}

/// Delete what is referred to.
pub(crate) async fn references(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("refusal-is-409");
    let tenant = rig.tenant().await?;
    let key = tenant.owner.clone();
    let relation = resource::relation(rig).await?;
    let (parent, child) = (&relation.parent, &relation.child);
    let id = resource::make(rig, &tenant, parent, &parent.example).await?;
    let bodies = (0..2).map(|_| child.body(&[(relation.field.as_str(), id.clone())])).collect();
    resource::make_many(rig, &tenant, child, bodies).await?;
    let reply = resource::remove(rig, &tenant, parent, &id).await?;
    rig.must(reply.status == 409, "an object that others refer to is not deleted: 409");
    let there = rig.send(get(parent.item(&id)).bearer(&key).shown(parent.shown())).await?;
    let children = resource::count(rig, &tenant, child).await?;
    rig.must(there.status == 200 && children == 2, "it and those that refer to it are still there");

    rig.check("behaviour-documented");
    let description = rig.description().await?;
    let operation = &description["paths"][parent.shown()]["delete"];
    let cascades = operation["parameters"]
        .as_array()
        .is_some_and(|all| all.iter().any(|one| one["name"] == "cascade" && one["description"].is_string()));
    rig.must(cascades, "the description says how to delete it together with what refers to it");

    rig.check("cascade");
    let ask = delete(format!("{}?cascade=true", parent.item(&id))).bearer(&key).shown(format!("{}?cascade=true", parent.shown()));
    let reply = rig.send(ask).await?;
    let children = resource::count(rig, &tenant, child).await?;
    rig.must(reply.good() && children == 0, "asked for, the deletion takes along what refers to it");
    Ok(())
}

/// Two writes of which the second fails, in three ways.
pub(crate) async fn transactions(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("all-or-nothing");
    let tenant = rig.tenant().await?;
    let relation = resource::relation(rig).await?;
    let pair = |name: &str, second: &str| post("/v1/rehearsal/pair").bearer(&tenant.owner).json(&json!({ "name": name, "second": second }));
    let reply = rig.send(pair("Both", "holds")).await?;
    rig.must(reply.good(), "a change of two rows is made");
    for (second, what) in [
        ("refused", "the database refuses the second"),
        ("error", "the code gives up after the second"),
        ("panic", "the code fails after the second"),
    ] {
        // An answer may be missing altogether where panics are not caught; the rows are what counts.
        let reply = rig.send(pair("Half", second)).await;
        let refused = reply.as_ref().map_or(true, |reply| reply.status >= 400);
        let counts = [resource::count(rig, &tenant, &relation.parent).await?, resource::count(rig, &tenant, &relation.child).await?];
        rig.must(refused && counts == [1, 1], format!("where {what}, no row of the first remains"));
        let text = relation.parent.text().unwrap_or_default();
        let half = rig.quietly(get(format!("{}?page_size=100", relation.parent.path)).bearer(&tenant.owner)).await?;
        let left = items(&half).iter().filter(|item| item[&text] == "Half").count();
        rig.must(left == 0, "nor can it be read");
    }

    rig.check("goes-on");
    let reply = rig.send(pair("Both again", "holds")).await?;
    rig.must(reply.good(), "the next change of two rows is made as ever");
    Ok(())
}
