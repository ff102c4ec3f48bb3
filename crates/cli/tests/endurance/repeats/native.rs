//! Keys and the host's own routes.

use plimsoll_testkit::{Db, both};
use serde_json::json;

use super::{artist, named, replayed, said, send};
use crate::service::{Service, add};

both! {
    async fn a_repeat_gets_the_first_answer_and_no_effect(db: Db) {
        let service = Service::new(db).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        let first = send(&client, "/v1/artists", "\"a\"", &artist("once")).await.expect(201);
        assert!(!replayed(&first));
        let again = send(&client, "/v1/artists", "a", &artist("once")).await;
        assert!(replayed(&again));
        assert_eq!(said(&again), said(&first));
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(named(&client, "once").await, 1);

        // The same key for something else.
        let other = send(&client, "/v1/artists", "a", &artist("twice")).await.expect(422);
        assert_eq!(other.str("/code"), "PLM-IDM-003");
        assert_eq!(send(&client, "/v1/artists?x=1", "a", &artist("once")).await.expect(422).str("/code"), "PLM-IDM-003");
        assert_eq!(named(&client, "twice").await, 0);
        // Another route, another tenant, no key: nothing to do with it.
        send(&client, "/v1/songs", "a", &json!({ "title": "once" })).await.expect(201);
        add(&client, "once more").await.expect(201);
        add(&client, "once more").await.expect(201);
        service.plimsoll.run(["tenant", "create", "other"]).await.expect(0);
        let key = service.plimsoll.run(["key", "create", "--tenant", "other", "--role", "owner", "--json"]).await.expect(0).json();
        let stranger = running.client().with_bearer(key["key"].as_str().unwrap());
        assert!(!replayed(&send(&stranger, "/v1/artists", "a", &artist("once")).await.expect(201)));
        // Another principal of the same tenant.
        let key = service.plimsoll.run(["key", "create", "--tenant", "acme", "--role", "editor", "--json"]).await.expect(0).json();
        let colleague = running.client().with_bearer(key["key"].as_str().unwrap());
        assert!(!replayed(&send(&colleague, "/v1/artists", "a", &artist("once")).await.expect(201)));
        assert_eq!(named(&client, "once").await, 2);

        // A new process knows it too.
        running.stop().await;
        let running = service.plimsoll.start().await;
        let again = send(&service.client(&running), "/v1/artists", "a", &artist("once")).await;
        assert!(replayed(&again) && said(&again) == said(&first));
    }

    async fn every_way_to_commit_keeps_its_answer(db: Db) {
        let service = Service::new(db).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        let many = json!({ "items": [{ "name": "x" }, { "name": "y" }, { "nome": "z" }] });
        let first = send(&client, "/v1/artists/bulk", "b", &many).await.expect(207);
        let again = send(&client, "/v1/artists/bulk", "b", &many).await;
        assert!(replayed(&again) && said(&again) == said(&first), "{again}");
        assert_eq!(named(&client, "x").await, 1);

        let made = add(&client, "old").await.expect(201);
        let (path, tag) = (made.header("location").unwrap().to_owned(), made.header("etag").unwrap().to_owned());
        let patch = || client.patch(&path).header("idempotency-key", "p").header("if-match", &tag).json(json!({ "name": "new" }));
        let first = patch().await.expect(200);
        let again = patch().await.expect(200);
        assert!(replayed(&again) && said(&again) == said(&first), "the version has changed, and the repeat is the same request");
        // PUT repeats well by itself; a key is ignored there.
        let put = || client.put(&path).header("idempotency-key", "p").json(json!({ "name": "newer" }));
        put().await.expect(200);
        assert!(!replayed(&put().await.expect(200)));
        client.get(&path).header("idempotency-key", "\"broken").await.expect(200);
    }

    async fn what_ended_badly_is_told_again_and_what_never_began_is_not_kept(db: Db) {
        let service = Service::new(db).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        let first = client.post("/v1/artists/4711/restore").header("idempotency-key", "gone").await.expect(404);
        let again = client.post("/v1/artists/4711/restore").header("idempotency-key", "gone").await.expect(404);
        assert!(!replayed(&first) && replayed(&again));
        assert_eq!(first.text(), again.text(), "the id of the first request stands in it");

        for (key, wrong, right) in [("v", json!({ "nome": "x" }), json!({ "name": "x" }))] {
            send(&client, "/v1/artists", key, &wrong).await.expect(422);
            send(&client, "/v1/artists", key, &right).await.expect(201);
        }
        running.client().post("/v1/artists").header("idempotency-key", "u").json(artist("u")).await.expect(401);
        assert!(!replayed(&send(&client, "/v1/artists", "u", &artist("u")).await.expect(201)));
        // A reference to nothing is a fault of the request: mended, it may use its key.
        send(&client, "/v1/songs", "r", &json!({ "title": "r", "artist_id": 4711 })).await.expect(422);
        send(&client, "/v1/songs", "r", &json!({ "title": "r" })).await.expect(201);
    }

    async fn a_key_that_cannot_be_read_or_is_missing_is_refused(db: Db) {
        let mut service = Service::new(db).await;
        service.plimsoll = service.plimsoll.env("PLIMSOLL_IDEMPOTENCY__REQUIRED", "POST /v1/artists");
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        assert_eq!(send(&client, "/v1/artists", "\"a", &artist("a")).await.expect(400).str("/code"), "PLM-IDM-001");
        let twice = client.post("/v1/artists").header("idempotency-key", "a").header("idempotency-key", "b").json(artist("a"));
        assert_eq!(twice.await.expect(400).str("/code"), "PLM-IDM-001");
        let missing = add(&client, "a").await.expect(400);
        assert_eq!((missing.str("/code"), missing.str("/refused_by")), ("PLM-IDM-002".to_owned(), "replay".to_owned()));
        assert_eq!(named(&client, "a").await, 0);
        send(&client, "/v1/artists", "a", &artist("a")).await.expect(201);
        client.post("/v1/songs").json(json!({ "title": "no key needed" })).await.expect(201);
    }

    async fn a_secret_that_is_shown_once_is_shown_to_its_repeat_and_to_nobody_else(db: Db) {
        let service = Service::new(db).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        let wanted = json!({ "name": "nightly", "role": "editor" });
        let first = send(&client, "/v1/keys", "k", &wanted).await.expect(201);
        let again = send(&client, "/v1/keys", "k", &wanted).await.expect(201);
        assert!(replayed(&again) && first.str("/secret") == again.str("/secret"));
        assert_eq!(client.get("/v1/keys").await.expect(200).at("/pagination/total_items"), 2);
        // A login is for once, key or not.
        let login = json!({ "email": "nobody@acme.example", "password": "x" });
        let login = running.client().post("/v1/auth/login").header("idempotency-key", "l").json(login).await;
        assert!(login.code() == 401 && !replayed(&login));
        let secret = first.str("/secret");
        let records = client.get("/v1/idempotency").await.expect(200);
        assert_eq!((records.at("/pagination/total_items"), records.text().contains(&secret)), (json!(1), false));
        assert_eq!(records.str("/items/0/route"), "/v1/keys");
        running.stop().await;
        if db == Db::Sqlite {
            for file in std::fs::read_dir(service.plimsoll.directory()).unwrap() {
                let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
                assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "the secret stands in a file");
            }
        }
    }
}
