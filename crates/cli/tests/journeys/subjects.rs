//! One person's data, and one tenant's: out, away, and back without the person.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use plimsoll_core::{Clock, Time};
use plimsoll_testkit::{Db, both, process::Plimsoll, wait};
use serde_json::{Value, json};

use crate::house::{Caller, House, Tenant, house, unique};

/// A master key that two machines share.
const MASTER: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Long enough for a busy machine; nothing here takes it when all is well.
const BOUND: Duration = Duration::from_secs(60);

/// A file in the house's own folder.
fn file(house: &House, name: &str) -> String {
    house.ground.data.join(format!("{name}-{}", unique())).display().to_string()
}

async fn erase(tenant: &Tenant<'_>, kind: &str, key: &str) -> Value {
    let body = json!({ "kind": kind, "key": key, "confirm": key });
    tenant.owner.post("/v1/subjects/erase").json(body).await.expect(200).json()
}

fn rows(certificate: &Value, table: &str) -> i64 {
    let tables = certificate["certificate"]["tables"].as_array().unwrap();
    tables.iter().find(|one| one["table"] == table).unwrap()["rows"].as_i64().unwrap()
}

/// Adds artists until it is told to stop; how many were acknowledged.
fn writer(caller: Caller, stop: Arc<AtomicBool>, count: Arc<AtomicU64>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        while !stop.load(Ordering::Relaxed) {
            caller.post("/v1/artists").json(json!({ "name": "one more" })).await.expect(201);
            count.fetch_add(1, Ordering::Relaxed);
        }
    })
}

async fn total(tenant: &Tenant<'_>, what: &str) -> i64 {
    tenant.owner.get(&format!("/v1/{what}?page_size=1")).await.expect(200).at("/pagination/total_items").as_i64().unwrap()
}

both! {
    async fn an_erasure_wants_the_key_twice_and_leaves_a_certificate_that_verifies_offline(db: Db) {
        let house = house(db);
        let tenant = house.tenant().await;
        let id = tenant.owner.make("artists", json!({ "name": "Wanda Vogel" })).await.to_string();
        let body = json!({ "kind": "artist", "key": id });
        let copy = tenant.owner.post("/v1/subjects/export").json(body.clone()).await.expect(200).json();
        assert_eq!(copy["tables"][0]["rows"][0]["name"], "Wanda Vogel");
        for wrong in ["", "2", "wanda"] {
            let mut once = body.clone();
            once["confirm"] = json!(wrong);
            assert_eq!(tenant.owner.post("/v1/subjects/erase").json(once).await.code(), 422, "{wrong}");
        }
        let editor = tenant.key("editor").await;
        editor.post("/v1/subjects/erase").json(json!({ "kind": "artist", "key": id, "confirm": id })).await.expect(403);
        let certificate = erase(&tenant, "artist", &id).await;
        assert_eq!(rows(&certificate, "artist"), 1);
        let artist = tenant.owner.get(&format!("/v1/artists/{id}")).await.expect(200);
        assert!(artist.str("/name").starts_with("erased:"), "{artist}");
        assert!(!certificate.to_string().contains("Vogel"));

        let path = file(house, "certificate");
        std::fs::write(&path, certificate.to_string()).unwrap();
        let keys = file(house, "keys");
        std::fs::write(&keys, house.stranger().get("/.well-known/certificate-keys.json").await.expect(200).json().to_string()).unwrap();
        let valid = house.plimsoll.run(["subject", "verify", &path, "--keys", &keys, "--json"]).await.expect(0).json();
        assert_eq!((&valid["valid"], &valid["signer"]), (&json!(true), &json!("known")));
        std::fs::write(&path, certificate.to_string().replace("\"rows\":1", "\"rows\":0")).unwrap();
        let altered = house.plimsoll.run(["subject", "verify", &path, "--keys", &keys, "--json"]).await.expect(1).json();
        assert_eq!((&altered["valid"], &altered["altered"]), (&json!(false), &json!(true)));
    }

    async fn the_command_line_exports_and_erases_too(db: Db) {
        let house = house(db);
        let tenant = house.tenant().await;
        let member = tenant.person("editor").await;
        let login = tenant.login(&member).await;
        let who = ["--tenant", tenant.slug.as_str(), "--kind", "person", "--key", member.email.as_str()];
        let run = |words: &[&str]| house.plimsoll.run(words.iter().chain(&who).copied().map(str::to_owned).collect::<Vec<_>>());
        let copy = run(&["subject", "export"]).await.expect(0).json();
        let account = copy["tables"].as_array().unwrap().iter().find(|part| part["table"] == "person").unwrap();
        assert_eq!(account["rows"][0]["email"], member.email.as_str());
        run(&["subject", "erase"]).await.expect(4);
        let certificate = run(&["subject", "erase", "--confirm", &member.email]).await.expect(0).json();
        assert_eq!((rows(&certificate, "person"), rows(&certificate, "session")), (1, 1));
        let found = house.look(&format!("SELECT count(*) FROM person WHERE email = '{}'", member.email));
        assert_eq!(found, [["0"]]);
        let addresses = house.look(&format!("SELECT count(*) FROM ledger WHERE actor = '{}' AND address IS NOT NULL", member.id));
        assert_eq!(addresses, [["0"]]);
        plimsoll_testkit::wait::until(std::time::Duration::from_secs(10), || async {
            login.caller.get("/v1/auth/me").await.code() == 401
        })
        .await;
        house.plimsoll.run(["audit", "verify", "--tenant", &tenant.slug]).await.expect(0);
    }

    async fn one_tenant_of_three_goes_back_and_an_erased_person_does_not_come_back_with_it(db: Db) {
        let house = house(db);
        let (one, two, three) = (house.tenant().await, house.tenant().await, house.tenant().await);
        let bodies = (0..600).map(|n| json!({ "name": format!("artist {n}") })).collect();
        one.owner.make_many("artists", bodies).await;
        one.owner.make("songs", json!({ "title": "Kept", "artist_id": 1 })).await;
        let archive = file(house, "one.plm");
        house.command(&["tenant", "export", &one.slug, "--out", &archive]).await;
        one.owner.make("artists", json!({ "name": "too late" })).await;
        one.owner.delete("/v1/artists/7").await.expect(204);
        let revoked = one.key_of(json!({ "name": "gone", "role": "viewer" })).await;
        one.owner.delete(&format!("/v1/keys/{}", revoked.0)).await.expect(204);
        let certificate = erase(&one, "artist", "3").await;
        assert_eq!(rows(&certificate, "artist"), 1);

        let (stop, counts) = (Arc::new(AtomicBool::new(false)), [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))]);
        let writers = [writer(two.owner.clone(), stop.clone(), counts[0].clone()), writer(three.owner.clone(), stop.clone(), counts[1].clone())];
        let refused = house.plimsoll.run(["tenant", "restore", &archive]).await;
        assert_ne!(refused.code, Some(0), "without --over nothing happens to a live tenant");
        let restored = house.command(&["tenant", "restore", &archive, "--over", "--yes"]).await;
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(restored["removed"], 602);
        assert_eq!(restored["rows"], 601);
        for (tenant, count) in [(&two, &counts[0]), (&three, &counts[1])] {
            assert_eq!(total(tenant, "artists").await, count.load(Ordering::Relaxed) as i64, "nobody else lost a row");
        }
        assert!(counts[0].load(Ordering::Relaxed) > 0 && counts[1].load(Ordering::Relaxed) > 0);
        assert_eq!((total(&one, "artists").await, total(&one, "songs").await), (600, 1));
        one.owner.get("/v1/artists/7").await.expect(200);
        assert!(one.owner.get("/v1/artists/3").await.expect(200).str("/name").starts_with("erased:"), "the erased artist stays erased");
        assert_eq!(revoked.1.get("/v1/artists").await.code(), 401, "a revoked key does not come back");
        let log = one.owner.get("/v1/audit?action=tenant.restore").await.expect(200);
        assert_eq!(log.at("/pagination/total_items"), json!(1));
        house.plimsoll.run(["audit", "verify", "--tenant", &one.slug]).await.expect(0);
    }

    async fn one_tenant_of_three_goes_back_to_a_moment_between_backups_while_the_others_keep_writing(db: Db) {
        let ground = db.ground();
        let place = ground.data.join("place").display().to_string();
        let settings = [
            ("PLIMSOLL_ARCHIVE__PLACE", place.as_str()),
            ("PLIMSOLL_ARCHIVE__POINT_IN_TIME", "true"),
            ("PLIMSOLL_ARCHIVE__SHIP_EVERY", "200ms"),
            ("PLIMSOLL_ARCHIVE__SCHEDULED", "false"),
        ];
        let house = House::on(ground, &settings, &[]).await;
        let (one, two, three) = (house.tenant().await, house.tenant().await, house.tenant().await);
        one.owner.make_many("artists", (0..20).map(|n| json!({ "name": format!("artist {n}") })).collect()).await;
        wait::until(BOUND, || async { house.look("SELECT count(*) FROM change_switch WHERE since IS NOT NULL") == [["1"]] }).await;
        house.command(&["backup", "create"]).await;
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))]);
        let writers = [writer(two.owner.clone(), stop.clone(), counts[0].clone()), writer(three.owner.clone(), stop.clone(), counts[1].clone())];
        one.owner.make("artists", json!({ "name": "after the backup" })).await;
        one.owner.delete("/v1/artists/5").await.expect(204);
        let moment = Clock::system().now();
        one.owner.make("artists", json!({ "name": "too late" })).await;
        one.owner.delete("/v1/artists/7").await.expect(204);
        erase(&one, "artist", "3").await;
        let end = Clock::system().now();
        wait::until(BOUND, || async {
            let windows = house.command(&["backup", "list"]).await;
            windows["windows"].as_array().unwrap().iter().any(|window| Time::parse(window["to"].as_str().unwrap()).unwrap() > end)
        })
        .await;
        let at = moment.to_string();
        let restore = ["tenant", "restore", "--backup", "latest", "--tenant", &one.slug, "--at", &at, "--over", "--yes"];
        let restored = house.command(&restore).await;
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!((restored["at"].as_str(), restored["rows"].as_u64()), (Some(at.as_str()), Some(21)), "{restored}");
        for (tenant, count) in [(&two, &counts[0]), (&three, &counts[1])] {
            let count = count.load(Ordering::Relaxed) as i64;
            assert!(count > 0);
            assert_eq!(total(tenant, "artists").await, count, "nobody else lost a row");
        }
        let names: Vec<String> = one.owner.get("/v1/artists?page_size=100").await.expect(200).at("/items").as_array().unwrap().iter()
            .map(|artist| artist["name"].as_str().unwrap().to_owned())
            .collect();
        assert!(names.len() == 20 && names.contains(&"after the backup".to_owned()) && !names.contains(&"too late".to_owned()), "{names:?}");
        assert_eq!(names.iter().filter(|name| name.starts_with("erased:")).count(), 1, "the erased artist stays erased");
        assert_eq!(one.owner.get("/v1/artists/5").await.code(), 404);
        one.owner.get("/v1/artists/7").await.expect(200);
        house.plimsoll.run(["audit", "verify"]).await.expect(0);
    }

    async fn an_older_backup_on_a_new_machine_does_not_bring_an_erased_person_back(db: Db) {
        let ground = db.ground();
        let place = ground.data.join("place").display().to_string();
        let settings = [("PLIMSOLL_ARCHIVE__PLACE", place.as_str()), ("PLIMSOLL_IDENTITY__MASTER_KEY", MASTER)];
        let house = House::on(ground, &settings, &[]).await;
        let tenant = house.tenant().await;
        let kept = tenant.owner.make("artists", json!({ "name": "Stays Here" })).await;
        let gone = tenant.owner.make("artists", json!({ "name": "Wanda Vogel" })).await.to_string();
        let member = tenant.person("editor").await;
        house.command(&["backup", "create"]).await;
        for (kind, key) in [("artist", gone.as_str()), ("person", member.email.as_str())] {
            house.plimsoll.run(["subject", "erase", "--tenant", &tenant.slug, "--kind", kind, "--key", key, "--confirm", key]).await.expect(0);
        }

        // A machine that has the place and the master key, and nothing else.
        let fresh = db.ground();
        let mut plimsoll = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).on(&fresh);
        for (name, value) in settings {
            plimsoll = plimsoll.env(name, value);
        }
        plimsoll.run(["backup", "restore", "latest"]).await.expect(0);
        let restored = House::on(fresh, &settings, &[]).await;
        let owner = tenant.owner.at(restored.running.client());
        let key = restored.command(&["key", "create", "--tenant", &tenant.slug, "--role", "owner"]).await;
        let owner = owner.with(key["key"].as_str().unwrap());
        assert_eq!(owner.get(&format!("/v1/artists/{kept}")).await.expect(200).str("/name"), "Stays Here");
        assert!(owner.get(&format!("/v1/artists/{gone}")).await.expect(200).str("/name").starts_with("erased:"));
        assert!(!owner.get("/v1/users?page_size=100").await.expect(200).text().contains(&member.email));
        assert_eq!(restored.look(&format!("SELECT count(*) FROM person WHERE email = '{}'", member.email)), [["0"]]);
        assert_ne!(restored.look("SELECT count(*) FROM erasure"), [["0"]], "the new machine knows the tombstones for its own archives");
        restored.plimsoll.run(["audit", "verify"]).await.expect(0);

        // One tenant of that backup, over the live one.
        house.command(&["tenant", "restore", "--backup", "latest", "--tenant", &tenant.slug, "--over", "--yes"]).await;
        let again = house.command(&["key", "create", "--tenant", &tenant.slug, "--role", "owner"]).await;
        let owner = house.stranger().with(again["key"].as_str().unwrap());
        assert!(owner.get(&format!("/v1/artists/{gone}")).await.expect(200).str("/name").starts_with("erased:"));
    }

    async fn a_held_tenant_is_answered_503_with_its_own_problem_and_others_are_not(db: Db) {
        let house = house(db);
        let (held, other) = (house.tenant().await, house.tenant().await);
        held.owner.make("artists", json!({ "name": "A" })).await;
        let archive = file(house, "held.plm");
        house.command(&["tenant", "export", &held.slug, "--out", &archive, "--hold"]).await;
        for request in [held.owner.get("/v1/artists"), held.owner.post("/v1/artists").json(json!({ "name": "B" }))] {
            let reply = request.await;
            assert_eq!((reply.code(), reply.str("/code").as_str()), (503, "PLM-LIM-005"), "{reply}");
            assert!(reply.header("retry-after").is_some());
        }
        other.owner.make("artists", json!({ "name": "C" })).await;

        // Moved: what another store gets is everything, and the tenant is itself there.
        let elsewhere = House::open(db, &[("PLIMSOLL_IDENTITY__MASTER_KEY", &master(house))], &[]).await;
        elsewhere.command(&["tenant", "restore", &archive]).await;
        let there = held.owner.at(elsewhere.running.client());
        let moved = Tenant { house: &elsewhere, slug: held.slug.clone(), id: held.id.clone(), owner: there };
        let key = elsewhere.command(&["key", "create", "--tenant", &moved.slug, "--role", "owner"]).await;
        let owner = elsewhere.stranger().with(key["key"].as_str().unwrap());
        assert_eq!(owner.get("/v1/artists").await.expect(200).at("/items/0/name"), json!("A"));
        elsewhere.plimsoll.run(["audit", "verify", "--tenant", &moved.slug]).await.expect(0);

        house.command(&["tenant", "release", &held.slug]).await;
        plimsoll_testkit::wait::until(std::time::Duration::from_secs(10), || async {
            held.owner.get("/v1/artists").await.code() == 200
        })
        .await;
    }
}

/// The master key of a house, so that another one opens its archives.
fn master(house: &House) -> String {
    std::fs::read_to_string(house.ground.data.join("secret.key")).unwrap().trim().to_owned()
}
