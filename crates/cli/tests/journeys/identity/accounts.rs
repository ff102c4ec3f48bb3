//! How accounts begin, what a password must be, and what protects them.

use plimsoll_testkit::{Db, both};
use serde_json::{Value, json};

use crate::house::{House, PASSWORD, house, pointers};

both! {
    async fn the_setup_link_makes_the_first_owner_once(db: Db) {
        let house = House::open(db, &[], &[]).await;
        let printed = format!("{}{}", house.running.stdout(), house.running.stderr());
        let link = printed.split_whitespace().find(|word| word.contains("/setup#token=")).unwrap_or_else(|| panic!("no setup link in {printed}"));
        let (page, token) = link.split_once("#token=").unwrap();
        assert_eq!(page, format!("{}/setup", house.running.url()));
        let from = house.stranger();
        from.get("/setup").await.expect(200);
        let body = |token: &str, password: &str| json!({ "token": token, "tenant": { "slug": "harbour", "name": "Harbour Works" }, "email": "jane@example.org", "password": password });
        let setup = |body: Value| from.post("/v1/setup").json(body);
        assert_eq!(setup(body("A", PASSWORD)).await.expect(410).str("/code"), "PLM-AUTH-010");
        assert_eq!(pointers(&setup(body(token, "too short")).await.expect(422)), ["/password"]);
        // A refused attempt does not use the link up.
        let made = setup(body(token, PASSWORD)).await.expect(201);
        assert_eq!(made.str("/tenant/slug"), "harbour");
        setup(body(token, PASSWORD)).await.expect(410);
        let login = from.post("/v1/auth/login").json(json!({ "email": "jane@example.org", "password": PASSWORD })).await.expect(200);
        let me = from.with(&login.str("/access_token")).get("/v1/auth/me").await.expect(200);
        assert_eq!((me.str("/role"), me.str("/tenant/name"), me.str("/id")), ("owner".to_owned(), "Harbour Works".to_owned(), made.str("/owner")));
    }

    async fn nobody_registers_unless_the_operator_allows_it(db: Db) {
        let tenant = house(db).tenant().await;
        let body = json!({ "email": "new@example.org", "password": PASSWORD });
        tenant.house.stranger().post("/v1/auth/register").json(body.clone()).await.expect(404);
        tenant.house.stranger().post("/v1/auth/login").json(body).await.expect(401);
    }

    async fn where_registration_is_allowed_it_does_not_tell_who_has_an_account(db: Db) {
        let house = House::open(db, &[("PLIMSOLL_IDENTITY__REGISTER", "true")], &[]).await;
        let from = house.stranger();
        let register = |password: &str| from.post("/v1/auth/register").json(json!({ "email": "new@example.org", "password": password }));
        let first = register(PASSWORD).await.expect(202);
        let second = register("an entirely other pass phrase").await.expect(202);
        assert_eq!(first.json(), second.json());
        assert_eq!(pointers(&register("short").await.expect(422)), ["/password"]);
        let login = |password: &str| from.post("/v1/auth/login").json(json!({ "email": "new@example.org", "password": password }));
        login("an entirely other pass phrase").await.expect(401);
        let token = login(PASSWORD).await.expect(200).str("/access_token");
        let me = from.with(&token).get("/v1/auth/me").await.expect(200);
        assert_eq!(me.str("/role"), "owner");
        assert_eq!(from.with(&token).get("/v1/users").await.expect(200).at("/pagination/total_items"), 1, "a tenant of one's own");
    }

    async fn a_password_that_is_refused_says_why(db: Db) {
        let tenant = house(db).tenant().await;
        let local = "maximilian.buchanan";
        for (password, why) in [
            ("short", "must have at least 15 characters; it has 5"),
            ("fourteen chars", "must have at least 15 characters; it has 14"),
            ("passwordpassword", "too easy to guess"),
            ("aaaaaaaaaaaaaaaaaaaa", "too easy to guess"),
            ("123456789012345678", "too easy to guess"),
            ("maximilian.buchanan", "e-mail address"),
        ] {
            let body = json!({ "email": format!("{local}@example.org"), "role": "viewer", "password": password });
            let refused = tenant.owner.post("/v1/users").json(body).await.expect(422);
            assert_eq!((refused.str("/code"), pointers(&refused)), ("PLM-AUTH-008".to_owned(), vec!["/password".to_owned()]), "{password}");
            assert!(refused.str("/errors/0/detail").contains(why), "{password}: {refused}");
            assert!(!refused.text().contains(password), "{password}: {refused}");
        }
        assert_eq!(tenant.owner.get("/v1/users").await.expect(200).at("/pagination/total_items"), 0);
        // No rule about kinds of characters, and nothing is cut off.
        for (n, password) in ["nine grey lanterns drift", "девять серых фонарей", &"eleven dry otters ".repeat(20)].iter().enumerate() {
            let email = format!("p{n}-{}@example.org", tenant.slug);
            tenant.owner.post("/v1/users").json(json!({ "email": email, "role": "viewer", "password": password })).await.expect(201);
            let login = |password: &str| tenant.house.stranger().post("/v1/auth/login").json(json!({ "email": email, "password": password }));
            login(password).await.expect(200);
            let mut cut = password.to_string();
            cut.pop();
            login(&cut).await.expect(401);
        }
    }

    async fn failed_logins_are_slowed_down_whether_the_account_exists_or_not(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("viewer").await;
        let ghost = format!("ghost-{}@example.org", tenant.slug);
        let mut courses = Vec::new();
        for email in [&person.email, &ghost] {
            let mut course = Vec::new();
            for _ in 0..7 {
                // From a new address each time: it is the account that is guarded.
                let from = tenant.house.stranger();
                let reply = from.post("/v1/auth/login").json(json!({ "email": email, "password": "wrong wrong wrong wrong" })).await;
                let wait = reply.header("retry-after").map(|seconds| seconds.parse::<u32>().unwrap());
                assert_eq!(wait.is_some(), reply.code() == 429, "{reply:?}");
                assert!(wait.is_none_or(|seconds| (1..=40).contains(&seconds)), "{wait:?}");
                course.push((reply.code(), reply.str("/code")));
            }
            courses.push(course);
        }
        assert_eq!(courses[0], courses[1], "the answer tells whether there is an account");
        let codes: Vec<u16> = courses[0].iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, [401, 401, 401, 401, 401, 429, 429]);
        assert_eq!(courses[0][6].1, "PLM-AUTH-006");
        // The right password has to wait as well, and nobody else does.
        tenant.house.stranger().post("/v1/auth/login").json(person.credentials()).await.expect(429);
        tenant.login(&tenant.person("viewer").await).await;
        let throttled = tenant.house.look("SELECT count(*) FROM ledger WHERE action = 'auth.throttled'");
        assert_ne!(throttled[0][0], "0");
    }

    async fn a_success_forgives_the_failures_before_it(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("viewer").await;
        let from = tenant.house.stranger();
        for _ in 0..2 {
            for _ in 0..4 {
                from.post("/v1/auth/login").json(json!({ "email": person.email, "password": "wrong wrong wrong wrong" })).await.expect(401);
            }
            from.post("/v1/auth/login").json(person.credentials()).await.expect(200);
        }
    }

    async fn the_last_owner_stays(db: Db) {
        let tenant = house(db).tenant().await;
        let (first, second) = (tenant.person("owner").await, tenant.person("owner").await);
        tenant.owner.delete(&format!("/v1/users/{}", second.id)).await.expect(204);
        let path = format!("/v1/users/{}", first.id);
        tenant.owner.delete(&path).await.expect(409);
        tenant.owner.patch(&path).json(json!({ "role": "admin" })).await.expect(409);
        tenant.owner.patch(&path).json(json!({ "active": false })).await.expect(409);
        assert_eq!(tenant.owner.get(&path).await.expect(200).at("/role"), "owner");
        let third = tenant.person("owner").await;
        tenant.owner.patch(&path).json(json!({ "role": "admin" })).await.expect(200);
        tenant.owner.delete(&format!("/v1/users/{}", third.id)).await.expect(409);
    }

    async fn only_an_owner_makes_and_unmakes_admins_and_owners(db: Db) {
        let tenant = house(db).tenant().await;
        let admin = tenant.key("admin").await;
        let (owner, other, editor) = (tenant.person("owner").await, tenant.person("admin").await, tenant.person("editor").await);
        for role in ["admin", "owner"] {
            admin.post("/v1/users").json(json!({ "email": format!("{role}-{}@example.org", tenant.slug), "role": role })).await.expect(403);
            admin.patch(&format!("/v1/users/{}", editor.id)).json(json!({ "role": role })).await.expect(403);
        }
        for person in [&owner, &other] {
            admin.patch(&format!("/v1/users/{}", person.id)).json(json!({ "role": "viewer" })).await.expect(403);
            admin.delete(&format!("/v1/users/{}", person.id)).await.expect(403);
        }
        admin.patch(&format!("/v1/users/{}", editor.id)).json(json!({ "role": "viewer" })).await.expect(200);
        admin.post("/v1/users").json(json!({ "email": editor.email, "role": "viewer" })).await.expect(409);
        assert_eq!(pointers(&admin.post("/v1/users").json(json!({ "email": "no address", "role": "viewer" })).await.expect(422)), ["/email"]);
    }
}
