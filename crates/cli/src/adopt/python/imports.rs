//! Which file a name of another module comes from.

use super::{
    super::{
        mounts::Router,
        source::Source,
        tree::{Tree, join, parent},
    },
    sources,
};

/// Most modules that pass a name on.
const STEPS: usize = 3;

/// The file and the name behind a router as it is written in a call: `items.router`, or a name that
/// was imported.
pub fn router(tree: &Tree, root: &str, source: &Source, name: &str) -> Router {
    match name.rsplit_once('.') {
        Some((module, var)) => {
            let file = match module.contains('.') {
                true => module_file(tree, root, source, module),
                false => imported(source, module).and_then(|(from, first)| module_file(tree, root, source, &dotted(&from, &first))),
            };
            file.map_or_else(|| (source.path.clone(), name.to_owned()), |file| declared(tree, root, &file, var, 0))
        }
        None => declared(tree, root, &source.path, name, 0),
    }
}

/// Follows a name to the module that makes it.
fn declared(tree: &Tree, root: &str, file: &str, name: &str, step: usize) -> Router {
    let here = (file.to_owned(), name.to_owned());
    let Some(source) = tree.source(file).filter(|_| step < STEPS) else { return here };
    let next = imported(source, name).and_then(|(from, first)| Some((module_file(tree, root, source, &from)?, first)));
    next.map_or(here, |(file, name)| declared(tree, root, &file, &name, step + 1))
}

/// From which module a name was imported, and what it is called there.
fn imported(source: &Source, name: &str) -> Option<(String, String)> {
    let bare = source.bare();
    bare.match_indices("from ").filter(|(at, _)| *at == 0 || matches!(bare.as_bytes()[at - 1], b'\n' | b' ' | b'\t')).find_map(|(at, _)| {
        let rest = &bare[at + 5..];
        let (from, rest) = rest.split_once(" import ").filter(|(from, _)| !from.contains('\n'))?;
        let end = if rest.trim_start().starts_with('(') { rest.find(')') } else { rest.find('\n') };
        let names = rest[..end.unwrap_or(rest.len())].trim_start_matches([' ', '(']);
        let found = names.split(',').map(str::trim).find_map(|item| match item.split_once(" as ") {
            Some((first, renamed)) => (renamed.trim() == name).then(|| first.trim().to_owned()),
            None => (item == name).then(|| name.to_owned()),
        })?;
        Some((from.trim().to_owned(), found))
    })
}

/// `from . import items` names the module `.items`.
fn dotted(from: &str, name: &str) -> String {
    if from.ends_with('.') { format!("{from}{name}") } else { format!("{from}.{name}") }
}

/// The file of a module, as this file would import it.
fn module_file(tree: &Tree, root: &str, source: &Source, module: &str) -> Option<String> {
    let dots = module.bytes().take_while(|byte| *byte == b'.').count();
    let path = module[dots..].replace('.', "/");
    let forms = |base: &str| {
        let whole = join(base, &path);
        [format!("{whole}.py"), join(&whole, "__init__.py")].into_iter().find(|file| tree.source(file).is_some())
    };
    if dots > 0 {
        let mut folder = parent(&source.path);
        for _ in 1..dots {
            folder = parent(folder);
        }
        return forms(folder);
    }
    let beside = forms(root).or_else(|| forms(parent(&source.path)));
    beside.or_else(|| {
        let ending = format!("/{path}.py");
        sources(tree, root).find(|source| source.path.ends_with(&ending)).map(|source| source.path.clone())
    })
}
