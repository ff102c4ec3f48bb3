//! API keys.

use std::time::Duration;

use plimsoll_core::Clock;
use plimsoll_testkit::{Db, both, wait};
use serde_json::json;

use crate::house::{house, pointers};

both! {
    async fn a_keys_secret_is_shown_once_and_kept_nowhere(db: Db) {
        let tenant = house(db).tenant().await;
        let made = tenant.owner.post("/v1/keys").json(json!({ "name": "import", "role": "editor", "scopes": ["songs:*"] })).await.expect(201);
        let secret = made.str("/secret");
        assert!(secret.starts_with("plm_") && made.header("cache-control") == Some("no-store"), "{made:?}");
        assert_eq!(made.header("location").unwrap(), format!("/v1/keys/{}", made.str("/id")));
        let shown = tenant.owner.get(made.header("location").unwrap()).await.expect(200);
        let list = tenant.owner.get("/v1/keys").await.expect(200);
        assert!(!shown.text().contains(&secret) && !list.text().contains(&secret));
        assert_eq!((shown.str("/name"), shown.at("/scopes"), shown.at("/used_at")), ("import".to_owned(), json!(["songs:*"]), json!(null)));
        let rows = tenant.house.look(&format!("SELECT * FROM api_key WHERE id = '{}'", made.str("/id")));
        assert_eq!(rows.len(), 1);
        assert!(!format!("{rows:?}").contains(secret.trim_start_matches("plm_")), "{rows:?}");

        tenant.house.stranger().with(&secret).get("/v1/songs").await.expect(200);
        assert_ne!(tenant.owner.get(made.header("location").unwrap()).await.expect(200).at("/used_at"), json!(null));
    }

    async fn a_revoked_key_is_refused_at_once(db: Db) {
        let tenant = house(db).tenant().await;
        let (id, key) = tenant.key_of(json!({ "name": "short", "role": "viewer" })).await;
        key.get("/v1/songs").await.expect(200);
        tenant.owner.delete(&format!("/v1/keys/{id}")).await.expect(204);
        let refused = key.get("/v1/songs").await.expect(401);
        assert_eq!(refused.str("/code"), "PLM-AUTH-004");
        assert!(refused.header("www-authenticate").unwrap().contains("error_description=\"revoked\""), "{refused:?}");
        assert_ne!(tenant.owner.get(&format!("/v1/keys/{id}")).await.expect(200).at("/revoked_at"), json!(null));
        tenant.owner.post(&format!("/v1/keys/{id}/rotate")).await.expect(409);
    }

    async fn a_key_revoked_on_the_command_line_is_refused_within_three_seconds(db: Db) {
        let tenant = house(db).tenant().await;
        let (id, key) = tenant.key_of(json!({ "name": "short", "role": "viewer" })).await;
        key.get("/v1/songs").await.expect(200);
        tenant.house.command(&["key", "revoke", "--tenant", &tenant.slug, &id]).await;
        wait::until(Duration::from_secs(3), || async { key.get("/v1/songs").await.code() == 401 }).await;
        // What was refused once is not let in again.
        key.get("/v1/songs").await.expect(401);
    }

    async fn a_key_made_on_the_command_line_works_in_the_running_server(db: Db) {
        let tenant = house(db).tenant().await;
        let made = tenant.house.command(&["key", "create", "--tenant", &tenant.slug, "--role", "viewer", "--scope", "songs:read", "--expires", "30d", "--name", "by hand"]).await;
        let key = tenant.house.stranger().with(made["key"].as_str().unwrap());
        let me = key.get("/v1/auth/me").await.expect(200);
        assert_eq!((me.str("/principal"), me.at("/scopes"), me.at("/permissions")), ("key".to_owned(), json!(["songs:read"]), json!(["songs:read"])));
        assert!(me.at("/expires_at").is_string());
        key.get("/v1/artists").await.expect(403);
        let listed = tenant.house.command(&["key", "list", "--tenant", &tenant.slug]).await;
        assert!(listed.as_array().unwrap().iter().any(|one| one["name"] == "by hand") && !listed.to_string().contains("plm_"), "{listed}");
    }

    async fn a_key_expires(db: Db) {
        let tenant = house(db).tenant().await;
        let soon = Clock::system().now().plus(Duration::from_secs(3));
        let (_, key) = tenant.key_of(json!({ "name": "short", "role": "viewer", "expires_at": soon.to_string() })).await;
        wait::until(Duration::from_secs(10), || async { key.get("/v1/songs").await.code() == 401 }).await;
        assert!(Clock::system().now() >= soon, "it ended before its time");
        let refused = key.get("/v1/songs").await.expect(401);
        assert_eq!(refused.str("/code"), "PLM-AUTH-003");
        assert!(refused.header("www-authenticate").unwrap().contains("error_description=\"expired\""), "{refused:?}");
        for (body, pointer) in [
            (json!({ "name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z" }), "/expires_at"),
            (json!({ "name": "x", "role": "viewer", "expires_in_days": 0 }), "/expires_in_days"),
            (json!({ "name": "x", "role": "viewer", "expires_in_days": 1, "expires_at": "2200-01-01T00:00:00Z" }), "/expires_at"),
            (json!({ "name": "", "role": "viewer" }), "/name"),
            (json!({ "name": "x", "role": "emperor" }), "/role"),
            (json!({ "name": "x", "role": "viewer", "scopes": ["songs"] }), "/scopes/0"),
        ] {
            let refused = tenant.owner.post("/v1/keys").json(body.clone()).await.expect(422);
            assert_eq!(pointers(&refused), [pointer], "{body}: {refused}");
        }
    }

    async fn a_key_never_holds_more_than_its_maker(db: Db) {
        let tenant = house(db).tenant().await;
        let admin = tenant.key("admin").await;
        admin.post("/v1/keys").json(json!({ "name": "x", "role": "owner" })).await.expect(403);
        admin.post("/v1/keys").json(json!({ "name": "x", "role": "admin" })).await.expect(201);
        let (_, narrow) = tenant.key_of(json!({ "name": "narrow", "role": "admin", "scopes": ["keys:write", "songs:read"] })).await;
        for scopes in [json!(null), json!([]), json!(["*"]), json!(["songs:*"]), json!(["keys:read"])] {
            narrow.post("/v1/keys").json(json!({ "name": "x", "role": "viewer", "scopes": scopes })).await.expect(403);
        }
        narrow.post("/v1/keys").json(json!({ "name": "x", "role": "viewer", "scopes": ["songs:read"] })).await.expect(201);
        // Nor by taking over a stronger one.
        let (owners, _) = tenant.key_of(json!({ "name": "strong", "role": "owner" })).await;
        admin.post(&format!("/v1/keys/{owners}/rotate")).await.expect(403);
        narrow.post(&format!("/v1/keys/{owners}/rotate")).await.expect(403);
    }

    async fn a_rotated_key_ends_after_its_overlap(db: Db) {
        let tenant = house(db).tenant().await;
        let (id, old) = tenant.key_of(json!({ "name": "rolling", "role": "editor", "scopes": ["songs:read"] })).await;
        let fresh = tenant.owner.post(&format!("/v1/keys/{id}/rotate")).json(json!({ "overlap_seconds": 3600 })).await.expect(201);
        let new = tenant.house.stranger().with(&fresh.str("/secret"));
        assert_eq!((fresh.str("/name"), fresh.str("/role"), fresh.at("/scopes")), ("rolling".to_owned(), "editor".to_owned(), json!(["songs:read"])));
        old.get("/v1/songs").await.expect(200);
        new.get("/v1/songs").await.expect(200);
        tenant.owner.post(&format!("/v1/keys/{id}/rotate")).json(json!({ "overlap_seconds": 0 })).await.expect(201);
        old.get("/v1/songs").await.expect(401);
        new.get("/v1/songs").await.expect(200);
    }
}
