//! Definitions: classes with their fields, methods and settings.

use tree_sitter::Node;

use super::{
    extract::Reader,
    names::{children, compact, lines, text},
};
use crate::fact::{Fact, Kind, Symbol};

impl<'t> Reader<'t> {
    /// Notes the classes of the file and the constants in them, before anything is read.
    pub fn declare(&mut self, node: Node<'t>, around: &str, depth: usize) {
        let (Some(name), Some(body)) = (node.child_by_field_name("name"), node.child_by_field_name("body")) else { return };
        if depth > 20 {
            return;
        }
        let simple = text(name, self.source);
        let full = if around.is_empty() { simple.to_owned() } else { format!("{around}.{simple}") };
        self.names.declare(simple, &full);
        for member in members(body) {
            if matches!(member.kind(), "field_declaration" | "constant_declaration") {
                let modifiers =
                    children(member).into_iter().find(|child| child.kind() == "modifiers").map_or("", |child| text(child, self.source));
                if !(modifiers.contains("final") || member.kind() == "constant_declaration") {
                    continue;
                }
                for declarator in children(member).into_iter().filter(|child| child.kind() == "variable_declarator") {
                    let (Some(name), Some(value)) = (declarator.child_by_field_name("name"), declarator.child_by_field_name("value"))
                    else {
                        continue;
                    };
                    let list = || (value.kind() == "array_initializer").then(|| self.list(value)).flatten();
                    if let Some(constant) = self.constant(value, 0).or_else(list) {
                        self.constants.insert(text(name, self.source).to_owned(), constant);
                    }
                }
            } else if member.child_by_field_name("body").is_some() && member.kind() != "method_declaration" {
                self.declare(member, &full, depth + 1);
            }
        }
    }
    /// A class, interface, record or enumeration.
    pub fn class(&mut self, node: Node<'t>, parent: u32, depth: usize) {
        let Some(name) = node.child_by_field_name("name") else { return };
        if depth > 20 {
            return;
        }
        let simple = text(name, self.source).to_owned();
        let (line, end) = lines(node);
        let around = self.out.symbols.get(parent as usize).map_or(String::new(), |symbol| symbol.name.clone());
        let full = if around.is_empty() { simple.clone() } else { format!("{around}.{simple}") };
        let symbol = u32::try_from(self.out.symbols.len()).unwrap_or(u32::MAX);
        self.out.symbols.push(Symbol { name: full.clone(), parent, line, end, class: true });
        let decorators = self.decorate(node, &simple, "class", parent);
        let kind = node.kind().trim_end_matches("_declaration");
        let mut fact = Fact::new(Kind::Def, &full, line, end)
            .within(parent)
            .with("kind", "class")
            .with("sort", kind)
            .with("package", self.names.package.clone());
        for field in ["superclass", "interfaces"] {
            for base in node.child_by_field_name(field).map(types).unwrap_or_default() {
                fact = fact.with("base", self.names.of(text(base, self.source)));
            }
        }
        for extends in children(node).into_iter().filter(|child| child.kind() == "extends_interfaces") {
            for base in types(extends) {
                fact = fact.with("base", self.names.of(text(base, self.source)));
                if let Some(generic) = text(base, self.source).split_once('<') {
                    fact = fact.with("generic", compact(generic.1.trim_end_matches('>')));
                }
            }
        }
        self.push(fact.with("lines", (end - line + 1).to_string()));
        let saved = (
            std::mem::take(&mut self.fields),
            std::mem::take(&mut self.methods),
            std::mem::take(&mut self.returns),
            std::mem::replace(&mut self.class, full),
            self.symbol,
            std::mem::take(&mut self.scope),
        );
        self.symbol = symbol;
        if let Some(body) = node.child_by_field_name("body") {
            self.look(node, body);
            let prefix = self.prefix(node, &decorators);
            self.entity(node, &decorators, symbol);
            for member in members(body) {
                self.member(member, symbol, prefix.as_deref(), depth);
            }
        }
        (self.fields, self.methods, self.returns, self.class, self.symbol, self.scope) = saved;
    }
    /// Fields and methods of a class, so that those declared later are known.
    fn look(&mut self, node: Node<'t>, body: Node<'t>) {
        if let Some(parameters) = node.child_by_field_name("parameters") {
            for parameter in children(parameters) {
                if let (Some(of), Some(name)) = (parameter.child_by_field_name("type"), parameter.child_by_field_name("name")) {
                    self.fields.insert(text(name, self.source).to_owned(), self.names.of(text(of, self.source)));
                }
            }
        }
        for member in members(body) {
            let Some(of) = member.child_by_field_name("type") else { continue };
            let of = self.names.of(text(of, self.source));
            match member.kind() {
                "field_declaration" | "constant_declaration" => {
                    for declarator in children(member).into_iter().filter(|child| child.kind() == "variable_declarator") {
                        if let Some(name) = declarator.child_by_field_name("name") {
                            self.fields.insert(text(name, self.source).to_owned(), of.clone());
                        }
                    }
                }
                "method_declaration" => {
                    if let Some(name) = member.child_by_field_name("name") {
                        self.methods.insert(text(name, self.source).to_owned());
                        self.returns.insert(text(name, self.source).to_owned(), of);
                    }
                }
                _ => {}
            }
        }
    }
    /// The prefix of a class of settings.
    fn prefix(&self, node: Node<'t>, decorators: &[String]) -> Option<String> {
        let at = decorators.iter().position(|name| name.ends_with(".ConfigurationProperties") || name.ends_with(".ConfigMapping"))?;
        let arguments = self.annotations(node).get(at).map(|annotation| self.annotation_arguments(*annotation)).unwrap_or_default();
        Some(
            arguments
                .into_iter()
                .find(|(key, _)| matches!(key.as_str(), "0" | "prefix" | "value"))
                .map_or(String::new(), |(_, value)| value),
        )
    }
    fn member(&mut self, node: Node<'t>, class: u32, prefix: Option<&str>, depth: usize) {
        match node.kind() {
            "field_declaration" | "constant_declaration" => self.field(node, class, prefix, depth),
            "method_declaration" | "constructor_declaration" | "compact_constructor_declaration" => self.method(node, class, depth),
            "static_initializer" | "block" => self.statements(node, depth),
            "class_declaration" | "interface_declaration" | "enum_declaration" | "record_declaration" | "annotation_type_declaration" => {
                self.class(node, class, depth + 1)
            }
            "enum_constant" => {
                if let Some(arguments) = node.child_by_field_name("arguments") {
                    self.statements(arguments, depth);
                }
            }
            _ => {}
        }
    }
    fn field(&mut self, node: Node<'t>, class: u32, prefix: Option<&str>, depth: usize) {
        let of = node.child_by_field_name("type").map_or(String::new(), |of| compact(text(of, self.source)));
        for declarator in children(node).into_iter().filter(|child| child.kind() == "variable_declarator") {
            let Some(name) = declarator.child_by_field_name("name") else { continue };
            let name = text(name, self.source).to_owned();
            self.decorate(node, &name, "field", class);
            self.types_named(node);
            let (line, end) = lines(node);
            let value = declarator.child_by_field_name("value");
            let list = || value.filter(|value| value.kind() == "array_initializer").and_then(|value| self.list(value));
            let constant = value.and_then(|value| self.constant(value, 0)).or_else(list);
            if let Some(prefix) = prefix {
                let mut fact = Fact::new(Kind::Setting, dotted(prefix, &name), line, end)
                    .within(class)
                    .with("type", of.clone())
                    .with("class", self.class.clone());
                if let Some(value) = value {
                    fact = fact.with("default", self.value(value));
                }
                self.push(fact.with("required", "no"));
            } else if let Some(constant) = constant {
                let short: String = constant.chars().take(800).collect();
                self.push(Fact::new(Kind::Assign, &name, line, end).within(class).with("value", short));
            }
            if let Some(value) = value {
                self.expression(value, depth + 1);
            }
        }
    }
    fn method(&mut self, node: Node<'t>, class: u32, depth: usize) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let simple = text(name, self.source).to_owned();
        let (line, end) = lines(node);
        let full = format!("{}.{simple}", self.class);
        let symbol = u32::try_from(self.out.symbols.len()).unwrap_or(u32::MAX);
        self.out.symbols.push(Symbol { name: full.clone(), parent: class, line, end, class: false });
        let decorators = self.decorate(node, &simple, "function", class);
        let body = node.child_by_field_name("body");
        let mut fact = Fact::new(Kind::Def, &full, line, end).within(class).with("kind", "method");
        fact = fact.with("body", body.map_or("none", |body| self.body(body)));
        if let Some(of) = node.child_by_field_name("type") {
            fact = fact.with("returns", compact(text(of, self.source)));
        }
        let saved = (std::mem::replace(&mut self.symbol, symbol), std::mem::take(&mut self.scope));
        for parameter in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
            let Some(of) = parameter.child_by_field_name("type") else { continue };
            let name = parameter.child_by_field_name("name").map_or("", |name| text(name, self.source)).to_owned();
            let marks = self.decorate(parameter, &name, "parameter", symbol);
            self.types_named(parameter);
            let written = compact(text(of, self.source));
            self.scope.push((name.clone(), self.names.of(&written)));
            // `body: CreateUser @RequestBody @Valid`
            let marks: String = marks.iter().map(|mark| format!(" @{}", mark.rsplit('.').next().unwrap_or(mark))).collect();
            fact = fact.with("param", format!("{name}: {written}{marks}"));
        }
        fact = fact.with("lines", (end - line + 1).to_string());
        for decorator in &decorators {
            fact = fact.with("decorator", decorator.clone());
        }
        self.push(fact);
        let before = self.out.facts.len();
        if let Some(body) = body {
            self.statements(body, depth + 1);
        }
        if decorators.iter().any(|name| is_test(name)) {
            self.test(&full, node, &decorators, before, symbol);
        }
        (self.symbol, self.scope) = saved;
    }
    /// The types of a field or parameter are used: what is read from a request or a table is filled in without a call.
    fn types_named(&mut self, node: Node<'t>) {
        let mut open: Vec<Node<'t>> = node.child_by_field_name("type").into_iter().collect();
        for _ in 0..40 {
            let Some(next) = open.pop() else { break };
            if next.kind() == "type_identifier" {
                self.mention(text(next, self.source), next);
            }
            open.extend(children(next));
        }
    }
    /// What a method's body amounts to.
    fn body(&self, body: Node<'t>) -> &'static str {
        let all = children(body);
        match all.as_slice() {
            [] => "empty",
            [only] if only.kind() == "throw_statement" => "raises",
            [only] if only.kind() == "return_statement" => match only.named_child(0) {
                None => "empty",
                Some(value) if self.constant(value, 0).is_some() => "constant",
                Some(value) if self.is_constant_answer(value) => "constant",
                _ => "normal",
            },
            _ => "normal",
        }
    }
    /// `ResponseEntity.ok("up")`, `Map.of("status", "UP")`.
    fn is_constant_answer(&self, value: Node<'t>) -> bool {
        let (Some(object), Some(list)) = (value.child_by_field_name("object"), value.child_by_field_name("arguments")) else {
            return false;
        };
        let fixed = text(object, self.source).starts_with(|letter: char| letter.is_ascii_uppercase());
        let constant = |argument: Node<'t>| {
            self.constant(argument, 0).is_some()
                || (argument.kind() == "method_invocation" && text(argument, self.source).starts_with("Map.of("))
        };
        fixed && children(list).into_iter().all(constant)
    }
}

/// The members of a body; those of an enumeration stand one level down.
pub fn members(body: Node<'_>) -> Vec<Node<'_>> {
    let mut all = Vec::new();
    for child in children(body) {
        if child.kind() == "enum_body_declarations" {
            all.extend(children(child));
        } else {
            all.push(child);
        }
    }
    all
}

/// The types named in a clause.
fn types(node: Node<'_>) -> Vec<Node<'_>> {
    let inner = children(node);
    match inner.as_slice() {
        [list] if list.kind() == "type_list" => children(*list),
        _ => inner,
    }
}

fn is_test(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    matches!(last, "Test" | "ParameterizedTest" | "RepeatedTest" | "TestFactory" | "Property" | "TestTemplate")
}

/// `maxPoolSize` below `app.db` as `app.db.max-pool-size`.
fn dotted(prefix: &str, field: &str) -> String {
    let mut name = String::from(prefix);
    if !prefix.is_empty() {
        name.push('.');
    }
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
