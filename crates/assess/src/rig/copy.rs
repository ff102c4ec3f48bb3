//! Private instances of the service under test.
//!
//! A copy is the same binary with the same configuration on empty data of its own, on ports of
//! its own. It may be stopped, killed and deprived of its database; nobody else notices.

use std::{
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::{
    House, Operator, Site, Trouble, ask, get, plain,
    relay::{Relay, rerouted},
    scratch::Scratch,
};

/// How long a start may take on a machine that has much else to do.
const START: Duration = Duration::from_secs(30);
/// How long an instance may take to end once it was told to.
const STOP: Duration = Duration::from_secs(20);
/// Time between two looks.
const STEP: Duration = Duration::from_millis(10);

/// What starts private instances.
pub struct Stage {
    /// The binary under test.
    pub binary: PathBuf,
    /// The configuration file that is proven, if there is one.
    pub config: Option<PathBuf>,
    /// Variables of the environment that are part of the configuration.
    pub variables: Vec<(String, String)>,
    /// Settings of every instance, such as `("server.body_timeout", "1s")`.
    pub settings: Vec<(String, String)>,
    /// Databases and operators.
    pub house: Arc<dyn House>,
    databases: Mutex<Vec<String>>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` where a signal ended it or it had to be killed.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A signal to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Asks it to finish and end.
    Term,
    /// Ends it at once, as a crash would.
    Kill,
}

impl Stage {
    /// A stage without further settings.
    pub fn new(binary: PathBuf, config: Option<PathBuf>, house: Arc<dyn House>) -> Stage {
        Stage { binary, config, variables: Vec::new(), settings: Vec::new(), house, databases: Mutex::default() }
    }

    /// Starts an instance on empty data and waits until it serves.
    ///
    /// # Errors
    /// When it does not start; what it said is in the message.
    pub async fn start(&self, settings: &[(&str, &str)]) -> Result<Copy, Trouble> {
        let home = Scratch::new()?;
        let own = self.house.database().await.map_err(Trouble::new)?;
        if let Some(url) = &own {
            self.databases.lock().unwrap_or_else(PoisonError::into_inner).push(url.clone());
        }
        let (relay, database) = match &own {
            Some(url) => match rerouted(url, 0) {
                Some((target, _)) => {
                    let relay = Relay::to(target).await?;
                    let through = rerouted(url, relay.port).map(|(_, through)| through);
                    (Some(relay), through)
                }
                None => (None, Some(url.clone())),
            },
            None => (None, None),
        };
        let recipe = self.recipe(settings, &home, database.as_deref());
        let mut copy = Copy {
            recipe,
            home: Arc::new(home),
            own,
            relay: relay.map(Arc::new),
            house: self.house.clone(),
            child: None,
            site: Site { base: String::new(), operations: None },
            logged: PathBuf::new(),
        };
        copy.spawn().await?;
        Ok(copy)
    }

    /// Starts an instance that must refuse these settings before it looks at any data, without a
    /// database of its own; what it said, or `None` when it serves instead.
    ///
    /// # Errors
    /// When the binary cannot be run, or does neither in time.
    pub async fn refusal(&self, settings: &[(&str, &str)]) -> Result<Option<Ended>, Trouble> {
        let home = Scratch::new()?;
        let log = home.path().join("log");
        let file = File::create(&log).map_err(|error| Trouble::new(format!("the log cannot be written: {error}")))?;
        let mut command =
            self.recipe(settings, &home, None).command(&["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"], home.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let mut child = command.spawn().map_err(|error| Trouble::new(format!("the binary cannot be run: {error}")))?;
        let read = || std::fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let end = Instant::now() + START;
        while Instant::now() < end {
            if let Some(status) = child.try_wait().map_err(|error| Trouble::new(error.to_string()))? {
                return Ok(Some(Ended { code: status.code(), stdout: String::new(), stderr: read() }));
            }
            if announced(&read()).is_some() {
                let _ = child.kill().await;
                return Ok(None);
            }
            sleep(STEP).await;
        }
        Err(Trouble::new("an instance neither refused its settings nor began to listen in time"))
    }

    /// Starts an instance that should refuse these settings, and waits for its end; `None` when it
    /// serves instead.
    ///
    /// # Errors
    /// When the binary cannot be run.
    pub async fn refused(&self, settings: &[(&str, &str)]) -> Result<Option<Ended>, Trouble> {
        match self.start(settings).await {
            Ok(_) => Ok(None),
            Err(trouble) => match trouble.0.strip_prefix(ENDED) {
                Some(rest) => {
                    let (code, stderr) = rest.split_once('\n').unwrap_or((rest, ""));
                    Ok(Some(Ended { code: code.trim().parse().ok(), stdout: String::new(), stderr: stderr.to_owned() }))
                }
                None => Err(trouble),
            },
        }
    }

    /// Removes the databases of all instances. Call it when they have ended.
    pub async fn close(&self) {
        let urls = std::mem::take(&mut *self.databases.lock().unwrap_or_else(PoisonError::into_inner));
        for url in urls {
            self.house.discard(&url).await;
        }
    }

    fn recipe(&self, settings: &[(&str, &str)], home: &Scratch, database: Option<&str>) -> Recipe {
        let mut arguments: Vec<OsString> = vec!["--data".into(), home.path().join("data").into()];
        if let Some(config) = &self.config {
            arguments.extend(["--config".into(), config.into()]);
        }
        if let Some(url) = database {
            arguments.extend(["--database-url".into(), url.into()]);
        }
        let mut variables = self.variables.clone();
        let more = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        set(&mut variables, self.settings.iter().cloned().chain(more));
        Recipe { binary: self.binary.clone(), arguments, variables, shared: database.is_some() }
    }
}

/// Settings as variables of the environment; the last word about a key counts.
fn set(variables: &mut Vec<(String, String)>, settings: impl Iterator<Item = (String, String)>) {
    for (key, value) in settings {
        let name = format!("PLIMSOLL_{}", key.to_uppercase().replace('.', "__"));
        variables.retain(|(known, _)| *known != name);
        variables.push((name, value));
    }
}

/// How an instance, and a command on its data, is run.
#[derive(Clone)]
struct Recipe {
    binary: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(String, String)>,
    shared: bool,
}

impl Recipe {
    fn command(&self, verb: &[&str], home: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(verb).args(&self.arguments).current_dir(home).kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PLIMSOLL_") {
                command.env_remove(name);
            }
        }
        command.env("NO_COLOR", "1").envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Begins the message of a start that ended by itself; the exit code follows.
const ENDED: &str = "the instance ended with ";

/// A private instance. It is killed and its data removed when this is dropped.
pub struct Copy {
    // Dropped in this order: the process before what it stands on.
    child: Option<Child>,
    relay: Option<Arc<Relay>>,
    home: Arc<Scratch>,
    recipe: Recipe,
    own: Option<String>,
    house: Arc<dyn House>,
    site: Site,
    logged: PathBuf,
}

impl Copy {
    /// Where it listens.
    pub fn site(&self) -> &Site {
        &self.site
    }
    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }
    /// The file it logs to.
    pub fn log_file(&self) -> PathBuf {
        self.logged.clone()
    }
    /// What it logged since its last start.
    pub fn log(&self) -> String {
        std::fs::read(self.log_file()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
    /// The log's lines that are JSON objects.
    pub fn log_lines(&self) -> Vec<serde_json::Value> {
        self.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Who makes tenants in it.
    ///
    /// # Errors
    /// When its data cannot be opened.
    pub async fn operator(&self) -> Result<Arc<dyn Operator>, Trouble> {
        self.house.operator(&self.data(), self.own.as_deref()).await.map_err(Trouble::new)
    }

    /// Runs another command of the binary on its data and configuration.
    ///
    /// # Errors
    /// When it cannot be run or does not end.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Result<Ended, Trouble> {
        let mut command = self.recipe.command(arguments, self.home.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| Trouble::new(format!("the binary cannot be run: {error}")))?;
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = timeout(START, child.wait_with_output()).await.map_err(|_| Trouble::new("a command did not end in time"))?;
        let output = output.map_err(|error| Trouble::new(error.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it is not running or the signal cannot be sent.
    pub async fn signal(&mut self, signal: Signal) -> Result<(), Trouble> {
        let child = self.child.as_mut().ok_or_else(|| Trouble::new("the instance is not running"))?;
        match signal {
            Signal::Kill => child.start_kill().map_err(|error| Trouble::new(error.to_string())),
            Signal::Term => {
                let id = child.id().ok_or_else(|| Trouble::new("the instance has ended"))?.to_string();
                let sent = Command::new("kill").args(["-TERM", &id]).status().await;
                match sent {
                    Ok(status) if status.success() => Ok(()),
                    _ => Err(Trouble::new("the signal could not be sent")),
                }
            }
        }
    }

    /// Waits for its end; the exit code, `None` where a signal ended it.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn end(&mut self) -> Result<Option<i32>, Trouble> {
        let Some(mut child) = self.child.take() else { return Err(Trouble::new("the instance is not running")) };
        match timeout(STOP, child.wait()).await {
            Ok(Ok(status)) => Ok(status.code()),
            Ok(Err(error)) => Err(Trouble::new(error.to_string())),
            Err(_) => Err(Trouble::new(format!("the instance did not end within {} seconds", STOP.as_secs()))),
        }
    }

    /// Starts it again on the same data after it ended, on other ports.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn again(&mut self) -> Result<(), Trouble> {
        self.spawn().await
    }

    /// A second process beside it, on the same data, with further settings. The data goes away when
    /// both are dropped.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn beside(&self, settings: &[(&str, &str)]) -> Result<Copy, Trouble> {
        let mut recipe = self.recipe.clone();
        set(&mut recipe.variables, settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let mut other = Copy {
            recipe,
            home: self.home.clone(),
            own: self.own.clone(),
            relay: self.relay.clone(),
            house: self.house.clone(),
            child: None,
            site: Site { base: String::new(), operations: None },
            logged: PathBuf::new(),
        };
        other.spawn().await?;
        Ok(other)
    }

    /// Whether a file of its data folder holds these bytes. Tells nothing where the data lies on a
    /// database server.
    pub fn holds(&self, wanted: &[u8]) -> bool {
        fn search(folder: &Path, wanted: &[u8]) -> bool {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).any(|path| {
                if path.is_dir() {
                    return search(&path, wanted);
                }
                std::fs::read(&path).is_ok_and(|bytes| bytes.windows(wanted.len()).any(|part| part == wanted))
            })
        }
        search(&self.data(), wanted)
    }

    /// Whether its data lies in its folder, where [`Copy::holds`] sees it.
    pub fn embedded(&self) -> bool {
        self.own.is_none()
    }

    /// Takes its database away, or gives it back: the server behind a cut wire, the embedded file
    /// under another name.
    ///
    /// # Errors
    /// When that cannot be done here.
    pub fn deprive(&self, away: bool) -> Result<(), Trouble> {
        if let Some(relay) = &self.relay {
            relay.set(!away);
            return Ok(());
        }
        if self.recipe.shared {
            return Err(Trouble::new("the database is not reached over a wire that can be cut"));
        }
        let (here, gone) = (self.data().join("plimsoll.db"), self.data().join("plimsoll.db.away"));
        let (from, to) = if away { (here, gone) } else { (gone, here) };
        std::fs::rename(&from, &to).map_err(|error| Trouble::new(format!("the database file cannot be moved: {error}")))
    }

    async fn spawn(&mut self) -> Result<(), Trouble> {
        static STARTS: AtomicU32 = AtomicU32::new(0);
        self.logged = self.home.path().join(format!("log-{}", STARTS.fetch_add(1, Ordering::Relaxed)));
        let log = File::create(self.log_file()).map_err(|error| Trouble::new(format!("the log cannot be written: {error}")))?;
        let mut verb = vec!["serve", "--ops-listen", "127.0.0.1:0"];
        // A flag would win over an address that a probe gives by the environment.
        if !self.recipe.variables.iter().any(|(name, _)| name == "PLIMSOLL_SERVER__LISTEN") {
            verb.extend(["--listen", "127.0.0.1:0"]);
        }
        if self.recipe.shared {
            verb.push("--migrate");
        }
        // Faults can be caused in the development profile only.
        if self.recipe.variables.iter().any(|(name, value)| name == "PLIMSOLL_PROFILE" && value == "development") {
            verb.push("--rehearsal");
        }
        let mut command = self.recipe.command(&verb, self.home.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child =
            Some(command.spawn().map_err(|error| Trouble::new(format!("{} cannot be run: {error}", self.recipe.binary.display())))?);
        let end = Instant::now() + START;
        self.site = loop {
            if let Some(site) = announced(&self.log()) {
                break site;
            }
            self.alive()?;
            if Instant::now() > end {
                return Err(Trouble::new(format!("the instance did not begin to listen in time: {}", plain(&self.log()))));
            }
            sleep(STEP).await;
        };
        let client = ask::client();
        while Instant::now() < end {
            self.alive()?;
            // Anything but 503 will do: readiness itself may be what is switched off.
            // Its certificate is nobody's; the operations listener speaks plainly.
            let asked = if self.site.base.starts_with("https://") { get("/health").operations() } else { get("/health/ready") };
            if let Ok(reply) = asked.go(&client, &self.site, None, end).await
                && reply.status != 503
            {
                return Ok(());
            }
            sleep(STEP).await;
        }
        Err(Trouble::new("the instance was not ready in time"))
    }

    fn alive(&mut self) -> Result<(), Trouble> {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        match ended {
            Some(status) => {
                let code = status.code().map_or_else(|| "a signal".to_owned(), |code| code.to_string());
                Err(Trouble::new(format!("{ENDED}{code}\n{}", self.log())))
            }
            None => Ok(()),
        }
    }
}

/// The two addresses that `serve` announces.
fn announced(log: &str) -> Option<Site> {
    let line = log.lines().find_map(|line| line.strip_prefix("listening on "))?;
    let (base, rest) = line.split_once("  (")?;
    let operations = rest.rsplit_once(": ")?.1.trim_end_matches(')');
    Some(Site { base: base.to_owned(), operations: Some(operations.to_owned()) })
}
