//! PostgreSQL goes away and comes back while the service runs.

use std::process::Command;

use plimsoll_testkit::{Db, Scratch, both, both::Ground, http::Reply, postgres::Server, wait};

use crate::{
    BOUND,
    service::{Service, add, artists, binary, ledger_is_intact},
};

/// Fails unless this says: not now, come again.
pub fn refused_for_now(reply: &Reply) {
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

/// An open file that was moved or deleted can still be written to; what is written is lost.
#[test]
fn an_embedded_database_whose_file_is_gone_acknowledges_nothing_until_it_is_back() {
    both::run(async {
        let ground = Db::Sqlite.ground();
        let folder = ground.data.path().to_path_buf();
        let service = Service::on(ground, binary()).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        let (file, away) = (folder.join("plimsoll.db"), folder.join("away.db"));
        add(&client, "before").await.expect(201);

        for replaced in [false, true] {
            std::fs::rename(&file, &away).unwrap();
            if replaced {
                std::fs::copy(&away, &file).unwrap();
            }
            refused_for_now(&add(&client, "during").await);
            refused_for_now(&client.get("/v1/artists").await);
            wait::until(BOUND, || async { running.client().get("/health/ready").await.code() == 503 }).await;
            let health = running.ops().get("/health").await.expect(503);
            assert_eq!(health.str("/checks/database/status"), "failed", "{health}");
            running.client().get("/health/live").await.expect(200);

            std::fs::rename(&away, &file).unwrap();
            running.ready(BOUND).await.unwrap();
            add(&client, if replaced { "after" } else { "between" }).await.expect(201);
        }
        assert_eq!(artists(&client).await.into_keys().collect::<Vec<_>>(), ["after", "before", "between"]);
        ledger_is_intact(&client).await;

        assert_eq!(running.stop().await.code(), Some(0), "{}", running.stderr());
        let again = service.plimsoll.start().await;
        assert_eq!(artists(&service.client(&again)).await.len(), 3);
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

/// Freezes or thaws PostgreSQL with all its processes: connections stay open, nothing answers.
fn all_of(server: &Server, signal: &str) {
    let pid = std::fs::read_to_string(server.directory().join("data/postmaster.pid")).unwrap();
    let postmaster = pid.lines().next().unwrap().to_owned();
    let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap();
    let status = Command::new("kill").arg(signal).arg(&postmaster).args(children.split_whitespace()).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_database_that_hangs_holds_nobody_for_longer_than_the_limits() {
    both::run(async {
        let server = Server::dedicated();
        let plimsoll = binary().env("PLIMSOLL_SERVER__HANDLER_TIMEOUT", "2s").env("PLIMSOLL_DATABASE__STATEMENT_TIMEOUT", "1s");
        let service = Service::on(Ground { database: Some(server.database()), data: Scratch::new() }, plimsoll).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        add(&client, "before").await.expect(201);

        all_of(&server, "-STOP");
        let asked: Vec<_> = (0..40)
            .map(|n| {
                let client = client.clone();
                tokio::spawn(async move {
                    if n % 2 == 0 { add(&client, &format!("during {n}")).await } else { client.get("/v1/artists").await }
                })
            })
            .collect();
        for one in asked {
            let reply = one.await.unwrap();
            assert!(matches!(reply.code(), 503 | 504), "{reply}");
        }
        running.client().get("/health/live").await.expect(200);
        running.client().get("/health/ready").await.expect(503);
        client.get("/openapi.json").await.expect(200);

        all_of(&server, "-CONT");
        running.ready(BOUND).await.unwrap();
        add(&client, "after").await.expect(201);
        let found = artists(&client).await;
        assert!(found.contains_key("before") && found.contains_key("after"), "{found:?}");
        ledger_is_intact(&client).await;
        assert_eq!(running.stop().await.code(), Some(0), "{}", running.stderr());
    });
}
