//! Plugins of Fastify, registered one by one or by folder.

use super::{Yard, passed};
use crate::{
    fact::{Fact, Kind},
    language::graph::{Covers, Layer, Spot as At},
};

impl<'p> Yard<'_, 'p> {
    /// Fastify's `register(plugin, options)`.
    pub(super) fn registered(&mut self, file: usize, fact: &'p Fact, node: usize, at: At) {
        let Some(first) = passed(fact).first().copied() else { return };
        if first.0.ends_with("autoload") || first.0.ends_with("AutoLoad") {
            self.loaded.push((file, node));
            return;
        }
        // `register(fp(plugin))` registers the plugin.
        let inner = fact.get("inner").filter(|inner| self.loom.target(file, inner).is_some_and(|found| found.symbol.is_some()));
        let target = self.loom.target(file, inner.unwrap_or(first.0)).and_then(|found| Some((found.file, found.symbol?)));
        let Some((to, symbol)) = target else {
            let layer = self.loom.layer(file, fact, first.0, first.1);
            let mut layer = Layer { name: first.0.to_owned(), ..layer };
            layer.attrs =
                fact.attrs.iter().filter(|(key, _)| !matches!(key.as_str(), "pass" | "id" | "receiver" | "0" | "await")).cloned().collect();
            self.layers.push((node, layer, Covers::All));
            return;
        };
        let child = match self.made.get(&(to, symbol)).and_then(|made| made.first().copied()) {
            Some(child) => child,
            None => {
                let name = self
                    .loom
                    .defs
                    .get(&(to, symbol))
                    .and_then(|def| def.get("param"))
                    .map(|parameter| parameter.split(':').next().unwrap_or("").to_owned());
                self.node(to, symbol, &name.unwrap_or_default())
            }
        };
        if first.0.starts_with("fastify-plugin") || self.is_open(to) {
            self.open.insert(child, node);
        }
        self.hang(child, node, fact.get("prefix").unwrap_or(""), Vec::new(), at);
        self.loom.lead((file, fact.symbol), (to, symbol));
    }

    /// Plugins that are loaded by folder: everything below the file that loads them and takes an app as its parameter.
    pub(super) fn autoload(&mut self) {
        for (file, node) in self.loaded.clone() {
            let Some((_, path, _)) = self.loom.linker.files.get(file) else { continue };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            let at = At { file: self.loom.id(file), symbol: 0, order: 0 };
            let plugins: Vec<(usize, u32)> = self.made.keys().copied().filter(|(other, symbol)| *other != file && *symbol != 0).collect();
            let hooks: Vec<(String, usize)> = plugins
                .iter()
                .filter_map(|spot| {
                    let (_, path, _) = self.loom.linker.files.get(spot.0)?;
                    let (folder, name) = path.rsplit_once('/')?;
                    let node = self.made.get(spot).and_then(|made| made.first().copied())?;
                    name.starts_with("autohooks.").then(|| (folder.to_owned(), node))
                })
                .collect();
            for (other, symbol) in plugins {
                let Some((_, path, extract)) = self.loom.linker.files.get(other) else { continue };
                let Some(below) = path.strip_prefix(folder.as_str()).map(|below| below.trim_start_matches('/')) else { continue };
                let first = extract.symbols.get(symbol as usize).is_some_and(|symbol| symbol.parent == 0);
                let Some(child) = self.made.get(&(other, symbol)).and_then(|made| made.first().copied()).filter(|_| first) else {
                    continue;
                };
                // Folders below `routes` are the prefix.
                let prefix = below.split_once("routes/").map_or("", |(_, rest)| rest.rsplit_once('/').map_or("", |(folder, _)| folder));
                let prefix = prefix.replace("/_", "/:").replace(['[', ']'], "");
                // The hooks of a folder stand before everything in it and below.
                let inside = |(folder, _): &&(String, usize)| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
                let above = hooks.iter().filter(inside).max_by_key(|(folder, _)| folder.len()).map(|(_, node)| *node);
                if path.contains("/autohooks.") {
                    self.hang(child, node, "", Vec::new(), at);
                } else {
                    self.hang(child, above.unwrap_or(node), &prefix, Vec::new(), at);
                }
                if self.is_open(other) && above.is_none() {
                    self.open.insert(child, node);
                }
                self.loom.lead((file, 0), (other, symbol));
            }
        }
    }

    /// Whether a file gives its plugin in a wrapper that leaves it no scope of its own.
    fn is_open(&self, file: usize) -> bool {
        let wrapped =
            |fact: &Fact| fact.kind == Kind::Call && fact.name.starts_with("fastify-plugin") && fact.get("result") == Some("default");
        self.loom.linker.extract(file).is_some_and(|extract| extract.facts.iter().any(wrapped))
    }
}
