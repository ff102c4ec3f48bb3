//! A little service in each of the five languages, and what runs it.

mod configuration;
mod go;
mod java;
mod python;
mod rust;
mod script;

pub use configuration::CONFIGURATION;
pub use go::GO;
pub use java::JAVA;
pub use python::PYTHON;
pub use rust::RUST;
pub use script::SCRIPT;

/// A repository: its name, and its files with their texts.
pub type Sample = (&'static str, &'static [(&'static str, &'static str)]);

/// Every sample.
pub const ALL: [Sample; 6] = [PYTHON, SCRIPT, GO, JAVA, RUST, CONFIGURATION];
