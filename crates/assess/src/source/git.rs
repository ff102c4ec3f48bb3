//! The system's `git`, called so that nothing in a repository can start a program.
//!
//! A repository's own `config` may name programs: a monitor of files, hooks, filters, a pager, a
//! command for `ssh`, a remote that is fetched when an object is lacking. So the environment is
//! empty but for what is listed here; settings of the user and of the machine are not read; those
//! of the repository are overruled where they start something; no protocol is allowed; and only
//! commands are used that need neither work tree nor filter.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    io::{self, BufRead, Read},
    path::Path,
    process::Command,
    time::Instant,
};

use super::{Caps, Refusal, process};

/// Settings that overrule those of a repository.
const SETTINGS: &[(&str, &str)] = &[
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.askPass", ""),
    ("core.pager", "cat"),
    ("core.untrackedCache", "false"),
    ("core.alternateRefsCommand", "true"),
    ("credential.helper", ""),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("safe.directory", "*"),
    ("log.showSignature", "false"),
    ("gpg.program", "false"),
];

/// How `git` may be called.
pub(super) struct Git {
    settings: Vec<(String, String)>,
    environment: Vec<(&'static str, OsString)>,
}

impl Git {
    /// For repositories on this machine: it reaches nothing else.
    pub fn local() -> Git {
        let settings = SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment = vec![("GIT_ALLOW_PROTOCOL", OsString::from("none")), ("GIT_NO_LAZY_FETCH", OsString::from("1"))];
        let git = Git { settings, environment };
        git.setting("protocol.allow", "never")
    }
    /// For fetching over these protocols, separated by colons.
    pub fn over(protocols: &str) -> Git {
        let mut git = Git::local();
        git.environment.retain(|(name, _)| *name != "GIT_ALLOW_PROTOCOL");
        git.variable("GIT_ALLOW_PROTOCOL", protocols)
    }
    /// With one more setting. It goes through the environment: a command line is there for everybody to read.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Git {
        self.settings.push((name.into(), value.into()));
        self
    }
    /// With one more variable.
    pub fn variable(mut self, name: &'static str, value: impl Into<OsString>) -> Git {
        self.environment.push((name, value.into()));
        self
    }
    /// The command, with nothing but this environment.
    pub fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.env_clear();
        // Where programs are and where short-lived files go; nothing else of the caller's is anybody's business.
        for name in ["PATH", "TMPDIR", "SystemRoot"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        for (name, value) in [
            ("HOME", "/nonexistent"),
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_FLUSH", "0"),
        ] {
            command.env(name, value);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        for (number, (name, value)) in self.settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{number}"), name).env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        command
    }
}

/// The version, as two numbers.
pub(super) fn version() -> Result<(u32, u32), Refusal> {
    let output = Git::local().command().arg("version").output().map_err(|error| lacking(&error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split(|one: char| !one.is_ascii_digit()).filter(|part| !part.is_empty()).map(|part| part.parse().unwrap_or(0));
    Ok((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
}

/// What to say where `git` does not start.
pub(super) fn lacking(error: &io::Error) -> Refusal {
    Refusal::Failed(if error.kind() == io::ErrorKind::NotFound {
        "git is not installed, or not on the PATH; it is needed for commits and remote repositories (a folder is read without it)".into()
    } else {
        format!("git cannot be started: {error}")
    })
}

/// Runs `git` and hands what it says to `read`.
pub(super) fn ask<T: Send>(
    command: Command,
    input: &[u8],
    until: Instant,
    what: &str,
    read: impl FnOnce(&mut dyn BufRead) -> io::Result<T>,
) -> Result<T, Refusal> {
    let (result, ended) = process::talk(command, input, until, &|| None, read).map_err(|error| lacking(&error))?;
    match (result, ended.stopped) {
        (_, Some(why)) => Err(Refusal::Failed(format!("{what}: {why}"))),
        (Ok(value), None) if ended.well => Ok(value),
        (Ok(_), None) => Err(Refusal::Failed(format!("{what}: {}", complaint(&ended.said)))),
        (Err(error), None) => Err(Refusal::Failed(format!("{what}: {error}"))),
    }
}

/// The last line of a complaint, without what it begins with.
pub(super) fn complaint(said: &str) -> String {
    let line = said.lines().rev().find(|line| line.starts_with("fatal:") || line.starts_with("error:")).or(said.lines().last());
    let line = line.unwrap_or("git failed and said nothing");
    super::skipped::shown(line.trim_start_matches("fatal: ").trim_start_matches("error: "))
}

/// The paths in the index, below a folder of a work tree; nothing where there is none or `git` is not installed.
pub(super) fn tracked(home: &Path, folder: &Path, caps: &Caps) -> Option<BTreeSet<String>> {
    let mut command = Git::local().command();
    command.arg("--git-dir").arg(home.join(".git")).arg("--work-tree").arg(home).arg("-C").arg(folder).args(["ls-files", "-z", "--cached"]);
    let most = caps.entries as u64 * 256;
    let bytes = ask(command, b"", caps.until(), "the index", |out| {
        let mut bytes = Vec::new();
        out.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let bytes = bytes.ok()?;
    Some(bytes.split(|byte| *byte == 0).filter_map(|path| std::str::from_utf8(path).ok()).map(str::to_owned).collect())
}
