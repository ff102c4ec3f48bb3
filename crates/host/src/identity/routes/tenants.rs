//! Tenants, as their members see them; and the roles.

use plimsoll_core::{Access, Code, PrincipalKind, Result, Role, TenantId, UserId};
use plimsoll_store::{Pace, Scope, Tx, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Merge, done};
use crate::{
    Committed,
    ctx::{Ctx, Read, Write},
    identity::people::{self, Tenant},
    resource::{Page, Paging},
    route::{Json, Path, Query, Routes, Table},
};

const READ: Access = Access::needs("tenants:read", Role::Viewer);
const WRITE: Access = Access::needs("tenants:write", Role::Owner);
static PACE: Pace = Pace::new();

pub(super) fn routes(r: &mut Routes<'_, ()>) {
    r.get("/tenants", Access::Authenticated, list).named("tenants.list").summary("The tenants one is a member of");
    r.get("/tenants/{id}", READ, show).named("tenants.get").summary("The tenant one acts for").problem(Code::NotFound);
    r.patch("/tenants/{id}", WRITE, rename)
        .named("tenants.update")
        .summary("Rename the tenant one acts for")
        .example(json!({ "name": "Harbour Works" }))
        .problem(Code::NotFound);
    r.get("/roles", Access::Authenticated, roles).named("roles.list").summary("The roles and the permissions each holds");
}

async fn list(ctx: Ctx<(), Read>, Query(paging): Query<Paging>) -> Result<Json<Page<Tenant>>> {
    if ctx.who.kind != PrincipalKind::Person {
        let own = ctx.tenant;
        let items = ctx.read(move |tx| tenant(tx, own)).await.map(|tenant| if paging.page() == 1 { vec![tenant] } else { Vec::new() })?;
        return Ok(paging.answer(items, 1));
    }
    let id: UserId = super::person(&ctx.who)?;
    // Memberships lie across tenants, so this is read in the host's scope, by the person's id alone.
    ctx.host
        .store
        .read(Scope::Host, &PACE, move |tx| {
            let total = tx.row::<i64>(
                "SELECT count(*) FROM member m JOIN tenant t ON t.id = m.tenant_id \
                 WHERE m.person_id = :id AND m.active = 1 AND t.closed_at IS NULL",
                bind! { id: id },
            )?;
            let items = tx.rows::<Tenant>(
                "SELECT t.id, t.slug, t.name, t.created_at, t.closed_at FROM member m JOIN tenant t ON t.id = m.tenant_id \
                 WHERE m.person_id = :id AND m.active = 1 AND t.closed_at IS NULL ORDER BY t.slug LIMIT :limit OFFSET :offset",
                bind! { id: id, limit: paging.page_size(), offset: paging.offset() },
            )?;
            Ok(paging.answer(items, total))
        })
        .await
}

fn tenant(tx: &Tx<'_>, id: TenantId) -> Result<Tenant> {
    tx.maybe("SELECT id, slug, name, created_at, closed_at FROM tenant WHERE id = :id", bind! { id: id })?.ok_or_else(unknown)
}

fn unknown() -> plimsoll_core::Error {
    Code::NotFound.because("there is no such tenant")
}

async fn show(ctx: Ctx<(), Read>, Path(id): Path<TenantId>) -> Result<Json<Tenant>> {
    if id != ctx.tenant {
        return Err(unknown());
    }
    ctx.read(move |tx| tenant(tx, id).map(Json)).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rename {
    /// The new name.
    #[schemars(length(min = 1, max = 100), regex(pattern = people::NAME))]
    name: String,
}

async fn rename(ctx: Ctx<(), Write>, (Path(id), Merge(body)): (Path<TenantId>, Merge<Rename>)) -> Result<Committed<Json<Tenant>>> {
    if id != ctx.tenant {
        return Err(unknown());
    }
    let name = people::name(&body.name, "/name")?;
    ctx.commit(move |change| {
        change.write("UPDATE tenant SET name = :name WHERE id = :id", bind! { name: name, id: id })?;
        change.note(done("tenant.update", format!("tenants/{id}"), Some(json!({ "fields": ["name"] }))));
        crate::identity::events::tenant(change, "updated", id);
        tenant(change, id).map(Json)
    })
    .await
}

/// A role.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RoleDescription")]
struct RoleView {
    /// Its name.
    name: Role,
    /// The permissions it holds, those of the roles below it included.
    permissions: Vec<String>,
}

/// All roles.
#[derive(Debug, Serialize, JsonSchema)]
struct Roles {
    /// Weakest first.
    items: Vec<RoleView>,
}

async fn roles(ctx: Ctx<(), Read>, (): ()) -> Result<Json<Roles>> {
    Ok(Json(Roles { items: Role::ALL.iter().map(|role| RoleView { name: *role, permissions: held(&ctx.host.routes, *role) }).collect() }))
}

fn held(table: &Table, role: Role) -> Vec<String> {
    let mut who = plimsoll_core::Principal::host(TenantId::from_bits(0));
    who.role = role;
    super::permissions(table, &who)
}
