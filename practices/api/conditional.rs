//! Entity tags, and who may keep an answer.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, delete, get, patch, post, put},
};
use serde_json::json;

use crate::resource;

fn tag(reply: &Reply) -> String {
    reply.header("etag").unwrap_or("").to_owned()
}

fn kept(reply: &Reply) -> String {
    reply.header("cache-control").unwrap_or("").to_ascii_lowercase()
}

/// Whether no shared cache may keep it: not at all, or only the caller's own, asking each time.
fn personal(reply: &Reply) -> bool {
    let rule = kept(reply);
    rule.contains("no-store") || (rule.contains("private") && rule.contains("no-cache"))
}

/// Tags on reads, 304 for those who have it, 412 for those who have something else.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("validators");
    let tenant = rig.tenant().await?;
    let key = tenant.owner.clone();
    let target = resource::first(rig, |one| one.text().is_some(), "with a text that is required").await?;
    let text = target.text().unwrap_or_default();
    let id = resource::make(rig, &tenant, &target, &target.example).await?;
    let (item, shown) = (target.item(&id), target.shown());
    let one = rig.send(get(&item).bearer(&key).shown(&shown)).await?;
    let list = rig.send(get(&target.path).bearer(&key)).await?;
    let page = rig.send(get("/docs")).await?;
    for (what, reply) in [("an object", &one), ("a list", &list), ("a page", &page)] {
        rig.must(!tag(reply).is_empty() && !kept(reply).is_empty(), format!("{what} carries an entity tag and says who may keep it"));
    }

    rig.check("not-modified");
    for (what, path, reply) in [("an object", &item, &one), ("a list", &target.path, &list)] {
        let known = tag(reply);
        let tags = [
            ("its tag", known.clone()),
            ("its tag among others", format!("\"zzz\", {known}")),
            ("its tag, said to be weak", format!("W/{known}")),
        ];
        for (how, sent) in tags {
            let again = rig.send(get(path).bearer(&key).header("if-none-match", &sent).shown(&shown)).await?;
            rig.must(again.status == 304 && again.body.is_empty(), format!("{what} asked for with {how} is answered 304 without a body"));
        }
    }
    let changed = rig.send(patch(&item).bearer(&key).json(&json!({ &text: "Another name" })).shown(&shown)).await?;
    let again = rig.send(get(&item).bearer(&key).header("if-none-match", tag(&one)).shown(&shown)).await?;
    rig.must(again.status == 200 && tag(&again) != tag(&one), "after a change the old tag no longer fits, and a new one comes");

    rig.check("precondition");
    let stale = tag(&one);
    let stale = if stale.is_empty() { "\"0\"".to_owned() } else { stale };
    let asks = [
        ("PUT", put(&item).json(&target.example)),
        ("PATCH", patch(&item).json(&json!({ &text: "Lost update" }))),
        ("DELETE", delete(&item)),
    ];
    for (method, ask) in asks {
        let reply = rig.send(ask.bearer(&key).header("if-match", &stale).shown(&shown)).await?;
        rig.must(reply.status == 412, format!("{method} with a stale tag is answered with 412"));
    }
    let now = rig.send(get(&item).bearer(&key).shown(&shown)).await?;
    rig.must(now.body == again.body, "and nothing has changed");
    let ask = put(&item).bearer(&key).json(&target.example).header("if-match", tag(&again)).shown(&shown);
    let reply = rig.send(ask).await?;
    rig.must(changed.good() && reply.status == 200, "a change with the current tag is made");

    rig.check("private");
    let me = rig.send(get("/v1/auth/me").bearer(&key)).await?;
    for (what, reply) in [("an object", &one), ("a list", &list), ("what the service knows about the caller", &me)] {
        rig.must(personal(reply), format!("{what} is kept by no shared cache"));
    }
    let secret = rig.send(post("/v1/keys").bearer(&key).json(&json!({ "name": "shown once", "role": "viewer" }))).await?;
    rig.must(kept(&secret).contains("no-store"), "an answer with a credential is kept by nobody");
    Ok(())
}
