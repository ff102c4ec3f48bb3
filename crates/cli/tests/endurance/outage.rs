//! PostgreSQL goes away and comes back while the service runs.

use plimsoll_testkit::{Scratch, both, both::Ground, http::Reply, postgres::Server, wait};

use crate::{
    BOUND,
    service::{Service, add, artists, binary, ledger_is_intact},
};

fn refused_for_now(reply: &Reply) {
    assert_eq!(reply.code(), 503, "{reply}");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
}

#[test]
fn the_service_outlives_its_database() {
    both::run(async {
        let server = Server::dedicated();
        let service = Service::on(Ground { database: Some(server.database()), data: Scratch::new() }, binary()).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        add(&client, "before").await.expect(201);

        server.stop();
        refused_for_now(&client.get("/v1/artists").await);
        refused_for_now(&add(&client, "during").await);
        client.get("/openapi.json").await.expect(200);
        running.client().get("/health/live").await.expect(200);
        wait::until(BOUND, || async { running.client().get("/health/ready").await.code() == 503 }).await;
        let told = running.client().get("/health/ready").await;
        assert!(!told.text().contains("postgres"), "strangers learn one word: {told}");
        let health = running.ops().get("/health").await.expect(503);
        assert_eq!(health.str("/status"), "unready");
        assert_eq!(health.str("/checks/database/status"), "failed", "{health}");
        assert!(!health.str("/checks/database/message").is_empty());

        server.start();
        running.ready(BOUND).await.unwrap();
        add(&client, "after").await.expect(201);
        let found = artists(&client).await;
        assert!(found.contains_key("before") && found.contains_key("after") && !found.contains_key("during"), "{found:?}");
        ledger_is_intact(&client).await;
        assert_eq!(running.ops().get("/health").await.expect(200).str("/status"), "ready");
        assert_eq!(running.stop().await.code(), Some(0), "{}", running.stderr());
    });
}

#[test]
fn a_start_without_the_database_says_so_and_ends_with_3() {
    both::run(async {
        let server = Server::dedicated();
        let plimsoll = binary().database(server.database().url.clone());
        server.stop();
        let refusal = plimsoll.attempt().await.err().unwrap();
        assert_eq!(refusal.output.code, Some(3), "{refusal}");
        assert!(refusal.output.stderr.contains("PLM-DAT-001"), "{refusal}");
        assert!(refusal.output.stdout.is_empty(), "{refusal}");
    });
}
