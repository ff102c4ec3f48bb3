//! What a repository does not count as its own: `.gitignore`, folder by folder.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The most of an ignore file that is read, in bytes and lines: a longer one is nobody's, and each line costs.
const BYTES: u64 = 256 << 10;
const LINES: usize = 2_000;

/// The rules of a folder and of those around it, the nearest first.
#[derive(Clone, Default)]
pub(super) struct Rules(Option<Arc<Level>>);

struct Level {
    rules: Gitignore,
    above: Rules,
}

impl Rules {
    /// The rules that hold at the root: those of the folders around it, up to the repository that it stands in. A folder in no
    /// repository has none, as for `git`: what stands in an unpacked archive was all of it put there.
    pub fn at(root: &Path) -> Option<Rules> {
        let home = repository(root)?;
        let mut rules = Rules::default().with(&home, &home.join(".git/info/exclude"));
        let between: Vec<&Path> = root.ancestors().skip(1).take_while(|folder| folder.starts_with(&home)).collect();
        for folder in between.into_iter().rev() {
            rules = rules.with(folder, &folder.join(".gitignore"));
        }
        Some(rules)
    }
    /// These rules with those of one more file, which counts for what stands in `folder`.
    pub fn with(&self, folder: &Path, file: &Path) -> Rules {
        let Some(text) = text(file) else { return self.clone() };
        let mut builder = GitignoreBuilder::new(folder);
        for line in text.lines().take(LINES).filter(|line| line.len() <= 1024) {
            // A line that is no pattern ignores nothing.
            let _ = builder.add_line(None, line);
        }
        match builder.build() {
            Ok(rules) if !rules.is_empty() => Rules(Some(Arc::new(Level { rules, above: self.clone() }))),
            _ => self.clone(),
        }
    }
    /// Whether a path is left out; the nearest file with an opinion decides.
    pub fn ignore(&self, path: &Path, is_folder: bool) -> bool {
        let mut now = self;
        while let Some(level) = &now.0 {
            let said = level.rules.matched(path, is_folder);
            if !said.is_none() {
                return said.is_ignore();
            }
            now = &level.above;
        }
        false
    }
}

impl Drop for Level {
    /// Levels hang on each other like pearls; letting go of one after the other needs no stack.
    fn drop(&mut self) {
        let mut above = self.above.0.take();
        while let Some(level) = above {
            match Arc::try_unwrap(level) {
                Ok(mut alone) => above = alone.above.0.take(),
                Err(_) => break,
            }
        }
    }
}

/// The folder of the repository that a folder stands in.
pub(super) fn repository(folder: &Path) -> Option<PathBuf> {
    folder
        .ancestors()
        .take(64)
        .find(|above| above.join(".git").symlink_metadata().is_ok_and(|found| !found.is_symlink()))
        .map(Path::to_path_buf)
}

fn text(file: &Path) -> Option<String> {
    // A link or a pipe of this name is not opened.
    file.symlink_metadata().ok().filter(|found| found.is_file())?;
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
