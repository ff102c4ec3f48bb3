//! Definitions: functions, classes, variables, and what the file gives to others.

use tree_sitter::Node;

use super::{
    names::{constant, normal, plain, shortened, unquoted},
    read::{Class, Ctx, Known, Name, Reader, end, line},
};
use crate::fact::{Fact, Kind};

fn is_function(node: Node<'_>) -> bool {
    matches!(node.kind(), "arrow_function" | "function_expression" | "function" | "generator_function")
}

impl<'t> Reader<'t> {
    pub(super) fn import_statement(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let clause = node.named_child(0).filter(|child| matches!(child.kind(), "import_clause" | "import_require_clause"));
        // `import type` brings nothing that runs, but it names the types of parameters.
        let source = node.child_by_field_name("source").or_else(|| clause.and_then(|clause| clause.child_by_field_name("source")));
        let Some(module) = source.map(|source| unquoted(self.src(source))) else { return };
        let Some(clause) = clause else {
            self.import("", module, None, node, ctx, false);
            return;
        };
        let mut cursor = clause.walk();
        for part in clause.named_children(&mut cursor) {
            match part.kind() {
                "identifier" => {
                    let item = (clause.kind() == "import_clause").then_some("default");
                    self.import(self.src(part), module, item, node, ctx, false);
                }
                "namespace_import" => {
                    if let Some(name) = part.named_child(0) {
                        self.import(self.src(name), module, None, node, ctx, false);
                    }
                }
                "named_imports" => {
                    let mut inner = part.walk();
                    for specifier in part.named_children(&mut inner) {
                        let Some(name) = specifier.child_by_field_name("name") else { continue };
                        let local = specifier.child_by_field_name("alias").unwrap_or(name);
                        self.import(self.src(local), module, Some(unquoted(self.src(name))), node, ctx, false);
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn export_statement(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let source = node.child_by_field_name("source").map(|source| unquoted(self.src(source)));
        let mut cursor = node.walk();
        let clause = node.named_children(&mut cursor).find(|child| matches!(child.kind(), "export_clause" | "namespace_export"));
        if let Some(clause) = clause {
            if clause.kind() == "namespace_export" {
                if let (Some(module), Some(name)) = (source, clause.named_child(0)) {
                    self.import(self.src(name), module, None, node, ctx, false);
                }
                return;
            }
            let mut inner = clause.walk();
            for specifier in clause.named_children(&mut inner) {
                let Some(name) = specifier.child_by_field_name("name") else { continue };
                let public = specifier.child_by_field_name("alias").unwrap_or(name);
                match source {
                    Some(module) => self.import(self.src(public), module, Some(self.src(name)), node, ctx, false),
                    None => self.give(self.src(public), self.src(name), ctx),
                }
            }
            return;
        }
        if let Some(module) = source {
            self.import("*", module, None, node, ctx, false);
            return;
        }
        if let Some(declaration) = node.child_by_field_name("declaration") {
            // Decorators may stand before the word.
            let default = node.children(&mut node.walk()).any(|child| child.kind() == "default");
            if default && let Some(name) = declaration.child_by_field_name("name") {
                self.give("default", self.src(name), ctx);
            }
            self.push(declaration, ctx.inner());
            return;
        }
        if let Some(value) = node.child_by_field_name("value") {
            self.exported("default", value, ctx);
        }
    }

    /// The file gives something that has a name here.
    fn give(&mut self, public: &str, local: &str, ctx: Ctx<'t>) {
        let (known, _) = self.meaning(local, ctx.scope);
        // An exported instance gives its class, where that is one of ours.
        let instance = known.written != local && !known.written.is_empty() && known.canonical.starts_with(&self.module);
        let local = if instance { known.written } else { local.to_owned() };
        if public != local {
            self.out.exports.push((public.to_owned(), local));
        }
    }

    /// `export default value` and `module.exports = value`.
    fn exported(&mut self, public: &'t str, value: Node<'t>, ctx: Ctx<'t>) {
        let value = plain(value);
        match value.kind() {
            "identifier" => self.give(public, self.src(value), ctx),
            "object" if public == "default" => {
                let mut cursor = value.walk();
                for pair in value.named_children(&mut cursor) {
                    if pair.kind() == "shorthand_property_identifier" {
                        self.give(self.src(pair), self.src(pair), ctx);
                    } else if let (Some(key), Some(inner)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value"))
                        && matches!(plain(inner).kind(), "identifier" | "member_expression")
                    {
                        let chain = self.chain(inner);
                        if let Some(known) = self.known(&chain, ctx.scope) {
                            self.out.exports.push((unquoted(self.src(key)).to_owned(), known.written));
                        }
                    }
                }
                let lower = self.path.to_lowercase();
                if ["config", "setting", "env"].iter().any(|word| lower.contains(word)) {
                    self.configuration("default", value, ctx);
                }
                self.push_named(value, ctx.inner(), Name::Called(String::new()));
            }
            "new_expression" | "call_expression" => {
                if let Some(module) = (value.kind() == "call_expression").then(|| self.required(value)).flatten() {
                    self.import(public, module, None, value, ctx, false);
                    return;
                }
                if let Some(known) = self.type_of(value, ctx.scope)
                    && !known.written.is_empty()
                    && known.canonical.starts_with(&self.module)
                    && value.kind() == "new_expression"
                {
                    self.out.exports.push((public.to_owned(), known.written));
                }
                self.push_named(value, Ctx { result: public, ..ctx }, Name::Called(public.to_owned()));
            }
            _ => {
                // A function or class with a name of its own keeps it.
                let own =
                    value.child_by_field_name("name").filter(|_| is_function(value) || value.kind() == "class").map(|name| self.src(name));
                if let Some(own) = own.filter(|own| *own != public) {
                    self.out.exports.push((public.to_owned(), own.to_owned()));
                }
                self.push_named(value, ctx.inner(), Name::Called(own.unwrap_or(public).to_owned()));
            }
        }
    }

    pub(super) fn declarator(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let Some(value) = node.child_by_field_name("value") else {
            let known = node.child_by_field_name("type").and_then(|of| self.annotated(of, ctx.scope));
            self.declare(name, ctx.scope, known.as_ref());
            return;
        };
        let bare = plain(value);
        if bare.kind() == "call_expression"
            && let Some(module) = self.required(bare)
        {
            self.required_names(name, module, node, ctx);
            return;
        }
        // `require('x').y`
        if bare.kind() == "member_expression" && name.kind() == "identifier" {
            let chain = self.chain(bare);
            if let (super::bind::Root::Module(module), [item]) = (chain.root, chain.parts.as_slice()) {
                self.import(self.src(name), module, Some(item), node, ctx, false);
                return;
            }
        }
        if name.kind() != "identifier" {
            self.env_pattern(name, bare, ctx);
            let first = self.jobs.len();
            for default in self.declare(name, ctx.scope, None) {
                self.push(default, ctx.inner());
            }
            self.push(value, ctx.inner());
            self.turn(first);
            return;
        }
        let word = self.src(name);
        let known =
            node.child_by_field_name("type").and_then(|of| self.annotated(of, ctx.scope)).or_else(|| self.type_of(value, ctx.scope));
        if let Some(known) =
            known.as_ref().filter(|known| ctx.symbol == 0 && known.canonical.starts_with(&self.module) && !known.written.is_empty())
        {
            self.out.exports.push((word.to_owned(), known.written.clone()));
        }
        self.settings(word, bare, ctx);
        if bare.kind() == "object" {
            self.objects.insert((ctx.scope, word), bare);
        }
        if ctx.symbol == 0
            && let Some(value) = constant(self.text, bare)
        {
            self.fact(Fact::new(Kind::Assign, word, line(node), end(node)).with("value", value), ctx);
        }
        let callee = is_function(bare) || ctx.symbol == 0 && matches!(bare.kind(), "call_expression" | "object");
        if let Some(scope) = self.scopes.get_mut(ctx.scope) {
            scope.names.insert(word, if is_function(bare) { None } else { known });
        }
        if is_function(bare) {
            // A function is a name of the file, or of the function around it.
            if ctx.scope != 0
                && let Some(scope) = self.scopes.get_mut(ctx.scope)
            {
                scope.names.insert(word, Some(Known { canonical: word.to_owned(), written: word.to_owned() }));
            }
        }
        let name = if callee { Name::Called(word.to_owned()) } else { Name::None };
        self.push_named(value, Ctx { result: word, awaited: false, ..ctx }, name);
    }

    fn required_names(&mut self, name: Node<'t>, module: &'t str, node: Node<'t>, ctx: Ctx<'t>) {
        if name.kind() == "identifier" {
            self.import(self.src(name), module, None, node, ctx, false);
            return;
        }
        let mut cursor = name.walk();
        for part in name.named_children(&mut cursor) {
            let (item, local) = match part.kind() {
                "shorthand_property_identifier_pattern" => (self.src(part), self.src(part)),
                "pair_pattern" => match (part.child_by_field_name("key"), part.child_by_field_name("value")) {
                    (Some(key), Some(value)) => (self.src(key), self.src(value)),
                    _ => continue,
                },
                _ => continue,
            };
            self.import(local, module, Some(item), node, ctx, false);
        }
    }

    pub(super) fn assignment(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let (Some(left), Some(value)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else { return };
        let target = self.src(left);
        if target == "module.exports" || target == "exports" {
            // `module.exports = exports = x` gives x.
            let inner = if value.kind() == "assignment_expression" { value.child_by_field_name("right").unwrap_or(value) } else { value };
            self.exported("default", inner, ctx);
            return;
        }
        if let Some(public) = target.strip_prefix("module.exports.").or_else(|| target.strip_prefix("exports.")) {
            self.exported(public, value, ctx);
            return;
        }
        if left.kind() == "identifier" || target.starts_with("this.") {
            let known = self.type_of(value, ctx.scope);
            if let Some(field) = target.strip_prefix("this.") {
                let class = self.scopes.get(ctx.scope).and_then(|scope| scope.class);
                if let (Some(class), Some(known)) = (class.and_then(|class| self.classes.get_mut(class)), known) {
                    class.fields.entry(field.to_owned()).or_insert(known);
                }
            } else if let Some(known) = known
                && let Some(scope) = self.scopes.get_mut(ctx.scope)
            {
                scope.names.insert(target, Some(known));
            }
            let name = if is_function(plain(value)) && !target.contains('.') { Name::Called(target.to_owned()) } else { Name::None };
            self.push_named(value, Ctx { result: target, awaited: false, ..ctx }, name);
            return;
        }
        let first = self.jobs.len();
        self.push(left, ctx.inner());
        let name = match (is_function(plain(value)), ctx.symbol) {
            (true, 0) => Name::Called(target.replace(".prototype.", ".")),
            _ => Name::None,
        };
        self.push_named(value, ctx.inner(), name);
        self.turn(first);
    }

    /// Adds a definition of a function with the fact about it.
    fn definition(&mut self, node: Node<'t>, ctx: Ctx<'t>, name: &str, kind: &str) -> u32 {
        let symbol = self.define(name, node, ctx.symbol, false);
        self.about(node, ctx, symbol, kind);
        symbol
    }

    /// The fact about a function.
    fn about(&mut self, node: Node<'t>, ctx: Ctx<'t>, symbol: u32, kind: &str) {
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

    /// An object: functions in it are definitions where the object has a name.
    pub(super) fn object(&mut self, node: Node<'t>, ctx: Ctx<'t>, name: Name) {
        let Name::Called(base) = name else {
            self.push_methods(node, ctx);
            return;
        };
        let first = self.jobs.len();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            let key = child.child_by_field_name(if child.kind() == "method_definition" { "name" } else { "key" });
            let word = key.map_or("", |key| unquoted(self.src(key)));
            let full = if base.is_empty() { word.to_owned() } else { format!("{base}.{word}") };
            match child.kind() {
                "method_definition" => self.push_named(child, ctx.inner(), Name::Called(full)),
                "pair" => {
                    if let Some(value) = child.child_by_field_name("value") {
                        let bare = plain(value);
                        let named = is_function(bare) || bare.kind() == "call_expression";
                        let exported = base.is_empty() && matches!(bare.kind(), "identifier" | "member_expression");
                        if !exported {
                            self.push_named(value, ctx.inner(), if named { Name::Called(full) } else { Name::None });
                        }
                    }
                }
                "shorthand_property_identifier" if base.is_empty() => {}
                _ => self.push(child, ctx.inner()),
            }
        }
        self.turn(first);
    }

    fn push_methods(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        self.push_children(node, ctx);
    }
}
