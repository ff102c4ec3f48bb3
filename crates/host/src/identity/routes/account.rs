//! One's own account: who one is, one's password, one's sessions.

use plimsoll_core::{Access, Code, KeyId, Principal, PrincipalKind, Result, Role, SessionId, TenantId, Time, UserId};
use plimsoll_store::{FromRow, Pace, Row, Scope, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{HASHING, done, event, permissions, person, record};
use crate::{
    Committed, Host,
    ctx::{Ctx, Read, Write},
    identity::{
        password::Password,
        people::{self, Tenant},
        secret::sha256,
    },
    resource::{Page, Paging},
    route::{Empty, Json, Path, Query, RouteClass, Routes},
};

static PACE: Pace = Pace::new();

pub(super) fn routes(r: &mut Routes<'_, ()>) {
    r.get("/auth/me", Access::Authenticated, me)
        .named("auth.me")
        .summary("Who one is, for which tenant, and what one may do")
        .describe("Works for people and for API keys; for a key it says which scopes it has and when it expires.");
    r.post("/auth/password", Access::Authenticated, password)
        .named("auth.password")
        .time_limit(HASHING)
        .class(RouteClass::Auth)
        .summary("Change one's own password; all other sessions end")
        .example(json!({ "current": "seven wet herons argue", "new": "eleven dry otters agree" }))
        .problem(Code::PasswordRefused)
        .problem(Code::LoginThrottled);
    r.get("/auth/sessions", Access::Authenticated, sessions).named("auth.sessions").summary("One's own open sessions in this tenant");
    r.delete("/auth/sessions/{id}", Access::Authenticated, end)
        .named("auth.end_session")
        .summary("End one of one's own sessions")
        .problem(Code::NotFound);
}

/// Who one is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Me {
    /// `person` or `key`.
    principal: &'static str,
    /// `usr_…` or `key_…`.
    id: String,
    /// The e-mail address, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// The tenant one acts for.
    tenant: MyTenant,
    /// The role in that tenant.
    role: Role,
    /// Every permission one holds.
    permissions: Vec<String>,
    /// Where not empty, the only permissions this key can hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    /// When this key expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
    /// The session, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    /// After a login with a cookie: seconds until the session ends at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
}

/// The tenant one acts for.
#[derive(Debug, Serialize, JsonSchema)]
struct MyTenant {
    /// Its id.
    id: TenantId,
    /// Its short name.
    slug: String,
    /// Its name.
    name: String,
}

impl Me {
    /// What `who` is, from the database and the table of routes.
    pub(super) async fn of(host: &Host, who: &Principal, expires_in: Option<u64>) -> Result<Me> {
        let id = who.id.clone();
        let (kind, tenant) = (who.kind, who.tenant);
        let (email, expires_at, tenant) = host
            .store
            .read(Scope::Tenant(tenant), &PACE, move |tx| {
                let (mut email, mut expires) = (None, None);
                match kind {
                    PrincipalKind::Person => email = tx.maybe("SELECT email FROM person WHERE id = :id", bind! { id: &*id })?,
                    PrincipalKind::Key => expires = people::key(tx, id.parse::<KeyId>()?)?.expires_at,
                    PrincipalKind::Host | PrincipalKind::Anonymous => {}
                }
                let tenant = tx
                    .maybe::<Tenant>("SELECT id, slug, name, created_at, closed_at FROM tenant WHERE id = :id", bind! { id: tenant })?
                    .ok_or_else(|| Code::NotFound.because("the tenant does not exist"))?;
                Ok((email, expires, MyTenant { id: tenant.id, slug: tenant.slug, name: tenant.name }))
            })
            .await?;
        Ok(Me {
            principal: who.kind.name(),
            id: who.id.to_string(),
            email,
            tenant,
            role: who.role,
            permissions: permissions(&host.routes, who),
            scopes: who.scopes.to_vec(),
            expires_at,
            session: who.session,
            expires_in,
        })
    }
}

async fn me(ctx: Ctx<(), Read>, (): ()) -> Result<Json<Me>> {
    Me::of(&ctx.host, &ctx.who, None).await.map(Json)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The password until now.
    #[schemars(length(min = 1, max = 1024))]
    current: String,
    /// The password from now on.
    #[schemars(length(min = 1, max = 512))]
    new: String,
}

async fn password(ctx: Ctx<(), Write>, Json(body): Json<NewPassword>) -> Result<Committed<Empty>> {
    let host = ctx.host.clone();
    let (id, session) = (person(&ctx.who)?, ctx.who.session);
    // A stolen session must not be a way to guess the password without limit.
    let counted = sha256(format!("password of {id}").as_bytes());
    let attempt = host.holds("login-throttle").then(|| host.identity.throttle.admit(counted, ctx.caller)).transpose()?;
    let read = ctx.read(move |tx| {
        let (email, kept) = tx.row::<(String, Option<String>)>("SELECT email, password FROM person WHERE id = :id", bind! { id: id })?;
        let (slug, name) = tx.row::<(String, String)>("SELECT t.slug, t.name FROM tenant t WHERE t.id = :tenant", &[])?;
        Ok((email, kept, slug, name))
    });
    let (email, kept, slug, name) = read.await?;
    let (current, new, seed) = (Password::new(&body.current), Password::new(&body.new), host.seed.clone());
    let least = host.identity.config.password_min;
    let judged = ctx
        .compute(move || {
            if !current.matches(kept.as_deref())? {
                return Ok(None);
            }
            if new.matches(kept.as_deref())? {
                return Err(Code::PasswordRefused
                    .because("the password is not acceptable; `errors` says why")
                    .with_faults(vec![plimsoll_core::Fault::at("/new", "must differ from the current password")]));
            }
            new.check(least, &[&email, &slug, &name], "/new")?;
            new.hash(&seed).map(Some)
        })
        .await;
    let Some(hash) = (match judged {
        Ok(hash) => hash,
        Err(error) => {
            let right = error.code() == Code::PasswordRefused;
            attempt.into_iter().for_each(|attempt| if right { attempt.succeeded() } else { attempt.withdrawn() });
            return Err(error);
        }
    }) else {
        drop(attempt);
        record(
            &ctx,
            Some(ctx.tenant),
            Some(id),
            event("auth.login_failed", format!("users/{id}"), json!({ "reason": "current-password" })),
        )
        .await;
        return Err(people::fault("/current", "is not the current password"));
    };
    attempt.into_iter().for_each(|attempt| attempt.succeeded());
    let (here, origin) = (ctx.tenant, ctx.origin());
    let committed = ctx
        .commit(move |change| {
            let now = change.now();
            change
                .write("UPDATE person SET password = :hash, password_at = :now WHERE id = :id", bind! { hash: hash, now: now, id: id })?;
            let ended = people::end_sessions(change, id, session, "password changed")?;
            change.note(done("user.password", format!("users/{id}"), Some(json!({ "sessions_ended": ended }))));
            crate::identity::events::user(change, "updated", id, json!({ "fields": ["password"] }));
            Ok(Empty)
        })
        .await?;
    elsewhere(&host, origin, here, id).await?;
    host.identity.forget();
    Ok(committed)
}

/// Ends the sessions of a person in all other tenants, each with an entry in that tenant's ledger.
async fn elsewhere(host: &Host, origin: crate::ledger::Origin, here: TenantId, id: UserId) -> Result<()> {
    let others = host.store.read(Scope::Host, &PACE, move |tx| {
        tx.rows::<TenantId>(
            "SELECT DISTINCT tenant_id FROM session WHERE person_id = :id AND ended_at IS NULL AND tenant_id <> :here",
            bind! { id: id, here: here },
        )
    });
    for tenant in others.await? {
        let ended = host.commit(tenant, origin.clone(), move |change| {
            let ended = people::end_sessions(change, id, None, "password changed")?;
            change.note(done("user.password", format!("users/{id}"), Some(json!({ "sessions_ended": ended }))));
            crate::identity::events::user(change, "updated", id, json!({ "fields": ["password"] }));
            Ok(Empty)
        });
        ended.await?;
    }
    Ok(())
}

/// One login.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Session")]
struct SessionView {
    /// Its id.
    id: SessionId,
    /// When it began.
    created_at: Time,
    /// When it was last used, to five minutes.
    seen_at: Time,
    /// When it ends at the latest.
    expires_at: Time,
    /// The address it began from.
    address: Option<String>,
    /// The program, as it calls itself.
    agent: Option<String>,
    /// Whether it is the one asking.
    current: bool,
}

impl FromRow for SessionView {
    fn from_row(row: &Row<'_>) -> Result<SessionView> {
        Ok(SessionView {
            id: row.get(0)?,
            created_at: row.get(1)?,
            seen_at: row.get(2)?,
            expires_at: row.get(3)?,
            address: row.get(4)?,
            agent: row.get(5)?,
            current: false,
        })
    }
}

async fn sessions(ctx: Ctx<(), Read>, Query(paging): Query<Paging>) -> Result<Json<Page<SessionView>>> {
    let (id, mine, now) = (person(&ctx.who)?, ctx.who.session, ctx.now());
    ctx.read(move |tx| {
        let total = tx.row::<i64>(
            "SELECT count(*) FROM session WHERE tenant_id = :tenant AND person_id = :id AND ended_at IS NULL AND expires_at > :now",
            bind! { id: id, now: now },
        )?;
        let mut items = tx.rows::<SessionView>(
            "SELECT id, created_at, seen_at, expires_at, address, agent FROM session \
             WHERE tenant_id = :tenant AND person_id = :id AND ended_at IS NULL AND expires_at > :now \
             ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset",
            bind! { id: id, now: now, limit: paging.page_size(), offset: paging.offset() },
        )?;
        items.iter_mut().for_each(|item| item.current = Some(item.id) == mine);
        Ok(paging.answer(items, total))
    })
    .await
}

async fn end(ctx: Ctx<(), Write>, Path(id): Path<SessionId>) -> Result<Committed<Empty>> {
    let (person, host) = (person(&ctx.who)?, ctx.host.clone());
    let committed = ctx
        .commit(move |change| {
            let mine = "SELECT id FROM session WHERE tenant_id = :tenant AND id = :id AND person_id = :person";
            change
                .maybe::<SessionId>(mine, bind! { id: id, person: person })?
                .ok_or_else(|| Code::NotFound.because("there is no such session"))?;
            people::end_session(change, id, "ended by its person")?;
            change.note(done("auth.logout", format!("sessions/{id}"), None));
            Ok(Empty)
        })
        .await;
    host.identity.forget();
    committed
}
