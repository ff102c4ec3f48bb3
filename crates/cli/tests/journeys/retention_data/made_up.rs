//! `plimsoll demo retention`: people who do not exist, as files that are taken.

use std::{collections::BTreeMap, fs};

use plimsoll_testkit::{Db, both};
use serde_json::{Value, json};

use super::{collected, counts, everybody, files, opened};

both! {
    async fn made_up_people_come_out_of_every_format_alike(db: Db) {
        let (house, inbox) = opened(db, &[]).await;
        let wanted = {
            let tenant = house.tenant().await;
            fs::write(inbox.join("own.json"), files::written("json", &people(5))).unwrap();
            collected(&tenant.owner, "own.json").await;
            everybody(&tenant.owner).await
        };
        for (format, file) in [("ndjson", "people.ndjson"), ("json", "people.json"), ("nmrs", "people.nmrs.json"), ("xml", "people.xml"), ("csv", "")] {
            let out = inbox.join(format);
            let place = out.to_str().unwrap();
            let words = ["demo", "retention", "--patients", "5", "--seed", "61", "--format", format, "--out", place];
            let told = house.command(&words).await;
            assert_eq!((&told["patients"], told["files"].as_array().unwrap().len()), (&json!(5), if format == "csv" { 5 } else { 2 }));
            let again = house.plimsoll.run(words).await.expect(2);
            assert!(again.stderr.contains("facilities.json cannot be written"), "what is there is left alone: {again}");
            let name = if format == "csv" { format.to_owned() } else {
                fs::rename(out.join(file), inbox.join(file)).unwrap();
                file.to_owned()
            };
            let tenant = house.tenant().await;
            assert_eq!(counts(&collected(&tenant.owner, &name).await), [5, 0, 0, 0, 0], "{format}");
            assert!(everybody(&tenant.owner).await == wanted, "{format}");
            let facilities: Value = serde_json::from_slice(&fs::read(out.join("facilities.json")).unwrap()).unwrap();
            tenant.owner.post("/v1/facilities/bulk").json(facilities).await.expect(201);
        }
    }

    async fn untidy_people_are_refused_as_the_list_beside_them_says(db: Db) {
        let (house, inbox) = opened(db, &[("PLIMSOLL_TREATMENT__MOST_REJECTS", "1")]).await;
        let tenant = house.tenant().await;
        let place = inbox.join("made");
        let out = place.to_str().unwrap();
        let words = ["demo", "retention", "--patients", "40", "--untidy", "--until", "yesterday", "--out", out];
        let told = house.command(&words).await;
        fs::rename(place.join("people.ndjson"), inbox.join("people.ndjson")).unwrap();
        let batch = collected(&tenant.owner, "people.ndjson").await;
        assert_eq!(Some(counts(&batch)[4]), told["refusable"].as_i64(), "{batch}");
        let faults = fs::read_to_string(place.join("faults.ndjson")).unwrap();
        let wanted: BTreeMap<i64, usize> = faults
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|one| (one["record"].as_i64().unwrap(), one["faults"].as_array().unwrap().len()))
            .collect();
        let rejects = tenant.owner.get(&format!("/v1/ingest/{}/rejects?limit=1000", batch["id"])).await.expect(200).at("/items");
        let found: BTreeMap<i64, usize> =
            rejects.as_array().unwrap().iter().map(|one| (one["record"].as_i64().unwrap(), one["faults"].as_array().unwrap().len())).collect();
        assert!(!wanted.is_empty() && found == wanted, "{found:?} instead of {wanted:?}");
        let last = house.look("SELECT max(last_pickup) FROM chart")[0][0].parse::<i64>().unwrap();
        let today = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400).unwrap();
        assert!((today - 155..today).contains(&last), "the records end yesterday, not in the generator's time: {last}");
        house.plimsoll.run(["demo", "retention", "--patients", "1", "--until", "2025-02-30", "--out", out]).await.expect(2);
        house.plimsoll.run(["demo", "retention", "--patients", "0", "--out", out]).await.expect(2);
    }
}

fn people(count: u64) -> Vec<plimsoll_retention::record::Record> {
    let cohort = plimsoll_retention::cohort::Cohort::new(61);
    cohort.members(count).map(|member| cohort.record(&member)).collect()
}
