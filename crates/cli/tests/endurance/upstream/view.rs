//! What a person sees of a service that is away, and what a person can do.

use plimsoll_testkit::{both, wait};
use serde_json::json;

use super::{Manner, Mounted};
use crate::BOUND;

#[test]
fn a_fallback_is_marked_and_only_for_a_read_that_has_no_answer() {
    both::run(async {
        let fallbacks = r#"{ "GET /news" = "{\"items\":[]}" }"#;
        let mounted =
            Mounted::with(&[("FALLBACKS", fallbacks), ("ATTEMPTS", "1"), ("FALLBACK_FOR", "2s"), ("BREAKER_IN_A_ROW", "4")]).await;
        let (client, bad) = (mounted.client(), &mounted.bad);
        let own = client.get("/news").await.expect(200);
        assert_eq!((own.text().as_str(), own.header("x-plimsoll-degraded")), ("well", None));
        bad.behave(Manner::Status(404));
        client.get("/news").await.expect(404);
        // A connection that was kept may end while it is used again: that is a failure, not a refusal.
        let away: &[&str] = &["upstream-unreachable", "upstream-failed"];
        for (manner, causes) in [(Manner::Status(503), &away[1..]), (Manner::Away, away)] {
            bad.behave(manner);
            let instead = client.get("/news").await.expect(200);
            assert_eq!(
                (instead.text().as_str(), instead.header("x-plimsoll-degraded")),
                ("{\"items\":[]}", Some("fallback")),
                "{manner:?}"
            );
            let cause = instead.header("x-plimsoll-cause").unwrap_or_default();
            assert!(causes.contains(&cause), "{manner:?}: {cause}");
            assert_eq!(instead.header("cache-control"), Some("no-store"));
            assert_eq!(instead.header("content-type"), Some("application/json"));
        }
        assert!(client.post("/news").await.code() >= 502, "nobody is told that a change was made");
        assert!(client.get("/elsewhere").await.code() >= 502);
        mounted.open().await;
        assert_eq!(client.get("/news").await.expect(200).header("x-plimsoll-cause"), Some("circuit-open"));
        wait::until(BOUND, || async { client.get("/news").await.code() == 503 }).await;
    });
}

#[test]
fn a_service_that_is_away_makes_the_host_degraded_and_not_unready() {
    both::run(async {
        let mounted = Mounted::with(&[("BREAKER_IN_A_ROW", "2"), ("OPEN_FOR", "200ms"), ("TRIALS", "1"), ("ATTEMPTS", "1")]).await;
        let (client, ops) = (mounted.client(), mounted.running.ops());
        client.get("/read").await.expect(200);
        assert_eq!(client.get("/health").await.expect(200).str("/status"), "ready");
        mounted.bad.behave(Manner::Away);
        mounted.open().await;
        wait::until(BOUND, || async { client.get("/health").await.str("/status") == "degraded" }).await;
        client.get("/health/ready").await.expect(200);
        let entry = ops.get("/health").await.expect(200).at("/checks/upstream-service");
        assert_eq!((&entry["status"], &entry["weight"]), (&json!("failed"), &json!("attention")), "{entry}");
        let metrics = ops.get("/metrics").await.text();
        assert!(metrics.contains("plimsoll_upstream_breaker_openings_total{upstream=\"service\"} 1"), "{metrics}");
        mounted.bad.behave(Manner::Well);
        wait::until(BOUND, || async { client.get("/read").await.code() == 200 }).await;
        wait::until(BOUND, || async { client.get("/health").await.str("/status") == "ready" }).await;
        let metrics = ops.get("/metrics").await.text();
        assert!(metrics.contains("plimsoll_upstream_breaker_state{upstream=\"service\",state=\"closed\"} 1"), "{metrics}");
    });
}

#[test]
fn a_person_holds_a_breaker_open_and_resets_it_on_record() {
    both::run(async {
        let mounted = Mounted::with(&[]).await;
        let client = mounted.client().with_bearer(&mounted.key);
        let viewer = client.post("/v1/keys").json(json!({ "name": "looks", "role": "viewer" })).await.expect(201).str("/secret");
        client.get("/v1/upstreams").bearer(&viewer).await.expect(403);
        client.post("/v1/upstreams/service/breaker").bearer(&viewer).json(json!({ "action": "open" })).await.expect(403);
        client.post("/v1/upstreams/other/breaker").json(json!({ "action": "open" })).await.expect(404);
        client.post("/v1/upstreams/service/breaker").json(json!({ "action": "break" })).await.expect(422);

        let opened = client.post("/v1/upstreams/service/breaker").json(json!({ "action": "open" })).await.expect(200);
        assert_eq!(opened.str("/breaker/state"), "forced-open");
        assert_eq!(client.get("/read").await.expect(503).str("/code"), "PLM-UPS-004");
        assert_eq!(mounted.bad.arrived(), 0);
        let listed = client.get("/v1/upstreams").await.expect(200);
        assert_eq!((listed.str("/items/0/breaker/state"), listed.str("/items/0/address")), ("forced-open".into(), mounted.bad.url()));
        client.post("/v1/upstreams/service/breaker").json(json!({ "action": "reset" })).await.expect(200);
        client.get("/read").await.expect(200);
        let entries = client.get("/v1/audit?action=upstream.breaker").await.expect(200);
        assert_eq!(entries.at("/items/0/detail"), json!({ "action": "reset", "was": "forced-open" }));
        assert_eq!(entries.at("/items/1/detail"), json!({ "action": "open", "was": "closed" }));
        assert_eq!(entries.str("/items/0/target"), "upstreams/service");
    });
}
