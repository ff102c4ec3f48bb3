//! One walk over a file's syntax tree: definitions and scopes on the way down, values of expressions on the way up.

use std::collections::HashMap;

use tree_sitter::{Node, Parser};

use super::names::Names;
use crate::{
    fact::{Extract, Fact, Guard, Kind, Reach, Symbol, Use},
    language::{
        flow::{Scopes, Value, compact, lines, text},
        walk::{Walk, walk},
    },
};

/// What is known while a file is read.
pub(super) struct Reader<'t> {
    pub source: &'t str,
    pub names: Names,
    pub out: Extract,
    pub scopes: Scopes,
    /// Values of the expressions that were left, by node.
    pub values: HashMap<usize, Value>,
    /// The definitions around, the nearest last, with the facts of functions.
    pub within: Vec<Within>,
    /// Conditions around, with the node that ends each.
    pub guards: Vec<(usize, Guard)>,
    /// Nodes around, the nearest last.
    pub around: Vec<Node<'t>>,
    /// Attributes that wait for their item.
    pub attributes: Vec<Node<'t>>,
    /// How many definitions of tests are around.
    pub tests: usize,
}

/// A definition around.
#[derive(Debug, Clone, Default)]
pub(super) struct Within {
    pub node: usize,
    pub symbol: u32,
    /// Its name below the file.
    pub name: String,
    /// The canonical type of an `impl`.
    pub class: Option<String>,
    /// The trait of an `impl`.
    pub of: Option<String>,
    /// The number of the fact of a function.
    pub def: Option<usize>,
    /// Whether it is a test or a module of tests.
    pub test: bool,
    /// The attributes of a test.
    pub markers: Vec<String>,
}

/// Reads a file.
pub(super) fn extract(path: &str, source: &str) -> Extract {
    let mut parser = Parser::new();
    let mut out = Extract { symbols: vec![Symbol { name: String::new(), parent: 0, line: 1, end: 1, class: false }], ..Extract::default() };
    if parser.set_language(&tree_sitter_rust::LANGUAGE.into()).is_err() {
        return out;
    }
    let Some(tree) = crate::language::parse::parse(&mut parser, source) else {
        out.trouble.push("line 1: parsing took too many steps".into());
        return out;
    };
    let root = tree.root_node();
    if let Some(first) = out.symbols.first_mut() {
        first.end = lines(root).1;
    }
    if root.has_error() {
        out.trouble.push("parts of it could not be parsed".into());
    }
    let names = Names::read(path, root, source);
    out.imports = names.listed.clone();
    for import in names.listed.iter().filter(|import| !import.module.starts_with("self::")) {
        let item = import.item.as_deref().map_or(String::new(), |item| format!("::{item}"));
        out.facts.push(Fact::new(Kind::Import, names.canonical(&format!("{}{item}", import.module)), import.line, import.line));
    }
    let mut reader = Reader {
        source,
        names,
        out,
        scopes: Scopes::default(),
        values: HashMap::new(),
        within: vec![Within::default()],
        guards: Vec::new(),
        around: Vec::new(),
        attributes: Vec::new(),
        tests: 0,
    };
    reader.scopes.enter();
    walk(&mut reader, root);
    reader.out.facts.sort_by_key(|fact| fact.line);
    reader.out
}

impl<'t> Walk<'t> for Reader<'t> {
    fn around(&mut self) -> &mut Vec<Node<'t>> {
        &mut self.around
    }

    fn enter(&mut self, node: Node<'t>) -> bool {
        match node.kind() {
            "line_comment" | "block_comment" | "use_declaration" | "macro_definition" | "extern_crate_declaration" => return false,
            "attribute_item" => {
                self.attributes.push(node);
                return false;
            }
            "macro_invocation" => {
                self.invoked(node);
                return false;
            }
            "function_item" => self.function(node),
            "impl_item" => self.implementation(node),
            "mod_item" => self.module(node),
            "trait_item" | "struct_item" | "enum_item" | "union_item" => self.class(node),
            "closure_expression" => {
                self.scopes.enter();
                let params = node.child_by_field_name("parameters").map(|list| self.parameters(list)).unwrap_or_default();
                let (first, last) = lines(node);
                self.values.insert(
                    node.id(),
                    Value { inline: Some((params.join(","), format!("{first}-{last}"))), of: Some("fn".into()), ..Value::default() },
                );
            }
            "block" | "match_arm" => {
                self.scopes.enter();
                self.condition(node);
            }
            _ => {}
        }
        // Attributes of what is no definition are nobody's.
        let bare =
            ["field_declaration", "enum_variant", "let_declaration", "expression_statement", "match_arm", "field_initializer", "parameter"];
        if node.is_named() && (node.kind().ends_with("_item") || bare.contains(&node.kind())) {
            self.attributes.clear();
        }
        true
    }

    fn leave(&mut self, node: Node<'t>) {
        match node.kind() {
            "function_item" => {
                self.tail(node);
                self.scopes.leave();
                self.finished(node);
                self.end(node);
            }
            "impl_item" | "mod_item" | "trait_item" | "struct_item" | "enum_item" | "union_item" => self.end(node),
            "closure_expression" => self.scopes.leave(),
            "block" => {
                self.scopes.leave();
                self.guards.retain(|(id, _)| *id != node.id());
                if let Some(last) = node
                    .named_child(node.named_child_count().saturating_sub(1).try_into().unwrap_or(0))
                    .filter(|last| !last.kind().ends_with("statement"))
                {
                    let value = self.value(last);
                    self.values.insert(node.id(), value);
                }
            }
            "match_arm" => {
                self.scopes.leave();
                self.failed(node, node.child_by_field_name("pattern"), node.child_by_field_name("value"));
            }
            "let_declaration" => self.bound(node),
            "const_item" | "static_item" => self.constant_item(node),
            "if_expression" => self.if_failed(node),
            _ => {
                self.read(node);
            }
        }
    }
}

impl<'t> Reader<'t> {
    fn end(&mut self, node: Node<'t>) {
        if self.within.last().is_some_and(|within| within.node == node.id())
            && let Some(within) = self.within.pop()
            && within.test
        {
            self.tests = self.tests.saturating_sub(1);
        }
    }

    /// Begins a definition.
    pub fn begin(&mut self, node: Node<'t>, within: Within) {
        if within.test {
            self.tests += 1;
        }
        self.within.push(Within { node: node.id(), ..within });
    }

    /// The definition being read.
    pub fn symbol(&self) -> u32 {
        self.within.last().map_or(0, |within| within.symbol)
    }

    pub fn add(&mut self, name: &str, node: Node<'t>, class: bool) -> (u32, String) {
        let outer = self.within.last().map_or("", |within| within.name.as_str());
        let name = if outer.is_empty() { name.to_owned() } else { format!("{outer}.{name}") };
        let (line, end) = lines(node);
        let parent = self.symbol();
        self.out.symbols.push(Symbol { name: name.clone(), parent, line, end, class });
        (u32::try_from(self.out.symbols.len() - 1).unwrap_or(0), name)
    }

    /// The attributes of an item: canonical name and text between the brackets.
    pub fn taken(&mut self) -> Vec<(String, String, Node<'t>)> {
        let nodes = std::mem::take(&mut self.attributes);
        nodes
            .into_iter()
            .take(40)
            .filter_map(|node| {
                let inner = node.named_child(0)?;
                let written = text(inner, self.source);
                let path = written.split(['(', '=', ' ']).next().unwrap_or_default();
                Some((self.names.canonical(path), written.to_owned(), inner))
            })
            .collect()
    }

    /// Adds a fact in this place and gives its number.
    pub fn push(&mut self, fact: Fact) -> usize {
        let mut fact = fact.within(self.symbol());
        fact.guard = self.guards.last().map(|(_, guard)| guard.clone());
        if self.tests > 0 {
            fact.reach = Reach::Test;
        }
        self.out.facts.push(fact);
        self.out.facts.len() - 1
    }

    /// Adds a mention; what tests mention is run by nobody.
    pub fn mention(&mut self, path: String, line: u32) {
        if self.tests == 0 && !path.is_empty() {
            let guard = self.guards.last().map(|(_, guard)| guard.clone());
            self.out.uses.push(Use { symbol: self.symbol(), path, line, guard });
        }
    }

    /// What an expression is, where it was read.
    pub fn value(&self, node: Node<'_>) -> Value {
        self.values.get(&node.id()).cloned().unwrap_or_default()
    }

    /// An expression as a property's value.
    pub fn shown(&self, node: Node<'_>) -> String {
        match self.values.get(&node.id()) {
            Some(Value { constant: Some(constant), .. }) => constant.clone(),
            Some(Value { name: Some(name), call: None, .. }) => name.clone(),
            _ => compact(text(node, self.source)),
        }
    }
}
