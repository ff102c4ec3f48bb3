//! The schema: how it changes, and that nobody is served by one that does not fit.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Copy, get},
};
use serde_json::Value;

/// How long the service may take to learn that its schema changed.
const NOTICE: Duration = Duration::from_secs(8);

/// What a command said, as JSON, and its exit code.
async fn command(copy: &Copy, arguments: &[&str]) -> Result<(Value, Option<i32>), Trouble> {
    let ended = copy.run(arguments, "").await?;
    Ok((serde_json::from_str(&ended.stdout).unwrap_or(Value::Null), ended.code))
}

/// The migrations and how they stand: owner and id, state.
fn standing(status: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or("").to_owned();
    let rows = status["migrations"].as_array().into_iter().flatten();
    rows.map(|one| (format!("{}/{}", text(one, "owner"), text(one, "id")), text(one, "state"))).collect()
}

/// A numbered, recorded list of changes with a command line.
pub(crate) async fn recorded(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let (status, code) = command(&copy, &["migrate", "status", "--json"]).await?;
    let at_first = standing(&status);
    rig.check("ordered-and-recorded");
    rig.must(at_first.len() >= 3 && code == Some(0), "`migrate status` lists the migrations of each owner");
    let numbered =
        |name: &str| name.split_once('/').is_some_and(|(_, id)| id.len() > 5 && id.bytes().take(4).all(|byte| byte.is_ascii_digit()));
    rig.must(at_first.iter().all(|(name, _)| numbered(name)), "each has a number");
    rig.must(at_first.iter().all(|(_, state)| state == "applied"), "a service that runs has none pending");
    let dated = status["migrations"].as_array().into_iter().flatten().all(|one| one["applied_at"].is_string());
    rig.must(!at_first.is_empty() && dated, "the database says when each was applied");

    rig.check("seed-apart");
    let songs = rig.send(get("/v1/songs").bearer(&tenant.owner)).await?;
    rig.must(
        songs.json().pointer("/items").or(songs.json().pointer("/data")).and_then(Value::as_array).is_some_and(Vec::is_empty),
        "a database that was migrated and nothing else holds no sample data",
    );

    rig.check("command-line");
    let (_, code) = command(&copy, &["migrate", "down", "--yes", "--json"]).await?;
    let (status, _) = command(&copy, &["migrate", "status", "--json"]).await?;
    let pending = |status: &Value| standing(status).into_iter().filter(|(_, state)| state == "pending").count();
    rig.must(code == Some(0) && pending(&status) == 1, "after `migrate down` one is pending");
    let (up, code) = command(&copy, &["migrate", "up", "--json"]).await?;
    rig.must(
        code == Some(0) && up["applied"].as_array().is_some_and(|names| names.len() == 1),
        "`migrate up` applies that one and says so",
    );
    let (status, _) = command(&copy, &["migrate", "status", "--json"]).await?;
    rig.must(!at_first.is_empty() && standing(&status) == at_first, "after that the database stands as before");
    Ok(())
}

/// Two at once apply each migration once, and what does not fit does not serve.
pub(crate) async fn deployed(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let read = || get("/v1/artists").bearer(&tenant.owner);
    rig.check("before-traffic");
    let undone = copy.run(&["migrate", "down", "--yes"], "").await?;
    if undone.code != Some(0) {
        return Err(Trouble::new("the newest migration could not be undone"));
    }
    rig.note("the newest migration is undone under the running service");
    let closed = rig.until(NOTICE, read, |reply| reply.status == 503).await?;
    rig.must(closed.is_some(), "requests are answered 503 while the schema is behind");
    let other = rig.quietly(get("/v1/keys").bearer(&tenant.owner)).await?;
    rig.must(other.status == 503, "also those that would not meet what is missing");

    rig.check("once-per-release");
    let (one, other) = tokio::join!(command(&copy, &["migrate", "up", "--json"]), command(&copy, &["migrate", "up", "--json"]));
    let ((one, first), (other, second)) = (one?, other?);
    rig.must(first == Some(0) && second == Some(0), "two instances that migrate at once both succeed");
    let applied: usize = [&one, &other].iter().filter_map(|said| said["applied"].as_array()).map(Vec::len).sum();
    rig.must(applied == 1, "and the pending migration is applied by one of them");
    let open = rig.until(NOTICE, read, |reply| reply.status == 200).await?;
    rig.must(open.is_some(), "the service that waited serves again by itself");
    rig.check("own-step");
    let (again, code) = command(&copy, &["migrate", "up", "--json"]).await?;
    let nothing = again["applied"].as_array().is_some_and(Vec::is_empty);
    rig.must(code == Some(0) && nothing, "the step can be repeated: it ends with 0 and says that nothing was left to do");
    Ok(())
}
