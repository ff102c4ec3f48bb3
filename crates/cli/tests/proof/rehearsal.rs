//! The routes that cause faults: they do what they say, and exist where they may.

use std::time::Duration;

use plimsoll_testkit::{Db, both, process::Plimsoll, wait};
use serde_json::json;

use crate::house::House;

/// Waits until the log holds these words.
async fn logged(house: &House, words: &str) {
    wait::until(Duration::from_secs(20), || async { house.running.stderr().contains(words) }).await;
}

both! {
    async fn faults_can_be_caused_on_a_private_instance(db: Db) {
        let house = House::open(db, &[("PLIMSOLL_TELEMETRY__FORMAT", "json")], &["--rehearsal"]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;

        for path in ["/v1/rehearsal/panic", "/v1/rehearsal/fail"] {
            let reply = owner.post(path).json(json!({ "canary": "kestrel77" })).await.expect(500);
            assert_eq!(reply.str("/code"), "PLM-INT-001");
            assert!(!reply.text().contains("kestrel77"), "{reply}");
        }
        logged(&house, "rehearsal/kestrel77").await;
        owner.get("/v1/rehearsal/slow?ms=5").await.expect(200);
        assert_eq!(owner.get("/v1/rehearsal/read?rows=1000").await.expect(200).at("/rows"), 1000);
        house.stranger().get("/v1/rehearsal/slow?ms=5").await.expect(401);
        let open = house.stranger().get("/v1/rehearsal/public").await.expect(200);
        assert!(open.header("deprecation").is_some() && open.header("sunset").is_some(), "{open}");

        owner.post("/v1/rehearsal/slow").json(json!({ "ms": 5, "name": "Late" })).await.expect(201);
        for (second, status) in [("holds", 201), ("refused", 409), ("error", 500), ("panic", 500)] {
            owner.post("/v1/rehearsal/pair").json(json!({ "name": second, "second": second })).await.expect(status);
        }
        let names: Vec<_> = owner.get("/v1/artists?sort=name").await.expect(200).at("/items").as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
        assert_eq!(names, ["holds", "Late"], "a change of which one write fails leaves nothing");
        assert_eq!(owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 1);
    }
}

#[tokio::test]
async fn a_careless_line_is_logged_with_everything_masked() {
    let house = House::open(Db::Sqlite, &[("PLIMSOLL_TELEMETRY__FORMAT", "json")], &["--rehearsal"]).await;
    let tenant = house.tenant().await;
    tenant.owner.post("/v1/rehearsal/log").json(json!({ "mark": "mark-1", "canary": "kestrel77" })).await.expect(204);
    logged(&house, "rehearsal: password").await;
    let log = house.running.stderr();
    assert_eq!(log.lines().filter(|line| line.contains("mark-1")).count(), 2, "{log}");
    assert!(!log.contains("kestrel77"), "{log}");
}

#[tokio::test]
async fn ordinary_serves_know_nothing_of_a_rehearsal_and_production_refuses_it() {
    let house = House::open(Db::Sqlite, &[], &[]).await;
    let tenant = house.tenant().await;
    tenant.owner.get("/v1/rehearsal/slow?ms=1").await.expect(404);
    let ground = Db::Sqlite.ground();
    let refused = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll"))
        .on(&ground)
        .env("PLIMSOLL_PROFILE", "production")
        .env("PLIMSOLL_SERVER__TRUSTED_PROXIES", "127.0.0.1")
        .env("PLIMSOLL_SERVER__HOSTS", "api.example.org")
        .run(["serve", "--rehearsal"])
        .await;
    assert_eq!(refused.code, Some(4), "{refused:?}");
    let help = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).run(["serve", "--help"]).await.expect(0);
    assert!(!help.stdout.contains("rehearsal"), "{}", help.stdout);
}
