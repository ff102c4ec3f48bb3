//! Where the text comes from: a folder, a commit, a remote repository; never a place that runs it.
//!
//! Whatever is read may be hostile. So links are not followed, only regular files are opened,
//! everything has a bound ([`Caps`]), and `git` is called with an environment of its own, in which
//! nothing that a repository configures can start a program. What is left out is said, and where
//! it could have held proof or fault the [`Tree`] is `incomplete`.

mod abandon;
mod address;
mod caps;
mod commit;
mod folder;
mod git;
mod ignored;
mod location;
mod process;
mod remote;
mod skipped;
mod sort;
mod tree;

pub use abandon::{abandon, abandoned};
pub use address::is_public;
pub use caps::{Caps, Phase, Seen};
pub use commit::{commit, is_bare};
pub use folder::folder;
pub use location::Location;
pub use remote::{Access, remote};
pub use sort::{Sort, sort};
pub use tree::{File, Tree, text};

/// Why there is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// What was asked for is not there, or not of this sort.
    NotThere(String),
    /// It is there and is not touched, for safety.
    Unsafe(String),
    /// It could not be read or fetched.
    Failed(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NotThere(why) | Refusal::Unsafe(why) | Refusal::Failed(why) => out.write_str(why),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests;
