//! Login, refresh, logout.

use plimsoll_core::{Access, Code, Error, Fault, Principal, PrincipalKind, Result, Role, SessionId, TenantId, UserId};
use plimsoll_store::{Pace, Scope, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{HASHING, account::Me, done, event, login_failed, person, record};
use crate::{
    Committed,
    ctx::{Ctx, Write},
    identity::{
        Identity,
        password::{self, Password},
        people,
        resolve::Enforced,
        secret::{self, Token, hex, sha256},
        session::{self, Ended, Opening, Private, Tokens, agent, set_cookie},
        throttle::Attempt,
    },
    route::{Empty, Json, Raw, RouteClass, Routes},
};

const LOGIN: Access = Access::public("whoever wants to log in is not logged in yet");
static PACE: Pace = Pace::new();

pub(super) fn routes(r: &mut Routes<'_, ()>) {
    r.post("/auth/login", LOGIN, login)
        .named("auth.login")
        .time_limit(HASHING)
        .class(RouteClass::Auth)
        .summary("Log in with e-mail address and password")
        .describe(
            "Answers with an access token and a refresh token, or, with `cookie: true`, sets the session cookie and answers with what \
             `GET /v1/auth/me` says. Somebody who is a member of several tenants names one in `tenant`.",
        )
        .example(json!({ "email": "jane@example.org", "password": "seven wet herons argue" }))
        .problem(Code::LoginFailed)
        .problem(Code::LoginThrottled);
    r.post("/auth/refresh", LOGIN, refresh)
        .named("auth.refresh")
        .class(RouteClass::Auth)
        .summary("Exchange a refresh token for a new pair of tokens")
        .describe(
            "A refresh token works once. One that is presented again was copied, so its whole session ends; there is no period of grace. \
             Keep the answer before using it.",
        )
        .example(json!({ "refresh_token": "kQ3vX0cJ7pW2mTzH5sLyB8nRfD1gUaEo6iKtPwSxVrM" }))
        .problem(Code::CredentialRevoked)
        .problem(Code::CredentialExpired);
    r.post("/auth/logout", Access::Authenticated, logout)
        .named("auth.logout")
        .class(RouteClass::Auth)
        .summary("End the session: its tokens and its cookie are refused from now on, everywhere");
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// The e-mail address.
    #[schemars(length(min = 3, max = 254), regex(pattern = people::EMAIL))]
    email: String,
    /// The password.
    #[schemars(length(min = 1, max = 1024))]
    password: String,
    /// The short name of the tenant, for members of several.
    #[schemars(length(max = 40))]
    tenant: Option<String>,
    /// Whether to set a session cookie instead of handing out tokens.
    cookie: Option<bool>,
}

/// What a login answers with.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum LoggedIn {
    /// Tokens for programs.
    Tokens(Tokens),
    /// Who one is now, for a page that holds the cookie.
    Me(Box<Me>),
}

/// What the database knows of an account.
#[derive(Default)]
struct Account {
    person: Option<(UserId, Option<String>, bool)>,
    memberships: Vec<(TenantId, String, String)>,
}

async fn account(ctx: &Ctx<(), Write>, email: String) -> Result<Account> {
    let look_up = ctx.host.store.read(Scope::Host, &PACE, move |tx| {
        let person = tx.maybe::<(UserId, Option<String>, bool)>(
            "SELECT id, password, active FROM person WHERE email = :email",
            bind! { email: email },
        )?;
        let memberships = match &person {
            None => Vec::new(),
            Some((id, ..)) => tx.rows::<(TenantId, String, String)>(
                "SELECT t.id, t.slug, m.role FROM member m JOIN tenant t ON t.id = m.tenant_id \
                 WHERE m.person_id = :id AND m.active = 1 AND t.closed_at IS NULL ORDER BY t.slug",
                bind! { id: *id },
            )?,
        };
        Ok(Account { person, memberships })
    });
    look_up.await
}

impl Account {
    /// Why this account may not log in although the password may be right.
    fn barred(&self, tenant: Option<&str>) -> Option<&'static str> {
        match &self.person {
            None => Some("unknown"),
            Some((_, _, false)) => Some("disabled"),
            Some(_) if self.memberships.is_empty() => Some("no-membership"),
            Some(_) if tenant.is_some_and(|slug| !self.memberships.iter().any(|(_, known, _)| known == slug)) => Some("no-membership"),
            Some(_) => None,
        }
    }
    fn chosen(&self, tenant: Option<&str>) -> Result<(TenantId, Role)> {
        let found = match tenant {
            Some(slug) => self.memberships.iter().find(|(_, known, _)| known == slug),
            None if self.memberships.len() > 1 => {
                let slugs: Vec<&str> = self.memberships.iter().map(|(_, slug, _)| slug.as_str()).collect();
                return Err(Error::invalid(vec![Fault::at("/tenant", format!("is required: you are a member of {}", slugs.join(", ")))]));
            }
            None => self.memberships.first(),
        };
        let (id, _, role) = found.ok_or_else(|| login_failed("no-membership"))?;
        Ok((*id, people::role(role)?))
    }
}

async fn login(mut ctx: Ctx<(), Write>, (Json(body), raw): (Json<Login>, Raw)) -> Result<Committed<Private<LoggedIn>>> {
    let email = people::email(&body.email, "/email")?;
    let fingerprint = sha256(format!("account {email}").as_bytes());
    let attempt = admitted(&ctx, fingerprint).await?;
    let (known, right, better) = match compare(&ctx, email, &body.password).await {
        Ok(compared) => compared,
        Err(error) => {
            attempt.into_iter().for_each(Attempt::withdrawn);
            return Err(error);
        }
    };
    let wanted = body.tenant.as_deref();
    let Some((person, ..)) = known.person.as_ref().filter(|_| right && known.barred(wanted).is_none()) else {
        drop(attempt);
        return Err(failed(&ctx, &known, right, wanted, fingerprint).await);
    };
    attempt.into_iter().for_each(Attempt::succeeded);
    let (person, (tenant, role)) = (*person, known.chosen(wanted)?);
    let cookie = body.cookie.unwrap_or(false);
    let opening = begin(&ctx, person, cookie, agent(&raw.parts.headers));
    let who = Principal {
        kind: PrincipalKind::Person,
        id: person.to_string().into(),
        tenant,
        role,
        scopes: std::sync::Arc::new([]),
        session: Some(opening.id),
    };
    let answer = answer(&ctx, &who, &opening).await?;
    ctx.who = who;
    let idle = ctx.host.identity.config.session_idle;
    ctx.commit_for(tenant, move |change| {
        Identity::open_session(change, &opening, idle)?;
        if let Some(hash) = better {
            change.write("UPDATE person SET password = :hash WHERE id = :id", bind! { hash: hash, id: person })?;
        }
        change.note(done("auth.login", format!("sessions/{}", opening.id), Some(json!({ "cookie": cookie }))));
        Ok(answer)
    })
    .await
}

/// How an account is named where its address must not be.
fn shown(fingerprint: [u8; 32]) -> String {
    format!("accounts/{}", hex(&fingerprint[..6]))
}

/// Leave to try, unless too many attempts failed; `None` where nobody counts.
async fn admitted(ctx: &Ctx<(), Write>, fingerprint: [u8; 32]) -> Result<Option<Attempt>> {
    let throttle = &ctx.host.identity.throttle;
    let attempt = ctx.host.holds("login-throttle").then(|| throttle.admit(fingerprint, ctx.caller)).transpose();
    if attempt.is_err() {
        record(ctx, None, None, event("auth.throttled", shown(fingerprint), json!({ "reason": "throttled" }))).await;
    }
    attempt
}

/// What is known of the account, whether the password is right, and its hash anew where today's
/// settings are stronger than those it was made with.
async fn compare(ctx: &Ctx<(), Write>, email: String, password: &str) -> Result<(Account, bool, Option<String>)> {
    let known = account(ctx, email).await?;
    let kept = known.person.as_ref().and_then(|(_, hash, _)| hash.clone());
    let (password, seed) = (Password::new(password), ctx.host.seed.clone());
    let (right, better) = ctx
        .compute(move || {
            let right = password.matches(kept.as_deref())?;
            let renew = right && kept.as_deref().is_some_and(password::outdated);
            Ok((right, if renew { Some(password.hash(&seed)?) } else { None }))
        })
        .await?;
    Ok((known, right, better))
}

/// Records why a login failed, and gives back the one error for all reasons.
async fn failed(ctx: &Ctx<(), Write>, known: &Account, right: bool, wanted: Option<&str>, fingerprint: [u8; 32]) -> Error {
    let reason = known.barred(wanted).filter(|_| right || known.person.is_none()).unwrap_or("password");
    let actor = known.person.as_ref().map(|(id, ..)| *id);
    let concerns = known.chosen(wanted).ok().map(|(id, _)| id);
    record(ctx, concerns, actor, event("auth.login_failed", shown(fingerprint), json!({ "reason": reason }))).await;
    if known.person.is_none() && !ctx.host.holds("auth-endpoints") {
        return Code::LoginFailed.because("nobody has an account with this e-mail address");
    }
    login_failed(reason)
}

/// A session that is about to be stored.
pub(super) fn begin<M>(ctx: &Ctx<(), M>, person: UserId, cookie: bool, agent: Option<String>) -> Opening {
    let (now, seed, config) = (ctx.now(), &ctx.host.seed, &ctx.host.identity.config);
    Opening {
        id: SessionId::new(now, seed),
        person,
        address: ctx.caller,
        agent,
        expires_at: now.plus(config.session_lifetime),
        token: Token::new("", seed),
        cookie,
    }
}

async fn answer(ctx: &Ctx<(), Write>, who: &Principal, opening: &Opening) -> Result<Private<LoggedIn>> {
    let identity = &ctx.host.identity;
    let (body, cookie) = if opening.cookie {
        let seconds = identity.config.session_lifetime.as_secs();
        let me = Me::of(&ctx.host, who, Some(seconds)).await?;
        let cookie = set_cookie(Some((&opening.token.text, seconds)), ctx.secure, ctx.host.holds("secure-cookies"))?;
        (LoggedIn::Me(Box::new(me)), Some(cookie))
    } else {
        (LoggedIn::Tokens(identity.tokens(who, opening.person, opening.id, &opening.token, ctx.now())?), None)
    };
    Ok(Private { body, cookie, location: None, target: format!("sessions/{}", opening.id) })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    /// The refresh token.
    #[schemars(length(min = 1, max = 128))]
    refresh_token: String,
}

async fn refresh(mut ctx: Ctx<(), Write>, Json(body): Json<Refresh>) -> Result<Committed<Private<Tokens>>> {
    let host = ctx.host.clone();
    let identity = &host.identity;
    let now = ctx.now();
    if !secret::well_formed(&body.refresh_token, "") {
        return Err(Code::CredentialInvalid.because("the refresh token is not well-formed").reasoned("malformed"));
    }
    let hash = session::hash_of(&body.refresh_token);
    let found = host.store.read(Scope::Host, &PACE, move |tx| {
        tx.maybe::<(TenantId, SessionId, plimsoll_core::Time, Option<plimsoll_core::Time>)>(
            "SELECT tenant_id, session_id, expires_at, used_at FROM refresh WHERE hash = :hash",
            bind! { hash: hash },
        )
    });
    let Some((tenant, id, expires, used)) = found.await? else {
        let note = event("credential.refused", "auth/refresh".into(), json!({ "reason": "unknown-key", "credential": "refresh-token" }));
        record(&ctx, None, None, note).await;
        return Err(Code::CredentialInvalid.because("the refresh token is not known here; log in again").reasoned("unknown-key"));
    };
    // A session that has ended is not renewed, whatever is said of its access tokens.
    let enforced = Enforced { revocation: host.holds("auth-refresh-tokens"), ..Enforced::by(&host) };
    let who = match identity.by_session_id(enforced, tenant, id, now).await {
        Ok(who) => who,
        Err(refusal) => {
            let reason = refusal.error.reason().unwrap_or("invalid");
            let note = event("credential.refused", format!("sessions/{id}"), json!({ "reason": reason, "credential": "refresh-token" }));
            record(&ctx, Some(tenant), None, note).await;
            return Err(refusal.error);
        }
    };
    // Only now: a session that has ended already needs no further entry for each repetition.
    let rotates = host.holds("auth-refresh-tokens");
    if used.is_some() && rotates {
        end_copied(&host, ctx.origin(), tenant, id).await;
        return Err(copied());
    }
    if expires <= now {
        return Err(Code::CredentialExpired.because("the refresh token has expired; log in again").reasoned("expired"));
    }
    let person = person(&who)?;
    let token = Token::new("", &host.seed);
    let tokens = identity.tokens(&who, person, id, &token, now)?;
    let (fresh, until) = (token.hash, now.plus(identity.config.session_idle));
    // For the case that another request uses the same token between the look-up and the commit.
    let second = rotates.then(|| ctx.origin());
    ctx.who = who;
    let committed = ctx
        .commit_for(tenant, move |change| {
            let now = change.now();
            let unused = change.write(
                "UPDATE refresh SET used_at = :now WHERE tenant_id = :tenant AND hash = :hash AND used_at IS NULL",
                bind! { now: now, hash: hash },
            )?;
            if unused == 0 && rotates {
                return Err(copied());
            }
            session::insert_refresh(change, id, fresh, until)?;
            change.write("UPDATE session SET seen_at = :now WHERE tenant_id = :tenant AND id = :id", bind! { now: now, id: id })?;
            change.note(done("auth.refresh", format!("sessions/{id}"), None));
            Ok(Private { body: tokens, cookie: None, location: None, target: format!("sessions/{id}") })
        })
        .await;
    match (committed, second) {
        (Err(error), Some(origin)) if error.code() == Code::CredentialRevoked => {
            end_copied(&host, origin, tenant, id).await;
            Err(error)
        }
        (committed, _) => committed,
    }
}

fn copied() -> Error {
    Code::CredentialRevoked
        .because("the refresh token was used before, so it may have been copied; its session has been ended, log in again")
        .reasoned("revoked")
}

/// Ends the session of a refresh token that was presented twice. If that cannot be committed, the
/// token is refused all the same and the next attempt ends the session.
async fn end_copied(host: &crate::Host, origin: crate::ledger::Origin, tenant: TenantId, id: SessionId) {
    let ended = host
        .commit(tenant, origin, move |change| {
            people::end_session(change, id, "refresh token reused")?;
            change.note(event("auth.refresh_reused", format!("sessions/{id}"), json!({ "reason": "reused" })));
            Ok(Empty)
        })
        .await;
    host.identity.forget();
    if let Err(error) = ended {
        tracing::warn!(error = ?error, "the session of a reused refresh token could not be ended");
    }
}

async fn logout(ctx: Ctx<(), Write>, (): ()) -> Result<Committed<Ended>> {
    let host = ctx.host.clone();
    let id = ctx.who.session.ok_or_else(|| Code::Forbidden.because("an API key has no session to end; revoke the key instead"))?;
    let cookie = set_cookie(None, ctx.secure, host.holds("secure-cookies"))?;
    let committed = ctx
        .commit(move |change| {
            people::end_session(change, id, "logout")?;
            change.note(done("auth.logout", format!("sessions/{id}"), None));
            Ok(Ended { cookie, target: format!("sessions/{id}") })
        })
        .await;
    host.identity.forget();
    committed
}
