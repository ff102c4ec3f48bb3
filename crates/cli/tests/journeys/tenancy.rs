//! No row of one tenant is seen or changed by another, on any route there is.

use std::collections::BTreeMap;

use plimsoll_testkit::{Db, both, http::Reply};
use serde_json::{Value, json};

use crate::{
    house::{Caller, PASSWORD, Person, Tenant, house},
    walk::{Ids, Operation, operations},
};

/// A tenant with one of everything, and words that appear nowhere else.
struct Furnished<'h> {
    tenant: Tenant<'h>,
    ids: Ids,
    /// Texts of its rows.
    words: Vec<String>,
    /// Sees everything of the tenant: a person, because sessions belong to people.
    eyes: Caller,
    /// Who that is.
    reader: String,
}

async fn furnished(db: Db, mark: &str) -> Furnished<'static> {
    let tenant = house(db).tenant().await;
    let rows = |field: &'static str| (0..60).map(move |n| json!({ field: format!("{mark} {field} {n}") })).collect::<Vec<_>>();
    // Ids count from 1 in each tenant; the last of many is one the other tenant does not have.
    let artist = *tenant.owner.make_many("artists", rows("name")).await.last().unwrap();
    let song = *tenant.owner.make_many("songs", rows("title")).await.last().unwrap();
    let member = tenant.person("editor").await;
    let owner = tenant.person("owner").await;
    let login = tenant.login(&owner).await;
    let (key, _) = tenant.key_of(json!({ "name": format!("{mark} key"), "role": "viewer" })).await;
    let session = login.caller.get("/v1/auth/sessions").await.expect(200).str("/items/0/id");
    let once = tenant.owner.post("/v1/songs").header("idempotency-key", mark).json(json!({ "title": format!("{mark} once") }));
    once.await.expect(201);
    let record = tenant.owner.get("/v1/idempotency").await.expect(200).str("/items/0/id");
    let plan = format!("{}-plan", mark.to_lowercase());
    let planned = json!({ "name": plan, "kind": "events.remind", "cron": "0 3 * * *", "payload": { "word": mark } });
    tenant.owner.post("/v1/schedules").json(planned).await.expect(201);
    // Nothing that is mounted here works outside of requests: the dead letter is put there by hand.
    let job = tenant.id.replace("ten_", "job_");
    house(db).meddle(&format!(
        "INSERT INTO job (tenant_id, id, kind, state, priority, run_at, attempt, most_attempts, payload, actor, created_at, finished_at) \
         VALUES ('{}', '{job}', 'walk.nothing', 'dead', 5, 0, 1, 1, '\"{mark} payload\"', 'host', 0, 0)",
        tenant.id
    ));
    let receiver = json!({ "url": format!("https://receiver.example/{mark}"), "types": ["webhook.none"] });
    let webhook = tenant.owner.post("/v1/webhooks").json(receiver).await.expect(201).str("/id");
    let mut ids = BTreeMap::from([
        ("webhooks", webhook.clone()),
        ("artists", artist.to_string()),
        ("songs", song.to_string()),
        ("users", member.id.clone()),
        ("keys", key.clone()),
        ("sessions", session.clone()),
        ("tenants", tenant.id.clone()),
        // Mounted services are nobody's, and none is mounted here.
        ("upstreams", "nowhere".to_owned()),
        // Backups are the host's.
        ("backups", format!("bak_{}", "0".repeat(26))),
        ("idempotency", record.clone()),
        ("schedules", plan.clone()),
        ("jobs", job.clone()),
    ]);
    ids.extend(crate::clinic::furnish(&tenant.owner, mark).await);
    let words = vec![
        mark.to_owned(),
        member.email,
        member.id,
        owner.email,
        owner.id.clone(),
        key,
        session,
        tenant.id.clone(),
        tenant.slug.clone(),
        record,
        plan,
        job,
        webhook,
    ];
    Furnished { eyes: login.caller, reader: owner.id, tenant, ids, words }
}

/// Everything a tenant can see of itself: each list in full and each thing by its id.
async fn dump(of: &Furnished<'_>, operations: &[Operation]) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    for operation in operations.iter().filter(|one| one.method == "GET" && !one.is_public()) {
        let mut path = operation.path(&of.ids);
        let paged = operation.parameters.iter().any(|one| one["name"] == "page_size");
        let mut page = 1;
        loop {
            if paged {
                path = format!("{}?page_size=100&page={page}", operation.path(&of.ids));
            }
            let mut reply = of.eyes.get(&path).await.expect(200).json();
            // When it was counted, and how long ago that makes everything else.
            if let (true, Some(fields)) = (path == "/v1/jobs/stats", reply.as_object_mut()) {
                fields.retain(|name, _| name != "at" && !name.ends_with("_seconds"));
            }
            // That somebody looked is on record, and this is somebody who looks.
            if path.starts_with("/v1/audit") {
                if let Some(fields) = reply.as_object_mut() {
                    fields.retain(|name, _| name == "items" || name == "intact");
                }
                let others = |entry: &Value| entry["actor"]["id"] != of.reader.as_str();
                reply["items"].as_array_mut().into_iter().for_each(|items| items.retain(others));
            }
            // The host purges by itself now and then, and nobody's request has to do with it.
            if path == "/v1/retention" {
                reply["items"].as_array_mut().unwrap().iter_mut().for_each(|class| class["last_run"] = Value::Null);
            }
            let more = paged && reply["pagination"]["has_next"] == true;
            seen.insert(path.clone(), reply);
            if !more {
                break;
            }
            page += 1;
        }
    }
    seen
}

fn assert_nothing_of(words: &[String], reply: &Reply, what: &str) {
    let shown = format!("{reply:?}");
    // What was asked for may be named again in a refusal; a success must not know it.
    let secret = |word: &&String| reply.status.is_success() || !word.contains('_');
    for word in words.iter().filter(secret) {
        assert!(!shown.contains(word.as_str()), "{what} shows `{word}` of another tenant: {shown}");
    }
}

/// One request of B about A's things, and the same about a thing that does not exist.
async fn trespass(operation: &Operation, b: &Caller, a: &Furnished<'_>, who: &str) {
    let what = format!("{} {} as {who}", operation.method, operation.template);
    let reply = operation.request(b, &a.ids).await;
    // A tenant without a model may be told so.
    assert!(reply.code() < 500 || reply.str("/code") == "PLM-AI-001", "{what}: {reply}");
    assert_nothing_of(&a.words, &reply, &what);
    if !operation.is_item() {
        return;
    }
    let absent: Ids = a.ids.iter().map(|(of, id)| (*of, made_up(id))).collect();
    let nobody = operation.send(b, &operation.path(&absent), operation.example(&a.ids)).await;
    let told = |reply: &Reply| (reply.code(), reply.json()["code"].clone(), reply.json()["title"].clone());
    assert_eq!(told(&reply), told(&nobody), "{what}: another tenant's thing is answered differently from one that does not exist");
    // A key has no account, so what is about one's own account refuses it before any id is looked at.
    let not_for_keys = who == "key" && operation.access.get("authenticated").is_some();
    assert!(reply.code() == 404 || (not_for_keys && reply.code() == 403), "{what}: {reply}");
}

/// An id of the same form that nobody has.
fn made_up(id: &str) -> String {
    match id.parse::<i64>() {
        Ok(number) => (number + 1_000_000).to_string(),
        Err(_) => {
            let last = if id.ends_with('0') { '1' } else { '0' };
            format!("{}{last}", &id[..id.len() - 1])
        }
    }
}

both! {
    async fn nobody_reaches_into_another_tenant_on_any_route(db: Db) {
        let a = furnished(db, "Quillmark").await;
        let b = house(db).tenant().await;
        let operations: Vec<Operation> = operations(&b.owner).await.into_iter().filter(|one| !one.is_of_the_host()).collect();
        // The walk must be able to see something, or it would prove nothing.
        for operation in operations.iter().filter(|one| one.method == "GET" && one.is_item()) {
            operation.request(&a.eyes, &a.ids).await.expect(200);
        }
        let before = dump(&a, &operations).await;

        let visitor = b.person("owner").await;
        let mut login = b.login(&visitor).await;
        for operation in &operations {
            trespass(operation, &b.owner, &a, "key").await;
            if login.caller.get("/v1/auth/me").await.code() == 401 {
                login = b.login(&visitor).await;
            }
            trespass(operation, &login.caller, &a, "person").await;
        }

        let after = dump(&a, &operations).await;
        for (path, was) in &before {
            assert_eq!(was, &after[path], "{path} is not what it was");
        }
        assert_eq!(before.len(), after.len());
        for owner in [&a.tenant.owner, &b.owner] {
            assert_eq!(owner.get("/v1/audit/verify").await.expect(200).at("/intact"), true);
        }
    }

    async fn lists_with_every_filter_set_to_anothers_ids_stay_ones_own(db: Db) {
        let a = furnished(db, "Foxglove").await;
        let b = house(db).tenant().await;
        let operations = operations(&b.owner).await;
        let mut asked = 0;
        for operation in operations.iter().filter(|one| one.method == "GET" && !one.is_item() && !one.is_public()) {
            for parameter in operation.parameters.iter().filter(|one| one["in"] == "query") {
                let name = parameter["name"].as_str().unwrap();
                let values = a.ids.values().cloned().chain(["Foxglove".to_owned(), format!("songs/{}", a.ids["songs"]), "true".to_owned()]);
                for value in values {
                    let reply = b.owner.get(&format!("{}?{name}={value}", operation.template)).await;
                    let what = format!("{}?{name}={value}", operation.template);
                    assert!(reply.code() < 500, "{what}: {reply}");
                    if reply.code() == 200 {
                        assert_nothing_of(&a.words, &reply, &what);
                    }
                    asked += 1;
                }
            }
        }
        assert!(asked > 100, "only {asked} questions were asked");
    }

    async fn a_reference_to_another_tenants_artist_is_one_to_nothing(db: Db) {
        let a = furnished(db, "Heronry").await;
        let b = house(db).tenant().await;
        let artist: i64 = a.ids["artists"].parse().unwrap();
        let body = json!({ "title": "Stolen", "artist_id": artist });
        let refused = b.owner.post("/v1/songs").json(body.clone()).await.expect(422);
        assert_eq!(crate::house::pointers(&refused), ["/artist_id"]);
        let own = b.owner.make("songs", json!({ "title": "Own" })).await;
        for request in [b.owner.put(&format!("/v1/songs/{own}")), b.owner.patch(&format!("/v1/songs/{own}"))] {
            assert_eq!(crate::house::pointers(&request.json(body.clone()).await.expect(422)), ["/artist_id"]);
        }
    }

    async fn somebody_with_two_tenants_acts_only_for_the_one_of_the_login(db: Db) {
        let (one, two) = (house(db).tenant().await, house(db).tenant().await);
        let both = one.person("owner").await;
        let joined = two.owner.post("/v1/users").json(json!({ "email": both.email, "role": "viewer" })).await.expect(201);
        assert_eq!(joined.str("/id"), both.id);
        one.owner.make("songs", json!({ "title": "In one" })).await;
        two.owner.make("songs", json!({ "title": "In two" })).await;

        let from = house(db).stranger();
        let unsaid = from.post("/v1/auth/login").json(json!({ "email": both.email, "password": PASSWORD })).await.expect(422);
        assert_eq!(crate::house::pointers(&unsaid), ["/tenant"]);
        let there = two.login(&Person { tenant: two.slug.clone(), ..both.clone() }).await;
        let songs = there.caller.get("/v1/songs").await.expect(200);
        assert_eq!((songs.at("/pagination/total_items"), songs.str("/items/0/title")), (json!(1), "In two".to_owned()));
        there.caller.post("/v1/songs").json(json!({ "title": "No" })).await.expect(403);
        let here = one.login(&both).await;
        assert_eq!(here.caller.get("/v1/songs").await.expect(200).str("/items/0/title"), "In one");
        here.caller.post("/v1/songs").json(json!({ "title": "Yes" })).await.expect(201);
    }

    async fn a_closed_tenant_lets_nobody_in_and_says_why(db: Db) {
        let tenant = house(db).tenant().await;
        let person = tenant.person("owner").await;
        let login = tenant.login(&person).await;
        tenant.house.command(&["tenant", "close", &tenant.slug, "--yes"]).await;
        for caller in [&tenant.owner, &login.caller] {
            // Another process closed it; what is remembered here may be believed for two seconds.
            plimsoll_testkit::wait::until(std::time::Duration::from_secs(5), || async { caller.get("/v1/songs").await.code() == 401 }).await;
            assert_eq!(caller.get("/v1/songs").await.str("/code"), "PLM-AUTH-004");
        }
        tenant.house.stranger().post("/v1/auth/login").json(person.credentials()).await.expect(401);
    }
}
