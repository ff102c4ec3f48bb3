//! Killed while 32 writers write: what was acknowledged is there, once, and everything adds up.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use plimsoll_core::Seed;
use plimsoll_testkit::{Db, Scratch, both, both::Ground, http::Client, postgres::Server, process::Signal, wait};
use serde_json::json;

use crate::{
    BOUND,
    service::{Service, artists, binary, ledger_is_intact, number},
};

const WRITERS: u64 = 32;

/// What the writers of all rounds know.
#[derive(Default)]
struct Book {
    sent: Mutex<BTreeSet<String>>,
    acknowledged: Mutex<BTreeMap<String, i64>>,
    /// Acknowledgements of this round.
    round: AtomicU64,
    over: AtomicBool,
}

impl Book {
    /// Writes until the round is over; every name is used once.
    async fn write(self: Arc<Book>, client: Client, round: u64, writer: u64) {
        for n in 0.. {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let name = format!("{round}-{writer}-{n}");
            self.sent.lock().unwrap().insert(name.clone());
            match client.post("/v1/artists").json(json!({ "name": name })).attempt().await {
                Ok(reply) if reply.code() == 201 => {
                    assert_eq!(reply.str("/name"), name);
                    self.acknowledged.lock().unwrap().insert(name, reply.at("/id").as_i64().unwrap());
                    self.round.fetch_add(1, Ordering::SeqCst);
                }
                // Nothing listens any more, or the database went away: this one is not promised.
                Ok(reply) => assert_eq!(reply.code(), 503, "{reply}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Lets 32 writers write until so many acknowledgements have come, then calls `end`.
    async fn round(self: &Arc<Book>, clients: &[Client], round: u64, target: u64, end: impl AsyncFnOnce()) {
        self.round.store(0, Ordering::SeqCst);
        self.over.store(false, Ordering::SeqCst);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let client = clients[usize::try_from(writer).unwrap() % clients.len()].clone();
                tokio::spawn(self.clone().write(client, round, writer))
            })
            .collect();
        wait::until(BOUND, || async { self.round.load(Ordering::SeqCst) >= target }).await;
        end().await;
        self.over.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.unwrap();
        }
    }

    /// Fails unless the running process has what was acknowledged in all rounds; how much that
    /// is, and how much is there although nobody was told.
    async fn check(&self, client: &Client) -> (usize, usize) {
        let found = artists(client).await;
        let (acknowledged, sent) = (self.acknowledged.lock().unwrap(), self.sent.lock().unwrap());
        for (name, id) in acknowledged.iter() {
            assert_eq!(found.get(name), Some(id), "artist {name} was acknowledged with the id {id}");
        }
        assert_eq!(found.keys().find(|name| !sent.contains(*name)), None, "nobody sent this one");
        (acknowledged.len(), found.len() - acknowledged.len())
    }
}

/// The seed of this run, printed so that a failure can be repeated.
fn seed() -> Seed {
    let seed = number("PLIMSOLL_TEST_SEED", Seed::system().below(1 << 32));
    println!("PLIMSOLL_TEST_SEED={seed}");
    Seed::fixed(seed)
}

both! {
    async fn what_was_acknowledged_survives_kill_9(db: Db) {
        let (service, book, seed) = (Service::new(db).await, Arc::new(Book::default()), seed());
        let rounds = number("PLIMSOLL_TEST_KILL_ROUNDS", 5);
        let mut last = (0, 0);
        for round in 0..rounds {
            let running = service.plimsoll.start().await;
            let target = 1 + seed.below(200);
            book.round(&[service.client(&running)], round, target, async || { running.crash().await; }).await;

            let running = service.plimsoll.start().await;
            let client = service.client(&running);
            last = book.check(&client).await;
            ledger_is_intact(&client).await;
            running.crash().await;
        }
        let (acknowledged, unacknowledged) = last;
        println!("{db:?}: {rounds} kills, {acknowledged} acknowledged writes all there, {unacknowledged} kept without acknowledgement");
        assert!(acknowledged as u64 >= rounds);
    }

    async fn of_two_processes_on_one_database_one_is_killed(db: Db) {
        let (service, book, seed) = (Service::new(db).await, Arc::new(Book::default()), seed());
        let other = service.plimsoll.start().await;
        let mut last = (0, 0);
        for round in 0..number("PLIMSOLL_TEST_KILL_ROUNDS", 3) {
            let running = service.plimsoll.start().await;
            let clients = [service.client(&running), service.client(&other)];
            let target = 1 + seed.below(150);
            book.round(&clients, round, target, async || { running.crash().await; }).await;
            let client = service.client(&other);
            last = book.check(&client).await;
            ledger_is_intact(&client).await;
        }
        let (acknowledged, unacknowledged) = last;
        println!("{db:?}, two processes: {acknowledged} acknowledged writes all there, {unacknowledged} kept without acknowledgement");
        assert_eq!(other.stop().await.code(), Some(0), "{}", other.stderr());
    }
}

#[test]
fn a_first_start_that_was_killed_is_finished_by_the_next() {
    both::run(async {
        let seed = seed();
        for signal in [Signal::Kill, Signal::Term] {
            for _ in 0..10 {
                let plimsoll = binary();
                let running = plimsoll.spawn();
                // Anywhere between nothing and ready.
                tokio::time::sleep(Duration::from_millis(seed.below(150))).await;
                running.signal(signal);
                running.wait().await;
                plimsoll.start().await.stop().await;
            }
        }
    });
}

#[test]
fn processes_that_start_at_once_on_an_empty_folder_all_serve() {
    both::run(async {
        let plimsoll = binary();
        let (a, b, c) = tokio::join!(plimsoll.start(), plimsoll.start(), plimsoll.start());
        for running in [a, b, c] {
            running.client().get("/health/ready").await.expect(200);
            assert_eq!(running.stop().await.code(), Some(0), "{}", running.stderr());
        }
    });
}

/// Ends PostgreSQL as a crash would: no connection is told, nothing is written.
fn crash(server: &Server) {
    let pid = std::fs::read_to_string(server.directory().join("data/postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap();
    assert!(Command::new("kill").args(["-QUIT", pid]).status().unwrap().success());
    // Waits for the end.
    server.stop();
}

#[test]
fn what_was_acknowledged_survives_the_crash_of_postgresql() {
    both::run(async {
        let server = Server::dedicated();
        let ground = Ground { database: Some(server.database()), data: Scratch::new() };
        let service = Service::on(ground, binary()).await;
        let (book, seed) = (Arc::new(Book::default()), seed());
        let rounds = number("PLIMSOLL_TEST_KILL_ROUNDS", 3).min(10);
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        let mut last = (0, 0);
        for round in 0..rounds {
            let target = 1 + seed.below(100);
            book.round(&[service.client(&running)], round, target, async || crash(&server)).await;
            server.start();
            // Readiness may be up to a second old, from before the crash: asked is what is needed.
            wait::until(BOUND, || async { client.get("/v1/artists?page_size=1").attempt().await.is_ok_and(|reply| reply.code() == 200) })
                .await;
            last = book.check(&client).await;
            ledger_is_intact(&client).await;
        }
        let (acknowledged, unacknowledged) = last;
        println!(
            "{rounds} crashes of PostgreSQL, {acknowledged} acknowledged writes all there, {unacknowledged} kept without acknowledgement"
        );
        running.signal(Signal::Term);
        assert!(running.wait().await.success());
    });
}
