//! Functions: the fact about each, its parameters, and the way into its body.

use tree_sitter::Node;

use super::{
    names::shortened,
    read::{Ctx, Known, Name, Reader, end, line},
};
use crate::fact::{Fact, Kind};

impl<'t> Reader<'t> {
    /// The fact about a function.
    pub(super) fn about(&mut self, node: Node<'t>, ctx: Ctx<'t>, symbol: u32, kind: &str) {
        let named = self.out.symbols.get(symbol as usize).map_or_else(String::new, |symbol| symbol.name.clone());
        let body = node.child_by_field_name("body");
        let lines = end(node) - line(node) + 1;
        let mut fact = Fact::new(Kind::Def, format!("{}.{named}", self.module), line(node), end(node))
            .with("kind", kind)
            .with("body", super::body::body_kind(self.text, body))
            .with("lines", lines.to_string());
        if node.child(0).is_some_and(|first| first.kind() == "async") || self.src(node).starts_with("async") {
            fact = fact.with("async", "yes");
        }
        if let Some(returns) = node.child_by_field_name("return_type") {
            fact = fact.with("returns", super::names::compact(self.src(returns).trim_start_matches(':')));
        }
        for (name, of) in self.parameters(node, ctx.scope) {
            fact = fact.with("param", of.map_or_else(|| name.clone(), |of| format!("{name}:{}", of.canonical)));
        }
        self.fact(fact, Ctx { symbol, ..ctx });
    }

    /// The parameters of a function with their types, as far as they say one.
    fn parameters(&self, node: Node<'t>, scope: usize) -> Vec<(String, Option<Known>)> {
        let mut found = Vec::new();
        if let Some(only) = node.child_by_field_name("parameter") {
            found.push((self.src(only).to_owned(), self.presumed(self.src(only))));
        }
        let Some(list) = node.child_by_field_name("parameters") else { return found };
        let mut cursor = list.walk();
        for parameter in list.named_children(&mut cursor) {
            let pattern = match parameter.kind() {
                "comment" => continue,
                "required_parameter" | "optional_parameter" => parameter.child_by_field_name("pattern").unwrap_or(parameter),
                "assignment_pattern" => parameter.child_by_field_name("left").unwrap_or(parameter),
                _ => parameter,
            };
            let known = parameter.child_by_field_name("type").and_then(|of| self.annotated(of, scope));
            let word = shortened(self.src(pattern));
            let known = known.or_else(|| self.presumed(&word)).or_else(|| self.plugged(node, scope).filter(|_| found.is_empty()));
            found.push((word, known));
        }
        found
    }

    /// What a plugin gets that is written where it is registered: `app.register(async (api) => {})`.
    fn plugged(&self, node: Node<'t>, scope: usize) -> Option<Known> {
        let call = node.parent().filter(|parent| parent.kind() == "arguments")?.parent()?;
        let callee = call.child_by_field_name("function").filter(|callee| callee.kind() == "member_expression")?;
        let named = callee.child_by_field_name("property").is_some_and(|property| self.src(property) == "register");
        let on = self.canonical(callee.child_by_field_name("object")?, scope)?;
        (named && on == "fastify").then(|| Known { canonical: on, written: String::new() })
    }

    /// What a parameter without a type is by custom.
    fn presumed(&self, name: &str) -> Option<Known> {
        let canonical = match name {
            "fastify" => "fastify",
            "app" if self.express => "express",
            "app" | "server" if self.text.contains("fastify") => "fastify",
            _ => return None,
        };
        Some(Known { canonical: canonical.to_owned(), written: String::new() })
    }

    pub(super) fn function(&mut self, node: Node<'t>, ctx: Ctx<'t>, name: Name) {
        let declared = node.child_by_field_name("name").map(|name| self.src(name).to_owned());
        let symbol = match name {
            Name::Is(symbol) => {
                self.about(node, ctx, symbol, "function");
                symbol
            }
            Name::Called(name) => self.definition(node, ctx, &name, "function"),
            Name::None => match declared {
                Some(name) => {
                    if ctx.scope != 0
                        && let Some(word) = node.child_by_field_name("name").map(|name| self.src(name))
                        && let Some(scope) = self.scopes.get_mut(ctx.scope)
                    {
                        scope.names.insert(word, Some(Known { canonical: name.clone(), written: name.clone() }));
                    }
                    self.definition(node, ctx, &name, "function")
                }
                None => ctx.symbol,
            },
        };
        self.enter(node, Ctx { symbol, ..ctx }, None);
    }

    /// Goes into a function's parameters and body.
    fn enter(&mut self, node: Node<'t>, ctx: Ctx<'t>, class: Option<usize>) {
        let scope = self.scope(ctx.scope, class);
        let inner = Ctx { scope, quiet: false, ..ctx.inner() };
        let first = self.jobs.len();
        if let Some(only) = node.child_by_field_name("parameter") {
            let known = self.presumed(self.src(only));
            self.declare(only, scope, known.as_ref());
        }
        if let Some(list) = node.child_by_field_name("parameters") {
            let plugged = self.plugged(node, ctx.scope);
            let mut cursor = list.walk();
            for (number, parameter) in list.named_children(&mut cursor).enumerate() {
                self.parameter(parameter, inner);
                let name = parameter.child_by_field_name("pattern").unwrap_or(parameter);
                if number == 0 && plugged.is_some() && name.kind() == "identifier" && parameter.child_by_field_name("type").is_none() {
                    self.declare(name, inner.scope, plugged.as_ref());
                }
            }
        }
        if let Some(body) = node.child_by_field_name("body") {
            self.push(body, inner);
        }
        self.turn(first);
    }

    fn parameter(&mut self, parameter: Node<'t>, ctx: Ctx<'t>) {
        let typed = matches!(parameter.kind(), "required_parameter" | "optional_parameter");
        let pattern = if typed { parameter.child_by_field_name("pattern").unwrap_or(parameter) } else { parameter };
        let annotation = parameter.child_by_field_name("type");
        let known = annotation.and_then(|of| self.annotated(of, ctx.scope)).or_else(|| self.presumed(self.src(pattern)));
        for default in self.declare(pattern, ctx.scope, known.as_ref()) {
            self.push(default, ctx);
        }
        // `({ app }: { app: express.Application })`
        if pattern.kind() == "object_pattern"
            && let Some(object) = annotation.and_then(|of| of.named_child(0)).filter(|of| of.kind() == "object_type")
        {
            let mut cursor = object.walk();
            for member in object.named_children(&mut cursor) {
                let (Some(name), Some(of)) = (member.child_by_field_name("name"), member.child_by_field_name("type")) else { continue };
                let known = self.annotated(of, ctx.scope);
                let name = self.src(name);
                if let Some(scope) = self.scopes.get_mut(ctx.scope)
                    && scope.names.contains_key(name)
                {
                    scope.names.insert(name, known);
                }
            }
        }
        if let Some(value) = parameter.child_by_field_name("value") {
            self.push(value, ctx);
        }
        let mut cursor = parameter.walk();
        for child in parameter.named_children(&mut cursor) {
            if child.kind() == "decorator" {
                let of = known
                    .as_ref()
                    .map(|known| known.canonical.clone())
                    .or_else(|| annotation.map(|of| super::names::compact(self.src(of).trim_start_matches(':'))));
                self.decorator(child, ctx, self.src(pattern), "param", of);
            }
        }
    }

    /// A method of a class (its symbol is there already) or of an object.
    pub(super) fn method(&mut self, node: Node<'t>, ctx: Ctx<'t>, name: Name) {
        let symbol = match name {
            Name::Is(symbol) => {
                self.about(node, ctx, symbol, "method");
                symbol
            }
            Name::Called(name) => self.definition(node, ctx, &name, "method"),
            Name::None => ctx.symbol,
        };
        self.enter(node, Ctx { symbol, ..ctx }, None);
    }

    /// Adds a definition of a function with the fact about it.
    pub(super) fn definition(&mut self, node: Node<'t>, ctx: Ctx<'t>, name: &str, kind: &str) -> u32 {
        let symbol = self.define(name, node, ctx.symbol, false);
        self.about(node, ctx, symbol, kind);
        symbol
    }
}
