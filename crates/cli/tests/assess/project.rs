//! A repository on disk, and what `assess` says of it.

use std::{fs, ops::Deref, process::Command};

use plimsoll_testkit::process::{Output, Plimsoll};
use serde_json::Value;

/// A folder with a repository; the binary runs in the folder above it and has a cache of its own.
pub struct Project(plimsoll_testkit::Project);

impl Deref for Project {
    type Target = plimsoll_testkit::Project;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Project {
    /// Writes these files.
    pub fn of(files: &[(&str, &str)]) -> Project {
        let plimsoll = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll"));
        let cache = plimsoll.directory().join("cache");
        Project(plimsoll_testkit::Project::of(plimsoll.env("XDG_CACHE_HOME", cache), files))
    }

    /// Runs `assess` on it.
    pub fn assess(&self, flags: &[&str]) -> Output {
        let words: Vec<&str> = ["assess", "shop"].into_iter().chain(flags.iter().copied()).collect();
        self.run(&words)
    }

    /// The report.
    #[track_caller]
    pub fn report(&self, flags: &[&str]) -> Value {
        let flags: Vec<&str> = flags.iter().copied().chain(["--json"]).collect();
        self.assess(&flags).expect(0).json()
    }

    /// Its facts, one by one.
    #[track_caller]
    pub fn facts(&self) -> Vec<Value> {
        self.run(&["assess", "facts", "shop", "--json"]).expect(0).json()["facts"].as_array().unwrap().clone()
    }

    /// Keeps a file beside it, such as a report.
    pub fn beside(&self, name: &str, text: &str) -> String {
        let path = self.plimsoll.directory().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Runs `git` in it.
    #[track_caller]
    pub fn git(&self, words: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main", "-C"])
            .arg(&self.top)
            .args(words)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The row of a practice.
#[track_caller]
pub fn row<'a>(report: &'a Value, practice: &str) -> &'a Value {
    let rows = report["practices"].as_array().unwrap();
    rows.iter().find(|row| row["id"] == practice).unwrap_or_else(|| panic!("no row of {practice}"))
}

/// What is said of a practice.
#[track_caller]
pub fn status<'a>(report: &'a Value, practice: &str) -> &'a str {
    row(report, practice)["status"].as_str().unwrap()
}

/// A report without the one field that differs between two runs.
pub fn timeless(mut report: Value) -> String {
    report["header"]["time"] = Value::Null;
    report.to_string()
}
