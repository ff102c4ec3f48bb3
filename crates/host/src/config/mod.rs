//! Configuration: one typed file, the environment, and every mistake told at once.
//!
//! Each engine owns a section, declared with [`section!`](crate::section) beside its code. A
//! [`Schema`] lists the sections; [`Config::load`] reads the [`Sources`] against it. A value comes
//! from, in this order: a flag, an environment variable, the file, the default. Whatever does not
//! fit is a [`Fault`] with its place and a suggestion; they come together as [`Faults`].
//!
//! Secrets are given as a value, as a variable, or as the path of a file (`master_key_file`,
//! `PLIMSOLL_IDENTITY__MASTER_KEY_FILE`). Nothing here prints one: not a fault's excerpt, not
//! `explain`, not `Debug`. Relative paths count from the working directory.

mod choice;
mod effective;
mod environment;
mod fault;
mod file;
mod load;
mod many;
mod nearest;
mod node;
mod reference;
mod rules;
mod schema;
mod secret;
mod section;
mod setting;
mod sources;
mod switch;
mod units;

#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod tests;

pub use effective::{Config, Explained, Reader};
pub use fault::{Fault, Faults, Place};
pub use nearest::nearest;
pub use node::{Content, Named, Node};
pub use rules::Rules;
pub use schema::{KeyDoc, Rule, Schema, SectionDoc};
pub use secret::Secret;
pub use section::Section;
pub use setting::{Setting, Unset, Wrong};
pub use sources::Sources;
pub use switch::Switch;
pub use units::{ByteSize, Rate, Span};

crate::choice! {
    /// Which rules apply.
    pub enum Profile {
        /// On the author's machine: convenient, refuses little.
        Development = "development",
        /// Facing users: dangerous values are refused at start.
        Production = "production",
    }
}
