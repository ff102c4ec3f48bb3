//! Rows of a record: taken back, let count again, and as they were on a day.

use plimsoll_testkit::{Db, both};
use serde_json::{Value, json};

use super::{counts, files, opened, uploaded};

fn row<'v>(record: &'v Value, list: &str, uuid: &str) -> &'v Value {
    record[list].as_array().unwrap().iter().find(|one| one["uuid"] == uuid).unwrap()
}

both! {
    async fn what_was_taken_back_here_stays_so_when_the_next_export_comes(db: Db) {
        let (house, _) = opened(db, &[]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let mut people = files::people(39, 1);
        people[0].visits.retain(|one| !one.voided);
        people[0].encounters.retain(|one| !one.voided);
        let kept: Vec<String> = people[0].encounters.iter().map(|one| one.uuid.clone()).collect();
        people[0].observations.retain(|one| kept.contains(&one.encounter));
        uploaded(owner, "name=one", files::written("json", &people)).await;
        let id = owner.get("/v1/patients").await.expect(200).at("/items/0/id");
        let (visit, form) = (people[0].visits[0].uuid.clone(), people[0].encounters[0].uuid.clone());
        let history = || house.look("SELECT history FROM chart");
        let before = history();
        owner.post(&format!("/v1/patients/{id}/visits/void")).json(json!({ "uuid": visit })).await.expect(204);
        owner.post(&format!("/v1/patients/{id}/encounters/void")).json(json!({ "uuid": form })).await.expect(204);
        let voided = history();
        assert_ne!(voided, before, "what models look at follows");
        owner.post(&format!("/v1/patients/{id}/visits/void")).json(json!({ "uuid": "nobody" })).await.expect(404);
        tenant.key("viewer").await.post(&format!("/v1/patients/{id}/visits/void")).json(json!({ "uuid": visit })).await.expect(403);

        people[0].person.city = Some("Elsewhere".into());
        people[0].touched = people[0].touched.map(|at| at.plus(60));
        assert_eq!(counts(&uploaded(owner, "name=two", files::written("json", &people)).await), [0, 1, 0, 0, 0]);
        let record = owner.get(&format!("/v1/patients/{id}/record")).await.expect(200).json();
        assert_eq!((&row(&record, "visits", &visit)["voided"], &row(&record, "encounters", &form)["voided"]), (&json!(true), &json!(true)));
        assert_eq!(history(), voided);
        for list in ["visits", "encounters"] {
            let uuid = if list == "visits" { &visit } else { &form };
            owner.post(&format!("/v1/patients/{id}/{list}/restore")).json(json!({ "uuid": uuid })).await.expect(204);
        }
        assert_eq!(history(), before);
    }

    async fn a_record_as_of_a_day_has_nothing_from_after_it(db: Db) {
        let (house, _) = opened(db, &[]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let people = files::people(41, 1);
        uploaded(owner, "name=one", files::written("json", &people)).await;
        let id = owner.get("/v1/patients").await.expect(200).at("/items/0/id");
        let middle = people[0].visits[people[0].visits.len() / 2].started.day();
        let record = owner.get(&format!("/v1/patients/{id}/record?as_of={middle}")).await.expect(200).json();
        let whole = owner.get(&format!("/v1/patients/{id}/record")).await.expect(200).json();
        let days = |record: &Value, list: &str, name: &str| -> Vec<String> {
            record[list].as_array().unwrap().iter().map(|one| one[name].as_str().unwrap()[..10].to_owned()).collect()
        };
        for (list, name) in [("visits", "started"), ("encounters", "at")] {
            let (some, all) = (days(&record, list, name), days(&whole, list, name));
            let wanted: Vec<String> = all.iter().filter(|day| **day <= middle.to_string()).cloned().collect();
            assert!(!some.is_empty() && some == wanted && some.len() < all.len(), "{list}: {some:?} of {all:?}");
        }
        owner.get(&format!("/v1/patients/{id}/record?as_of=2024-02-31")).await.expect(422);
        let seen = owner.get(&format!("/v1/audit?action=records.read&target=patients/{id}")).await.expect(200).at("/items");
        assert_eq!((seen.as_array().unwrap().len(), &seen[1]["detail"]["as_of"]), (2, &json!(middle.to_string())));
    }
}
