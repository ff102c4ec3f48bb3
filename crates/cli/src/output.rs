//! Results on standard output, messages on standard error.

use std::io::{IsTerminal, Write};

use plimsoll::{Code, Error};
use serde::Serialize;

/// Whether colours are wanted at all: not under `NO_COLOR`.
fn wanted() -> bool {
    #[expect(clippy::disallowed_methods, reason = "NO_COLOR is a convention of terminals, not configuration of ours")]
    let refused = std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty());
    !refused
}

/// Whether messages may be coloured: only on a terminal.
fn coloured() -> bool {
    std::io::stderr().is_terminal() && wanted()
}

/// Whether results may be coloured: only on a terminal.
pub fn coloured_result() -> bool {
    std::io::stdout().is_terminal() && wanted()
}

/// Prints a result that is text already.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that has gone away is no failure of ours.
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Prints a result: JSON with `--json`, otherwise what `plain` makes of it.
pub fn result<T: Serialize>(json: bool, value: &T, plain: impl FnOnce(&T) -> String) {
    let text = if json { serde_json::to_string(value).unwrap_or_default() } else { plain(value) };
    let mut out = std::io::stdout().lock();
    // A reader that has gone away is no failure of ours.
    let _ = writeln!(out, "{}", text.trim_end());
    let _ = out.flush();
}

/// A message for the person at the terminal.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// How far long work has come: on a terminal only, each line over the one before.
pub fn progress(text: &str) {
    let mut out = std::io::stderr().lock();
    if std::io::stderr().is_terminal() {
        let _ = write!(out, "\r\x1b[2K{text}");
        let _ = out.flush();
    }
}

/// An error without a code.
pub fn complain(text: &str) {
    let head = if coloured() { "\x1b[1;31merror\x1b[0m" } else { "error" };
    say(&format!("{head}: {text}"));
}

/// Reports an error with its code and returns the exit code that fits it.
pub fn fail(error: &Error) -> u8 {
    complain(&format!("{} [{}]", error.public(), error.code().stable()));
    for fault in error.faults() {
        say(&format!("  {}: {}", fault.pointer, fault.detail));
    }
    if let Some(cause) = error.cause() {
        say(&format!("  cause: {cause}"));
    }
    say(&format!("  help: plimsoll explain {}", error.code().stable()));
    exit_code(error.code())
}

fn exit_code(code: Code) -> u8 {
    match code {
        Code::Refused => 4,
        Code::ArchiveDamaged | Code::ArchiveForeign | Code::ArchiveVersion => 1,
        Code::Invalid | Code::Malformed | Code::NotFound | Code::Conflict | Code::PasswordRefused => 2,
        _ => 3,
    }
}

/// Rows of text under headings, padded into columns.
pub fn columns(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).chain([heads[column].len()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut out = line(heads.to_vec());
    for row in rows {
        out.push('\n');
        out.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    out
}
