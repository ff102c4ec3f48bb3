//! What a process printed, kept in files so that it never waits for a test to read it.

use std::{
    fmt,
    fs::{self, File},
    process::ExitStatus,
};

use serde_json::Value;

use crate::Scratch;

/// Why a start did not succeed.
#[derive(Debug)]
pub struct Refusal {
    /// One line: how it ended, or that it did not get ready in time.
    pub why: String,
    /// What it printed; the code is `None` where it was still running and had to be killed.
    pub output: Output,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.why, self.output)
    }
}

/// What a command printed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    pub(super) fn of(status: Option<ExitStatus>, papers: &Scratch) -> Output {
        Output { code: status.and_then(|status| status.code()), stdout: read(papers, "stdout"), stderr: read(papers, "stderr") }
    }

    /// The output itself, if the command ended with this code.
    ///
    /// # Panics
    /// When the code is another; the message shows what was printed.
    #[track_caller]
    pub fn expect(self, code: i32) -> Output {
        assert!(self.code == Some(code), "expected exit code {code}, got {self}");
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is something else; the message shows what was printed.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(e) => panic!("standard output is not JSON ({e}): {self}"),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "exit code {code}")?,
            None => write!(f, "no exit code")?,
        }
        write!(f, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout.trim_end(), self.stderr.trim_end())
    }
}

pub(super) fn show(papers: &Scratch) -> String {
    format!("\n--- stdout\n{}\n--- stderr\n{}", read(papers, "stdout").trim_end(), read(papers, "stderr").trim_end())
}

pub(super) fn read(papers: &Scratch, name: &str) -> String {
    fs::read(papers.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

pub(super) fn created(papers: &Scratch, name: &str) -> File {
    let path = papers.join(name);
    File::create(&path).unwrap_or_else(|e| panic!("cannot make {}: {e}", path.display()))
}

pub(super) fn written(papers: &Scratch, name: &str, text: &str) -> File {
    let path = papers.join(name);
    let file = fs::write(&path, text).and_then(|()| File::open(&path));
    file.unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()))
}
