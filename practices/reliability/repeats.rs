//! A request that is sent again with its key has one effect and one answer.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Reply, Tenant, post},
};
use serde_json::{Value, json};

use crate::resource::{self, Resource};

/// How long the prober's own service may take to see what was sent.
const SOON: Duration = Duration::from_secs(4);
/// Duplicates that are sent at once.
const AT_ONCE: usize = 20;

/// Repeats of a create on the service's own data, and of a change at a mounted service.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("one-effect");
    let tenant = rig.tenant().await?;
    let target = resource::resources(rig).await?.remove(0);
    let create = |key: &str, body: &Value| post(&target.path).bearer(&tenant.owner).header("idempotency-key", key).json(body);
    let first = rig.send(create("\"first\"", &target.example)).await?;
    rig.must(first.good(), "a create with a key is done");
    let again = rig.send(create("\"first\"", &target.example)).await?;
    let count = resource::count(rig, &tenant, &target).await?;
    rig.must(count == 1, "the same again leaves one object");
    let mounted = there(rig, &tenant, "effect", "first");
    let (before, repeat) = pair(rig, &mounted).await?;
    if let Ok(service) = rig.service() {
        rig.must(service.effects("first") == 1, "a change sent twice to a mounted service happens there once");
    }

    rig.check("same-answer");
    rig.must(again.status == first.status && again.text() == first.text(), "the repeat has the status and the body of the first");
    rig.must(again.header("location") == first.header("location"), "and leads to the same place");
    rig.must(again.has("idempotency-replayed") && !first.has("idempotency-replayed"), "the repeat is marked as one, the first is not");
    if let (Some(before), Some(repeat)) = (before, repeat) {
        rig.must(repeat.status == before.status && repeat.text() == before.text(), "the same holds for the answer of a mounted service");
    }

    rig.check("other-body");
    other_body(rig, &tenant, &target).await?;

    rig.check("concurrent");
    let held = resource::count(rig, &tenant, &target).await?;
    let replies = rig.together((0..AT_ONCE).map(|_| create("at-once", &target.example)).collect()).await?;
    rig.note(format!("{AT_ONCE} creates with one key at once"));
    let waited = |reply: &Reply| reply.status == 409 || reply.status == replies[0].status && reply.text() == replies[0].text();
    rig.must(replies.iter().any(Reply::good), "of creates sent at once with one key, one is done");
    rig.must(replies.iter().all(|reply| reply.status == 409 || reply.good()), "each is answered with success or 409");
    rig.must(replies.iter().filter(|reply| reply.good()).all(waited), "those that succeed get one and the same answer");
    let count = resource::count(rig, &tenant, &target).await?;
    rig.must(count == held + 1, "together they leave one object");
    beside(rig, &tenant).await?;

    rig.check("outcome-unknown");
    unknown(rig, &tenant).await
}

/// A change of the mounted service, with a key of this name.
fn there<'t>(rig: &Rig, tenant: &'t Tenant, word: &'static str, key: &'static str) -> Option<impl Fn() -> Ask + use<'t>> {
    rig.service().is_ok().then_some(move || {
        post(format!("/mounted/{word}?key={key}")).bearer(&tenant.owner).header("idempotency-key", key).json(&json!({ "once": true }))
    })
}

async fn pair(rig: &mut Rig, ask: &Option<impl Fn() -> Ask>) -> Result<(Option<Reply>, Option<Reply>), Trouble> {
    let Some(ask) = ask else { return Ok((None, None)) };
    Ok((Some(rig.send(ask()).await?), Some(rig.send(ask()).await?)))
}

/// The key of one request with another.
async fn other_body(rig: &mut Rig, tenant: &Tenant, target: &Resource) -> Result<(), Trouble> {
    let field = target.text().ok_or_else(|| Trouble::new("the description shows no text that could be changed"))?;
    let other = target.body(&[(&field, json!("something else"))]);
    let ask = post(&target.path).bearer(&tenant.owner).header("idempotency-key", "\"first\"").json(&other);
    let reply = rig.send(ask.shown(format!("{} with another body and the key of the first", target.path))).await?;
    rig.must(reply.status == 422, "another body with the same key is refused with 422");
    if let Ok(service) = rig.service() {
        let ask =
            post("/mounted/effect?key=first").bearer(&tenant.owner).header("idempotency-key", "first").json(&json!({ "once": false }));
        let reply = rig.send(ask.shown("/mounted/effect with another body and the key of the first")).await?;
        rig.must(reply.status == 422, "so it is in front of a mounted service");
        rig.must(service.seen("first").iter().all(|seen| !seen.body.contains("false")), "which hears nothing of it");
    }
    Ok(())
}

/// A duplicate that comes while the mounted service is at work on the first.
async fn beside(rig: &mut Rig, tenant: &Tenant) -> Result<(), Trouble> {
    let (Ok(service), Some(ask)) = (rig.service(), there(rig, tenant, "effect", "beside")) else { return Ok(()) };
    service.hold("beside");
    let first = rig.begin(ask())?;
    let came = service.holding("beside", 1, SOON).await;
    rig.must(came, "a change reaches the mounted service");
    let second = rig.begin(ask())?;
    // Were it passed on, it would be held there beside the first.
    let passed = service.holding("beside", 2, Duration::from_millis(250)).await;
    rig.note("POST /mounted/effect twice with one key, the second while the first is at work");
    rig.must(!passed, "a duplicate does not reach the service while the first is at work there");
    service.release("beside");
    let (first, second) = (first.reply().await?, second.reply().await?);
    rig.must(
        second.status == 409 || second.text() == first.text(),
        "it is answered like the first, or told with 409 that the first still runs",
    );
    rig.must(service.effects("beside") == 1, "and there is one effect");
    Ok(())
}

/// A service that acts and breaks off: what it did cannot be known.
async fn unknown(rig: &mut Rig, tenant: &Tenant) -> Result<(), Trouble> {
    let (Ok(service), Some(ask)) = (rig.service(), there(rig, tenant, "effect-then-reset", "unknown")) else {
        rig.not_applicable("no service is mounted whose effect could be lost from sight");
        return Ok(());
    };
    let first = rig.send(ask()).await?;
    rig.must(first.status >= 500, "a mounted service that acts and breaks off leaves an error");
    for _ in 0..2 {
        let again = rig.send(ask()).await?;
        rig.must(again.status == 409, "a repeat is told with 409 that the outcome is not known");
    }
    rig.must(service.effects("unknown") == 1, "nothing was sent to the service again");
    Ok(())
}
