//! What is kept beside the database, and how it comes back.
//!
//! One [format](format) for backups, log segments, tenants and persons; [places](place) where
//! archives lie: a folder, or an object store.
//!
//! **Promises.** A backup is one snapshot: all that was acknowledged before it is in it, and
//! readers and writers go on meanwhile. It lies at its place whole or not at all, sealed, and says
//! what it is. It can be restored into either database, also by a newer version, which then brings
//! the schema up to date. Nothing is written anywhere before an archive was read to its end and
//! found whole; a database that holds something is never written over; on SQLite the restored
//! file takes its name in one step. Memory does not grow with the data.
//!
//! **A drill** restores the newest backup into a scratch database and compares every table's rows
//! and digests, every tenant's ledger, and a sentinel. Readiness pays attention to the age of the
//! last good one: a backup that was never restored is a hope.
//!
//! **Point in time.** With `archive.point_in_time` the store writes what every transaction changed,
//! and the [change log](log) is shipped to the place every few seconds: any moment since the oldest
//! backup can be restored, to the commit.
//!
//! **Does not promise** what was acknowledged after the last look of the shipper, or without it
//! after the newest backup. Nor that anyone can open an archive whose key is lost.

mod backup;
pub mod config;
pub mod depot;
mod drill;
pub mod format;
mod keeper;
pub mod log;
pub mod place;
mod progress;
mod prune;
pub mod record;
pub mod restore;
mod routes;
pub mod tables;
mod tally;
pub mod tenant;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use plimsoll_core::{Clock, Result, Seed, TenantId};
use plimsoll_store::{Migration, Schema, Settings, Store};
use tokio::sync::Notify;

pub(crate) use self::keeper::{keep_up, ship, watch};
use self::tally::Tally;
pub use self::{
    depot::{Depot, Entry, Verified},
    progress::Progress,
    prune::{Policy, keep},
    record::{Backup, Drill},
    restore::{Restored, Target, restore, restore_at},
    routes::routes,
};
use crate::{config::Config, database, identity::Master, practices::PracticesConfig};

/// The record of backups and drills.
pub const SCHEMA: Schema = Schema {
    name: "archive",
    migrations: &[Migration { id: "0001_archive", up: include_str!("schema.sql"), down: "DROP TABLE drill; DROP TABLE backup;" }],
};

/// The tenant whose ledger holds what concerns no tenant.
const HOST: TenantId = TenantId::from_bits(0);

/// The section `[archive]` as it counts.
pub fn section(config: &Config) -> config::ArchiveConfig {
    let mut section: config::ArchiveConfig = config.get();
    if !config.get::<PracticesConfig>().holds("backup-offsite") {
        // What is not to be done: copies that the loss of the disk takes with it.
        section.place = None;
    }
    section
}

/// Backups of one store.
#[derive(Clone)]
pub struct Archive {
    /// Where they lie, and what opens them.
    pub depot: Depot,
    /// What they are made of.
    pub store: Store,
    /// The section.
    pub config: config::ArchiveConfig,
    /// How the store was opened; scratch databases are opened likewise.
    settings: Settings,
    /// Where scratch databases are made.
    scratch: PathBuf,
    /// What happened since the start.
    pub(crate) tally: Arc<Tally>,
    /// Told when a backup may be due before its time.
    nudge: Arc<Notify>,
}

impl Archive {
    /// The backups of `store`, which was opened with `config` and `data`.
    ///
    /// # Errors
    /// [`plimsoll_core::Code::ConfigInvalid`] for a place or a key that cannot be used.
    pub fn new(config: &Config, data: &Path, store: Store, master: &Master, clock: Clock, seed: Seed) -> Result<Archive> {
        let section = section(config);
        let depot = Depot::new(&section, data, Some(master), clock.clone(), seed)?;
        Ok(Archive {
            depot,
            store,
            config: section,
            settings: database::settings(config, data, &clock),
            scratch: data.join("scratch"),
            tally: Arc::default(),
            nudge: Arc::default(),
        })
    }
}
