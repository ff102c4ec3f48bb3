//! Kept answers of mounted services: who gets them, when the service is away, and who takes them out.

use std::time::Duration;

use plimsoll_assess::rig::Service;
use plimsoll_testkit::{Db, both, wait};
use serde_json::json;

use crate::house::{Caller, House};

const BOUND: Duration = Duration::from_secs(30);

/// An answer that everybody may have for ten minutes.
fn kept(key: &str) -> String {
    format!("/cacheable?key={key}&cc=public%2C%20max-age%3D600")
}

async fn behind(db: Db, service: &Service, settings: &[(&str, &str)]) -> House {
    let mut all = vec![("PLIMSOLL_SERVICE__URL", service.base.as_str()), ("PLIMSOLL_SERVICE__OPENAPI", "off")];
    all.extend_from_slice(settings);
    House::open(db, &all, &[]).await
}

/// A figure on the page of metrics.
async fn figure(house: &House, name: &str) -> u64 {
    let page = house.running.ops().get("/metrics").await.expect(200).text();
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}

async fn order(owner: &Caller, action: &str) {
    owner.post("/v1/release").json(json!({ "action": action })).await.expect(200);
}

both! {
    async fn a_candidate_is_neither_hidden_behind_kept_answers_nor_kept_for_others(db: Db) {
        let (stable, candidate, other) = (Service::start().await.unwrap(), Service::start().await.unwrap(), Service::start().await.unwrap());
        let mounts = format!("{{ \"/other\" = \"{}\" }}", other.base);
        let house = behind(db, &stable, &[
            ("PLIMSOLL_SERVICE__MOUNTS", &mounts),
            ("PLIMSOLL_RELEASE__CANDIDATE", &candidate.base),
            ("PLIMSOLL_RELEASE__WEIGHT", "100%"),
            ("PLIMSOLL_RELEASE__SMOKE", "/status/200?key=smoke"),
            ("PLIMSOLL_RELEASE__SMOKE_EVERY", "50ms"),
            ("PLIMSOLL_RELEASE__LEAST", "10"),
        ]).await;
        let owner = house.tenant().await.owner;
        let gate = async |colour: &str| wait::until(BOUND, || async { owner.get("/v1/release").await.expect(200).str("/gate") == colour }).await;
        gate("green").await;
        let ask = async |side: &str, path: &str| owner.get(path).header("x-plimsoll-release", side).await.expect(200);
        let (path, elsewhere) = (kept("a"), format!("/other{}", kept("o")));
        let arrived = || (stable.arrivals("a"), candidate.arrivals("a"));

        ask("stable", &path).await;
        ask("stable", &path).await;
        owner.get(&elsewhere).await.expect(200);
        assert_eq!(arrived(), (1, 0), "the second was a kept answer");
        ask("candidate", &path).await;
        let told = ask("candidate", &path).await;
        assert_eq!((arrived(), told.header("cache-status")), ((1, 2), Some("Plimsoll; fwd=bypass")));
        owner.get(&path).await.expect(200);
        assert_eq!(arrived(), (1, 3), "one of the share is not given what the other side said");
        ask("stable", &path).await;
        assert_eq!(arrived(), (1, 3), "and nothing of the candidate was put in its place");

        for _ in 0..10 {
            owner.get("/echo?key=measured").await.expect(200);
        }
        order(&owner, "promote").await;
        owner.get(&path).await.expect(200);
        owner.get(&path).await.expect(200);
        assert_eq!(arrived(), (1, 4), "what the stable service said is forgotten, and what has taken over is kept");
        ask("stable", &path).await;
        assert_eq!(arrived(), (2, 4), "now it is the other side that is asked itself");

        candidate.ail("smoke", Some(503));
        gate("red").await;
        let view = owner.get("/v1/release").await.expect(200);
        assert_eq!((view.str("/phase"), view.str("/share")), ("promoted".into(), "100%".into()));
        wait::until(BOUND, || async { house.running.ops().get("/health").await.at("/checks/release/status") == "failed" }).await;
        order(&owner, "return").await;
        owner.get(&path).await.expect(200);
        owner.get(&path).await.expect(200);
        assert_eq!(arrived(), (3, 4));
        owner.get(&elsewhere).await.expect(200);
        assert_eq!(other.arrivals("o"), 1, "another service's kept answers stay");
    }

    async fn fifty_identical_misses_reach_the_service_once(db: Db) {
        let service = Service::start().await.unwrap();
        let house = behind(db, &service, &[("PLIMSOLL_ROUTES__DEFAULT", "public: a test"), ("PLIMSOLL_CACHE__WAIT", "30s")]).await;
        service.hold("f");
        let client = house.running.client();
        let asking: Vec<_> = (0..50).map(|_| tokio::spawn(client.get(&kept("f")).within(BOUND).send())).collect();
        assert!(service.holding("f", 1, BOUND).await);
        wait::until(BOUND, || async { figure(&house, "plimsoll_in_flight").await >= 50 }).await;
        service.release("f");
        let mut texts = std::collections::BTreeSet::new();
        for asked in asking {
            texts.insert(asked.await.unwrap().expect(200).text());
        }
        assert_eq!((service.arrivals("f"), texts.len()), (1, 1));
        assert_eq!(figure(&house, "plimsoll_cache_answers_total{outcome=\"collapsed\"}").await, 49);
    }

    async fn an_older_answer_stands_in_for_a_service_that_is_away_for_a_while_and_says_so(db: Db) {
        let service = Service::start().await.unwrap();
        let settings = [("PLIMSOLL_ROUTES__DEFAULT", "public: a test"), ("PLIMSOLL_CACHE__STALE_IF_ERROR", "4s"), ("PLIMSOLL_RESILIENCE__ATTEMPTS", "1")];
        let house = behind(db, &service, &settings).await;
        let client = house.running.client();
        let path = "/cacheable?key=s&cc=public%2C%20max-age%3D1";
        let first = client.get(path).await.expect(200).text();
        service.refuse(true).await;
        wait::until(BOUND, || async {
            let reply = client.get(path).await.expect(200);
            assert_eq!(reply.text(), first);
            reply.header("x-plimsoll-degraded") == Some("stale")
        })
        .await;
        client.get("/cacheable?key=never").await.expect(502);
        wait::until(BOUND, || async { client.get(path).await.code() != 200 }).await;
        let honest = client.get(path).await;
        assert!(honest.code() >= 502 && honest.str("/code").starts_with("PLM-UPS-"), "{honest}");
        assert_eq!((honest.header("x-plimsoll-degraded"), service.arrivals("s")), (None, 1));
        service.refuse(false).await;
        wait::until(BOUND, || async { client.get(path).await.code() == 200 }).await;
        assert_eq!(service.arrivals("s"), 2);
    }

    async fn who_may_purge_does_it_on_record(db: Db) {
        let service = Service::start().await.unwrap();
        let house = behind(db, &service, &[]).await;
        let tenant = house.tenant().await;
        let path = kept("p");
        let purge = json!({ "path": "/cacheable" });
        for _ in 0..2 {
            tenant.owner.get(&path).await.expect(200);
        }
        assert_eq!(service.arrivals("p"), 1);
        for role in ["viewer", "editor"] {
            tenant.key(role).await.post("/v1/cache/purge").json(purge.clone()).await.expect(403);
        }
        house.stranger().post("/v1/cache/purge").json(purge.clone()).await.expect(401);
        tenant.owner.get(&path).await.expect(200);
        assert_eq!(service.arrivals("p"), 1, "who may not purge has purged nothing");
        let purged = tenant.key("admin").await.post("/v1/cache/purge").json(purge).await.expect(200);
        assert_eq!(purged.json(), json!({ "removed": 1, "everywhere": false }));
        tenant.owner.get(&path).await.expect(200);
        assert_eq!(service.arrivals("p"), 2);
        tenant.owner.post("/v1/cache/purge").json(json!({ "path": "/a", "all": true })).await.expect(422);
        let entries = tenant.owner.get("/v1/audit?action=cache.purge&outcome=ok").await.expect(200);
        assert_eq!(entries.at("/items").as_array().unwrap().len(), 1);
        assert_eq!(entries.at("/items/0/detail"), json!({ "what": { "path": ["/cacheable", null] }, "removed": 1 }));
        assert_eq!(entries.str("/items/0/target"), "cache");
    }

    async fn what_came_of_keys_is_counted(db: Db) {
        let service = Service::start().await.unwrap();
        let house = behind(db, &service, &[("PLIMSOLL_IDEMPOTENCY__WAIT", "50ms")]).await;
        let owner = house.tenant().await.owner;
        let count = async |outcome: &str| figure(&house, &format!("plimsoll_idempotency_total{{outcome=\"{outcome}\"}}")).await;
        for (name, code) in [("one", 201), ("one", 201), ("two", 422)] {
            owner.post("/v1/artists").key("native").json(json!({ "name": name })).await.expect(code);
        }
        assert_eq!((count("executed").await, count("replayed").await, count("mismatch").await), (1, 1, 1));
        for code in [502, 409] {
            owner.post("/effect-then-reset?key=e").key("lost").await.expect(code);
        }
        assert_eq!((count("unknown").await, service.effects("e")), (2, 1));
        service.hold("h");
        let first = tokio::spawn(owner.post("/echo?key=h").key("slow").within(BOUND).send());
        assert!(service.holding("h", 1, BOUND).await);
        owner.post("/echo?key=h").key("slow").await.expect(409);
        service.release("h");
        first.await.unwrap().expect(200);
        assert_eq!((count("in_progress").await, count("executed").await), (1, 2));
    }
}
