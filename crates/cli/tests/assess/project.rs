//! A repository on disk, and what `assess` says of it.

use std::{fs, path::PathBuf, process::Command};

use plimsoll_testkit::{
    both,
    process::{Output, Plimsoll},
};
use serde_json::Value;

/// A folder with a repository; the binary runs in the folder above it and has a cache of its own.
pub struct Project {
    pub plimsoll: Plimsoll,
    /// Where it is.
    pub top: PathBuf,
}

impl Project {
    /// Writes these files into a folder called `shop`.
    pub fn of(files: &[(&str, &str)]) -> Project {
        let plimsoll = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll"));
        let (top, cache) = (plimsoll.directory().join("shop"), plimsoll.directory().join("cache"));
        fs::create_dir(&top).unwrap();
        let project = Project { plimsoll: plimsoll.env("XDG_CACHE_HOME", cache), top };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    /// Writes one more.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.top.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs the binary in the folder above.
    pub fn run(&self, words: &[&str]) -> Output {
        let mut output = None;
        both::run(async { output = Some(self.plimsoll.run(words).await) });
        output.unwrap()
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
