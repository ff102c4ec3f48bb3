//! Schedules that stand in the code: what the database knows of them is brought up to date at start.

use plimsoll_core::{Result, TenantId};
use plimsoll_store::{Scope, bind};

use super::cron::{Cron, zone};
use crate::{
    Host,
    ledger::{Note, Origin},
    route::Empty,
};

/// A schedule of a kind of job, declared with the kind.
#[derive(Debug, Clone)]
pub struct Every {
    /// Unique in the binary.
    pub name: &'static str,
    /// See [`Cron`].
    pub cron: &'static str,
    /// `Europe/Berlin`.
    pub zone: &'static str,
    /// What each job carries.
    pub payload: String,
    /// Whether there is a job for every open tenant, or one for the host.
    pub each_tenant: bool,
}

impl Every {
    /// Whether its moments can be read.
    ///
    /// # Errors
    /// [`plimsoll_core::Code::Invalid`] for moments or a zone that are none.
    pub(in crate::work) fn check(&self) -> Result<()> {
        zone(self.zone)?;
        Cron::parse(self.cron).map(drop)
    }
}

/// Puts the schedules of this binary into the database, and takes away those that its kinds do not
/// have any more. What changed begins with its next moment; what stayed goes on where it was.
///
/// # Errors
/// What the database says.
pub(crate) async fn settle(host: &Host) -> Result<()> {
    let work = host.work.clone();
    let origin = Origin::host(host.clock.now(), "schedules.settle");
    let none = TenantId::from_bits(0);
    let current = host
        .store
        .read(Scope::Tenant(none), &plimsoll_store::Pace::new(), move |tx| {
            tx.rows::<(String, String, String, String, String)>(
                "SELECT name, kind, cron, zone, payload FROM job_schedule WHERE tenant_id = :tenant AND declared = 1",
                &[],
            )
        })
        .await?;
    let mut wanted = Vec::new();
    for kind in work.kinds.values() {
        for every in &kind.every {
            let payload = if every.each_tenant { super::spread::payload(kind.name, every)? } else { every.payload.clone() };
            let carried = if every.each_tenant { super::spread::KIND } else { kind.name };
            wanted.push((every.name.to_owned(), carried.to_owned(), every.cron.to_owned(), every.zone.to_owned(), payload));
        }
    }
    let stale: Vec<String> = current
        .iter()
        .filter(|(name, kind, ..)| work.kinds.contains_key(kind.as_str()) && !wanted.iter().any(|one| one.0 == *name))
        .map(|(name, ..)| name.clone())
        .collect();
    let fresh: Vec<_> = wanted.into_iter().filter(|one| !current.contains(one)).collect();
    if stale.is_empty() && fresh.is_empty() {
        return Ok(());
    }
    host.commit(none, origin, move |change| {
        for name in &stale {
            change.write("DELETE FROM job_schedule WHERE tenant_id = :tenant AND name = :name AND declared = 1", bind! { name: name })?;
        }
        let now = change.now();
        for (name, kind, cron, zone_name, payload) in &fresh {
            let Some(next) = Cron::parse(cron)?.next(now, &zone(zone_name)?) else { continue };
            change.write(
                "INSERT INTO job_schedule (tenant_id, name, kind, cron, zone, payload, declared, paused, next_at, missed, created_by, \
                 created_at, updated_at) VALUES (:tenant, :name, :kind, :cron, :zone, :payload, 1, 0, :next, 0, 'host', :now, :now) \
                 ON CONFLICT (tenant_id, name) DO UPDATE SET kind = excluded.kind, cron = excluded.cron, zone = excluded.zone, \
                 payload = excluded.payload, declared = 1, next_at = excluded.next_at, updated_at = excluded.updated_at",
                bind! { name: name, kind: kind, cron: cron, zone: zone_name, payload: payload, next: next, now: now },
            )?;
            change.note(Note { target: format!("schedules/{name}"), ..Note::default() });
        }
        Ok(Empty)
    })
    .await
    .map(drop)
}
