//! Questions about everybody: how many, who would be refused, and all of them as a file.

use plimsoll_testkit::{Db, both};
use serde_json::{Value, json};

use super::{files, uploaded};
use crate::house::house;

fn count<'v>(stats: &'v Value, by: &str, value: &Value) -> &'v Value {
    stats[by].as_array().unwrap().iter().find(|one| one["value"] == *value).map_or(&Value::Null, |one| &one["people"])
}

both! {
    async fn everybody_is_counted_by_sex_age_state_and_facility(db: Db) {
        let tenant = house(db).tenant().await;
        let owner = &tenant.owner;
        let year = &plimsoll_core::Clock::system().now().to_string()[..4].parse::<i32>().unwrap();
        let born = |age: i32| format!("{}-01-01", year - age);
        let people: Vec<Value> = [(5, "F"), (17, "F"), (18, "M"), (34, "F"), (54, "M"), (60, "F"), (80, "M")]
            .iter()
            .enumerate()
            .map(|(at, (age, gender))| json!({ "uuid": format!("p-{at}"), "birthdate": born(*age), "gender": gender, "state": "Kano",
                "facility": if at < 3 { "F-1" } else { "F-2" }, "phone": (at > 0).then(|| format!("+99900000001{at}")) }))
            .chain([json!({ "uuid": "unknown" }), json!({ "uuid": "gone", "gender": "F" })])
            .collect();
        let ids = owner.make_many("patients", people).await;
        owner.delete(&format!("/v1/patients/{}", ids[8])).await.expect(204);
        let stats = owner.get("/v1/patients/stats").await.expect(200).json();
        assert_eq!((&stats["total"], &stats["with_phone"]), (&json!(8), &json!(6)), "{stats}");
        for (by, value, people) in [
            ("by_gender", json!("F"), 4), ("by_gender", json!("M"), 3), ("by_gender", Value::Null, 1),
            ("by_age", json!("0-17"), 2), ("by_age", json!("18-34"), 2), ("by_age", json!("35-54"), 1), ("by_age", json!("55-74"), 1),
            ("by_age", json!("75+"), 1), ("by_age", Value::Null, 1),
            ("by_state", json!("Kano"), 7), ("by_facility", json!("F-1"), 3), ("by_facility", json!("F-2"), 4),
        ] {
            assert_eq!(count(&stats, by, &value), people, "{by} {value}: {stats}");
        }
        let other = house(db).tenant().await;
        assert_eq!(other.owner.get("/v1/patients/stats").await.expect(200).at("/total"), 0);
    }

    async fn validation_says_what_would_be_refused_and_writes_nothing(db: Db) {
        let tenant = house(db).tenant().await;
        let owner = &tenant.owner;
        owner.make("facilities", json!({ "code": "F-1", "name": "First" })).await;
        owner.make("patients", json!({ "uuid": "there", "pepfar_id": "P-1", "given_name": "Ann", "family_name": "Onym", "birthdate": "1990-05-06" })).await;
        let good = json!({ "uuid": "new", "birthdate": "1980-02-03", "gender": "F", "facility": "F-1", "phone": "+2348031234567" });
        let items = json!([
            good,
            { "uuid": "there", "pepfar_id": "P-1" },
            { "uuid": "new", "gender": "female", "birthdate": "2999-01-01", "phone": "+234 803 123 4568" },
            { "gender": "X", "nickname": "Z" },
            { "uuid": "twin", "given_name": "Ann", "family_name": "Onym", "birthdate": "1990-05-06", "facility": "F-9", "gender": "F", "phone": "+2348031234569" },
        ]);
        let said = owner.post("/v1/patients/validate").json(json!({ "items": items })).await.expect(200).json();
        assert_eq!((&said["valid"], &said["invalid"]), (&json!(2), &json!(3)), "{said}");
        let pointers = |at: usize, list: &str| -> Vec<String> {
            let all = said["results"][at][list].as_array().unwrap();
            all.iter().map(|one| one["pointer"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!((pointers(0, "errors"), pointers(0, "warnings"), pointers(0, "suggestions")), (vec![], vec![], vec![]));
        assert_eq!(pointers(1, "errors"), ["/uuid", "/pepfar_id"]);
        assert!(["/gender", "/phone", "/birthdate", "/uuid"].iter().all(|one| pointers(2, "errors").contains(&(*one).to_owned())), "{said}");
        assert_eq!(said["results"][2]["suggestions"], json!([{ "pointer": "/gender", "value": "F" }, { "pointer": "/phone", "value": "+2348031234568" }]));
        assert!(pointers(3, "errors").len() >= 3, "{said}");
        assert_eq!(pointers(4, "warnings"), ["/facility", ""], "another facility, and somebody like this is there");
        assert_eq!(owner.get("/v1/patients").await.expect(200).at("/pagination/total_items"), 1);
        // What is said to be valid is taken, what is not is not.
        let made = owner.post("/v1/patients/bulk").json(json!({ "items": [items[0], items[2], items[3], items[4]] })).await.expect(207).json();
        let status: Vec<&Value> = made["results"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
        assert_eq!(status, [&json!(201), &json!(422), &json!(422), &json!(201)]);
        tenant.key("viewer").await.post("/v1/patients/validate").json(json!({ "items": [good] })).await.expect(403);
        owner.post("/v1/patients/validate").json(json!({ "items": vec![good; 1001] })).await.expect(422);
    }

    async fn everybody_is_exported_for_those_who_may_and_that_is_on_record(db: Db) {
        let tenant = house(db).tenant().await;
        let owner = &tenant.owner;
        let mut people = files::people(37, 30);
        people[0].person.family_name = Some("=HYPERLINK(\"x\")".into());
        people[1].person.city = Some("One, two".into());
        uploaded(owner, "name=thirty", files::written("json", &people)).await;
        let json = owner.get("/v1/patients/export").await.expect(200);
        let items = json.at("/items").as_array().unwrap().clone();
        assert_eq!(items.len(), 30);
        let listed = owner.get("/v1/patients?page_size=100").await.expect(200).at("/items");
        for one in listed.as_array().unwrap() {
            let exported = items.iter().find(|item| item["id"] == one["id"]).unwrap();
            for (name, value) in exported.as_object().unwrap() {
                assert_eq!(*value, one[name], "{name}");
            }
        }
        let csv = owner.get("/v1/patients/export?format=csv").await.expect(200);
        assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
        let text = csv.text();
        assert_eq!(text.lines().count(), 31, "{text}");
        assert!(text.starts_with("id,uuid,facility,") && text.contains("\"'=HYPERLINK(\"\"x\"\")\"") && text.contains(",\"One, two\","), "{text}");
        let code = people[3].person.facility.clone().unwrap();
        let some = owner.get(&format!("/v1/patients/export?facility={code}")).await.expect(200).at("/items");
        assert!(some.as_array().unwrap().iter().all(|one| one["facility"] == code.as_str()) && !some.as_array().unwrap().is_empty());

        tenant.key("editor").await.get("/v1/patients/export").await.expect(403);
        let entries = owner.get("/v1/audit?action=patients.export").await.expect(200).at("/items");
        let details: Vec<&Value> = entries.as_array().unwrap().iter().map(|one| &one["detail"]).collect();
        assert_eq!(details.len(), 3, "{entries}");
        assert_eq!((&details[1]["export"], &details[1]["people"]), (&json!("csv"), &json!(30)));
        assert_eq!(details[0]["narrowed_by"], json!(["facility"]));
    }
}
