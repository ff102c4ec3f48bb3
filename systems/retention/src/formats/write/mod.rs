//! Records as files again: for demonstrations, tests and the person who wants their data.

mod csv;
mod json;
mod xml;

pub use csv::Csv;
pub use json::{Dialect, Json, tree};
pub use xml::Xml;
