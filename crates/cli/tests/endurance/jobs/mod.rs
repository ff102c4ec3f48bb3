//! Jobs while workers, the server and the database are killed at random: every job that was
//! accepted ends as its policy says, and its effect is there once or not at all.

mod ends;
mod look;

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll_core::{Clock, Seed};
use plimsoll_testkit::{
    Db, Scratch, both,
    both::Ground,
    http::Client,
    postgres::Server,
    process::{Plimsoll, Running},
    wait,
};
use serde_json::json;

use self::look::{Eye, Kept};
use crate::{
    BOUND,
    service::{binary, generous, key, ledger_is_intact, number},
};

const WORKERS: usize = 4;
/// How long a process may be silent before its jobs are given to others.
const LEASE: Duration = Duration::from_secs(2);
/// How much later than its end a lease may be found, on a busy machine: one claim.
const ONE_CLAIM: Duration = Duration::from_secs(2);
/// After the whole house was down nobody could claim for a while.
const RECOVERY: Duration = Duration::from_secs(8);
/// Attempts of the kind `rehearsal.effect`.
const ATTEMPTS: i64 = 3;
/// A job that fails so often never succeeds.
const ALWAYS: i64 = 1000;

/// Four workers, a server, and what they run on.
struct House {
    plimsoll: Plimsoll,
    worker: Plimsoll,
    key: String,
    eye: Eye,
    database: Option<Server>,
    _ground: Ground,
}

impl House {
    async fn new(db: Db) -> House {
        House::with(db, &[]).await
    }

    /// The same with other settings, for the server and for workers.
    async fn with(db: Db, settings: &[(&str, &str)]) -> House {
        let (database, ground) = match db {
            Db::Sqlite => (None, db.ground()),
            Db::Postgres => {
                let server = Server::dedicated();
                let ground = Ground { database: Some(server.database()), data: Scratch::new() };
                (Some(server), ground)
            }
        };
        let with = |plimsoll: Plimsoll| {
            let plimsoll = generous(plimsoll.on(&ground)).env("PLIMSOLL_WORK__LEASE", format!("{}s", LEASE.as_secs()));
            settings.iter().fold(plimsoll, |plimsoll, (name, value)| plimsoll.env(name, value)).args(["--rehearsal"])
        };
        let plimsoll = with(binary());
        generous(binary().on(&ground)).run(["migrate", "up"]).await.expect(0);
        let key = key(&generous(binary().on(&ground))).await;
        let worker = with(binary()).verb("worker").args(["--slots", "3"]);
        House { eye: Eye::new(&ground, plimsoll.directory()), plimsoll, worker, key, database, _ground: ground }
    }
}

/// What those who asked for jobs were told.
#[derive(Default)]
struct Book {
    /// Ids of accepted jobs, with their names.
    accepted: Mutex<BTreeMap<String, String>>,
    /// How often a job of this name fails before it succeeds.
    fails: Mutex<BTreeMap<String, i64>>,
    over: AtomicBool,
    /// The longest that a lease was found after its end, in microseconds.
    overdue: AtomicI64,
}

impl Book {
    fn accepted(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    /// Asks for jobs until all is over; every name is used once.
    async fn ask(self: Arc<Book>, at: Arc<Mutex<Client>>, seed: Seed, caller: usize) {
        for n in 0.. {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let jobs: Vec<_> = (0..=seed.below(4))
                .map(|part| {
                    let name = format!("{caller}-{n}-{part}");
                    let fails = [0, 0, 0, 0, 0, 0, 1, 1, 2, ALWAYS][usize::try_from(seed.below(10)).unwrap()];
                    let ms = if seed.below(20) == 0 { 300 + seed.below(1200) } else { seed.below(30) };
                    self.fails.lock().unwrap().insert(name.clone(), fails);
                    json!({ "name": name, "fails": fails, "ms": ms })
                })
                .collect();
            let client = at.lock().unwrap().clone();
            match client.post("/v1/rehearsal/jobs").json(json!({ "jobs": jobs })).within(Duration::from_secs(20)).attempt().await {
                Ok(reply) if reply.code() == 201 || reply.code() == 200 => {
                    let made = reply.at("/jobs");
                    let mut accepted = self.accepted.lock().unwrap();
                    for (id, job) in made.as_array().unwrap().iter().zip(&jobs) {
                        accepted.insert(id.as_str().unwrap().to_owned(), job["name"].as_str().unwrap().to_owned());
                    }
                }
                // Not there, or not now: these were not promised.
                Ok(reply) => assert!(matches!(reply.code(), 502..=504), "{reply}"),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }
}

/// Ends PostgreSQL with SIGKILL to its first process, and waits until nothing of it is left.
async fn kill(server: &Server) {
    let data = server.directory().join("data");
    let pid = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    assert!(Command::new("kill").args(["-9", pid.lines().next().unwrap()]).status().unwrap().success());
    // Its children notice by themselves; a new one cannot start before the last of them has gone.
    let data = std::fs::canonicalize(data).unwrap();
    wait::until(BOUND, || {
        let works_there = |entry: std::fs::DirEntry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == data);
        let left = std::fs::read_dir("/proc").unwrap().flatten().any(works_there);
        async move { !left }
    })
    .await;
    server.stop();
}

both! {
    async fn accepted_jobs_end_as_their_policy_says_whatever_is_killed(db: Db) {
        let number_of_seed = number("PLIMSOLL_TEST_SEED", Seed::system().below(1 << 32));
        println!("PLIMSOLL_TEST_SEED={number_of_seed}");
        let seed = Seed::fixed(number_of_seed);
        let rounds = number("PLIMSOLL_TEST_JOB_ROUNDS", 8);
        let house = House::with(db, &[("PLIMSOLL_WORK__SLOTS", "1")]).await;
        let mut server = house.plimsoll.start().await;
        let mut workers: Vec<Running> = (0..WORKERS).map(|_| house.worker.spawn()).collect();
        let client = |running: &Running| running.client().with_bearer(&house.key);
        let at = Arc::new(Mutex::new(client(&server)));
        let book = Arc::new(Book::default());
        let callers: Vec<_> =
            (0..2).map(|caller| tokio::spawn(book.clone().ask(at.clone(), Seed::fixed(number_of_seed ^ (caller as u64 + 1)), caller))).collect();
        let calm = Arc::new(Mutex::new(Instant::now() + RECOVERY));
        let watching = tokio::spawn(watch(book.clone(), house.eye.clone(), calm.clone()));

        let mut kills = (0, 0, 0);
        for round in 0..rounds {
            let (before, target) = (book.accepted(), 3 + usize::try_from(seed.below(20)).unwrap());
            wait::until(BOUND, || async { book.accepted() >= before + target }).await;
            tokio::time::sleep(Duration::from_micros(seed.below(20_000))).await;
            let database = house.database.as_ref().filter(|_| seed.below(6) == 0);
            if let Some(database) = database {
                *calm.lock().unwrap() = Instant::now() + BOUND;
                kill(database).await;
                database.start();
                kills.2 += 1;
            }
            if database.is_none() && seed.below(4) == 0 {
                server.crash().await;
                server = house.plimsoll.start().await;
                *at.lock().unwrap() = client(&server);
                kills.1 += 1;
            }
            // Mostly one worker, now and then all of them at once.
            let dying = [0, 1, 1, 1, 2, WORKERS][usize::try_from(seed.below(6)).unwrap()];
            for _ in 0..dying {
                let which = usize::try_from(seed.below(WORKERS as u64)).unwrap();
                // One that was starting while the database was away has ended by itself, as it should.
                if workers[which].ended().is_none() {
                    workers[which].crash().await;
                }
                workers[which] = house.worker.spawn();
                kills.0 += 1;
            }
            if database.is_some() || dying == WORKERS {
                *calm.lock().unwrap() = Instant::now() + RECOVERY;
            }
            if round % 25 == 24 {
                println!("{db:?}: {} rounds, {} jobs accepted, killed: {kills:?}", round + 1, book.accepted());
            }
        }
        for worker in workers.iter_mut().filter(|worker| worker.ended().is_some()) {
            *worker = house.worker.spawn();
        }
        book.over.store(true, Ordering::SeqCst);
        for caller in callers {
            caller.await.unwrap();
        }
        let eye = house.eye.clone();
        wait::until(BOUND, || {
            let eye = eye.clone();
            async move { tokio::task::spawn_blocking(move || eye.open()).await.unwrap() == Some(0) }
        })
        .await;
        watching.abort();
        let kept = house.eye.kept();
        let tally = judge(&book, &kept);
        ledger_is_intact(&client(&server)).await;
        let overdue = Duration::from_micros(u64::try_from(book.overdue.load(Ordering::SeqCst)).unwrap());
        println!("{db:?}: {rounds} rounds, killed {} workers, {} servers, {} databases; {tally}; longest overdue lease {overdue:?}",
            kills.0, kills.1, kills.2);
        assert!(overdue < ONE_CLAIM, "a lease was found {overdue:?} after its end");
        for worker in workers.iter().filter(|worker| worker.ended().is_none()) {
            assert_eq!(worker.stop().await.code(), Some(0), "{}", worker.stderr());
        }
        assert_eq!(server.stop().await.code(), Some(0), "{}", server.stderr());
    }
}

/// Looks for leases that nobody takes back, while somebody is there to do it.
async fn watch(book: Arc<Book>, eye: Eye, calm: Arc<Mutex<Instant>>) {
    let clock = Clock::system();
    loop {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let (eye, clock) = (eye.clone(), clock.clone());
        let found = tokio::task::spawn_blocking(move || eye.overdue(clock.now())).await.unwrap();
        if Instant::now() > *calm.lock().unwrap() {
            book.overdue.fetch_max(found.unwrap_or(0), Ordering::SeqCst);
        }
    }
}

/// Holds what is in the database against what was promised; what was found, in words.
fn judge(book: &Book, kept: &Kept) -> String {
    let (accepted, fails) = (book.accepted.lock().unwrap(), book.fails.lock().unwrap());
    for (id, name) in accepted.iter() {
        let job = kept.jobs.get(id).unwrap_or_else(|| panic!("the accepted job {id} ({name}) has vanished"));
        assert_eq!(&job.name, name, "{id}");
    }
    let (mut done, mut dead, mut lost) = (0, 0, 0);
    for (id, job) in &kept.jobs {
        let fails = *fails.get(&job.name).unwrap_or_else(|| panic!("nobody asked for {}", job.name));
        let failures = kept.failures.get(id).cloned().unwrap_or_default();
        let effects = kept.artists.get(&job.name).copied().unwrap_or(0);
        let told = || format!("{id} ({}), made to fail {fails} times, {} at attempt {}: {failures:?}", job.name, job.state, job.attempt);
        // What failed because the database was away does not count as an attempt.
        let setback = |code: &str| matches!(code, "PLM-DAT-001" | "PLM-DAT-003");
        let attempts: Vec<i64> = failures.iter().filter(|(_, code)| !setback(code)).map(|(attempt, _)| *attempt).collect();
        for (attempt, code) in &failures {
            // What was told to fail fails by itself, unless it was lost; the rest fails only because of us.
            let ours = code == "PLM-JOB-001" || setback(code);
            assert!(ours || (code == "PLM-INT-001" && *attempt <= fails), "an attempt failed that should not: {}", told());
            lost += usize::from(ours);
        }
        match job.state.as_str() {
            "done" => {
                assert_eq!(effects, 1, "{}", told());
                assert!(job.attempt > fails && attempts == (1..job.attempt).collect::<Vec<_>>(), "{}", told());
                done += 1;
            }
            "dead" => {
                assert_eq!(effects, 0, "{}", told());
                assert!(job.attempt == ATTEMPTS && attempts == (1..=ATTEMPTS).collect::<Vec<_>>(), "{}", told());
                dead += 1;
            }
            _ => panic!("not at its end: {}", told()),
        }
    }
    let names: std::collections::BTreeSet<&String> = kept.jobs.values().map(|job| &job.name).collect();
    assert_eq!(kept.artists.keys().find(|name| !names.contains(name)), None, "an effect without a job");
    let unasked = kept.jobs.len() - accepted.len();
    format!(
        "{} jobs accepted (and {unasked} kept without an answer), {done} done, {dead} dead, {lost} attempts lost with a process",
        accepted.len()
    )
}
