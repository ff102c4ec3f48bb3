//! Backups: that they happen, lie elsewhere, can be restored, and do not pile up.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Copy, Scratch, Signal, get, post},
};
use serde_json::{Value, json};

/// How long a copy whose schedule is in seconds may take to do something.
const SOON: Duration = Duration::from_secs(12);
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
    rig.note("an instance whose backups have no place to go to");
    let settings =
        [("archive.scheduled", "true"), ("archive.every", "1s"), ("archive.drill_every", NEVER), ("archive.place", "/proc/no-place")];
    let lost = rig.copy(&settings).await?;
    rig.turn_to(&lost);
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
    let figures = rig.quietly(get("/metrics").operations()).await?.text();
    let dated = figures.lines().any(|line| line.starts_with("plimsoll_drill_last_success_timestamp_seconds ") && !line.ends_with(" 0"));
    rig.must(dated, "the figures have the moment of the last good one");

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
