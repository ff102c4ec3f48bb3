//! What is done about a risk: from a score to an alert, to somebody who takes it on, to an outcome.

use std::time::Duration;

use plimsoll_testkit::{
    Db, both,
    http::{Reply, Request},
    wait,
};
use serde_json::{Value, json};

use crate::house::{Caller, House, PASSWORD, Tenant, house, pointers, unique};

/// Long enough for a busy machine; nothing here takes it when all is well.
const BOUND: Duration = Duration::from_secs(90);

/// A server whose tenant `demo` has people and a model, and its owner.
async fn programme(db: Db) -> (House, Caller) {
    let house = House::open(db, &[], &["--demo"]).await;
    let key = house.command(&["key", "create", "--tenant", "demo", "--role", "owner"]).await;
    let owner = house.stranger().with(key["key"].as_str().unwrap());
    wait::until(BOUND, || async { !events(&owner, "scoring.finished").await.is_empty() }).await;
    (house, owner)
}

/// Events of a type, the oldest first.
async fn events(caller: &Caller, kind: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), json!(0));
    loop {
        let page = caller.get(&format!("/v1/events?type={kind}&after={after}")).await.expect(200).json();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        if page["more"] != true {
            return all;
        }
        after = page["after"].clone();
    }
}

async fn alerts(caller: &Caller, filter: &str) -> Vec<Value> {
    caller.get(&format!("/v1/alerts?limit=1000{filter}")).await.expect(200).at("/items").as_array().unwrap().clone()
}

async fn alert(caller: &Caller, id: i64) -> Value {
    caller.get(&format!("/v1/alerts/{id}")).await.expect(200).json()
}

async fn act(caller: &Caller, path: &str) -> Reply {
    caller.post(path).json(json!({})).await
}

/// A patient of one's own, by number and identity.
async fn patient(caller: &Caller) -> (i64, String) {
    let uuid = format!("p-{}", unique());
    let body = json!({ "uuid": uuid, "given_name": "Amina", "family_name": "Bello", "facility": "F-017" });
    (caller.make("patients", body).await, uuid)
}

fn raised(patient: i64, kind: &str, severity: &str) -> Value {
    json!({ "patient_id": patient, "alert_type": kind, "severity": severity, "title": "Look after this person", "message": null })
}

async fn on_record(caller: &Caller, action: &str, target: &str) -> Vec<Value> {
    caller.get(&format!("/v1/audit?action={action}&target={target}")).await.expect(200).at("/items").as_array().unwrap().clone()
}

/// Signs in as a browser does.
async fn cookie(house: &House, tenant: &Tenant<'_>, role: &str) -> String {
    let person = tenant.person(role).await;
    let body = json!({ "email": person.email, "password": PASSWORD, "tenant": tenant.slug, "cookie": true });
    let reply = house.stranger().post("/v1/auth/login").json(body).await;
    let set = reply.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {reply}")).to_owned();
    set.split(';').next().unwrap().to_owned()
}

both! {
    async fn from_a_score_to_an_outcome_and_of_two_who_take_an_alert_on_one_does(db: Db) {
        let (_house, owner) = programme(db).await;
        let open = alerts(&owner, "&status=open").await;
        let grave: Vec<i64> = owner.get("/v1/risk-list?limit=1000&min_level=high").await.expect(200).at("/items").as_array().unwrap().iter()
            .map(|one| one["patient_id"].as_i64().unwrap())
            .collect();
        let mut alerted: Vec<i64> = open.iter().filter(|one| one["alert_type"] == "risk_threshold").map(|one| one["patient_id"].as_i64().unwrap()).collect();
        alerted.sort_unstable();
        let mut wanted = grave.clone();
        wanted.sort_unstable();
        assert!(!wanted.is_empty());
        assert_eq!(alerted, wanted, "whoever is at high risk or above has one alert, and nobody else");
        assert_eq!(events(&owner, "alert.raised").await.len(), open.len());

        let first = open.iter().find(|one| one["alert_type"] == "risk_threshold").unwrap();
        let (id, person) = (first["id"].as_i64().unwrap(), first["patient_id"].as_i64().unwrap());
        assert_eq!((&first["status"], &first["escalation_level"]), (&json!("active"), &json!(0)));
        assert!(first["prediction_id"].is_i64() && first["next_escalation_at"].is_string(), "{first}");
        owner.post(&format!("/v1/alerts/{id}/resolve")).json(json!({})).await.expect(409);

        let mut hands = Vec::new();
        for _ in 0..2 {
            let made = owner.post("/v1/keys").json(json!({ "name": "hand", "role": "editor" })).await.expect(201);
            hands.push((made.str("/id"), owner.with(&made.str("/secret"))));
        }
        let path = format!("/v1/alerts/{id}/acknowledge");
        let (one, two) = tokio::join!(act(&hands[0].1, &path), act(&hands[1].1, &path));
        let mut codes = [one.code(), two.code()];
        codes.sort_unstable();
        assert_eq!(codes, [200, 409], "{one} {two}");
        let winner = &hands[usize::from(two.code() == 200)].0;
        let taken = alert(&owner, id).await;
        assert_eq!((&taken["status"], &taken["acknowledged_by"], &taken["next_escalation_at"]), (&json!("acknowledged"), &json!(winner), &Value::Null));
        let record = on_record(&owner, "alerts.acknowledge", &format!("alerts/{id}")).await;
        assert_eq!(record.len(), 1, "the one who came too late is not on record as having done it");
        assert_eq!(record[0]["actor"]["id"].as_str(), Some(winner.as_str()), "{}", record[0]);

        let hand = &hands[0].1;
        let plan = json!({ "intervention_type": "adherence_support", "priority": "high", "title": "Ask what keeps them away" });
        let made = hand.post(&format!("/v1/alerts/{id}/interventions")).json(plan.clone()).await.expect(201).at("/id").as_i64().unwrap();
        hand.post(&format!("/v1/alerts/{id}/interventions")).json(plan).await.expect(409);
        let deed = format!("/v1/interventions/{made}");
        let found = hand.get(&deed).await.expect(200).json();
        assert_eq!((&found["patient_id"], &found["status"], &found["outcome"]), (&json!(person), &json!("pending"), &Value::Null));
        let cheat = hand.patch(&deed).json(json!({ "status": "completed" })).await.expect(422);
        assert_eq!(pointers(&cheat), ["/status"], "only its own routes move it");
        assert_eq!(hand.patch(&deed).json(json!({ "notes": "by phone" })).await.expect(200).str("/status"), "pending");
        act(hand, &format!("{deed}/start")).await.expect(200);
        act(hand, &format!("{deed}/start")).await.expect(409);
        assert_eq!(act(hand, &format!("{deed}/complete")).await.code(), 422, "an ending has an outcome");
        hand.post(&format!("{deed}/complete")).json(json!({ "outcome": "returned" })).await.expect(200);
        let done = hand.get(&deed).await.expect(200).json();
        assert_eq!((&done["status"], &done["outcome"], &done["notes"]), (&json!("completed"), &json!("returned"), &json!("by phone")));
        assert!(done["completed_on"].is_string(), "{done}");
        act(hand, &format!("{deed}/cancel")).await.expect(409);

        act(hand, &format!("/v1/alerts/{id}/resolve")).await.expect(200);
        for verb in ["acknowledge", "resolve", "escalate"] {
            act(hand, &format!("/v1/alerts/{id}/{verb}")).await.expect(409);
        }
        hand.post(&format!("/v1/alerts/{id}/dismiss")).json(json!({ "reason": "too late for that" })).await.expect(409);

        // The next night says nothing that was said already, and nothing of what was just settled.
        let before = alerts(&owner, "").await.len();
        let job = owner.post("/v1/predictions/all").json(json!({})).await.expect(201).str("/job");
        wait::until(BOUND, || async { owner.get(&format!("/v1/jobs/{job}")).await.expect(200).str("/state") == "done" }).await;
        assert_eq!(alerts(&owner, "").await.len(), before);

        for kind in ["alert.raised", "alert.acknowledged", "alert.resolved", "intervention.created", "intervention.completed"] {
            let told = events(&owner, kind).await;
            assert!(!told.is_empty(), "{kind}");
            let name = first["patient_name"].as_str().unwrap();
            assert!(!Value::from(told).to_string().contains(name), "{kind} tells ids only");
        }
        let viewer = owner.post("/v1/keys").json(json!({ "name": "eyes", "role": "viewer" })).await.expect(201);
        let viewer = owner.with(&viewer.str("/secret"));
        assert!(!alerts(&viewer, "&status=active").await.is_empty());
        act(&viewer, &path).await.expect(403);
    }

    async fn what_nobody_takes_on_escalates_by_the_clock_and_rules_and_workflows_act_on_it(db: Db) {
        let settings = [("PLIMSOLL_TREATMENT__ESCALATE_AFTER", "1s"), ("PLIMSOLL_TREATMENT__ESCALATIONS", "2")];
        let house = House::open(db, &settings, &[]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let rule = json!({ "name": "Again nobody", "from_level": 2, "set_severity": "critical", "assign_to": "usr_nurse", "priority": "high", "active": "yes" });
        let rule = owner.make("escalation-rules", rule).await;
        let template = json!({ "name": "Go and look", "category": "escalation", "event": "alert.escalated", "min_level": "high", "active": "yes" });
        let template = owner.make("workflow-templates", template).await;
        owner.make("workflow-steps", json!({ "template_id": template, "position": 1, "intervention_type": "clinical_review", "title": "Look at the record", "after_days": 0 })).await;
        owner.make("workflow-steps", json!({ "template_id": template, "position": 2, "follow_up_type": "home_visit", "title": "Go there", "after_days": 3 })).await;
        let half = json!({ "template_id": template, "position": 3, "title": "Neither one nor the other", "after_days": 1 });
        assert_eq!(owner.post("/v1/workflow-steps").json(half).await.code(), 422);

        let (person, _) = patient(owner).await;
        let dry = |level: &str| owner.post(&format!("/v1/workflow-templates/{template}/dry-run")).json(json!({ "patient_id": person, "level": level }));
        let would = dry("high").await.expect(200);
        assert_eq!((would.at("/runs"), would.at("/steps/1/kind")), (json!(true), json!("home_visit")), "{would}");
        assert_eq!(dry("medium").await.expect(200).at("/runs"), json!(false));
        assert_eq!(owner.get("/v1/interventions").await.expect(200).at("/pagination/total_items"), json!(0), "a dry run does nothing");
        let late = json!({ "patient_id": person, "follow_up_type": "phone_call", "title": "Call", "scheduled_date": "2026-01-02" });
        let late = owner.make("follow-ups", late).await;

        let id = owner.make("alerts", raised(person, "clinical_alert", "high")).await;
        let taken = owner.make("alerts", raised(person, "missed_visit", "high")).await;
        act(owner, &format!("/v1/alerts/{taken}/acknowledge")).await.expect(200);
        owner.post("/v1/alerts").json(raised(person, "clinical_alert", "low")).await.expect(409);

        wait::until(BOUND, || async { alert(owner, id).await["escalation_level"] == 2 }).await;
        let up = alert(owner, id).await;
        assert_eq!((&up["status"], &up["severity"], &up["assigned_to"]), (&json!("active"), &json!("critical"), &json!("usr_nurse")));
        assert_eq!(up["next_escalation_at"], Value::Null, "twice is the most");
        let told: Vec<String> = events(owner, "alert.escalated").await.iter().map(|one| one["subject"].as_str().unwrap().to_owned()).collect();
        assert_eq!(told.iter().filter(|subject| **subject == id.to_string()).count(), 2);
        assert!(!told.contains(&taken.to_string()), "what somebody took on does not escalate");
        assert_eq!(alert(owner, taken).await["escalation_level"], 0);
        let rule = owner.get(&format!("/v1/escalation-rules/{rule}")).await.expect(200);
        assert_eq!(rule.at("/trigger_count"), json!(1.0), "{rule}");
        let by_clock = on_record(owner, "alerts.escalate", &format!("alerts/{id}")).await;
        assert_eq!(by_clock.len(), 2);
        assert_eq!(by_clock[0]["actor"]["kind"], "host", "{}", by_clock[0]);

        // The workflow ran with the first escalation, and not again while what it made is open.
        let made = owner.get("/v1/interventions").await.expect(200);
        assert_eq!(made.at("/pagination/total_items"), json!(1), "{made}");
        assert_eq!(owner.get("/v1/follow-ups?follow_up_type=home_visit").await.expect(200).at("/items/0/intervention_id"), made.at("/items/0/id"));
        let reminded = alerts(owner, "&alert_type=follow_up_due").await;
        assert_eq!((reminded.len(), &reminded[0]["follow_up_id"]), (1, &json!(late)), "a follow-up whose day has passed raises one");

        let by_hand = owner.make("alerts", raised(person, "adherence_drop", "low")).await;
        assert_eq!(act(owner, &format!("/v1/alerts/{by_hand}/escalate")).await.expect(200).at("/escalation_level"), json!(1));
        let why = owner.post(&format!("/v1/alerts/{by_hand}/dismiss")).json(json!({ "reason": "She was here" })).await.expect(200);
        assert_eq!((why.at("/status"), why.at("/reason")), (json!("dismissed"), json!("She was here")));
        act(owner, &format!("/v1/alerts/{by_hand}/escalate")).await.expect(409);
    }

    async fn a_follow_up_is_done_missed_or_put_off_and_a_message_arrives_once(db: Db) {
        let house = house(db);
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let (person, uuid) = patient(owner).await;
        let plan = json!({ "patient_id": person, "follow_up_type": "phone_call", "title": "Call", "scheduled_date": "2027-01-05" });
        let id = owner.make("follow-ups", plan.clone()).await;
        act(owner, &format!("/v1/follow-ups/{id}/miss")).await.expect(200);
        act(owner, &format!("/v1/follow-ups/{id}/miss")).await.expect(409);
        let later = |day: &str| owner.post(&format!("/v1/follow-ups/{id}/reschedule")).json(json!({ "scheduled_date": day }));
        assert_eq!(later("2027-02-30").await.code(), 422);
        let instead = later("2027-01-12").await.expect(201).at("/id");
        let old = owner.get(&format!("/v1/follow-ups/{id}")).await.expect(200).str("/status");
        let new = owner.get(&format!("/v1/follow-ups/{instead}")).await.expect(200).json();
        assert_eq!((old.as_str(), &new["status"], &new["scheduled_date"]), ("rescheduled", &json!("scheduled"), &json!("2027-01-12")));
        later("2027-01-19").await.expect(409);
        owner.post(&format!("/v1/follow-ups/{instead}/complete")).json(json!({ "outcome": "promised" })).await.expect(200);

        let said = json!({ "patient_id": person, "communication_type": "sms", "channel": "patient", "message": "Your medicine is ready." });
        let message = owner.make("communications", said).await;
        let report = |status: &str| owner.post(&format!("/v1/communications/{message}/receipt")).json(json!({ "status": status }));
        assert_eq!(report("read").await.expect(200).str("/status"), "read");
        assert_eq!(report("delivered").await.expect(200).str("/status"), "read", "a late report leads nowhere back");
        report("failed").await.expect(409);

        owner.delete(&format!("/v1/patients/{person}")).await.expect(409);
        owner.make("alerts", raised(person, "clinical_alert", "high")).await;
        let body = json!({ "kind": "patient", "key": uuid, "confirm": uuid });
        let certificate = owner.post("/v1/subjects/erase").json(body).await.expect(200).json();
        let tables = certificate["certificate"]["tables"].as_array().unwrap();
        let rows = |table: &str| tables.iter().find(|one| one["table"] == table).map(|one| one["rows"].clone());
        assert_eq!(
            [rows("alert"), rows("communication"), rows("follow_up"), rows("patient")],
            [Some(json!(1)), Some(json!(1)), Some(json!(2)), Some(json!(1))]
        );
        assert_eq!(owner.get("/v1/follow-ups").await.expect(200).at("/pagination/total_items"), json!(0));
        assert!(alerts(owner, "").await.is_empty());
    }

    async fn what_is_to_be_done_for_a_deleted_patient_rests_and_comes_back_with_them(db: Db) {
        let settings = [("PLIMSOLL_TREATMENT__ESCALATE_AFTER", "1s"), ("PLIMSOLL_TREATMENT__ESCALATIONS", "9")];
        let house = House::open(db, &settings, &[]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let ((gone, _), (living, _)) = (patient(owner).await, patient(owner).await);
        let plan = json!({ "patient_id": gone, "intervention_type": "referral", "priority": "low", "title": "Refer" });
        let intervention = owner.make("interventions", plan).await;
        let call = json!({ "patient_id": gone, "follow_up_type": "phone_call", "title": "Call", "scheduled_date": "2026-01-02" });
        let follow_up = owner.make("follow-ups", call).await;
        let message = json!({ "patient_id": gone, "communication_type": "sms", "channel": "patient", "message": "Come" });
        let message = owner.make("communications", message).await;
        let id = owner.make("alerts", raised(gone, "clinical_alert", "high")).await;
        let path = format!("/v1/patients/{gone}");
        owner.delete(&path).await.expect(409);
        owner.delete(&format!("{path}?cascade=true")).await.expect(204);
        let level = || house.look(&format!("SELECT escalation_level FROM alert WHERE id = {id}"))[0][0].clone();
        let before = level();

        // The clock looks: somebody else's alert escalates, twice.
        let other = owner.make("alerts", raised(living, "clinical_alert", "high")).await;
        wait::until(BOUND, || async { alert(owner, other).await["escalation_level"].as_i64() >= Some(2) }).await;
        assert_eq!(level(), before, "nobody is called for somebody who is not there");
        let kinds: Vec<Value> = alerts(owner, "").await.iter().map(|one| one["patient_id"].clone()).collect();
        assert!(kinds.iter().all(|of| *of == json!(living)), "nor reminded of them: {kinds:?}");
        for list in ["interventions", "follow-ups", "communications"] {
            assert_eq!(owner.get(&format!("/v1/{list}")).await.expect(200).at("/pagination/total_items"), json!(0), "{list}");
        }
        for verb in ["acknowledge", "resolve", "escalate"] {
            act(owner, &format!("/v1/alerts/{id}/{verb}")).await.expect(404);
        }
        act(owner, &format!("/v1/interventions/{intervention}/start")).await.expect(404);
        act(owner, &format!("/v1/follow-ups/{follow_up}/miss")).await.expect(404);
        owner.post(&format!("/v1/communications/{message}/receipt")).json(json!({ "status": "read" })).await.expect(404);
        owner.get(&format!("{path}/timeline")).await.expect(404);

        owner.post(&format!("{path}/restore")).await.expect(200);
        assert_eq!(alert(owner, id).await["status"], "active");
        owner.get(&format!("/v1/interventions/{intervention}")).await.expect(200);
        let line = owner.get(&format!("{path}/timeline")).await.expect(200).json();
        let kinds: Vec<&str> = line["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
        for kind in ["alert", "intervention", "follow_up", "communication"] {
            assert!(kinds.contains(&kind), "{kind} in {line}");
        }
        let (_, narrow) = tenant.key_of(json!({ "name": "narrow", "role": "viewer", "scopes": ["patients:read"] })).await;
        let less = narrow.get(&format!("{path}/timeline")).await.expect(200).json();
        assert_eq!((&less["items"], less["hidden"].as_array().unwrap().len()), (&json!([]), 5), "{less}");
        act(owner, &format!("/v1/alerts/{id}/acknowledge")).await.expect(200);
    }

    async fn whoever_may_not_see_patients_does_not_see_them_by_way_of_interventions(db: Db) {
        let house = house(db);
        let tenant = house.tenant().await;
        let (person, _) = patient(&tenant.owner).await;
        let plan = json!({ "patient_id": person, "intervention_type": "referral", "priority": "low", "title": "Refer" });
        let id = tenant.owner.make("interventions", plan).await;
        let narrow = json!({ "name": "narrow", "role": "viewer", "scopes": ["interventions:read"] });
        let (_, narrow) = tenant.key_of(narrow).await;
        narrow.get(&format!("/v1/interventions/{id}")).await.expect(200);
        narrow.get(&format!("/v1/interventions/{id}?include=patient")).await.expect(403);
        narrow.get("/v1/interventions?include=patient").await.expect(403);
        assert_eq!(narrow.get("/v1/interventions?q=bello").await.expect(200).at("/pagination/total_items"), json!(0), "nor can they guess");
        let seen = tenant.owner.get(&format!("/v1/interventions/{id}?include=patient")).await.expect(200);
        assert_eq!(seen.str("/patient/family_name"), "Bello");
        assert!(!on_record(&tenant.owner, "interventions.read", &format!("interventions/{id}")).await.is_empty(), "who looked is on record");
    }

    async fn the_pages_take_an_alert_on_and_record_an_outcome_without_scripts(db: Db) {
        let house = house(db);
        let tenant = house.tenant().await;
        let (person, _) = patient(&tenant.owner).await;
        let id = tenant.owner.make("alerts", raised(person, "clinical_alert", "critical")).await;
        let (editor, viewer) = (cookie(house, &tenant, "editor").await, cookie(house, &tenant, "viewer").await);
        let from = house.stranger();
        let look = |path: &str, cookie: &str| from.get(path).header("cookie", cookie);
        let send = |path: String, body: &'static str| -> Request {
            from.post(&path).header("cookie", &editor).header("content-type", "application/x-www-form-urlencoded").header("sec-fetch-site", "same-origin").body(body)
        };
        let inbox = look("/retention/alerts", &editor).await.expect(200).text();
        for words in ["Amina Bello", "Acknowledge", "Look after this person", "nobody has taken it on"] {
            assert!(inbox.contains(words), "{words} in\n{inbox}");
        }
        let eyes = look("/retention/alerts", &viewer).await.expect(200).text();
        assert!(eyes.contains("Amina Bello") && !eyes.contains("/acknowledge"), "{eyes}");

        let done = send(format!("/retention/alerts/{id}/acknowledge"), "from=inbox").await.expect(303);
        assert_eq!(done.header("location"), Some("/retention/alerts"));
        let twice = send(format!("/retention/alerts/{id}/acknowledge"), "from=inbox").await.expect(409).text();
        assert!(twice.contains("Nothing was changed"), "{twice}");
        let page = format!("/retention/patients/{person}");
        let planned = send(format!("/retention/alerts/{id}/intervene"), "intervention_type=follow_up&title=Call+%3Cher%3E&priority=high&due_date=").await.expect(303);
        assert_eq!(planned.header("location"), Some(page.as_str()));
        let text = look(&page, &editor).await.expect(200).text();
        assert!(text.contains("Call &lt;her&gt;") && text.contains("Record the outcome") && text.contains("taken on by you"), "{text}");
        let deed = tenant.owner.get("/v1/interventions").await.expect(200).at("/items/0/id");
        send(format!("/retention/interventions/{deed}/complete"), "outcome=").await.expect(422);
        send(format!("/retention/interventions/{deed}/complete"), "outcome=vanished").await.expect(422);
        send(format!("/retention/interventions/{deed}/complete"), "outcome=returned&notes=came+back").await.expect(303);
        send(format!("/retention/patients/{person}/follow-ups"), "follow_up_type=phone_call&title=Again&scheduled_date=2027-03-01").await.expect(303);
        send(format!("/retention/patients/{person}/communications"), "communication_type=phone_call&channel=patient&message=said+hello").await.expect(303);
        send(format!("/retention/alerts/{id}/resolve"), "from=patient").await.expect(303);
        let text = look(&page, &editor).await.expect(200).text();
        for words in ["<b>returned</b>", "came back", "Again", "said hello", "Settled: 1"] {
            assert!(text.contains(words), "{words} in\n{text}");
        }
        let who = on_record(&tenant.owner, "interventions.complete", &format!("interventions/{deed}")).await;
        assert_eq!(who[0]["actor"]["kind"], "person", "{}", who[0]);
        look("/retention/alerts", &viewer).await.expect(200);
    }
}
