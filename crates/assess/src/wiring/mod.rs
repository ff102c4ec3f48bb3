//! What only the whole shows: which code runs, which routes are mounted, what stands before them.
//!
//! *Exists* is not *wired*. A symbol is reached where a chain of mentions leads to it from an entry
//! point; an import is not a mention, a comment is not one, and neither is a docstring.

use crate::fact::{Extract, Fact, FileId};

/// A definition of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// The definition in it; 0 is the file's own level, which runs when the file is imported or started.
    pub symbol: u32,
}

/// The files of one language, linked.
pub struct Program<'a> {
    /// Path and extract of each file, sorted by path; the number is that of the whole tree.
    pub files: Vec<(FileId, &'a str, &'a Extract)>,
    /// What a name with dots means in a file: the definition, where it is one of this repository's.
    pub names: &'a dyn Fn(FileId, &str) -> Option<Place>,
}

/// What a framework's rules say about a program.
#[derive(Debug, Default)]
pub struct Wired {
    /// Apps, routes, middleware, handlers, hooks. A route stands in the symbol of its handler.
    pub facts: Vec<Fact>,
    /// Where the first is run, the second is run as well: an app and the routers mounted on it, a route and its handler.
    pub leads: Vec<(Place, Place)>,
    /// Definitions that running their file does not run, although something is applied to them there: the handlers of a
    /// router that somebody has to mount first.
    pub held: Vec<Place>,
    /// Files that start something, found by what they construct.
    pub roots: Vec<Place>,
    /// Better names of facts of kinds other than those above, by file and number in its extract: what only the whole
    /// program shows, such as the type of a field that another file declares.
    pub renamed: Vec<(FileId, u32, String)>,
}
