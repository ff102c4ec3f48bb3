//! The members of one's tenant.

use plimsoll_core::{Access, Code, Principal, Result, Role, UserId};
use plimsoll_store::bind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{HASHING, Merge, denials, done, enrol::acceptable};
use crate::{
    Committed,
    ctx::{Ctx, Read, Write},
    identity::{
        events,
        people::{self, User},
        session::Private,
    },
    resource::{Page, Paging},
    route::{Empty, Json, Path, Query, Routes},
};

const READ: Access = Access::needs("users:read", Role::Admin);
const WRITE: Access = Access::needs("users:write", Role::Admin);

pub(super) fn routes(r: &mut Routes<'_, ()>) {
    r.get("/users", READ, list).named("users.list").summary("The members of one's tenant");
    r.post("/users", WRITE, create)
        .named("users.create")
        .time_limit(HASHING)
        .summary("Make somebody a member of one's tenant")
        .describe(
            "Somebody who has an account already keeps their password: the one given here counts only for a new account. A new account \
             without a password cannot log in until an operator sets one.",
        )
        .example(json!({ "email": "jo@example.org", "role": "editor", "password": "four calm kettles hum" }))
        .problem(Code::PasswordRefused)
        .problem(Code::Conflict);
    r.get("/users/{id}", READ, show).named("users.get").summary("One member of one's tenant").problem(Code::NotFound);
    r.patch("/users/{id}", WRITE, change)
        .named("users.update")
        .summary("Change a member's role, or suspend and readmit a member")
        .describe("Only an owner makes or unmakes admins and owners. The last active owner stays one. Suspending ends the member's sessions here.")
        .example(json!({ "role": "viewer" }))
        .problem(Code::NotFound)
        .problem(Code::Conflict);
    r.delete("/users/{id}", WRITE, remove)
        .named("users.delete")
        .summary("Remove a member from one's tenant")
        .describe("The person's sessions here end. API keys the person made belong to the tenant and stay; revoke them separately.")
        .problem(Code::NotFound)
        .problem(Code::Conflict);
}

async fn list(ctx: Ctx<(), Read>, Query(paging): Query<Paging>) -> Result<Json<Page<User>>> {
    ctx.read(move |tx| {
        let total = tx.row::<i64>("SELECT count(*) FROM member WHERE tenant_id = :tenant", &[])?;
        let items = tx.rows::<User>(
            "SELECT p.id, p.email, m.role, m.active, m.created_at FROM member m JOIN person p ON p.id = m.person_id \
             WHERE m.tenant_id = :tenant ORDER BY p.email LIMIT :limit OFFSET :offset",
            bind! { limit: paging.page_size(), offset: paging.offset() },
        )?;
        Ok(paging.answer(items, total))
    })
    .await
}

async fn show(ctx: Ctx<(), Read>, Path(id): Path<UserId>) -> Result<Json<User>> {
    ctx.read(move |tx| people::member(tx, id).map(Json)).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    /// The e-mail address.
    #[schemars(length(min = 3, max = 254), regex(pattern = people::EMAIL))]
    email: String,
    /// The role in this tenant.
    role: Role,
    /// The password of a new account.
    #[schemars(length(min = 1, max = 512))]
    password: Option<String>,
}

/// Only an owner decides who is admin or owner.
fn decides(who: &Principal, role: Role) -> Result<()> {
    if role >= Role::Admin && who.role < Role::Owner {
        return Err(Code::Forbidden.because("only an owner makes or unmakes admins and owners").reasoned("role"));
    }
    Ok(())
}

async fn create(ctx: Ctx<(), Write>, Json(body): Json<NewUser>) -> Result<Committed<Private<User, 201>>> {
    let allowed = decides(&ctx.who, body.role);
    denials(&ctx.host, ctx.tenant, ctx.origin(), allowed).await?;
    let email = people::email(&body.email, "/email")?;
    let hash = match &body.password {
        None => None,
        Some(text) => {
            let (slug, name) =
                ctx.read(|tx| tx.row::<(String, String)>("SELECT t.slug, t.name FROM tenant t WHERE t.id = :tenant", &[])).await?;
            Some(acceptable(&ctx, text, vec![email.clone(), slug, name]).await?)
        }
    };
    let (fresh, role) = (UserId::new(ctx.now(), &ctx.host.seed), body.role);
    ctx.commit(move |change| {
        let id = people::join(change, fresh, &email, hash.as_deref(), role)?;
        let target = format!("users/{id}");
        change.note(done("user.create", target.clone(), Some(json!({ "role": role.name() }))));
        events::user(change, "created", id, json!({ "role": role.name() }));
        Ok(Private { body: people::member(change, id)?, cookie: None, location: Some(format!("/v1/{target}")), target })
    })
    .await
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    /// The new role.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// Whether the person may act for this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
}

async fn change(ctx: Ctx<(), Write>, (Path(id), Merge(body)): (Path<UserId>, Merge<UserChange>)) -> Result<Committed<Json<User>>> {
    let (who, host, origin) = (ctx.who.clone(), ctx.host.clone(), ctx.origin());
    let (tenant, ends) = (ctx.tenant, host.holds("user-accounts"));
    let committed = ctx
        .commit(move |change| {
            let before = people::member(change, id)?;
            let (role, active) = (body.role.unwrap_or(before.role), body.active.unwrap_or(before.active));
            if role != before.role || active != before.active {
                decides(&who, before.role)?;
                decides(&who, role)?;
            }
            let owns = |role: Role, active: bool| role == Role::Owner && active;
            if owns(before.role, before.active) && !owns(role, active) {
                people::keep_an_owner(change, id)?;
            }
            change.write(
                "UPDATE member SET role = :role, active = :active WHERE tenant_id = :tenant AND person_id = :id",
                bind! { role: role.name(), active: active, id: id },
            )?;
            if before.active && !active && ends {
                people::end_sessions(change, id, None, "member suspended")?;
            }
            let detail = json!({ "role": role.name(), "active": active, "role_before": before.role.name() });
            change.note(done("user.update", format!("users/{id}"), Some(detail)));
            events::user(change, "updated", id, json!({ "role": role.name(), "active": active }));
            people::member(change, id).map(Json)
        })
        .await;
    host.identity.forget();
    denials(&host, tenant, origin, committed).await
}

async fn remove(ctx: Ctx<(), Write>, Path(id): Path<UserId>) -> Result<Committed<Empty>> {
    let (who, host, origin) = (ctx.who.clone(), ctx.host.clone(), ctx.origin());
    let tenant = ctx.tenant;
    let committed = ctx
        .commit(move |change| {
            let before = people::member(change, id)?;
            decides(&who, before.role)?;
            if before.role == Role::Owner {
                people::keep_an_owner(change, id)?;
            }
            people::end_sessions(change, id, None, "member removed")?;
            change.write("DELETE FROM member WHERE tenant_id = :tenant AND person_id = :id", bind! { id: id })?;
            change.note(done("user.remove", format!("users/{id}"), Some(json!({ "role": before.role.name() }))));
            events::user(change, "deleted", id, json!({}));
            Ok(Empty)
        })
        .await;
    host.identity.forget();
    denials(&host, tenant, origin, committed).await
}
