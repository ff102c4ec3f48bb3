//! A private Redis for tests: started on a free port, killed and frozen by the test, gone with it.

use std::{
    env,
    fs::File,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    Scratch, free_port, place,
    process::{Signal, child},
    wait,
};

/// How long a start may take on a machine that has much else to do.
const BOUND: Duration = Duration::from_secs(30);
/// Programs that will do, the preferred one first.
const NAMES: [&str; 2] = ["redis-server", "valkey-server"];

/// A server of one test.
pub struct Redis {
    port: u16,
    program: PathBuf,
    home: Scratch,
    process: Mutex<Option<child::End>>,
}

impl Redis {
    /// Starts one, after installing it if there is none and this is root on a system with apt.
    ///
    /// # Panics
    /// With one line that says what is missing and how to get it.
    pub fn start() -> Redis {
        let program = find().unwrap_or_else(|why| panic!("{why}"));
        let redis = Redis { port: free_port(), program, home: Scratch::new(), process: Mutex::default() };
        redis.again();
        redis
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Starts it again, empty, on the same port; returns when it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub fn again(&self) {
        let mut command = Command::new(&self.program);
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--appendonly", "no", "--dir"]);
        command.arg(self.home.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = command.spawn().unwrap_or_else(|e| panic!("cannot run {}: {e}", self.program.display()));
        *self.process() = Some(child::End::of(started));
        assert!(
            wait::blocking(BOUND, || self.ask("PING").is_some_and(|told| told.starts_with("+PONG")).then_some(())).is_some(),
            "Redis did not start within {BOUND:?}"
        );
    }

    /// Sends a signal; after `Kill` it is gone when this returns.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, signal: Signal) {
        let mut process = self.process();
        let end = process.as_mut().unwrap_or_else(|| panic!("Redis does not run"));
        match signal {
            Signal::Kill => {
                end.kill();
                *process = None;
            }
            other => child::send(other, end.pid()),
        }
    }

    /// One command, as a person would type it, and the first of the answer.
    pub fn ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    fn process(&self) -> MutexGuard<'_, Option<child::End>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn search() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    NAMES.iter().find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|file| file.is_file()))
}

/// The program, installed once however many test processes ask at the same time.
fn find() -> Result<PathBuf, String> {
    const MISSING: &str = "Redis is not installed";
    if let Some(found) = search() {
        return Ok(found);
    }
    let said = |command: &mut Command| {
        let output = command.stdin(Stdio::null()).output();
        output.ok().filter(|output| output.status.success()).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let root = said(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    if !root || said(Command::new("apt-get").arg("--version")).is_none() {
        return Err(format!("{MISSING}: install it (Debian: apt-get install redis-server; macOS: brew install redis)"));
    }
    let turn = File::create(place::shared().join("install.lock")).and_then(|file| file.lock().map(|()| file));
    let _turn = turn.map_err(|e| format!("{MISSING}, and the lock for installing it cannot be taken: {e}"))?;
    if search().is_none() {
        for words in [&["update", "-q"][..], &["install", "-y", "-q", "redis-server"][..]] {
            said(Command::new("apt-get").args(words).env("DEBIAN_FRONTEND", "noninteractive"))
                .ok_or_else(|| format!("{MISSING}, and `apt-get {}` failed", words.join(" ")))?;
        }
    }
    search().ok_or_else(|| "apt-get installed redis-server, but it is still not to be found".to_owned())
}
