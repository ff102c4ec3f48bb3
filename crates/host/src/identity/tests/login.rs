//! Logging in and out, over HTTP.

use ::http::{Method, header};
use serde_json::{Value, json};

use super::{
    served::{As, OWNER, Served},
    *,
};

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
