//! The same people in every format are the same people, and the same file again changes nothing.

use plimsoll_retention::record::{Record, Stamp};
use plimsoll_testkit::{Db, both};

use super::{collected, counts, everybody, files, opened, uploaded};

both! {
    async fn the_same_people_come_out_of_every_format(db: Db) {
        let (house, inbox) = opened(db, &[]).await;
        let people = files::people(7, 8);
        files::bundle(&inbox.join("bundle"), &people);
        let mut first = None;
        for format in files::FORMATS {
            let tenant = house.tenant().await;
            let batch = match format {
                "csv" => collected(&tenant.owner, "bundle").await,
                other => uploaded(&tenant.owner, &format!("name=export-{}", other.replace(' ', "-")), files::written(other, &people)).await,
            };
            assert_eq!((batch["state"].as_str(), counts(&batch)), (Some("done"), [8, 0, 0, 0, 0]), "{format}: {batch}");
            assert_eq!(batch["format"], match format { "json" | "nmrs" => "json", "xml" => "xml", "csv" => "csv", _ => "ndjson" });
            let all = everybody(&tenant.owner).await;
            assert_eq!(all.len(), 8);
            let forms: usize = all.values().map(|(_, record)| record["encounters"].as_array().unwrap().len()).sum();
            assert_eq!(forms, people.iter().map(|one| one.encounters.len()).sum::<usize>(), "{format}");
            match &first {
                None => first = Some(all),
                Some(first) => assert!(*first == all, "{format} gives another database"),
            }
        }
    }

    async fn the_same_file_again_changes_nothing_and_an_older_record_loses(db: Db) {
        let (house, inbox) = opened(db, &[]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let people = files::people(11, 5);
        let file = files::written("ndjson", &people);
        let batch = uploaded(owner, "name=one.ndjson", file.clone()).await;
        assert_eq!(counts(&batch), [5, 0, 0, 0, 0]);
        let again = uploaded(owner, "name=another-name.ndjson", file.clone()).await;
        assert_eq!(again["id"], batch["id"], "the same bytes are the same batch");
        let versions = || house.look(&format!("SELECT id, version, updated_at FROM patient WHERE tenant_id = '{}' ORDER BY id", tenant.id));
        let (before, all) = (versions(), everybody(owner).await);
        // Other bytes with the same records: through the inbox, in another format, and in another order.
        std::fs::write(inbox.join("twin.json"), files::written("nmrs", &people)).unwrap();
        assert_eq!(counts(&collected(owner, "twin.json").await), [0, 0, 5, 0, 0]);
        let turned: Vec<Record> = people.iter().rev().cloned().collect();
        assert_eq!(counts(&uploaded(owner, "name=turned.xml", files::written("xml", &turned)).await), [0, 0, 5, 0, 0]);
        assert_eq!(versions(), before, "not even the rows were touched");

        let touched = |seconds: i64, city: &str| {
            let one = |mut record: Record| {
                record.person.city = Some(city.to_owned());
                record.touched = record.touched.map(|Stamp(at)| Stamp(at + seconds));
                record
            };
            files::written("json", &people.iter().cloned().map(one).collect::<Vec<_>>())
        };
        assert_eq!(counts(&uploaded(owner, "name=late", touched(-60, "Old Town")).await), [0, 0, 0, 5, 0]);
        assert!(everybody(owner).await == all, "an older export replaced a newer one");
        assert_eq!(counts(&uploaded(owner, "name=new", touched(60, "New Town")).await), [0, 5, 0, 0, 0]);
        assert!(everybody(owner).await.values().all(|(person, _)| person["city"] == "New Town"));
        // The first file once more is older than what is there now. It is the same batch, which is over.
        assert_eq!(uploaded(owner, "name=one.ndjson", file).await["id"], batch["id"]);
        assert!(everybody(owner).await.values().all(|(person, _)| person["city"] == "New Town"));
    }

    async fn what_was_written_here_outlives_the_next_export(db: Db) {
        let (house, _) = opened(db, &[]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let mut people = files::people(12, 1);
        uploaded(owner, "name=one", files::written("json", &people)).await;
        let id = owner.get("/v1/patients").await.expect(200).at("/items/0/id");
        let visit = serde_json::json!({ "uuid": "by-hand", "kind": "CLINICAL", "started": "2025-01-02 09:00:00" });
        owner.post(&format!("/v1/patients/{id}/visits")).json(visit).await.expect(200);
        people[0].person.city = Some("Elsewhere".into());
        people[0].touched = people[0].touched.map(|at| at.plus(60));
        assert_eq!(counts(&uploaded(owner, "name=two", files::written("json", &people)).await), [0, 1, 0, 0, 0]);
        let record = owner.get(&format!("/v1/patients/{id}/record")).await.expect(200);
        assert!(record.at("/visits").as_array().unwrap().iter().any(|one| one["uuid"] == "by-hand"), "{record}");
    }
}
