//! From login to the end of a session.

use plimsoll_testkit::{Db, both};
use serde_json::json;

use crate::house::{Login, PASSWORD, house, pointers};

const OTHER: &str = "twelve quiet anchors hum";

both! {
    async fn a_login_opens_a_session_that_is_ones_own(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("editor").await;
        let from = tenant.house.stranger();
        let reply = from.post("/v1/auth/login").header("user-agent", "journey/1").json(person.credentials()).await.expect(200);
        assert_eq!((reply.str("/token_type"), reply.at("/expires_in")), ("Bearer".to_owned(), json!(600)));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.header("set-cookie").is_none());
        let login = Login::of(&from, &reply);
        let me = login.caller.get("/v1/auth/me").await.expect(200).json();
        assert_eq!((&me["principal"], &me["id"], &me["email"], &me["role"]), (&json!("person"), &json!(person.id), &json!(person.email), &json!("editor")));
        assert_eq!((&me["tenant"]["id"], &me["tenant"]["slug"]), (&json!(tenant.id), &json!(tenant.slug)));
        let sessions = login.caller.get("/v1/auth/sessions").await.expect(200);
        assert_eq!(sessions.at("/pagination/total_items"), 1);
        let session = sessions.at("/items/0");
        assert_eq!((&session["id"], &session["current"], &session["address"], &session["agent"]), (&me["session"], &json!(true), &json!(from.address), &json!("journey/1")));
        // The letter case of an e-mail address does not matter.
        let shouting = json!({ "email": person.email.to_uppercase(), "password": PASSWORD });
        from.post("/v1/auth/login").json(shouting).await.expect(200);
    }

    async fn a_failed_login_says_nothing_about_why(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("owner").await;
        let outsider = house(db).tenant().await;
        let mut answers = Vec::new();
        for body in [
            json!({ "email": person.email, "password": "wrong wrong wrong wrong" }),
            json!({ "email": person.email, "password": format!("{PASSWORD} ") }),
            json!({ "email": "nobody@example.org", "password": PASSWORD }),
            json!({ "email": person.email, "password": PASSWORD, "tenant": outsider.slug }),
            json!({ "email": person.email, "password": PASSWORD, "tenant": "no-such-tenant" }),
        ] {
            let mut refused = tenant.house.stranger().post("/v1/auth/login").json(body).await.expect(401).json();
            refused.as_object_mut().unwrap().remove("request_id");
            answers.push(refused);
        }
        assert!(answers.iter().all(|one| *one == answers[0]), "{answers:#?}");
        assert_eq!(answers[0]["code"], "PLM-AUTH-005");
    }

    async fn a_refresh_token_works_once_and_its_copy_ends_the_session(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("editor").await;
        let from = tenant.house.stranger();
        let refresh = |token: &str| from.post("/v1/auth/refresh").json(json!({ "refresh_token": token }));
        let first = tenant.login(&person).await;
        let unrelated = tenant.login(&person).await;

        let second = Login::of(&from, &refresh(&first.refresh).await.expect(200));
        let third = Login::of(&from, &refresh(&second.refresh).await.expect(200));
        assert!(first.access != second.access && second.refresh != third.refresh);
        for login in [&first, &second, &third] {
            login.caller.get("/v1/auth/me").await.expect(200);
        }
        assert_eq!(first.caller.get("/v1/auth/sessions").await.expect(200).at("/pagination/total_items"), 2, "a refresh is no new session");

        let copied = refresh(&second.refresh).await.expect(401);
        assert_eq!(copied.str("/code"), "PLM-AUTH-004");
        for login in [&first, &second, &third] {
            let refused = login.caller.get("/v1/auth/me").await.expect(401);
            assert_eq!(refused.str("/code"), "PLM-AUTH-004");
        }
        refresh(&third.refresh).await.expect(401);
        unrelated.caller.get("/v1/auth/me").await.expect(200);
        for bad in ["", "x", &"a".repeat(43), &"a".repeat(500), &unrelated.access] {
            let reply = refresh(bad).await;
            assert!([401, 422].contains(&reply.code()), "{bad}: {reply}");
        }
    }

    async fn of_two_who_use_one_refresh_token_at_once_only_one_wins(db: Db) {
        let tenant = house(db).tenant().await;
        let login = tenant.login(&tenant.person("viewer").await).await;
        let refresh = || login.caller.post("/v1/auth/refresh").json(json!({ "refresh_token": login.refresh })).send();
        let (a, b, c) = tokio::join!(refresh(), refresh(), refresh());
        let won = [&a, &b, &c].iter().filter(|reply| reply.code() == 200).count();
        assert!(won <= 1, "{won} of three copies were exchanged");
        // It was copied, so the session is over whoever came first.
        login.caller.get("/v1/auth/me").await.expect(401);
    }

    async fn logout_ends_the_session_at_once_everywhere(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("editor").await;
        let (one, two) = (tenant.login(&person).await, tenant.login(&person).await);
        one.caller.get("/v1/songs").await.expect(200);
        one.caller.post("/v1/auth/logout").await.expect(204);
        let refused = one.caller.get("/v1/songs").await.expect(401);
        assert_eq!(refused.str("/code"), "PLM-AUTH-004");
        one.caller.post("/v1/songs").json(json!({ "title": "No" })).await.expect(401);
        one.caller.post("/v1/auth/refresh").json(json!({ "refresh_token": one.refresh })).await.expect(401);
        one.caller.post("/v1/auth/logout").await.expect(401);
        two.caller.get("/v1/songs").await.expect(200);

        // One's other sessions can be ended by id; those of others are not there.
        let three = tenant.login(&person).await;
        let id = three.caller.get("/v1/auth/me").await.expect(200).str("/session");
        let stranger = tenant.login(&tenant.person("owner").await).await;
        stranger.caller.delete(&format!("/v1/auth/sessions/{id}")).await.expect(404);
        two.caller.delete(&format!("/v1/auth/sessions/{id}")).await.expect(204);
        three.caller.get("/v1/auth/me").await.expect(401);
    }

    async fn a_new_password_ends_all_other_sessions(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("editor").await;
        let (here, there) = (tenant.login(&person).await, tenant.login(&person).await);
        let change = |current: &str, new: &str| here.caller.post("/v1/auth/password").json(json!({ "current": current, "new": new }));
        assert_eq!(pointers(&change("not the password at all", OTHER).await.expect(422)), ["/current"]);
        assert_eq!(pointers(&change(PASSWORD, PASSWORD).await.expect(422)), ["/new"]);
        assert_eq!(pointers(&change(PASSWORD, "short").await.expect(422)), ["/new"]);
        there.caller.get("/v1/auth/me").await.expect(200);
        change(PASSWORD, OTHER).await.expect(204);
        here.caller.get("/v1/auth/me").await.expect(200);
        there.caller.get("/v1/auth/me").await.expect(401);
        there.caller.post("/v1/auth/refresh").json(json!({ "refresh_token": there.refresh })).await.expect(401);
        let from = tenant.house.stranger();
        from.post("/v1/auth/login").json(person.credentials()).await.expect(401);
        from.post("/v1/auth/login").json(json!({ "email": person.email, "password": OTHER })).await.expect(200);
    }

    async fn whoever_is_suspended_removed_or_disabled_is_out_at_once(db: Db) {
        let tenant = house(db).tenant().await;
        let (suspended, removed, disabled) = (tenant.person("editor").await, tenant.person("editor").await, tenant.person("editor").await);
        let logins = (tenant.login(&suspended).await, tenant.login(&removed).await, tenant.login(&disabled).await);
        tenant.owner.patch(&format!("/v1/users/{}", suspended.id)).json(json!({ "active": false })).await.expect(200);
        tenant.owner.delete(&format!("/v1/users/{}", removed.id)).await.expect(204);
        logins.0.caller.get("/v1/songs").await.expect(401);
        logins.1.caller.get("/v1/songs").await.expect(401);
        tenant.house.command(&["user", "disable", "--email", &disabled.email]).await;
        plimsoll_testkit::wait::until(std::time::Duration::from_secs(5), || async { logins.2.caller.get("/v1/songs").await.code() == 401 }).await;
        for person in [&suspended, &removed, &disabled] {
            tenant.house.stranger().post("/v1/auth/login").json(person.credentials()).await.expect(401);
        }
        tenant.owner.patch(&format!("/v1/users/{}", suspended.id)).json(json!({ "active": true })).await.expect(200);
        tenant.login(&suspended).await;
    }

    async fn a_new_role_counts_from_the_next_request(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("viewer").await;
        let login = tenant.login(&person).await;
        login.caller.post("/v1/songs").json(json!({ "title": "No" })).await.expect(403);
        tenant.owner.patch(&format!("/v1/users/{}", person.id)).json(json!({ "role": "editor" })).await.expect(200);
        login.caller.post("/v1/songs").json(json!({ "title": "Yes" })).await.expect(201);
        tenant.owner.patch(&format!("/v1/users/{}", person.id)).json(json!({ "role": "viewer" })).await.expect(200);
        login.caller.post("/v1/songs").json(json!({ "title": "No more" })).await.expect(403);
    }

    async fn a_cookie_is_for_pages_of_this_site_alone(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("editor").await;
        let from = tenant.house.stranger();
        let mut body = person.credentials();
        body["cookie"] = json!(true);
        let reply = from.post("/v1/auth/login").json(body.clone()).await.expect(200);
        assert_eq!(reply.str("/email"), person.email);
        assert!(!reply.text().contains("token"), "{reply}");
        let set = reply.header("set-cookie").unwrap().to_owned();
        assert!(set.starts_with("plimsoll_session=") && set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"), "{set}");
        let cookie = set.split(';').next().unwrap().to_owned();

        from.get("/v1/songs").header("cookie", &cookie).await.expect(200);
        let post = |lines: &[(&str, &str)]| {
            let request = from.post("/v1/songs").header("cookie", &cookie).json(json!({ "title": "S" }));
            lines.iter().fold(request, |request, (name, value)| request.header(name, value))
        };
        let base = tenant.house.running.url();
        post(&[("sec-fetch-site", "same-origin")]).await.expect(201);
        post(&[("origin", &base)]).await.expect(201);
        for foreign in [&[][..], &[("sec-fetch-site", "cross-site")], &[("sec-fetch-site", "same-site")], &[("origin", "https://evil.example")], &[("origin", "null")]] {
            assert_eq!(post(foreign).await.expect(403).str("/code"), "PLM-AUTH-009", "{foreign:?}");
        }
        assert_eq!(from.get("/v1/songs").header("cookie", &cookie).await.expect(200).at("/pagination/total_items"), 2);
        // The cookie's text is no bearer token.
        from.with(cookie.split_once('=').unwrap().1).get("/v1/songs").await.expect(401);

        // Behind TLS the cookie is bound to it.
        let secure = from.post("/v1/auth/login").header("x-forwarded-proto", "https").json(body).await.expect(200);
        let set = secure.header("set-cookie").unwrap();
        assert!(set.starts_with("__Host-plimsoll=") && set.contains("; Secure"), "{set}");

        let left = from.post("/v1/auth/logout").header("cookie", &cookie).header("sec-fetch-site", "same-origin").await.expect(204);
        assert!(left.header("set-cookie").unwrap().starts_with("plimsoll_session=; Path=/; Max-Age=0"));
        from.get("/v1/songs").header("cookie", &cookie).await.expect(401);
    }
}
