//! Removing what is over.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use plimsoll_core::{Result, TenantId, Time};
use plimsoll_store::{Pace, Scope, Store, Tx, bind};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{Kept, Retention};
use crate::{
    Host,
    ledger::{Change, Note, Origin},
};

/// So many rows go in one commit, so that no change waits behind a long one.
const TOGETHER: i64 = 500;
/// Looks for what is due are not farther apart.
const LOOK: Duration = Duration::from_secs(60);

static PACE: Pace = Pace::new();

/// What one run did to one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RetentionRun")]
pub struct Run {
    /// The class.
    pub class: String,
    /// When.
    pub at: Time,
    /// Everything from before this moment was over.
    pub up_to: Time,
    /// How many rows were removed or blanked.
    pub removed: i64,
}

/// Purges every class of one tenant that has a period; `origin` goes into the ledger. Where `since`
/// is given, classes that were purged after it are left alone: another process was quicker.
///
/// # Errors
/// What the database says; what was removed before stays removed.
pub async fn run(store: &Store, retention: &Arc<Retention>, tenant: TenantId, origin: Origin, since: Option<Time>) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for at in 0..retention.classes.len() {
        let Some(period) = retention.classes[at].period else { continue };
        let limit = origin.at.minus(period);
        let mut removed = 0;
        loop {
            let (classes, mut origin, at_once) = (retention.clone(), origin.clone(), origin.at);
            origin.action = "retention.purge".into();
            let part = store
                .commit(Scope::Tenant(tenant), move |tx| {
                    part(tx, &classes.classes[at], &origin, limit, removed, since.filter(|_| removed == 0))
                })
                .await?;
            match part {
                None => break,
                Some((now, more)) => {
                    removed += now;
                    if !more {
                        runs.push(Run { class: retention.classes[at].class.name.into(), at: at_once, up_to: limit, removed });
                        break;
                    }
                }
            }
        }
    }
    Ok(runs)
}

/// One commit of a run: how many rows, and whether there may be more. `None` where there is nothing
/// to do, because somebody else has just done it.
fn part(tx: &mut Tx<'_>, kept: &Kept, origin: &Origin, limit: Time, before: i64, since: Option<Time>) -> Result<Option<(i64, bool)>> {
    let last: Option<i64> =
        tx.maybe("SELECT at FROM purge WHERE tenant_id = :tenant AND class = :class", bind! { class: kept.class.name })?;
    if since.zip(last).is_some_and(|(since, last)| last > since.micros()) {
        return Ok(None);
    }
    let (mut now, mut more) = (0, false);
    for sql in &kept.statements {
        let rows = i64::try_from(tx.write(*sql, bind! { limit: limit, most: TOGETHER })?).unwrap_or(TOGETHER);
        now += rows;
        if rows >= TOGETHER {
            more = true;
            break;
        }
    }
    let removed = before + now;
    tx.write(
        "INSERT INTO purge (tenant_id, class, at, up_to, removed) VALUES (:tenant, :class, :at, :up_to, :removed) \
         ON CONFLICT (tenant_id, class) DO UPDATE SET at = excluded.at, up_to = excluded.up_to, removed = excluded.removed",
        bind! { class: kept.class.name, at: origin.at, up_to: limit, removed: removed },
    )?;
    if !more && removed > 0 {
        let mut change = Change::new(tx, origin);
        change.note(Note {
            target: format!("retention/{}", kept.class.name),
            detail: Some(json!({ "class": kept.class.name, "removed": removed, "up_to": limit })),
            ..Note::default()
        });
        change.finish(None, true)?;
    }
    Ok(Some((now, more)))
}

/// The last run of each class in the transaction's tenant.
pub(super) fn last(tx: &Tx<'_>) -> Result<Vec<Run>> {
    let rows: Vec<(String, Time, Time, i64)> =
        tx.rows("SELECT class, at, up_to, removed FROM purge WHERE tenant_id = :tenant ORDER BY class", &[])?;
    Ok(rows.into_iter().map(|(class, at, up_to, removed)| Run { class, at, up_to, removed }).collect())
}

/// Tenants of which some class was not purged for as long as is configured.
async fn due(host: &Host) -> Result<Vec<TenantId>> {
    let kept = host.retention.classes.iter().filter(|kept| kept.period.is_some()).count();
    let (classes, since) = (i64::try_from(kept).unwrap_or(i64::MAX), host.clock.now().minus(host.retention.every));
    host.store
        .read(Scope::Host, &PACE, move |tx| {
            tx.rows(
                "SELECT t.id FROM tenant t WHERE (SELECT count(*) FROM purge p WHERE p.tenant_id = t.id AND p.at > :since) < :classes \
                 ORDER BY t.id LIMIT 1000",
                bind! { since: since, classes: classes },
            )
        })
        .await
}

/// Purges what is due, for as long as the host lives.
pub async fn keep(host: Weak<Host>) {
    loop {
        let Some(pause) = host.upgrade().map(|host| host.retention.every.min(LOOK)) else { return };
        tokio::time::sleep(pause).await;
        let Some(host) = host.upgrade() else { return };
        if !host.holds("data-retention") {
            continue;
        }
        if let Err(error) = purge_due(&host).await {
            tracing::warn!(cause = error.cause(), "what is over was not removed: {}; next try soon", error.public());
        }
    }
}

async fn purge_due(host: &Host) -> Result<()> {
    for tenant in due(host).await? {
        let now = host.clock.now();
        run(&host.store, &host.retention, tenant, Origin::host(now, "retention.purge"), Some(now.minus(host.retention.every))).await?;
    }
    // The host's own ledger and what belongs to no tenant keep the same periods.
    let now = host.clock.now();
    run(&host.store, &host.retention, TenantId::from_bits(0), Origin::host(now, "retention.purge"), Some(now.minus(host.retention.every)))
        .await?;
    Ok(())
}
