//! What each method does to an object, and what it says.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, get, head, patch, post, put, request},
};
use serde_json::{Value, json};

use crate::resource::{self, Resource};

/// An id that no object has.
const NOBODY: i64 = 1_000_000_007;

/// The object as the service gives it.
async fn read(rig: &mut Rig, key: &str, target: &Resource, id: &Value) -> Result<Reply, Trouble> {
    rig.send(get(target.item(id)).bearer(key).shown(target.shown())).await
}

/// An object's life by its methods.
pub(crate) async fn verbs(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("created");
    let tenant = rig.tenant().await?;
    let key = tenant.owner.clone();
    let target = resource::resources(rig).await?.remove(0);
    let made = rig.send(post(&target.path).bearer(&key).json(&target.example)).await?;
    let id = made.json()["id"].clone();
    rig.must(made.status == 201, format!("POST {} answers 201", target.path));
    let place = made.header("location").unwrap_or("").to_owned();
    rig.must(place.ends_with(&target.item(&id)), "its Location is the address of the new object");
    let reply = rig.send(get(if place.starts_with('/') { place } else { target.item(&id) }).bearer(&key).shown("Location")).await?;
    rig.must(reply.status == 200 && reply.json()["id"] == id, "what stands there is the new object");

    rig.check("verbs");
    let one = read(rig, &key, &target, &id).await?;
    let asked = rig.send(head(target.item(&id)).bearer(&key).shown(target.shown())).await?;
    let same = asked.header("content-type") == one.header("content-type");
    rig.must(asked.status == one.status && same && asked.body.is_empty(), "HEAD answers like GET, without the body");
    let again = read(rig, &key, &target, &id).await?;
    rig.must(again.body == one.body, "reading changes nothing");
    for _ in 0..2 {
        let reply = rig.send(put(target.item(&id)).bearer(&key).json(&target.example).shown(target.shown())).await?;
        rig.must(reply.status == 200, "PUT may be repeated");
    }

    rig.check("no-content");
    let reply = resource::remove(rig, &tenant, &target, &id).await?;
    rig.must(reply.status == 204 && reply.body.is_empty(), "DELETE answers 204 without a body");

    rig.check("refusals");
    let reply = read(rig, &key, &target, &id).await?;
    rig.must(reply.status == 404, "what was deleted is answered with 404");
    let reply = read(rig, &key, &target, &json!(NOBODY)).await?;
    rig.must(reply.status == 404, "so is what never was");
    for (method, path) in [(http::Method::DELETE, target.path.clone()), (http::Method::POST, target.item(&id))] {
        let reply = rig.send(request(method.clone(), path).bearer(&key).json(&json!({})).shown("where it is not offered")).await?;
        rig.must(reply.status == 405, format!("{method} where it is not offered is answered with 405"));
        let offered = reply.header("allow").unwrap_or("").to_owned();
        rig.must(offered.contains("GET") && !offered.contains(method.as_str()), "Allow names the methods that are");
    }
    // Two clashes: each is another practice's to refuse, the status is this one's.
    let relation = resource::relation(rig).await?;
    let parent = resource::make(rig, &tenant, &relation.parent, &relation.parent.example).await?;
    let child = relation.child.body(&[(relation.field.as_str(), parent.clone())]);
    resource::make(rig, &tenant, &relation.child, &child).await?;
    let restored =
        rig.send(post(format!("{}/restore", relation.parent.item(&parent))).bearer(&key).shown("restore of what is there")).await?;
    let removed = resource::remove(rig, &tenant, &relation.parent, &parent).await?;
    rig.must(restored.status == 409 || removed.status == 409, "a clash with what is stored is answered with 409");
    Ok(())
}

/// PUT to what is there and to what is not.
pub(crate) async fn replacement(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("unknown-id");
    let tenant = rig.tenant().await?;
    let key = tenant.owner.clone();
    let target = resource::first(rig, |one| one.optional().is_some(), "with a field that may be left out").await?;
    let before = resource::count(rig, &tenant, &target).await?;
    let upserts = rig.description().await?["paths"][target.shown()]["put"]["responses"].get("201").is_some();
    let reply = rig.send(put(target.item(&json!(NOBODY))).bearer(&key).json(&target.example).shown(target.shown())).await?;
    rig.must(reply.status == 404, "PUT to an id that nothing has is answered with 404");
    let after = resource::count(rig, &tenant, &target).await?;
    rig.must(before == after, "and nothing appears in the list");

    rig.check("declared-upsert");
    if upserts {
        rig.must(reply.status == 201, "the description promises creation by PUT, and it happens");
    } else {
        rig.not_applicable("the description declares no creation by PUT");
    }

    rig.check("replaces");
    let optional = target.optional().unwrap_or_default();
    let id = resource::make(rig, &tenant, &target, &target.example).await?;
    let mut whole = target.example.clone();
    if let Some(fields) = whole.as_object_mut() {
        fields.remove(&optional);
    }
    let reply = rig.send(put(target.item(&id)).bearer(&key).json(&whole).shown(target.shown())).await?;
    rig.must(reply.status == 200, "PUT to an object replaces it");
    let reply = read(rig, &key, &target, &id).await?;
    rig.must(reply.json()[&optional].is_null(), "what the new body leaves out is empty afterwards");

    rig.check("post-creates");
    let reply = rig.send(post(&target.path).bearer(&key).json(&target.example)).await?;
    rig.must(reply.good() && reply.json()["id"] != id, "POST makes an object with an id of its own");
    Ok(())
}

/// Merge patches.
pub(crate) async fn changes(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("only-given");
    let tenant = rig.tenant().await?;
    let key = tenant.owner.clone();
    let wanted = |one: &Resource| one.text().is_some() && one.optional().is_some();
    let target = resource::first(rig, wanted, "with a text and a field that may be left out").await?;
    let (text, optional) = (target.text().unwrap_or_default(), target.optional().unwrap_or_default());
    let id = resource::make(rig, &tenant, &target, &target.example).await?;
    let before = read(rig, &key, &target, &id).await?.json();
    let change = |value: Value| patch(target.item(&id)).bearer(&key).json(&value).shown(target.shown());
    let reply = rig.send(change(json!({ &text: "Another name" }))).await?;
    rig.must(reply.status == 200, "a change of one field is taken");
    let mut expected = before.clone();
    expected[&text] = json!("Another name");
    let after = read(rig, &key, &target, &id).await?.json();
    rig.must(after == expected, "that field has the new value, and every other has the one it had");
    let reply = rig.send(change(json!({ &optional: null }))).await?;
    expected[&optional] = Value::Null;
    let after = read(rig, &key, &target, &id).await?.json();
    rig.must(reply.status == 200 && after == expected, "null empties a field, and that one only");

    rig.check("unknown-refused");
    for unknown in [json!({ "nobody-knows": 1 }), json!({ "nobody-knows": null }), json!({ "id": 5 })] {
        let reply = rig.send(change(unknown)).await?;
        rig.must(reply.status == 422, "a field that the object does not have is refused with 422");
    }
    let after = read(rig, &key, &target, &id).await?.json();
    rig.must(after == expected, "and nothing has changed");
    Ok(())
}
