//! A process that can be replaced at any moment.

use std::{collections::BTreeMap, net::TcpListener, time::Duration};

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Signal, Tenant, get, post},
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Changes that are under way when the process is killed.
const UNDER_WAY: usize = 24;

/// Starts it by environment, stops it under requests, and kills it while it writes.
pub(crate) async fn replaced(rig: &mut Rig) -> Result<(), Trouble> {
    let port = free_port()?;
    let address = format!("127.0.0.1:{port}");
    let began = Instant::now();
    let mut copy = rig.copy(&[("server.listen", &address), ("server.handler_timeout", "10s")]).await?;
    let started = began.elapsed();
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    rig.check("env-config");
    rig.must(copy.site().base == format!("http://{address}"), "the port that a variable names is the port it listens on");
    rig.check("fast-start");
    rig.must(started < Duration::from_secs(15), "it is ready within seconds");

    rig.check("disposable");
    rig.note("an instance is killed while it makes changes, and started again on the same data");
    let mut acknowledged = Vec::new();
    for number in 0..4 {
        let name = format!("before {number}");
        if rig.quietly(artist(&tenant, &name)).await?.status == 201 {
            acknowledged.push(name);
        }
    }
    let mut pending = Vec::new();
    for number in 0..UNDER_WAY {
        let name = format!("during {number}");
        pending.push((name.clone(), rig.begin(artist(&tenant, &name))?));
    }
    // Some are done, some are not: how many does not matter for the promise.
    while !pending.iter().any(|(_, change)| change.is_over()) {
        tokio::task::yield_now().await;
    }
    copy.signal(Signal::Kill).await?;
    for (name, change) in pending {
        if change.reply().await.is_ok_and(|reply| reply.status == 201) {
            acknowledged.push(name);
        }
    }
    copy.end().await?;
    copy.again().await?;
    rig.turn_to(&copy);
    let kept = names(rig, &tenant).await?;
    rig.must(
        acknowledged.len() >= 4 && acknowledged.iter().all(|name| kept.contains_key(name)),
        "each change that was acknowledged is there",
    );
    rig.must(kept.values().all(|count| *count == 1), "and there once");
    let verified = copy.run(&["audit", "verify", "--json"], "").await?;
    rig.must(verified.code == Some(0), "the ledger is whole");

    rig.check("stateless");
    let again = rig.quietly(artist(&tenant, "after")).await?;
    rig.must(again.status == 201, "a key from before works in the process that follows");
    rig.check("stream");
    rig.must(!copy.log().is_empty(), "it logs to a standard stream");
    let files = std::fs::read_dir(copy.data()).map_err(|error| Trouble::new(error.to_string()))?;
    let own = files.flatten().any(|file| file.file_name().to_string_lossy().contains(".log"));
    rig.must(!own, "and not into files of its own");

    rig.check("graceful-stop");
    let slow = rig.begin(post("/v1/rehearsal/slow").bearer(&tenant.owner).json(&json!({ "ms": 700, "name": "slow" })))?;
    // Later requests are answered, so this one has been taken.
    for _ in 0..5 {
        rig.quietly(get("/v1/artists").bearer(&tenant.owner)).await?;
    }
    rig.note("SIGTERM while a change is under way");
    copy.signal(Signal::Term).await?;
    let finished = slow.reply().await;
    rig.must(finished.is_ok_and(|reply| reply.status == 201), "the change is finished and answered");
    rig.must(copy.end().await? == Some(0), "the exit code is 0");
    Ok(())
}

fn artist(tenant: &Tenant, name: &str) -> plimsoll_assess::rig::Ask {
    post("/v1/artists").bearer(&tenant.owner).json(&json!({ "name": name }))
}

/// How often each name stands in the list of artists.
async fn names(rig: &mut Rig, tenant: &Tenant) -> Result<BTreeMap<String, usize>, Trouble> {
    let reply = rig.quietly(get("/v1/artists?page_size=100").bearer(&tenant.owner)).await?;
    let list = reply.json();
    let items = list.pointer("/items").or(list.pointer("/data")).and_then(Value::as_array).cloned();
    let items = items.ok_or_else(|| Trouble::new(format!("the list of artists cannot be read: {}", reply.line())))?;
    let mut found = BTreeMap::new();
    for item in items {
        *found.entry(item["name"].as_str().unwrap_or("").to_owned()).or_insert(0) += 1;
    }
    Ok(found)
}

/// A port that nobody listens on.
fn free_port() -> Result<u16, Trouble> {
    let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|error| Trouble::new(format!("no port: {error}")))
}
