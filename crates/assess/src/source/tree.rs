//! The files of a repository in memory.

use std::borrow::Cow;

/// One file with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the root, with slashes.
    pub path: String,
    /// What stands in it.
    pub bytes: Vec<u8>,
}

/// Bytes as text; what is no text becomes the sign for that. Most files are text, and telling that is far faster than looking for
/// the places where they are not.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Everything that is looked at, and what is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Sorted by path.
    pub files: Vec<File>,
    /// Files that are there and were not read, such as pictures, sorted by path, with their sizes. They prove nothing, but a
    /// reference to one of them leads somewhere.
    pub unread: Vec<(String, u64)>,
    /// What was left out and why, for people: `path: reason`.
    pub skipped: Vec<String>,
    /// The commit, where the tree has one.
    pub commit: Option<String>,
    /// Whether something was left out that could have held proof or fault: then nothing is called complete.
    pub incomplete: bool,
}

impl Tree {
    /// A tree of these files, for tests and examples.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Tree {
        let mut files: Vec<File> =
            files.into_iter().map(|(path, text)| File { path: path.to_owned(), bytes: text.as_bytes().to_vec() }).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Tree { files, ..Tree::default() }
    }
    /// The file at a path.
    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().and_then(|number| self.files.get(number))
    }
    /// Whether there is a file or a folder at a path, read or not.
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        let read = self.files.partition_point(|file| file.path.as_str() < path);
        let inside = self.files.partition_point(|file| file.path < folder);
        let unread = self.unread.partition_point(|(name, _)| name.as_str() < path);
        let below = self.unread.partition_point(|(name, _)| *name < folder);
        self.files.get(read).is_some_and(|file| file.path == path)
            || self.files.get(inside).is_some_and(|file| file.path.starts_with(&folder))
            || self.unread.get(unread).is_some_and(|(name, _)| name == path)
            || self.unread.get(below).is_some_and(|(name, _)| name.starts_with(&folder))
    }
    pub(super) fn sorted(mut self) -> Tree {
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.unread.sort();
        self
    }
}
