//! `/v1/backups`: what there is, one more now, and drills.

use plimsoll_core::{Access, Code, Result, Role};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Archive, Progress,
    record::{self, Backup, Drill},
};
use crate::{
    Committed, Host,
    ctx::{Ctx, Read, Write},
    route::{Created, Json, Path, Routes},
    upstream::sharing,
};

const READ: Access = Access::needs("backups:read", Role::Admin);
const WRITE: Access = Access::needs("backups:write", Role::Owner);
/// The newest so many are shown; all of them are in the ledger.
const SHOWN: i64 = 100;

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, ()>) {
    const SHARED: &str = "Backups hold the data of all tenants, so this is refused where there are several: who runs the host uses \
         `plimsoll backup` then.";
    r.get("/backups", READ, list)
        .named("backups.list")
        .summary("The newest backups and how they went")
        .describe(SHARED)
        .problem(Code::Refused);
    r.post("/backups", WRITE, create)
        .named("backups.create")
        .summary("Begin a backup of everything")
        .describe(
            "Answers at once; the backup goes on and `GET /v1/backups/{id}` says how it went. Backups hold the data of all tenants, so this \
             is refused where there are several: who runs the host uses `plimsoll backup create` then.",
        )
        .problem(Code::Refused);
    r.get("/backups/{id}", READ, one).named("backups.get").summary("How one backup went").problem(Code::NotFound).problem(Code::Refused);
    r.get("/drills", READ, drills)
        .named("drills.list")
        .summary("The newest drills and what they found")
        .describe(SHARED)
        .problem(Code::Refused);
}

/// The newest backups.
#[derive(Debug, Serialize, JsonSchema)]
struct BackupList {
    /// Newest first.
    items: Vec<Backup>,
}

/// The newest drills.
#[derive(Debug, Serialize, JsonSchema)]
struct DrillList {
    /// Newest first.
    items: Vec<Drill>,
}

async fn alone(host: &Host) -> Result<()> {
    sharing::one_tenant(host, "the backup").await
}

async fn list(ctx: Ctx<(), Read>, (): ()) -> Result<Json<BackupList>> {
    alone(&ctx.host).await?;
    Ok(Json(BackupList { items: record::backups(&ctx.host.store, SHOWN).await? }))
}

async fn drills(ctx: Ctx<(), Read>, (): ()) -> Result<Json<DrillList>> {
    alone(&ctx.host).await?;
    Ok(Json(DrillList { items: record::drills(&ctx.host.store, SHOWN).await? }))
}

async fn one(ctx: Ctx<(), Read>, Path(id): Path<String>) -> Result<Json<Backup>> {
    alone(&ctx.host).await?;
    Ok(Json(record::backup(&ctx.host.store, &id).await?))
}

async fn create(ctx: Ctx<(), Write>, (): ()) -> Result<Committed<Created<Backup>>> {
    alone(&ctx.host).await?;
    let archive = archive(&ctx.host)?.clone();
    let draft = archive.draft();
    let begun = draft.clone();
    let answer = ctx
        .commit(move |change| {
            record::begin(change, &begun)?;
            let body = Backup::begun(&begun);
            Ok(Created { location: format!("/v1/backups/{}", begun.id), body })
        })
        .await?;
    // Goes on when the caller leaves; what becomes of it is on record.
    tokio::spawn(async move {
        // A failure is on record and in the log already.
        let _ = archive.carry_out(&draft, &Progress::default()).await;
    });
    Ok(answer)
}

fn archive(host: &Host) -> Result<&std::sync::Arc<Archive>> {
    host.archive.as_ref().ok_or_else(|| Code::ArchivePlace.because("No place for archives is configured here."))
}
