//! The mount tree: which router hangs on which, with which prefix and behind what.
//!
//! Nodes are values (see [`super::flow`]); two values that are the same router are one node. A router may hang on
//! several others, so a route may have several paths; their number is bounded.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use crate::fact::{Fact, FileId, Guard, Kind};

/// Something that stands before routes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer {
    /// Canonical name.
    pub name: String,
    /// Its arguments, and what else is known of it.
    pub attrs: Vec<(String, String)>,
    /// Its first argument, where that says whether it is on.
    pub switch: Option<String>,
    /// Where it is installed.
    pub file: FileId,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end: u32,
    /// In which definition.
    pub symbol: u32,
    /// Behind which flag.
    pub guard: Option<Guard>,
    /// Its place among the calls of the definition.
    pub order: u32,
}

impl Layer {
    /// How routes name it: `auth.required`, `auth.middleware(false)`.
    pub fn shown(&self) -> String {
        self.switch.as_ref().map_or_else(|| self.name.clone(), |switch| format!("{}({switch})", self.name))
    }
}

/// One router on another.
#[derive(Debug, Clone)]
struct Edge {
    child: usize,
    parent: usize,
    prefix: String,
    guards: Vec<Layer>,
    at: Spot,
}

/// Where something is done to a router, for what comes before what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The file.
    pub file: FileId,
    /// The definition.
    pub symbol: u32,
    /// The place among its calls.
    pub order: u32,
}

/// Which routes a layer covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Covers {
    /// Those that are added after it.
    Later,
    /// Those that were added before it.
    Earlier,
    /// All.
    All,
}

/// The mount tree.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    names: BTreeMap<(u32, String), usize>,
    same: Vec<usize>,
    edges: Vec<Edge>,
    layers: Vec<(usize, Layer, Covers)>,
    roots: BTreeMap<usize, Fact>,
    /// Made when it is first asked for, dropped when something is added.
    index: OnceCell<Index>,
}

/// What belongs to each node, so that a question does not look at everything.
#[derive(Debug, Default)]
struct Index {
    /// Numbers of edges by child.
    above: BTreeMap<usize, Vec<usize>>,
    /// Nodes that something hangs on.
    parents: BTreeSet<usize>,
    /// Numbers of layers by node.
    layers: BTreeMap<usize, Vec<usize>>,
}

/// One way from a route to a root.
#[derive(Debug, Clone, Default)]
pub(crate) struct Way {
    /// All prefixes, outermost first.
    pub prefix: String,
    /// What stands before it, outermost first.
    pub guards: Vec<Layer>,
}

impl Graph {
    /// The node of a value; fields (`~`) are the same in all files.
    pub fn node(&mut self, file: FileId, value: &str) -> usize {
        let key = (if value.starts_with('~') { u32::MAX } else { file.0 }, value.to_owned());
        let next = self.same.len();
        let number = *self.names.entry(key).or_insert(next);
        if number == next {
            self.same.push(next);
        }
        self.find(number)
    }
    /// The node of a value, where there is one.
    pub fn known(&self, file: FileId, value: &str) -> Option<usize> {
        let key = (if value.starts_with('~') { u32::MAX } else { file.0 }, value.to_owned());
        self.names.get(&key).map(|number| self.find(*number))
    }
    fn find(&self, mut number: usize) -> usize {
        while let Some(next) = self.same.get(number).copied().filter(|next| *next != number) {
            number = next;
        }
        number
    }
    /// The number that all values of one router share.
    pub fn root_of(&self, number: usize) -> usize {
        self.find(number)
    }
    /// Says that two values are one router.
    pub fn unite(&mut self, a: usize, b: usize) {
        self.index.take();
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = (a.min(b), a.max(b));
        if let Some(slot) = self.same.get_mut(high) {
            *slot = low;
        }
        if low != high
            && let Some(root) = self.roots.remove(&high)
        {
            self.roots.entry(low).or_insert(root);
        }
    }
    /// Says that a router hangs on another.
    pub fn hang(&mut self, child: usize, parent: usize, prefix: &str, guards: Vec<Layer>, at: Spot) {
        self.index.take();
        self.edges.push(Edge { child, parent, prefix: prefix.to_owned(), guards, at });
    }
    /// Puts something before a router's routes.
    pub fn layer(&mut self, node: usize, layer: Layer, covers: Covers) {
        self.index.take();
        self.layers.push((node, layer, covers));
    }
    /// Says that a router is an application, or could be one.
    pub fn root(&mut self, node: usize, app: Fact) {
        let node = self.find(node);
        self.roots.entry(node).or_insert(app);
    }
    /// Whether a node hangs on nothing.
    pub fn is_top(&self, node: usize) -> bool {
        let node = self.find(node);
        !self.above(node).any(|edge| self.find(edge.parent) != node)
    }
    fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let mut index = Index::default();
            for (number, edge) in self.edges.iter().enumerate() {
                index.above.entry(self.find(edge.child)).or_default().push(number);
                index.parents.insert(self.find(edge.parent));
            }
            for (number, (node, _, _)) in self.layers.iter().enumerate() {
                index.layers.entry(self.find(*node)).or_default().push(number);
            }
            index
        })
    }
    /// The edges from a node to what it hangs on, in the order in which they were said.
    fn above(&self, node: usize) -> impl DoubleEndedIterator<Item = &Edge> {
        self.index().above.get(&node).into_iter().flatten().filter_map(|number| self.edges.get(*number))
    }
    /// The layers of a node, in the order in which they were said.
    fn layers_of(&self, node: usize) -> impl Iterator<Item = &(usize, Layer, Covers)> {
        self.index().layers.get(&node).into_iter().flatten().filter_map(|number| self.layers.get(*number))
    }
    /// The applications, by node.
    pub fn roots(&self) -> impl Iterator<Item = (usize, &Fact)> {
        self.roots.iter().map(|(node, fact)| (*node, fact))
    }
    /// Whether something is known of this node as a router.
    pub fn is_router(&self, node: usize) -> bool {
        let node = self.find(node);
        self.roots.contains_key(&node) || self.index().above.contains_key(&node) || self.index().parents.contains(&node)
    }
    /// Every way from a place on a router up to where nothing is above, at most sixteen.
    pub fn ways(&self, node: usize, at: Spot) -> Vec<Way> {
        let mut done = Vec::new();
        let mut open = vec![(self.find(node), at, Way::default(), vec![self.find(node)])];
        let mut steps = 0;
        while let Some((node, at, way, seen)) = open.pop() {
            steps += 1;
            if done.len() >= 16 || steps > 500 {
                break;
            }
            let mut here: Vec<Layer> = Vec::new();
            for (_, layer, covers) in self.layers_of(node) {
                let spot = Spot { file: layer.file, symbol: layer.symbol, order: layer.order };
                let comparable = spot.file == at.file && spot.symbol == at.symbol;
                let covered = !comparable
                    || match covers {
                        Covers::Later => spot.order < at.order,
                        Covers::Earlier => spot.order > at.order,
                        Covers::All => true,
                    };
                if covered {
                    here.push(layer.clone());
                }
            }
            here.extend(way.guards.iter().cloned());
            let way = Way { guards: here, prefix: way.prefix };
            let above: Vec<&Edge> = self.above(node).filter(|edge| !seen.contains(&self.find(edge.parent))).collect();
            if above.is_empty() || seen.len() > 32 {
                done.push(way);
                continue;
            }
            for edge in above.into_iter().rev() {
                let mut guards = edge.guards.clone();
                guards.extend(way.guards.iter().cloned());
                let parent = self.find(edge.parent);
                let mut seen = seen.clone();
                seen.push(parent);
                open.push((parent, edge.at, Way { prefix: join(&edge.prefix, &way.prefix), guards }, seen));
            }
        }
        done
    }
    /// The layers as facts, in the order of their places.
    pub fn middleware(&self) -> Vec<Fact> {
        let mut out = Vec::new();
        for (node, layer, _) in &self.layers {
            let beside = self.layers_of(self.find(*node));
            let order = beside.filter(|(_, before, _)| before.order < layer.order && before.file == layer.file).count();
            let mut fact = Fact::new(Kind::Middleware, &layer.name, layer.line, layer.end).within(layer.symbol);
            fact.attrs = layer.attrs.clone();
            fact.file = layer.file;
            fact.guard = layer.guard.clone();
            out.push(fact.with("order", order.to_string()).with("scope", if self.is_top(*node) { "app" } else { "router" }));
        }
        out
    }
}

/// A path of a prefix and what follows it.
pub(crate) fn join(prefix: &str, path: &str) -> String {
    let prefix = prefix.trim_end_matches("/*").trim_end_matches('/');
    match (prefix.is_empty(), path.trim_start_matches('/').is_empty()) {
        (true, _) if path.starts_with('/') || path.is_empty() => path.to_owned(),
        (true, _) => format!("/{path}"),
        (false, true) => prefix.to_owned(),
        (false, false) => format!("{prefix}/{}", path.trim_start_matches('/')),
    }
}
