//! A clinic for the walks: one of everything that retention knows, so that every route has something to be asked about.

use std::time::Duration;

use plimsoll_testkit::wait;
use serde_json::{Value, json};

use crate::{house::Caller, walk::Ids};

/// How long a job of a few records may take on a busy machine.
const BOUND: Duration = Duration::from_secs(60);

/// A model that says the same of everybody, another one for each number.
fn alike(of: &Value, number: usize) -> Value {
    let mut draft = of.clone();
    draft["artifact"] = json!(of["artifact"].as_str().unwrap().replace("leaf_value=-2", &format!("leaf_value=-2.{number}1")));
    draft["name"] = json!(format!("alike {number}"));
    draft
}

/// A message about somebody; `born` is where a fault can stand.
pub fn message(uuid: &str, name: &str, born: &str) -> Value {
    json!({ "messageData": {
        "demographics": { "patientUuid": uuid, "givenName": name, "birthdate": born, "gender": "F" },
        "visits": [], "encounters": [], "obs": [],
    } })
}

/// Hands over a file and waits until it is done.
pub async fn ingest(caller: &Caller, name: &str, text: String) -> Value {
    let path = format!("/v1/ingest?name={name}");
    let batch = caller.post(&path).header("content-type", "application/x-ndjson").body(text).await.expect(201).json();
    wait::some(BOUND, || async {
        let now = caller.get(&format!("/v1/ingest/{}", batch["id"])).await.expect(200).json();
        ["done", "failed"].contains(&now["state"].as_str().unwrap()).then_some(now)
    })
    .await
}

/// Things of a tenant, with numbers that a tenant with few things of its own has not.
pub async fn furnish(caller: &Caller, mark: &str) -> Ids {
    let unique = |n: usize| format!("{mark}-{n}");
    let facilities = (0..20).map(|n| json!({ "code": unique(n), "name": format!("{mark} facility") })).collect();
    let facility = *caller.make_many("facilities", facilities).await.last().unwrap();
    let patients = (0..60)
        .map(|n| json!({ "uuid": unique(n), "given_name": format!("{mark} patient"), "gender": "F", "birthdate": "1990-01-01" }))
        .collect();
    let patient = *caller.make_many("patients", patients).await.last().unwrap();
    let form = json!({
        "uuid": unique(0), "at": "2026-10-20 09:30:00", "form": "Pharmacy Order Form",
        "observations": [{ "uuid": unique(1), "variable": "Medication duration", "number": 30 }],
    });
    caller.post(&format!("/v1/patients/{patient}/encounters")).json(form).await.expect(200);
    let document = caller.get("/openapi.json").await.expect(200).json();
    let draft = &document["paths"]["/v1/models"]["post"]["requestBody"]["content"]["application/json"]["example"];
    let mut model = 0;
    for number in 0..4 {
        model = caller.post("/v1/models").json(alike(draft, number)).await.expect(201).json()["id"].as_i64().unwrap();
    }
    caller.post(&format!("/v1/models/{model}/activate")).await.expect(200);
    let (ensemble, test) = together(caller, mark, model).await;
    let mut prediction = 0;
    for _ in 0..4 {
        prediction = caller.post("/v1/predictions").json(json!({ "patient_id": patient })).await.expect(201).json()["id"].as_i64().unwrap();
    }
    let mut batch = Value::Null;
    for n in 0..4 {
        let bad = message(&unique(100 + n), &format!("{mark} refused"), "the day before yesterday");
        batch = ingest(caller, "walk.ndjson", format!("{bad}\n")).await;
    }
    let mut ids = actions(caller, mark, patient).await;
    // Activation has everybody scored: what is looked at afterwards must stand still. The clock that
    // escalates alerts waits for tomorrow.
    wait::until(BOUND, || async {
        let jobs = caller.get("/v1/jobs?kind=retention.*").await.expect(200).json();
        jobs["items"].as_array().unwrap().iter().all(|job| job["state"] == "done" || job["kind"] == "retention.overdue")
    })
    .await;
    let key = caller.post("/v1/keys").json(json!({ "name": format!("{mark} bound"), "role": "viewer" })).await.expect(201).str("/id");
    let bound = json!({ "facilities": [unique(0)] });
    caller.put(&format!("/v1/facility-bindings/{key}")).json(bound).await.expect(200);
    let reject = caller.get(&format!("/v1/ingest/{}/rejects", batch["id"])).await.expect(200).at("/items/0/id");
    ids.extend([
        ("facilities", facility.to_string()),
        ("facility-bindings", key),
        ("patients", patient.to_string()),
        ("models", model.to_string()),
        ("ensembles", ensemble.to_string()),
        ("ab-tests", test.to_string()),
        ("predictions", prediction.to_string()),
        ("ingest", batch["id"].to_string()),
        ("rejects", reject.to_string()),
    ]);
    ids
}

/// An ensemble of the newest models, and some tests of one against the other.
async fn together(caller: &Caller, mark: &str, model: i64) -> (Value, Value) {
    let both = json!({ "name": format!("{mark} both"), "ensemble_type": "averaging", "model_ids": [model - 1, model] });
    let ensemble = caller.post("/v1/ensembles").json(both).await.expect(201).at("/id");
    let variants = json!([{ "name": "control", "model_id": model }, { "name": "new", "model_id": model - 1 }]);
    let mut test = Value::Null;
    for n in 0..4 {
        test = caller.post("/v1/ab-tests").json(json!({ "name": format!("{mark} {n}"), "variants": variants })).await.expect(201).at("/id");
    }
    (ensemble, test)
}

/// What is done about people: a dozen of everything, the last of each for the patient.
async fn actions(caller: &Caller, mark: &str, patient: i64) -> Ids {
    let dozen = |of: &dyn Fn(usize) -> Value| (0..12).map(of).collect::<Vec<_>>();
    let mut ids = Ids::new();
    let of_person = [
        ("interventions", json!({ "patient_id": patient, "intervention_type": "referral", "priority": "low", "title": mark })),
        ("follow-ups", json!({ "patient_id": patient, "follow_up_type": "phone_call", "title": mark, "scheduled_date": "2030-01-05" })),
        ("communications", json!({ "patient_id": patient, "communication_type": "sms", "channel": "patient", "message": mark })),
    ];
    for (plural, body) in of_person {
        ids.insert(plural, caller.make_many(plural, dozen(&|_| body.clone())).await.last().unwrap().to_string());
    }
    let named = |n: usize, mut body: Value| {
        body["name"] = json!(format!("{mark} {n}"));
        body
    };
    let template = json!({ "category": "clinical", "event": "follow_up.missed", "active": "no" });
    let templates = caller.make_many("workflow-templates", dozen(&|n| named(n, template.clone()))).await;
    let step = json!({ "template_id": templates[11], "position": 1, "follow_up_type": "reminder", "title": mark, "after_days": 1 });
    let steps = caller.make_many("workflow-steps", dozen(&|_| step.clone())).await;
    let rules = caller.make_many("escalation-rules", dozen(&|n| named(n, json!({ "priority": "low", "active": "no" })))).await;
    let mut alert = 0;
    for n in (0..12).rev() {
        alert = raise(caller, patient - n).await;
    }
    let made = [("workflow-templates", templates[11]), ("workflow-steps", steps[11]), ("escalation-rules", rules[11]), ("alerts", alert)];
    ids.extend(made.map(|(of, id)| (of, id.to_string())));
    ids
}

/// An open alert for a patient.
pub async fn raise(caller: &Caller, patient: i64) -> i64 {
    caller
        .make("alerts", json!({ "patient_id": patient, "alert_type": "adherence_drop", "severity": "low", "title": "For the walk" }))
        .await
}

/// Ids of things that are nowhere.
pub fn nowhere() -> Ids {
    let kept = ["facilities", "patients", "models", "ensembles", "ab-tests", "predictions", "ingest", "rejects"];
    let done = ["alerts", "interventions", "follow-ups", "communications", "workflow-templates", "workflow-steps", "escalation-rules"];
    let bound = ("facility-bindings", format!("key_{}", "0".repeat(26)));
    kept.into_iter().chain(done).map(|of| (of, "987654321".to_owned())).chain([bound]).collect()
}
