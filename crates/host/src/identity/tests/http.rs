//! Requests through the whole stack, in memory.

use std::sync::{Arc, OnceLock};

use ::http::{Method, Request, header};
use http_body_util::BodyExt;
use plimsoll_core::Access;
use serde_json::{Value, json};

use super::*;
use crate::{
    Body, Ctx, Host, Read, Write,
    config::Profile,
    edge::{
        Rules,
        config::{CorsConfig, ServerConfig, TlsConfig},
    },
    host::serve,
    identity,
    limits::{Limits, config::LimitsConfig},
    route::{Empty, Json, Routes, Table, Wiring},
};

const OWNER: &str = "owner@acme.example";

async fn hello(ctx: Ctx<(), Read>, (): ()) -> crate::Result<Json<String>> {
    Ok(Json(ctx.who.id.to_string()))
}
async fn change(ctx: Ctx<(), Write>, (): ()) -> crate::Result<crate::Committed<Empty>> {
    ctx.commit(|_| Ok(Empty)).await
}

fn table() -> Table {
    let mut wiring = Wiring::default();
    let slot: Arc<OnceLock<Arc<()>>> = Arc::new(OnceLock::from(Arc::new(())));
    identity::routes(&mut Routes::new(&mut wiring, "host", "/v1", slot.clone()));
    identity::well_known(&mut Routes::new(&mut wiring, "host", "", slot.clone()));
    let mut own = Routes::new(&mut wiring, "songbook", "/v1", slot);
    own.get("/songs", Access::needs("songs:read", Role::Viewer), hello);
    own.post("/songs", Access::needs("songs:write", Role::Editor), change);
    own.get("/open", Access::public("for the test"), hello);
    Table::build(wiring.routes).unwrap()
}

/// A host without a network, with an owner of `acme`.
struct Served {
    bench: Bench,
    host: Arc<Host>,
    tenant: TenantId,
    owner: UserId,
}

struct Answer {
    status: u16,
    headers: ::http::HeaderMap,
    body: Value,
}

impl Answer {
    fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
    fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.body)).to_owned()
    }
    fn cookie(&self) -> String {
        let set = self.headers[header::SET_COOKIE].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }
}

/// How a request says who it is.
#[derive(Clone)]
enum As {
    Nobody,
    Bearer(String),
    Cookie(String),
}

impl Served {
    async fn new() -> Served {
        Served::with(Config::default(), &[]).await
    }

    async fn with(config: Config, off: &[&str]) -> Served {
        let bench = Bench::with(config, &[]).await;
        let (tenant, owner) = bench.acme().await;
        let host = Host {
            store: bench.store.clone(),
            clock: bench.clock.clone(),
            seed: Seed::system(),
            routes: table(),
            events: ledger::Events::default(),
            identity: Bench::engine(&bench.desk).await,
            limits: Limits::new(&LimitsConfig::default()).unwrap(),
            edge: Rules::new(&ServerConfig::default(), &CorsConfig::default(), &TlsConfig::default(), Profile::Development).unwrap(),
            telemetry: Default::default(),
            health: Default::default(),
            description: Default::default(),
            body_limit: 65_536,
            body_timeout: Duration::from_secs(5),
            compute_slots: Arc::new(tokio::sync::Semaphore::new(2)),
            off: off.iter().chain(&["rate-limit"]).map(|practice| ((*practice).to_owned(), "test".to_owned())).collect(),
        };
        host.health.started();
        Served { bench, host: Arc::new(host), tenant, owner }
    }

    async fn ask(&self, method: Method, path: &str, who: &As, body: Value) -> Answer {
        let mut request = Request::builder().method(&method).uri(path).header(header::HOST, "localhost");
        request = match who {
            As::Nobody => request,
            As::Bearer(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            As::Cookie(cookie) => request.header(header::COOKIE, cookie).header("sec-fetch-site", "same-origin"),
        };
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        let answer = serve(self.host.clone(), "192.0.2.7:4711".parse().unwrap(), false, request.body(body).unwrap()).await;
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
    async fn get(&self, path: &str, who: &As) -> Answer {
        self.ask(Method::GET, path, who, Value::Null).await
    }
    async fn post(&self, path: &str, who: &As, body: Value) -> Answer {
        self.ask(Method::POST, path, who, body).await
    }
    async fn login(&self, email: &str, password: &str) -> Answer {
        self.post("/v1/auth/login", &As::Nobody, json!({ "email": email, "password": password })).await
    }
    async fn owner(&self) -> As {
        As::Bearer(self.login(OWNER, PASSWORD).await.text("access_token"))
    }
    /// A member with a role, logged in.
    async fn member(&self, role: Role) -> As {
        let email = format!("{role}-{}@acme.example", hex(&Seed::system().bytes::<4>()));
        self.bench.desk.create_user("acme", &email, role, Some("twelve lamps under water")).await.unwrap();
        As::Bearer(self.login(&email, "twelve lamps under water").await.text("access_token"))
    }
    async fn host_actions(&self) -> Vec<String> {
        self.bench.actions(TenantId::from_bits(0)).await
    }
}

#[tokio::test]
async fn login_use_refresh_logout() {
    let served = Served::new().await;
    let pair = served.login(" Owner@ACME.example", PASSWORD).await;
    assert_eq!((pair.status, pair.text("token_type").as_str(), &pair.body["expires_in"]), (200, "Bearer", &json!(600)));
    assert_eq!(pair.headers[header::CACHE_CONTROL], "no-store");
    let first = As::Bearer(pair.text("access_token"));
    let me = served.get("/v1/auth/me", &first).await;
    assert_eq!((me.status, me.text("principal").as_str(), me.text("email").as_str()), (200, "person", OWNER));
    assert_eq!((&me.body["tenant"]["slug"], &me.body["role"]), (&json!("acme"), &json!("owner")));
    let permissions: Vec<&str> = me.body["permissions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(permissions.contains(&"songs:write") && permissions.contains(&"users:write") && permissions.is_sorted());

    served.bench.advance(601);
    let late = served.get("/v1/auth/me", &first).await;
    assert_eq!((late.status, late.code()), (401, "PLM-AUTH-003"));
    assert!(late.headers[header::WWW_AUTHENTICATE].to_str().unwrap().contains("expired"));
    let second = served.post("/v1/auth/refresh", &As::Nobody, json!({ "refresh_token": pair.text("refresh_token") })).await;
    assert_eq!(second.status, 200, "{}", second.body);
    let second_access = As::Bearer(second.text("access_token"));
    assert_eq!(served.get("/v1/auth/me", &second_access).await.status, 200);

    assert_eq!(served.post("/v1/auth/logout", &second_access, Value::Null).await.status, 204);
    let after = served.get("/v1/auth/me", &second_access).await;
    assert_eq!((after.status, after.code()), (401, "PLM-AUTH-004"));
    let third = served.post("/v1/auth/refresh", &As::Nobody, json!({ "refresh_token": second.text("refresh_token") })).await;
    assert_eq!((third.status, third.code()), (401, "PLM-AUTH-004"));
    let actions = served.bench.actions(served.tenant).await;
    for expected in ["auth.login", "auth.refresh", "auth.logout", "credential.refused"] {
        assert!(actions.iter().any(|action| action == expected), "{expected} in {actions:?}");
    }
}

#[tokio::test]
async fn a_refresh_token_presented_twice_ends_the_session() {
    let served = Served::new().await;
    let pair = served.login(OWNER, PASSWORD).await;
    let again = json!({ "refresh_token": pair.text("refresh_token") });
    let next = served.post("/v1/auth/refresh", &As::Nobody, again.clone()).await;
    assert_eq!(next.status, 200);
    let copied = served.post("/v1/auth/refresh", &As::Nobody, again).await;
    assert_eq!((copied.status, copied.code()), (401, "PLM-AUTH-004"));
    assert_eq!(served.get("/v1/auth/me", &As::Bearer(next.text("access_token"))).await.status, 401);
    assert_eq!(served.post("/v1/auth/refresh", &As::Nobody, json!({ "refresh_token": next.text("refresh_token") })).await.status, 401);
    assert!(served.bench.actions(served.tenant).await.contains(&"auth.refresh_reused".to_owned()));
}

#[tokio::test]
async fn of_two_refreshes_at_once_at_most_one_wins() {
    let served = Served::new().await;
    let token = json!({ "refresh_token": served.login(OWNER, PASSWORD).await.text("refresh_token") });
    let (one, two) = tokio::join!(
        served.post("/v1/auth/refresh", &As::Nobody, token.clone()),
        served.post("/v1/auth/refresh", &As::Nobody, token.clone())
    );
    let won = [&one, &two].iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1, "{} {}", one.body, two.body);
    let winner = if one.status == 200 { one } else { two };
    assert_eq!(served.get("/v1/auth/me", &As::Bearer(winner.text("access_token"))).await.status, 401, "the session has ended");
}

#[tokio::test]
async fn a_failed_login_says_nothing_about_the_account() {
    let served = Served::new().await;
    served.bench.desk.create_user("acme", "gone@acme.example", Role::Viewer, Some(PASSWORD)).await.unwrap();
    served.bench.desk.disable_user("gone@acme.example").await.unwrap();
    let mut wrong = served.login(OWNER, "not the password at all").await.body;
    let mut unknown = served.login("nobody@acme.example", PASSWORD).await.body;
    let mut disabled = served.login("gone@acme.example", PASSWORD).await.body;
    for body in [&mut wrong, &mut unknown, &mut disabled] {
        body["request_id"].take();
    }
    assert_eq!((&wrong, &wrong), (&unknown, &disabled));
    assert_eq!(wrong["code"], "PLM-AUTH-005");
    assert_eq!(served.bench.actions(served.tenant).await.iter().filter(|action| *action == "auth.login_failed").count(), 2);
    assert!(served.host_actions().await.contains(&"auth.login_failed".to_owned()));
    let text: Vec<(String, Option<String>)> = served
        .bench
        .store
        .read(Scope::Tenant(TenantId::from_bits(0)), &PACE, |tx| {
            tx.rows("SELECT target, detail FROM ledger WHERE tenant_id = :tenant", &[])
        })
        .await
        .unwrap();
    assert!(text.iter().all(|(target, detail)| !format!("{target}{detail:?}").contains("nobody")), "{text:?}");
}

#[tokio::test]
async fn the_sixth_attempt_waits_even_with_the_right_password() {
    let served = Served::new().await;
    for email in [OWNER, "nobody@acme.example"] {
        for _ in 0..5 {
            assert_eq!(served.login(email, "wrong").await.status, 401);
        }
        let sixth = served.login(email, PASSWORD).await;
        assert_eq!((sixth.status, sixth.code(), sixth.headers[header::RETRY_AFTER].to_str().unwrap()), (429, "PLM-AUTH-006", "32"));
    }
    served.bench.advance(32);
    assert_eq!(served.login(OWNER, PASSWORD).await.status, 200);
    assert!(served.host_actions().await.contains(&"auth.throttled".to_owned()));
    let off = Served::with(Config::default(), &["login-throttle"]).await;
    for _ in 0..6 {
        assert_eq!(off.login(OWNER, "wrong").await.status, 401);
    }
}

#[tokio::test]
async fn a_member_of_several_tenants_names_one_but_is_asked_only_after_the_right_password() {
    let served = Served::new().await;
    served.bench.desk.create_tenant("other", "Other").await.unwrap();
    served.bench.desk.create_user("other", OWNER, Role::Viewer, None).await.unwrap();
    assert_eq!(served.login(OWNER, "wrong").await.code(), "PLM-AUTH-005");
    let asked = served.login(OWNER, PASSWORD).await;
    assert_eq!((asked.status, &asked.body["errors"][0]["pointer"]), (422, &json!("/tenant")));
    assert!(asked.body["errors"][0]["detail"].as_str().unwrap().contains("acme, other"));
    let named = json!({ "email": OWNER, "password": PASSWORD, "tenant": "other" });
    let other = As::Bearer(served.post("/v1/auth/login", &As::Nobody, named).await.text("access_token"));
    assert_eq!(served.get("/v1/auth/me", &other).await.body["role"], "viewer");
    assert_eq!(served.get("/v1/tenants", &other).await.body["pagination"]["total_items"], 2);
    assert_eq!(served.get(&format!("/v1/tenants/{}", served.tenant), &other).await.status, 404);
    let foreign = json!({ "email": OWNER, "password": PASSWORD, "tenant": "elsewhere" });
    assert_eq!(served.post("/v1/auth/login", &As::Nobody, foreign).await.code(), "PLM-AUTH-005");
}

#[tokio::test]
async fn a_browser_gets_a_cookie_and_a_stale_one_locks_nobody_out() {
    let served = Served::new().await;
    let body = json!({ "email": OWNER, "password": PASSWORD, "cookie": true });
    let answer = served.post("/v1/auth/login", &As::Nobody, body.clone()).await;
    assert_eq!((answer.status, answer.text("principal").as_str()), (200, "person"));
    assert!(answer.body.get("refresh_token").is_none() && answer.body["expires_in"] == 30 * 86_400);
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("plimsoll_session=") && set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
    let me = As::Cookie(answer.cookie());
    assert_eq!(served.get("/v1/auth/me", &me).await.status, 200);
    let ended = served.post("/v1/auth/logout", &me, Value::Null).await;
    assert!(ended.status == 204 && ended.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    let stale = served.get("/v1/auth/me", &me).await;
    assert_eq!((stale.status, stale.code()), (401, "PLM-AUTH-004"));
    assert!(stale.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"), "the browser is told to forget it");
    assert_eq!(served.post("/v1/auth/login", &me, body).await.status, 200);
    assert_eq!(served.get("/.well-known/jwks.json", &me).await.status, 200);
    assert_eq!(served.get("/v1/open", &me).await.status, 401, "a bad credential is an error where it is looked at");
}

#[tokio::test]
async fn without_a_credential_only_public_data_is_read() {
    let served = Served::new().await;
    let read = served.get("/v1/songs", &As::Nobody).await;
    assert_eq!((read.status, &read.body), (200, &json!("anonymous")), "the owner made acme's songbook public");
    let wrote = served.post("/v1/songs", &As::Nobody, Value::Null).await;
    assert_eq!((wrote.status, wrote.code(), &wrote.body["refused_by"]), (401, "PLM-AUTH-001", &json!("identity")));
    for path in ["/v1/users", "/v1/keys", "/v1/auth/me", "/v1/tenants", "/v1/roles"] {
        assert_eq!(served.get(path, &As::Nobody).await.status, 401, "{path}");
    }
    let forged = served.get("/v1/songs", &As::Bearer("a.b.c".into())).await;
    assert_eq!(forged.code(), "PLM-AUTH-002", "a bad credential is no credential");
    assert!(served.host_actions().await.contains(&"credential.refused".to_owned()));
}

#[tokio::test]
async fn roles_decide_and_denials_are_recorded() {
    let served = Served::new().await;
    let viewer = served.member(Role::Viewer).await;
    let editor = served.member(Role::Editor).await;
    assert_eq!(served.get("/v1/songs", &viewer).await.status, 200);
    let denied = served.post("/v1/songs", &viewer, Value::Null).await;
    assert_eq!((denied.status, denied.code(), &denied.body["refused_by"]), (403, "PLM-AUTH-007", &json!("access")));
    assert_eq!(served.post("/v1/songs", &editor, Value::Null).await.status, 204);
    assert_eq!(served.get("/v1/users", &editor).await.status, 403);
    assert!(served.bench.actions(served.tenant).await.contains(&"access.denied".to_owned()));
    let roles = served.get("/v1/roles", &viewer).await;
    assert_eq!((&roles.body["items"][0]["name"], roles.body["items"].as_array().unwrap().len()), (&json!("viewer"), 4));

    let off = Served::with(Config::default(), &["rbac", "auth-required"]).await;
    let viewer = off.member(Role::Viewer).await;
    assert_eq!(off.post("/v1/songs", &viewer, Value::Null).await.status, 204);
    assert_eq!(off.get("/v1/roles", &As::Nobody).await.status, 200);
}

#[tokio::test]
async fn keys_are_made_used_rotated_and_revoked() {
    let served = Served::new().await;
    let owner = served.owner().await;
    let wanted = json!({ "name": "ci", "role": "editor", "scopes": ["songs:*"], "expires_in_days": 30 });
    let made = served.post("/v1/keys", &owner, wanted).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let (id, secret) = (made.text("id"), made.text("secret"));
    assert_eq!(made.headers[header::LOCATION], format!("/v1/keys/{id}"));
    assert!(secret.starts_with("plm_") && secret.ends_with(&made.text("hint")));
    let shown = served.get(&format!("/v1/keys/{id}"), &owner).await;
    assert!(shown.status == 200 && !shown.body.to_string().contains(&secret));
    let key = As::Bearer(secret.clone());
    assert_eq!(served.post("/v1/songs", &key, Value::Null).await.status, 204);
    let me = served.get("/v1/auth/me", &key).await;
    assert_eq!((me.text("principal").as_str(), &me.body["scopes"]), ("key", &json!(["songs:*"])));
    assert_eq!(me.body["permissions"], json!(["songs:read", "songs:write"]));
    assert!(me.body["expires_at"].is_string());

    let rotated = served.post(&format!("/v1/keys/{id}/rotate"), &owner, json!({ "overlap_seconds": 60 })).await;
    assert_eq!(rotated.status, 201, "{}", rotated.body);
    let next = As::Bearer(rotated.text("secret"));
    assert_eq!((served.get("/v1/songs", &key).await.status, served.get("/v1/songs", &next).await.status), (200, 200));
    served.bench.advance(60);
    assert_eq!((served.get("/v1/songs", &key).await.code(), served.get("/v1/songs", &next).await.status), ("PLM-AUTH-003", 200));
    assert_eq!(served.post(&format!("/v1/keys/{id}/rotate"), &owner, Value::Null).await.status, 409);

    let path = format!("/v1/keys/{}", rotated.text("id"));
    assert_eq!(served.ask(Method::DELETE, &path, &owner, Value::Null).await.status, 204);
    assert_eq!(served.get("/v1/songs", &next).await.code(), "PLM-AUTH-004", "at once");
    let both = json!({ "name": "x", "role": "viewer", "expires_in_days": 1, "expires_at": "2030-01-01T00:00:00Z" });
    assert_eq!(served.post("/v1/keys", &owner, both).await.body["errors"][0]["pointer"], "/expires_at");
    let admin = served.member(Role::Admin).await;
    assert_eq!(served.post("/v1/keys", &admin, json!({ "name": "x", "role": "owner" })).await.status, 403);
}

#[tokio::test]
async fn users_are_made_changed_and_removed_and_an_owner_stays() {
    let served = Served::new().await;
    let owner = served.owner().await;
    let made =
        served.post("/v1/users", &owner, json!({ "email": "Jo@acme.example", "role": "editor", "password": "four calm kettles hum" }));
    let made = made.await;
    assert_eq!((made.status, made.text("email").as_str()), (201, "jo@acme.example"));
    let path = format!("/v1/users/{}", made.text("id"));
    let jo = As::Bearer(served.login("jo@acme.example", "four calm kettles hum").await.text("access_token"));
    assert_eq!(served.post("/v1/songs", &jo, Value::Null).await.status, 204);
    assert_eq!(served.ask(Method::PATCH, &path, &owner, json!({ "role": "viewer" })).await.body["role"], "viewer");
    assert_eq!(served.post("/v1/songs", &jo, Value::Null).await.status, 403, "a changed role counts at once");
    assert_eq!(served.ask(Method::PATCH, &path, &owner, json!({ "active": false })).await.status, 200);
    assert_eq!(served.get("/v1/songs", &jo).await.status, 401);
    assert_eq!(served.login("jo@acme.example", "four calm kettles hum").await.status, 401);

    let admin = served.member(Role::Admin).await;
    let boss = format!("/v1/users/{}", served.owner);
    assert_eq!(served.ask(Method::DELETE, &boss, &admin, Value::Null).await.status, 403);
    assert_eq!(served.post("/v1/users", &admin, json!({ "email": "k@acme.example", "role": "admin" })).await.status, 403);
    assert_eq!(served.ask(Method::DELETE, &path, &admin, Value::Null).await.status, 204);
    assert_eq!(served.get(&path, &owner).await.status, 404);
    for change in [json!({ "role": "admin" }), json!({ "active": false })] {
        assert_eq!(served.ask(Method::PATCH, &boss, &owner, change).await.status, 409);
    }
    assert_eq!(served.ask(Method::DELETE, &boss, &owner, Value::Null).await.status, 409);
    assert_eq!(served.post("/v1/users", &owner, json!({ "email": OWNER, "role": "viewer" })).await.status, 409);
    let weak =
        served.post("/v1/users", &owner, json!({ "email": "w@acme.example", "role": "viewer", "password": "passwordpassword" })).await;
    assert_eq!((weak.code(), &weak.body["errors"][0]["pointer"]), ("PLM-AUTH-008", &json!("/password")));
    assert_eq!(served.get("/v1/users?page_size=1", &owner).await.body["pagination"]["total_items"], 2);
}

#[tokio::test]
async fn another_tenant_s_things_are_not_found() {
    let served = Served::new().await;
    let owner = served.owner().await;
    let key = served.post("/v1/keys", &owner, json!({ "name": "ci", "role": "viewer" })).await.text("id");
    let session = served.get("/v1/auth/me", &owner).await.text("session");
    served.bench.desk.create_tenant("other", "Other").await.unwrap();
    served.bench.desk.create_user("other", "eve@other.example", Role::Owner, Some(PASSWORD)).await.unwrap();
    let eve = As::Bearer(served.login("eve@other.example", PASSWORD).await.text("access_token"));
    for (method, path) in [
        (Method::GET, format!("/v1/keys/{key}")),
        (Method::DELETE, format!("/v1/keys/{key}")),
        (Method::POST, format!("/v1/keys/{key}/rotate")),
        (Method::GET, format!("/v1/users/{}", served.owner)),
        (Method::DELETE, format!("/v1/users/{}", served.owner)),
        (Method::GET, format!("/v1/tenants/{}", served.tenant)),
        (Method::DELETE, format!("/v1/auth/sessions/{session}")),
    ] {
        assert_eq!(served.ask(method.clone(), &path, &eve, Value::Null).await.status, 404, "{method} {path}");
    }
    let renamed = served.ask(Method::PATCH, &format!("/v1/tenants/{}", served.tenant), &eve, json!({ "name": "Mine" })).await;
    assert_eq!(renamed.status, 404);
    assert_eq!(served.get("/v1/auth/me", &owner).await.status, 200);
    let own = served.ask(Method::PATCH, &format!("/v1/tenants/{}", served.tenant), &owner, json!({ "name": "Acme Works" })).await;
    assert_eq!(own.text("name"), "Acme Works");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let served = Served::new().await;
    let (one, two) = (served.owner().await, served.owner().await);
    let list = served.get("/v1/auth/sessions", &one).await;
    assert_eq!(list.body["pagination"]["total_items"], 2);
    let change = |current: &str, new: &str| json!({ "current": current, "new": new });
    let wrong = served.post("/v1/auth/password", &one, change("guessed", "eleven dry otters agree")).await;
    assert_eq!((wrong.status, &wrong.body["errors"][0]["pointer"]), (422, &json!("/current")));
    let weak = served.post("/v1/auth/password", &one, change(PASSWORD, "short")).await;
    assert_eq!((weak.code(), &weak.body["errors"][0]["pointer"]), ("PLM-AUTH-008", &json!("/new")));
    assert_eq!(served.post("/v1/auth/password", &one, change(PASSWORD, "eleven dry otters agree")).await.status, 204);
    assert_eq!((served.get("/v1/auth/me", &one).await.status, served.get("/v1/auth/me", &two).await.status), (200, 401));
    assert_eq!(served.login(OWNER, PASSWORD).await.status, 401);
    let three = As::Bearer(served.login(OWNER, "eleven dry otters agree").await.text("access_token"));
    let mine = served.get("/v1/auth/me", &three).await.text("session");
    assert_eq!(served.ask(Method::DELETE, &format!("/v1/auth/sessions/{mine}"), &one, Value::Null).await.status, 204);
    assert_eq!(served.get("/v1/auth/me", &three).await.status, 401);
}

#[tokio::test]
async fn the_setup_token_makes_the_first_owner_once() {
    let bench = Bench::new().await;
    let token = bench.identity.setup_token().await.unwrap().unwrap();
    let mut served = Served::new().await;
    let body = |token: &str, password: &str| json!({ "token": token, "tenant": { "slug": "first", "name": "First" }, "email": "a@first.example", "password": password });
    let good = "nine tall poplars bend";
    let late = served.post("/v1/setup", &As::Nobody, body(&token, good)).await;
    assert_eq!((late.status, late.code()), (410, "PLM-AUTH-010"), "somebody has an account there");

    let host = Arc::get_mut(&mut served.host).unwrap();
    host.store = bench.store.clone();
    host.identity = Bench::engine(&bench.desk).await;
    let weak = served.post("/v1/setup", &As::Nobody, body(&token, "first.example.first")).await;
    assert_eq!((weak.status, weak.code()), (422, "PLM-AUTH-008"));
    assert_eq!(served.post("/v1/setup", &As::Nobody, body("wrong", good)).await.status, 410);
    let done = served.post("/v1/setup", &As::Nobody, body(&token, good)).await;
    assert_eq!((done.status, &done.body["tenant"]["slug"]), (201, &json!("first")), "{}", done.body);
    assert_eq!(served.post("/v1/setup", &As::Nobody, body(&token, good)).await.status, 410);
    assert_eq!(served.login("a@first.example", good).await.status, 200);
}

#[tokio::test]
async fn registration_is_off_unless_allowed_and_tells_nothing() {
    let served = Served::new().await;
    let body = |email: &str| json!({ "email": email, "password": "nine tall poplars bend" });
    assert_eq!(served.post("/v1/auth/register", &As::Nobody, body("new@acme.example")).await.status, 404);
    let open = Served::with(Config { register: true, ..Config::default() }, &[]).await;
    let fresh = open.post("/v1/auth/register", &As::Nobody, body("new@acme.example")).await;
    let known = open.post("/v1/auth/register", &As::Nobody, body(OWNER)).await;
    assert_eq!((fresh.status, &fresh.body), (known.status, &known.body));
    assert_eq!(fresh.status, 202);
    assert_eq!(open.login("new@acme.example", "nine tall poplars bend").await.status, 200);
    assert_eq!(open.login(OWNER, "nine tall poplars bend").await.status, 401, "the account that existed keeps its password");
}
