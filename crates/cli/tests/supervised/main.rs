//! `plimsoll run` with a real program behind it: started, watched, started again, and ended with
//! everything it started, however Plimsoll itself ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod beginning;
mod end;
mod life;

use std::{ffi::OsStr, fs, ops::Deref, process::Command, time::Duration};

use plimsoll_testkit::{
    Scratch,
    process::{Plimsoll, Running},
    wait,
};
use serde_json::Value;

/// Long enough for a busy machine; nothing here takes it when all is well.
const BOUND: Duration = Duration::from_secs(60);

/// The program that is supervised here.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/supervised/service.py");

/// A program behind `plimsoll run`, and the folder in which it looks for what it is to do.
struct Behind {
    plimsoll: Plimsoll,
    place: Scratch,
}

/// The script in this mode; anybody may ask it.
fn behind(mode: &[&str]) -> Behind {
    let place = Scratch::new();
    let command = ["--", "python3", SCRIPT].into_iter().chain(mode.iter().copied());
    let plimsoll = binary().env("PLACE", place.path()).env("PLIMSOLL_ROUTES__DEFAULT", "public: a test").args(command);
    Behind { plimsoll, place }
}

fn binary() -> Plimsoll {
    Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).verb("run")
}

impl Behind {
    /// Sets a key of the section `[service]`.
    fn service(mut self, key: &str, value: &str) -> Behind {
        self.plimsoll = self.plimsoll.env(format!("PLIMSOLL_SERVICE__{key}"), value);
        self
    }
    /// Sets another variable of Plimsoll's.
    fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Behind {
        self.plimsoll = self.plimsoll.env(name, value);
        self
    }
    /// Starts and waits until the program is ready.
    async fn start(self) -> Up {
        Up { running: self.plimsoll.start().await, behind: self }
    }
    /// Starts and waits for nothing.
    fn spawn(self) -> Up {
        Up { running: self.plimsoll.spawn(), behind: self }
    }
}

/// A running Plimsoll together with its data and the program's folder, which go with it.
struct Up {
    running: Running,
    behind: Behind,
}

impl Up {
    /// Writes a file that the program looks for.
    fn place(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.behind.place.join(name), bytes).unwrap();
    }
}

impl Deref for Up {
    type Target = Running;
    fn deref(&self) -> &Running {
        &self.running
    }
}

/// What the program answers, once it does.
async fn ask(running: &Running, path: &str) -> Value {
    running.client().get(path).await.expect(200).json()
}

/// The process that answers, as soon as one does.
async fn answering(running: &Running) -> i64 {
    wait::some(BOUND, || async {
        let reply = running.client().get("/").attempt().await.ok()?;
        if reply.code() == 200 { reply.json()["pid"].as_i64() } else { None }
    })
    .await
}

/// Whether a process is there and not only waited for.
fn lives(pid: i64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// The parent of a process: of the service, its shepherd.
fn parent(pid: i64) -> i64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn gone(pids: impl IntoIterator<Item = i64>) {
    for pid in pids {
        wait::until(BOUND, || async { !lives(pid) }).await;
    }
}

/// Sends a signal to processes, to all at once.
fn kill(signal: &str, pids: &[i64]) {
    let status = Command::new("kill").arg(signal).args(pids.iter().map(i64::to_string)).status().unwrap();
    assert!(status.success(), "kill {signal} {pids:?}");
}

/// The service with children of all kinds: one of its own, one in a session of its own, and one
/// whose parent has ended.
async fn family(running: &Running) -> Vec<i64> {
    let told = ask(running, "/family").await;
    let mut all: Vec<i64> = told["family"].as_array().unwrap().iter().map(|pid| pid.as_i64().unwrap()).collect();
    all.push(told["pid"].as_i64().unwrap());
    assert!(all.iter().all(|pid| lives(*pid)), "{all:?}");
    all
}

/// Lines of our log, as JSON.
fn log(running: &Running) -> Vec<Value> {
    running.stderr().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Waits for a line of the service in our log.
async fn logged(running: &Running, message: &str) -> Value {
    wait::some(BOUND, || async { log(running).into_iter().find(|line| line["message"] == message) }).await
}
