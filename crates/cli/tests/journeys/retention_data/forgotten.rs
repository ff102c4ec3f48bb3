//! A person who wants to be forgotten, and data whose time is over.

use plimsoll_retention::{
    cohort::{LAST, moved},
    features::History,
    formats::write,
    record::{Day, Record},
};
use plimsoll_testkit::{Db, both, wait};
use serde_json::{Value, json};

use super::{BOUND, counts, ended, files, opened, uploaded};
use crate::house::{House, root};

/// Tables with a row that holds one of these texts.
fn holding(house: &House, needles: &[&str]) -> Vec<String> {
    let tables = match house.ground.database {
        None => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        Some(_) => "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    };
    let mut found = Vec::new();
    for table in house.look(tables).concat() {
        for row in house.look(&format!("SELECT * FROM \"{table}\"")) {
            let text = row.join(" | ");
            found.extend(needles.iter().filter(|needle| text.contains(**needle)).map(|needle| format!("{table}: {needle}")));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// People who are on treatment today.
fn active(seed: u64, count: usize) -> Vec<Record> {
    let today = Day(i32::try_from(plimsoll_core::Clock::system().now().micros() / 86_400_000_000).unwrap());
    let there = |record: &Record| History::of(record, None).last_pickup().is_some_and(|(_, due)| due >= LAST);
    files::people(seed, 60).into_iter().filter(there).take(count).map(|record| moved(record, today.since(LAST) - 1)).collect()
}

both! {
    async fn who_is_erased_is_in_no_table_any_more_refused_records_included(db: Db) {
        let (house, _) = opened(db, &[("PLIMSOLL_TREATMENT__MOST_REJECTS", "1")]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let artifact = std::fs::read_to_string(root().join("systems/retention/demo/iit-v2.txt")).unwrap();
        let model = json!({ "name": "one", "algorithm": "lightgbm", "feature_set": "iit-v2", "artifact": artifact });
        let model = owner.post("/v1/models").json(model).await.expect(201).at("/id");
        owner.post(&format!("/v1/models/{model}/activate")).await.expect(200);

        let mut people = active(43, 4);
        let person = &mut people[2].person;
        (person.given_name, person.family_name) = (Some("Zephyrine".into()), Some("Quillfeather".into()));
        person.phone = Some("+4915112345678".into());
        let (uuid, pepfar) = (person.uuid.clone(), person.pepfar_id.clone().unwrap());
        let batch = uploaded(owner, "name=four.json", files::written("json", &people)).await;
        assert_eq!(counts(&batch), [4, 0, 0, 0, 0]);
        let id = house.look(&format!("SELECT id FROM patient WHERE uuid = '{uuid}'"))[0][0].clone();
        let rows = |table: &str| house.look(&format!("SELECT count(*) FROM {table} WHERE patient_id = {id}"))[0][0].clone();
        wait::until(BOUND, || async { rows("prediction") != "0" }).await;
        owner.post("/v1/predictions").json(json!({ "patient_uuid": uuid })).await.expect(201);

        // The same person comes again and is refused, and somebody nobody knows comes and is refused.
        let mut trees: Vec<Value> =
            people[2..].iter().map(|one| write::tree(one, write::Dialect::Message)).collect();
        for tree in &mut trees {
            tree["messageData"]["demographics"]["gender"] = json!("X");
        }
        trees[1]["messageData"]["demographics"]["patientUuid"] = json!("never-accepted");
        let refused = uploaded(owner, "name=again.json", Value::Array(trees).to_string().into_bytes()).await;
        assert_eq!(counts(&refused), [0, 0, 0, 0, 2]);
        let kept = || house.look("SELECT count(*) FROM reject WHERE person IS NOT NULL AND length(original) > 0")[0][0].clone();
        assert_eq!(kept(), "2");
        let needles = [uuid.as_str(), pepfar.as_str(), "Zephyrine", "Quillfeather", "+4915112345678", "never-accepted"];
        assert!(holding(&house, &needles[..5]).iter().all(|one| one.starts_with("patient:")), "{:?}", holding(&house, &needles));
        assert_eq!(holding(&house, &["never-accepted"]), Vec::<String>::new(), "whose a refused record is stands nowhere");

        let body = |key: &str| json!({ "kind": "patient", "key": key });
        let copy = owner.post("/v1/subjects/export").json(body(&uuid)).await.expect(200).json();
        for table in ["patient", "visit", "encounter", "chart", "prediction", "risk", "reject"] {
            let part = copy["tables"].as_array().unwrap().iter().find(|part| part["table"] == table).unwrap();
            assert!(!part["rows"].as_array().unwrap().is_empty(), "{table} is part of the copy");
        }
        let mut erase = body(&uuid);
        erase["confirm"] = json!(uuid);
        owner.post("/v1/subjects/erase").json(erase).await.expect(200);
        assert_eq!(holding(&house, &needles), Vec::<String>::new());
        for table in ["visit", "encounter", "chart", "prediction", "risk"] {
            assert_eq!(rows(table), "0", "{table}");
        }
        assert_eq!(kept(), "1");
        let mut stranger = body("never-accepted");
        stranger["confirm"] = json!("never-accepted");
        let certificate = owner.post("/v1/subjects/erase").json(stranger).await.expect(200).json();
        assert!(certificate.to_string().contains("\"reject\""), "{certificate}");
        assert_eq!(kept(), "0");
        assert_eq!(owner.get("/v1/patients").await.expect(200).at("/pagination/total_items"), 3);
        assert_eq!(owner.get("/v1/audit/verify").await.expect(200).at("/intact"), true);
    }

    async fn a_file_that_is_still_worked_off_does_not_bring_back_whoever_is_erased_meanwhile(db: Db) {
        let (house, _) = opened(db, &[("PLIMSOLL_TREATMENT__MOST_REJECTS", "1")]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let mut people = files::people(37, 900);
        let last = people.len() - 1;
        people[last].person.given_name = Some("Zephyrine".into());
        let uuid = people[last].person.uuid.clone();
        let mut refused: Value = write::tree(&people[0], write::Dialect::Message);
        refused["messageData"]["demographics"]["patientUuid"] = json!("refused-last");
        refused["messageData"]["demographics"]["gender"] = json!("X");
        let mut lines = files::written("ndjson", &people);
        lines.extend(format!("{refused}\n").into_bytes());
        let upload = owner.post("/v1/ingest?name=many.ndjson").header("content-type", "application/octet-stream").body(lines);
        let id = upload.await.expect(201).at("/id").as_i64().unwrap();
        for key in [uuid.as_str(), "refused-last"] {
            owner.post("/v1/subjects/erase").json(json!({ "kind": "patient", "key": key, "confirm": key })).await.expect(200);
        }
        let settled = owner.get(&format!("/v1/ingest/{id}")).await.expect(200).at("/settled").as_i64().unwrap();
        assert!(settled < 900, "erased while the file is worked off: {settled}");
        let batch = ended(owner, id).await;
        assert_eq!(counts(&batch), [899, 0, 0, 0, 2], "{batch}");
        let rejects = owner.get(&format!("/v1/ingest/{id}/rejects")).await.expect(200);
        assert_eq!(rejects.str("/items/0/faults/0/reason"), "erased");
        assert_eq!([rejects.at("/items/0/kept"), rejects.at("/items/1/kept")], [json!(false), json!(false)]);
        assert_eq!(holding(&house, &[&uuid, "Zephyrine", "refused-last"]), Vec::<String>::new());
        assert_eq!(house.look("SELECT count(*) FROM ingest_part"), [["0"]], "nor does the file stay");
        // Whoever comes again in a file of later is somebody who came again.
        let again = uploaded(owner, "name=again.json", files::written("json", &people[last..])).await;
        assert_eq!(counts(&again), [1, 0, 0, 0, 0]);
    }

    async fn an_older_archive_of_the_tenant_does_not_bring_the_person_back(db: Db) {
        let (house, _) = opened(db, &[("PLIMSOLL_TREATMENT__MOST_REJECTS", "1")]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let people = files::people(47, 3);
        let (bytes, _) = files::faulty(53, 2, &plimsoll_retention::cohort::Untidy { births: 1.0, ..Default::default() });
        uploaded(owner, "name=three.json", files::written("json", &people)).await;
        let refused = uploaded(owner, "name=two.ndjson", bytes).await;
        let rejects = |state: &str| house.look(&format!("SELECT count(*) FROM reject WHERE state = '{state}'"))[0][0].clone();
        assert_eq!((counts(&refused), rejects("open").as_str()), ([0, 0, 0, 0, 2], "2"));
        let archive = house.ground.data.join("own.plm").display().to_string();
        house.command(&["tenant", "export", &tenant.slug, "--out", &archive]).await;
        let unknown = plimsoll_retention::cohort::Cohort::new(53);
        let unknown = unknown.record(&unknown.member(0)).person.uuid;
        for key in [people[1].person.uuid.as_str(), unknown.as_str()] {
            owner.post("/v1/subjects/erase").json(json!({ "kind": "patient", "key": key, "confirm": key })).await.expect(200);
        }
        let count = |table: &str| house.look(&format!("SELECT count(*) FROM {table}"))[0][0].clone();
        let tables = ["patient", "visit", "encounter", "chart", "reject"];
        let after = tables.map(count);
        assert_eq!((after[0].as_str(), after[4].as_str()), ("2", "1"));
        house.command(&["tenant", "restore", &archive, "--over", "--yes"]).await;
        assert_eq!(tables.map(count), after, "{tables:?}");
    }

    async fn what_has_had_its_use_goes_when_its_time_is_over(db: Db) {
        let periods = r#"{ "refused-records" = "1s", "finished-exports" = "1s", "old-predictions" = "1s" }"#;
        let (house, _) = opened(db, &[("PLIMSOLL_RETENTION__PERIODS", periods), ("PLIMSOLL_RETENTION__EVERY", "1s"), ("PLIMSOLL_TREATMENT__MOST_REJECTS", "1")]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let (bytes, faults) = files::faulty(59, 10, &plimsoll_retention::cohort::Untidy { births: 0.5, ..Default::default() });
        let made = owner.post("/v1/ingest?name=ten").header("content-type", "application/octet-stream").body(bytes).await.expect(201);
        let batch = ended(owner, made.at("/id").as_i64().unwrap()).await;
        assert!(counts(&batch)[4] > 0 && faults.len() == 10);
        wait::until(BOUND, || async { house.look("SELECT count(*) FROM reject") == [["0"]] && house.look("SELECT count(*) FROM ingest") == [["0"]] }).await;
        assert_ne!(owner.get("/v1/patients").await.expect(200).at("/pagination/total_items"), 0, "people stay");
        let classes = owner.get("/v1/retention").await.expect(200).at("/items");
        let named = |name: &str| classes.as_array().unwrap().iter().any(|one| one["class"] == name && one["system"] == "treatment");
        assert!(["refused-records", "uploaded-exports", "finished-exports", "old-predictions"].iter().all(|name| named(name)), "{classes}");
    }
}
