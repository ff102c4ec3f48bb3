//! The job that works a file off.

use plimsoll::{
    Code, Committed, Ctx, Result, Sealer, Time, Write, bind,
    ledger::Change,
    work::{Finished, Job, Policy, events::Event},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;

use super::{BATCH, Batch, Declared, file::Bytes, rejects};
use crate::{
    Retention, chart,
    formats::{
        Entry, Reject, Source,
        write::{Dialect, tree},
    },
    nouns,
    record::{Reason, Stamp},
};

/// What uploaded bytes are sealed for.
pub(super) const SEALED: &str = "retention ingest";
/// Records after which a file with too many faults is given up.
const ENOUGH: i64 = 200;

/// Works one file off.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// Its number.
    pub batch: i64,
}

/// What a step did.
#[derive(Default)]
struct Tally {
    settled: i64,
    added: i64,
    changed: i64,
    unchanged: i64,
    older: i64,
    rejected: i64,
}

impl Job for Ingest {
    type System = Retention;
    const KIND: &'static str = "retention.ingest";
    const POLICY: Policy = Policy { deadline: std::time::Duration::from_secs(4 * 3600), per_tenant: Some(1), ..Policy::DEFAULT };

    async fn run(self, ctx: Ctx<Retention, Write>) -> Result<Committed<Finished>> {
        let id = self.batch;
        let (batch, declared, inbox) = ctx.read(move |tx| opened(tx, id)).await?;
        if batch.state == "done" {
            return finish(ctx, id, None).await;
        }
        let bytes = match inbox {
            Some(name) => Bytes::in_inbox(ctx.system.inbox()?, &name),
            None => Ok(Bytes::Here(whole(&ctx, &batch).await?.into())),
        };
        let looked = match bytes {
            Ok(bytes) => {
                let name = batch.name.clone();
                ctx.compute(move || bytes.look(&name).map(|look| (bytes, look))).await
            }
            Err(error) => Err(error),
        };
        // A file that is no longer the one that was accepted would shift every record.
        const GONE: [Code; 4] = [Code::NotFound, Code::Invalid, Code::Malformed, Code::UnsupportedMedia];
        let (bytes, look) = match looked {
            Ok((bytes, look)) if look.sha == batch.sha256 => (bytes, look),
            Err(error) if !GONE.contains(&error.code()) => return Err(error),
            _ => return finish(ctx, id, Some("the file in the inbox is not the one that was accepted".into())).await,
        };
        let source = Source {
            reading: declared.reading(),
            country: declared.country,
            ..Source::at(Stamp(ctx.now().micros().div_euclid(1_000_000) + i64::from(declared.ahead) * 60))
        };
        let (to, mut from) = mpsc::channel::<Vec<Entry>>(2);
        let skip = u64::try_from(batch.settled).unwrap_or(0);
        let reading = tokio::task::spawn_blocking(move || bytes.send(&look, &source, skip, &to));
        let share = ctx.system.config.most_rejects;
        let (mut settled, mut rejected) = (batch.settled, batch.rejected);
        let too_many = |settled: i64, rejected: i64| rejected as f64 > settled as f64 * share;
        while let Some(entries) = from.recv().await {
            let (sealer, came) = (ctx.sealer(), batch.created_at);
            let tally = ctx.step(move |change| step(change, (id, came), entries, &sealer)).await?;
            (settled, rejected) = (settled + tally.settled, rejected + tally.rejected);
            ctx.progress(settled, None, "records");
            if settled >= ENOUGH && too_many(settled, rejected) {
                break;
            }
        }
        drop(from);
        let read = reading.await?;
        let why = match read {
            Err(error) if matches!(error.code(), Code::Malformed | Code::NotFound) => Some(error.public().to_owned()),
            Err(error) => return Err(error),
            Ok(Some((line, reason))) => {
                Some(format!("the file cannot be read to its end (line {line}: {reason}); what was accepted stays"))
            }
            Ok(None) if settled == 0 => Some("there is no record in it".to_owned()),
            Ok(None) if too_many(settled, rejected) => Some(format!(
                "{rejected} of {settled} records were refused, more than {:.0} in 100; what was accepted stays",
                share * 100.0
            )),
            Ok(None) => None,
        };
        finish(ctx, id, why).await
    }
}

fn opened(tx: &plimsoll::Tx<'_>, id: i64) -> Result<(Batch, Declared, Option<String>)> {
    let batch: Batch = tx.row(BATCH, bind! { id: id })?;
    let (declared, inbox): (String, Option<String>) =
        tx.row("SELECT reading, inbox FROM ingest WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?;
    Ok((batch, serde_json::from_str(&declared)?, inbox))
}

/// The uploaded bytes.
async fn whole(ctx: &Ctx<Retention, Write>, batch: &Batch) -> Result<Vec<u8>> {
    let id = batch.id;
    const SQL: &str = "SELECT number, sealed FROM ingest_part WHERE tenant_id = :tenant AND ingest_id = :id ORDER BY number";
    let parts: Vec<(i64, Vec<u8>)> = ctx.read(move |tx| tx.rows(SQL, bind! { id: id })).await?;
    let mut bytes = Vec::new();
    for (number, sealed) in parts {
        bytes.extend(ctx.unseal(SEALED, &format!("{}/{number}", batch.sha256), &sealed)?);
    }
    Ok(bytes)
}

/// Settles some records of a file that `came` at this time.
fn step(change: &mut Change<'_, '_>, (id, came): (i64, Time), entries: Vec<Entry>, sealer: &Sealer) -> Result<Tally> {
    let mut tally = Tally::default();
    let now = change.now();
    for entry in entries {
        tally.settled += 1;
        let place = (entry.index, entry.line);
        let mut record = match entry.read {
            Ok(record) => record,
            Err(faults) => {
                tally.rejected += 1;
                // Of somebody who was erased since, not even a sealed text.
                let kept = rejects::Kept::of(change, sealer, (id, entry.index, came), &entry.original)?;
                rejects::add(change, id, place, &faults, kept)?;
                continue;
            }
        };
        // The bytes of a file outlive the erasure of somebody in it until the file is worked off: what
        // they say of that person comes to nothing.
        if sealer.erased(change, "patient", &record.person.uuid, came)? {
            tally.rejected += 1;
            rejects::add(change, id, place, &[Reject::whole(Reason::Erased, entry.line)], rejects::Kept::default())?;
            continue;
        }
        match change.attempt(|tx| chart::keep(tx, &mut record, now)) {
            Ok((chart::Kept::Added, _)) => tally.added += 1,
            Ok((chart::Kept::Changed, _)) => tally.changed += 1,
            Ok((chart::Kept::Unchanged, _)) => tally.unchanged += 1,
            Ok((chart::Kept::Older, _)) => tally.older += 1,
            Err(error) if error.code() == Code::Conflict => {
                tally.rejected += 1;
                // Its text as the reader had it is gone; the record says the same.
                let text = serde_json::to_vec(&tree(&record, Dialect::Message))?;
                let kept = rejects::Kept::of(change, sealer, (id, entry.index, came), &text)?;
                rejects::add(change, id, place, &[Reject::whole(Reason::DuplicateId, entry.line)], kept)?;
            }
            Err(error) => return Err(error),
        }
    }
    change.write(
        "UPDATE ingest SET state = 'running', settled = settled + :settled, added = added + :added, changed = changed + :changed, \
         unchanged = unchanged + :unchanged, older = older + :older, rejected = rejected + :rejected, version = version + 1 \
         WHERE tenant_id = :tenant AND id = :id",
        bind! {
            id: id, settled: tally.settled, added: tally.added, changed: tally.changed, unchanged: tally.unchanged, older: tally.older,
            rejected: tally.rejected,
        },
    )?;
    Ok(tally)
}

/// The file is done: its bytes go, and whoever waits for it is told.
async fn finish(ctx: Ctx<Retention, Write>, id: i64, why: Option<String>) -> Result<Committed<Finished>> {
    ctx.commit(move |change| {
        let now = change.now();
        change.write(
            "UPDATE ingest SET state = :state, why = :why, finished_at = :now, version = version + 1 WHERE tenant_id = :tenant AND id = :id",
            bind! { id: id, state: if why.is_some() { "failed" } else { "done" }, why: why, now: now },
        )?;
        change.write("DELETE FROM ingest_part WHERE tenant_id = :tenant AND ingest_id = :id", bind! { id: id })?;
        let batch: Batch = change.row(BATCH, bind! { id: id })?;
        let counts = json!({
            "id": id, "state": batch.state, "settled": batch.settled, "added": batch.added, "changed": batch.changed,
            "unchanged": batch.unchanged, "older": batch.older, "rejected": batch.rejected,
        });
        change.emit(Event::new("batch.finished", "/v1/ingest", nouns::READ, counts.clone()).about(id.to_string()));
        if batch.added + batch.changed > 0 {
            crate::score::all_later(change)?;
        }
        Ok(Finished(Some(counts)))
    })
    .await
}
