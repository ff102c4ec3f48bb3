//! Reads one file: parses it, walks the tree once, and collects what it says.

use std::collections::BTreeMap;

use tree_sitter::{Node, Parser};

use super::names::{module_at, text_of};
use crate::{
    fact::{Extract, Fact, Guard, Symbol, Use},
    language::flow::lines,
};

/// A file with more facts than this is generated or hostile; the rest is left out and the file says so.
const MOST: usize = 40_000;

/// What a name stands for: canonical, and as it would be written at the file's own level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) canonical: String,
    pub(super) written: String,
}

/// The names of a block or function; `None` for those of which nothing is known.
#[derive(Debug, Default)]
pub(super) struct Scope<'t> {
    pub(super) parent: usize,
    pub(super) names: BTreeMap<&'t str, Option<Known>>,
    /// The class that `this` is of, an index into the reader's classes.
    pub(super) class: Option<usize>,
}

/// A class while its body is read.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) itself: Known,
    pub(super) fields: BTreeMap<String, Known>,
}

/// A test while its body is read.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) fact: usize,
    pub(super) asserts: u32,
    pub(super) sound: u32,
}

/// Where in the program a node stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ctx<'t> {
    pub(super) symbol: u32,
    pub(super) scope: usize,
    pub(super) guard: Option<usize>,
    pub(super) test: Option<usize>,
    /// The innermost `describe`, an index into the reader's titles.
    pub(super) title: usize,
    /// The name that the value is given to.
    pub(super) result: &'t str,
    pub(super) awaited: bool,
    /// Mentions are not recorded: what is put on a router runs when the router is mounted.
    pub(super) quiet: bool,
}

impl Ctx<'_> {
    /// The same place for another expression.
    pub(super) fn inner(self) -> Self {
        Ctx { result: "", awaited: false, ..self }
    }
}

/// What a function that comes next is called.
#[derive(Debug, Clone)]
pub(super) enum Name {
    None,
    Called(String),
    Is(u32),
}

/// A node still to be looked at.
#[derive(Debug)]
pub(super) struct Job<'t> {
    pub(super) node: Node<'t>,
    pub(super) ctx: Ctx<'t>,
    pub(super) name: Name,
}

/// The state of the walk.
pub(super) struct Reader<'t> {
    pub(super) path: &'t str,
    pub(super) text: &'t str,
    pub(super) module: String,
    pub(super) out: Extract,
    /// Imported names and what they are, canonical.
    pub(super) imports: BTreeMap<&'t str, String>,
    /// Functions and classes at the file's own level.
    pub(super) own: BTreeMap<&'t str, ()>,
    /// Constants at the file's own level.
    pub(super) constants: BTreeMap<&'t str, String>,
    /// Objects that a variable was given, by the scope that declares it.
    pub(super) objects: BTreeMap<(usize, &'t str), Node<'t>>,
    pub(super) scopes: Vec<Scope<'t>>,
    pub(super) classes: Vec<Class>,
    pub(super) guards: Vec<Guard>,
    pub(super) tests: Vec<Counted>,
    /// Titles of `describe` blocks with the number of the one around; the first is empty.
    pub(super) titles: Vec<(usize, String, bool)>,
    pub(super) jobs: Vec<Job<'t>>,
    pub(super) express: bool,
    /// Whether tables of names of variables were looked at.
    pub(super) tabled: bool,
}

impl<'t> Reader<'t> {
    /// The text of a node.
    pub(super) fn src(&self, node: Node<'_>) -> &'t str {
        text_of(self.text, node)
    }
    /// Records a fact.
    pub(super) fn fact(&mut self, mut fact: Fact, ctx: Ctx<'_>) -> usize {
        fact.symbol = ctx.symbol;
        fact.guard = ctx.guard.and_then(|number| self.guards.get(number).cloned());
        self.out.facts.push(fact);
        self.out.facts.len() - 1
    }
    /// Records a mention.
    pub(super) fn mention(&mut self, path: String, node: Node<'_>, ctx: Ctx<'_>) {
        if ctx.quiet || path.is_empty() {
            return;
        }
        let guard = ctx.guard.and_then(|number| self.guards.get(number).cloned());
        self.out.uses.push(Use { symbol: ctx.symbol, path, line: line(node), guard });
    }
    /// Adds a definition and gives its number.
    pub(super) fn define(&mut self, name: &str, node: Node<'_>, parent: u32, class: bool) -> u32 {
        let around = self.out.symbols.get(parent as usize).map_or("", |symbol| symbol.name.as_str());
        let name = if around.is_empty() { name.to_owned() } else { format!("{around}.{name}") };
        self.out.symbols.push(Symbol { name, parent, line: line(node), end: end(node), class });
        u32::try_from(self.out.symbols.len() - 1).unwrap_or(0)
    }
    /// Looks at a node later, before everything that is waiting.
    pub(super) fn push(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        self.jobs.push(Job { node, ctx, name: Name::None });
    }
    /// Looks at a node later, which is a definition of this name if it is a function.
    pub(super) fn push_named(&mut self, node: Node<'t>, ctx: Ctx<'t>, name: Name) {
        self.jobs.push(Job { node, ctx, name });
    }
    /// Looks at all children, in the order of the text.
    pub(super) fn push_children(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let first = self.jobs.len();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            self.jobs.push(Job { node: child, ctx: ctx.inner(), name: Name::None });
        }
        self.turn(first);
    }
    /// What was pushed since comes out in the order in which it was pushed.
    pub(super) fn turn(&mut self, first: usize) {
        if let Some(pushed) = self.jobs.get_mut(first..) {
            pushed.reverse();
        }
    }
    /// Opens a scope.
    pub(super) fn scope(&mut self, parent: usize, class: Option<usize>) -> usize {
        let class = class.or_else(|| self.scopes.get(parent).and_then(|scope| scope.class));
        self.scopes.push(Scope { parent, names: BTreeMap::new(), class });
        self.scopes.len() - 1
    }
}

/// The line of a node, from 1.
pub(super) fn line(node: Node<'_>) -> u32 {
    lines(node).0
}
/// The last line of a node, from 1.
pub(super) fn end(node: Node<'_>) -> u32 {
    lines(node).1
}

/// Reads a file.
pub(super) fn read(path: &str, text: &str) -> Extract {
    let mut out = Extract::default();
    let lines = u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count() + 1).unwrap_or(u32::MAX);
    out.symbols.push(Symbol { name: String::new(), parent: 0, line: 1, end: lines, class: false });
    if text.len() > 20_000 && text.len() / lines as usize > 400 {
        out.trouble.push("line 1: packed by a tool, not read".to_owned());
        return out;
    }
    let grammar: tree_sitter::Language = match path.rsplit('.').next() {
        Some("ts" | "mts" | "cts") => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        Some("tsx") => tree_sitter_typescript::LANGUAGE_TSX.into(),
        _ => tree_sitter_javascript::LANGUAGE.into(),
    };
    let mut parser = Parser::new();
    if parser.set_language(&grammar).is_err() {
        out.trouble.push("line 1: no grammar".to_owned());
        return out;
    }
    let Some(tree) = crate::language::parse::parse(&mut parser, text) else {
        out.trouble.push("line 1: parsing took too many steps".to_owned());
        return out;
    };
    let root = tree.root_node();
    if root.has_error() {
        out.trouble.push(format!("line {}: could not be parsed completely", first_error(root)));
    }
    let mut reader = Reader {
        path,
        text,
        module: module_at(path),
        out,
        imports: BTreeMap::new(),
        own: BTreeMap::new(),
        constants: BTreeMap::new(),
        objects: BTreeMap::new(),
        scopes: vec![Scope::default()],
        classes: Vec::new(),
        guards: Vec::new(),
        tests: Vec::new(),
        titles: vec![(0, String::new(), false)],
        jobs: Vec::new(),
        express: text.contains("express"),
        tabled: false,
    };
    reader.begin(root);
    let ctx = Ctx { symbol: 0, scope: 0, guard: None, test: None, title: 0, result: "", awaited: false, quiet: false };
    reader.push_children(root, ctx);
    while let Some(job) = reader.jobs.pop() {
        if reader.out.facts.len() > MOST {
            reader.out.trouble.push(format!("line {}: too many facts, the rest is left out", line(job.node)));
            break;
        }
        reader.visit(job);
    }
    reader.finish()
}

fn first_error(root: Node<'_>) -> u32 {
    let mut node = root;
    'down: for _ in 0..10_000 {
        if node.is_error() || node.is_missing() {
            break;
        }
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            if child.has_error() || child.is_missing() {
                node = child;
                continue 'down;
            }
        }
        break;
    }
    line(node)
}
