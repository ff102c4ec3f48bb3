//! A cluster of our own: made from a template, run under a guardian.

use std::{
    env,
    fs::{self, File},
    io::Write,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use super::{
    attempt,
    binaries::{Binaries, answer},
};
use crate::{place, port, wait};

/// How long a start or a stop may take on a machine that has much else to do.
const BOUND: Duration = Duration::from_secs(60);
/// How many ports to try before giving up.
const PORTS: u32 = 5;
/// The superuser's name.
const SUPERUSER: &str = "plimsoll";
/// What ties the server to this process; see the file.
const GUARDIAN: &str = include_str!("guardian.sh");

/// A running server with its directory.
pub(super) struct Cluster {
    run: PathBuf,
    port: u16,
    password: String,
    guardian: Child,
    /// Orders to the guardian. Closing it ends the server.
    orders: Mutex<Option<ChildStdin>>,
    /// How often it was started; the guardian counts along.
    starts: AtomicU32,
}

impl Cluster {
    /// Starts a server on a fresh copy of the template.
    ///
    /// # Errors
    /// One line that says what is missing, or what the server complained about.
    pub fn start() -> Result<Cluster, String> {
        let binaries = Binaries::find()?;
        let base = base(&binaries)?;
        let template = template(&binaries, &base)?;
        let mut why = String::new();
        for _ in 0..PORTS {
            let cluster = Cluster::copy(&binaries, &base, &template)?;
            match cluster.resume() {
                Ok(()) => return Ok(cluster),
                // Somebody else was quicker to take the port; everything else would happen again.
                Err(refusal) if cluster.log().contains("could not bind") => why = refusal,
                Err(refusal) => return Err(refusal),
            }
        }
        Err(why)
    }

    fn copy(binaries: &Binaries, base: &Path, template: &Path) -> Result<Cluster, String> {
        let run = base.join(format!("run-{}", place::word()));
        make(&run)?;
        let sockets = run.join("sockets");
        make(&sockets)?;
        binaries.account.own(&sockets)?;
        answer(Command::new("cp").arg("-a").arg(template.join("data")).arg(run.join("data")))?;
        let password = fs::read_to_string(template.join("password")).map_err(|e| format!("the template has no password: {e}"))?;

        let port = port::free_port();
        // A socket's path has room for 107 bytes; where the directory is too deep, TCP must do.
        let sockets = if sockets.as_os_str().len() > 85 { String::new() } else { sockets.display().to_string() };
        let mut guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "guardian"])
            .arg(&run)
            .args(binaries.account.words())
            .arg(&binaries.postgres)
            .arg("-D")
            .arg(run.join("data"))
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"])
            .args(["-c", &format!("port={port}"), "-c", &format!("unix_socket_directories={sockets}")])
            .stdin(Stdio::piped())
            // Whoever reads the tests' output waits until nobody holds it any more.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A signal meant for the tests' whole group must not reach the one who cleans up.
            .process_group(0)
            .current_dir("/")
            .env("LC_ALL", "C")
            .spawn()
            .map_err(|e| format!("cannot start a shell to look after PostgreSQL: {e}"))?;
        let orders = Mutex::new(guardian.stdin.take());
        Ok(Cluster { run, port, password, guardian, orders, starts: AtomicU32::new(0) })
    }

    /// The superuser's URL.
    pub fn superuser_url(&self) -> String {
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// The server's own directory.
    pub fn directory(&self) -> &Path {
        &self.run
    }

    /// Everything the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.run.join("log")).unwrap_or_default()
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// What the server complained about.
    pub fn resume(&self) -> Result<(), String> {
        if self.starts.load(Ordering::SeqCst) > 0 && !self.ended() {
            return Err("the server is running already".to_owned());
        }
        self.starts.fetch_add(1, Ordering::SeqCst);
        self.order("start");
        match wait::blocking(BOUND, || if self.ended() { Some(false) } else { self.answers().then_some(true) }) {
            Some(true) => Ok(()),
            Some(false) => Err(format!("PostgreSQL ended instead of starting: {}", self.complaint())),
            None => Err(format!("PostgreSQL did not start within {BOUND:?}: {}", self.complaint())),
        }
    }

    /// Ends the server and waits until it is down.
    ///
    /// # Panics
    /// When it does not go down.
    pub fn stop(&self) {
        self.order("stop");
        if wait::blocking(BOUND, || self.ended().then_some(())).is_none() {
            panic!("PostgreSQL did not stop within {BOUND:?}: {}", self.complaint());
        }
    }

    /// Whether this server answers on its port, and not another test's that took it.
    fn answers(&self) -> bool {
        let data = attempt(&self.superuser_url(), |client| client.query_one("SHOW data_directory", &[]));
        data.is_ok_and(|row| Path::new(row.get::<_, &str>(0)) == self.run.join("data"))
    }

    /// Whether the last start's server has ended.
    fn ended(&self) -> bool {
        fs::metadata(self.run.join(format!("exit.{}", self.starts.load(Ordering::SeqCst)))).is_ok_and(|file| file.len() > 0)
    }

    fn complaint(&self) -> String {
        let log = self.log();
        let telling = log.lines().rfind(|line| line.contains("FATAL") || line.contains("PANIC"));
        telling.or(log.lines().last()).unwrap_or("it logged nothing").to_owned()
    }

    fn order(&self, word: &str) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(e)) = orders.as_mut().map(|pipe| writeln!(pipe, "{word}")) {
            panic!("the shell that looks after PostgreSQL is gone: {e}");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.orders.lock().unwrap_or_else(PoisonError::into_inner).take());
        let _ = self.guardian.wait();
    }
}

/// The directory for templates and running servers: under the target directory, or, where the
/// account that runs the server cannot get there, among the system's temporary files.
fn base(binaries: &Binaries) -> Result<PathBuf, String> {
    let near = place::shared().join("postgres");
    make(&near)?;
    if binaries.account.reaches(&near) {
        return Ok(near);
    }
    let far = env::temp_dir().join("plimsoll-testkit");
    make(&far)?;
    let far = far.canonicalize().map_err(|e| format!("cannot resolve {}: {e}", far.display()))?;
    // Anybody can make a directory of this name there; only root's is to be trusted.
    if fs::symlink_metadata(&far).is_ok_and(|dir| dir.is_dir() && dir.uid() == 0) && binaries.account.reaches(&far) {
        return Ok(far);
    }
    Err(format!("the account {} can reach neither {} nor {}", binaries.account.name(), near.display(), far.display()))
}

/// The directory with a cluster that has never been started, and its password: made once per
/// version and account, however many processes ask at the same time.
fn template(binaries: &Binaries, base: &Path) -> Result<PathBuf, String> {
    let name = format!("template-{}-{}", binaries.version, binaries.account.name());
    let template = base.join(&name);
    let lock = base.join(format!("{name}.lock"));
    let turn = File::create(&lock).and_then(|file| file.lock().map(|()| file));
    let _turn = turn.map_err(|e| format!("cannot lock {}: {e}", lock.display()))?;
    if template.is_dir() {
        return Ok(template);
    }
    // Half a template, left by a process that was killed here, must not be taken for a whole one.
    let half = base.join(format!("{name}.half"));
    let _ = fs::remove_dir_all(&half);
    make(&half)?;
    binaries.account.own(&half)?;
    let password = half.join("password");
    let secret = format!("{}{}", place::word(), place::word());
    let written = fs::write(&password, secret).and_then(|()| fs::set_permissions(&password, fs::Permissions::from_mode(0o600)));
    written.map_err(|e| format!("cannot write {}: {e}", password.display()))?;
    binaries.account.own(&password)?;
    // Nothing needs to survive a power cut before the server runs, hence --no-sync.
    answer(
        binaries
            .account
            .command(&binaries.initdb)
            .args(["--username", SUPERUSER, "--encoding=UTF8", "--locale=C", "--no-sync"])
            .args(["--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--pwfile"])
            .arg(&password)
            .arg("--pgdata")
            .arg(half.join("data")),
    )?;
    fs::rename(&half, &template).map_err(|e| format!("cannot move {}: {e}", half.display()))?;
    Ok(template)
}

/// Makes a directory that others may pass through, unless it is there.
fn make(dir: &Path) -> Result<(), String> {
    match fs::create_dir(dir) {
        Ok(()) => fs::set_permissions(dir, fs::Permissions::from_mode(0o755)),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
    .map_err(|e| format!("cannot make {}: {e}", dir.display()))
}
