//! `/v1/facility-bindings`: who is bound to which facilities.

use plimsoll::{
    Access, Code, Committed, Ctx, Error, Fault, Read, Result, Role, Time, Tx, Write, bind,
    ledger::Note,
    resource::{Page, Paging},
    route::{Empty, Json, Path, Query, Routes},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Retention;

/// Who may see who is bound.
const READ: Access = Access::needs("facility-bindings:read", Role::Admin);
/// Who may bind and unbind.
const WRITE: Access = Access::needs("facility-bindings:write", Role::Admin);

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.get("/facility-bindings", READ, list)
        .named("facility_bindings.list")
        .summary("Who is bound to facilities; everybody else reaches all patients");
    r.get("/facility-bindings/{member}", READ, read)
        .named("facility_bindings.read")
        .summary("To which facilities a person or an API key is bound");
    r.put("/facility-bindings/{member}", WRITE, set)
        .named("facility_bindings.set")
        .summary("Bind a person or an API key to facilities, and to no others")
        .describe(
            "From then on they reach patients of these facilities only, with everything about them: a patient elsewhere is as one that \
             does not exist. Files that came in, how models do, and the host's own routes (ledger, jobs, people, keys) are closed to them. \
             A key that is bound to nothing itself is bound as whoever made it.",
        )
        .example(json!({ "facilities": ["F-017"] }));
    r.delete("/facility-bindings/{member}", WRITE, unbind)
        .named("facility_bindings.unbind")
        .summary("Bind them to nothing: they reach every patient again");
}

/// To what somebody is bound.
#[derive(Debug, Serialize, JsonSchema)]
struct Binding {
    /// The person or API key, by id.
    member: String,
    /// Codes of facilities.
    facilities: Vec<String>,
    /// Who bound them last,
    created_by: String,
    /// and when.
    created_at: Time,
}

type Columns = (String, String, Time);

fn binding(tx: &Tx<'_>, member: &str) -> Result<Option<Binding>> {
    let rows: Vec<Columns> = tx.rows(
        "SELECT facility, created_by, created_at FROM reach WHERE tenant_id = :tenant AND member = :member ORDER BY facility",
        bind! { member: member },
    )?;
    let Some((_, by, at)) = rows.iter().max_by_key(|(_, _, at)| *at).cloned() else { return Ok(None) };
    let facilities = rows.into_iter().map(|(facility, ..)| facility).collect();
    Ok(Some(Binding { member: member.to_owned(), facilities, created_by: by, created_at: at }))
}

fn absent(member: &str) -> Error {
    Code::NotFound.because(format!("{member} is bound to no facility"))
}

async fn list(ctx: Ctx<Retention, Read>, Query(paging): Query<Paging>) -> Result<Json<Page<Binding>>> {
    ctx.read(move |tx| {
        let total: i64 = tx.row("SELECT COUNT(DISTINCT member) FROM reach WHERE tenant_id = :tenant", bind! {})?;
        let members: Vec<String> = tx.rows(
            "SELECT DISTINCT member FROM reach WHERE tenant_id = :tenant ORDER BY member LIMIT :limit OFFSET :offset",
            bind! { limit: paging.page_size(), offset: paging.offset() },
        )?;
        let mut items = Vec::with_capacity(members.len());
        for member in members {
            items.extend(binding(tx, &member)?);
        }
        Ok(paging.answer(items, total))
    })
    .await
}

async fn read(ctx: Ctx<Retention, Read>, Path(member): Path<String>) -> Result<Json<Binding>> {
    ctx.read(move |tx| binding(tx, &member)?.ok_or_else(|| absent(&member))).await.map(Json)
}

/// To what somebody is to be bound.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Codes of facilities: of this list, and of no others.
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 64)))]
    facilities: Vec<String>,
}

async fn set(ctx: Ctx<Retention, Write>, (Path(member), Json(wanted)): (Path<String>, Json<Wanted>)) -> Result<Committed<Json<Binding>>> {
    const MEMBER: &str = "SELECT person_id FROM member WHERE tenant_id = :tenant AND person_id = :id";
    const KEY: &str = "SELECT id FROM api_key WHERE tenant_id = :tenant AND id = :id";
    const KNOWN: &str = "SELECT code FROM facility WHERE tenant_id = :tenant AND code = :code AND deleted_at IS NULL \
         UNION SELECT facility FROM patient WHERE tenant_id = :tenant AND facility = :code LIMIT 1";
    ctx.commit(move |change| {
        // First of all: whoever is bound is told that this is not theirs, and nothing else.
        change.write("DELETE FROM reach WHERE tenant_id = :tenant AND member = :member", bind! { member: member })?;
        let person: Option<String> = change.maybe(MEMBER, bind! { id: member })?;
        if person.is_none() && change.maybe::<String>(KEY, bind! { id: member })?.is_none() {
            return Err(Code::NotFound.because("there is no person and no API key with this id here"));
        }
        let mut facilities = wanted.facilities;
        let mut faults = Vec::new();
        for (at, code) in facilities.iter().enumerate() {
            if change.maybe::<String>(KNOWN, bind! { code: code })?.is_none() {
                faults.push(Fault::at(format!("/facilities/{at}"), "is the code of no facility, and no patient carries it"));
            }
        }
        if !faults.is_empty() {
            return Err(Error::invalid(faults));
        }
        facilities.sort();
        facilities.dedup();
        let (now, who) = (change.now(), change.origin().actor.clone());
        for code in &facilities {
            change.write(
                "INSERT INTO reach (tenant_id, member, facility, created_by, created_at) VALUES (:tenant, :member, :code, :who, :now)",
                bind! { member: member, code: code, who: who, now: now },
            )?;
        }
        change.note(Note {
            target: format!("facility-bindings/{member}"),
            detail: Some(json!({ "facilities": facilities })),
            ..Note::default()
        });
        binding(change, &member)?.ok_or_else(|| absent(&member)).map(Json)
    })
    .await
}

async fn unbind(ctx: Ctx<Retention, Write>, Path(member): Path<String>) -> Result<Committed<Empty>> {
    ctx.commit(move |change| {
        let gone = change.write("DELETE FROM reach WHERE tenant_id = :tenant AND member = :member", bind! { member: member })?;
        if gone == 0 {
            return Err(absent(&member));
        }
        change.note(Note { target: format!("facility-bindings/{member}"), detail: Some(json!({ "facilities": [] })), ..Note::default() });
        Ok(Empty)
    })
    .await
}
