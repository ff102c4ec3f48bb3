//! Running the real binary, the way an operator does.
//!
//! What it prints goes to files, so that it never waits for a test to read it; its working
//! directory is empty and it sees no `PLIMSOLL_` variable of the surroundings, so that only the
//! test decides how it is configured.

pub(crate) mod child;
mod output;
mod running;

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use child::End;
pub use child::Signal;
pub use output::{Output, Refusal};
use output::{created, show, written};
pub use running::Running;

use crate::{Scratch, both::Ground, place, port};

/// Names the executable to test instead of the one beside the tests.
const BINARY: &str = "PLIMSOLL_TEST_BINARY";
/// How long a start may take, migrations included, on a machine that has much else to do.
const BOUND: Duration = Duration::from_secs(60);
/// How often a start is repeated because somebody else took the port.
const PORTS: u32 = 5;
/// Time between two looks at a process.
const STEP: Duration = Duration::from_millis(10);

/// How to run the binary: its data, database, environment and arguments. One value can start
/// several processes one after another on the same data.
#[derive(Debug)]
pub struct Plimsoll {
    binary: PathBuf,
    data: PathBuf,
    database: Option<String>,
    variables: Vec<(OsString, OsString)>,
    verb: OsString,
    arguments: Vec<OsString>,
    bound: Duration,
    /// The working directory, and the data directory unless there is another.
    home: Scratch,
}

impl Default for Plimsoll {
    fn default() -> Plimsoll {
        Plimsoll::new()
    }
}

impl Plimsoll {
    /// The binary with an empty data directory of its own.
    ///
    /// # Panics
    /// When the binary has not been built.
    pub fn new() -> Plimsoll {
        Plimsoll::at(Plimsoll::binary())
    }

    /// Another executable that understands the same command line.
    pub fn at(binary: impl Into<PathBuf>) -> Plimsoll {
        let home = Scratch::new();
        Plimsoll {
            binary: binary.into(),
            data: home.join("data"),
            database: None,
            variables: Vec::new(),
            verb: "serve".into(),
            arguments: Vec::new(),
            bound: BOUND,
            home,
        }
    }

    /// Where the binary is: what `PLIMSOLL_TEST_BINARY` names, or `plimsoll` in the directory of
    /// the tests' own profile. Cargo builds it there with the whole workspace, not with the tests of
    /// another package alone.
    ///
    /// # Panics
    /// When there is no such file; the message says how to get it.
    pub fn binary() -> PathBuf {
        let path = place::setting(BINARY).map_or_else(|| place::profile().join("plimsoll"), PathBuf::from);
        assert!(
            path.is_file(),
            "{} is not there: build it with `cargo build -p plimsoll-cli`, or name another in {BINARY}",
            path.display()
        );
        path
    }

    /// Uses this data directory.
    #[must_use]
    pub fn data(mut self, dir: impl AsRef<Path>) -> Plimsoll {
        self.data = dir.as_ref().to_path_buf();
        self
    }

    /// Uses this PostgreSQL database.
    #[must_use]
    pub fn database(mut self, url: impl Into<String>) -> Plimsoll {
        self.database = Some(url.into());
        self
    }

    /// Uses the data directory and, if there is one, the database of a test that runs on both.
    #[must_use]
    pub fn on(self, ground: &Ground) -> Plimsoll {
        let plimsoll = self.data(&ground.data);
        match ground.url() {
            Some(url) => plimsoll.database(url),
            None => plimsoll,
        }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Plimsoll {
        self.variables.push((name.as_ref().to_os_string(), value.as_ref().to_os_string()));
        self
    }

    /// Starts with another verb than `serve`, which takes the same options for its listeners.
    #[must_use]
    pub fn verb(mut self, verb: impl AsRef<OsStr>) -> Plimsoll {
        self.verb = verb.as_ref().to_os_string();
        self
    }

    /// Adds arguments after the verb and the kit's own.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Plimsoll {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_os_string()));
        self
    }

    /// Waits this long for readiness, or for a command's end, instead of a minute.
    #[must_use]
    pub fn within(mut self, bound: Duration) -> Plimsoll {
        self.bound = bound;
        self
    }

    /// The working directory, for a `plimsoll.toml`.
    pub fn directory(&self) -> &Path {
        self.home.path()
    }

    /// Runs the verb on free ports and waits until `/health/ready` answers 200.
    ///
    /// # Panics
    /// When the process ends first or the bound passes; the message shows what it printed.
    pub async fn start(&self) -> Running {
        self.attempt().await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// [`Plimsoll::start`] for a start that may be refused.
    ///
    /// # Errors
    /// What the process printed and how it ended, when it is not ready within the bound.
    pub async fn attempt(&self) -> Result<Running, Refusal> {
        let mut tries = 1;
        loop {
            let running = self.spawn();
            let Err(why) = running.ready(self.bound).await else { return Ok(running) };
            let lost = running.ended().is_some() && [running.port, running.ops_port].into_iter().any(port::taken);
            if !lost || tries == PORTS {
                let output = running.output();
                return Err(Refusal { why, output });
            }
            tries += 1;
        }
    }

    /// Runs the verb on free ports without waiting for anything. A `worker` has no public one.
    ///
    /// # Panics
    /// When the executable does not start.
    pub fn spawn(&self) -> Running {
        let (port, ops_port) = (port::free_port(), port::free_port());
        let mut arguments: Vec<OsString> = vec![self.verb.clone()];
        let public = (self.verb != "worker").then_some(("--listen", port));
        for (flag, port) in public.into_iter().chain([("--ops-listen", ops_port)]) {
            arguments.extend([flag.into(), format!("127.0.0.1:{port}").into()]);
        }
        let papers = Scratch::new();
        let child = self.launch(&arguments, &self.arguments, &papers, Stdio::null());
        Running::new(End::of(child), port, ops_port, papers)
    }

    /// Runs another command (`["tenant", "create", "acme", "--json"]`) on the same data and waits
    /// for its end.
    ///
    /// # Panics
    /// When it does not end within the bound; it is killed then.
    pub async fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        self.run_with(arguments, "").await
    }

    /// [`Plimsoll::run`] with something to read on standard input (`--password-stdin`).
    ///
    /// # Panics
    /// As [`Plimsoll::run`].
    pub async fn run_with<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>, input: &str) -> Output {
        let arguments: Vec<OsString> = arguments.into_iter().map(|argument| argument.as_ref().to_os_string()).collect();
        let papers = Scratch::new();
        let input = written(&papers, "stdin", input);
        let child = self.launch(&arguments, &[], &papers, input.into());
        let mut end = End::of(child);
        let started = Instant::now();
        loop {
            if let Some(status) = end.look() {
                return Output::of(Some(status), &papers);
            }
            if started.elapsed() > self.bound {
                end.kill();
                panic!("{arguments:?} did not end within {:?}: {}", self.bound, show(&papers));
            }
            tokio::time::sleep(STEP).await;
        }
    }

    fn launch(&self, arguments: &[OsString], more: &[OsString], papers: &Scratch, input: Stdio) -> Child {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--data").arg(&self.data);
        if let Some(url) = &self.database {
            command.args(["--database-url", url]);
        }
        command.args(more).current_dir(self.home.path());
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PLIMSOLL_") {
                command.env_remove(name);
            }
        }
        command.env("NO_COLOR", "1").envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(input).stdout(created(papers, "stdout")).stderr(created(papers, "stderr"));
        command.spawn().unwrap_or_else(|e| panic!("cannot start {}: {e}", self.binary.display()))
    }
}
