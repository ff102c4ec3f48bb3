//! Every way to misbehave under load, with figures. `tests/upstream/run` runs it longer and prints.
//!
//! `PLIMSOLL_TEST_FAULT_SECONDS` sets how long each lasts (2), `PLIMSOLL_TEST_AWAY_SECONDS` how
//! long the service is gone (2), `PLIMSOLL_TEST_FAULT_ROUNDS` how often all of it happens (1).

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll_testkit::{both, http::Client, wait};

use super::{Manner, Mounted};
use crate::{
    BOUND,
    service::{number, status_kib},
};

const CALLERS: usize = 16;
/// What the settings allow a request, and what a busy machine may add.
const LATEST: Duration = Duration::from_secs(1);
const SLACK: Duration = Duration::from_secs(3);

/// One answer: when it came, how long it took, what it was.
struct Answer {
    at: Instant,
    took: Duration,
    code: String,
}

/// Callers that ask one request after another.
struct Load {
    answers: Arc<Mutex<Vec<Answer>>>,
    stop: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(client: &Client) -> Load {
        let (answers, stop): (Arc<Mutex<Vec<Answer>>>, Arc<AtomicBool>) = Default::default();
        let callers = (0..CALLERS).map(|_| {
            let (client, answers, stop) = (client.clone(), answers.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let begun = Instant::now();
                    let code = match client.get("/read").attempt().await {
                        Ok(reply) if reply.code() == 200 => "200".to_owned(),
                        Ok(reply) if reply.header("content-type") == Some("application/problem+json") => reply.str("/code"),
                        Ok(reply) => reply.code().to_string(),
                        Err(_) => "broken off".to_owned(),
                    };
                    answers.lock().unwrap().push(Answer { at: Instant::now(), took: begun.elapsed(), code });
                    // Callers that are refused come back, not at once.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        });
        let callers = callers.collect();
        Load { answers, stop, callers }
    }
    async fn stop(self) -> Vec<Answer> {
        self.stop.store(true, Ordering::SeqCst);
        for caller in self.callers {
            caller.await.unwrap();
        }
        std::mem::take(&mut *self.answers.lock().unwrap())
    }
}

fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Connections to the service's port that are established, by the kernel's own count.
fn established(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let remote = format!(":{port:04X}");
    table.lines().filter(|line| line.split_whitespace().nth(2).is_some_and(|to| to.ends_with(&remote)) && line.contains(" 01 ")).count()
}

fn millis(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "-".to_owned(), |duration| format!("{:.0}", duration.as_secs_f64() * 1e3))
}

#[test]
fn whatever_the_service_does_callers_wait_for_a_bounded_time_and_nothing_is_left_behind() {
    both::run(async {
        let (lasts, away) = (number("PLIMSOLL_TEST_FAULT_SECONDS", 2), number("PLIMSOLL_TEST_AWAY_SECONDS", 2));
        let mounted = Mounted::with(&[
            ("SERVICE__ANSWER_TIMEOUT", "1s"),
            ("SERVICE__CONNECT_TIMEOUT", "500ms"),
            ("SERVICE__IDLE_TIMEOUT", "1s"),
            ("ATTEMPT_TIMEOUT", "400ms"),
            ("BACKOFF", "20ms"),
            ("OPEN_FOR", "500ms"),
            ("OPEN_MOST", "2s"),
            ("SLOW_CALL", "250ms"),
            ("BREAKER_WINDOW", "1s"),
        ])
        .await;
        let (client, bad, pid) = (mounted.client(), &mounted.bad, mounted.running.pid());
        let faults = [
            ("slow", Manner::Slow(300), lasts),
            ("silent", Manner::Silent, lasts),
            ("resetting", Manner::Reset, lasts),
            ("half an answer", Manner::Half, lasts),
            ("more than announced", Manner::Lie, lasts),
            ("no HTTP", Manner::Garbage, lasts),
            ("503 bursts", Manner::Status(503), lasts),
            ("gone", Manner::Away, away),
        ];
        let warm = Load::start(&client);
        tokio::time::sleep(Duration::from_secs(1)).await;
        warm.stop().await;
        let before = (descriptors(pid), status_kib(pid, "VmRSS"));
        println!(
            "| fault | answers | p50 ms | p99 ms | max ms | 200 | open after ms | sent while it lasted | closed after ms | connections |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|");
        for _ in 0..number("PLIMSOLL_TEST_FAULT_ROUNDS", 1) {
            for (name, manner, seconds) in faults {
                let load = Load::start(&client);
                tokio::time::sleep(Duration::from_millis(500)).await;
                let began = Instant::now();
                bad.behave(manner);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                let (sent, healed) = (bad.arrived(), Instant::now());
                bad.behave(Manner::Well);
                mounted.until_breaker_is("closed").await;
                let closed = healed.elapsed();
                wait::until(BOUND, || async { load.answers.lock().unwrap().last().is_some_and(|answer| answer.code == "200") }).await;
                let answers = load.stop().await;
                let mut during: Vec<&Answer> = answers.iter().filter(|answer| answer.at > began && answer.at <= healed).collect();
                let opened = during.iter().find(|answer| answer.code == "PLM-UPS-004").map(|answer| answer.at - began);
                during.sort_by_key(|answer| answer.took);
                let at = |share: f64| during.get(((during.len() as f64 - 1.0) * share) as usize).map(|answer| answer.took);
                let good = during.iter().filter(|answer| answer.code == "200").count();
                wait::until(BOUND, || async { mounted.view().await["active"] == 0 }).await;
                let open = (established(bad.address.port()), bad.connections());
                println!(
                    "| {name} | {} | {} | {} | {} | {good} | {} | {sent} | {} | {} |",
                    during.len(),
                    millis(at(0.5)),
                    millis(at(0.99)),
                    millis(at(1.0)),
                    millis(opened),
                    millis(opened.map(|_| closed)),
                    open.0,
                );
                let longest = answers.iter().map(|answer| answer.took).max().unwrap_or_default();
                assert!(longest < LATEST + SLACK, "{name}: somebody waited for {longest:?}");
                assert_eq!(opened.is_some(), manner != Manner::Lie, "{name}: the breaker opens for what fails, and for nothing else");
                assert!(open.0 <= CALLERS + 4, "{name}: {} connections are left", open.0);
            }
        }
        drop(client);
        let after = (descriptors(pid), status_kib(pid, "VmRSS"));
        println!("\ndescriptors {} before, {} after; memory {} KiB before, {} KiB after", before.0, after.0, before.1, after.1);
        assert!(after.0 <= before.0 + CALLERS, "descriptors: {before:?} and then {after:?}");
        assert!(after.1 < before.1 + 32 * 1024, "memory: {before:?} and then {after:?}");
    });
}
