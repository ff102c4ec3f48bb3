//! How far a release had come before the process ended.
//!
//! One row for each service, the host's own. It counts as long as the configuration names the same
//! candidate with the same share: whoever changes either begins anew. A return must outlive the
//! process, or the next restart would send callers to a candidate that was taken away from them.

use std::sync::{Arc, Weak};

use plimsoll_core::{Result, TenantId, Time};
use plimsoll_store::{FromRow, Migration, Pace, Row, Schema, Scope, Tx, bind};
use serde_json::json;

use super::{
    Release,
    machine::{Machine, Phase},
};
use crate::{
    Host,
    ledger::{Note, Origin},
    route::Empty,
};

/// The table.
pub const SCHEMA: Schema = Schema {
    name: "release",
    migrations: &[Migration { id: "0001_release", up: include_str!("schema.sql"), down: "DROP TABLE release;" }],
};

static PACE: Pace = Pace::new();
const HOST: TenantId = TenantId::from_bits(0);
/// How long between two tries to put a return on record.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

struct Kept {
    phase: Phase,
    weight: u32,
}

impl FromRow for Kept {
    fn from_row(row: &Row<'_>) -> Result<Kept> {
        let why: Option<String> = row.get(2)?;
        let phase = match row.get::<String>(0)?.as_str() {
            "waiting" => Phase::Waiting,
            "running" => Phase::Running,
            "promoted" => Phase::Promoted,
            _ => Phase::Returned(why.unwrap_or_default()),
        };
        Ok(Kept { phase, weight: u32::try_from(row.get::<i64>(1)?).unwrap_or_default() })
    }
}

impl Release {
    /// Goes on from where an earlier process was. Where that cannot be read the candidate gets
    /// nothing until a person starts it.
    pub async fn recall(&self, host: &Host) {
        let (service, candidate, configured) = (self.stable.name, self.address(), i64::from(self.configured));
        let found = host.store.read(Scope::Host, &PACE, move |tx| {
            let text =
                "SELECT phase, weight, why FROM release WHERE service = :service AND candidate = :candidate AND configured = :configured";
            tx.rows::<Kept>(text, bind! { service: service, candidate: candidate, configured: configured })
        });
        match found.await {
            Ok(rows) => {
                if let Some(kept) = rows.into_iter().next() {
                    tracing::info!(service, phase = kept.phase.name(), "the release goes on from where it was");
                    self.machine().resume(kept.phase, kept.weight);
                }
            }
            Err(error) => {
                tracing::warn!(service, cause = error.cause(), "the state of the release cannot be read: the candidate gets nothing");
                self.machine().give_back("its earlier state could not be read".to_owned());
            }
        }
    }

    /// Writes down where `machine` is, in the transaction of what made it so.
    pub(super) fn keep(&self, tx: &mut Tx<'_>, machine: &Machine, now: Time) -> Result<()> {
        let why = if let Phase::Returned(why) = machine.phase() { Some(why.clone()) } else { None };
        tx.write(
            "INSERT INTO release (service, candidate, configured, phase, weight, why, at) \
             VALUES (:service, :candidate, :configured, :phase, :weight, :why, :at) \
             ON CONFLICT (service) DO UPDATE SET candidate = excluded.candidate, configured = excluded.configured, \
             phase = excluded.phase, weight = excluded.weight, why = excluded.why, at = excluded.at",
            bind! {
                service: self.stable.name,
                candidate: self.address(),
                configured: i64::from(self.configured),
                phase: machine.phase().name(),
                weight: i64::from(machine.weight()),
                why: why,
                at: now,
            },
        )?;
        Ok(())
    }

    /// Puts an automatic return on record, again and again until it is there or a person has
    /// decided otherwise.
    pub(super) async fn keep_return(self: Arc<Release>, host: Weak<Host>, why: String) {
        loop {
            let _orders = self.orders.lock().await;
            let Some(host) = host.upgrade() else { return };
            let machine = self.machine().clone();
            if *machine.phase() != Phase::Returned(why.clone()) {
                return;
            }
            let (release, detail) = (self.clone(), json!({ "why": why }));
            let origin = Origin::host(host.clock.now(), "release.return");
            let written = host.commit(HOST, origin, move |change| {
                let now = change.now();
                release.keep(change, &machine, now)?;
                change.note(Note { target: "release".to_owned(), outcome: "ok", detail: Some(detail), ..Note::default() });
                Ok(Empty)
            });
            match written.await {
                Ok(_) => return,
                Err(error) => tracing::warn!(error = ?error, "the return of a candidate could not be recorded yet"),
            }
            drop((host, _orders));
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn address(&self) -> String {
        self.candidate.pool.address().to_string()
    }
}
