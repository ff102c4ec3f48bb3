//! Annotations as decorators.

use tree_sitter::Node;

use super::{
    extract::Reader,
    names::{children, lines, text},
};
use crate::fact::{Fact, Kind};

impl<'t> Reader<'t> {
    /// The annotations among a declaration's modifiers.
    pub fn annotations(&self, declaration: Node<'t>) -> Vec<Node<'t>> {
        let mut found = Vec::new();
        for child in children(declaration) {
            match child.kind() {
                "modifiers" => {
                    found.extend(children(child).into_iter().filter(|inner| matches!(inner.kind(), "annotation" | "marker_annotation")))
                }
                "annotation" | "marker_annotation" => found.push(child),
                _ => {}
            }
        }
        found
    }
    /// The canonical name of an annotation.
    pub fn annotation_name(&self, node: Node<'t>) -> String {
        node.child_by_field_name("name").map_or(String::new(), |name| self.names.of(text(name, self.source)))
    }
    /// The arguments of an annotation: the lone value is `0`.
    pub fn annotation_arguments(&self, node: Node<'t>) -> Vec<(String, String)> {
        let Some(list) = node.child_by_field_name("arguments") else { return Vec::new() };
        let mut out = Vec::new();
        for child in children(list).into_iter().take(40) {
            match (child.kind(), child.child_by_field_name("key"), child.child_by_field_name("value")) {
                ("element_value_pair", Some(key), Some(value)) => out.push((text(key, self.source).to_owned(), self.value(value))),
                _ => out.push(("0".to_owned(), self.value(child))),
            }
        }
        out
    }
    /// Adds a decorator for each annotation of a declaration, and gives their canonical names.
    pub fn decorate(&mut self, declaration: Node<'t>, on: &str, on_kind: &str, symbol: u32) -> Vec<String> {
        let mut names = Vec::new();
        for node in self.annotations(declaration) {
            let name = self.annotation_name(node);
            let (line, end) = lines(node);
            let mut fact = Fact::new(Kind::Decorator, &name, line, end).within(symbol).with("on", on).with("on_kind", on_kind);
            fact.attrs.extend(self.annotation_arguments(node));
            if name.ends_with(".Query") || name.ends_with(".NativeQuery") {
                let sql = fact.get("0").or(fact.get("value")).unwrap_or_default().to_owned();
                self.push(
                    Fact::new(Kind::Text, "query", line, end).within(symbol).with("shape", "sql").with("value", sql).with("built", "no"),
                );
            }
            if name.ends_with("beans.factory.annotation.Value") {
                self.setting(fact.get("0").or(fact.get("value")).unwrap_or_default().to_owned(), on, line, end, symbol);
            }
            self.push(fact);
            self.classes_named(node, declaration, on_kind, symbol);
            names.push(name);
        }
        names
    }
    /// An annotation of one's own, and the classes that an annotation names (`validatedBy = X.class`), are used by what it stands on.
    fn classes_named(&mut self, node: Node<'t>, declaration: Node<'t>, on_kind: &str, symbol: u32) {
        let saved = self.symbol;
        // A class's own annotations stand around it; its number is the one that comes next or was given last.
        let line = lines(declaration).0;
        let own = self.out.symbols.iter().rposition(|one| one.line == line && matches!(on_kind, "class" | "function"));
        self.symbol = own.and_then(|at| u32::try_from(at).ok()).unwrap_or(symbol);
        if let Some(name) = node.child_by_field_name("name") {
            self.mention(text(name, self.source), node);
        }
        let mut open: Vec<Node<'t>> = node.child_by_field_name("arguments").into_iter().collect();
        let mut seen = 0;
        while let Some(next) = open.pop() {
            seen += 1;
            if seen > 400 {
                break;
            }
            match next.kind() {
                "class_literal" => {
                    if let Some(class) = next.named_child(0) {
                        self.mention(text(class, self.source), next);
                    }
                }
                "string_literal" => {}
                _ => open.extend(children(next)),
            }
        }
        self.symbol = saved;
    }
    /// `@Value("${key:default}")`.
    fn setting(&mut self, text: String, on: &str, line: u32, end: u32, symbol: u32) {
        let Some(inside) = text.split_once("${").and_then(|(_, rest)| rest.rsplit_once('}')).map(|(inside, _)| inside) else { return };
        let (key, default) = inside.split_once(':').map_or((inside, None), |(key, default)| (key, Some(default)));
        let mut fact = Fact::new(Kind::Setting, key, line, end)
            .within(symbol)
            .with("required", if default.is_some() { "no" } else { "yes" })
            .with("field", on);
        if let Some(default) = default {
            fact = fact.with("default", default);
        }
        self.push(fact);
    }
}
