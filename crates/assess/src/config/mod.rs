//! Configuration: from files that are not programs to their facts.

use crate::fact::Extract;

/// Reads a file by what it is; nothing where no reader knows it. `skip` is for people.
pub fn extract(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let _ = (path, text);
    None
}
