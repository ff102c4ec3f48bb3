//! A project of somebody else on disk, for commands that read one.

use std::{fs, path::PathBuf};

use crate::{
    both,
    process::{Output, Plimsoll},
};

/// A folder with a project; the binary runs in the folder above it.
#[derive(Debug)]
pub struct Project {
    /// What runs the binary.
    pub plimsoll: Plimsoll,
    /// Where the project is.
    pub top: PathBuf,
}

impl Project {
    /// Writes these files into a folder called `shop` where the binary runs.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn of(plimsoll: Plimsoll, files: &[(&str, &str)]) -> Project {
        let top = plimsoll.directory().join("shop");
        fs::create_dir(&top).unwrap_or_else(|e| panic!("cannot make {}: {e}", top.display()));
        let project = Project { plimsoll, top };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    /// Writes one more.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.top.join(name);
        let folder = path.parent().unwrap_or(&self.top);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
        written.unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    }

    /// Runs the binary with these words, in the folder above, to its end.
    pub fn run(&self, words: &[&str]) -> Output {
        let mut output = None;
        both::run(async { output = Some(self.plimsoll.run(words).await) });
        output.unwrap_or_else(|| panic!("{words:?} did not run"))
    }
}
