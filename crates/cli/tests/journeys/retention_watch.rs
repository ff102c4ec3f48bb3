//! What operators see of models: figures that say versions and nothing of tenants or people, and that a restart does not change.

use std::time::Duration;

use plimsoll_testkit::{Db, both, process::Running, wait};
use serde_json::{Value, json};

use crate::{
    clinic::ingest,
    house::{Caller, House},
};

/// Long enough for a busy machine; nothing here takes it when all is well.
const BOUND: Duration = Duration::from_secs(180);

/// A model of one tree: who cannot be called is at risk. `-2` of everybody else can be told apart by `mark`.
fn model(example: &Value, mark: &str) -> Value {
    let head = example["artifact"].as_str().unwrap().split("tree_sizes").next().unwrap();
    let tree = format!(
        "Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=5\nsplit_gain=1\nthreshold=0.5\ndecision_type=2\nleft_child=-1\nright_child=-2\n\
         leaf_value=1.5 -2{mark}\nleaf_weight=1 1\nleaf_count=30 90\ninternal_value=0\ninternal_weight=2\ninternal_count=120\nis_linear=0\nshrinkage=1\n\n\n"
    );
    let artifact = format!("{head}tree_sizes={}\n\n{tree}end of trees\n", tree.len() - 2);
    json!({ "name": "of who can be called", "algorithm": "lightgbm", "feature_set": "iit-v1", "artifact": artifact })
}

/// People with one pick-up each, so many days ago; every fourth cannot be called, or nobody can.
fn people(newest: &str, round: usize, reachable: bool) -> String {
    let line = |number: usize| {
        let mut person = json!({ "patientUuid": format!("w-{number}"), "givenName": "Marigold", "birthdate": "1990-04-17", "gender": "F" });
        if reachable && !number.is_multiple_of(4) {
            person["phoneNumber"] = json!(format!("+99900000{number:04}"));
        }
        json!({ "touchTime": format!("{newest} 00:00:{round:02}"), "messageData": {
            "demographics": person, "visits": [],
            "encounters": [{ "encounterUuid": format!("e-{number}"), "encounterDatetime": format!("{newest} 09:00:00"), "pmmForm": "Pharmacy Order Form" }],
            "obs": [{ "obsUuid": format!("o-{number}"), "encounterUuid": format!("e-{number}"), "obsDatetime": format!("{newest} 09:00:00"),
                "variableName": "Medication duration", "valueNumeric": 60 }],
        }})
    };
    (0..120).map(|number| format!("{}\n", line(number))).collect()
}

async fn finished(caller: &Caller, kind: &str, made: i64) {
    let path = format!("/v1/jobs?kind={kind}&page_size=100");
    wait::until(BOUND, || async {
        let jobs = caller.get(&path).await.expect(200).json();
        let items = jobs["items"].as_array().unwrap();
        items.len() as i64 >= made && items.iter().all(|job| job["state"] == "done")
    })
    .await;
}

/// The page of metrics once a figure on it is this; what a page shows may be a moment old.
async fn metrics(running: &Running, line: &str, wanted: Option<f64>) -> String {
    wait::some(BOUND, || async {
        let page = running.ops().get("/metrics").await.expect(200).text().to_owned();
        (figure(&page, line) == wanted).then_some(page)
    })
    .await
}

/// The figure on a line of the page.
fn figure(page: &str, line: &str) -> Option<f64> {
    page.lines().find_map(|known| known.strip_prefix(line)?.trim().parse().ok())
}

async fn watched(caller: &Caller, made: i64) {
    caller.post("/v1/observability/watch").await.expect(201);
    finished(caller, "retention.watch", made).await;
}

both! {
    async fn figures_of_models_say_versions_and_nothing_of_tenants_and_a_restart_keeps_the_looks(db: Db) {
        let house = House::open(db, &[], &[]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let document = owner.get("/openapi.json").await.expect(200).json();
        let example = &document["paths"]["/v1/models"]["post"]["requestBody"]["content"]["application/json"]["example"];
        let card = owner.post("/v1/models").json(model(example, "")).await.expect(201).json();
        owner.post(&format!("/v1/models/{}/activate", card["id"])).await.expect(200);
        finished(owner, "retention.score", 1).await;
        let version = &card["sha256"].as_str().unwrap()[..12];
        let of = |name: &str, more: &str| format!("{name}{{model_version=\"{version}\"{more}}} ");

        let today = owner.get("/v1/jobs?kind=retention.score").await.expect(200).at("/items/0/created_at");
        let newest = &today.as_str().unwrap()[..10];
        ingest(owner, "w.ndjson", people(newest, 1, true)).await;
        finished(owner, "retention.score", 2).await;
        watched(owner, 1).await;
        let page = metrics(&house.running, &of("iit_model_drift_detected", ""), Some(0.0)).await;
        assert_eq!(figure(&page, &of("iit_model_predictions_total", ",risk_level=\"low\"")), Some(90.0), "{page}");
        assert_eq!(figure(&page, &of("iit_model_predictions_total", ",risk_level=\"critical\"")), Some(30.0));
        assert_eq!(figure(&page, &of("iit_feature_extraction_latency_seconds_count", "")), Some(120.0));
        assert_eq!(figure(&page, &of("iit_model_data_drift_score", ",feature=\"has_phone\"")), Some(0.0));
        assert_eq!(figure(&page, "iit_model_looks_observed "), Some(1.0));
        assert_eq!(figure(&page, &of("iit_model_auc_score", "")), None, "no outcome is known, so there is no figure");
        assert_eq!(house.running.ops().get("/health").await.expect(200).at("/checks/notes/status"), "good");

        // A single one is counted as it is kept, and an answer that is given again is not.
        let patient = owner.get("/v1/patients?page_size=1").await.expect(200).at("/items/0/id");
        for _ in 0..2 {
            owner.post("/v1/predictions").header("idempotency-key", "one-of-them").json(json!({ "patient_id": patient })).await.expect(201);
        }
        let page = metrics(&house.running, &of("iit_feature_extraction_latency_seconds_count", ""), Some(121.0)).await;
        assert_eq!(figure(&page, &of("iit_batch_size_distribution_bucket", ",le=\"1\"")), Some(1.0), "{page}");

        // Nobody can be called any more: it moves, somebody is told, and requests are still sent here.
        ingest(owner, "w.ndjson", people(newest, 2, false)).await;
        finished(owner, "retention.score", 3).await;
        watched(owner, 2).await;
        let alarm = owner.get("/v1/events?after=0&type=model.alarm").await.expect(200).json();
        assert_eq!((alarm["items"].as_array().unwrap().len(), &alarm["items"][0]["data"]["drift"]), (1, &json!("critical")), "{alarm}");
        let health = wait::some(BOUND, || async {
            let health = house.running.ops().get("/health").await.expect(200).json();
            (health["checks"]["notes"]["status"] == "noted").then_some(health)
        })
        .await;
        let note = health["checks"]["notes"]["message"].as_str().unwrap();
        assert!(note.contains(version) && note.contains("what comes in"), "{note}");
        assert_eq!((&health["status"], &health["checks"]["notes"]["weight"]), (&json!("ready"), &json!("note")));
        house.running.client().get("/readyz").await.expect(200);
        let page = metrics(&house.running, &of("iit_model_drift_detected", ""), Some(1.0)).await;
        let moved = figure(&page, &of("iit_model_data_drift_score", ",feature=\"has_phone\"")).unwrap();
        assert!(moved > 0.25, "{moved}");
        assert_eq!(figure(&page, &of("iit_feature_extraction_latency_seconds_count", "")), Some(241.0), "a repeated request is one");

        house.running.stop().await;
        let second = house.plimsoll.start().await;
        let page = metrics(&second, &of("iit_model_drift_detected", ""), Some(1.0)).await;
        assert_eq!(figure(&page, &of("iit_model_retraining_needed", "")), Some(1.0));
        assert_eq!(figure(&page, &of("iit_model_data_drift_score", ",feature=\"has_phone\"")), Some(moved));
        assert_eq!(figure(&page, &of("iit_model_predictions_total", ",risk_level=\"low\"")), None, "counters begin with the process");
        for words in [tenant.slug.as_str(), &tenant.id, "Marigold", "who can be called"] {
            assert!(!page.contains(words), "{words} is on the page of metrics");
        }
        // Its figures go with the model that answers.
        let key = house.command(&["key", "create", "--tenant", &tenant.slug, "--role", "owner"]).await;
        let owner = owner.at(second.client()).with(key["key"].as_str().unwrap());
        let other = owner.post("/v1/models").json(model(example, ".5")).await.expect(201).json();
        owner.post(&format!("/v1/models/{}/activate", other["id"])).await.expect(200);
        metrics(&second, &of("iit_model_drift_detected", ""), None).await;
    }
}
