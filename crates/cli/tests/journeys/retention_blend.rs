//! Models that answer as one, and models tested against each other on the people of a programme.

use std::{collections::BTreeMap, time::Duration};

use plimsoll_retention::{cohort::Cohort, formats::write};
use plimsoll_testkit::{Db, both, wait};
use serde_json::{Value, json};

use crate::{
    house::{Caller, house, pointers},
    retention_models::{done, programme, quick},
};

const BOUND: Duration = Duration::from_secs(180);
/// The model of the demonstration, which knows the made-up programme well.
const GOOD: &str = include_str!("../../../../systems/retention/demo/iit-v2.txt");

/// The same model that says the opposite of what it knows.
fn opposite() -> String {
    let line = |line: &str| match line.strip_prefix("leaf_value=") {
        None => line.to_owned(),
        Some(values) => format!(
            "leaf_value={}",
            values.split(' ').map(|value| (-value.parse::<f64>().unwrap()).to_string()).collect::<Vec<_>>().join(" ")
        ),
    };
    GOOD.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

async fn registered(owner: &Caller, name: &str, artifact: &str) -> i64 {
    let draft = json!({ "name": name, "algorithm": "lightgbm", "feature_set": "iit-v2", "artifact": artifact });
    owner.post("/v1/models").json(draft).await.expect(201).at("/id").as_i64().unwrap()
}

/// A model of `iit-v1` that says the same of everybody.
async fn plain(owner: &Caller) -> i64 {
    let document = owner.get("/openapi.json").await.expect(200).json();
    let draft = document["paths"]["/v1/models"]["post"]["requestBody"]["content"]["application/json"]["example"].clone();
    owner.post("/v1/models").json(draft).await.expect(201).at("/id").as_i64().unwrap()
}

async fn active(owner: &Caller) -> i64 {
    let cards = owner.get("/v1/models").await.expect(200).json();
    cards["items"].as_array().unwrap().iter().find(|one| one["active"] == true).unwrap()["id"].as_i64().unwrap()
}

/// Waits until nobody is being scored any more.
async fn settled(owner: &Caller) {
    wait::until(BOUND, || async {
        let jobs = owner.get("/v1/jobs?kind=retention.score").await.expect(200).json();
        jobs["items"].as_array().unwrap().iter().all(|job| job["state"] == "done")
    })
    .await;
}

fn near(value: &Value, wanted: f64) -> bool {
    (value.as_f64().unwrap() - wanted).abs() < 1e-9
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

both! {
    async fn an_ensemble_is_a_model_of_the_registry_with_members_that_can_be_seen(db: Db) {
        let (house, owner) = programme(db).await;
        let first = active(&owner).await;
        let other = registered(&owner, "opposite", &opposite()).await;
        let plain = plain(&owner).await;
        let kinds = owner.get("/v1/ensembles/types").await.expect(200).json();
        assert_eq!(kinds["items"].as_array().unwrap().len(), 5, "{kinds}");

        let wrong = owner.post("/v1/ensembles").json(json!({ "name": "x", "ensemble_type": "averaging", "model_ids": [first, 4711] })).await.expect(422);
        assert_eq!(pointers(&wrong), ["/model_ids/1"]);
        let boosted = owner.post("/v1/ensembles").json(json!({ "name": "x", "ensemble_type": "boosting", "model_ids": [first, plain] })).await.expect(422);
        assert!(boosted.text().contains("trees within it"), "{boosted}");
        owner.get(&format!("/v1/ensembles/{first}")).await.expect(404);

        // Two sets of features, one of them the beginning of the other.
        let draft = json!({ "name": "three as one", "ensemble_type": "weighted_averaging", "model_ids": [first, plain], "weights": [3, 1] });
        let made = owner.post("/v1/ensembles").json(draft.clone()).await.expect(201).json();
        let id = made["id"].as_i64().unwrap();
        assert_eq!((&made["algorithm"], &made["feature_set"], &made["active"]), (&json!("ensemble"), &json!("iit-v2"), &json!(false)));
        assert_eq!((&made["members"][0]["model_id"], &made["members"][0]["weight"], &made["members"][1]["feature_set"]), (&json!(first), &json!(0.75), &json!("iit-v1")));
        assert_eq!(owner.post("/v1/ensembles").json(draft).await.expect(201).at("/id"), id, "the same again is the same");
        let nested = json!({ "name": "x", "ensemble_type": "averaging", "model_ids": [first, id] });
        assert_eq!(pointers(&owner.post("/v1/ensembles").json(nested).await.expect(422)), ["/model_ids/1"]);

        let patient = owner.get("/v1/risk-list?limit=1").await.expect(200).at("/items/0/patient_id");
        let alone = owner.post("/v1/predictions").json(json!({ "patient_id": patient })).await.expect(201).json();
        let said = owner.post(&format!("/v1/ensembles/{id}/predict")).json(json!({ "patient_id": patient })).await.expect(201).json();
        let scores: Vec<f64> = said["members"].as_array().unwrap().iter().map(|one| one["score"].as_f64().unwrap()).collect();
        assert!(near(&alone["prediction_score"], scores[0]) && scores.len() == 2, "{said}");
        let margin = 0.75 * logit(scores[0]) + 0.25 * logit(scores[1]);
        assert!((said["margin"].as_f64().unwrap() - margin).abs() < 1e-9, "{said}");
        let deviation = (scores[0] - scores[1]).abs() / 2.0;
        assert!(near(&said["confidence"], 1.0 - deviation), "{said}");
        let listed = owner.get(&format!("/v1/ensembles/{id}/predictions")).await.expect(200).json();
        assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["members"], &listed["next"]), (&said["id"], &said["members"], &Value::Null));
        let on_list = owner.get("/v1/risk-list?limit=1").await.expect(200).at("/items/0/prediction_id");
        assert_ne!(on_list, said["id"], "who is not active moves nobody on the list");

        // Made active it answers for everybody, and its reasons add up.
        owner.post(&format!("/v1/models/{id}/activate")).await.expect(200);
        settled(&owner).await;
        let list = owner.get("/v1/risk-list?limit=5").await.expect(200).json();
        assert!(!list["items"][0]["reasons"].as_array().unwrap().is_empty(), "{list}");
        let top = owner.get(&format!("/v1/predictions/{}", list["items"][0]["prediction_id"])).await.expect(200).json();
        assert_eq!((&top["model_id"], top["members"].as_array().unwrap().len()), (&json!(id), 2));
        let why = owner.get(&format!("/v1/predictions/{}/explanation", top["id"])).await.expect(200).json();
        let sum: f64 = why["feature_contributions"].as_array().unwrap().iter().map(|part| part["contribution"].as_f64().unwrap()).sum();
        assert!((sum + why["base"].as_f64().unwrap() - top["margin"].as_f64().unwrap()).abs() < 1e-5, "{why}");
        assert!(why["scale"].as_str().unwrap().contains("exact Shapley values"), "{why}");
        done(&owner, "/v1/observability/watch", Value::Null).await;
        let seen = owner.get(&format!("/v1/ensembles/{id}/performance")).await.expect(200).json();
        assert!(seen["ensemble"]["observed"]["cases"].is_number() && seen["members"][1]["model_id"] == plain, "{seen}");

        let page = owner.get("/retention/model").await.expect(200).text().to_owned();
        assert!(page.contains("<h2>Members</h2>") && page.contains("the weighted mean of their log-odds"), "{page}");

        // What answers is not set aside; a way back is one step.
        owner.delete(&format!("/v1/ensembles/{id}")).await.expect(409);
        assert_eq!(owner.post("/v1/models/rollback").await.expect(200).at("/id"), first);
        owner.delete(&format!("/v1/ensembles/{id}")).await.expect(204);
        owner.post(&format!("/v1/models/{id}/activate")).await.expect(409);
        settled(&owner).await;

        // A stack is fitted to people who were held out, and measured on others.
        let trained = done(&owner, "/v1/models/train", quick("never")).await["model"].as_i64().unwrap();
        let stack = json!({ "name": "stack", "ensemble_type": "stacking", "model_ids": [trained, other] });
        assert_eq!(pointers(&owner.post("/v1/ensembles").json(stack.clone()).await.expect(422)), ["/meta"]);
        let told = done(&owner, "/v1/ensembles/fit", json!({ "ensemble": stack, "days_per_person": 16, "span_days": 1600 })).await;
        let card = owner.get(&format!("/v1/ensembles/{}", told["model"])).await.expect(200).json();
        assert!(card["figures"]["auc"].as_f64().unwrap() > 0.6 && card["intercept"].is_number(), "{card}");
        assert!(card["members"][0]["weight"].as_f64().unwrap() > card["members"][1]["weight"].as_f64().unwrap(), "who knows better is heard more: {card}");
        assert_eq!(told["measured"]["members"].as_array().unwrap().len(), 2, "{told}");

        let viewer = owner.post("/v1/keys").json(json!({ "name": "looks", "role": "viewer" })).await.expect(201).str("/secret");
        let viewer = house.stranger().with(&viewer);
        viewer.post(&format!("/v1/ensembles/{id}/predict")).json(json!({ "patient_id": patient })).await.expect(403);
        assert_eq!(viewer.get("/v1/ensembles").await.expect(200).at("/items/0/name"), "stack");
    }

    async fn a_test_gives_each_person_one_model_and_the_one_that_was_right_more_often_takes_over(db: Db) {
        let tenant = house(db).tenant().await;
        let owner = &tenant.owner;
        let (worse, better) = (registered(owner, "worse", &opposite()).await, registered(owner, "better", GOOD).await);
        owner.post(&format!("/v1/models/{worse}/activate")).await.expect(200);
        let mut lines = write::Json::lines(Vec::new(), write::Dialect::Message);
        let cohort = Cohort::new(11);
        cohort.members(700).for_each(|member| lines.record(&cohort.record(&member)).unwrap());
        let request = owner.post("/v1/ingest?name=programme.ndjson").header("content-type", "application/x-ndjson").body(lines.finish().unwrap());
        let batch = request.await.expect(201).at("/id");
        let read = || async { owner.get(&format!("/v1/ingest/{batch}")).await.expect(200).json() };
        wait::until(BOUND, || async { read().await["state"] == "done" }).await;
        assert_eq!(read().await["added"], 700);
        settled(owner).await;

        let variants = |control: i64, new: i64| json!([{ "name": "control", "model_id": control }, { "name": "new", "model_id": new }]);
        let twice = json!({ "name": "x", "variants": [{ "name": "a", "model_id": worse }, { "name": "a", "model_id": 4711 }] });
        assert_eq!(pointers(&owner.post("/v1/ab-tests").json(twice).await.expect(422)), ["/variants/1/name", "/variants/1/model_id"]);
        let draft = |control, new| json!({ "name": "is it better", "variants": variants(control, new), "minimum_effect_size": 0.1 });
        let turned = owner.post("/v1/ab-tests").json(draft(better, worse)).await.expect(201).at("/id");
        let refused = owner.post(&format!("/v1/ab-tests/{turned}/start")).await.expect(409);
        assert!(refused.text().contains("not the model that answers"), "{refused}");
        owner.post(&format!("/v1/ab-tests/{turned}/stop")).await.expect(200);
        let test = owner.post("/v1/ab-tests").json(draft(worse, better)).await.expect(201).json();
        assert_eq!((&test["status"], &test["variants"][1]["parts"], &test["primary_metric"]), (&json!("draft"), &json!(50_000), &json!("auc")));
        let path = |what: &str| format!("/v1/ab-tests/{}{what}", test["id"]);
        owner.post(&path("/look")).await.expect(409);
        owner.post(&path("/conclude")).json(json!({})).await.expect(409);
        assert_eq!(owner.post(&path("/start")).await.expect(200).str("/status"), "running");
        owner.post(&path("/start")).await.expect(409);
        let second = owner.post("/v1/ab-tests").json(draft(worse, better)).await.expect(201).at("/id");
        assert!(owner.post(&format!("/v1/ab-tests/{second}/start")).await.expect(409).text().contains("one runs at a time"));
        assert!(owner.post(&format!("/v1/models/{better}/activate")).await.expect(409).text().contains("is running"));
        owner.post(&path("/conclude")).json(json!({})).await.expect(409);
        settled(owner).await;

        // Everybody as of a day whose window is over: each by the model of their variant, and so again one by one.
        done(owner, "/v1/predictions/all", json!({ "as_of": "2023-06-30" })).await;
        let mut variant_of = BTreeMap::new();
        let mut before = i64::MAX;
        loop {
            let page = owner.get(&format!("/v1/predictions?limit=1000&before={before}")).await.expect(200).json();
            for one in page["items"].as_array().unwrap() {
                if one["test_id"] == test["id"] {
                    let variant = one["variant"].as_str().unwrap().to_owned();
                    assert_eq!(one["model_id"], if variant == "new" { better } else { worse }, "{one}");
                    let known = variant_of.insert(one["patient_id"].as_i64().unwrap(), variant.clone());
                    assert!(known.is_none_or(|known| known == variant), "{one}");
                }
            }
            let Some(next) = page["next"].as_i64() else { break };
            before = next;
        }
        let new = variant_of.values().filter(|variant| *variant == "new").count() as f64 / variant_of.len() as f64;
        assert!(variant_of.len() > 200 && (0.4..0.6).contains(&new), "{new} of {}", variant_of.len());
        for (patient, variant) in variant_of.iter().take(6) {
            let body = json!({ "patient_id": patient, "as_of": "2023-07-01" });
            assert_eq!(owner.post("/v1/predictions").json(body).await.expect(201).str("/variant"), *variant);
        }

        let told = done(owner, &path("/look"), Value::Null).await;
        assert_eq!((&told["winner"], &told["look"]), (&json!("new"), &json!(1)), "{told}");
        let results = owner.get(&path("/results")).await.expect(200).json();
        let seen = &results["look"]["report"];
        let difference = &seen["beside_control"][0]["auc"]["difference"];
        assert!(difference["low"].as_f64().unwrap() > 0.0 && difference["value"].as_f64().unwrap() > 0.3, "{seen}");
        assert!(seen["variants"].as_array().unwrap().iter().all(|one| one["cases"].as_i64().unwrap() >= 100), "{seen}");
        assert!(seen["variants"][1]["auc"].as_f64().unwrap() > seen["variants"][0]["auc"].as_f64().unwrap());

        let page = owner.get("/retention/model").await.expect(200).text().to_owned();
        assert!(page.contains("A test is running") && page.contains("new is better by more than chance explains"), "{page}");

        let viewer = tenant.key("viewer").await;
        viewer.post(&path("/conclude")).json(json!({})).await.expect(403);
        assert_eq!(viewer.get(&path("")).await.expect(200).str("/status"), "running");
        let ended = owner.post(&path("/conclude")).json(json!({})).await.expect(200).json();
        assert_eq!((&ended["status"], &ended["conclusion"]["winner"]), (&json!("completed"), &json!("new")), "{ended}");
        assert_eq!(active(owner).await, better);
        settled(owner).await;
        let patient = variant_of.iter().find(|(_, variant)| *variant == "control").unwrap().0;
        let after = owner.post("/v1/predictions").json(json!({ "patient_id": patient, "as_of": "2023-07-02" })).await.expect(201).json();
        assert_eq!((&after["model_id"], &after["test_id"]), (&json!(better), &Value::Null));
        let entries = owner.get(&format!("/v1/audit?target=ab-tests/{}", test["id"])).await.expect(200).json();
        let moved: Vec<&Value> = entries["items"].as_array().unwrap().iter().map(|entry| &entry["detail"]["to"]).filter(|to| to.is_string()).collect();
        assert_eq!(moved, [&json!("completed"), &json!("running")]);

        // One that is given up leaves the model that answered before.
        let third = owner.post("/v1/ab-tests").json(draft(better, worse)).await.expect(201).at("/id");
        owner.post(&format!("/v1/ab-tests/{third}/start")).await.expect(200);
        assert_eq!(owner.post(&format!("/v1/ab-tests/{third}/stop")).await.expect(200).str("/status"), "cancelled");
        assert_eq!(active(owner).await, better);
        settled(owner).await;
    }
}
