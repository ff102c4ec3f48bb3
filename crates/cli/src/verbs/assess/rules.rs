//! The practices that are asked for: those that are built in, and those of a folder before them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use plimsoll::Code;
use plimsoll_assess::Page;

use super::{Ended, usage};
use crate::arguments::Rules;

/// The most pages that a folder may hold, and the largest.
const PAGES: usize = 5_000;
const BYTES: u64 = 1 << 20;

/// Pages by name; of two with one name the folder's counts.
pub struct Catalogue {
    own: Vec<Page>,
}

impl Catalogue {
    pub fn of(rules: &Rules) -> Result<Catalogue, Ended> {
        let mut own: Vec<Page> = Vec::new();
        for path in rules.folder.as_deref().map(pages).transpose()?.unwrap_or_default() {
            let wrong = |why: String| usage(format!("{}: {why}", path.display()));
            let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
            let page = Page::parse(&text).map_err(wrong)?;
            if own.iter().any(|known| known.id == page.id) {
                return Err(wrong(format!("there is another page of the practice `{}`", page.id)));
            }
            own.push(page);
        }
        Ok(Catalogue { own })
    }
    /// Every page, in the order of the catalogue; new ones stand last.
    pub fn pages(&self) -> Vec<&Page> {
        let built = plimsoll_practices::all();
        let instead = |page: &'static Page| self.own.iter().find(|own| own.id == page.id).unwrap_or(page);
        let new = self.own.iter().filter(|own| built.iter().all(|(practice, _)| practice.id != own.id));
        built.iter().map(|(_, page)| instead(page)).chain(new).collect()
    }
    pub fn page(&self, name: &str) -> Result<&Page, Ended> {
        let pages = self.pages();
        pages.iter().find(|page| page.id == name).copied().ok_or_else(|| {
            let near = plimsoll::config::nearest(name, pages.iter().map(|page| page.id.as_str()));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            Code::NotFound.because(format!("there is no practice `{name}`{near}")).into()
        })
    }
}

/// The pages below a folder, sorted: Markdown files that begin with a head.
fn pages(folder: &Path) -> Result<Vec<PathBuf>, Ended> {
    let (mut open, mut found) = (vec![(folder.to_owned(), 0)], Vec::new());
    while let Some((place, depth)) = open.pop() {
        let listing = fs::read_dir(&place).map_err(|error| usage(format!("{}: {error}", place.display())))?;
        for entry in listing.flatten().take(PAGES) {
            let (path, kind) = (entry.path(), entry.file_type());
            if kind.as_ref().is_ok_and(|kind| kind.is_dir()) && depth < 4 {
                open.push((path, depth + 1));
            } else if path.extension().is_some_and(|extension| extension == "md") && is_page(&path) {
                found.push(path);
            }
        }
        if found.len() > PAGES {
            return Err(usage(format!("{}: more than {PAGES} pages", folder.display())));
        }
    }
    found.sort();
    Ok(found)
}

fn is_page(path: &Path) -> bool {
    use std::io::Read;
    let small = path.metadata().is_ok_and(|data| data.is_file() && data.len() <= BYTES);
    let mut head = [0; 4];
    small && fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && &head == b"+++\n"
}
