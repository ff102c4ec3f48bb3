//! `plimsoll tenant export|restore`

use std::{
    fs::{File, OpenOptions},
    path::Path,
};

use plimsoll::{
    Code,
    archive::{
        Depot, Progress, Target,
        format::ArchiveReader,
        section,
        tenant::{Onto, Restore, export as write, hold, past},
    },
    database,
    identity::{Config as IdentitySettings, section::IdentityConfig},
    subject::{Subjects, placed},
};
use plimsoll_core::Time;

use super::{Ended, Ground};
use crate::{
    arguments::{TenantExport, TenantRestore},
    mounts, output,
};

/// Where archives lie, and the keys that open and seal them here.
fn depot(ground: &Ground) -> Result<Depot, Ended> {
    let (clock, seed) = (ground.clock.clone(), ground.seed.clone());
    Ok(Depot::new(&section(&ground.config), &ground.data, Some(&ground.master()?), clock, seed)?)
}

/// How long other processes may believe what they know of a tenant.
fn pause(ground: &Ground) -> std::time::Duration {
    IdentitySettings::from(ground.config.get::<IdentityConfig>()).cache_lifetime
}

/// Writes a tenant into a file.
pub async fn export(ground: &Ground, json: bool, options: &TenantExport) -> Result<(), Ended> {
    let tenant = ground.desk().tenant(&options.slug).await?;
    let keys = depot(ground)?.keys;
    let file = create(&options.out)?;
    if options.hold {
        hold::hold(&ground.store, &ground.clock, tenant.id, "export to another store").await?;
        tokio::time::sleep(pause(ground)).await;
    }
    let done = write(&ground.store, tenant.id, &keys, &ground.clock, &ground.seed, file).await;
    let (exported, file) = match done {
        Ok(done) => done,
        Err(error) => {
            // Nothing incomplete stays; what cannot be removed has no end, and every reader sees that.
            let _ = std::fs::remove_file(&options.out);
            return Err(error.into());
        }
    };
    file.sync_all().map_err(|error| unusable(&options.out, &error))?;
    output::result(json, &exported, |done| {
        let held = if options.hold { "\nthe tenant is held; `plimsoll tenant release` lets everybody in again" } else { "" };
        format!("{} rows of {} in {} ({} bytes){held}", done.rows, options.slug, options.out.display(), done.bytes)
    });
    Ok(())
}

fn create(path: &Path) -> Result<File, Ended> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> Ended {
    Code::Conflict.because(format!("{} cannot be written: {error}", path.display())).into()
}

/// Brings a tenant back.
pub async fn restore(ground: &Ground, json: bool, options: &TenantRestore) -> Result<(), Ended> {
    let whose = match &options.tenant {
        Some(slug) => Some(ground.desk().tenant(slug).await?.id),
        None => None,
    };
    let onto = match (&options.beside, options.over) {
        (Some(slug), _) => Onto::Beside(slug.clone()),
        (None, true) => Onto::Over,
        (None, false) => Onto::Moved,
    };
    let mounts = mounts::mount(&ground.config);
    let work = Restore {
        store: ground.store.clone(),
        clock: ground.clock.clone(),
        seed: ground.seed.clone(),
        subjects: Subjects::new(mounts.register(), &ground.master()?)?,
        pause: pause(ground),
    };
    let depot = depot(ground)?;
    // An archive may be older than an erasure that this store has never heard of.
    let stones = placed::fetch(&*depot.place, &depot.keys).await?;
    let keys = depot.keys.clone();
    let backup = options.backup.as_deref().unwrap_or("latest");
    let moment = match (&options.at, whose) {
        (Some(at), Some(whose)) => {
            let until = Time::parse(at)?;
            let settings = database::settings(&ground.config, &ground.data, &ground.clock);
            let like = Target { settings, schemas: mounts.schemas().to_vec(), replace: false, subjects: Some(work.subjects.clone()) };
            let scratch = ground.data.join("scratch");
            Some(past(&depot, backup, until, whose, &scratch, like, &Progress::default()).await?)
        }
        _ => None,
    };
    let done = match options.file.clone().or(moment.as_ref().map(|moment| moment.path.clone())) {
        Some(file) => {
            let open = move || {
                let named = file.display().to_string();
                let opened = File::open(&file).map_err(|error| Code::NotFound.because(format!("{named}: {error}")))?;
                ArchiveReader::open(std::io::BufReader::new(opened), &keys)
            };
            work.run(open, whose, onto, stones).await?
        }
        None => {
            let name = depot.find(backup).await?.name;
            let (place, runtime) = (depot.place.clone(), tokio::runtime::Handle::current());
            // Called where it may block.
            let open = move || ArchiveReader::open(runtime.block_on(place.get(&name))?, &keys);
            work.run(open, whose, onto, stones).await?
        }
    };
    output::result(json, &done, |done| {
        format!(
            "{} has {} rows as of {} ({} rows gone, {} left out because their subject was erased); requests were refused for {} ms",
            done.slug, done.rows, done.at, done.removed, done.erased, done.held_ms
        )
    });
    Ok(())
}
