//! No room left: a full disk and a page limit under the embedded database, a full disk under the log.

use std::fs;

use plimsoll_testkit::{
    Db, Scratch, both,
    http::{Client, Reply},
    wait,
};
use serde_json::json;

use crate::{
    BOUND,
    disk::Disk,
    service::{Service, add, artists, binary, ledger_is_intact},
};

/// Writes until the database is full; the names that were acknowledged, and the refusal.
async fn write_until_full(client: &Client) -> (Vec<String>, Reply) {
    let mut acknowledged = Vec::new();
    for n in 0..20_000 {
        let name = format!("artist {n}");
        let reply = add(client, &name).await;
        if reply.code() != 201 {
            return (acknowledged, reply);
        }
        acknowledged.push(name.clone());
        // Longer rows, so that it does not take too many.
        let song = client.post("/v1/songs").json(json!({ "title": name, "url": format!("https://example.org/{}", "x".repeat(900)) })).await;
        if song.code() != 201 {
            return (acknowledged, song);
        }
    }
    panic!("20,000 writes found room");
}

async fn all_there(client: &Client, acknowledged: &[String]) {
    let found = artists(client).await;
    let missing: Vec<_> = acknowledged.iter().filter(|name| !found.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

pub fn full(reply: &Reply) {
    assert_eq!((reply.code(), reply.str("/code").as_str()), (507, "PLM-DAT-002"), "{reply}");
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_again() {
    both::run(async {
        let ground = Db::Sqlite.ground();
        let Some(disk) = Disk::over(ground.data.path(), "8m") else { return };
        let service = Service::on(ground, binary()).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        add(&client, "before").await.expect(201);

        let ballast = disk.fill(256 << 10);
        let (acknowledged, refusal) = write_until_full(&client).await;
        full(&refusal);
        assert!(!acknowledged.is_empty());
        all_there(&client, &acknowledged).await;
        full(&add(&client, "still full").await);
        running.client().get("/health/live").await.expect(200);

        fs::remove_file(ballast).unwrap();
        add(&client, "after").await.expect(201);
        ledger_is_intact(&client).await;
        running.crash().await;

        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        all_there(&client, &acknowledged).await;
        all_there(&client, &["before".to_owned(), "after".to_owned()]).await;
        ledger_is_intact(&client).await;
        running.stop().await;
    });
}

#[test]
fn a_page_limit_refuses_writes_and_keeps_what_is_there() {
    both::run(async {
        let mut service = Service::new(Db::Sqlite).await;
        service.plimsoll = service.plimsoll.env("PLIMSOLL_DATABASE__PAGE_LIMIT", "60");
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        let (acknowledged, refusal) = write_until_full(&client).await;
        full(&refusal);
        assert!(!acknowledged.is_empty());
        all_there(&client, &acknowledged).await;
        ledger_is_intact(&client).await;
        assert_eq!(running.stop().await.code(), Some(0));

        service.plimsoll = service.plimsoll.env("PLIMSOLL_DATABASE__PAGE_LIMIT", "1000");
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        add(&client, "after").await.expect(201);
        all_there(&client, &acknowledged).await;
    });
}

#[test]
fn a_full_disk_under_the_log_takes_nothing_else_down() {
    both::run(async {
        let place = Scratch::new();
        let Some(disk) = Disk::over(place.path(), "64k") else { return };
        let log = place.join("plimsoll.log");
        let service = Service::on(Db::Sqlite.ground(), binary().env("PLIMSOLL_TELEMETRY__LOG_FILE", &log)).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        wait::until(BOUND, || async { fs::metadata(&log).is_ok_and(|file| file.len() > 0) }).await;

        let ballast = disk.fill(0);
        for n in 0..200 {
            add(&client, &format!("artist {n}")).await.expect(201);
        }
        running.client().get("/health/ready").await.expect(200);
        let figures = running.ops().get("/metrics").await.text();
        let failed =
            figures.lines().find_map(|line| line.strip_prefix("plimsoll_log_write_errors_total ")).unwrap_or_else(|| panic!("{figures}"));
        assert_ne!(failed, "0", "the operator can see it");
        let before = fs::metadata(&log).unwrap().len();

        fs::remove_file(ballast).unwrap();
        wait::until(BOUND, || async {
            add(&client, &format!("more {}", fs::metadata(&log).unwrap().len())).await;
            fs::metadata(&log).unwrap().len() > before
        })
        .await;
        assert_eq!(running.stop().await.code(), Some(0));
    });
}
