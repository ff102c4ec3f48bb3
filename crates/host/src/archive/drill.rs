//! A backup restored to see whether it can be.

use std::time::Instant;

use plimsoll_core::{DrillId, Result, TenantId};
use plimsoll_store::{Kind, Pace, Place, Scope, Settings, Store, Tx, put_row, scratch::Yard};
use serde_json::json;

use super::{
    Archive,
    backup::{heads, sentinel},
    depot::Entry,
    format::{Footer, Tally},
    progress::Progress,
    record::{self, Drill},
    restore::{Scratch, fill, fitting},
};
use crate::ledger::chain;

/// So many rows go into one transaction.
const STEP: usize = 20_000;
/// Findings beyond this many say nothing more.
const MOST: usize = 20;

/// Where a drill restores to.
enum Ground {
    File(Scratch),
    Server(Box<Yard>, String),
}

impl Ground {
    fn settings(&self, like: &Settings) -> Settings {
        let place = match self {
            Ground::File(scratch) => Place::Sqlite { path: scratch.0.join("plimsoll.db") },
            Ground::Server(_, url) => Place::Postgres { url: url.clone() },
        };
        Settings { place, readers: 1, writers: 1, page_limit: None, ..like.clone() }
    }

    async fn leave(self) -> Result<()> {
        match self {
            Ground::File(_) => Ok(()),
            Ground::Server(yard, url) => yard.discard(&url).await,
        }
    }
}

impl Archive {
    /// Restores the newest backup into a scratch database and compares everything; puts the
    /// result on record, good or not.
    ///
    /// # Errors
    /// Only where the result cannot be put on record: what goes wrong with the backup is a finding.
    pub async fn drill(&self, progress: &Progress) -> Result<Drill> {
        let drill = self.drill_draft();
        let begun = drill.clone();
        self.store.commit(Scope::Host, move |tx| record::drilling(tx, &begun)).await?;
        self.carry_out_drill(drill, progress).await
    }

    /// A drill that is about to begin.
    pub(super) fn drill_draft(&self) -> Drill {
        let started = self.depot.clock.now();
        Drill {
            id: DrillId::new(started, &self.depot.seed).to_string(),
            backup_id: None,
            started_at: started,
            good: false,
            rpo_seconds: None,
            rto_millis: None,
            rows: None,
            findings: Vec::new(),
        }
    }

    /// The drill that was put on record.
    pub(super) async fn carry_out_drill(&self, mut drill: Drill, progress: &Progress) -> Result<Drill> {
        if let Err(error) = self.rehearse(&mut drill, progress).await {
            tracing::error!(code = error.code().stable(), cause = error.cause(), "a drill failed: {}", error.public());
            drill.findings.push(error.public().to_owned());
        }
        drill.good = drill.findings.is_empty();
        self.tally.drilled(&drill);
        let (kept, outcome) = (drill.clone(), if drill.good { "ok" } else { "failed" });
        let target = drill.backup_id.clone().unwrap_or_else(|| "none".into());
        let detail = json!({ "drill": drill.id, "rows": drill.rows, "findings": drill.findings.len(), "rto_ms": drill.rto_millis });
        self.entry("backup.drill", target, detail, outcome, move |tx| record::drilled(tx, &kept)).await?;
        Ok(drill)
    }

    async fn rehearse(&self, drill: &mut Drill, progress: &Progress) -> Result<()> {
        let began = Instant::now();
        let newest = self.depot.find("latest").await?;
        drill.backup_id = Some(newest.id.clone());
        drill.rpo_seconds = i64::try_from(drill.started_at.since(newest.at).as_secs()).ok();
        let then = fitting(&self.depot.header(&newest.name).await?.manifest.schema, own(self.store.schemas()))?;
        let ground = self.ground().await?;
        let settings = ground.settings(&self.settings);
        let gone = async {
            let store = Store::open(settings.clone(), &then)?;
            let filled = fill(&store, &self.depot, &newest.name, STEP, None, progress).await;
            let compared = match filled {
                Ok(footer) => {
                    drill.rto_millis = i64::try_from(began.elapsed().as_millis()).ok();
                    drill.rows = i64::try_from(footer.rows()).ok();
                    compare(&store, footer, &newest).await
                }
                Err(error) => Err(error),
            };
            store.close().await?;
            let findings = compared?;
            // The way to the present schema is a part of every restore.
            let store = Store::open(settings, own(self.store.schemas()))?;
            let migrated = store.migrate_up().await;
            store.close().await?;
            migrated?;
            Ok::<_, plimsoll_core::Error>(findings)
        }
        .await;
        ground.leave().await?;
        drill.findings = gone?;
        let rto = self.config.rto.duration();
        if drill.rto_millis.is_some_and(|took| u128::try_from(took).is_ok_and(|took| took > rto.as_millis())) {
            drill.findings.push(format!("The restore took longer than archive.rto allows: {} ms.", drill.rto_millis.unwrap_or(0)));
        }
        let rpo = self.config.rpo.duration();
        if drill.rpo_seconds.is_some_and(|age| u64::try_from(age).is_ok_and(|age| age > rpo.as_secs())) {
            drill.findings.push(format!("The newest backup is older than archive.rpo allows: {} s.", drill.rpo_seconds.unwrap_or(0)));
        }
        Ok(())
    }

    /// A database like the one that is backed up; a file where the server gives none, which reads
    /// the same archives.
    async fn ground(&self) -> Result<Ground> {
        if self.store.kind() == Kind::Postgres {
            // Empty: the schema is that of the archive.
            let yard = Yard::new(&self.settings, &[])?;
            match yard.bare().await {
                Ok(url) => return Ok(Ground::Server(Box::new(yard), url)),
                Err(error) => tracing::info!("the drill restores into a file: {}", error.public()),
            }
        }
        Ok(Ground::File(Scratch::new(&self.scratch, "drill", &self.depot.seed)?))
    }
}

/// What a caller gives to `Store::open`: the store adds its own by itself.
pub(super) fn own(schemas: &[plimsoll_store::Schema]) -> &[plimsoll_store::Schema] {
    schemas.get(1..).unwrap_or_default()
}

/// Compares a restored database with what the archive says of itself.
async fn compare(store: &Store, footer: Footer, entry: &Entry) -> Result<Vec<String>> {
    let id = entry.id.clone();
    let (mut findings, tenants) = store
        .snapshot(Scope::Host, move |tx| {
            let mut findings = tables(tx, &footer)?;
            let here = heads(tx)?;
            let said: Vec<(String, i64, String)> = serde_json::from_value(footer.facts["heads"].clone()).unwrap_or_default();
            if here != said {
                findings.push("The heads of the ledgers are not those of the archive.".to_owned());
            }
            let said = footer.facts["sentinel"].as_str().map(str::to_owned);
            if said.is_none() || sentinel(tx, &id)? != said {
                findings.push("The sentinel that was written before the backup is not in it.".to_owned());
            }
            Ok((findings, here.into_iter().map(|(tenant, ..)| tenant).collect::<Vec<_>>()))
        })
        .await?;
    for tenant in tenants {
        let id: TenantId = tenant.parse()?;
        let chain = store.read(Scope::Tenant(id), &Pace::new(), chain::verify).await?;
        if let Some((seq, why)) = chain.broken {
            findings.push(format!("The ledger of {tenant} is broken at entry {seq}: {why}."));
        }
    }
    findings.truncate(MOST);
    Ok(findings)
}

/// Tables whose rows are not those of the archive.
fn tables(tx: &Tx<'_>, footer: &Footer) -> Result<Vec<String>> {
    let (mut findings, present) = (Vec::new(), tx.tables()?);
    for said in &footer.tables {
        let Some(table) = present.iter().find(|table| table.name == said.name) else {
            findings.push(format!("The table `{}` is missing.", said.name));
            continue;
        };
        let (mut tally, mut bytes) = (Tally::new(said.name.clone()), Vec::new());
        tx.dump(table, None, &mut |row| {
            bytes.clear();
            put_row(&mut bytes, row)?;
            tally.row(&bytes);
            Ok(())
        })?;
        let found = tally.sum();
        if found.rows != said.rows {
            findings.push(format!("`{}` has {} rows instead of {}.", said.name, found.rows, said.rows));
        } else if found.digest != said.digest {
            findings.push(format!("The rows of `{}` are not those of the archive.", said.name));
        }
    }
    Ok(findings)
}
