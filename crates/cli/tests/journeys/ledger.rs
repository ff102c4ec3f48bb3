//! What happened is on record, once, and the record cannot be changed unnoticed.

use std::time::Duration;

use plimsoll_core::Clock;
use plimsoll_testkit::{Db, both, http::Reply};
use serde_json::{Value, json};

use crate::house::{Caller, House, PASSWORD, Tenant, house};

/// The entries of one request, oldest first.
async fn entries_of(tenant: &Tenant<'_>, reply: &Reply) -> Vec<Value> {
    entries(tenant, &format!("request={}", reply.header("x-request-id").unwrap())).await
}

async fn entries(tenant: &Tenant<'_>, query: &str) -> Vec<Value> {
    let list = tenant.owner.get(&format!("/v1/audit?page_size=100&{query}")).await.expect(200).json();
    list["items"].as_array().unwrap().iter().rev().cloned().collect()
}

async fn id_of(caller: &Caller) -> String {
    caller.get("/v1/auth/me").await.expect(200).str("/id")
}

both! {
    async fn every_change_leaves_one_entry_that_names_who_what_and_which_request(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("owner").await;
        let login = tenant.login(&person).await;
        let member = tenant.person("viewer").await;
        let (key, _) = tenant.key_of(json!({ "name": "for the ledger", "role": "viewer" })).await;
        let key_id = id_of(&tenant.owner).await;
        let steps = |who: &Caller| {
            vec![
                (who.post("/v1/artists").json(json!({ "name": "A" })), "artists.create", "artists/"),
                (who.post("/v1/artists/bulk").json(json!({ "items": [{ "name": "B" }, { "name": "C" }] })), "artists.bulk_create", "artists"),
                (who.put("/v1/artists/1").json(json!({ "name": "D" })), "artists.replace", "artists/1"),
                (who.patch("/v1/artists/1").json(json!({ "name": "E" })), "artists.change", "artists/1"),
                (who.delete("/v1/artists/1"), "artists.delete", "artists/1"),
                (who.post("/v1/artists/1/restore"), "artists.restore", "artists/1"),
                (who.patch(&format!("/v1/tenants/{}", tenant.id)).json(json!({ "name": "Renamed" })), "tenant.update", "tenants/"),
                (who.patch(&format!("/v1/users/{}", member.id)).json(json!({ "role": "editor" })), "user.update", "users/"),
                (who.patch(&format!("/v1/users/{}", member.id)).json(json!({ "role": "viewer" })), "user.update", "users/"),
            ]
        };
        for (who, kind, id) in [(&tenant.owner, "key", &key_id), (&login.caller, "person", &person.id)] {
            for (request, action, target) in steps(who) {
                let reply = request.await;
                assert!(reply.status.is_success(), "{action}: {reply}");
                let found = entries_of(&tenant, &reply).await;
                assert_eq!(found.len(), 1, "{action} by {kind}: {found:?}");
                assert_eq!(found[0]["actor"], json!({ "kind": kind, "id": id }), "{action}");
                assert_eq!((&found[0]["action"], &found[0]["outcome"]), (&json!(action), &json!("ok")));
                assert!(found[0]["target"].as_str().unwrap().starts_with(target), "{}", found[0]);
                assert_eq!(found[0]["address"], who.address.as_str());
            }
        }
        for (request, action) in [
            (tenant.owner.post("/v1/users").json(json!({ "email": "ledger@example.org", "role": "viewer" })), "user.create"),
            (tenant.owner.delete(&format!("/v1/users/{}", member.id)), "user.remove"),
            (tenant.owner.post("/v1/keys").json(json!({ "name": "x", "role": "viewer" })), "key.create"),
            (tenant.owner.post(&format!("/v1/keys/{key}/rotate")), "key.rotate"),
            (tenant.owner.delete(&format!("/v1/keys/{key}")), "key.revoke"),
        ] {
            let reply = request.await;
            assert!(reply.status.is_success(), "{action}: {reply}");
            let found = entries_of(&tenant, &reply).await;
            assert_eq!(found.iter().map(|one| one["action"].clone()).collect::<Vec<_>>(), [json!(action)], "{found:?}");
        }
        // Reading leaves nothing, refused changes leave nothing but the refusals of access.
        let before = tenant.owner.get("/v1/audit").await.expect(200).at("/pagination/total_items");
        for request in [
            tenant.owner.get("/v1/artists"),
            tenant.owner.post("/v1/artists").json(json!({ "name": "" })),
            tenant.owner.delete("/v1/artists/99"),
            tenant.owner.patch("/v1/artists/1").header("if-match", "\"99\"").json(json!({ "name": "x" })),
        ] {
            let _ = request.await;
        }
        assert_eq!(tenant.owner.get("/v1/audit").await.expect(200).at("/pagination/total_items"), before);
    }

    async fn entries_name_fields_and_never_values(db: Db) {
        let tenant = house(db).tenant().await;
        tenant.owner.make("songs", json!({ "title": "Unmistakable" })).await;
        let changed = tenant.owner.patch("/v1/songs/1").json(json!({ "title": "Inimitable", "url": "https://secret.example/" })).await.expect(200);
        assert_eq!(entries_of(&tenant, &changed).await[0]["detail"], json!({ "fields": ["title", "url"] }));
        let person = tenant.person("viewer").await;
        tenant.login(&person).await;
        let all = json!(entries(&tenant, "").await).to_string();
        for value in ["Unmistakable", "Inimitable", "secret.example", person.email.as_str(), PASSWORD, "example.org"] {
            assert!(!all.contains(value), "{value}: {all}");
        }
    }

    async fn security_events_are_on_record(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("owner").await;
        let from = tenant.house.stranger();
        let failed = from.post("/v1/auth/login").json(json!({ "email": person.email, "password": "wrong wrong wrong wrong", "tenant": tenant.slug })).await.expect(401);
        let login = tenant.login(&person).await;
        let refreshed = from.post("/v1/auth/refresh").json(json!({ "refresh_token": login.refresh })).await.expect(200);
        let reused = from.post("/v1/auth/refresh").json(json!({ "refresh_token": login.refresh })).await.expect(401);
        let other = tenant.login(&person).await;
        let left = other.caller.post("/v1/auth/logout").await.expect(204);
        let denied = tenant.key("viewer").await.get("/v1/users").await.expect(403);
        let (key, holder) = tenant.key_of(json!({ "name": "short", "role": "viewer" })).await;
        holder.get("/v1/songs").await.expect(200);
        tenant.owner.delete(&format!("/v1/keys/{key}")).await.expect(204);
        let refused = holder.get("/v1/songs").await.expect(401);
        for (reply, action, outcome) in [
            (&failed, "auth.login_failed", "denied"),
            (&refreshed, "auth.refresh", "ok"),
            (&reused, "auth.refresh_reused", "denied"),
            (&left, "auth.logout", "ok"),
            (&denied, "access.denied", "denied"),
            (&refused, "credential.refused", "denied"),
        ] {
            let found = entries_of(&tenant, reply).await;
            let told: Vec<_> = found.iter().map(|one| (one["action"].as_str().unwrap(), one["outcome"].as_str().unwrap())).collect();
            assert_eq!(told, [(action, outcome)], "{found:?}");
        }
        assert_eq!(entries(&tenant, "action=auth.login").await.len(), 2);
        assert_eq!(entries(&tenant, &format!("action=key.use&actor={key}")).await.len(), 1);
        assert_eq!(entries(&tenant, &format!("target=keys/{key}&action=key.revoke")).await.len(), 1);
    }

    async fn the_record_can_be_asked(db: Db) {
        let tenant = house(db).tenant().await;
        let clock = Clock::system();
        tenant.owner.make("artists", json!({ "name": "A" })).await;
        let between = clock.now();
        tenant.owner.make("songs", json!({ "title": "S" })).await;
        tenant.key("viewer").await.get("/v1/keys").await.expect(403);
        let actions = |query: String| {
            let tenant = &tenant;
            async move { entries(tenant, &query).await.iter().map(|one| one["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>() }
        };
        assert_eq!(actions("action=songs.create".into()).await, ["songs.create"]);
        assert_eq!(actions("action=songs.*".into()).await, ["songs.create"]);
        assert_eq!(actions("target=artists/1".into()).await, ["artists.create"]);
        assert_eq!(actions("outcome=denied".into()).await, ["access.denied"]);
        let by_owner = format!("actor={}&action=*s.create", id_of(&tenant.owner).await);
        assert_eq!(actions(by_owner).await, Vec::<String>::new(), "a star stands only at the end");
        assert!(!actions(format!("to={between}")).await.contains(&"songs.create".to_owned()));
        assert!(!actions(format!("from={between}")).await.contains(&"artists.create".to_owned()));
        let all = entries(&tenant, "").await;
        let numbers: Vec<i64> = all.iter().map(|one| one["seq"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=all.len() as i64).collect::<Vec<_>>(), "numbers without gaps");
        for query in ["from=yesterday", "page=0", "colour=red", "action="] {
            tenant.owner.get(&format!("/v1/audit?{query}")).await.expect(422);
        }
        for role in ["viewer", "editor"] {
            tenant.key(role).await.get("/v1/audit").await.expect(403);
        }
    }

    async fn a_tampered_entry_and_a_missing_one_are_found_here_and_on_the_command_line(db: Db) {
        let house = House::open(db, &[], &[]).await;
        let (altered, robbed, honest) = (house.tenant().await, house.tenant().await, house.tenant().await);
        for tenant in [&altered, &robbed, &honest] {
            for n in 0..6 {
                tenant.owner.make("artists", json!({ "name": format!("A{n}") })).await;
            }
            let check = tenant.owner.get("/v1/audit/verify").await.expect(200);
            assert_eq!(check.at("/intact"), true, "{check}");
            assert!(check.at("/entries").as_i64().unwrap() >= 8, "{check}");
        }
        let clean = house.plimsoll.run(["audit", "verify", "--json"]).await.expect(0).json();
        assert_eq!(clean["intact"], true);

        assert_eq!(house.meddle(&format!("UPDATE ledger SET actor = 'host' WHERE tenant_id = '{}' AND seq = 4", altered.id)), 1);
        assert_eq!(house.meddle(&format!("DELETE FROM ledger WHERE tenant_id = '{}' AND seq = 5", robbed.id)), 1);
        for (tenant, broken) in [(&altered, json!(4)), (&robbed, json!(5))] {
            let check = tenant.owner.get("/v1/audit/verify").await.expect(200);
            assert_eq!(check.at("/intact"), false);
            assert!([broken.clone(), json!(broken.as_i64().unwrap() + 1)].contains(&check.at("/broken_at")), "{check}");
            assert!(!check.str("/reason").is_empty());
            let found = house.plimsoll.run(["audit", "verify", "--tenant", &tenant.slug]).await.expect(1);
            assert!(found.stdout.contains("BROKEN at entry"), "{found}");
        }
        assert_eq!(honest.owner.get("/v1/audit/verify").await.expect(200).at("/intact"), true);
        house.plimsoll.run(["audit", "verify", "--tenant", &honest.slug]).await.expect(0);
        let all = house.plimsoll.run(["audit", "verify", "--json"]).await.expect(1).json();
        let broken: Vec<&str> = all["chains"].as_array().unwrap().iter().filter(|one| one["intact"] == false).map(|one| one["tenant"].as_str().unwrap()).collect();
        assert_eq!(broken.len(), 2, "{all}");
        // The chain goes on behind the break; work does not stop for it.
        altered.owner.make("artists", json!({ "name": "After" })).await;
    }

    async fn server_and_command_line_write_one_chain(db: Db) {
        let tenant = house(db).tenant().await;
        for n in 0..4 {
            tenant.owner.make("artists", json!({ "name": format!("From the server {n}") })).await;
            let made = tenant.house.command(&["key", "create", "--tenant", &tenant.slug, "--role", "viewer"]).await;
            tenant.owner.make("songs", json!({ "title": "Between" })).await;
            tenant.house.command(&["key", "revoke", "--tenant", &tenant.slug, made["id"].as_str().unwrap()]).await;
        }
        let check = tenant.owner.get("/v1/audit/verify").await.expect(200);
        assert_eq!(check.at("/intact"), true, "{check}");
        tenant.house.plimsoll.run(["audit", "verify", "--tenant", &tenant.slug]).await.expect(0);
        assert_eq!(entries(&tenant, "action=key.*").await.iter().filter(|one| one["actor"]["id"] == "host").count(), 9);
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 4);
    }

    async fn a_flood_of_refusals_does_not_flood_the_record(db: Db) {
        let tenant = house(db).tenant().await;
        let viewer = tenant.key("viewer").await;
        for _ in 0..50 {
            viewer.get("/v1/users").await.expect(403);
        }
        let found = entries(&tenant, "action=access.denied").await;
        assert!((1..=2).contains(&found.len()), "{} entries", found.len());
    }

    async fn writers_at_the_same_time_write_one_chain(db: Db) {
        let tenant = house(db).tenant().await;
        let work = (0..8).map(|writer| {
            let owner = tenant.owner.clone();
            tokio::spawn(async move {
                for n in 0..10 {
                    owner.post("/v1/artists").json(json!({ "name": format!("{writer}-{n}") })).within(Duration::from_secs(30)).await.expect(201);
                }
            })
        });
        for one in work.collect::<Vec<_>>() {
            one.await.unwrap();
        }
        assert_eq!(tenant.owner.get("/v1/audit/verify").await.expect(200).at("/intact"), true);
        assert_eq!(tenant.owner.get("/v1/audit?action=artists.create").await.expect(200).at("/pagination/total_items"), 80);
        assert_eq!(tenant.owner.get("/v1/artists").await.expect(200).at("/pagination/total_items"), 80);
    }
}
