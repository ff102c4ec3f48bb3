//! Records that were refused: kept, shown without their values, mended and replayed.

use plimsoll::{
    Code, Committed, Ctx, FromRow, Read, Result, Row, Sealer, Time, Tx, Write, bind,
    ledger::Change,
    route::{Json, Path, Query},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BATCH, Batch, Declared};
use crate::{
    Retention, chart,
    formats::{self, Reject, Source},
    record::{Stamp, rules},
};

/// What refused records are sealed for,
pub(super) const SEALED: &str = "retention reject";

/// and to what the seal is bound.
pub(super) fn label(batch: i64, record: u64) -> String {
    format!("{batch}/{record}")
}

/// A refused record's text, sealed, and the mark of the person it names.
#[derive(Default)]
pub(super) struct Kept {
    original: Vec<u8>,
    person: Option<String>,
}

impl Kept {
    /// Of a text that names its person, in a file that `came` at this time. Text that names nobody is not
    /// kept: an erasure could not find it; nor is that of somebody who was erased since.
    pub(super) fn of(tx: &Tx<'_>, sealer: &Sealer, (batch, record, came): (i64, u64, Time), text: &[u8]) -> Result<Kept> {
        let Some(uuid) = named(text) else { return Ok(Kept::default()) };
        if sealer.erased(tx, "patient", &uuid, came)? {
            return Ok(Kept::default());
        }
        Ok(Kept { original: sealer.seal(SEALED, &label(batch, record), text)?, person: Some(sealer.mark("patient", &uuid)) })
    }
}

/// The person's identity at the source, as the record's text has it; where it can be read at all.
fn named(text: &[u8]) -> Option<String> {
    let tree: Value = serde_json::from_slice(text).ok()?;
    let uuid = match tree.pointer("/messageData/demographics/patientUuid")? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    rules::id(&uuid).map(str::to_owned).ok()
}

/// Keeps a refused record.
pub(super) fn add(change: &mut Change<'_, '_>, batch: i64, place: (u64, u64), faults: &[Reject], kept: Kept) -> Result<()> {
    let (id, now) = (change.next("reject")?, change.now());
    let number = |place: u64| i64::try_from(place).unwrap_or(i64::MAX);
    change.write(
        "INSERT INTO reject (tenant_id, id, ingest_id, record, line, faults, original, person, state, created_at) \
         VALUES (:tenant, :id, :batch, :record, :line, :faults, :original, :person, 'open', :now)",
        bind! {
            id: id, batch: batch, record: number(place.0), line: number(place.1), faults: serde_json::to_string(faults)?,
            original: kept.original, person: kept.person, now: now,
        },
    )?;
    Ok(())
}

/// A refused record, as callers see it: never a value of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Refused {
    /// Its number.
    pub id: i64,
    /// The file.
    pub batch: i64,
    /// Which record of the file, from 0.
    pub record: i64,
    /// The line in which it begins.
    pub line: i64,
    /// Everything that is wrong: `reason`, `pointer` (RFC 6901), `excerpt` (the shape of the value), `line`, `file`.
    pub faults: Value,
    /// `open`, `replayed` or `discarded`.
    pub state: String,
    /// Whether its text is kept, so that it can be replayed without sending it again.
    pub kept: bool,
    /// When it was refused.
    pub created_at: Time,
    /// When it was replayed or discarded.
    pub settled_at: Option<Time>,
}

impl FromRow for Refused {
    fn from_row(row: &Row<'_>) -> Result<Refused> {
        let faults: String = row.get(4)?;
        Ok(Refused {
            id: row.get(0)?,
            batch: row.get(1)?,
            record: row.get(2)?,
            line: row.get(3)?,
            faults: serde_json::from_str(&faults)?,
            state: row.get(5)?,
            kept: row.get::<i64>(6)? > 0,
            created_at: row.get(7)?,
            settled_at: row.get(8)?,
        })
    }
}

/// Which rejects.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `open`, `replayed` or `discarded`.
    #[schemars(regex(pattern = "^(open|replayed|discarded)$"))]
    state: Option<String>,
    /// At most so many.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
    /// Those after this one.
    #[schemars(range(min = 0))]
    after: Option<i64>,
}

/// Some rejects.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Refusals {
    /// In the order of their numbers.
    pub items: Vec<Refused>,
    /// What to send as `after` for the next ones; null at the end.
    pub next: Option<i64>,
}

pub(super) async fn list(ctx: Ctx<Retention, Read>, (Path(batch), Query(filter)): (Path<i64>, Query<Filter>)) -> Result<Json<Refusals>> {
    const SQL: &str = "SELECT id, ingest_id, record, line, faults, state, length(original), created_at, settled_at FROM reject \
         WHERE tenant_id = :tenant AND ingest_id = :batch AND id > :after AND (:state = '' OR state = :state) ORDER BY id LIMIT :limit";
    let limit = filter.limit.unwrap_or(100);
    let mut items: Vec<Refused> = ctx
        .read(move |tx| {
            let _: Batch = tx.row(BATCH, bind! { id: batch })?;
            tx.rows(
                SQL,
                bind! { batch: batch, after: filter.after.unwrap_or(0), state: filter.state.unwrap_or_default(), limit: limit + 1 },
            )
        })
        .await?;
    let more = items.len() as i64 > limit;
    items.truncate(usize::try_from(limit).unwrap_or(0));
    let next = more.then(|| items.last().map(|one| one.id)).flatten();
    Ok(Json(Refusals { items, next }))
}

/// A record that was mended.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mended {
    /// The record as it should have been, in the form of one JSON message; left out, the text that is kept is tried again.
    #[serde(default)]
    record: Option<Value>,
    /// What the source declares, where it should have said so at first.
    #[serde(default)]
    declared: Option<Declared>,
}

/// What became of a record that was replayed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Replayed {
    /// `added`, `changed`, `unchanged` or `older`.
    outcome: &'static str,
    /// The patient.
    patient: i64,
}

pub(super) async fn replay(
    ctx: Ctx<Retention, Write>,
    (Path(id), Json(mended)): (Path<i64>, Json<Mended>),
) -> Result<Committed<Json<Replayed>>> {
    const SQL: &str = "SELECT r.ingest_id, r.record, r.original, r.state, i.reading FROM reject r \
         JOIN ingest i ON i.tenant_id = :tenant AND i.id = r.ingest_id WHERE r.tenant_id = :tenant AND r.id = :id";
    let (batch, record, original, state, reading): (i64, i64, Vec<u8>, String, String) =
        ctx.read(move |tx| tx.row(SQL, bind! { id: id })).await?;
    if state != "open" {
        return Err(Code::Conflict.because(format!("this reject is {state} already")));
    }
    let declared = mended.declared.map_or_else(|| serde_json::from_str(&reading), Ok)?;
    let text = match mended.record {
        Some(record) => serde_json::to_vec(&record)?,
        None if original.is_empty() => {
            return Err(Code::Invalid.because("the text of this record was not kept; send the mended one as `record`"));
        }
        None => ctx.unseal(SEALED, &label(batch, u64::try_from(record).unwrap_or(0)), &original)?,
    };
    let source = Source {
        reading: declared.reading(),
        country: declared.country,
        ..Source::at(Stamp(ctx.now().micros().div_euclid(1_000_000) + i64::from(declared.ahead) * 60))
    };
    let mut record = formats::one(&text, &source).map_err(|rejects| {
        let faults = rejects.iter().map(|reject| plimsoll::Fault::at(format!("/record{}", reject.pointer), reject.reason.to_string()));
        plimsoll::Error::invalid(faults.collect())
    })?;
    ctx.commit(move |change| {
        let now = change.now();
        let settled = change.write(
            "UPDATE reject SET state = 'replayed', original = :nothing, settled_at = :now WHERE tenant_id = :tenant AND id = :id AND state = 'open'",
            bind! { id: id, now: now, nothing: Vec::<u8>::new() },
        )?;
        if settled == 0 {
            return Err(Code::Conflict.because("somebody else has settled this reject meanwhile"));
        }
        let (kept, patient) = chart::keep(change, &mut record, now)?;
        let outcome = match kept {
            chart::Kept::Added => "added",
            chart::Kept::Changed => "changed",
            chart::Kept::Unchanged => "unchanged",
            chart::Kept::Older => "older",
        };
        Ok(Json(Replayed { outcome, patient }))
    })
    .await
}

pub(super) async fn discard(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<plimsoll::route::Empty>> {
    ctx.commit(move |change| {
        let now = change.now();
        let settled = change.write(
            "UPDATE reject SET state = 'discarded', original = :nothing, settled_at = :now WHERE tenant_id = :tenant AND id = :id AND state = 'open'",
            bind! { id: id, now: now, nothing: Vec::<u8>::new() },
        )?;
        if settled == 0 {
            let state: Option<String> = change.maybe("SELECT state FROM reject WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?;
            let state = state.ok_or_else(|| Code::NotFound.because(format!("there is no reject {id}")))?;
            return Err(Code::Conflict.because(format!("this reject is {state} already")));
        }
        Ok(plimsoll::route::Empty)
    })
    .await
}
