//! `/v1/ingest`: hand over a file, ask how far it is, see what was refused.

use plimsoll::{
    Access, Code, Committed, Ctx, Read, Result, Role, Write, bind,
    route::{Created, Incoming, Input, Json, Path, Query, Routes},
};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::{
    BATCH, Batch, Declared, Ingest,
    file::{Bytes, Look},
    job::SEALED,
    rejects,
};
use crate::Retention;

pub(crate) const RUN: Access = Access::needs("ingest:run", Role::Editor);
const WATCH: Access = Access::needs("ingest:read", Role::Viewer);
/// The largest file that is uploaded, in bytes; larger ones come through the inbox.
const LARGEST: usize = 64 << 20;
/// Bytes of one sealed part.
const PART: usize = 1 << 20;

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.post("/ingest", RUN, upload)
        .named("ingest.upload")
        .summary("Hand over an export: JSON, NDJSON, XML, or a ZIP archive of these or of four CSV files")
        .describe("The answer comes at once; a job works the file off. The same file again is the same batch. Larger files, and the four CSV files of a bundle, are read from the inbox (`POST /v1/ingest/inbox`).")
        .body_limit(LARGEST)
        .example(example())
        .problem(Code::UnsupportedMedia);
    r.post("/ingest/inbox", RUN, collect)
        .named("ingest.collect")
        .summary("Work off a file or folder of the configured inbox")
        .example(serde_json::json!({ "file": "export.ndjson", "declared": { "country": 234 } }))
        .problem(Code::NotFound);
    r.get("/ingest", WATCH, list).named("ingest.list").summary("The latest files");
    r.get("/ingest/{id}", WATCH, read).named("ingest.read").summary("How far a file has come");
    r.get("/ingest/{id}/rejects", WATCH, rejects::list)
        .named("rejects.list")
        .summary("Records of a file that were refused, with reason and place and without their values");
    r.post("/rejects/{id}/replay", RUN, rejects::replay)
        .named("rejects.replay")
        .summary("Try a refused record again, mended or with another declaration")
        .example(serde_json::json!({ "record": example() }))
        .problem(Code::Conflict);
    r.post("/rejects/{id}/discard", RUN, rejects::discard)
        .named("rejects.discard")
        .summary("Let a refused record go")
        .problem(Code::Conflict);
}

/// One record as a message.
fn example() -> serde_json::Value {
    serde_json::json!({
        "facilityDatimCode": "F-017",
        "messageData": {
            "demographics": { "patientUuid": "9d4c1c52-7a1e-4e0b-b3a0-6f2f5d1c8e11", "birthdate": "1988-02-29", "gender": "F", "phoneNumber": "+999000000018" },
            "visits": [{ "visitUuid": "1f0e2d3c-4b5a-4968-8776-655443322110", "dateStarted": "2026-11-02 09:00:00", "visitType": "CLINICAL" }],
            "encounters": [{ "encounterUuid": "2a1b3c4d-5e6f-4708-9192-a3b4c5d6e7f8", "encounterDatetime": "2026-11-02 09:30:00", "pmmForm": "Pharmacy Order Form" }],
            "obs": [{ "obsUuid": "3c2b1a09-8f7e-4d6c-b5a4-938271605f4e", "encounterUuid": "2a1b3c4d-5e6f-4708-9192-a3b4c5d6e7f8",
                "obsDatetime": "2026-11-02 09:30:00", "variableName": "Medication duration", "valueNumeric": 90 }],
        },
    })
}

/// A file as it was sent.
struct Sent(bytes::Bytes);

impl Input for Sent {
    const BODY: bool = true;
    fn parse(incoming: &Incoming<'_>) -> Result<Sent> {
        if incoming.body.is_empty() {
            return Err(Code::Malformed.because("the body is the file, and it is empty"));
        }
        Ok(Sent(incoming.body.clone()))
    }
    fn describe(doc: &mut plimsoll::route::RouteDoc, _: &mut SchemaGenerator, _: &'static str) {
        // Taken as it comes, whatever it is called: this is what one JSON message looks like.
        doc.request = Some((
            "application/x-ndjson",
            serde_json::json!({ "title": "Export", "description": "A file as the record system wrote it." }),
        ));
    }
}

/// What is said of an upload.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct About {
    /// The file's name, for people and for its format.
    #[schemars(length(min = 1, max = 200))]
    name: Option<String>,
    /// Which comes first in `05/03/2024`: `day` or `month`. Undeclared, such a date is refused.
    #[schemars(regex(pattern = "^(day|month)$"))]
    dates: Option<String>,
    /// Minutes by which the facility's clock is ahead of UTC.
    #[schemars(range(min = -720, max = 840))]
    ahead: Option<i32>,
    /// The country code of national phone numbers, such as 234.
    #[schemars(range(min = 1, max = 999))]
    country: Option<u16>,
}

async fn upload(ctx: Ctx<Retention, Write>, (Sent(sent), Query(about)): (Sent, Query<About>)) -> Result<Committed<Created<Batch>>> {
    let name = about.name.unwrap_or_else(|| "upload".to_owned());
    let declared = Declared { dates: about.dates, ahead: about.ahead.unwrap_or(0), country: about.country };
    let (bytes, named) = (Bytes::Here(sent.to_vec().into()), name.clone());
    let look = ctx.compute(move || bytes.look(&named)).await?;
    let sha = &look.sha;
    let parts: Vec<Vec<u8>> =
        sent.chunks(PART).enumerate().map(|(number, part)| ctx.seal(SEALED, &format!("{sha}/{number}"), part)).collect::<Result<_>>()?;
    let draft = Draft { name, declared, inbox: None, look };
    ctx.commit(move |change| accept(change, draft, parts)).await
}

/// A file of the inbox.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Collected {
    /// Its name, or that of the folder with the four CSV files.
    #[schemars(length(min = 1, max = 200))]
    file: String,
    /// What its source declares.
    #[serde(default)]
    declared: Declared,
}

async fn collect(ctx: Ctx<Retention, Write>, Json(asked): Json<Collected>) -> Result<Committed<Created<Batch>>> {
    let bytes = Bytes::in_inbox(ctx.system.inbox()?, &asked.file)?;
    let named = asked.file.clone();
    let look = ctx.compute(move || bytes.look(&named)).await?;
    let draft = Draft { name: asked.file.clone(), declared: asked.declared, inbox: Some(asked.file), look };
    ctx.commit(move |change| accept(change, draft, Vec::new())).await
}

/// A file before it has a row.
struct Draft {
    name: String,
    declared: Declared,
    inbox: Option<String>,
    look: Look,
}

/// The file of the same bytes that is not over, or ended well.
fn earlier(tx: &plimsoll::Tx<'_>, sha: &str) -> Result<Option<i64>> {
    tx.maybe(
        "SELECT id FROM ingest WHERE tenant_id = :tenant AND sha256 = :sha AND state <> 'failed' ORDER BY id LIMIT 1",
        bind! { sha: sha },
    )
}

fn accept(change: &mut plimsoll::ledger::Change<'_, '_>, draft: Draft, parts: Vec<Vec<u8>>) -> Result<Created<Batch>> {
    let Draft { name, declared, inbox, look: Look { size, sha, format, packed } } = draft;
    let earlier = earlier(change, &sha)?;
    let id = earlier.map_or_else(|| change.next("ingest"), Ok)?;
    if earlier.is_none() {
        let (now, job) = (change.now(), change.enqueue(&Ingest { batch: id })?);
        change.write(
            "INSERT INTO ingest (tenant_id, id, name, format, reading, inbox, bytes, sha256, state, settled, added, changed, unchanged, older, \
             rejected, job, version, created_at, packed) VALUES (:tenant, :id, :name, :format, :reading, :inbox, :bytes, :sha, 'waiting', 0, 0, 0, 0, \
             0, 0, :job, 1, :now, :packed)",
            bind! {
                id: id, name: name, format: format, reading: serde_json::to_string(&declared)?, inbox: inbox,
                bytes: i64::try_from(size).unwrap_or(i64::MAX), sha: sha, job: job.to_string(), now: now, packed: i64::from(packed),
            },
        )?;
        for (number, sealed) in parts.into_iter().enumerate() {
            change.write(
                "INSERT INTO ingest_part (tenant_id, ingest_id, number, sealed) VALUES (:tenant, :id, :number, :sealed)",
                bind! { id: id, number: number as i64, sealed: sealed },
            )?;
        }
    }
    Ok(Created { location: format!("/v1/ingest/{id}"), body: change.row(BATCH, bind! { id: id })? })
}

/// How many.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Latest {
    /// At most so many.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i64>,
}

/// Files.
#[derive(Debug, Serialize, JsonSchema)]
struct Batches {
    /// The newest first.
    items: Vec<Batch>,
}

async fn list(ctx: Ctx<Retention, Read>, Query(latest): Query<Latest>) -> Result<Json<Batches>> {
    const SQL: &str = "SELECT id, name, format, bytes, sha256, state, settled, added, changed, unchanged, older, rejected, why, job, created_at, \
         finished_at, packed FROM ingest WHERE tenant_id = :tenant ORDER BY created_at DESC, id DESC LIMIT :limit";
    let items = ctx.read(move |tx| tx.rows(SQL, bind! { limit: latest.limit.unwrap_or(50) })).await?;
    Ok(Json(Batches { items }))
}

async fn read(ctx: Ctx<Retention, Read>, Path(id): Path<i64>) -> Result<Json<Batch>> {
    ctx.read(move |tx| tx.row(BATCH, bind! { id: id })).await.map(Json)
}
