//! `GET /v1/upstreams/{name}/routes`, `GET /v1/upstreams/{name}/undocumented`,
//! `POST /v1/upstreams/{name}/description`.

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering};

use http::{Response, StatusCode};
use plimsoll_core::{Access, Code, Result, Role, Time};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Contract, Standing};
use crate::{
    Body, Host,
    ctx::{Committed, Ctx, Read, Write},
    route::{Json, Path, Routes},
    upstream::sharing,
};

const READ: Access = Access::needs("upstreams:read", Role::Admin);
const WRITE: Access = Access::needs("upstreams:write", Role::Admin);

/// Where the description of a service comes from and how it stands.
#[derive(Debug, Serialize, JsonSchema)]
struct DescriptionView {
    /// `waiting`, `read`, `absent` or `unusable`.
    state: &'static str,
    /// Which form it has, such as `OpenAPI 3.1.0`.
    form: Option<String>,
    /// Where it was found.
    place: Option<String>,
    /// When it was read.
    at: Option<Time>,
    /// Why there is none.
    why: Option<String>,
    /// What a person should look at: rules whose operation or tag is not there, paths that both sides claim.
    complaint: Option<String>,
}

/// One described operation.
#[derive(Debug, Serialize, JsonSchema)]
struct OperationView {
    /// Its method.
    method: String,
    /// Its path.
    path: &'static str,
    /// Its name in the description.
    operation: String,
    /// Its groups.
    tags: Vec<String>,
    /// What a caller has to satisfy, all of it: `public`, `authenticated`, `deny`, or a permission and a role.
    access: Vec<String>,
    /// How often it was asked for since the description was read.
    count: u64,
    /// When last; null for never.
    last: Option<Time>,
}

/// What a service says it answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UpstreamRoutes")]
struct RoutesView {
    /// How it stands with the description.
    description: DescriptionView,
    /// Its operations, in the order of the description.
    items: Vec<OperationView>,
    /// How many of them nobody has asked for.
    never_seen: usize,
}

/// A path that was asked for and stands in no description.
#[derive(Debug, Serialize, JsonSchema)]
struct UndocumentedView {
    /// Its method.
    method: String,
    /// The path, with `{value}` for what may be one.
    path: String,
    /// How often it was asked for.
    count: u64,
    /// For the first time.
    first: Time,
    /// For the last time.
    last: Time,
    /// Statuses, and how often each was answered.
    statuses: BTreeMap<String, u64>,
}

/// What was asked for and stands in no description.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UpstreamUndocumented")]
struct UndocumentedList {
    /// The most frequent first; 500 at most.
    items: Vec<UndocumentedView>,
    /// How many were left out because there were more.
    left_out: u64,
}

/// Routes about the descriptions of mounted services.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/upstreams/{name}/routes", READ, list)
        .named("upstreams.routes")
        .summary("What a mounted service says it answers, who may ask for it, and what nobody has asked for")
        .problem(Code::NotFound);
    r.get("/upstreams/{name}/undocumented", READ, undocumented)
        .named("upstreams.undocumented")
        .summary("What a mounted service was asked for that its description does not have")
        .describe("Addresses may tell of those who asked, so this is refused where there are several tenants.")
        .problem(Code::NotFound)
        .problem(Code::Refused);
    r.post("/upstreams/{name}/description", WRITE, reload)
        .named("upstreams.description.reload")
        .summary("Read the description of a mounted service again")
        .describe(
            "The service is shared by all tenants, so this is refused where there are several; who runs the host sends SIGHUP instead.",
        )
        .answers(202, None)
        .problem(Code::NotFound)
        .problem(Code::Refused);
}

fn named(host: &Host, name: &str) -> Result<Arc<Contract>> {
    let found = host.upstreams.contracts().find(|contract| contract.mount().name == name);
    found.cloned().ok_or_else(|| Code::NotFound.because("no service of this name is mounted"))
}

async fn list(ctx: Ctx<(), Read>, Path(name): Path<String>) -> Result<Json<RoutesView>> {
    let contract = named(&ctx.host, &name)?;
    let book = contract.book();
    let items: Vec<OperationView> = book
        .rulebook
        .operations()
        .iter()
        .map(|operation| {
            let judged = book.rulebook.judge(&operation.method, &operation.template.replace(['{', '}'], "~"));
            let last = operation.seen.load(Ordering::Relaxed);
            OperationView {
                method: operation.method.to_string(),
                path: operation.template,
                operation: operation.id.clone(),
                tags: operation.tags.clone(),
                access: book.rulebook.rules().demanded(judged.demands).iter().map(said).collect(),
                count: operation.count.load(Ordering::Relaxed),
                last: (last > 0).then(|| Time::from_micros(i64::try_from(last).unwrap_or(i64::MAX))),
            }
        })
        .collect();
    let mut description = DescriptionView { state: "read", form: None, place: None, at: None, why: None, complaint: contract.complaint() };
    match contract.standing() {
        Standing::Read { form, place, at } => (description.form, description.place, description.at) = (Some(form), Some(place), Some(at)),
        Standing::Waiting(why) => (description.state, description.why) = ("waiting", Some(why)),
        Standing::Absent(why) => (description.state, description.why) = ("absent", Some(why)),
        Standing::Unusable(why) => (description.state, description.why) = ("unusable", Some(why)),
    }
    let never_seen = items.iter().filter(|item| item.count == 0).count();
    Ok(Json(RoutesView { description, items, never_seen }))
}

fn said(access: &Access) -> String {
    match access {
        Access::Public { .. } => "public".to_owned(),
        Access::Authenticated => "authenticated".to_owned(),
        Access::Needs { permission, least } => format!("{permission} {least}"),
        Access::Nobody => "deny".to_owned(),
    }
}

async fn undocumented(ctx: Ctx<(), Read>, Path(name): Path<String>) -> Result<Json<UndocumentedList>> {
    let contract = named(&ctx.host, &name)?;
    sharing::one_tenant(&ctx.host, "the list of what was asked for").await?;
    let (list, left_out) = contract.traffic.list();
    let items = list.into_iter().map(|(method, path, entry)| UndocumentedView {
        method,
        path,
        count: entry.count,
        first: entry.first,
        last: entry.last,
        statuses: entry.statuses.into_iter().map(|(status, count)| (status.to_string(), count)).collect(),
    });
    Ok(Json(UndocumentedList { items: items.collect(), left_out }))
}

async fn reload(ctx: Ctx<(), Write>, Path(name): Path<String>) -> Result<Committed<Response<Body>>> {
    let contract = named(&ctx.host, &name)?;
    sharing::one_tenant(&ctx.host, "the service").await?;
    let done = ctx
        .commit(move |change| {
            change.note(crate::ledger::Note {
                action: "upstreams.description.reload".into(),
                target: format!("upstreams/{name}"),
                outcome: "ok",
                detail: None,
            });
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::ACCEPTED;
            Ok(answer)
        })
        .await?;
    contract.reload();
    Ok(done)
}
