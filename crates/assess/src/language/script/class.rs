//! Classes: their bases, decorators, fields and methods.

use tree_sitter::Node;

use super::{
    define::is_function,
    names::{constant, normal, plain},
    read::{Class, Ctx, Known, Name, Reader, end, line},
};
use crate::fact::{Fact, Kind};

impl<'t> Reader<'t> {
    pub(super) fn class(&mut self, node: Node<'t>, ctx: Ctx<'t>, name: Name) {
        let word = match (node.child_by_field_name("name"), name) {
            (Some(name), _) => self.src(name).to_owned(),
            (None, Name::Called(name)) => name,
            _ => "class".to_owned(),
        };
        let symbol = self.define(&word, node, ctx.symbol, true);
        let named = self.out.symbols.get(symbol as usize).map_or_else(String::new, |symbol| symbol.name.clone());
        let mut fact = Fact::new(Kind::Def, format!("{}.{named}", self.module), line(node), end(node)).with("kind", "class");
        let inner = Ctx { symbol, ..ctx.inner() };
        let first = self.jobs.len();
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        for child in &children {
            if child.kind() == "class_heritage" {
                let mut inner_cursor = child.walk();
                for clause in child.named_children(&mut inner_cursor) {
                    let bases: Vec<Node<'t>> = match clause.kind() {
                        "extends_clause" => clause.child_by_field_name("value").into_iter().collect(),
                        "implements_clause" => {
                            let mut types = clause.walk();
                            clause.named_children(&mut types).collect()
                        }
                        _ => vec![clause],
                    };
                    for base in bases {
                        if let Some(canonical) = self.canonical(base, ctx.scope) {
                            fact = fact.with("base", canonical);
                        }
                        if clause.kind() != "implements_clause" {
                            self.push(base, inner);
                        }
                    }
                }
            }
        }
        self.fact(fact, inner);
        // Decorators stand before the class, or before the `export` around it.
        let around = node.parent().filter(|parent| parent.kind() == "export_statement");
        for holder in [Some(node), around].into_iter().flatten() {
            let mut cursor = holder.walk();
            let found: Vec<Node<'t>> = holder.named_children(&mut cursor).filter(|child| child.kind() == "decorator").collect();
            for decorator in found {
                self.decorator(decorator, inner, &word, "class", None);
            }
        }
        let canonical = normal(format!("{}.{named}", self.module));
        self.classes.push(Class { itself: Known { canonical, written: named }, fields: std::collections::BTreeMap::new() });
        let class = self.classes.len() - 1;
        let scope = self.scope(ctx.scope, Some(class));
        let Some(body) = node.child_by_field_name("body") else {
            self.turn(first);
            return;
        };
        self.fields(body, class, scope);
        let inner = Ctx { scope, ..inner };
        let mut pending: Vec<Node<'t>> = Vec::new();
        let mut cursor = body.walk();
        let members: Vec<Node<'t>> = body.named_children(&mut cursor).collect();
        for member in members {
            if member.kind() == "decorator" {
                pending.push(member);
                continue;
            }
            if member.kind() == "comment" {
                continue;
            }
            let mut inner_cursor = member.walk();
            pending.extend(member.named_children(&mut inner_cursor).filter(|child| child.kind() == "decorator"));
            let name = member.child_by_field_name("name").or_else(|| member.child_by_field_name("property"));
            let word = name.map_or("", |name| self.src(name));
            match member.kind() {
                "method_definition" => {
                    let symbol = self.define(word, member, symbol, false);
                    for decorator in pending.drain(..) {
                        self.decorator(decorator, Ctx { symbol, ..inner }, word, "function", None);
                    }
                    self.push_named(member, inner, Name::Is(symbol));
                }
                "public_field_definition" | "field_definition" => {
                    let of = member.child_by_field_name("type").map(|of| super::names::compact(self.src(of).trim_start_matches(':')));
                    for decorator in pending.drain(..) {
                        self.decorator(decorator, inner, word, "property", of.clone());
                    }
                    if let Some(value) = member.child_by_field_name("value") {
                        if let Some(constant) = constant(self.text, value) {
                            self.fact(Fact::new(Kind::Assign, word, line(member), end(member)).with("value", constant), inner);
                        }
                        let name = if is_function(plain(value)) { Name::Called(word.to_owned()) } else { Name::None };
                        self.push_named(value, Ctx { result: word, ..inner }, name);
                    }
                }
                _ => self.push(member, inner),
            }
        }
        self.turn(first);
    }

    /// What a class's fields and constructor parameters are.
    fn fields(&mut self, body: Node<'t>, class: usize, scope: usize) {
        let mut found: Vec<(String, Known)> = Vec::new();
        let mut cursor = body.walk();
        for member in body.named_children(&mut cursor) {
            let name = member.child_by_field_name("name").or_else(|| member.child_by_field_name("property"));
            let word = name.map_or("", |name| self.src(name));
            if word == "constructor" {
                let Some(list) = member.child_by_field_name("parameters") else { continue };
                let mut inner = list.walk();
                for parameter in list.named_children(&mut inner) {
                    let modified = {
                        let mut words = parameter.walk();
                        parameter.children(&mut words).any(|child| child.kind() == "accessibility_modifier" || child.kind() == "readonly")
                    };
                    let (Some(pattern), Some(of)) = (parameter.child_by_field_name("pattern"), parameter.child_by_field_name("type"))
                    else {
                        continue;
                    };
                    if modified && let Some(known) = self.annotated(of, scope) {
                        found.push((self.src(pattern).to_owned(), known));
                    }
                }
            } else if member.kind().ends_with("field_definition") {
                let known = member
                    .child_by_field_name("value")
                    .and_then(|value| self.type_of(value, scope))
                    .or_else(|| member.child_by_field_name("type").and_then(|of| self.annotated(of, scope)));
                found.extend(known.map(|known| (word.to_owned(), known)));
            }
        }
        if let Some(class) = self.classes.get_mut(class) {
            class.fields.extend(found);
        }
    }
}
