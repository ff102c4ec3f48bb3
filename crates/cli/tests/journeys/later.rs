//! Work that comes back by the clock, and requests that are accepted now and done later.

use std::time::Duration;

use plimsoll_testkit::{Db, both, http::Reply};
use serde_json::json;

use crate::house::{Caller, House};

const BOUND: Duration = Duration::from_secs(20);

/// Asks until the answer is as wanted.
async fn until(who: &Caller, path: &str, wanted: impl Fn(&Reply) -> bool) -> Reply {
    let deadline = tokio::time::Instant::now() + BOUND;
    loop {
        let reply = who.get(path).await;
        if wanted(&reply) {
            return reply;
        }
        assert!(tokio::time::Instant::now() < deadline, "{path} did not come to be as wanted: {reply}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

both! {
    async fn a_schedule_fires_once_over_two_processes_and_says_what_it_missed(db: Db) {
        let here = House::open(db, &[], &["--rehearsal"]).await;
        let tenant = here.tenant().await;
        let _there = here.plimsoll.start().await;
        let plan = |name: &str| json!({ "name": name, "kind": "rehearsal.effect", "cron": "0 3 * * *", "zone": "Europe/Berlin", "payload": { "name": name } });
        let made = tenant.owner.post("/v1/schedules").json(plan("nightly")).await.expect(201);
        assert_eq!(made.header("location"), Some("/v1/schedules/nightly"));
        tenant.owner.post("/v1/schedules").json(plan("nightly")).await.expect(409);
        // It was due at each of the last three nights, and nothing ran.
        let next = plimsoll_core::Time::parse(&made.str("/next_at")).unwrap().minus(Duration::from_secs(3 * 86_400));
        assert_eq!(here.meddle(&format!("UPDATE job_schedule SET next_at = {} WHERE name = 'nightly'", next.micros())), 1);
        tenant.owner.post("/v1/schedules").json(plan("other")).await.expect(201);
        let shown = until(&tenant.owner, "/v1/schedules/nightly", |reply| reply.json()["last_at"].is_string()).await;
        assert_eq!(shown.at("/missed"), 2, "{shown}");
        assert_eq!(shown.at("/next_at"), made.at("/next_at"));
        until(&tenant.owner, "/v1/artists", |reply| reply.at("/pagination/total_items") == 1).await;
        let jobs = here.look("SELECT COUNT(*) FROM job WHERE kind = 'rehearsal.effect'");
        assert_eq!(jobs, [["1"]], "three missed moments and two processes make one job");
    }

    async fn what_cannot_be_scheduled_is_refused_and_a_paused_schedule_stands_still(db: Db) {
        let house = House::open(db, &[], &["--rehearsal"]).await;
        let tenant = house.tenant().await;
        let plan = |kind: &str, cron: &str, zone: &str, payload: serde_json::Value| {
            json!({ "name": "p", "kind": kind, "cron": cron, "zone": zone, "payload": payload })
        };
        for (body, pointer) in [
            (plan("events.relay", "0 3 * * *", "UTC", json!({})), "/kind"),
            (plan("rehearsal.effect", "0 3 31 2 *", "UTC", json!({ "name": "n" })), "/cron"),
            (plan("rehearsal.effect", "0 3 * * *", "Europe/Atlantis", json!({ "name": "n" })), "/zone"),
            (plan("rehearsal.effect", "0 3 * * *", "UTC", json!({ "title": "n" })), "/payload"),
        ] {
            let refused = tenant.owner.post("/v1/schedules").json(body).await.expect(422);
            assert_eq!(refused.str("/errors/0/pointer"), pointer, "{refused}");
        }
        tenant.owner.post("/v1/schedules").json(plan("rehearsal.effect", "* * * * *", "UTC", json!({ "name": "n" }))).await.expect(201);
        let paused = tenant.owner.patch("/v1/schedules/p").json(json!({ "paused": true })).await.expect(200);
        assert!(paused.at("/next_at").is_null() && paused.at("/paused") == true, "{paused}");
        tenant.key("viewer").await.get("/v1/schedules").await.expect(403);
        tenant.owner.delete("/v1/schedules/p").await.expect(204);
        tenant.owner.get("/v1/schedules/p").await.expect(404);
    }

    async fn a_job_that_nobody_tries_again_is_news_for_administrators(db: Db) {
        let house = House::open(db, &[], &["--rehearsal"]).await;
        let tenant = house.tenant().await;
        let made = tenant.owner.post("/v1/rehearsal/jobs").json(json!({ "jobs": [{ "name": "Never", "fails": 1000 }] })).await.expect(200);
        let news = until(&tenant.owner, "/v1/events?type=job.dead", |reply| !reply.at("/items").as_array().unwrap().is_empty()).await;
        assert_eq!(news.at("/items/0/data/id"), made.at("/jobs/0"), "{news}");
        assert_eq!((news.at("/items/0/data/kind"), news.at("/items/0/data/attempts")), (json!("rehearsal.effect"), json!(3)));
        let viewer = tenant.key("viewer").await.get("/v1/events?type=job.dead").await.expect(200);
        assert_eq!(viewer.at("/items"), json!([]));
    }

    async fn a_request_that_prefers_not_to_wait_is_done_once_by_a_job(db: Db) {
        let house = House::open(db, &[], &[]).await;
        let tenant = house.tenant().await;
        let (key, editor) = tenant.key_of(json!({ "name": "e", "role": "editor" })).await;
        let many = || editor.post("/v1/artists/bulk").json(json!({ "items": [{ "name": "A" }, { "name": "B" }] })).header("prefer", "respond-async");
        let first = many().key("one").await.expect(202);
        assert_eq!(first.header("preference-applied"), Some("respond-async"));
        assert!(first.header("location").unwrap().starts_with("/v1/jobs/job_"));
        let again = many().key("one").await.expect(202);
        assert_eq!(again.header("location"), first.header("location"), "a repeat with the key is the same job");
        until(&tenant.owner, "/v1/artists", |reply| reply.at("/pagination/total_items") == 2).await;
        let id = first.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
        let state = || house.look(&format!("SELECT state, result FROM job WHERE id = '{id}'")).remove(0);
        let deadline = tokio::time::Instant::now() + BOUND;
        while state()[0] != "done" {
            assert!(tokio::time::Instant::now() < deadline, "{:?}", state());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let result: serde_json::Value = serde_json::from_str(&state()[1]).unwrap();
        assert_eq!((&result["status"], &result["body"]["created"]), (&json!(201), &json!(2)), "{result}");
        // A route that does not offer it answers at once and does not claim otherwise.
        let plain = editor.post("/v1/artists").json(json!({ "name": "C" })).header("prefer", "respond-async").await.expect(201);
        assert_eq!(plain.header("preference-applied"), None);
        // With the key gone, nothing is accepted.
        tenant.owner.delete(&format!("/v1/keys/{key}")).await.expect(204);
        many().await.expect(401);
    }
}
