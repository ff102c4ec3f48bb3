//! Two processes on one data.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Signal, get, post},
};
use serde_json::json;

fn me(token: &str, what: &str) -> Ask {
    get("/v1/auth/me").bearer(token).shown(format!("/v1/auth/me with {what}"))
}

/// What began in one process goes on in the other, and outlives the first.
pub(crate) async fn stateless(rig: &mut Rig) -> Result<(), Trouble> {
    let mut first = rig.copy(&[]).await?;
    let second = first.beside(&[]).await?;
    rig.turn_to(&first);
    let tenant = rig.tenant_on(&first).await?;
    let person = rig.person(&tenant, "viewer").await?;

    rig.check("sessions-shared");
    rig.turn_to(&second);
    let reply = rig.send(me(&person.access, "a token of the other process")).await?;
    rig.must(reply.status == 200, "a token handed out by one process is accepted by the other");
    let reply = rig.send(me(&tenant.owner, "an API key")).await?;
    rig.must(reply.status == 200, "so is an API key");

    rig.check("no-process-memory");
    let body = json!({ "refresh_token": person.refresh });
    let renewed = rig.send(post("/v1/auth/refresh").json(&body)).await?;
    rig.must(renewed.status == 200, "a session that began in one process is renewed by the other");
    rig.turn_to(&first);
    let access = renewed.str("/access_token");
    let reply = rig.send(me(&access, "the renewed token")).await?;
    rig.must(reply.status == 200, "the first process accepts the token that the second one made");

    rig.check("survives-restart");
    first.signal(Signal::Kill).await?;
    first.end().await?;
    rig.turn_to(&second);
    let reply = rig.send(me(&access, "the same token while the first process is dead")).await?;
    rig.must(reply.status == 200, "while the first process is dead, the second goes on");
    first.again().await?;
    rig.turn_to(&first);
    let reply = rig.send(me(&access, "the same token after the restart")).await?;
    rig.must(reply.status == 200, "after a crash and a restart, the first process accepts the token as before");
    Ok(())
}
