//! Creating, replacing, changing, deleting, restoring, and versions.

use http::Method;
use plimsoll_testkit::{Db, both};
use serde_json::{Value, json};

use crate::house::{house, ids, pointers};

fn song() -> Value {
    json!({ "title": "Stars", "artist_id": null, "release_date": "1976-07-03", "url": "https://example.org/stars", "distance": 4.24 })
}

both! {
    async fn what_is_created_is_what_is_read(db: Db) {
        let tenant = house(db).tenant().await;
        let artist = tenant.owner.make("artists", json!({ "name": "Nina" })).await;
        let mut body = song();
        body["artist_id"] = json!(artist);
        let made = tenant.owner.post("/v1/songs").json(body.clone()).await.expect(201);
        let place = made.header("location").unwrap().to_owned();
        assert_eq!(place, format!("/v1/songs/{}", made.at("/id")));
        let read = tenant.owner.get(&place).await.expect(200);
        assert_eq!(read.json(), made.json());
        assert_eq!((read.header("etag"), made.header("etag")), (Some("\"1\""), Some("\"1\"")));
        body["id"] = made.at("/id");
        assert_eq!(read.json(), body);
        // What is left out is null.
        let bare = tenant.owner.post("/v1/songs").json(json!({ "title": "Bare" })).await.expect(201).json();
        assert_eq!(bare, json!({ "id": 2, "title": "Bare", "artist_id": null, "release_date": null, "url": null, "distance": null }));
    }

    async fn bounds_are_part_of_the_contract(db: Db) {
        let tenant = house(db).tenant().await;
        for title in ["x".to_owned(), "é".repeat(64), "🎵".repeat(64), " ' \" ; -- \\ \u{202e} ".to_owned()] {
            let made = tenant.owner.post("/v1/songs").json(json!({ "title": title })).await.expect(201);
            assert_eq!(tenant.owner.get(&format!("/v1/songs/{}", made.at("/id"))).await.expect(200).str("/title"), title);
        }
        for distance in [json!(-0.0), json!(1e308), json!(5e-324), json!(0.1), json!(123456789012345i64), json!(7)] {
            let made = tenant.owner.post("/v1/songs").json(json!({ "title": "Far", "distance": distance })).await.expect(201);
            let read = tenant.owner.get(&format!("/v1/songs/{}", made.at("/id"))).await.expect(200);
            assert_eq!(read.at("/distance").as_f64(), distance.as_f64(), "{distance}");
            assert_eq!(read.at("/distance"), made.at("/distance"), "{distance}");
        }
        let url = format!("https://example.org/{}", "a".repeat(1024 - 20));
        tenant.owner.make("songs", json!({ "title": "Long", "url": url })).await;
        for (body, expected) in [
            (json!({}), vec!["/title"]),
            (json!({ "title": "" }), vec!["/title"]),
            (json!({ "title": null }), vec!["/title"]),
            (json!({ "title": "x".repeat(65) }), vec!["/title"]),
            (json!({ "title": "x", "url": format!("{url}a") }), vec!["/url"]),
            (json!({ "title": "x", "url": "javascript:alert(1)" }), vec!["/url"]),
            (json!({ "title": "x", "url": "ftp://example.org/" }), vec!["/url"]),
            (json!({ "title": "x", "url": "" }), vec!["/url"]),
            (json!({ "title": "x", "release_date": "2023-02-29" }), vec!["/release_date"]),
            (json!({ "title": "x", "release_date": "2023-2-9" }), vec!["/release_date"]),
            (json!({ "title": "x", "release_date": 2023 }), vec!["/release_date"]),
            (json!({ "title": "x", "distance": "far" }), vec!["/distance"]),
            (json!({ "title": "x", "artist_id": "1" }), vec!["/artist_id"]),
            (json!({ "title": "x", "artist_id": 1.5 }), vec!["/artist_id"]),
            (json!({ "title": "x", "artist_id": 4711 }), vec!["/artist_id"]),
            (json!({ "title": "x", "id": 7 }), vec!["/id"]),
            (json!({ "title": "x", "colour": "red" }), vec!["/colour"]),
            (json!({ "title": 1, "url": 2, "release_date": 3, "distance": "4", "artist_id": "5" }), vec!["/title", "/artist_id", "/release_date", "/url", "/distance"]),
        ] {
            let refused = tenant.owner.post("/v1/songs").json(body.clone()).await;
            let (mut found, mut expected) = (pointers(&refused), expected);
            found.sort();
            expected.sort_unstable();
            assert_eq!((refused.code(), found), (422, expected.iter().map(|one| (*one).to_owned()).collect()), "{body}: {refused}");
        }
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 11, "what is refused is not written");
    }

    async fn put_replaces_everything_and_never_creates(db: Db) {
        let tenant = house(db).tenant().await;
        tenant.owner.put("/v1/songs/1").json(song()).await.expect(404);
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 0);
        tenant.owner.make("songs", song()).await;
        let replaced = tenant.owner.put("/v1/songs/1").json(json!({ "title": "Other" })).await.expect(200);
        assert_eq!(replaced.json(), json!({ "id": 1, "title": "Other", "artist_id": null, "release_date": null, "url": null, "distance": null }));
        assert_eq!(tenant.owner.get("/v1/songs/1").await.expect(200).json(), replaced.json());
        assert_eq!(pointers(&tenant.owner.put("/v1/songs/1").json(json!({ "url": null })).await.expect(422)), ["/title"]);
    }

    async fn patch_merges_and_null_removes(db: Db) {
        let tenant = house(db).tenant().await;
        tenant.owner.make("songs", song()).await;
        let patch = |body: Value| tenant.owner.patch("/v1/songs/1").header("content-type", "application/merge-patch+json").body(body.to_string());
        let changed = patch(json!({ "url": null, "distance": 5 })).await.expect(200).json();
        assert_eq!(changed, json!({ "id": 1, "title": "Stars", "artist_id": null, "release_date": "1976-07-03", "url": null, "distance": 5.0 }));
        assert_eq!(patch(json!({})).await.expect(200).json(), changed);
        assert_eq!(pointers(&patch(json!({ "title": null })).await.expect(422)), ["/title"]);
        assert_eq!(pointers(&patch(json!({ "id": 9 })).await.expect(422)), ["/id"]);
        assert_eq!(pointers(&patch(json!({ "colour": "red" })).await.expect(422)), ["/colour"]);
        assert_eq!(pointers(&patch(json!({ "colour": null })).await.expect(422)), ["/colour"]);
        for body in [json!([]), json!("x"), json!(null), json!(1)] {
            let refused = patch(body.clone()).await;
            assert!((400..=422).contains(&refused.code()), "{body}: {refused}");
        }
        assert_eq!(tenant.owner.get("/v1/songs/1").await.expect(200).json(), changed);
        tenant.owner.patch("/v1/songs/2").json(json!({ "title": "x" })).await.expect(404);
    }

    async fn versions_travel_as_entity_tags(db: Db) {
        let tenant = house(db).tenant().await;
        tenant.owner.make("songs", song()).await;
        let one = tenant.owner.get("/v1/songs/1");
        let same = one.header("if-none-match", "\"1\"").await.expect(304);
        assert_eq!((same.body.len(), same.header("etag")), (0, Some("\"1\"")));
        for tags in ["W/\"1\"", "\"7\", \"1\"", "*"] {
            tenant.owner.get("/v1/songs/1").header("if-none-match", tags).await.expect(304);
        }
        tenant.owner.get("/v1/songs/1").header("if-none-match", "\"2\"").await.expect(200);

        for request in [
            tenant.owner.put("/v1/songs/1").json(song()),
            tenant.owner.patch("/v1/songs/1").json(json!({ "title": "Lost" })),
            tenant.owner.delete("/v1/songs/1"),
        ] {
            let refused = request.header("if-match", "\"2\"").await.expect(412);
            assert_eq!(refused.str("/code"), "PLM-REQ-010");
        }
        assert_eq!(tenant.owner.get("/v1/songs/1").await.expect(200).str("/title"), "Stars");
        let second = tenant.owner.patch("/v1/songs/1").header("if-match", "\"1\"").json(json!({ "title": "Won" })).await.expect(200);
        assert_eq!(second.header("etag"), Some("\"2\""));
        tenant.owner.patch("/v1/songs/1").header("if-match", "\"1\"").json(json!({ "title": "Late" })).await.expect(412);
        tenant.owner.put("/v1/songs/1").header("if-match", "*").json(song()).await.expect(200);

        let list = tenant.owner.get("/v1/songs").await.expect(200);
        let tag = list.header("etag").unwrap().to_owned();
        tenant.owner.get("/v1/songs").header("if-none-match", &tag).await.expect(304);
        tenant.owner.make("songs", song()).await;
        tenant.owner.get("/v1/songs").header("if-none-match", &tag).await.expect(200);
    }

    async fn two_who_change_the_same_version_do_not_overwrite_each_other(db: Db) {
        let tenant = house(db).tenant().await;
        tenant.owner.make("songs", song()).await;
        let change = |n: u32| {
            let owner = tenant.owner.clone();
            async move { owner.patch("/v1/songs/1").header("if-match", "\"1\"").json(json!({ "title": format!("By {n}") })).await.code() }
        };
        let (a, b, c, d) = tokio::join!(change(1), change(2), change(3), change(4));
        let mut codes = [a, b, c, d];
        codes.sort_unstable();
        assert_eq!(codes, [200, 412, 412, 412]);
    }

    async fn what_is_deleted_is_gone_and_can_come_back(db: Db) {
        let tenant = house(db).tenant().await;
        let song = tenant.owner.make("songs", song()).await;
        let path = format!("/v1/songs/{song}");
        let gone = tenant.owner.delete(&path).await.expect(204);
        assert_eq!(gone.body.len(), 0);
        tenant.owner.get(&path).await.expect(404);
        tenant.owner.delete(&path).await.expect(404);
        tenant.owner.put(&path).json(json!({ "title": "x" })).await.expect(404);
        tenant.owner.patch(&path).json(json!({ "title": "x" })).await.expect(404);
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 0);
        assert_eq!(tenant.owner.ids("/v1/songs?deleted=true").await, [song]);
        tenant.key("viewer").await.get("/v1/songs?deleted=true").await.expect(403);

        let back = tenant.owner.post(&format!("{path}/restore")).await.expect(200);
        assert_eq!(tenant.owner.get(&path).await.expect(200).json(), back.json());
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 1);
        tenant.owner.post(&format!("{path}/restore")).await.expect(409);
        tenant.owner.post("/v1/songs/99/restore").await.expect(404);
    }

    async fn an_artist_with_songs_goes_only_with_them_and_only_for_admins(db: Db) {
        let tenant = house(db).tenant().await;
        let (editor, admin) = (tenant.key("editor").await, tenant.key("admin").await);
        let artist = tenant.owner.make("artists", json!({ "name": "Nina" })).await;
        let lonely = tenant.owner.make("artists", json!({ "name": "Nobody" })).await;
        let songs = tenant.owner.make_many("songs", vec![json!({ "title": "A", "artist_id": artist }), json!({ "title": "B", "artist_id": artist }), json!({ "title": "C" })]).await;
        let earlier = songs[1];
        tenant.owner.delete(&format!("/v1/songs/{earlier}")).await.expect(204);

        let path = format!("/v1/artists/{artist}");
        let refused = editor.delete(&path).await.expect(409);
        assert!(refused.str("/detail").starts_with("1 songs refer"), "{refused}");
        editor.delete(&format!("{path}?cascade=true")).await.expect(403);
        tenant.owner.get(&path).await.expect(200);
        editor.delete(&format!("/v1/artists/{lonely}")).await.expect(204);
        admin.delete(&format!("{path}?cascade=true")).await.expect(204);
        tenant.owner.get(&path).await.expect(404);
        assert_eq!(tenant.owner.ids("/v1/songs").await, [songs[2]]);
        let entry = tenant.owner.get(&format!("/v1/audit?action=artists.delete&target=artists/{artist}")).await.expect(200);
        assert_eq!((entry.at("/pagination/total_items"), entry.at("/items/0/detail")), (json!(1), json!({ "cascade": { "songs": 1 } })));

        // A song cannot come back before its artist; the artist brings back what went with it, and only that.
        tenant.owner.post(&format!("/v1/songs/{}/restore", songs[0])).await.expect(409);
        tenant.owner.post(&format!("{path}/restore")).await.expect(200);
        assert_eq!(ids(&tenant.owner.get("/v1/songs").await.expect(200)), [songs[0], songs[2]]);
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 2);
        tenant.owner.post(&format!("/v1/songs/{earlier}/restore")).await.expect(200);
        assert_eq!(pointers(&tenant.owner.delete(&format!("{path}?cascade=perhaps")).await.expect(422)), ["?cascade"]);
        assert_eq!(pointers(&tenant.owner.delete("/v1/songs/1?cascade=true").await.expect(422)), ["?cascade"]);
    }

    async fn many_at_once_each_have_a_result(db: Db) {
        let tenant = house(db).tenant().await;
        let items = json!([{ "title": "One" }, { "title": "" }, { "title": "Three", "artist_id": 77 }, { "title": "Four" }, { "colour": "red" }]);
        let mixed = tenant.owner.post("/v1/songs/bulk").json(json!({ "items": items })).await.expect(207).json();
        assert_eq!((&mixed["created"], &mixed["failed"]), (&json!(2), &json!(3)));
        let results = mixed["results"].as_array().unwrap();
        assert_eq!(results.iter().map(|one| one["status"].as_i64().unwrap()).collect::<Vec<_>>(), [201, 422, 422, 201, 422]);
        assert_eq!(results[3], json!({ "index": 3, "status": 201, "id": 2, "location": "/v1/songs/2" }));
        assert_eq!((&results[1]["errors"][0]["pointer"], &results[2]["errors"][0]["pointer"]), (&json!("/title"), &json!("/artist_id")));
        assert_eq!(results[4]["errors"].as_array().unwrap().len(), 2, "{}", results[4]);
        assert_eq!(tenant.owner.ids("/v1/songs").await, [1, 2]);

        // All or none.
        let together = [(items, vec![424, 422, 422, 424, 422]), (json!([{ "title": "Good" }, { "title": "Bad", "artist_id": 77 }]), vec![424, 422])];
        for (items, expected) in together {
            let refused = tenant.owner.post("/v1/songs/bulk?atomic=true").json(json!({ "items": items })).await.expect(207).json();
            let results = refused["results"].as_array().unwrap();
            assert_eq!(results.iter().map(|one| one["status"].as_i64().unwrap()).collect::<Vec<_>>(), expected);
            assert_eq!((&refused["created"], &refused["failed"]), (&json!(0), &json!(expected.len())));
        }
        assert_eq!(tenant.owner.ids("/v1/songs").await, [1, 2]);
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 2);
        let good = tenant.owner.post("/v1/songs/bulk?atomic=true").json(json!({ "items": [{ "title": "Good" }, { "title": "Better" }] })).await.expect(201);
        assert_eq!(good.at("/created"), 2);

        let many: Vec<Value> = (0..1001).map(|n| json!({ "title": format!("{n}") })).collect();
        assert_eq!(pointers(&tenant.owner.post("/v1/songs/bulk").json(json!({ "items": many })).await.expect(422)), ["/items"]);
        tenant.owner.make_many("songs", many[..1000].to_vec()).await;
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 1004);
        let none = tenant.owner.post("/v1/songs/bulk").json(json!({ "items": [] })).await;
        assert!([201, 422].contains(&none.code()), "{none}");
        tenant.owner.post("/v1/songs/bulk").json(json!([])).await.expect(422);
    }

    async fn other_methods_are_answered_by_the_book(db: Db) {
        let tenant = house(db).tenant().await;
        tenant.owner.make("songs", song()).await;
        for path in ["/v1/songs", "/v1/songs/1", "/v1/artists"] {
            let (get, head) = (tenant.owner.get(path).await.expect(200), tenant.owner.request(Method::HEAD, path).await.expect(200));
            assert_eq!(head.body.len(), 0);
            for name in ["etag", "content-type", "content-length"] {
                assert_eq!(get.header(name), head.header(name), "{path}: {name}");
            }
        }
        tenant.owner.request(Method::HEAD, "/v1/songs/2").await.expect(404);
        let options = house(db).stranger().request(Method::OPTIONS, "/v1/songs/1").await.expect(204);
        let set = |allow: &str| allow.split(", ").map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(set(options.header("allow").unwrap()), set("GET, HEAD, PUT, PATCH, DELETE, OPTIONS"));
        let wrong = tenant.owner.post("/v1/songs/1").json(song()).await.expect(405);
        assert_eq!((wrong.header("allow"), wrong.str("/code")), (options.header("allow"), "PLM-REQ-004".to_owned()));
        tenant.owner.delete("/v1/songs").await.expect(405);
        tenant.owner.get("/v1/nothing").await.expect(404);
        for id in ["abc", "1.5", "", "99999999999999999999", "1e3", "%00", "-"] {
            let reply = tenant.owner.get(&format!("/v1/songs/{id}")).await;
            assert!([400, 404, 308].contains(&reply.code()), "{id}: {reply}");
        }
        tenant.owner.get("/v1/songs/-1").await.expect(404);
        tenant.owner.get("/v1/songs/9223372036854775807").await.expect(404);
    }
}
