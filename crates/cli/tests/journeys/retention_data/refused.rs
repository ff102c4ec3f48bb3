//! Records that are refused: told with reason and place and without a value, mended, replayed, let go.

use plimsoll_retention::{
    cohort::{Planted, Untidy},
    formats::write,
};
use plimsoll_testkit::{Db, both};
use serde_json::{Value, json};

use super::{counts, everybody, files, opened, uploaded};
use crate::house::pointers;

/// The faults of a reject as they were planted.
fn told(reject: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let mut all: Vec<_> = reject["faults"].as_array().unwrap().iter().map(|one| (text(one, "reason"), text(one, "pointer"))).collect();
    all.sort();
    all
}

fn planted(faults: &[Planted]) -> Vec<(String, String)> {
    let mut all: Vec<_> = faults.iter().map(|one| (one.reason.code().to_owned(), one.pointer.clone())).collect();
    all.sort();
    all
}

both! {
    async fn every_planted_fault_is_told_with_reason_and_place_and_no_value_leaves(db: Db) {
        let (house, _) = opened(db, &[("PLIMSOLL_TREATMENT__MOST_REJECTS", "1"), ("PLIMSOLL_TELEMETRY__LEVEL", "debug")]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let amounts = Untidy { births: 0.1, dates: 0.01, ..Untidy::default() };
        let (bytes, faults) = files::faulty(17, 40, &amounts);
        let batch = uploaded(owner, "name=faulty.ndjson", bytes.clone()).await;
        let wrong: Vec<usize> = (0..40).filter(|at| !faults[*at].is_empty()).collect();
        assert!(wrong.len() > 8 && wrong.len() < 40, "{}", wrong.len());
        assert_eq!((batch["state"].as_str(), counts(&batch)), (Some("done"), [40 - wrong.len() as i64, 0, 0, 0, wrong.len() as i64]));
        let reply = owner.get(&format!("/v1/ingest/{}/rejects?limit=1000", batch["id"])).await.expect(200);
        let rejects = reply.at("/items").as_array().unwrap().clone();
        assert_eq!(rejects.len(), wrong.len());
        for (reject, at) in rejects.iter().zip(&wrong) {
            assert_eq!((&reject["record"], &reject["line"], &reject["state"]), (&json!(at), &json!(at + 1), &json!("open")));
            assert_eq!(told(reject), planted(&faults[*at]));
        }
        // Nobody's name, number or identity is in what was told or logged, of those who came in and of those who did not.
        let said = [reply.text(), house.running.stderr(), house.running.stdout()];
        let jobs = house.look("SELECT payload, result, progress FROM job").concat().join(" ");
        let events = house.look("SELECT data, subject FROM event").concat().join(" ");
        let ledger = house.look("SELECT target, detail FROM ledger").concat().join(" ");
        assert!(said[1].len() > 100, "there is a log to look at");
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let person = &serde_json::from_slice::<Value>(line).unwrap()["messageData"]["demographics"];
            for name in ["patientUuid", "pepfarId", "givenName", "familyName", "phoneNumber", "birthdate"] {
                let Some(value) = person[name].as_str() else { continue };
                for text in said.iter().chain([&jobs, &events, &ledger]) {
                    assert!(!text.contains(value), "{name} in {text}");
                }
            }
        }
    }

    async fn a_refused_record_is_mended_and_replayed_once(db: Db) {
        let (house, _) = opened(db, &[("PLIMSOLL_TREATMENT__MOST_REJECTS", "1")]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let mut trees: Vec<Value> = files::people(19, 4).iter().map(|one| write::tree(one, write::Dialect::Message)).collect();
        let whole = trees.clone();
        trees[1]["messageData"]["visits"][0]["dateStarted"] = json!("03/04/2023");
        trees[1]["messageData"]["visits"][0]["dateStopped"] = json!("03/04/2023");
        trees[2]["messageData"]["demographics"]["gender"] = json!("X");
        trees[3]["messageData"]["demographics"]["phoneNumber"] = json!("0803 123 4567");
        let mut lines: Vec<u8> = trees.iter().map(Value::to_string).collect::<Vec<_>>().join("\n").into_bytes();
        lines.extend(b"\n{\"messageData\": {\"demographics\":");
        let batch = uploaded(owner, "name=four.ndjson", lines).await;
        assert_eq!(counts(&batch), [1, 0, 0, 0, 4], "{batch}");
        let rejects = owner.get(&format!("/v1/ingest/{}/rejects", batch["id"])).await.expect(200);
        let id = |at: usize| rejects.at(&format!("/items/{at}/id"));
        let kept: Vec<bool> = (0..4).map(|at| rejects.at(&format!("/items/{at}/kept")).as_bool().unwrap()).collect();
        assert_eq!(kept, [true, true, true, false], "the text that names nobody is not kept");

        let replay = |id: Value, body: Value| owner.post(&format!("/v1/rejects/{id}/replay")).json(body);
        // As it is, it is refused again; nothing is lost by trying.
        let refused = replay(id(0), json!({})).await.expect(422);
        assert!(pointers(&refused)[0].starts_with("/record/messageData/visits/"), "{refused}");
        assert_eq!(replay(id(0), json!({ "declared": { "dates": "day" } })).await.expect(200).str("/outcome"), "added");
        replay(id(0), json!({ "declared": { "dates": "day" } })).await.expect(409);
        assert_eq!(replay(id(1), json!({ "record": whole[2] })).await.expect(200).str("/outcome"), "added");
        assert_eq!(replay(id(2), json!({ "declared": { "country": 234 } })).await.expect(200).str("/outcome"), "added");
        replay(id(3), json!({})).await.expect(422);
        owner.post(&format!("/v1/rejects/{}/discard", id(3))).await.expect(204);
        owner.post(&format!("/v1/rejects/{}/discard", id(3))).await.expect(409);
        let left = owner.get(&format!("/v1/ingest/{}/rejects?state=open", batch["id"])).await.expect(200);
        assert_eq!(left.at("/items"), json!([]));
        assert_eq!(house.look("SELECT count(*) FROM reject WHERE length(original) > 0"), [["0"]], "what is settled keeps no text");

        let all = everybody(owner).await;
        assert_eq!(all.len(), 4);
        let uuid = |at: usize| whole[at]["messageData"]["demographics"]["patientUuid"].as_str().unwrap();
        let visits = all[uuid(1)].1["visits"].as_array().unwrap();
        assert!(visits.iter().any(|one| one["started"].as_str().unwrap().starts_with("2023-04-03")), "the day comes first");
        assert_eq!(all[uuid(3)].0["phone"], "+2348031234567");
    }

    async fn a_record_whose_programme_identity_is_taken_is_kept_and_replayed_when_it_is_free(db: Db) {
        let (house, _) = opened(db, &[("PLIMSOLL_TREATMENT__MOST_REJECTS", "1")]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let mut people = files::people(31, 2);
        people.iter_mut().for_each(|one| one.person.pepfar_id = Some("ONE-OF-TWO".into()));
        let batch = uploaded(owner, "name=two.json", files::written("json", &people)).await;
        assert_eq!(counts(&batch), [1, 0, 0, 0, 1], "{batch}");
        let reject = owner.get(&format!("/v1/ingest/{}/rejects", batch["id"])).await.expect(200);
        assert_eq!((reject.at("/items/0/kept"), reject.str("/items/0/faults/0/reason")), (json!(true), "duplicate_id".to_owned()));
        let path = format!("/v1/rejects/{}/replay", reject.at("/items/0/id"));
        owner.post(&path).json(json!({})).await.expect(409);
        let first = owner.get("/v1/patients").await.expect(200).at("/items/0/id");
        owner.patch(&format!("/v1/patients/{first}")).json(json!({ "pepfar_id": null })).await.expect(200);
        assert_eq!(owner.post(&path).json(json!({})).await.expect(200).str("/outcome"), "added");
        let (there, wanted) = (everybody(owner).await, &people[1]);
        let record = &there[&wanted.person.uuid].1;
        assert_eq!(record["visits"].as_array().unwrap().len(), wanted.visits.len());
        assert_eq!(record["encounters"].as_array().unwrap().len(), wanted.encounters.len());
    }

    async fn a_file_with_too_many_faults_fails_and_says_so_and_may_come_again(db: Db) {
        let (house, _) = opened(db, &[]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let (bytes, _) = files::faulty(23, 30, &Untidy { births: 0.3, ..Untidy::default() });
        let batch = uploaded(owner, "name=bad.ndjson", bytes.clone()).await;
        assert_eq!(batch["state"], "failed", "{batch}");
        let why = batch["why"].as_str().unwrap();
        assert!(why.contains(&format!("{} of 30 records were refused", batch["rejected"])) && why.contains("5 in 100"), "{why}");
        assert_eq!(house.look("SELECT count(*) FROM ingest_part"), [["0"]], "its bytes are gone");
        let again = uploaded(owner, "name=bad.ndjson", bytes).await;
        assert_ne!(again["id"], batch["id"], "a file that failed may come again");
        assert_eq!(again["unchanged"], batch["added"], "and what was accepted is not added twice");

        for (name, bytes, code) in [("empty.json", b"".to_vec(), 400), ("picture.png", b"\x89PNG\r\n".to_vec(), 415)] {
            let reply = owner.post(&format!("/v1/ingest?name={name}")).header("content-type", "application/octet-stream").body(bytes).await;
            assert_eq!(reply.code(), code, "{reply}");
        }
        let nothing = uploaded(owner, "name=nothing.json", b"[]".to_vec()).await;
        assert_eq!((nothing["state"].as_str(), nothing["why"].as_str()), (Some("failed"), Some("there is no record in it")));
    }
}
