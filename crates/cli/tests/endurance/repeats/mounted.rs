//! Keys and a service that knows nothing of them.

use std::time::Duration;

use plimsoll_testkit::{Db, both, wait};
use serde_json::json;

use super::{house, replayed, said, send, upstream::Upstream};
use crate::BOUND;

both! {
    async fn a_mounted_service_acts_once(db: Db) {
        let upstream = Upstream::start().await;
        let service = house(db, &upstream, &[("PLIMSOLL_IDEMPOTENCY__HEADERS", "x-total-count")]).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        let first = send(&client, "/shop/effect", "a", &json!({ "name": "a" })).await.expect(201);
        let again = send(&client, "/shop/effect", "a", &json!({ "name": "a" })).await;
        assert!(!replayed(&first) && replayed(&again));
        assert_eq!(said(&again), said(&first));
        assert_eq!((again.header("x-total-count"), upstream.effect("a")), (Some("1"), 1));
        assert_eq!(send(&client, "/shop/effect", "a", &json!({ "name": "b" })).await.expect(422).str("/code"), "PLM-IDM-003");
        // A failure of the service is an end too.
        let first = send(&client, "/shop/error", "e", &json!({ "name": "e" })).await.expect(500);
        let again = send(&client, "/shop/error", "e", &json!({ "name": "e" })).await.expect(500);
        assert!(replayed(&again) && said(&again) == said(&first) && upstream.effect("e") == 1);
        // What the service says it did not begin is not kept.
        for (path, status) in [("/shop/conflict", 409), ("/shop/busy", 503)] {
            for _ in 0..2 {
                assert!(!replayed(&send(&client, path, "n", &json!({})).await.expect(status)));
            }
        }
        // Without a key everything is as it was.
        for _ in 0..2 {
            client.post("/shop/effect").json(json!({ "name": "free" })).await.expect(201);
        }
        assert_eq!(upstream.effect("free"), 2);
        let large = json!({ "name": "x".repeat(1_100_000) });
        assert_eq!(send(&client, "/shop/effect", "l", &large).await.expect(413).str("/refused_by"), "replay");
        client.post("/shop/effect").json(large).await.expect(201);
    }

    async fn what_cannot_be_given_again_is_said_and_not_done_again(db: Db) {
        let upstream = Upstream::start().await;
        let service = house(db, &upstream, &[]).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        for kind in ["stream", "large", "cookie"] {
            let body = json!({ "name": kind });
            let first = send(&client, &format!("/shop/{kind}"), kind, &body).await.expect(200);
            assert!(first.text().len() > 8 && !replayed(&first), "the first answer is delivered whole");
            let again = send(&client, &format!("/shop/{kind}"), kind, &body).await.expect(409);
            assert_eq!((again.str("/code"), upstream.effect(kind)), ("PLM-IDM-006".to_owned(), 1), "{kind}");
        }
    }

    async fn what_nobody_knows_is_said_and_not_done_again_until_somebody_settles_it(db: Db) {
        let upstream = Upstream::start().await;
        let service = house(db, &upstream, &[("PLIMSOLL_SERVICE__ANSWER_TIMEOUT", "1s")]).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        for (kind, body, status) in [
            ("reset", json!({ "name": "reset" }), 502),
            ("half", json!({ "name": "half" }), 502),
            ("effect", json!({ "name": "effect", "after": 2500 }), 504),
        ] {
            let path = format!("/shop/{kind}");
            send(&client, &path, kind, &body).await.expect(status);
            for _ in 0..2 {
                // The deadline may end the caller's wait just before the record is written.
                let again = wait::some(BOUND, || async {
                    Some(send(&client, &path, kind, &body).await.expect(409)).filter(|reply| reply.str("/code") != "PLM-IDM-004")
                }).await;
                assert_eq!(again.str("/code"), "PLM-IDM-005", "{again}");
            }
            assert_eq!(upstream.effect(kind), 1, "{kind}");
        }
        let open = client.get("/v1/idempotency?state=unknown").await.expect(200);
        assert_eq!(open.at("/pagination/total_items"), 3);
        let items = open.at("/items");
        let of = |key: &str| items.as_array().unwrap().iter().find(|one| one["key"] == key).unwrap()["id"].as_str().unwrap().to_owned();
        let settle = |id: String, outcome: &'static str| {
            client.post(&format!("/v1/idempotency/{id}/settle")).json(json!({ "outcome": outcome }))
        };
        settle(of("reset"), "done").await.expect(200);
        assert_eq!(send(&client, "/shop/reset", "reset", &json!({ "name": "reset" })).await.expect(409).str("/code"), "PLM-IDM-006");
        settle(of("half"), "undone").await.expect(200);
        send(&client, "/shop/half", "half", &json!({ "name": "half" })).await.expect(502);
        assert_eq!((upstream.effect("reset"), upstream.effect("half")), (1, 2));
        settle(of("reset"), "undone").await.expect(409);
        settle("0".repeat(32), "undone").await.expect(404);
        let noted = client.get("/v1/audit?action=idempotency.settle").await.expect(200);
        assert_eq!(noted.at("/pagination/total_items"), 2);
    }

    async fn a_service_that_was_not_reached_leaves_the_key_unused(db: Db) {
        let upstream = Upstream::start().await;
        let service = house(db, &upstream, &[]).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        upstream.crash();
        for _ in 0..2 {
            assert_eq!(send(&client, "/shop/effect", "a", &json!({ "name": "a" })).await.expect(502).str("/code"), "PLM-UPS-001");
        }
        upstream.again().await;
        assert!(!replayed(&send(&client, "/shop/effect", "a", &json!({ "name": "a" })).await.expect(201)));
        assert_eq!(upstream.effect("a"), 1);
    }

    async fn a_caller_that_hangs_up_finds_the_answer_when_it_comes_back(db: Db) {
        let upstream = Upstream::start().await;
        let service = house(db, &upstream, &[]).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        let body = json!({ "name": "left", "before": 300, "after": 300 });
        let left = client.post("/shop/effect").header("idempotency-key", "left").json(body.clone()).within(Duration::from_millis(150));
        assert!(left.attempt().await.is_err());
        let back = send(&client, "/shop/effect", "left", &body).await.expect(201);
        assert!(replayed(&back));
        assert_eq!(upstream.effect("left"), 1);
        // Also a process that is told to stop sees it through.
        let body = json!({ "name": "stop", "before": 200, "after": 200 });
        let left = client.post("/shop/effect").header("idempotency-key", "stop").json(body.clone()).within(Duration::from_millis(100));
        assert!(left.attempt().await.is_err());
        assert_eq!(running.stop().await.code(), Some(0));
        let running = service.plimsoll.start().await;
        assert!(replayed(&send(&service.client(&running), "/shop/effect", "stop", &body).await.expect(201)));
        assert_eq!(upstream.effect("stop"), 1);
    }

    async fn a_repeat_waits_no_longer_than_it_may(db: Db) {
        let upstream = Upstream::start().await;
        let service = house(db, &upstream, &[("PLIMSOLL_IDEMPOTENCY__WAIT", "200ms")]).await;
        let (running, other) = (service.plimsoll.start().await, service.plimsoll.start().await);
        let body = json!({ "name": "slow", "before": 1500 });
        let first = tokio::spawn({
            let (client, body) = (service.client(&running), body.clone());
            async move { send(&client, "/shop/effect", "slow", &body).await }
        });
        let client = service.client(&running);
        wait::until(BOUND, || async { client.get("/v1/idempotency?state=started").await.expect(200).at("/pagination/total_items") == 1 }).await;
        for running in [&running, &other] {
            let again = send(&service.client(running), "/shop/effect", "slow", &body).await.expect(409);
            assert_eq!((again.str("/code"), again.header("retry-after")), ("PLM-IDM-004".to_owned(), Some("1")));
        }
        let first = first.await.unwrap().expect(201);
        assert_eq!(said(&send(&service.client(&other), "/shop/effect", "slow", &body).await), said(&first));
        assert_eq!(upstream.effect("slow"), 1);
    }

    async fn strangers_behind_one_address_do_not_get_each_others_answers(db: Db) {
        let upstream = Upstream::start().await;
        let service = house(db, &upstream, &[("PLIMSOLL_ROUTES__DEFAULT", "public: the service knows its own callers")]).await;
        let running = service.plimsoll.start().await;
        let client = running.client();
        let ask = |name: &'static str, value: &'static str| {
            client.post("/shop/effect").header("idempotency-key", "s").header(name, value).json(json!({ "name": "s" }))
        };
        ask("cookie", "session=1").await.expect(201);
        assert!(replayed(&ask("cookie", "session=1").await.expect(201)));
        assert_eq!(ask("cookie", "session=2").await.expect(422).str("/code"), "PLM-IDM-003");
        assert!(!replayed(&ask("authorization", "Token one").await.expect(201)));
        assert!(!replayed(&ask("authorization", "Token two").await.expect(201)));
        assert!(replayed(&ask("authorization", "Token one").await.expect(201)));
        assert_eq!(upstream.effect("s"), 3);
    }
}
