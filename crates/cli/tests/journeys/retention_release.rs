//! A model answers as it was released, or not at all.

use plimsoll_testkit::{Db, both, http::Reply};
use serde_json::{Value, json};

use crate::house::{Caller, Tenant, house, pointers};

/// Somebody who has medicine on the day of the scores.
async fn person(owner: &Caller) -> i64 {
    let id = owner.post("/v1/patients").json(json!({ "uuid": "one", "gender": "F" })).await.expect(201).json()["id"].as_i64().unwrap();
    let form = json!({
        "uuid": "form", "at": "2024-03-01 09:30:00", "form": "Pharmacy Order Form",
        "observations": [{ "uuid": "answer", "variable": "Medication duration", "number": 30 }],
    });
    owner.post(&format!("/v1/patients/{id}/encounters")).json(form).await.expect(200);
    id
}

/// A model that says the same of everybody: these log-odds.
async fn alike(owner: &Caller, margin: &str) -> Value {
    let document = owner.get("/openapi.json").await.expect(200).json();
    let mut draft = document["paths"]["/v1/models"]["post"]["requestBody"]["content"]["application/json"]["example"].clone();
    draft["artifact"] = json!(draft["artifact"].as_str().unwrap().replace("leaf_value=-2", &format!("leaf_value={margin}")));
    draft["name"] = json!(format!("alike {margin}"));
    draft
}

async fn registered(owner: &Caller, draft: &Value) -> i64 {
    owner.post("/v1/models").json(draft.clone()).await.expect(201).json()["id"].as_i64().unwrap()
}

async fn score(owner: &Caller, patient: i64) -> Reply {
    owner.post("/v1/predictions").json(json!({ "patient_id": patient, "as_of": "2024-03-15" })).await
}

/// Sets columns of a model behind the service's back.
fn set(tenant: &Tenant<'_>, model: i64, columns: &str) {
    let changed = tenant.house.meddle(&format!("UPDATE model SET {columns} WHERE tenant_id = '{}' AND id = {model}", tenant.id));
    assert_eq!(changed, 1, "{columns}");
}

both! {
    async fn a_model_that_was_altered_in_the_database_is_refused_until_somebody_brings_it_as_it_was(db: Db) {
        let tenant = house(db).tenant().await;
        let owner = &tenant.owner;
        let patient = person(owner).await;
        let mut draft = alike(owner, "-2.25").await;
        draft["calibration"] = json!({ "platt": { "slope": 0.5, "offset": 0.25 } });
        let card = owner.post("/v1/models").json(draft.clone()).await.expect(201).json();
        let (model, sha256, signature) = (card["id"].as_i64().unwrap(), card["sha256"].as_str().unwrap(), card["signature"].as_str().unwrap());
        owner.post(&format!("/v1/models/{model}/activate")).await.expect(200);
        let first = score(owner, patient).await.expect(201).json();
        let expected = 1.0 / (1.0 + (2.25_f64 * 0.5 - 0.25).exp());
        assert!((first["prediction_score"].as_f64().unwrap() - expected).abs() < 1e-12, "{first}");
        let why = format!("/v1/predictions/{}/explanation", first["id"]);

        for (columns, mends) in [
            (r#"thresholds = '{"medium":0.01,"high":0.02,"critical":0.03}'"#.to_owned(), true),
            ("calibration = NULL".into(), true),
            (r#"calibration = '{"platt":{"slope":9.0,"offset":0.25}}'"#.into(), true),
            ("algorithm = 'xgboost'".into(), true),
            ("signature = NULL".into(), true),
            ("signature = ''".into(), true),
            (format!("signature = '{}'", "0".repeat(64)), true),
            (format!("signature = '{}'", "é".repeat(32)), true),
            // Brought as they were they are other models: nobody knows that these rows were meant.
            ("feature_set = 'iit-v2'".into(), false),
            (format!("sha256 = '{}'", "0".repeat(64)), false),
        ] {
            set(&tenant, model, &columns);
            let refused = score(owner, patient).await.expect(503);
            assert_eq!(refused.str("/code"), "PLM-AI-001", "{columns}");
            assert!(refused.str("/detail").contains(&format!("model {model} is not the one that was released")), "{refused}");
            assert_eq!(owner.get(&why).await.expect(503).str("/code"), "PLM-AI-001", "{columns}");
            owner.post(&format!("/v1/models/{model}/activate")).await.expect(409);
            // Whom to look for, and the card, do not hang on it.
            owner.get("/v1/risk-list").await.expect(200);
            owner.get(&format!("/v1/models/{model}")).await.expect(200);
            if mends {
                assert_eq!(registered(owner, &draft).await, model, "{columns}");
            } else {
                set(&tenant, model, &format!("feature_set = 'iit-v1', sha256 = '{sha256}'"));
            }
            assert_eq!(score(owner, patient).await.expect(201).at("/prediction_score"), first["prediction_score"], "{columns}");
            let again = owner.get(&format!("/v1/models/{model}")).await.expect(200).json();
            assert_eq!((&again["signature"], &again["thresholds"], &again["calibration"]), (&json!(signature), &card["thresholds"], &card["calibration"]));
        }
        let mended = owner.get("/v1/audit?action=models.mend&page_size=100").await.expect(200).at("/pagination/total_items");
        assert_eq!(mended, 8, "each is on record");

        // Without a signature nobody knows which of two is right.
        set(&tenant, model, r#"signature = NULL, thresholds = '{"medium":0.1,"high":0.2,"critical":0.3}'"#);
        let unclear = owner.post("/v1/models").json(draft.clone()).await.expect(409);
        assert!(unclear.str("/detail").contains("are not those that were released"), "{unclear}");
        score(owner, patient).await.expect(503);
    }

    async fn altered_bytes_are_not_loaded_and_the_ones_in_memory_stay_those_that_were(db: Db) {
        let tenant = house(db).tenant().await;
        let owner = &tenant.owner;
        let patient = person(owner).await;
        let (kept, altered) = (alike(owner, "-1.25").await, alike(owner, "-1.75").await);
        let (kept_id, altered_id) = (registered(owner, &kept).await, registered(owner, &altered).await);
        owner.post(&format!("/v1/models/{kept_id}/activate")).await.expect(200);
        let first = score(owner, patient).await.expect(201);
        assert_eq!(first.at("/margin"), -1.25);
        for id in [kept_id, altered_id] {
            set(&tenant, id, "artifact = REPLACE(artifact, 'leaf_value=-1', 'leaf_value=-9')");
        }
        let refused = owner.post(&format!("/v1/models/{altered_id}/activate")).await.expect(409).str("/detail");
        let card = owner.get(&format!("/v1/models/{altered_id}")).await.expect(200).json();
        assert!(refused.contains("the digest of its bytes is") && refused.contains(card["sha256"].as_str().unwrap()), "{refused}");
        assert_eq!(score(owner, patient).await.expect(201).at("/margin"), -1.25, "what was read before it was altered");
        // As it was released, and so it can be asked.
        assert_eq!(registered(owner, &altered).await, altered_id);
        owner.post(&format!("/v1/models/{altered_id}/activate")).await.expect(200);
        assert_eq!(score(owner, patient).await.expect(201).at("/margin"), -1.75);
        // One that is cut off is no model, and not a smaller one.
        let cut = registered(owner, &alike(owner, "-1.5").await).await;
        set(&tenant, cut, "artifact = SUBSTR(artifact, 1, 200)");
        owner.post(&format!("/v1/models/{cut}/activate")).await.expect(409);
        assert_eq!(score(owner, patient).await.expect(201).at("/margin"), -1.75);
    }

    async fn bytes_with_another_digest_than_their_sender_knows_are_refused(db: Db) {
        let tenant = house(db).tenant().await;
        let owner = &tenant.owner;
        let mut draft = alike(owner, "-2.5").await;
        draft["sha256"] = json!("0".repeat(64));
        let refused = owner.post("/v1/models").json(draft.clone()).await.expect(422);
        assert_eq!(pointers(&refused), ["/sha256"]);
        for wrong in ["abc".to_owned(), "G".repeat(64), "A".repeat(64)] {
            draft["sha256"] = json!(wrong);
            assert_eq!(pointers(&owner.post("/v1/models").json(draft.clone()).await.expect(422)), ["/sha256"]);
        }
        assert_eq!(owner.get("/v1/models").await.expect(200).at("/items"), json!([]));
        draft["sha256"] = json!(null);
        let card = owner.post("/v1/models").json(draft.clone()).await.expect(201).json();
        draft["sha256"] = card["sha256"].clone();
        assert_eq!(registered(owner, &draft).await, card["id"].as_i64().unwrap());
    }

    async fn one_model_of_two_tenants_has_the_levels_of_each(db: Db) {
        let mut levels = Vec::new();
        for bounds in [json!({ "medium": 0.3, "high": 0.5, "critical": 0.75 }), json!({ "medium": 0.01, "high": 0.02, "critical": 0.03 })] {
            let tenant = house(db).tenant().await;
            let patient = person(&tenant.owner).await;
            let mut draft = alike(&tenant.owner, "-2.75").await;
            draft["thresholds"] = bounds;
            let model = registered(&tenant.owner, &draft).await;
            tenant.owner.post(&format!("/v1/models/{model}/activate")).await.expect(200);
            levels.push((model, score(&tenant.owner, patient).await.expect(201).str("/risk_level")));
        }
        assert_eq!(levels, [(1, "low".to_owned()), (1, "critical".to_owned())]);
    }

    async fn a_way_back_leads_past_what_was_taken_back_already(db: Db) {
        let tenant = house(db).tenant().await;
        let owner = &tenant.owner;
        let mut models = Vec::new();
        for margin in ["-3.25", "-3.5", "-3.75"] {
            models.push(registered(owner, &alike(owner, margin).await).await);
        }
        owner.post("/v1/models/rollback").await.expect(409);
        for model in [0, 1, 1, 2] {
            owner.post(&format!("/v1/models/{}/activate", models[model])).await.expect(200);
        }
        for model in [1, 0] {
            assert_eq!(owner.post("/v1/models/rollback").await.expect(200).at("/id"), models[model]);
        }
        owner.post("/v1/models/rollback").await.expect(409);
        assert_eq!(owner.get(&format!("/v1/models/{}", models[0])).await.expect(200).str("/stage"), "active");
        owner.post(&format!("/v1/models/{}/activate", models[2])).await.expect(200);
        assert_eq!(owner.post("/v1/models/rollback").await.expect(200).at("/id"), models[0]);
        assert_eq!(owner.get(&format!("/v1/models/{}", models[2])).await.expect(200).str("/stage"), "candidate");
    }
}
