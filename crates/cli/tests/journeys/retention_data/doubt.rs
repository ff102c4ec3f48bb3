//! Files of the inbox that are not what they seem.

use std::fs;

use plimsoll_testkit::{Db, both};
use serde_json::json;

use super::{collected, ended, files, opened};

both! {
    async fn names_that_lead_out_of_the_inbox_are_refused(db: Db) {
        let (house, inbox) = opened(db, &[]).await;
        let tenant = house.tenant().await;
        let outside = inbox.parent().unwrap().join("outside.json");
        fs::write(&outside, files::written("json", &files::people(3, 1))).unwrap();
        std::os::unix::fs::symlink(&outside, inbox.join("link.json")).unwrap();
        let folder = inbox.join("folder");
        files::bundle(&folder, &files::people(3, 1));
        fs::remove_file(folder.join("visits.csv")).unwrap();
        std::os::unix::fs::symlink(inbox.parent().unwrap().join("outside.json"), folder.join("visits.csv")).unwrap();
        let sub = inbox.join("sub");
        fs::create_dir(&sub).unwrap();
        fs::copy(&outside, sub.join("inner.json")).unwrap();
        for (name, code) in [
            ("../outside.json", 422), ("..", 422), (".", 422), (".hidden", 422), ("sub/inner.json", 422), ("sub\\inner.json", 422),
            (outside.to_str().unwrap(), 422), ("link.json", 422), ("folder", 422), ("nowhere.json", 404), ("sub", 404),
        ] {
            let reply = tenant.owner.post("/v1/ingest/inbox").json(json!({ "file": name })).await;
            assert_eq!(reply.code(), code, "{name}: {reply}");
            assert!(!reply.text().contains(house.ground.data.path().to_str().unwrap()), "no path of the machine is told: {reply}");
        }
        assert_eq!(house.look("SELECT count(*) FROM ingest"), [["0"]]);
        let viewer = tenant.key("viewer").await;
        viewer.post("/v1/ingest/inbox").json(json!({ "file": "link.json" })).await.expect(403);
    }

    async fn a_file_that_changed_after_it_was_accepted_is_not_read(db: Db) {
        let (house, inbox) = opened(db, &[]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let people = files::people(5, 406);
        // One file of a tenant is worked off at a time: the second waits behind the first.
        fs::write(inbox.join("long.ndjson"), files::written("ndjson", &people[..400])).unwrap();
        fs::write(inbox.join("short.ndjson"), files::written("ndjson", &people[400..403])).unwrap();
        let ask = |file: &str| owner.post("/v1/ingest/inbox").json(json!({ "file": file }));
        let (long, short) = (ask("long.ndjson").await.expect(201).at("/id"), ask("short.ndjson").await.expect(201).at("/id"));
        fs::write(inbox.join("short.ndjson"), files::written("ndjson", &people[403..])).unwrap();
        assert_eq!(owner.get(&format!("/v1/ingest/{short}")).await.expect(200).str("/state"), "waiting");
        let batch = ended(owner, short.as_i64().unwrap()).await;
        assert_eq!((batch["state"].as_str(), batch["why"].as_str()), (Some("failed"), Some("the file in the inbox is not the one that was accepted")));
        assert_eq!(batch["settled"], 0);
        assert_eq!(ended(owner, long.as_i64().unwrap()).await["added"], 400);
        // As it is now it is another file.
        assert_eq!(collected(owner, "short.ndjson").await["added"], 3);
    }

    async fn a_bundle_that_is_not_sorted_is_refused_with_the_file_and_the_line(db: Db) {
        let (house, inbox) = opened(db, &[]).await;
        let tenant = house.tenant().await;
        let mut people = files::people(9, 4);
        people.swap(0, 2);
        files::bundle(&inbox.join("mixed"), &people);
        let batch = collected(&tenant.owner, "mixed").await;
        let why = batch["why"].as_str().unwrap();
        assert_eq!((batch["state"].as_str(), batch["settled"].as_i64()), (Some("failed"), Some(0)), "{batch}");
        assert!(why.contains("patients.csv, line ") && why.contains("ascending order"), "{why}");
    }
}
