//! Jobs while there is no room left, and while the database is away: what was accepted is done,
//! once; what was refused is not.

use std::{collections::BTreeSet, fs, path::PathBuf};

use plimsoll_testkit::{
    Db, Scratch, both,
    both::Ground,
    http::{Client, Reply},
    postgres::Server,
    process::{Plimsoll, Running},
    wait,
};
use serde_json::json;

use crate::{
    BOUND,
    disk::Disk,
    outage::refused_for_now,
    service::{Service, add, artists, binary, ledger_is_intact, walk},
    storage::full,
};

/// How many milliseconds a job takes that must not end before the database is away.
const TAKES: u32 = 3000;

/// The binary with jobs that make artists, and with leases that run out soon.
fn with_jobs() -> Plimsoll {
    binary().args(["--rehearsal"]).env("PLIMSOLL_WORK__LEASE", "2s").env("PLIMSOLL_WORK__SLOTS", "16")
}

/// Enqueues one job for each name in one transaction; each takes `ms` before it makes its artist.
async fn enqueue(client: &Client, names: &[String], ms: u32) -> Reply {
    let jobs: Vec<_> = names.iter().map(|name| json!({ "name": name, "ms": ms })).collect();
    client.post("/v1/rehearsal/jobs").json(json!({ "jobs": jobs })).await
}

fn names(of: &str, number: std::ops::Range<usize>) -> Vec<String> {
    number.map(|number| format!("{of} {number}")).collect()
}

/// Waits until every one of these jobs has made its artist. The walk fails where one made two.
async fn done(client: &Client, accepted: &BTreeSet<String>) {
    wait::until(BOUND, || async {
        let found = walk(client).await;
        accepted.iter().all(|name| found.contains_key(name))
    })
    .await;
}

/// After everything is done: exactly what was accepted, besides what `others` made.
async fn only(client: &Client, accepted: &BTreeSet<String>, others: &[&str]) {
    let mut found: BTreeSet<String> = artists(client).await.into_keys().collect();
    for name in others {
        assert!(found.remove(*name), "{name} is missing");
    }
    assert_eq!(&found, accepted);
    ledger_is_intact(client).await;
}

/// Enqueues five at a time until the database is full; the names that were accepted.
async fn enqueue_until_full(client: &Client) -> BTreeSet<String> {
    let mut accepted = BTreeSet::new();
    for batch in 0..4000 {
        let five = names("job", batch * 5..batch * 5 + 5);
        let reply = enqueue(client, &five, 0).await;
        if reply.code() != 200 {
            full(&reply);
            return accepted;
        }
        accepted.extend(five);
    }
    panic!("20,000 jobs found room");
}

#[test]
fn a_full_disk_refuses_jobs_and_does_those_it_has_when_there_is_room() {
    both::run(async {
        let ground = Db::Sqlite.ground();
        let Some(disk) = Disk::over(ground.data.path(), "8m") else { return };
        let service = Service::on(ground, with_jobs()).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);

        let ballast = disk.fill(512 << 10);
        let accepted = enqueue_until_full(&client).await;
        assert!(!accepted.is_empty());
        full(&enqueue(&client, &names("refused", 0..40), 0).await);
        running.client().get("/health/live").await.expect(200);

        fs::remove_file(ballast).unwrap();
        done(&client, &accepted).await;
        add(&client, "after").await.expect(201);
        only(&client, &accepted, &["after"]).await;
        running.crash().await;

        let running = service.plimsoll.start().await;
        only(&service.client(&running), &accepted, &["after"]).await;
        running.stop().await;
    });
}

#[test]
fn jobs_that_found_room_are_done_by_a_process_that_has_more() {
    both::run(async {
        let mut service = Service::on(Db::Sqlite.ground(), with_jobs()).await;
        service.plimsoll = service.plimsoll.env("PLIMSOLL_DATABASE__PAGE_LIMIT", "200").env("PLIMSOLL_WORK__SLOTS", "0");
        let running = service.plimsoll.start().await;
        let accepted = enqueue_until_full(&service.client(&running)).await;
        assert!(!accepted.is_empty());
        assert!(artists(&service.client(&running)).await.is_empty(), "nobody runs jobs here");
        assert_eq!(running.stop().await.code(), Some(0));

        service.plimsoll = service.plimsoll.env("PLIMSOLL_DATABASE__PAGE_LIMIT", "100000").env("PLIMSOLL_WORK__SLOTS", "16");
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        done(&client, &accepted).await;
        only(&client, &accepted, &[]).await;
        running.stop().await;
    });
}

/// A database that can be taken away from a running service and brought back.
enum Removable {
    Server(Box<Server>),
    File(PathBuf),
}

impl Removable {
    fn of(db: Db) -> (Removable, Ground) {
        match db {
            Db::Sqlite => {
                let ground = db.ground();
                (Removable::File(ground.data.path().join("plimsoll.db")), ground)
            }
            Db::Postgres => {
                let server = Server::dedicated();
                let ground = Ground { database: Some(server.database()), data: Scratch::new() };
                (Removable::Server(Box::new(server)), ground)
            }
        }
    }

    fn away(&self) {
        match self {
            Removable::Server(server) => server.stop(),
            Removable::File(file) => fs::rename(file, file.with_extension("away")).unwrap(),
        }
    }

    fn back(&self) {
        match self {
            Removable::Server(server) => server.start(),
            Removable::File(file) => fs::rename(file.with_extension("away"), file).unwrap(),
        }
    }
}

/// Waits until each of these jobs has been spoken of in the log: nothing is, as long as all goes well.
async fn mentioned(running: &Running, jobs: &[String]) {
    wait::until(BOUND, || async {
        let log = running.stdout() + &running.stderr();
        jobs.iter().all(|id| log.contains(id))
    })
    .await;
}

fn ids(reply: &Reply) -> Vec<String> {
    reply.at("/jobs").as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

both! {
    async fn jobs_outlive_a_database_that_goes_away_under_them(db: Db) {
        let (database, ground) = Removable::of(db);
        let service = Service::on(ground, with_jobs()).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        let under_way = names("under way", 0..4);
        let jobs: Vec<_> = under_way.iter().enumerate().map(|(n, name)| json!({ "name": name, "ms": if n == 0 { 0 } else { TAKES } })).collect();
        let reply = client.post("/v1/rehearsal/jobs").json(json!({ "jobs": jobs })).await.expect(200);
        let mut accepted: BTreeSet<String> = under_way.into_iter().collect();
        // There is a place for each, so all have begun when the first one is done.
        wait::until(BOUND, || async { !walk(&client).await.is_empty() }).await;

        database.away();
        refused_for_now(&enqueue(&client, &names("refused", 0..3), 0).await);
        // Their changes come to nothing: the database is away for longer than they take.
        mentioned(&running, &ids(&reply)[1..]).await;
        // Readiness may be up to a second old: what is waited for below must not be from before.
        wait::until(BOUND, || async { running.client().get("/health/ready").await.code() == 503 }).await;
        database.back();

        running.ready(BOUND).await.unwrap();
        let after = names("after", 0..3);
        enqueue(&client, &after, 0).await.expect(200);
        accepted.extend(after);
        done(&client, &accepted).await;
        only(&client, &accepted, &[]).await;
        assert_eq!(running.stop().await.code(), Some(0), "{}", running.stderr());
    }
}
