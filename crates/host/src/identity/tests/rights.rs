//! Who may do what, and how people and keys come and go, over HTTP.

use std::sync::Arc;

use ::http::{Method, header};
use serde_json::{Value, json};

use super::{
    served::{As, OWNER, Served},
    *,
};

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
    assert!(served.bench.actions(served.tenant).await.contains(&"access.denied".to_owned()), "denials by the handler are recorded too");
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
