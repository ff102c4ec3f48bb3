//! Jobs as their owners and operators see them: what died, why, and what is done about it.

use std::time::Duration;

use plimsoll_testkit::{Db, both, http::Reply, wait};
use serde_json::{Value, json};

use crate::house::{Caller, House, PASSWORD, Tenant, pointers, root};

const BOUND: Duration = Duration::from_secs(30);

async fn opened(db: Db) -> House {
    House::open(db, &[("PLIMSOLL_WORK__LEASE", "2s")], &["--rehearsal"]).await
}

/// A job whose payload nobody can read; its id.
async fn poison(caller: &Caller, payload: Value) -> String {
    caller.post("/v1/rehearsal/poison").json(json!({ "payload": payload })).await.expect(200).str("/jobs/0")
}

/// A job that does what the body says; its id.
async fn job(caller: &Caller, body: Value) -> String {
    caller.post("/v1/rehearsal/jobs").json(body).await.expect(200).str("/jobs/0")
}

/// Waits until a job is in this state; the job.
async fn awaited(caller: &Caller, id: &str, state: &str) -> Value {
    wait::until(BOUND, || async { caller.get(&format!("/v1/jobs/{id}")).await.expect(200).str("/state") == state }).await;
    caller.get(&format!("/v1/jobs/{id}")).await.expect(200).json()
}

async fn effects(caller: &Caller, name: &str) -> Value {
    caller.get(&format!("/v1/artists?name={name}")).await.expect(200).at("/pagination/total_items")
}

async fn on_record(tenant: &Tenant<'_>, action: &str, id: &str) -> Vec<Value> {
    let found = tenant.owner.get(&format!("/v1/audit?action={action}&target=jobs/{id}")).await.expect(200).at("/items");
    found.as_array().unwrap().clone()
}

both! {
    async fn a_poison_job_is_set_aside_with_its_reason_repaired_replayed_and_done_once(db: Db) {
        let house = opened(db).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;

        let id = poison(owner, json!({ "nam": "typing error" })).await;
        let dead = awaited(owner, &id, "dead").await;
        assert_eq!((&dead["attempts"], &dead["error"]["code"]), (&json!(1), &json!("PLM-REQ-001")));
        assert!(dead["error"]["detail"].as_str().unwrap().contains("nam"), "{dead}");
        assert_eq!(dead["payload"], json!({ "nam": "typing error" }));
        assert_eq!(dead["first_failed_at"], dead["last_failed_at"]);
        assert!(dead["request"].is_string() && dead["trace_id"].is_string() && dead["finished_at"].is_string(), "{dead}");

        // As it is it dies again, and both failures can be read.
        owner.post(&format!("/v1/jobs/{id}/replay")).json(json!({ "reason": "perhaps it helps" })).await.expect(200);
        wait::until(BOUND, || async { owner.get(&format!("/v1/jobs/{id}")).await.expect(200).at("/failures").as_array().unwrap().len() == 2 }).await;
        awaited(owner, &id, "dead").await;
        // What cannot be read either changes nothing.
        let unfit = owner.post(&format!("/v1/jobs/{id}/replay")).json(json!({ "payload": { "nam": "again" } })).await.expect(422);
        assert_eq!(pointers(&unfit), ["/payload"]);
        assert_eq!(owner.get(&format!("/v1/jobs/{id}")).await.expect(200).str("/state"), "dead");

        let fixed = json!({ "payload": { "name": "repaired" }, "reason": "the field is called name" });
        let mut at_once = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let request = owner.post(&format!("/v1/jobs/{id}/replay")).json(fixed.clone());
            at_once.spawn(async move { request.await.code() });
        }
        let mut codes = at_once.join_all().await;
        codes.sort_unstable();
        assert_eq!(codes, [200, 409, 409, 409, 409, 409, 409, 409]);
        let done = awaited(owner, &id, "done").await;
        assert_eq!((&done["id"], &done["replays"], &done["failures"].as_array().unwrap().len()), (&json!(id), &json!(2), &2));
        assert_eq!(effects(owner, "repaired").await, 1);

        let entries = on_record(&tenant, "jobs.replay", &id).await;
        assert_eq!(entries.len(), 2, "{entries:?}");
        assert_eq!((&entries[0]["detail"]["fixed"], &entries[0]["detail"]["reason"]), (&json!(true), &json!("the field is called name")));
        assert_eq!(owner.get("/v1/audit/verify").await.expect(200).at("/intact"), true);
    }

    async fn the_same_from_the_command_line_beside_a_server_and_without_one(db: Db) {
        let house = opened(db).await;
        let tenant = house.tenant().await;
        let other = house.tenant().await;
        let owner = &tenant.owner;
        let id = poison(owner, json!({ "nam": "typing error" })).await;
        let later = poison(&other.owner, json!(["not", "even", "an", "object"])).await;
        awaited(owner, &id, "dead").await;
        awaited(&other.owner, &later, "dead").await;

        let all = house.command(&["jobs", "list", "--state", "dead"]).await;
        assert_eq!(all["pagination"]["total_items"], 2, "of all tenants");
        let own = house.command(&["jobs", "list", "--state", "dead", "--tenant", &tenant.slug]).await;
        assert_eq!((&own["items"][0]["id"], &own["items"][0]["tenant"], &own["items"][1]), (&json!(id), &json!(tenant.slug), &Value::Null));
        let shown = house.plimsoll.run(["jobs", "show", &id]).await.expect(0).stdout;
        for words in ["rehearsal.effect", "typing error", "PLM-REQ-001", "jobs replay", "jobs discard", &tenant.slug] {
            assert!(shown.contains(words), "{words} in\n{shown}");
        }
        house.plimsoll.run(["jobs", "replay", &id, "--payload", "{not json"]).await.expect(2);
        let fixed = r#"{"name": "by hand"}"#;
        house.plimsoll.run_with(["jobs", "replay", &id, "--payload", "-", "--reason", "typing error"], fixed).await.expect(0);
        awaited(owner, &id, "done").await;
        assert_eq!(effects(owner, "by%20hand").await, 1);
        house.plimsoll.run(["jobs", "replay", &id]).await.expect(2);
        assert_eq!(effects(owner, "by%20hand").await, 1);
        let entries = on_record(&tenant, "jobs.replay", &id).await;
        assert_eq!((entries.len(), &entries[0]["actor"]["id"]), (1, &json!("host")));

        house.running.stop().await;
        house.plimsoll.run(["jobs", "replay", &later, "--payload", r#"{"name": "while it slept"}"#]).await.expect(0);
        let text = house.plimsoll.run(["jobs", "stats"]).await.expect(0).stdout;
        assert!(text.contains("rehearsal.effect") && text.contains("oldest ready"), "{text}");
        let second = house.plimsoll.start().await;
        let key = house.command(&["key", "create", "--tenant", &other.slug, "--role", "owner"]).await;
        let again = other.owner.at(second.client()).with(key["key"].as_str().unwrap());
        awaited(&again, &later, "done").await;
        assert_eq!(effects(&again, "while%20it%20slept").await, 1);
    }

    async fn many_are_replayed_and_discarded_within_bounds_and_each_is_on_record(db: Db) {
        let house = opened(db).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let mut ids = Vec::new();
        for number in 0..5 {
            // One after the other: the oldest is the one that died first.
            let id = poison(owner, json!({ "number": number })).await;
            awaited(owner, &id, "dead").await;
            ids.push(id);
        }
        let neither = owner.post("/v1/jobs/replay").json(json!({ "reason": "all of them" })).await.expect(422);
        assert!(neither.text().contains("kind"), "{neither}");
        let none = owner.post("/v1/jobs/replay").json(json!({ "code": "PLM-UPS-001", "reason": "it is back" })).await.expect(200);
        assert_eq!((none.at("/count"), none.at("/remaining")), (json!(0), json!(0)));
        let some = owner.post("/v1/jobs/discard").json(json!({ "kind": "rehearsal.*", "limit": 2, "reason": "not needed" })).await.expect(200);
        assert_eq!((some.at("/jobs"), some.at("/remaining")), (json!([ids[0], ids[1]]), json!(3)), "the oldest first");
        for id in &ids[..2] {
            let gone = awaited(owner, id, "cancelled").await;
            assert_eq!(gone["reason"], "not needed");
            assert_eq!(on_record(&tenant, "jobs.discard", id).await.len(), 1);
        }
        let dry = house.command(&["jobs", "replay", "--kind", "*", "--dry-run"]).await;
        assert_eq!((&dry["count"], &dry["remaining"]), (&json!(0), &json!(3)));
        let replayed = house.command(&["jobs", "replay", "--code", "PLM-REQ-001", "--limit", "2", "--tenant", &tenant.slug]).await;
        assert_eq!((&replayed["count"], &replayed["remaining"]), (&json!(2), &json!(1)));
        for id in &ids[2..] {
            wait::until(BOUND, || async { owner.get(&format!("/v1/jobs/{id}")).await.expect(200).str("/state") == "dead" }).await;
        }
        let stats = owner.get("/v1/jobs/stats").await.expect(200).json();
        assert!(stats["counts"].as_array().unwrap().contains(&json!({ "kind": "rehearsal.effect", "state": "dead", "count": 3 })), "{stats}");
        assert_eq!((&stats["throughput"][0]["minutes"], &stats["throughput"][2]["failed"]), (&json!(1), &json!(7)));
    }

    async fn a_job_that_waits_can_be_cancelled_and_brought_back(db: Db) {
        let house = opened(db).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let id = job(owner, json!({ "jobs": [{ "name": "later" }], "after_ms": 3_000_000, "unique": "one" })).await;
        assert_eq!(awaited(owner, &id, "waiting").await["attempts"], 0);
        let cancelled = owner.post(&format!("/v1/jobs/{id}/cancel")).json(json!({ "reason": "twice" })).await.expect(200);
        assert_eq!((cancelled.str("/state"), cancelled.str("/reason")), ("cancelled".to_owned(), "twice".to_owned()));
        owner.post(&format!("/v1/jobs/{id}/cancel")).json(json!({ "reason": "twice" })).await.expect(409);
        owner.post(&format!("/v1/jobs/{id}/discard")).json(json!({ "reason": "twice" })).await.expect(409);
        // Its key is free meanwhile; while another one has it, this one stays where it is.
        let twin = job(owner, json!({ "jobs": [{ "name": "later" }], "after_ms": 3_000_000, "unique": "one" })).await;
        assert_ne!(id, twin);
        let taken = owner.post(&format!("/v1/jobs/{id}/replay")).json(json!({})).await.expect(409);
        assert!(taken.text().contains(&twin), "{taken}");
        house.plimsoll.run(["jobs", "cancel", &twin, "--reason", "one is enough"]).await.expect(0);
        owner.post(&format!("/v1/jobs/{id}/replay")).json(json!({})).await.expect(200);
        awaited(owner, &id, "done").await;
        assert_eq!(effects(owner, "later").await, 1);
    }

    async fn who_made_a_job_sees_it_and_only_admins_see_payloads(db: Db) {
        let house = opened(db).await;
        let tenant = house.tenant().await;
        let (editor, viewer) = (tenant.key("editor").await, tenant.key("viewer").await);
        let id = poison(&editor, json!({ "diagnosis": "none of your business" })).await;
        awaited(&tenant.owner, &id, "dead").await;
        let own = editor.get(&format!("/v1/jobs/{id}")).await.expect(200).json();
        assert_eq!((&own["state"], &own["payload"], &own["failures"][0]["cause"]), (&json!("dead"), &Value::Null, &Value::Null));
        assert_eq!(editor.get("/v1/jobs").await.expect(200).at("/pagination/total_items"), 1);
        viewer.get(&format!("/v1/jobs/{id}")).await.expect(404);
        assert_eq!(viewer.get("/v1/jobs").await.expect(200).at("/pagination/total_items"), 0);
        viewer.get("/v1/jobs/dead").await.expect(403);
        editor.post(&format!("/v1/jobs/{id}/replay")).json(json!({})).await.expect(403);
        let stranger = house.tenant().await;
        stranger.owner.get(&format!("/v1/jobs/{id}")).await.expect(404);
        stranger.owner.post(&format!("/v1/jobs/{id}/discard")).json(json!({ "reason": "not mine" })).await.expect(404);
        let found = tenant.owner.get("/v1/jobs?state=dead&kind=rehearsal.*&code=PLM-REQ-001&older_than=0s").await.expect(200);
        assert_eq!(found.str("/items/0/id"), id);
        assert!(found.at("/items/0").get("payload").is_none(), "lists show no payload");
        assert_eq!(pointers(&tenant.owner.get("/v1/jobs?older_than=soon").await.expect(422)), ["?older_than"]);
        let request = found.str("/items/0/request");
        assert_eq!(tenant.owner.get(&format!("/v1/jobs?request={request}")).await.expect(200).at("/pagination/total_items"), 1);
    }

    async fn the_console_shows_dead_letters_and_its_buttons_work_without_scripts(db: Db) {
        let house = opened(db).await;
        let tenant = house.tenant().await;
        let id = poison(&tenant.owner, json!({ "name": "<script>alert(1)</script>", "nam": 1 })).await;
        let other = poison(&tenant.owner, json!({ "nam": 2 })).await;
        for job in [&id, &other] {
            awaited(&tenant.owner, job, "dead").await;
        }
        let nobody = house.stranger().get("/console/jobs").await.expect(303);
        assert_eq!(nobody.header("location"), Some("/console/sign-in"));
        house.stranger().get("/console/sign-in").await.expect(200);
        let signed_in = |cookie: String| move |request: plimsoll_testkit::http::Request| request.header("cookie", &cookie);
        let person = tenant.person("admin").await;
        let admin = signed_in(cookie(&house, &person.email, &tenant.slug).await);
        let from = house.stranger();
        let page = admin(from.get("/console/jobs")).await.expect(200);
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
        let text = page.text();
        for words in [&*id, &*other, "Dead letters", "PLM-REQ-001", "rehearsal.effect", "/replay\""] {
            assert!(text.contains(words), "{words} in\n{text}");
        }
        let single = admin(from.get(&format!("/console/jobs/{id}"))).await.expect(200).text();
        assert!(single.contains("&lt;script&gt;") && !single.contains("<script>"), "{single}");

        let form = |path: String, body: &'static str| {
            from.post(&path).header("content-type", "application/x-www-form-urlencoded").body(body)
        };
        let replay = || form(format!("/console/jobs/{id}/replay"), "payload=%7B%22name%22%3A%22pressed%22%7D&reason=typing+error");
        admin(replay()).header("sec-fetch-site", "cross-site").await.expect(403);
        admin(replay()).await.expect(403);
        assert_eq!(awaited(&tenant.owner, &id, "dead").await["replays"], 0);
        let done = admin(replay()).header("sec-fetch-site", "same-origin").await.expect(303);
        assert_eq!(done.header("location"), Some("/console/jobs?done=replayed"));
        awaited(&tenant.owner, &id, "done").await;
        assert_eq!(effects(&tenant.owner, "pressed").await, 1);
        let twice = admin(replay()).header("sec-fetch-site", "same-origin").await.expect(409);
        assert!(twice.header("content-type").unwrap().starts_with("text/html") && twice.text().contains("Nothing was changed"), "{twice}");
        admin(form(format!("/console/jobs/{other}/discard"), "reason=")).header("sec-fetch-site", "same-origin").await.expect(422);
        admin(form(format!("/console/jobs/{other}/discard"), "reason=not+needed")).header("sec-fetch-site", "same-origin").await.expect(303);
        assert_eq!(on_record(&tenant, "jobs.discard", &other).await[0]["detail"]["reason"], "not needed");

        let reader = tenant.person("viewer").await;
        let viewer = signed_in(cookie(&house, &reader.email, &tenant.slug).await);
        viewer(from.get("/console/jobs")).await.expect(403);
    }
}

/// Signs in as a browser does; what it sends from then on.
async fn cookie(house: &House, email: &str, tenant: &str) -> String {
    let body = json!({ "email": email, "password": PASSWORD, "tenant": tenant, "cookie": true });
    let reply: Reply = house.stranger().post("/v1/auth/login").json(body).await;
    let set = reply.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {reply}")).to_owned();
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_alert_names_metrics_that_exist_and_a_runbook_that_has_the_section() {
    let house = House::open(Db::Sqlite, &[], &[]).await;
    let page = house.running.ops().get("/metrics").await.expect(200).text();
    let folder = root().join("docs/alerts");
    let mut rules = 0;
    for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&file).unwrap();
        let of = |key: &'static str| text.lines().filter_map(move |line| line.trim_start().strip_prefix(key));
        for expression in of("expr: ") {
            rules += 1;
            let names: Vec<&str> = expression
                .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .filter(|word| word.starts_with("plimsoll_") || word.starts_with("iit_"))
                .collect();
            assert!(!names.is_empty(), "{expression}");
            for name in names {
                assert!(page.contains(&format!("# TYPE {name} ")), "{}: {name} is not on the page of metrics", file.display());
            }
        }
        assert_eq!(of("- alert: ").count(), of("runbook: ").count(), "{}: a rule without a runbook", file.display());
        for runbook in of("runbook: ") {
            let (path, section) = runbook.split_once('#').unwrap();
            let text = std::fs::read_to_string(root().join(path)).unwrap();
            let sections = text.lines().filter_map(|line| line.strip_prefix("## "));
            let found = sections.map(|title| title.to_lowercase().replace(' ', "-")).any(|slug| slug == section);
            assert!(found, "{path} has no section {section}");
        }
    }
    assert!(rules >= 6, "only {rules} rules");
}
