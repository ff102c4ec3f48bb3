//! Members who are bound to facilities: whom they reach, and that nothing tells them of anybody else.

use std::collections::BTreeSet;

use plimsoll_testkit::{Db, both, http::Reply};
use serde_json::{Value, json};

use crate::{
    clinic,
    house::{Caller, Tenant, house, pointers},
    walk::{Ids, Operation, operations},
};

/// A word that stands in everything about the patient elsewhere, and nowhere else.
const HIDDEN: &str = "Hiddenhart";

/// What tells of nobody: whoever is bound sees it as everybody does. A path that is new is not here,
/// and is walked.
const OPEN: [&str; 9] =
    ["artists", "songs", "facilities", "models", "ensembles", "ab-tests", "workflow-templates", "workflow-steps", "escalation-rules"];

/// A programme with two facilities: somebody elsewhere with one of everything, and somebody here.
struct Programme<'h> {
    tenant: Tenant<'h>,
    /// Things of the patient elsewhere.
    ids: Ids,
    /// The patient here.
    here: i64,
}

async fn programme(db: Db) -> Programme<'static> {
    let tenant = house(db).tenant().await;
    let owner = &tenant.owner;
    let mut ids = clinic::furnish(owner, "Elsewhere").await;
    for code in ["there", "here"] {
        owner.make("facilities", json!({ "code": code, "name": code })).await;
    }
    let patient = ids["patients"].clone();
    let named = json!({ "given_name": HIDDEN, "facility": "there", "phone": "+999000000099" });
    owner.patch(&format!("/v1/patients/{patient}")).json(named).await.expect(200);
    for (plural, field) in [("interventions", "title"), ("follow-ups", "title"), ("communications", "message")] {
        owner.patch(&format!("/v1/{plural}/{}", ids[plural])).json(json!({ field: HIDDEN })).await.expect(200);
    }
    let number: i64 = patient.parse().unwrap();
    let alert = json!({ "patient_id": number, "alert_type": "clinical_alert", "severity": "high", "title": HIDDEN });
    ids.insert("alerts", owner.make("alerts", alert).await.to_string());
    let prediction: i64 = ids["predictions"].parse().unwrap();
    owner.post("/v1/outcomes").json(json!({ "prediction_id": prediction, "outcome": "stayed", "note": HIDDEN })).await.expect(201);
    let here = owner.make("patients", json!({ "uuid": "here-1", "given_name": "Zainab", "facility": "here" })).await;
    let form = json!({
        "uuid": "here-form", "at": "2026-10-20 09:30:00", "form": "Pharmacy Order Form",
        "observations": [{ "uuid": "here-answer", "variable": "Medication duration", "number": 30 }],
    });
    owner.post(&format!("/v1/patients/{here}/encounters")).json(form).await.expect(200);
    Programme { tenant, ids, here }
}

impl Programme<'_> {
    async fn bind(&self, member: &str, facility: &str) {
        let path = format!("/v1/facility-bindings/{member}");
        self.tenant.owner.put(&path).json(json!({ "facilities": [facility] })).await.expect(200);
    }

    /// A key of an owner, bound to the facility here.
    async fn bound(&self) -> (String, Caller) {
        let (id, key) = self.tenant.key_of(json!({ "name": "bound", "role": "owner" })).await;
        self.bind(&id, "here").await;
        (id, key)
    }

    /// The same ids, of things that are nowhere: of those only that hang on a patient.
    fn absent(&self) -> Ids {
        let gone = |of: &str, id: &String| {
            if OPEN.contains(&of) { id.clone() } else { id.parse::<i64>().map_or_else(|_| id.clone(), |id| (id + 900_000_000).to_string()) }
        };
        self.ids.iter().map(|(of, id)| (*of, gone(of, id))).collect()
    }
}

/// Every number under `patient_id`, at any depth.
fn patients(value: &Value, found: &mut BTreeSet<i64>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| patients(item, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            found.extend(field.as_i64().filter(|_| name == "patient_id"));
            patients(field, found);
        }),
        _ => {}
    }
}

fn assert_tells_nothing(reply: &Reply, what: &str, here: i64) {
    assert!(!format!("{reply:?}").contains(HIDDEN), "{what} tells of a patient elsewhere: {reply}");
    if !reply.status.is_success() {
        return;
    }
    let mut named = BTreeSet::new();
    serde_json::from_slice::<Value>(&reply.body).into_iter().for_each(|body| patients(&body, &mut named));
    named.remove(&here);
    assert!(named.is_empty(), "{what} names the patients {named:?}: {reply}");
}

/// What a caller can tell an answer by.
fn told(reply: &Reply) -> (u16, Value, Vec<String>) {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    (reply.code(), json!([body["code"], body["title"]]), if reply.code() == 422 { pointers(reply) } else { Vec::new() })
}

both! {
    async fn whoever_is_bound_meets_nobody_elsewhere_on_any_route(db: Db) {
        let programme = programme(db).await;
        let owner = &programme.tenant.owner;
        let all: Vec<Operation> = operations(owner).await.into_iter().filter(|one| !one.is_of_the_host() && !one.is_public()).collect();
        let of_patients = |one: &Operation| one.template.split('/').nth(2).is_some_and(|of| !OPEN.contains(&of) && programme.ids.contains_key(of));
        let (mut before, mut seen) = (Vec::new(), 0);
        for operation in all.iter().filter(|one| one.method == "GET" && of_patients(one)) {
            let reply = operation.request(owner, &programme.ids).await.expect(200);
            seen += usize::from(format!("{reply:?}").contains(HIDDEN));
            if operation.is_item() {
                before.push((operation.clone(), reply.body.clone()));
            }
        }
        assert!(seen > 6, "the walk sees somebody {seen} times: it would prove nothing");

        let (_, bound) = programme.bound().await;
        let absent = programme.absent();
        let ids: Ids = programme.ids.iter().map(|(of, id)| (*of, id.clone()))
            .chain([("users", "usr_0".into()), ("keys", "key_0".into()), ("sessions", "ses_0".into()), ("tenants", "ten_0".into()), ("upstreams", "x".into())])
            .chain([("idempotency", "idm_0".into()), ("schedules", "x".into()), ("jobs", "job_0".into()), ("webhooks", "whk_0".into()), ("backups", "b".into())])
            .chain([("artists", "1".into()), ("songs", "1".into())])
            .collect();
        let nobody: Ids = ids.iter().map(|(of, id)| (*of, absent.get(of).unwrap_or(id).clone())).collect();
        let mut compared = 0;
        for operation in &all {
            let what = format!("{} {}", operation.method, operation.template);
            let (there, nowhere) = (operation.example(&ids), operation.example(&nobody));
            let path = operation.path(&ids);
            let about_somebody = path != operation.path(&nobody) || there != nowhere;
            let reply = operation.send(&bound, &path, there).await;
            assert!(reply.code() < 500 || reply.str("/code") == "PLM-AI-001", "{what}: {reply}");
            assert_tells_nothing(&reply, &what, programme.here);
            if about_somebody {
                let other = operation.send(&bound, &operation.path(&nobody), nowhere).await;
                assert_eq!(told(&reply), told(&other), "{what}: somebody elsewhere is answered differently from nobody: {reply} {other}");
                compared += 1;
            }
            if of_patients(operation) && operation.is_item() {
                assert!([403, 404].contains(&reply.code()), "{what}: {reply}");
            }
        }
        assert!(compared > 60, "{compared}");
        for (operation, was) in before {
            let now = operation.request(owner, &programme.ids).await.expect(200);
            assert!(now.body == was, "{} {}: was changed by somebody who does not reach it: {now}", operation.method, operation.template);
        }
        // What the pages' forms send.
        for page in ["/retention", "/retention/alerts"] {
            assert_tells_nothing(&bound.get(page).await.expect(200), page, programme.here);
        }
        bound.get(&format!("/retention/patients/{}", programme.ids["patients"])).await.expect(404);
        bound.get(&format!("/retention/patients/{}", programme.here)).await.expect(200);
        for (path, form) in [
            (format!("/retention/alerts/{}/acknowledge", programme.ids["alerts"]), "from=inbox"),
            (format!("/retention/alerts/{}/intervene", programme.ids["alerts"]), "intervention_type=referral&title=x&priority=low"),
            (format!("/retention/patients/{}/interventions", programme.ids["patients"]), "intervention_type=referral&title=x&priority=low"),
            (format!("/retention/patients/{}/follow-ups", programme.ids["patients"]), "follow_up_type=phone_call&title=x&scheduled_date=2030-01-01"),
            (format!("/retention/patients/{}/communications", programme.ids["patients"]), "communication_type=sms&channel=patient&message=x"),
            (format!("/retention/interventions/{}/start", programme.ids["interventions"]), ""),
            (format!("/retention/follow-ups/{}/miss", programme.ids["follow-ups"]), ""),
        ] {
            bound.post(&path).header("content-type", "application/x-www-form-urlencoded").body(form).await.expect(404);
        }
    }

    async fn whoever_is_bound_counts_lists_exports_and_hears_of_their_own_only(db: Db) {
        let programme = programme(db).await;
        let (id, bound) = programme.bound().await;
        let (owner, here) = (&programme.tenant.owner, programme.here);
        let made = bound.post("/v1/predictions").json(json!({ "patient_id": here })).await.expect(201);
        assert_eq!(made.at("/patient_id"), json!(here));
        for list in ["patients", "patients?q=a", "patients?cursor="] {
            assert_eq!(bound.ids(&format!("/v1/{list}")).await, [here], "{list}");
        }
        assert_eq!(bound.get("/v1/patients").await.expect(200).at("/pagination/total_items"), json!(1));
        assert!(bound.ids("/v1/patients?deleted=true").await.is_empty());
        assert_eq!(bound.get(&format!("/v1/patients?q={HIDDEN}")).await.expect(200).at("/pagination/total_items"), json!(0));
        for list in ["interventions", "follow-ups", "communications"] {
            assert_eq!(bound.get(&format!("/v1/{list}?include=patient")).await.expect(200).at("/pagination/total_items"), json!(0), "{list}");
        }
        assert_eq!(bound.get("/v1/patients/stats").await.expect(200).at("/total"), json!(1));
        let export = bound.get("/v1/patients/export?format=csv").await.expect(200).text();
        assert!(export.lines().count() == 2 && export.contains("Zainab") && !export.contains(HIDDEN), "{export}");
        let risk = bound.get("/v1/risk-list").await.expect(200);
        assert!(risk.at("/scored") == json!(1) && risk.at("/items/0/patient_id") == json!(here), "{risk}");
        assert!(owner.get("/v1/risk-list").await.expect(200).at("/scored").as_i64().unwrap() > 1);
        let two = json!({ "items": [{ "patient_id": here }, { "patient_id": programme.ids["patients"].parse::<i64>().unwrap() }, { "patient_id": 987_654_321 }] });
        let batch = bound.post("/v1/predictions/batch").json(two).await.expect(200).json();
        assert_eq!((&batch["successful"], &batch["failed"]), (&json!(1), &json!(2)), "{batch}");
        let errors: Vec<String> = [1, 2].map(|at| batch["results"][at]["errors"][0]["detail"].to_string()).map(|text| text.replace(char::is_numeric, "")).into();
        assert_eq!(errors[0], errors[1]);

        // Acting on one's own works, and tells its events to whoever reaches them.
        let alert = bound.make("alerts", json!({ "patient_id": here, "alert_type": "clinical_alert", "severity": "low", "title": "Look" })).await;
        bound.post(&format!("/v1/alerts/{alert}/acknowledge")).await.expect(200);
        bound.patch(&format!("/v1/patients/{here}")).json(json!({ "city": "Garki" })).await.expect(200);
        let heard = bound.get("/v1/events").await.expect(200).json();
        let kinds: BTreeSet<&str> = heard["items"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
        for kind in ["patient.updated", "alert.raised", "alert.acknowledged", "prediction.created"] {
            assert!(kinds.contains(kind), "{kind} in {kinds:?}");
        }
        let mut named = BTreeSet::new();
        patients(&heard, &mut named);
        assert_eq!(named, BTreeSet::from([here]));
        let subjects: Vec<&Value> = heard["items"].as_array().unwrap().iter().filter(|one| one["source"] == "/v1/patients").map(|one| &one["subject"]).collect();
        assert!(subjects.iter().all(|subject| **subject == json!(here.to_string())), "{subjects:?}");
        assert!(!kinds.contains("scoring.finished") && !kinds.contains("batch.finished"), "{kinds:?}");

        // Nobody is moved out of reach, or made there.
        for facility in [json!("there"), Value::Null] {
            let moved = bound.patch(&format!("/v1/patients/{here}")).json(json!({ "facility": facility })).await.expect(422);
            assert_eq!(pointers(&moved), ["/facility"]);
            let made = bound.post("/v1/patients").json(json!({ "uuid": "new", "facility": facility })).await.expect(422);
            assert_eq!(pointers(&made), ["/facility"]);
            let many = json!({ "items": [{ "uuid": "new", "facility": facility }, { "uuid": "new-2", "facility": "here" }] });
            let many = bound.post("/v1/patients/bulk").json(many).await.expect(207).json();
            assert_eq!(many["results"][0]["errors"][0]["pointer"], "/facility");
            let other = many["results"][1]["id"].as_i64().unwrap();
            bound.delete(&format!("/v1/patients/{other}")).await.expect(204);
            assert_eq!(bound.ids("/v1/patients?deleted=true").await, [other]);
            owner.patch(&format!("/v1/patients/{here}")).json(json!({ "city": null })).await.expect(200);
            let key = json!({ "kind": "patient", "key": "new-2", "confirm": "new-2" });
            owner.post("/v1/subjects/erase").json(key).await.expect(200);
        }
        // What tells of the whole tenant is closed; what it is bound to is not its own to change.
        for path in ["/v1/audit", "/v1/jobs", "/v1/users", "/v1/keys", "/v1/ingest", "/v1/observability/performance", "/v1/facility-bindings"] {
            bound.get(path).await.expect(403);
        }
        bound.delete(&format!("/v1/facility-bindings/{id}")).await.expect(403);
        bound.post("/v1/keys").json(json!({ "name": "way out", "role": "viewer" })).await.expect(403);
        bound.post("/v1/subjects/export").json(json!({ "kind": "patient", "key": "Elsewhere-59" })).await.expect(403);
        bound.post("/v1/predictions/all").json(json!({})).await.expect(403);
        bound.post("/v1/models/train").json(json!({})).await.expect(403);
    }

    async fn people_are_bound_and_unbound_on_record_and_their_keys_with_them(db: Db) {
        let programme = programme(db).await;
        let (tenant, owner) = (&programme.tenant, &programme.tenant.owner);
        let person = tenant.person("admin").await;
        let login = tenant.login(&person).await;
        let made = login.caller.post("/v1/keys").json(json!({ "name": "own", "role": "viewer" })).await.expect(201);
        let key = tenant.house.stranger().with(&made.str("/secret"));
        let all = owner.get("/v1/patients").await.expect(200).at("/pagination/total_items");
        let count = async |caller: &Caller| caller.get("/v1/patients").await.expect(200).at("/pagination/total_items");
        assert_eq!([count(&login.caller).await, count(&key).await], [all.clone(), all.clone()], "who is bound to nothing reaches everybody");

        programme.bind(&person.id, "here").await;
        assert_eq!([count(&login.caller).await, count(&key).await], [json!(1), json!(1)], "a key is bound as whoever made it");
        programme.bind(&made.str("/id"), "there").await;
        let hidden: i64 = programme.ids["patients"].parse().unwrap();
        assert_eq!((login.caller.ids("/v1/patients").await, key.ids("/v1/patients").await), (vec![programme.here], vec![hidden]), "unless it is bound itself");

        let listed = owner.get("/v1/facility-bindings").await.expect(200).json();
        assert_eq!(listed["pagination"]["total_items"], 3, "{listed}");
        assert_eq!(owner.get(&format!("/v1/facility-bindings/{}", person.id)).await.expect(200).at("/facilities"), json!(["here"]));
        login.caller.delete(&format!("/v1/facility-bindings/{}", person.id)).await.expect(403);
        let path = format!("/v1/facility-bindings/{}", person.id);
        assert_eq!(pointers(&owner.put(&path).json(json!({ "facilities": ["nowhere"] })).await.expect(422)), ["/facilities/0"]);
        owner.put(&path).json(json!({ "facilities": [] })).await.expect(422);
        owner.put("/v1/facility-bindings/usr_00000000000000000000000000").json(json!({ "facilities": ["here"] })).await.expect(404);
        owner.delete(&path).await.expect(204);
        owner.delete(&path).await.expect(404);
        assert_eq!(count(&login.caller).await, all);
        for action in ["facility_bindings.set", "facility_bindings.unbind"] {
            let entries = owner.get(&format!("/v1/audit?action={action}&target=facility-bindings/{}", person.id)).await.expect(200).json();
            assert_eq!(entries["items"].as_array().unwrap().len(), 1, "{action}: {entries}");
        }
        tenant.key("editor").await.get("/v1/facility-bindings").await.expect(403);
    }
}
