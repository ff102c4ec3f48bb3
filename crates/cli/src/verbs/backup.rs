//! `plimsoll backup …`

use std::{path::Path, time::Duration};

use plimsoll::{
    Result,
    archive::{self, Archive, Backup, Depot, Drill, Entry, Progress, Restored, Target, restore, restore_at},
    config::Config,
    database,
    identity::{Master, section::IdentityConfig},
    subject::Subjects,
};
use plimsoll_core::{Clock, Seed, Time};
use serde_json::json;

use super::{Ground, Outcome, configuration, master};
use crate::{
    arguments::{Backup as Verb, Global},
    mounts, output,
};

/// `plimsoll backup …`
pub async fn run(global: &Global, what: &Verb) -> Outcome {
    match what {
        Verb::Create => create(global).await,
        Verb::List => list(global).await,
        Verb::Verify { what } => verify(global, what).await,
        Verb::Restore { what, at, replace } => bring_back(global, what, at.as_deref(), *replace).await,
        Verb::Drill => drill(global).await,
        Verb::Prune => prune(global).await,
        Verb::Rewrap => rewrap(global).await,
    }
}

/// The archive of a database that is there.
async fn archive(global: &Global) -> std::result::Result<(Ground, Archive), super::Ended> {
    let ground = Ground::ready(global).await?;
    let archive = ground.archive()?;
    Ok((ground, archive))
}

/// The place and the keys, without any database.
fn depot(global: &Global) -> std::result::Result<(Config, Depot), super::Ended> {
    let config = configuration(global, Vec::new())?;
    let (clock, seed) = (Clock::system(), Seed::system());
    let master = known_master(&config, &global.data, &seed)?;
    let depot = Depot::new(&archive::section(&config), &global.data, master.as_ref(), clock, seed)?;
    Ok((config, depot))
}

/// The master key, if it is there: reading an archive must not make a new one.
fn known_master(config: &Config, data: &Path, seed: &Seed) -> Result<Option<Master>> {
    let configured = config.get::<IdentityConfig>().master_key.is_some();
    if configured || data.join("secret.key").exists() { master(config, data, seed).map(Some) } else { Ok(None) }
}

async fn create(global: &Global) -> Outcome {
    let (ground, archive) = archive(global).await?;
    let made = watched(|progress| async move { archive.create(&progress).await }).await;
    ground.close().await?;
    output::result(global.json, &made?, |made: &Backup| {
        format!("{}: {} rows in {} at {}", made.id, made.rows.unwrap_or(0), size(made.bytes.unwrap_or(0).unsigned_abs()), made.place)
    });
    Ok(0)
}

async fn list(global: &Global) -> Outcome {
    let (_, depot) = depot(global)?;
    let (entries, unreadable) = depot.list().await?;
    let windows = depot.windows().await?;
    for name in &unreadable {
        output::say(&format!("{name} cannot be read; `plimsoll backup verify {name}` says why"));
    }
    output::result(
        global.json,
        &json!({ "place": depot.place.shown(), "items": entries, "unreadable": unreadable, "windows": windows }),
        |_| {
            let rows: Vec<Vec<String>> = entries
                .iter()
                .map(|one: &Entry| vec![one.id.clone(), one.at.to_string(), size(one.bytes), one.database.clone(), one.key.clone()])
                .collect();
            let mut text = output::columns(&["id", "at", "size", "from", "key"], &rows);
            for window in &windows {
                text.push_str(&format!(
                    "\nany moment from {} to {} can be restored: plimsoll backup restore --at TIME",
                    window.from, window.to
                ));
            }
            text
        },
    );
    Ok(0)
}

async fn verify(global: &Global, what: &str) -> Outcome {
    let (_, depot) = depot(global)?;
    let name = named(&depot, what).await?;
    let reading = name.clone();
    let found = watched(|progress| async move { depot.verify(&reading, &progress).await }).await?;
    let shown = json!({ "id": found.manifest.id, "name": name, "at": found.manifest.at, "rows": found.footer.rows(), "tables": found.footer.tables });
    output::result(global.json, &shown, |_| {
        format!("{}: whole, {} rows in {} tables", found.manifest.id, found.footer.rows(), found.footer.tables.len())
    });
    Ok(0)
}

/// A name at the place, also of an archive that the list cannot read.
async fn named(depot: &Depot, what: &str) -> Result<String> {
    if what.contains('/') { Ok(what.to_owned()) } else { Ok(depot.find(what).await?.name) }
}

async fn bring_back(global: &Global, what: &str, at: Option<&str>, replace: bool) -> Outcome {
    let (config, depot) = depot(global)?;
    let until = at.map(Time::parse).transpose()?;
    let settings = database::settings(&config, &global.data, &depot.clock);
    let mounts = mounts::mount(&config);
    let master = known_master(&config, &global.data, &depot.seed)?;
    let subjects = master.map(|master| Subjects::new(mounts.register(), &master)).transpose()?;
    let target = Target { settings, schemas: mounts.schemas().to_vec(), replace, subjects };
    let done: Restored = match until {
        Some(until) => watched(|progress| async move { restore_at(&depot, "latest", until, &target, &progress).await }).await?,
        None => {
            let name = named(&depot, what).await?;
            watched(|progress| async move { restore(&depot, &name, &target, &progress).await }).await?
        }
    };
    let shown = json!({
        "id": done.manifest.id, "at": done.at, "commits": done.commits, "rows": done.rows, "took_ms": u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX),
        "kept": done.kept, "migrated": done.migrated,
    });
    output::result(global.json, &shown, |_| {
        let mut text = format!("restored {} as of {}: {} rows in {} ms", done.manifest.id, done.at, done.rows, done.took.as_millis());
        if done.commits > 0 {
            text.push_str(&format!("\n{} commits of the change log were done again", done.commits));
        }
        if !done.migrated.is_empty() {
            text.push_str(&format!("\nbrought up to date: {}", done.migrated.join(", ")));
        }
        if let Some(kept) = &done.kept {
            text.push_str(&format!("\nwhat was there before is in {}", kept.display()));
        }
        text.push_str(
            "\nwhat was changed after that moment is not in it: keys revoked since then are valid again, jobs run since then run again",
        );
        text
    });
    Ok(0)
}

async fn drill(global: &Global) -> Outcome {
    let (ground, archive) = archive(global).await?;
    let found = watched(|progress| async move { archive.drill(&progress).await }).await;
    ground.close().await?;
    let found = found?;
    output::result(global.json, &found, |found: &Drill| {
        let mut text = match &found.backup_id {
            Some(id) => format!(
                "{}: {id} restored, {} rows compared in {} ms (recovery time); the backup is {} s old (recovery point)",
                if found.good { "good" } else { "NOT GOOD" },
                found.rows.unwrap_or(0),
                found.rto_millis.unwrap_or(0),
                found.rpo_seconds.unwrap_or(0)
            ),
            None => "NOT GOOD".to_owned(),
        };
        found.findings.iter().for_each(|finding| text.push_str(&format!("\n  {finding}")));
        text
    });
    Ok(u8::from(!found.good))
}

async fn prune(global: &Global) -> Outcome {
    let (ground, archive) = archive(global).await?;
    let gone = archive.prune().await;
    ground.close().await?;
    output::result(global.json, &json!({ "removed": gone? }), |gone| {
        let ids: Vec<&str> = gone["removed"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
        if ids.is_empty() { "nothing to remove".to_owned() } else { format!("removed {}", ids.join(", ")) }
    });
    Ok(0)
}

async fn rewrap(global: &Global) -> Outcome {
    let (_, depot) = depot(global)?;
    let changed = depot.rewrap().await?;
    output::result(global.json, &json!({ "rewrapped": changed, "key": depot.keys.id() }), |_| {
        format!("{changed} backups have a new header; all are sealed under {}", depot.keys.id())
    });
    Ok(0)
}

/// Runs long work and shows, on a terminal, how far it has come.
async fn watched<T, F: Future<Output = Result<T>>>(f: impl FnOnce(Progress) -> F) -> Result<T> {
    let progress = Progress::default();
    let work = f(progress.clone());
    tokio::pin!(work);
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            done = &mut work => {
                output::progress("");
                return done;
            }
            _ = ticks.tick() => output::progress(&format!("{} rows, {} written", progress.rows(), size(progress.bytes()))),
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
