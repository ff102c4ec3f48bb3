//! What nobody foresaw: the answer, the log, and what comes after.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, Tenant, get, post},
};
use serde_json::json;

use std::time::Duration;

/// How long a line may take to reach the log.
const WRITTEN: Duration = Duration::from_secs(5);

/// Traces of code, files, queries and the machine that have no business in an answer.
const INTERNALS: &[&str] = &[
    ".rs:",
    "/src/",
    "/srv/",
    "panicked",
    "stack backtrace",
    "thread '",
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "sqlite",
    "postgres",
    "Traceback",
];

/// A word that occurs nowhere else.
fn canary(rig: &mut Rig) -> String {
    let mark: u64 = u64::from_le_bytes(rig.seed.bytes());
    format!("zebra{mark:016x}")
}

async fn cause(rig: &mut Rig, tenant: &Tenant, what: &str, canary: &str) -> Result<Reply, Trouble> {
    rig.send(post(format!("/v1/rehearsal/{what}")).bearer(&tenant.owner).json(&json!({ "canary": canary }))).await
}

/// The lines of the log with these words, once there are any.
pub(crate) async fn logged(rig: &Rig, words: &[&str]) -> Vec<String> {
    let end = tokio::time::Instant::now() + WRITTEN;
    loop {
        let text = rig.ground().log.as_ref().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let found: Vec<String> = text.lines().filter(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned).collect();
        if !found.is_empty() || tokio::time::Instant::now() >= end {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A bug in a handler.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("answered");
    let tenant = rig.tenant().await?;
    let word = canary(rig);
    // Without an answer there is nothing to read: that is the fault looked for, not a trouble of ours.
    let reply = cause(rig, &tenant, "panic", &word).await;
    rig.must(reply.is_ok(), "a request whose handler panics is answered");
    let reply = reply.ok();
    rig.must(reply.as_ref().is_some_and(|reply| reply.status == 500), "the answer is 500");
    let error = cause(rig, &tenant, "fail", &word).await?;
    rig.must(error.status == 500, "an error that nobody foresaw is answered with 500");
    let same =
        reply.as_ref().is_some_and(|reply| reply.header("content-type") == error.header("content-type") && reply.code() == error.code());
    rig.must(same, "both answers have the same form and code");

    rig.check("logged");
    let lines = logged(rig, &[&word, "panicked"]).await;
    rig.must(!lines.is_empty(), "the log holds the message of the panic");
    let id = reply.map(|reply| reply.str("/request_id")).unwrap_or_default();
    rig.must(!id.is_empty() && lines.iter().any(|line| line.contains(&id)), "it stands under the id that the answer gives");

    rig.check("keeps-serving");
    for _ in 0..3 {
        let _ = cause(rig, &tenant, "panic", &word).await;
        let reply = rig.send(get("/v1/auth/me").bearer(&tenant.owner)).await?;
        rig.must(reply.status == 200, "the next request is answered as ever");
    }
    Ok(())
}

/// What answers to surprises and to nonsense give away.
pub(crate) async fn leaks(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("no-internals");
    let tenant = rig.tenant().await?;
    let word = canary(rig);
    let mut id = String::new();
    for what in ["fail", "panic"] {
        // An answer that does not come tells nothing.
        if let Ok(reply) = cause(rig, &tenant, what, &word).await {
            silent(rig, &reply, &word, &format!("the answer to an internal {what}"));
            id = reply.str("/request_id");
        }
    }
    let nonsense = [
        ("broken JSON", post("/v1/auth/login").header("content-type", "application/json").body("{\"email\": \"a")),
        ("a body of the wrong kind", post("/v1/auth/login").json(&json!([1, 2, 3]))),
        ("an address with a quote", get("/v1/users/x'%20OR%201=1--").bearer(&tenant.owner).shown("/v1/users/{a quote}")),
        ("a broken escape", get("/v1/users/%zz").bearer(&tenant.owner)),
        ("a page that is no number", get("/v1/users?page=x'").bearer(&tenant.owner)),
    ];
    for (what, ask) in nonsense {
        let reply = rig.send(ask).await?;
        silent(rig, &reply, &word, &format!("the answer to {what}"));
    }

    rig.check("logged");
    let lines = logged(rig, &[&word, &id]).await;
    rig.must(!id.is_empty() && !lines.is_empty(), "the log holds the cause that the answer leaves out, under the id that the answer gives");
    Ok(())
}

fn silent(rig: &mut Rig, reply: &Reply, word: &str, what: &str) {
    let text = reply.text();
    let found = INTERNALS.iter().any(|trace| text.contains(trace)) || text.contains(word);
    rig.must(!found, format!("{what} holds no trace, path, query or secret"));
}
