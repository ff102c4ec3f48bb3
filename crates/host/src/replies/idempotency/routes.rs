//! `/v1/idempotency`: what is on record, and settling what nobody knows.

use plimsoll_core::{Access, Code, Error, Result, Role, Time};
use plimsoll_store::{FromRow, Row, Tx, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Committed,
    ctx::{Ctx, Read, Write},
    ledger::Note,
    resource::{Page, Paging},
    route::{Json, Path, Query, Routes},
};

const READ: Access = Access::needs("idempotency:read", Role::Admin);
const WRITE: Access = Access::needs("idempotency:write", Role::Admin);

/// Declares them.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/idempotency", READ, list)
        .named("idempotency.list")
        .summary("Requests with an Idempotency-Key that are on record, newest first");
    r.get("/idempotency/{id}", READ, show).named("idempotency.get").summary("One record, without its answer").problem(Code::NotFound);
    r.post("/idempotency/{id}/settle", WRITE, settle)
        .named("idempotency.settle")
        .summary("Say how a request of unknown outcome ended")
        .describe(
            "Look at the service first. `done`: it acted, and repeats are told so. `undone`: it did not, the record goes, and the next \
             request with this key is sent.",
        )
        .example(json!({ "outcome": "done" }))
        .problem(Code::NotFound)
        .problem(Code::Conflict);
}

/// Which records.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// The page, from 1.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    page: Option<i64>,
    /// Records on a page, 1 to 100; 10 unless said otherwise.
    #[schemars(range(min = 1, max = 100))]
    page_size: Option<i64>,
    /// `started`, `finished`, `withheld` or `unknown`.
    #[schemars(regex(pattern = "^(started|finished|withheld|unknown)$"))]
    state: Option<String>,
}

/// A request on record, without its answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdempotencyRecord")]
struct Line {
    /// Its id.
    id: String,
    /// `started`, `finished`, `withheld` (done, with an answer that was not kept) or `unknown`.
    state: String,
    /// Who asked.
    caller: String,
    /// The method.
    method: String,
    /// The route, or the path at a mounted service.
    route: String,
    /// The key.
    key: String,
    /// The status of the answer, where there was one.
    status: Option<i64>,
    /// Why the answer was not kept, or why the outcome is unknown.
    reason: Option<String>,
    /// The request that brought the key.
    request: String,
    /// When it came.
    created_at: Time,
    /// When the record may be forgotten.
    expires_at: Time,
}

impl FromRow for Line {
    fn from_row(row: &Row<'_>) -> Result<Line> {
        Ok(Line {
            id: row.get(0)?,
            state: row.get(1)?,
            caller: row.get(2)?,
            method: row.get(3)?,
            route: row.get(4)?,
            key: row.get(5)?,
            status: row.get(6)?,
            reason: row.get(7)?,
            request: row.get(8)?,
            created_at: row.get(9)?,
            expires_at: row.get(10)?,
        })
    }
}

async fn list(ctx: Ctx<(), Read>, Query(filter): Query<Filter>) -> Result<Json<Page<Line>>> {
    let paging = Paging { page: filter.page, page_size: filter.page_size };
    ctx.read(move |tx| {
        let total = tx.row::<i64>(
            "SELECT count(*) FROM idempotency WHERE tenant_id = :tenant AND (:state = '' OR state = :state)",
            bind! { state: filter.state.as_deref().unwrap_or_default() },
        )?;
        let items = tx.rows::<Line>(
            "SELECT id, state, caller, method, route, key, status, reason, request, created_at, expires_at FROM idempotency \
             WHERE tenant_id = :tenant AND (:state = '' OR state = :state) ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset",
            bind! {
                state: filter.state.as_deref().unwrap_or_default(),
                limit: paging.page_size(), offset: paging.offset(),
            },
        )?;
        Ok(paging.answer(items, total))
    })
    .await
}

async fn show(ctx: Ctx<(), Read>, Path(id): Path<String>) -> Result<Json<Line>> {
    ctx.read(move |tx| {
        let found = tx.maybe::<Line>(
            "SELECT id, state, caller, method, route, key, status, reason, request, created_at, expires_at FROM idempotency \
             WHERE tenant_id = :tenant AND id = :id",
            bind! { id: id },
        )?;
        found.map(Json).ok_or_else(absent)
    })
    .await
}

fn absent() -> Error {
    Code::NotFound.because("there is no record with this id")
}

/// How it ended.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Ended {
    /// The service acted.
    Done,
    /// It did not.
    Undone,
}

/// What somebody found out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Found {
    /// How the request ended.
    outcome: Ended,
}

/// What is on record now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdempotencySettled")]
struct Settled {
    /// The record.
    id: String,
    /// `withheld` where it was done; nothing where the record is gone.
    state: Option<&'static str>,
}

async fn settle(ctx: Ctx<(), Write>, (Path(id), Json(found)): (Path<String>, Json<Found>)) -> Result<Committed<Json<Settled>>> {
    ctx.commit(move |change| {
        let state = state(change, &id)?.ok_or_else(absent)?;
        if state != "unknown" {
            return Err(Code::Conflict.because(format!("the outcome of this request is known: its record is `{state}`")));
        }
        let (outcome, state) = match found.outcome {
            Ended::Done => {
                change.write(
                    "UPDATE idempotency SET state = 'withheld', reason = 'it was found out afterwards that it had been done' \
                     WHERE tenant_id = :tenant AND id = :id",
                    bind! { id: id },
                )?;
                ("done", Some("withheld"))
            }
            Ended::Undone => {
                change.write("DELETE FROM idempotency WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?;
                ("undone", None)
            }
        };
        change.note(Note { target: format!("idempotency/{id}"), detail: Some(json!({ "outcome": outcome })), ..Note::default() });
        Ok(Json(Settled { id, state }))
    })
    .await
}

fn state(tx: &Tx<'_>, id: &str) -> Result<Option<String>> {
    tx.maybe("SELECT state FROM idempotency WHERE tenant_id = :tenant AND id = :id", bind! { id: id })
}
