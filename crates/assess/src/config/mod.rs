//! Configuration: from files that are not programs to their facts.

pub mod leaf;
pub mod manifest;
pub mod migration;
pub mod sql;

use crate::fact::Extract;

/// One sort of file: its word and its facts, where the file is of that sort.
pub type Reader = fn(path: &str, text: &str) -> Option<(&'static str, Extract)>;

/// The readers, one line each. Several may know a file, such as the one of dependencies and the one of tools in `pyproject.toml`.
const READERS: &[Reader] = &[manifest::read, sql::read, migration::read];

/// Reads a file by what it is; nothing where no reader knows it. The word is that of the first reader that knows it.
pub fn extract(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let mut known = READERS.iter().filter_map(|reader| reader(path, text));
    let (word, mut all) = known.next()?;
    for (_, more) in known {
        all.facts.extend(more.facts);
        all.trouble.extend(more.trouble);
    }
    Some((word, all))
}
