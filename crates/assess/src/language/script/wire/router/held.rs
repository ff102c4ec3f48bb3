//! Routers that classes hold in their fields.

use super::Yard;
use crate::fact::{Fact, Kind};

impl Yard<'_, '_> {
    /// A path with fields in it: `${this.path}/:id` with what the class says its path is; of others nothing is known.
    pub(super) fn filled(&self, file: usize, symbol: u32, template: &str) -> String {
        let (mut path, mut rest) = (String::new(), template.trim_matches('`'));
        let class = self.owner(file, symbol, "this.");
        let extract = self.loom.linker.extract(file);
        while let Some((before, after)) = rest.split_once("${") {
            path.push_str(before);
            let (inside, after) = after.split_once('}').unwrap_or((after, ""));
            rest = after;
            let own = |fact: &&Fact| {
                fact.kind == Kind::Assign && fact.symbol == class && Some(fact.name.as_str()) == inside.strip_prefix("this.")
            };
            match extract.and_then(|extract| extract.facts.iter().find(own)).and_then(|fact| fact.get("value")) {
                Some(value) => path.push_str(value),
                None if !path.is_empty() => path.push_str(&format!(":{}", inside.rsplit('.').next().unwrap_or("part"))),
                None => {}
            }
        }
        path.push_str(rest);
        if path.starts_with('/') || path.is_empty() { path } else { format!("/{path}") }
    }

    /// The field of a thing that nothing in the file names, such as the parameter of a loop: `router` of `one.router`.
    pub(super) fn of_element(&self, file: usize, id: &str) -> Option<String> {
        let (head, field) = id.split_once('.')?;
        let extract = self.loom.linker.extract(file)?;
        let known = head == "this"
            || extract.imports.iter().any(|import| import.local == head)
            || extract.symbols.iter().any(|symbol| symbol.name == head)
            || extract.facts.iter().any(|fact| fact.get("result") == Some(head));
        (!known && self.fields.iter().any(|(_, name)| name == field)).then(|| field.to_owned())
    }

    /// Routers in fields of classes hang where a list of such things is mounted, unless something else mounts them.
    pub(super) fn held_by_classes(&mut self) {
        let free: Vec<(usize, String)> = self.fields.iter().filter(|(node, _)| !self.parents.contains_key(node)).cloned().collect();
        for (parent, field, path, at) in std::mem::take(&mut self.each) {
            let of = |(child, name): &&(usize, String)| *name == field && *child != parent && !self.apps.contains(child);
            let children: Vec<usize> = free.iter().filter(of).map(|(child, _)| *child).collect();
            for child in children {
                self.hang(child, parent, &path, Vec::new(), at);
            }
        }
    }
}
