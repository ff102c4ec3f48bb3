//! The description of the API says what the server does, and the manual answers.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_testkit::{Db, both, http::Reply, process::Plimsoll};
use serde_json::{Value, json};

use crate::{
    house::{House, PASSWORD, house, root},
    walk::operations,
};

/// Every value under `key`, at any depth.
fn under<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| under(item, key, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            if name == key {
                found.push(field);
            }
            under(field, key, found);
        }),
        _ => {}
    }
}

async fn printed() -> Value {
    Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).run(["openapi"]).await.expect(0).json()
}

#[test]
fn the_committed_description_is_the_one_the_binary_prints() {
    plimsoll_testkit::both::run(async {
        let printed = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).run(["openapi"]).await.expect(0).stdout;
        let path = root().join("docs/reference/openapi.json");
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == printed, "docs/reference/openapi.json is not what the code says any more; `just generate` rewrites it");
    });
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    plimsoll_testkit::both::run(async {
        let document = printed().await;
        let mut references = Vec::new();
        under(&document, "$ref", &mut references);
        assert!(references.len() > 50, "{}", references.len());
        let mut used = BTreeSet::new();
        for reference in references {
            let place = reference.as_str().unwrap().strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads out of the document"));
            assert!(document.pointer(place).is_some(), "{place} leads nowhere");
            used.insert(place.to_owned());
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(used.contains(&format!("/components/schemas/{name}")), "nothing refers to the schema {name}");
        }
    });
}

#[test]
fn every_operation_is_described_in_full() {
    plimsoll_testkit::both::run(async {
        let document = printed().await;
        assert_eq!(document["openapi"], "3.1.0");
        let mut ids = BTreeSet::new();
        for (template, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let what = format!("{method} {template}");
                assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 5), "{what} has no summary");
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{what}: the operation id is taken");
                assert!(operation["x-plimsoll-access"].is_object(), "{what} does not say who may");
                let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
                assert!(statuses.iter().any(|status| status.starts_with('2')), "{what} never succeeds");
                let public = operation["x-plimsoll-access"].get("public").is_some();
                assert!(
                    public || (statuses.iter().any(|one| *one == "401") && statuses.iter().any(|one| *one == "403")),
                    "{what}: {statuses:?}"
                );
                assert_eq!(public, operation["security"] == json!([]), "{what}: security and access disagree");
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {parameter}");
                }
                for name in template.split('/').filter_map(|segment| segment.strip_prefix('{')).map(|segment| segment.trim_end_matches('}'))
                {
                    let declared =
                        operation["parameters"].as_array().into_iter().flatten().any(|one| one["in"] == "path" && one["name"] == name);
                    assert!(declared, "{what} does not declare {{{name}}}");
                }
                for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                    assert!(content["schema"].is_object(), "{what}: {media} has no schema");
                    assert!(content.get("example").is_some(), "{what}: {media} has no example; add `.example(…)` to the route");
                }
            }
        }
    });
}

/// What may be there only once is another one each time.
fn once(value: &mut Value, number: usize) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| once(item, number)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if ["code", "uuid", "pepfar_id"].contains(&name.as_str()) => {
                        *text = format!("{number}-{}", &text[..text.len().min(30)])
                    }
                    _ => once(field, number),
                }
            }
        }
        _ => {}
    }
}

both! {
    async fn the_server_describes_itself_as_the_binary_does(db: Db) {
        let live = house(db).stranger().get("/openapi.json").await.expect(200);
        assert_eq!(live.header("content-type"), Some("application/json"));
        assert!(live.json() == printed().await, "the running server describes itself differently");
    }

    async fn every_example_is_accepted(db: Db) {
        // On its own ground: the examples of login and setup name accounts.
        let service = ("PLIMSOLL_SERVICE__MOUNTS", "{ \"/elsewhere\" = \"http://127.0.0.1:9\" }");
        let inbox = plimsoll_testkit::Scratch::new();
        std::fs::write(inbox.path().join("export.ndjson"), crate::clinic::message("inbox", "Subject", "1990-01-01").to_string() + "\n{}\n").unwrap();
        let folder = inbox.path().to_string_lossy().into_owned();
        let inbox_at = ("PLIMSOLL_TREATMENT__INBOX", folder.as_str());
        let house = House::open(db, &[("PLIMSOLL_IDENTITY__REGISTER", "true"), service, inbox_at], &[]).await;
        let printed = house.running.stdout() + &house.running.stderr();
        let setup = printed.split("/setup#token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        let stranger = house.stranger();
        let all = operations(&stranger).await;
        let example = |id: &str| all.iter().find(|one| one.id == id).unwrap().example(&BTreeMap::new()).unwrap();

        // The first account is the one that the setup example makes; the login example logs it in.
        let mut first = example("setup");
        first["token"] = json!(setup);
        stranger.post("/v1/setup").json(first).await.expect(201);
        let login = stranger.post("/v1/auth/login").json(example("auth.login")).await.expect(200);
        let owner = stranger.with(&login.str("/access_token"));
        let me = owner.get("/v1/auth/me").await.expect(200);

        // Refused as soon as there is a second tenant, which the examples below make.
        owner.post("/v1/upstreams/elsewhere/breaker").json(example("upstreams.breaker")).await.expect(200);
        let clinic = crate::clinic::furnish(&owner, "examples").await;
        let mut accepted = 0;
        for operation in all.iter().filter(|one| one.body.is_some() && !["setup", "auth.login", "upstreams.breaker"].contains(&one.id.as_str())) {
            let mut body = operation.example(&BTreeMap::new()).unwrap();
            // Orders to a service need one that is mounted: their own tests send them.
            if operation.is_of_the_host() {
                continue;
            }
            // A fresh thing of each kind, so that an example never meets what another one changed.
            let artist = owner.make("artists", json!({ "name": "Subject" })).await;
            let song = owner.make("songs", json!({ "title": "Subject" })).await;
            let ids = match operation.id.as_str() {
                "tenants.update" => BTreeMap::from([("tenants", me.str("/tenant/id"))]),
                "users.update" => {
                    let email = format!("subject{song}@example.org");
                    let made = owner.post("/v1/users").json(json!({ "email": email, "role": "editor", "password": PASSWORD })).await.expect(201);
                    BTreeMap::from([("users", made.str("/id"))])
                }
                "keys.rotate" => {
                    let made = owner.post("/v1/keys").json(json!({ "name": "subject", "role": "viewer" })).await.expect(201);
                    BTreeMap::from([("keys", made.str("/id"))])
                }
                "schedules.change" => {
                    let planned = json!({ "name": "subject", "kind": "events.remind", "cron": "0 3 * * *", "payload": { "word": "w" } });
                    owner.post("/v1/schedules").json(planned).await.expect(201);
                    BTreeMap::from([("schedules", "subject".to_owned())])
                }
                webhook if webhook.starts_with("webhooks.") => {
                    let made = owner.post("/v1/webhooks").json(json!({ "url": "https://receiver.example/", "types": ["webhook.none"] }));
                    BTreeMap::from([("webhooks", made.await.expect(201).str("/id"))])
                }
                job if job.starts_with("jobs.") => {
                    // Nothing that is mounted here works outside of requests: the job is put there by hand.
                    let (state, id) = (if job == "jobs.cancel" { "waiting" } else { "dead" }, format!("job_{}{}", "0".repeat(23), 100 + accepted));
                    assert_eq!(house.meddle(&format!(
                        "INSERT INTO job (tenant_id, id, kind, state, priority, run_at, attempt, most_attempts, payload, actor, created_at) \
                         VALUES ('{}', '{id}', 'walk.nothing', '{state}', 5, 9000000000000000, 1, 1, '{{}}', 'host', 0)",
                        me.str("/tenant/id")
                    )), 1);
                    BTreeMap::from([("jobs", id)])
                }
                "idempotency.settle" => {
                    let once = owner.post("/v1/songs").header("idempotency-key", "once").json(json!({ "title": "Once" }));
                    once.await.expect(201);
                    // Only a service that is lost from sight leaves an unknown outcome, and none is mounted here.
                    assert_eq!(house.meddle("UPDATE idempotency SET state = 'unknown'"), 1);
                    BTreeMap::from([("idempotency", owner.get("/v1/idempotency").await.expect(200).str("/items/0/id"))])
                }
                "auth.refresh" => {
                    body["refresh_token"] = json!(stranger.post("/v1/auth/login").json(example("auth.login")).await.expect(200).str("/refresh_token"));
                    BTreeMap::new()
                }
                // A state machine goes one way: each example has one of its own to move.
                moves if ["alerts", "interventions", "follow-ups"].contains(&moves.split('.').next().unwrap()) && operation.is_item() => {
                    let patient = owner.make("patients", json!({ "uuid": format!("moved-{accepted}") })).await;
                    let intervention = json!({ "patient_id": patient, "intervention_type": "referral", "priority": "low", "title": "To be moved" });
                    let follow_up = json!({ "patient_id": patient, "follow_up_type": "reminder", "title": "To be moved", "scheduled_date": "2030-01-05" });
                    let mut ids = clinic.clone();
                    ids.insert("alerts", crate::clinic::raise(&owner, patient).await.to_string());
                    ids.insert("interventions", owner.make("interventions", intervention).await.to_string());
                    ids.insert("follow-ups", owner.make("follow-ups", follow_up).await.to_string());
                    ids
                }
                // What is concluded has to run.
                "ab_tests.conclude" => {
                    owner.post(&format!("/v1/ab-tests/{}/start", clinic["ab-tests"])).await.expect(200);
                    clinic.clone()
                }
                _ => {
                    let mut ids = clinic.clone();
                    ids.extend([("artists", artist.to_string()), ("songs", song.to_string())]);
                    ids
                }
            };
            crate::walk::refer(&mut body, &ids.iter().filter(|(of, _)| clinic.contains_key(*of)).map(|(of, id)| (*of, id.clone())).collect());
            once(&mut body, accepted);
            // A row of the patient that is there: the form of the clinic, and a visit.
            match operation.id.as_str() {
                "encounters.void" | "encounters.restore" => body["uuid"] = json!("examples-0"),
                "visits.void" | "visits.restore" => {
                    let visit = json!({ "uuid": body["uuid"], "started": "2026-11-02 09:00:00" });
                    owner.post(&format!("/v1/patients/{}/visits", clinic["patients"])).json(visit).await.expect(200);
                }
                _ => {}
            }
            // Templates and rules go by their names.
            if operation.id.starts_with("workflow-templates.") || operation.id.starts_with("escalation-rules.") {
                let items = if body["items"].is_array() { body["items"].as_array_mut().unwrap().iter_mut().collect() } else { vec![&mut body] };
                items.into_iter().filter(|item| item.get("name").is_some()).for_each(|item| item["name"] = json!(format!("once {accepted}")));
            }
            // The password changes last: the examples before it log in with the old one.
            if operation.id == "auth.password" {
                continue;
            }
            let reply = operation.send(&owner, &operation.path(&ids), Some(body)).await;
            assert!(reply.status.is_success(), "the example of {} is refused: {reply}", operation.id);
            assert!(operation.responses.get(reply.code().to_string()).is_some(), "{} answers {}, which is not described", operation.id, reply.code());
            accepted += 1;
        }
        owner.post("/v1/auth/password").json(example("auth.password")).await.expect(204);
        assert!(accepted > 12, "{accepted}");
    }

    async fn nonsense_gets_a_described_4xx_from_every_operation(db: Db) {
        let tenant = house(db).tenant().await;
        let owner = tenant.login(&tenant.person("owner").await).await.caller;
        let asked = std::cell::Cell::new(0);
        for operation in operations(&owner).await.iter().filter(|one| !["auth.logout", "auth.login"].contains(&one.id.as_str())) {
            let described = |reply: &Reply, what: &str| {
                asked.set(asked.get() + 1);
                let what = format!("{} {} {what}", operation.method, operation.template);
                assert!(reply.code() < 500, "{what}: {reply}");
                assert!(operation.responses.get(reply.code().to_string()).is_some(), "{what} answers what is not described: {reply}");
                if reply.code() >= 400 {
                    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}: {reply}");
                }
            };
            let fill = |id: &str| operation.template.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect::<Vec<_>>().join("/");
            let body = operation.body.as_ref().map(|_| operation.example(&BTreeMap::new()).unwrap());
            if operation.is_item() {
                let long = "x".repeat(2000);
                for id in ["0", "-1", "9223372036854775808", "usr_1", "%F0%9F%8E%B5", "%00", "%ff", "..%2f..%2fetc", "null", "'%20OR%201=1--", &long] {
                    described(&operation.send(&owner, &fill(id), body.clone()).await, &format!("with id {id:.20}"));
                }
            }
            let path = fill("1");
            if let Some((media, _)) = &operation.body {
                for text in ["", "null", "[]", "{}", "\"x\"", "1", "{", "{\"\":0}", "{\"a\":1,\"a\":1}", "[[[[[[[[[[[[[[[[", "\u{feff}{}", "{\"a\":\"\\u0000\"}"] {
                    let reply = owner.request(operation.method.clone(), &path).header("content-type", media).body(text).await;
                    described(&reply, &format!("with the body {text}"));
                }
                for (name, _) in body.as_ref().unwrap().as_object().unwrap() {
                    for value in [json!(null), json!(true), json!(-1), json!(1e300), json!("\u{0}"), json!("x".repeat(5000)), json!([]), json!({ "a": {} })] {
                        let mut body = body.clone().unwrap();
                        body[name] = value.clone();
                        described(&operation.send(&owner, &path, Some(body)).await, &format!("with {name} = {value:.30}"));
                    }
                }
            }
            for parameter in operation.parameters.iter().filter(|one| one["in"] == "query") {
                let name = parameter["name"].as_str().unwrap();
                for value in ["", "x", "-1", "1e9", "%00", "%ff", "99999999999999999999", "true,false", "2026-13-45", "%F0%9F%8E%B5", "*"] {
                    described(&operation.send(&owner, &format!("{path}?{name}={value}"), body.clone()).await, &format!("with ?{name}={value}"));
                }
            }
            described(&operation.send(&owner, &format!("{path}?nonsense=1"), body.clone()).await, "with ?nonsense=1");
        }
        assert!(asked.get() > 1000, "only {} questions were asked", asked.get());
    }

    async fn every_problem_has_its_page(db: Db) {
        let stranger = house(db).stranger();
        let document = stranger.get("/openapi.json").await.expect(200).json();
        let mut lists = Vec::new();
        under(&document, "x-plimsoll-problems", &mut lists);
        let codes: BTreeSet<String> = lists.iter().flat_map(|list| list.as_array().unwrap()).map(|one| one["code"].as_str().unwrap().to_owned()).collect();
        assert!(codes.len() > 15, "{codes:?}");
        for code in &codes {
            let page = stranger.get(&format!("/problems/{code}")).await.expect(200);
            assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
            assert!(page.text().contains(code), "the page of {code} does not name it");
        }
        // What an answer points to is there, and titled as the answer says.
        let tenant = house(db).tenant().await;
        for reply in [
            stranger.get("/v1/songs").await,
            stranger.get("/nowhere").await,
            tenant.owner.get("/v1/songs/999").await,
            tenant.owner.delete("/v1/songs").await,
            tenant.owner.post("/v1/songs").body("x").await,
            tenant.owner.post("/v1/songs").json(json!({})).await,
            tenant.key("viewer").await.post("/v1/songs").json(json!({ "title": "x" })).await,
            stranger.get("/v1/songs").header("host", "evil.example").await,
        ] {
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
            assert_eq!(reply.at("/status"), reply.code());
            let page = stranger.get(&reply.str("/type")).await.expect(200).text();
            assert!(page.contains(&reply.str("/title")) && page.contains(&reply.str("/code")), "{reply}");
        }
        stranger.get("/problems/no-such-thing").await.expect(404);
    }

    async fn pages_load_nothing_from_elsewhere_and_everything_they_name(db: Db) {
        let stranger = house(db).stranger();
        for path in ["/", "/docs", "/setup", "/problems/not-found"] {
            let page = stranger.get(path).await.expect(200);
            assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
            let policy = page.header("content-security-policy").unwrap();
            assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{path}: {policy}");
            assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{path}: {policy}");
            let text = page.text();
            assert!(!text.contains("<script>") && !text.contains("style=\"") && !text.contains(" onclick="), "{path} runs what its policy forbids");
            for name in ["src=\"", "href=\""] {
                for target in text.split(name).skip(1).map(|rest| rest.split('"').next().unwrap()) {
                    assert!(!target.starts_with("//") && !target.starts_with("http"), "{path} loads {target}");
                    if target.starts_with("/assets/") {
                        stranger.get(target).await.expect(200);
                    }
                }
            }
        }
    }
}
