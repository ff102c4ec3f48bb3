//! Backups: that they happen, lie elsewhere, can be restored, and do not pile up.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Copy, Reply, Scratch, Signal, get, post},
};
use serde_json::{Value, json};

/// How long a copy whose schedule is in seconds may take to do something.
const SOON: Duration = Duration::from_secs(25);
const NEVER: &str = "1000d";
/// Text that stands in the data and must not stand in a copy of it.
const CANARY: &str = "canary of the backups";

/// What a command said, as JSON, and its exit code.
async fn command(copy: &Copy, arguments: &[&str]) -> Result<(Value, Option<i32>), Trouble> {
    let ended = copy.run(arguments, "").await?;
    Ok((serde_json::from_str(&ended.stdout).unwrap_or(Value::Null), ended.code))
}

fn items(answer: &Value) -> Vec<&Value> {
    answer["items"].as_array().into_iter().flatten().collect()
}

/// The archives below a folder.
fn archives(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder.join("backup")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = found.filter(|path| path.extension().is_some_and(|end| end == "plm")).collect();
    found.sort();
    found
}

/// Turns one bit of a file.
fn spoil(path: &Path) -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble::new(format!("a copy cannot be spoiled: {error}"));
    let mut bytes = fs::read(path).map_err(failed)?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    fs::write(path, bytes).map_err(failed)
}

/// Puts a file where a folder was, whoever writes into it meanwhile.
fn block(folder: &Path) -> Result<(), Trouble> {
    for _ in 0..100 {
        let _ = fs::remove_dir_all(folder);
        if fs::write(folder, "no folder").is_ok() {
            return Ok(());
        }
    }
    Err(Trouble::new("a folder for backups cannot be taken away"))
}

/// On a schedule, on demand, and with an alarm.
pub(crate) async fn automated(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[("archive.scheduled", "true"), ("archive.every", "2s"), ("archive.drill_every", NEVER)]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let list = || get("/v1/backups").bearer(&tenant.owner);
    rig.check("scheduled");
    rig.note("an instance with archive.every = 2s, and nobody at the keyboard");
    let whole = |answer: &Value| items(answer).iter().any(|one| one["state"] == "whole");
    let found = rig.until(SOON, list, |reply| whole(&reply.json())).await?;
    rig.must(found.is_some(), "a backup is made that nobody asked for");

    rig.check("on-demand");
    let begun = rig.send(post("/v1/backups").bearer(&tenant.owner)).await?;
    let id = begun.str("/id");
    rig.must(begun.status == 201 && id.starts_with("bak_"), "one call starts a backup now and names it");
    let one = || get(format!("/v1/backups/{id}")).bearer(&tenant.owner);
    let done = rig.until(SOON, one, |reply| reply.str("/state") == "whole").await?;
    let digest = done.map(|reply| reply.str("/digest")).unwrap_or_default();
    rig.must(digest.len() == 64, "it comes to its end, with the digest of the file");
    let (listed, code) = command(&copy, &["backup", "list", "--json"]).await?;
    rig.must(code == Some(0) && items(&listed).iter().any(|entry| entry["id"] == id.as_str()), "one command lists it");
    let path = archives(&copy.data().join("backups")).into_iter().find(|path| path.to_string_lossy().contains(&id));
    let same = path.and_then(|path| fs::read(path).ok()).is_some_and(|bytes| hex(&bytes) == digest);
    rig.must(same, "and the file has that digest");

    rig.check("failure-alerts");
    rig.note("the place of its backups is taken away");
    block(&copy.data().join("backups"))?;
    let figures = || get("/metrics").operations();
    let counted = |text: &str| text.lines().any(|line| line.starts_with("plimsoll_backups_failed_total ") && !line.ends_with(" 0"));
    let failed = rig.until(SOON, figures, |reply| counted(&reply.text())).await?;
    rig.must(failed.is_some(), "the figures count the backup that failed");
    let health = || get("/health").operations();
    let noticed = rig.until(SOON, health, |reply| reply.str("/checks/backup/status") == "failed").await?;
    rig.must(noticed.is_some(), "health turns bad with the age of the last success");
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// In another place, sealed, and checked.
pub(crate) async fn elsewhere(rig: &mut Rig) -> Result<(), Trouble> {
    let away = Scratch::new()?;
    let place = away.path().to_string_lossy().into_owned();
    let mut copy = rig.copy(&[("archive.place", &place)]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    rig.check("other-failure-domain");
    rig.note("an instance with archive.place on another disk");
    let added = rig.send(post("/v1/artists").bearer(&tenant.owner).json(&json!({ "name": CANARY }))).await?;
    rig.must(added.status == 201, "something is kept");
    let (_, code) = command(&copy, &["backup", "create", "--json"]).await?;
    let there = archives(away.path());
    rig.must(code == Some(0) && there.len() == 1, "the backup lies at that place");
    rig.must(archives(&copy.data().join("backups")).is_empty(), "and not in the data folder");
    let Some(file) = there.first() else { return Ok(()) };
    if copy.embedded() {
        copy.signal(Signal::Kill).await?;
        copy.end().await?;
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(copy.data().join(format!("plimsoll.db{end}")));
        }
        let (_, code) = command(&copy, &["backup", "restore", "--json"]).await?;
        rig.must(code == Some(0), "with the database gone, it is restored from there");
        copy.again().await?;
        rig.turn_to(&copy);
        let back = rig.quietly(get("/v1/artists").bearer(&tenant.owner)).await?;
        rig.must(back.text().contains(CANARY), "and what was kept is back");
    }

    rig.check("encrypted");
    let bytes = fs::read(file).map_err(|error| Trouble::new(error.to_string()))?;
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    rig.must(!holds(CANARY.as_bytes()), "the text of a row cannot be found in the copy");
    rig.must(
        !holds(b"artist") && !holds(b"\x28\xb5\x2f\xfd"),
        "nor the name of a table, nor the mark of a packed file that anyone could open",
    );

    rig.check("integrity-checked");
    let (_, code) = command(&copy, &["backup", "verify", "--json"]).await?;
    rig.must(code == Some(0), "a copy that is whole is found whole");
    spoil(file)?;
    let (_, code) = command(&copy, &["backup", "verify", "--json"]).await?;
    rig.must(code == Some(1), "with one bit turned it is found damaged");
    Ok(())
}

/// Restored on a schedule, compared, and on record.
pub(crate) async fn rehearsed(rig: &mut Rig) -> Result<(), Trouble> {
    let copy =
        rig.copy(&[("archive.scheduled", "true"), ("archive.every", NEVER), ("archive.drill_every", "1s"), ("archive.rpo", NEVER)]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let list = || get("/v1/drills").bearer(&tenant.owner);
    rig.check("scheduled-restore");
    rig.note("an instance with archive.drill_every = 1s");
    let good = |answer: &Value| items(answer).first().is_some_and(|drill| drill["good"] == true);
    let found = rig.until(SOON, list, |reply| good(&reply.json())).await?;
    rig.must(found.is_some(), "the newest backup is restored without anyone asking");

    rig.check("time-recorded");
    let first = found.map(|reply| reply.json()["items"][0].clone()).unwrap_or_default();
    rig.must(first["started_at"].is_string() && first["backup_id"].is_string(), "the record says when, and which backup");
    rig.must(
        first["rto_millis"].as_i64().is_some_and(|took| took > 0) && first["rpo_seconds"].is_i64(),
        "how long it took, and how old it was",
    );
    let dated = |reply: &Reply| {
        let figures = reply.text();
        figures.lines().any(|line| line.starts_with("plimsoll_drill_last_success_timestamp_seconds ") && !line.ends_with(" 0"))
    };
    let dated = rig.until(SOON, || get("/metrics").operations(), dated).await?;
    rig.must(dated.is_some(), "the figures have the moment of the last good one");

    rig.check("compared");
    rig.must(first["rows"].as_i64().is_some_and(|rows| rows > 0), "rows were compared");
    let Some(file) = archives(&copy.data().join("backups")).pop() else {
        rig.must(false, "there is a backup to spoil");
        return Ok(());
    };
    spoil(&file)?;
    rig.note("one bit of the newest backup is turned");
    let bad = |answer: &Value| {
        items(answer).first().is_some_and(|drill| drill["good"] == false && drill["findings"].to_string().contains("damaged"))
    };
    let noticed = rig.until(SOON, list, |reply| bad(&reply.json())).await?;
    rig.must(noticed.is_some(), "the next drill says so");
    Ok(())
}

/// Old ones go, and never the last good ones.
pub(crate) async fn pruned(rig: &mut Rig) -> Result<(), Trouble> {
    let mut settings =
        vec![("archive.scheduled", "true"), ("archive.every", "1s"), ("archive.drill_every", NEVER), ("archive.keep_last", "2")];
    settings.extend(["archive.keep_daily", "archive.keep_weekly", "archive.keep_monthly"].map(|key| (key, "0")));
    let mut copy = rig.copy(&settings).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let list = || get("/v1/backups").bearer(&tenant.owner);
    rig.check("pruned-by-policy");
    rig.note("an instance with archive.every = 1s and archive.keep_last = 2");
    let count = |answer: &Value, state: &str| items(answer).iter().filter(|one| one["state"] == state).count();
    let gone = rig.until(SOON, list, |reply| count(&reply.json(), "pruned") >= 2).await?;
    rig.must(gone.is_some(), "older backups go by themselves, and the record says that they went");

    rig.check("minimum-kept");
    copy.signal(Signal::Term).await?;
    copy.end().await?;
    let left = archives(&copy.data().join("backups")).len();
    rig.must(left >= 2, "the two newest are there");
    let (_, code) = command(&copy, &["backup", "prune", "--json"]).await?;
    // The one that a drill has restored may stay besides.
    let left = archives(&copy.data().join("backups")).len();
    rig.must(code == Some(0) && (2..=3).contains(&left), "and stay when the policy is carried out once more");
    Ok(())
}

/// The latest moment that can be restored, as the list of backups says it.
async fn reach(copy: &Copy) -> Result<Option<String>, Trouble> {
    let (listed, _) = command(copy, &["backup", "list", "--json"]).await?;
    Ok(listed["windows"].as_array().and_then(|windows| windows.last()).and_then(|window| window["to"].as_str()).map(str::to_owned))
}

/// Waits until the log was shipped at a later moment than the one that was known.
async fn later(copy: &Copy, known: Option<&str>) -> Result<Option<String>, Trouble> {
    let started = std::time::Instant::now();
    while started.elapsed() < SOON {
        let found = reach(copy).await?;
        if found.as_deref() > known {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    Ok(None)
}

/// Full and log copies at their intervals, and any moment between.
pub(crate) async fn any_moment(rig: &mut Rig) -> Result<(), Trouble> {
    let settings = [
        ("archive.scheduled", "true"),
        ("archive.point_in_time", "true"),
        ("archive.ship_every", "200ms"),
        ("archive.every", "1h"),
        ("archive.drill_every", NEVER),
    ];
    let mut copy = rig.copy(&settings).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let add = |name: &'static str| post("/v1/artists").bearer(&tenant.owner).json(&json!({ "name": name }));
    rig.check("stated-intervals");
    rig.note("an instance with archive.every = 1h and archive.ship_every = 200ms");
    let added = rig.send(add("kept")).await?;
    rig.must(added.status == 201, "something is kept");
    // The first later moment may be that of a look which had begun before.
    let first = later(&copy, None).await?;
    rig.quietly(add("another")).await?;
    let second = later(&copy, first.as_deref()).await?;
    rig.quietly(add("and another")).await?;
    let third = later(&copy, second.as_deref()).await?;
    let Some(moment) = third.filter(|_| first.is_some() && second.is_some()) else {
        rig.must(false, "a full backup and what was changed after it leave the database by themselves");
        return Ok(());
    };
    rig.must(true, "a full backup and what was changed after it leave the database by themselves");

    rig.check("any-minute");
    let spoiled = rig.send(add("a mistake")).await?;
    rig.must(spoiled.status == 201, "a moment is noted, and a mistake made after it");
    let shipped = later(&copy, Some(&moment)).await?;
    rig.must(shipped.is_some(), "the mistake is shipped as well");
    if copy.embedded() {
        copy.signal(Signal::Term).await?;
        copy.end().await?;
        let (_, code) = command(&copy, &["backup", "restore", "--at", &moment, "--replace", "--json"]).await?;
        rig.must(code == Some(0), "the database is restored to the noted moment");
        copy.again().await?;
        rig.turn_to(&copy);
        let back = rig.quietly(get("/v1/artists").bearer(&tenant.owner)).await?.text();
        rig.must(back.contains("kept"), "what was there at that moment is there");
        rig.must(!back.contains("a mistake"), "and what came after is not");
    }
    Ok(())
}
