//! How people come in: the first owner through the setup link, others by registering themselves.

use plimsoll_core::{Access, Code, Result, Role, TenantId, UserId};
use plimsoll_store::{Pace, Scope, Tx, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{HASHING, done, event, record};
use crate::{
    Committed,
    ctx::{Ctx, Write},
    identity::{
        password::Password,
        people::{self, Tenant},
        secret::{self, hex, sha256},
        session::Private,
    },
    ledger::Note,
    route::{Json, RouteClass, Routes},
};

static PACE: Pace = Pace::new();

pub(super) fn routes(r: &mut Routes<'_, ()>) {
    r.post("/setup", Access::public("the one-time token in the body is the credential"), setup)
        .named("setup")
        .time_limit(HASHING)
        .class(RouteClass::Auth)
        .summary("Make the first tenant and its owner, with the one-time token that the first start prints")
        .example(json!({
            "token": "kQ3vX0cJ7pW2mTzH5sLyB8nRfD1gUaEo6iKtPwSxVrM",
            "tenant": { "slug": "harbour", "name": "Harbour Works" },
            "email": "jane@example.org",
            "password": "seven wet herons argue",
        }))
        .problem(Code::SetupClosed)
        .problem(Code::PasswordRefused);
    r.post("/auth/register", Access::public("whoever wants an account has none yet; off unless the operator allows it"), register)
        .named("auth.register")
        .time_limit(HASHING)
        .class(RouteClass::Auth)
        .summary("Make an account with a tenant of its own, where the operator allows it")
        .describe(
            "The answer is the same whether the address had an account already or not. Log in to find out; an account that existed \
             keeps its password.",
        )
        .example(json!({ "email": "jane@example.org", "password": "seven wet herons argue", "name": "Harbour Works" }))
        .problem(Code::NotFound)
        .problem(Code::PasswordRefused);
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// The token from the setup link.
    #[schemars(length(min = 1, max = 128))]
    token: String,
    /// The first tenant.
    tenant: NewTenant,
    /// The owner's e-mail address.
    #[schemars(length(min = 3, max = 254), regex(pattern = people::EMAIL))]
    email: String,
    /// The owner's password.
    #[schemars(length(min = 1, max = 512))]
    password: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// Its short name.
    #[schemars(length(min = 2, max = 40), regex(pattern = people::SLUG))]
    slug: String,
    /// Its name.
    #[schemars(length(min = 1, max = 100), regex(pattern = people::NAME))]
    name: String,
}

/// What was set up.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SetupDone")]
struct SetUp {
    /// The tenant.
    tenant: Tenant,
    /// Its owner.
    owner: UserId,
}

fn closed() -> plimsoll_core::Error {
    Code::SetupClosed
        .because("the setup link was used, has expired, or somebody has an account already; a restart prints a new one while nobody has")
}

/// Whether the token may be used; asked before the expensive work and again with the change.
fn usable(tx: &Tx<'_>, hash: [u8; 32], now: plimsoll_core::Time) -> Result<()> {
    let token = tx.maybe::<i64>(
        "SELECT created_at FROM setup WHERE hash = :hash AND used_at IS NULL AND expires_at > :now",
        bind! { hash: hash, now: now },
    )?;
    let person = tx.maybe::<UserId>("SELECT id FROM person LIMIT 1", &[])?;
    if token.is_some() && person.is_none() { Ok(()) } else { Err(closed()) }
}

async fn setup(ctx: Ctx<(), Write>, Json(body): Json<Setup>) -> Result<Committed<Private<SetUp, 201>>> {
    let (host, now) = (ctx.host.clone(), ctx.now());
    let hash = sha256(body.token.as_bytes());
    let open = host.store.read(Scope::Host, &PACE, move |tx| usable(tx, hash, now)).await;
    if let Err(error) = open {
        record(&ctx, None, None, event("credential.refused", "setup".into(), json!({ "reason": "revoked", "credential": "setup-token" })))
            .await;
        return Err(error);
    }
    let email = people::email(&body.email, "/email")?;
    let (slug, name) = (people::slug(&body.tenant.slug, "/tenant/slug")?, people::name(&body.tenant.name, "/tenant/name")?);
    let password = acceptable(&ctx, &body.password, vec![email.clone(), slug.clone(), name.clone()]).await?;
    let (tenant, owner) = (TenantId::new(now, &host.seed), UserId::new(now, &host.seed));
    let committed = ctx
        .commit_for(tenant, move |change| {
            usable(change, hash, now)?;
            let used = "UPDATE setup SET used_at = :now WHERE hash = :hash AND used_at IS NULL";
            if change.write(used, bind! { now: now, hash: hash })? == 0 {
                return Err(closed());
            }
            let made = people::insert_tenant(change, tenant, &slug, &name)?;
            people::insert_person(change, owner, &email, Some(&password))?;
            people::insert_member(change, owner, Role::Owner)?;
            change.note(done("tenant.create", format!("tenants/{tenant}"), None));
            change.note(done("user.create", format!("users/{owner}"), Some(json!({ "role": "owner" }))));
            crate::identity::events::tenant(change, "created", tenant);
            crate::identity::events::user(change, "created", owner, json!({ "role": "owner" }));
            let target = format!("tenants/{tenant}");
            Ok(Private { body: SetUp { tenant: made, owner }, cookie: None, location: Some(format!("/v1/{target}")), target })
        })
        .await;
    host.identity.forget();
    committed
}

/// Checks a new password and makes what is stored of it, on the pool for such work.
pub(super) async fn acceptable<M>(ctx: &Ctx<(), M>, text: &str, known: Vec<String>) -> Result<String> {
    let (password, seed, least) = (Password::new(text), ctx.host.seed.clone(), ctx.host.identity.config.password_min);
    let proper = ctx.host.holds("password-hashing");
    ctx.compute(move || {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        password.check(least, &known, "/password")?;
        if proper { password.hash(&seed) } else { password.hash_weakly(&seed) }
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    /// The e-mail address.
    #[schemars(length(min = 3, max = 254), regex(pattern = people::EMAIL))]
    email: String,
    /// The password.
    #[schemars(length(min = 1, max = 512))]
    password: String,
    /// The name of the tenant that is made; a general one unless given.
    #[schemars(length(min = 1, max = 100), regex(pattern = people::NAME))]
    name: Option<String>,
}

/// What a registration answers with, always.
#[derive(Debug, Serialize, JsonSchema)]
struct Registered {
    /// Always `accepted`.
    status: &'static str,
    /// What to do next.
    next: &'static str,
}

async fn register(ctx: Ctx<(), Write>, Json(body): Json<Register>) -> Result<Committed<Private<Registered, 202>>> {
    let (host, now) = (ctx.host.clone(), ctx.now());
    if !host.identity.config.register {
        return Err(Code::NotFound.because("registration is switched off on this server; ask an administrator for an account"));
    }
    let email = people::email(&body.email, "/email")?;
    let name = people::name(body.name.as_deref().unwrap_or("My organisation"), "/name")?;
    // The same work whether the address is known or not.
    let password = acceptable(&ctx, &body.password, vec![email.clone(), name.clone()]).await?;
    let (tenant, owner) = (TenantId::new(now, &host.seed), UserId::new(now, &host.seed));
    let slug = format!("t-{}", hex(&host.seed.bytes::<6>()));
    let looked = email.clone();
    let known = host.store.read(Scope::Host, &PACE, move |tx| people::person(tx, &looked)).await?;
    let answer = || Private {
        body: Registered { status: "accepted", next: "POST /v1/auth/login" },
        cookie: None,
        location: None,
        target: "auth/register".into(),
    };
    if known.is_some() {
        let shown = hex(&secret::sha256(format!("account {email}").as_bytes())[..6]);
        return ctx
            .commit_for(TenantId::from_bits(0), move |change| {
                change.note(Note {
                    action: "user.create".into(),
                    target: format!("accounts/{shown}"),
                    outcome: "denied",
                    detail: Some(json!({ "reason": "exists" })),
                });
                Ok(answer())
            })
            .await;
    }
    ctx.commit_for(tenant, move |change| {
        people::insert_tenant(change, tenant, &slug, &name)?;
        people::insert_person(change, owner, &email, Some(&password))?;
        people::insert_member(change, owner, Role::Owner)?;
        change.note(done("tenant.create", format!("tenants/{tenant}"), None));
        change.note(done("user.create", format!("users/{owner}"), Some(json!({ "role": "owner" }))));
        crate::identity::events::tenant(change, "created", tenant);
        crate::identity::events::user(change, "created", owner, json!({ "role": "owner" }));
        Ok(answer())
    })
    .await
}
