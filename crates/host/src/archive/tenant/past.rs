//! One tenant as it was at a moment: from a backup and the change log, by way of a scratch file.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use plimsoll_core::{Code, Result, TenantId, Time};
use plimsoll_store::{Place, Settings, Store};

use super::export::export_as;
use crate::archive::{
    depot::Depot,
    format::io,
    progress::Progress,
    restore::{Scratch, Target, restore_at},
};

/// The archive of a tenant as it was at a moment. It goes, with all it was made from, when this is
/// dropped.
pub struct Past {
    /// Where the archive lies.
    pub path: PathBuf,
    _scratch: Scratch,
}

/// Restores the moment into a scratch file below `parent`, whatever database is served, and takes
/// one tenant out of it: as [`restore_at`] does from the backup `from`, with what `like` says besides
/// the place. Nothing that is served is touched.
///
/// # Errors
/// As for [`restore_at`]; [`Code::NotFound`] for a tenant that was not there then.
pub async fn past(
    depot: &Depot,
    from: &str,
    until: Time,
    tenant: TenantId,
    parent: &Path,
    like: Target,
    progress: &Progress,
) -> Result<Past> {
    let scratch = Scratch::new(parent, "moment", &depot.seed)?;
    let place = Place::Sqlite { path: scratch.0.join("plimsoll.db") };
    let settings = Settings { place, readers: 1, writers: 1, page_limit: None, ..like.settings.clone() };
    let target = Target { settings, replace: false, ..like };
    let restored = restore_at(depot, from, until, &target, progress).await?;
    let path = scratch.0.join("tenant.plm");
    let file = File::create_new(&path).map_err(|error| io("the archive of the tenant", error))?;
    let store = Store::open(target.settings, &target.schemas)?;
    // The same moment has the same name, so that a restore which was killed is known again.
    let id = format!("{}@{until}", restored.manifest.id);
    let exported = export_as(&store, tenant, id, until, &depot.keys, &depot.seed, file).await;
    store.close().await?;
    match exported {
        Ok(_) => Ok(Past { path, _scratch: scratch }),
        Err(error) if error.code() == Code::NotFound => Err(Code::NotFound.because(format!("The tenant was not there at {until}."))),
        Err(error) => Err(error),
    }
}
