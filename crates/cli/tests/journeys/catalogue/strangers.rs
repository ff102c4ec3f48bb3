//! A client without credential, written for another server with the same contract.

use std::collections::{BTreeMap, btree_map::Entry};

use plimsoll_testkit::{Db, both};
use serde_json::{Value, json};

use crate::house::House;

const FIELDS: [&str; 6] = ["id", "title", "artist_id", "release_date", "url", "distance"];

both! {
    async fn a_known_client_reads_what_the_operator_made_public(db: Db) {
        let house = House::open(db, &[("PLIMSOLL_CATALOGUE__PUBLIC_READ", "demo")], &["--demo"]).await;
        let client = house.stranger();

        // As that client does it: the list without parameters, then each artist once.
        let songs = client.get("/v1/songs").await.expect(200).json();
        let items = songs["items"].as_array().unwrap();
        assert_eq!(items.len(), 10);
        let mut names: BTreeMap<i64, String> = BTreeMap::new();
        for song in items {
            assert_eq!(song.as_object().unwrap().keys().collect::<Vec<_>>(), FIELDS);
            let Some(artist) = song["artist_id"].as_i64() else { continue };
            if let Entry::Vacant(name) = names.entry(artist) {
                let found = client.get(&format!("/v1/artists/{artist}")).await.expect(200).json();
                assert_eq!(found["id"], artist);
                name.insert(found["name"].as_str().unwrap().to_owned());
            }
        }
        assert!(names.len() > 1 && names.values().all(|name| !name.is_empty()), "{names:?}");
        client.get("/v1/artists/999999").await.expect(404);

        let pagination = &songs["pagination"];
        let total = pagination["total_items"].as_i64().unwrap();
        assert!(total >= 30, "{total} songs");
        let expected = json!({ "page": 1, "page_size": 10, "total_items": total, "total_pages": (total + 9) / 10, "has_next": true, "has_prev": false });
        assert_eq!(*pagination, expected);

        // Public to read is all it is.
        for path in ["/v1/users", "/v1/keys", "/v1/audit", "/v1/auth/me", "/v1/roles", "/v1/tenants"] {
            client.get(path).await.expect(401);
        }
        client.post("/v1/songs").json(json!({ "title": "No" })).await.expect(401);
        client.delete("/v1/artists/1").await.expect(401);
        let deleted = client.get("/v1/songs?deleted=true").await;
        assert!([401, 403].contains(&deleted.code()), "{deleted}");
        // A broken credential is an error even where none is needed.
        client.with("plm_nonsense").get("/v1/songs").await.expect(401);

        // Another tenant's rows are not public with it.
        let other = house.tenant().await;
        let song = other.owner.make("songs", json!({ "title": "Private matters" })).await;
        let seen: Value = client.get("/v1/songs?q=Private%20matters").await.expect(200).json();
        assert_eq!(seen["items"], json!([]));
        assert_ne!(client.get(&format!("/v1/songs/{song}")).await.json()["title"], "Private matters");
        // Its people see their own, not the public ones.
        assert_eq!(other.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 1);
    }

    async fn without_that_setting_nothing_is_public(db: Db) {
        let stranger = crate::house::house(db).stranger();
        for path in ["/v1/songs", "/v1/songs/1", "/v1/artists", "/v1/artists/1"] {
            stranger.get(path).await.expect(401);
        }
    }
}
