//! Killed in the middle of a file: nothing is lost and nothing is doubled.

use std::fs;

use plimsoll_testkit::{Db, both, wait};
use serde_json::json;

use super::{BOUND, counts, ended, files, opened};

both! {
    async fn a_file_whose_process_is_killed_twice_is_worked_off_once(db: Db) {
        let (house, inbox) = opened(db, &[("PLIMSOLL_TREATMENT__MOST_REJECTS", "1")]).await;
        let tenant = house.tenant().await;
        // Every hundredth record is refused: rejects must not be doubled either.
        let people = files::people(29, 900);
        let mut lines = files::written("ndjson", &people);
        for at in (0..900).rev().step_by(100) {
            let start = lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(at).map_or(lines.len(), |(place, _)| place + 1);
            drop(lines.splice(start..start, b"{\"messageData\": 1}\n".iter().copied()));
        }
        fs::write(inbox.join("people.ndjson"), lines).unwrap();
        let id = tenant.owner.post("/v1/ingest/inbox").json(json!({ "file": "people.ndjson" })).await.expect(201).at("/id").as_i64().unwrap();
        let (mut running, mut owner) = (None, tenant.owner.clone());
        for settled in [150, 450] {
            wait::until(BOUND, || async { owner.get(&format!("/v1/ingest/{id}")).await.expect(200).at("/settled").as_i64().unwrap() >= settled }).await;
            let now = running.as_ref().unwrap_or(&house.running);
            now.crash().await;
            running = Some(house.plimsoll.start().await);
            let key = house.command(&["key", "create", "--tenant", &tenant.slug, "--role", "owner"]).await;
            owner = tenant.owner.at(running.as_ref().unwrap().client()).with(key["key"].as_str().unwrap());
            let there = owner.get(&format!("/v1/ingest/{id}")).await.expect(200);
            assert!(there.at("/settled").as_i64().unwrap() < 909, "killed in the middle: {there}");
        }
        let batch = ended(&owner, id).await;
        assert_eq!((batch["settled"].as_i64(), counts(&batch)), (Some(909), [900, 0, 0, 0, 9]), "{batch}");
        let count = |table: &str| house.look(&format!("SELECT count(*) FROM {table}"))[0][0].parse::<usize>().unwrap();
        assert_eq!((count("patient"), count("chart"), count("reject")), (900, 900, 9));
        assert_eq!(count("visit"), people.iter().map(|one| one.visits.len()).sum::<usize>());
        assert_eq!(count("encounter"), people.iter().map(|one| one.encounters.len()).sum::<usize>());
        assert_eq!(owner.get("/v1/patients?page_size=1").await.expect(200).at("/pagination/total_items"), 900);
        assert_eq!(owner.get("/v1/audit/verify").await.expect(200).at("/intact"), true);
    }
}
