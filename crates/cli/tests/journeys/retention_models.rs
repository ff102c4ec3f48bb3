//! A model from the records of a programme: trained, held against the one that answers, activated, watched.

use std::time::Duration;

use plimsoll_retention::record::Day;
use plimsoll_testkit::{Db, both, wait};
use serde_json::{Value, json};

use crate::house::{Caller, House, pointers};

/// Long enough for a busy machine; nothing here takes it when all is well.
const BOUND: Duration = Duration::from_secs(180);

/// A server whose tenant `demo` has people, a model and everybody's score; its owner.
pub async fn programme(db: Db) -> (House, Caller) {
    let house = House::open(db, &[], &["--demo"]).await;
    let key = house.command(&["key", "create", "--tenant", "demo", "--role", "owner"]).await;
    let owner = house.stranger().with(key["key"].as_str().unwrap());
    wait::until(BOUND, || async { owner.get("/v1/risk-list").await.expect(200).at("/scored").as_i64() > Some(20) }).await;
    wait::until(BOUND, || async { owner.get("/v1/events?type=scoring.finished").await.expect(200).at("/items/0").is_object() }).await;
    (house, owner)
}

/// What a job came to that a route has begun.
pub async fn done(caller: &Caller, path: &str, body: Value) -> Value {
    let begun = match &body {
        Value::Null => caller.post(path).await,
        body => caller.post(path).json(body.clone()).await,
    };
    let id = begun.expect(201).str("/job");
    wait::until(BOUND, || async {
        ["done", "dead"].contains(&caller.get(&format!("/v1/jobs/{id}")).await.expect(200).str("/state").as_str())
    })
    .await;
    let job = caller.get(&format!("/v1/jobs/{id}")).await.expect(200).json();
    assert_eq!(job["state"], "done", "{job}");
    job["result"].clone()
}

/// The newest look of a kind.
async fn look(caller: &Caller, kind: &str) -> Value {
    caller.get(&format!("/v1/observability/{kind}")).await.expect(200).at("/items/0/report")
}

/// A training that is quick: many days of few people, few small trees.
pub fn quick(activate: &str) -> Value {
    json!({
        "activate": activate, "days_per_person": 16, "span_days": 1600, "rounds": 30, "leaves": 6, "learning_rate": 0.2, "name": "of these people",
    })
}

both! {
    async fn whatever_is_changed_while_everybody_is_scored_the_last_model_has_the_last_word(db: Db) {
        let (house, owner) = programme(db).await;
        let document = owner.get("/openapi.json").await.expect(200).json();
        let draft = &document["paths"]["/v1/models"]["post"]["requestBody"]["content"]["application/json"]["example"];
        let other = owner.post("/v1/models").json(draft.clone()).await.expect(201).json()["id"].as_i64().unwrap();
        for model in [other, 1, other, 1, other, 1, other] {
            owner.post(&format!("/v1/models/{model}/activate")).await.expect(200);
        }
        wait::until(BOUND, || async {
            let jobs = owner.get("/v1/jobs?kind=retention.score").await.expect(200).json();
            jobs["items"].as_array().unwrap().iter().all(|job| job["state"] == "done")
        })
        .await;
        let said = "SELECT DISTINCT p.model_id FROM risk r JOIN prediction p ON p.tenant_id = r.tenant_id AND p.id = r.prediction_id";
        assert_eq!(house.look(said), [[other.to_string()]]);
    }

    async fn every_night_scores_everybody_where_there_is_a_model_and_fails_nowhere_else(db: Db) {
        let (house, owner) = programme(db).await;
        let other = house.tenant().await;
        let before = owner.get("/v1/events?type=scoring.finished").await.expect(200).at("/items").as_array().unwrap().len();
        assert_eq!(house.meddle("UPDATE job_schedule SET next_at = 1 WHERE name = 'retention-score'"), 1);
        // Something that makes the clock look at what is due.
        let plan = json!({ "name": "soon", "kind": "retention.watch", "cron": "0 3 * * *", "zone": "UTC", "payload": {} });
        other.owner.post("/v1/schedules").json(plan).await.expect(201);
        let told = |caller: Caller| async move {
            let jobs = caller.get("/v1/jobs?kind=retention.score").await.expect(200).json()["items"][0].clone();
            (jobs["state"] == "done").then_some(jobs)
        };
        let nothing = wait::some(BOUND, || told(other.owner.clone())).await;
        let nothing = other.owner.get(&format!("/v1/jobs/{}", nothing["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(nothing.at("/result"), json!({ "model": null }), "{nothing}");
        wait::until(BOUND, || async {
            owner.get("/v1/events?type=scoring.finished").await.expect(200).at("/items").as_array().unwrap().len() > before
        })
        .await;
    }

    async fn a_model_is_trained_of_the_records_stands_beside_the_one_that_answers_and_takes_over_when_told_to(db: Db) {
        let (house, owner) = programme(db).await;
        let before = owner.get("/v1/models").await.expect(200).json();
        assert_eq!((&before["items"][0]["active"], before["items"].as_array().unwrap().len()), (&json!(true), 1));

        let wrong = owner.post("/v1/models/train").json(json!({ "observed": "2026-02-31" })).await.expect(422);
        assert_eq!(pointers(&wrong), ["/observed"]);
        let told = done(&owner, "/v1/models/train", quick("never")).await;
        let id = told["model"].as_i64().unwrap();
        let card = owner.get(&format!("/v1/models/{id}")).await.expect(200).json();
        assert_eq!((&card["active"], &told["activated"], &card["origin"]["kind"]), (&json!(false), &json!(false), &json!("trained")));
        let (auc, [low, high]) = (card["figures"]["auc"].as_f64().unwrap(), [0, 1].map(|at| card["figures"]["auc_interval"][at].as_f64().unwrap()));
        assert!(low < auc && auc < high && auc > 0.6, "{card}");
        assert!(card["calibration"]["platt"].is_object() && card["origin"]["logistic_auc"].is_number(), "{card}");
        assert_eq!(card["origin"]["settings"]["rounds"], 30);
        let beside = owner.get(&format!("/v1/observability/challenges?model_id={id}")).await.expect(200).at("/items/0/report");
        assert!(beside["comparison"]["difference"]["low"].is_number(), "{beside}");
        assert_eq!(beside["passed"], json!(beside["no_worse"] == true && beside["even"] == true));

        // The same records and the same plan are the same model.
        let again = done(&owner, "/v1/models/train", quick("if_better")).await;
        assert_eq!(again["model"], id);
        assert_eq!(again["activated"], again["passed"], "it takes over where it may, and only there");
        let active = |cards: &Value| cards["items"].as_array().unwrap().iter().find(|one| one["active"] == true).unwrap()["id"].as_i64().unwrap();
        let cards = owner.get("/v1/models").await.expect(200).json();
        assert_eq!(active(&cards) == id, again["passed"] == true);
        assert_eq!(cards["items"].as_array().unwrap().len(), 2);

        owner.post(&format!("/v1/models/{id}/activate")).await.expect(200);
        wait::until(BOUND, || async { owner.get("/v1/predictions?limit=1").await.expect(200).at("/items/0/model_id") == id }).await;
        let told = done(&owner, "/v1/observability/watch", Value::Null).await;
        assert_eq!(told["model"], id);
        let drift = look(&owner, "drift").await;
        assert_eq!(drift["reference"], "training");
        let names: Vec<&str> = drift["features"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"days_overdue") && !names.contains(&"month"), "{names:?}");

        let viewer = owner.post("/v1/keys").json(json!({ "name": "looks", "role": "viewer" })).await.expect(201).str("/secret");
        let viewer = house.stranger().with(&viewer);
        viewer.post("/v1/models/train").json(quick("never")).await.expect(403);
        viewer.post("/v1/observability/watch").await.expect(403);
        assert_eq!(viewer.get("/v1/observability/drift").await.expect(200).at("/items/0/model_id"), id);
        let page = viewer.get("/retention/model").await.expect(200).text().to_owned();
        for words in ["Model health", "of these people", "<svg class=\"plot\"", "By sex", "Models"] {
            assert!(page.contains(words), "{words} in\n{page}");
        }
        assert!(!page.contains("<script"), "plots need no scripts");
        assert!(owner.get("/v1/events?type=model.trained").await.expect(200).at("/items/0/data/auc").is_number());
    }

    async fn what_came_of_predictions_is_counted_once_their_days_are_over_and_what_people_say_counts_first(db: Db) {
        let (_house, owner) = programme(db).await;
        let told = done(&owner, "/v1/observability/watch", Value::Null).await;
        assert_eq!(told["cases"], 0, "nothing is over yet: {told}");
        assert!(look(&owner, "performance").await["because"].as_str().unwrap().contains("are needed"));
        let quality = look(&owner, "data-quality").await;
        assert_eq!(quality["patients"], 120);
        assert!(quality["newest_pickup"].is_string() && quality["lacking"].as_array().unwrap().len() > 4, "{quality}");
        let page = owner.get("/retention/model").await.expect(200).text().to_owned();
        for words in ["No figures came with this model", "Not told yet", "the first people it scored", "Not for care"] {
            assert!(page.contains(words), "{words} in\n{page}");
        }

        // As if everybody had been scored long ago.
        let newest: Vec<u32> = quality["newest_pickup"].as_str().unwrap().split('-').map(|part| part.parse().unwrap()).collect();
        let past = Day::new(newest[0] as i32, newest[1], newest[2]).unwrap().plus(-120);
        done(&owner, "/v1/predictions/all", json!({ "as_of": past.to_string() })).await;
        done(&owner, "/v1/observability/watch", Value::Null).await;
        let over = look(&owner, "performance").await;
        let (cases, positives, censored) = (over["cases"].as_i64().unwrap(), over["positives"].as_i64().unwrap(), over["censored"].as_i64().unwrap());
        assert!(cases > 30 && positives > 0 && positives < cases && over["said"] == 0, "{over}");
        assert!(over["because"].is_string() && over["figures"].is_null(), "so few are counted and not judged: {over}");

        let one = owner.get("/v1/predictions?limit=500").await.expect(200).json();
        let one = one["items"].as_array().unwrap().iter().find(|one| one["as_of"] == past.to_string() && one["prediction_score"].is_number()).unwrap().clone();
        let said = owner.post("/v1/outcomes").json(json!({ "prediction_id": one["id"], "outcome": "left", "note": "moved" })).await.expect(201);
        assert_eq!((said.at("/patient_id"), said.str("/outcome")), (one["patient_id"].clone(), "left".to_owned()));
        owner.post("/v1/outcomes").json(json!({ "prediction_id": 999_999, "outcome": "left" })).await.expect(404);
        done(&owner, "/v1/observability/watch", Value::Null).await;
        let less = look(&owner, "performance").await;
        assert_eq!((less["said"].as_i64(), less["cases"].as_i64().unwrap() + less["censored"].as_i64().unwrap()), (Some(1), cases + censored));
        assert_eq!(less["censored"].as_i64().unwrap(), censored + 1, "{less}");
        assert_eq!(owner.get("/v1/outcomes").await.expect(200).at("/items/0/prediction_id"), one["id"]);
        // What people found out is learnt from too; whoever left teaches nothing.
        let all = owner.get("/v1/predictions?limit=500").await.expect(200).json();
        let others = all["items"].as_array().unwrap().iter().filter(|other| {
            other["as_of"] == past.to_string() && other["prediction_score"].is_number() && other["id"] != one["id"]
        });
        for (other, outcome) in others.take(3).zip(["interrupted", "stayed", "stayed"]) {
            owner.post("/v1/outcomes").json(json!({ "prediction_id": other["id"], "outcome": outcome })).await.expect(201);
        }
        let trained = done(&owner, "/v1/models/train", quick("never")).await;
        let model = owner.get(&format!("/v1/models/{}", trained["model"])).await.expect(200);
        assert_eq!(model.at("/origin/outcomes_said"), json!(3), "{model}");

        // The person takes it along.
        owner.post("/v1/subjects/erase").json(json!({ "kind": "patient", "key": one["patient_uuid"], "confirm": one["patient_uuid"] })).await.expect(200);
        let left = owner.get("/v1/outcomes").await.expect(200).at("/items");
        assert!(left.as_array().unwrap().iter().all(|other| other["patient_id"] != one["patient_id"]), "{left}");
    }
}
