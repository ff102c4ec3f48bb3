//! One limit for all processes, and what happens when nobody can count for all.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Redis, Reply, get, post},
};
use serde_json::json;

/// How many reads the shared limit lets pass; it comes back so slowly that the probe sees nothing of it.
const QUOTA: usize = 4;

/// Two processes share one count; without the server that keeps it each limit does what it declares.
pub(crate) async fn together(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("one-total");
    let mut redis = Redis::start().await?;
    let (url, quota) = (redis.url(), format!("{QUOTA}/1h"));
    let settings = [
        ("limits.address", "off"),
        // Two of each kind: which limits there are is the promise of other practices.
        ("limits.principal", quota.as_str()),
        ("limits.tenant", "1000/1h"),
        ("limits.auth", "off"),
        ("limits.read", quota.as_str()),
        ("limits.write", quota.as_str()),
        ("limits.when_shared_lost", "{ principal = \"local\", read = \"local\", tenant = \"closed\", write = \"closed\" }"),
        ("redis.url", url.as_str()),
        ("redis.timeout", "2s"),
    ];
    let first = rig.copy(&settings).await?;
    let second = first.beside(&[]).await?;
    let tenant = rig.tenant_on(&first).await?;
    let mut passed = 0;
    let read = |what: &str| get("/.well-known/jwks.json").shown(format!("/.well-known/jwks.json {what}"));
    for _ in 0..QUOTA {
        for copy in [&first, &second] {
            rig.turn_to(copy);
            passed += usize::from(rig.quietly(read("")).await?.status == 200);
        }
    }
    rig.note(format!("{} reads of one caller, every other one at a second process, where {QUOTA} are allowed", 2 * QUOTA));
    rig.must(passed == QUOTA, "both processes together let pass what one limit allows");

    rig.check("store-lost");
    redis.kill().await?;
    let marked = |reply: &Reply, mark: &str| reply.header("x-plimsoll-degraded").is_some_and(|told| told.contains(mark));
    rig.turn_to(&first);
    let reply = rig.send(read("while the shared store is away")).await?;
    rig.must(reply.status == 200, "a limit that is declared to count locally then counts in its process");
    rig.must(marked(&reply, "=local"), "and the answer says so");
    let change = post("/v1/keys").bearer(&tenant.owner).json(&json!({ "name": "shared", "role": "viewer" }));
    let reply = rig.send(change).await?;
    rig.must(
        reply.is(503, "PLM-LIM-004") && reply.has("retry-after"),
        "a limit that is declared to close refuses with 503 and says when to come back",
    );
    rig.must(marked(&reply, "=closed"), "and the answer says so");
    let page = rig.quietly(get("/metrics").operations()).await?;
    let away = if page.status == 200 {
        page.text().contains("plimsoll_shared_up 0")
    } else {
        rig.quietly(get("/health/pool").operations()).await?.json()["shared"] == json!(false)
    };
    rig.must(away, "a figure says that the store is away");
    Ok(())
}
