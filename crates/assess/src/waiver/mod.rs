//! Gaps that somebody accepted, with a reason and until a day.
//!
//! ```toml
//! # .plimsoll/waivers.toml
//! [[waiver]]
//! practice = "rate-limit"
//! paths = ["services/admin/*"]     # `*` stands for anything; without paths every gap of the practice
//! reason = "reached through the company's network only"
//! owner = "platform team"
//! created = 2026-11-01
//! expires = 2027-01-15             # 90 days after `created` where it is left out
//! ```
//!
//! or a comment in the line of the gap, or in the lines right above it:
//!
//! ```python
//! # plimsoll: allow cors-allowlist until 2027-01-15 a public API without cookies
//! ```
//!
//! A waived gap stays in every report, marked. It is not failed on, and that is all: status, score and verdict are what they are.
//! After its last day a waiver waives nothing, and the run says so.

mod comment;
mod file;

use crate::{detect::Sight, report::Waived, source::Tree};

/// Where waivers are written.
pub const FILE: &str = ".plimsoll/waivers.toml";
/// For how many days a waiver holds that does not say so.
pub const DAYS: u32 = 90;

/// All waivers of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waivers {
    /// Those of the file in its order, then those of comments by place.
    pub all: Vec<Waiver>,
    /// Comments that look like waivers and are none, with their place. They waive nothing.
    pub complaints: Vec<String>,
}

/// A waiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The practice.
    pub practice: String,
    /// What a reader is told of it.
    pub says: Waived,
    /// Where it holds.
    pub scope: Scope,
}

/// Where a waiver holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In files that one of these patterns fits; everywhere where there is none.
    Paths(Vec<String>),
    /// At these lines of a file: the comment's own to the first that is no comment.
    Lines {
        /// The file.
        file: String,
        /// First line.
        first: u32,
        /// Last line.
        last: u32,
    },
}

impl Waivers {
    /// Reads the waivers of a repository. `known` tells whether a practice exists.
    ///
    /// # Errors
    /// What is wrong with [`FILE`], with the line: a waiver that is not understood must not be passed over.
    pub fn of(tree: &Tree, known: &dyn Fn(&str) -> bool) -> Result<Waivers, String> {
        let mut waivers = Waivers::default();
        if let Some(written) = tree.get(FILE) {
            let text = std::str::from_utf8(&written.bytes).map_err(|_| format!("{FILE} is not UTF-8"))?;
            waivers.all = file::read(text, known)?;
        }
        for file in &tree.files {
            comment::read(file, known, &mut waivers);
        }
        Ok(waivers)
    }
}

impl Waiver {
    /// Whether it is about this gap of its practice.
    pub fn covers(&self, place: &Sight) -> bool {
        match &self.scope {
            Scope::Paths(paths) => paths.is_empty() || paths.iter().any(|path| fits(path, &place.file)),
            Scope::Lines { file, first, last } => place.file == *file && place.line <= *last && place.end.max(place.line) >= *first,
        }
    }
    /// Whether its last day has passed. Days are written so that they sort.
    pub fn expired(&self, today: &str) -> bool {
        self.says.expires.as_str() < today
    }
}

/// Whether a path fits a pattern in which `*` stands for anything; a folder stands for all below it.
fn fits(pattern: &str, path: &str) -> bool {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let folder = pattern.trim_end_matches('/');
    if !folder.contains('*') && !path.is_empty() && path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return true;
    }
    let mut parts = pattern.split('*');
    let Some(mut left) = path.strip_prefix(parts.next().unwrap_or("")) else { return false };
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return left.is_empty() };
    for part in middle {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

/// A day such as `2026-12-31` that exists.
fn day(text: &str) -> Option<&str> {
    let shape = |(place, byte): (usize, u8)| if place == 4 || place == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    let fits = text.len() == 10 && text.bytes().enumerate().all(shape);
    (fits && plimsoll_core::Time::parse(&format!("{text}T00:00:00Z")).is_ok()).then_some(text)
}

/// The day so many days later.
fn later(text: &str, days: u32) -> Option<String> {
    let time = plimsoll_core::Time::parse(&format!("{text}T00:00:00Z")).ok()?;
    let later = time.plus(std::time::Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    later.to_string().get(..10).map(str::to_owned)
}

#[cfg(test)]
mod tests;
