//! Backups, drills and pruning without hands, and an eye on their age.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use plimsoll_core::{Code, Result, Time};
use plimsoll_store::{Pace, Scope};

use super::{
    Archive, Progress,
    log::Shipper,
    record::{self, Moments},
};
use crate::{Host, probes::Weight, subject::placed};

static PACE: Pace = Pace::new();

/// A look at the record is cheap, and this often enough for whoever runs a host.
const MOST: Duration = Duration::from_secs(60);
const LEAST: Duration = Duration::from_millis(200);

/// Sees to it that backups and drills happen for as long as the host lives. Any number of processes
/// may do this for one database: each backup and each drill is begun by one of them, because who
/// begins puts it on record in a transaction that looks first.
pub(crate) async fn keep_up(host: Weak<Host>) {
    loop {
        let Some(archive) = host.upgrade().and_then(|host| host.archive.clone()) else { return };
        let shortest = archive.config.every.duration().min(archive.config.drill_every.duration());
        let nudge = archive.nudge.clone();
        drop(archive);
        // Whether the nudge came or the time is over, what is due is seen by a look.
        let _ = tokio::time::timeout((shortest / 4).clamp(LEAST, MOST), nudge.notified()).await;
        let Some(host) = host.upgrade() else { return };
        if let Err(error) = turn(&host).await {
            tracing::warn!(cause = error.cause(), "backups were not seen to: {}; next try soon", error.public());
        }
    }
}

/// Keeps the change log and ships it for as long as the host lives, where that is wanted. Any
/// number of processes may do this for one database: one ships at a time.
pub(crate) async fn ship(host: Weak<Host>) {
    let (mut shipper, mut settled) = (None, false);
    while let Some(host) = host.upgrade() {
        let Some(archive) = host.archive.clone() else { return };
        let wanted = archive.config.point_in_time && host.holds("backup-pitr");
        let every = archive.config.ship_every.duration().max(LEAST);
        let shipper = shipper.get_or_insert_with(|| archive.shipper());
        drop(host);
        if let Err(error) = archive.keep_log(wanted, shipper, &mut settled).await {
            tracing::warn!(cause = error.cause(), "the change log was not shipped: {}; next try soon", error.public());
        }
        drop(archive);
        if settled && !wanted {
            return;
        }
        tokio::time::sleep(every).await;
    }
}

async fn turn(host: &Host) -> Result<()> {
    let Some(archive) = host.archive.clone() else { return Ok(()) };
    archive.place_tombstones().await?;
    if !archive.config.scheduled {
        return Ok(());
    }
    if host.holds("backup-automated")
        && let Some(draft) = archive.due_backup().await?
    {
        // What fails is on record, in the log and in the figures; the next one is due as before.
        let made = archive.carry_out(&draft, &Progress::default()).await;
        if made.is_ok() && host.holds("backup-retention") {
            archive.prune().await?;
        }
    }
    if host.holds("backup-restore-tested")
        && let Some(drill) = archive.due_drill().await?
    {
        archive.carry_out_drill(drill, &Progress::default()).await?;
    }
    archive.moments().await.map(drop)
}

impl Archive {
    /// Puts the tombstones of erased persons beside the archives, as far as they are not there: a
    /// backup from before an erasure must not bring anybody back. How many.
    ///
    /// # Errors
    /// What place and database say.
    pub async fn place_tombstones(&self) -> Result<u64> {
        let depot = &self.depot;
        placed::place(&self.store, &*depot.place, &depot.keys, &depot.clock, &depot.seed).await
    }

    fn shipper(&self) -> Shipper {
        Shipper::new(self.store.clone(), self.depot.place.clone(), self.depot.keys.clone(), self.depot.seed.clone())
    }

    /// Turns the log on or off, once, and ships what waits.
    async fn keep_log(&self, wanted: bool, shipper: &Shipper, settled: &mut bool) -> Result<()> {
        if !*settled && wanted {
            self.store.log_changes(true).await?;
            // The window begins with a backup from after the log has begun.
            self.nudge.notify_one();
        }
        // Before it ends as well: what was logged until then is worth as much.
        shipper.round().await?;
        if !*settled && !wanted && self.store.log_state().await?.is_some() {
            self.store.log_changes(false).await?;
        }
        *settled = true;
        Ok(())
    }

    /// A backup that is due, put on record by this process and no other.
    async fn due_backup(&self) -> Result<Option<record::Draft>> {
        let (draft, every) = (self.draft(), self.config.every.duration());
        self.store
            .commit(Scope::Host, move |tx| {
                let last = record::moments(tx)?.begun;
                // A change log that has just begun reaches back to no backup yet, nor does one
                // whose backups are from before the last migration.
                let first = match tx.log_state()? {
                    Some(log) => {
                        let changed: Time = tx.row("SELECT MAX(applied_at) FROM plimsoll_migration", &[])?;
                        last.is_none_or(|last| last < log.since || last < changed)
                    }
                    None => false,
                };
                let due = first || last.is_none_or(|last| draft.at.since(last) >= every);
                if due {
                    record::begin(tx, &draft)?;
                }
                Ok(due.then_some(draft))
            })
            .await
    }

    async fn due_drill(&self) -> Result<Option<record::Drill>> {
        let (draft, every) = (self.drill_draft(), self.config.drill_every.duration());
        self.store
            .commit(Scope::Host, move |tx| {
                let moments = record::moments(tx)?;
                let due = moments.whole.is_some() && moments.drilled.is_none_or(|last| draft.started_at.since(last) >= every);
                if due {
                    record::drilling(tx, &draft)?;
                }
                Ok(due.then_some(draft))
            })
            .await
    }

    /// When what happened last.
    async fn moments(&self) -> Result<Moments> {
        let moments = self.store.read(Scope::Host, &PACE, record::moments).await?;
        self.tally.seen(&moments);
        Ok(moments)
    }

    /// Whether backups and drills are young enough, counted from `since` where there is none yet.
    async fn young(&self, since: Time) -> Result<()> {
        let (moments, now) = (self.moments().await?, self.depot.clock.now());
        let old = |last: Option<Time>, every: Duration| {
            // One that is late by half its time has been missed.
            let age = now.since(last.unwrap_or(since).max(since));
            (age > every + every / 2).then_some(age)
        };
        if let Some(age) = old(moments.whole, self.config.every.duration()) {
            return Err(Code::ArchivePlace
                .because(format!("the newest backup is {} s old; `plimsoll backup create` says what hinders", age.as_secs())));
        }
        if let Some(age) = old(moments.good, self.config.drill_every.duration()) {
            return Err(Code::ArchivePlace
                .because(format!("the last good drill is {} s ago; `plimsoll backup drill` says what it finds", age.as_secs())));
        }
        Ok(())
    }
}

/// An entry in health that turns bad with the age of the last backup and of the last good drill.
pub(crate) fn watch(host: &Arc<Host>) {
    let Some(archive) = host.archive.clone().filter(|archive| archive.config.scheduled && host.holds("backup-automated")) else { return };
    let since = host.clock.now();
    host.health.check("backup", Weight::Attention, move || {
        let archive = archive.clone();
        Box::pin(async move { archive.young(since).await })
    });
}
