//! A project on disk, and what `adopt` says of it.

use std::{fs, ops::Deref};

use plimsoll_testkit::process::{Output, Plimsoll};
use serde_json::Value;

/// A folder with a project; the binary runs in the folder above it.
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
        Project(plimsoll_testkit::Project::of(Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")), files))
    }

    /// The configuration, if it was written.
    pub fn written(&self) -> Option<String> {
        fs::read_to_string(self.top.join("plimsoll.toml")).ok()
    }

    /// Runs `adopt` on a folder of it.
    pub fn adopt(&self, below: &str, flags: &[&str]) -> Output {
        let path = self.top.join(below).display().to_string();
        let words: Vec<&str> = ["adopt", &path].into_iter().chain(flags.iter().copied()).collect();
        self.run(&words)
    }

    /// What it says as JSON, without writing.
    pub fn seen(&self) -> Value {
        self.adopt("", &["--json"]).expect(1).json()
    }

    /// Writes the proposal, lets the host check it, and hands it back.
    #[track_caller]
    pub fn accepted(&self) -> String {
        self.adopt("", &["--yes"]).expect(0);
        let file = self.top.join("plimsoll.toml").display().to_string();
        self.run(&["config", "check", "--config", &file]).expect(0);
        self.written().unwrap()
    }
}

/// The proposed line of this key, without the comment above it.
#[track_caller]
pub fn line<'a>(text: &'a str, key: &str) -> &'a str {
    let found = text.lines().find(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" =")));
    found.unwrap_or_else(|| panic!("no {key} in\n{text}"))
}

/// Asserts that the line stands there, with this place in the comment above it.
#[track_caller]
pub fn holds(text: &str, line: &str, place: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|one| *one == line).unwrap_or_else(|| panic!("no {line} in\n{text}"));
    assert!(lines[at - 1].contains(place), "{line} stands below {}", lines[at - 1]);
}
