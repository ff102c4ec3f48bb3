//! A programme in numbers, and many scores at once.

use std::collections::BTreeMap;

use plimsoll_testkit::{Db, both};
use serde_json::{Value, json};

use crate::{
    house::{Caller, pointers},
    retention_models::programme,
};

async fn numbers(caller: &Caller, path: &str) -> Value {
    caller.get(&format!("/v1/analytics/{path}")).await.expect(200).json()
}

fn sum(items: &Value, field: &str) -> i64 {
    items.as_array().unwrap().iter().map(|one| one[field].as_i64().unwrap()).sum()
}

both! {
    async fn numbers_are_sums_over_the_people_of_the_lists(db: Db) {
        let (_house, owner) = programme(db).await;
        let list = owner.get("/v1/risk-list?limit=1000").await.expect(200).json();
        let list = list["items"].as_array().unwrap();
        let mut levels: BTreeMap<&str, i64> = BTreeMap::new();
        list.iter().for_each(|one| *levels.entry(one["level"].as_str().unwrap()).or_default() += 1);
        let spread = numbers(&owner, "risk-distribution").await;
        let told: Vec<&str> = spread["levels"].as_array().unwrap().iter().map(|one| one["level"].as_str().unwrap()).collect();
        assert_eq!(told, ["low", "medium", "high", "critical"], "every level is told, also where nobody stands");
        for one in spread["levels"].as_array().unwrap() {
            assert_eq!(one["people"].as_i64().unwrap(), levels.get(one["level"].as_str().unwrap()).copied().unwrap_or(0), "{spread}");
        }
        assert_eq!((spread["people"].as_i64(), spread["scored"].as_i64()), (Some(120), Some(list.len() as i64)), "{spread}");

        for by in ["age", "gender", "state", "facility", "care"] {
            let groups = numbers(&owner, &format!("cohorts?by={by}")).await;
            let items = &groups["items"];
            assert!(items.as_array().unwrap().len() > 1, "{by}: {groups}");
            assert_eq!((sum(items, "people"), sum(items, "scored")), (120, list.len() as i64), "{by}: {groups}");
            assert_eq!(sum(items, "critical"), levels.get("critical").copied().unwrap_or(0), "{by}: {groups}");
        }
        let women: f64 = {
            let ids: Vec<i64> = owner.get("/v1/patients?gender=F&page_size=100").await.expect(200).at("/items").as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
            let scores: Vec<f64> = list.iter().filter(|one| ids.contains(&one["patient_id"].as_i64().unwrap())).map(|one| one["score"].as_f64().unwrap()).collect();
            scores.iter().sum::<f64>() / scores.len() as f64
        };
        let groups = numbers(&owner, "cohorts?by=gender").await;
        let mean = groups["items"].as_array().unwrap().iter().find(|one| one["value"] == "F").unwrap()["mean_score"].as_f64().unwrap();
        assert!((mean - women).abs() < 1e-9, "{mean} and {women}");

        let factors = numbers(&owner, "risk-factors").await;
        assert_eq!(factors["scored"].as_i64(), Some(list.len() as i64));
        let phone = factors["factors"].as_array().unwrap().iter().find(|one| one["factor"] == "no number to call").unwrap();
        assert_eq!(phone["people"].as_i64().unwrap(), list.iter().filter(|one| one["has_phone"] == false).count() as i64);
        let ratios: Vec<f64> = factors["factors"].as_array().unwrap().iter().map(|one| one["ratio"].as_f64().unwrap_or(0.0)).collect();
        assert!(ratios.windows(2).all(|pair| pair[0] >= pair[1]), "{ratios:?}");

        for (metric, period, days) in [("iit_risk", "30d", 30), ("prediction_count", "7d", 7), ("patient_count", "90d", 90), ("alert_count", "1d", 1)] {
            let trend = numbers(&owner, &format!("trends?metric={metric}&period={period}")).await;
            let points = trend["points"].as_array().unwrap();
            assert_eq!(points.len(), days, "{trend}");
            let last = points.last().unwrap();
            match metric {
                "patient_count" => assert_eq!(last["value"], 120.0),
                "alert_count" => assert_eq!(sum(&trend["points"], "count"), owner.get("/v1/alerts?limit=1000").await.expect(200).at("/items").as_array().unwrap().len() as i64),
                _ => assert_eq!(sum(&trend["points"], "count"), owner.get("/v1/predictions?limit=1000").await.expect(200).at("/items").as_array().unwrap().len() as i64),
            }
        }
        let facility = list[0]["facility"].as_str().unwrap();
        let here = numbers(&owner, &format!("summary?facility={facility}")).await;
        let everywhere = numbers(&owner, "summary").await;
        assert!(here["risk"]["people"].as_i64() < everywhere["risk"]["people"].as_i64() && here["open_alerts"].as_i64() <= everywhere["open_alerts"].as_i64());
        let open = owner.get("/v1/alerts?status=open&limit=1000").await.expect(200).at("/items").as_array().unwrap().len() as i64;
        assert_eq!(everywhere["open_alerts"], open);

        // Whoever is deleted is counted no more, and counts again when they are back.
        let gone = list[0]["patient_id"].as_i64().unwrap();
        owner.delete(&format!("/v1/patients/{gone}?cascade=true")).await.expect(204);
        let less = numbers(&owner, "summary").await;
        assert_eq!(less["risk"]["scored"].as_i64().unwrap(), list.len() as i64 - 1);
        assert!(less["open_alerts"].as_i64().unwrap() < open, "{less}");
        assert_eq!(owner.get("/v1/risk-list").await.expect(200).at("/scored"), json!(list.len() - 1));
        owner.post(&format!("/v1/patients/{gone}/restore")).await.expect(200);
        assert_eq!(numbers(&owner, "summary").await, everywhere);
    }

    async fn many_are_scored_at_once_and_each_has_its_own_answer(db: Db) {
        let (_house, owner) = programme(db).await;
        let list = owner.get("/v1/risk-list?limit=3").await.expect(200).json();
        let of = |at: usize| list["items"][at]["patient_id"].as_i64().unwrap();
        let items = json!([{ "patient_id": of(0) }, { "patient_id": 987_654 }, { "patient_uuid": list["items"][1]["patient_uuid"] },
            { "patient_id": of(2), "features": { "no_such": 1 } }, { "patient_id": of(2), "as_of": "2026-02-31" }, {}]);
        let made = owner.post("/v1/predictions/batch").json(json!({ "items": items })).await.expect(200).json();
        assert_eq!((&made["successful"], &made["failed"]), (&json!(2), &json!(4)), "{made}");
        let statuses: Vec<i64> = made["results"].as_array().unwrap().iter().map(|one| one["status"].as_i64().unwrap()).collect();
        assert_eq!(statuses, [201, 404, 201, 422, 422, 422]);
        assert_eq!(made["results"][3]["errors"][0]["pointer"], "/features/no_such");
        let first = &made["results"][0]["prediction"];
        assert_eq!(first["prediction_score"], list["items"][0]["score"], "the same as the job says");
        assert_eq!(owner.get(&format!("/v1/predictions/{}", first["id"])).await.expect(200).json(), *first);
        let known = owner.get(&format!("/v1/patients/{}/features", of(0))).await.expect(200).json();
        assert_eq!(known["features"], first["features"], "what a model is told can be asked without asking it");
        let long_ago = owner.get(&format!("/v1/patients/{}/features?as_of=1990-01-01&feature_set=iit-v1", of(0))).await.expect(200).json();
        assert_eq!((long_ago["features"].as_object().unwrap().len(), &long_ago["features"]["total_dispensations"]), (37, &json!(0.0)));
        let many: Vec<Value> = (0..101).map(|_| json!({ "patient_id": of(0) })).collect();
        assert_eq!(pointers(&owner.post("/v1/predictions/batch").json(json!({ "items": many })).await.expect(422)), ["/items"]);

        let count = async |filter: &str| owner.get(&format!("/v1/predictions?limit=1000&{filter}")).await.expect(200).at("/items").as_array().unwrap().len();
        let all = count("").await;
        let today = first["prediction_timestamp"].as_str().unwrap()[..10].to_owned();
        assert_eq!((count(&format!("from={today}")).await, count(&format!("to={today}")).await), (all, all));
        assert_eq!((count("from=2999-01-01").await, count("to=2020-01-01").await, count("model_id=99").await), (0, 0, 0));
        assert_eq!(count(&format!("patient_id={}", of(0))).await, 2);
        let facility = list["items"][0]["facility"].as_str().unwrap();
        let here = owner.get(&format!("/v1/predictions?limit=1000&facility={facility}")).await.expect(200).at("/items");
        assert!(!here.as_array().unwrap().is_empty() && here.as_array().unwrap().len() < all);
        assert_eq!(pointers(&owner.get("/v1/predictions?from=2026-02-31").await.expect(422)), ["?from"]);
    }
}
