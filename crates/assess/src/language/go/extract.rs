//! One walk over a file's syntax tree: definitions and scopes on the way down, values of expressions on the way up.

use std::collections::HashMap;

use tree_sitter::{Node, Parser};

use super::{
    package::{Package, fields, receiver},
    settings, tested,
};
use crate::{
    fact::{Extract, Fact, Guard, Kind, Symbol, Use},
    language::{
        flow::{Scopes, Value, Variable, compact, lines, text},
        walk::{Walk, walk},
    },
};

/// What is known while a file is read.
pub(super) struct Reader<'t> {
    pub source: &'t str,
    pub package: Package,
    pub out: Extract,
    pub scopes: Scopes,
    /// Values of the expressions that were left, by node.
    pub values: HashMap<usize, Value>,
    /// The definition being read.
    pub symbol: u32,
    /// Conditions around, with the node that ends each.
    pub guards: Vec<(usize, Guard)>,
    /// Nodes around, the nearest last.
    pub around: Vec<Node<'t>>,
    /// The fact of the function being read.
    pub def: usize,
    /// Whether the file is one of tests.
    tests: bool,
    /// Types by name that have methods here.
    classes: HashMap<String, u32>,
}

/// Reads a file.
pub(super) fn extract(path: &str, source: &str) -> Extract {
    let mut parser = Parser::new();
    let mut out = Extract { symbols: vec![Symbol { name: String::new(), parent: 0, line: 1, end: 1, class: false }], ..Extract::default() };
    if parser.set_language(&tree_sitter_go::LANGUAGE.into()).is_err() {
        return out;
    }
    let Some(tree) = crate::language::parse::parse(&mut parser, source) else {
        out.trouble.push("it could not be parsed".into());
        return out;
    };
    let root = tree.root_node();
    if let Some(first) = out.symbols.first_mut() {
        first.end = lines(root).1;
    }
    if root.has_error() {
        out.trouble.push("parts of it could not be parsed".into());
    }
    let package = Package::read(path, root, source);
    out.imports = package.listed.clone();
    for import in &package.listed {
        out.facts.push(Fact::new(Kind::Import, super::canonical(&import.module), import.line, import.line));
    }
    let mut reader = Reader {
        source,
        package,
        out,
        scopes: Scopes::default(),
        values: HashMap::new(),
        symbol: 0,
        guards: Vec::new(),
        around: Vec::new(),
        def: 0,
        tests: path.ends_with("_test.go"),
        classes: HashMap::new(),
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
            "comment" | "import_declaration" | "package_clause" => return false,
            "function_declaration" | "method_declaration" => self.function(node),
            "func_literal" => {
                self.scopes.enter();
                let params = self.parameters(node.child_by_field_name("parameters"));
                let (first, last) = lines(node);
                let value =
                    Value { inline: Some((params.join(","), format!("{first}-{last}"))), of: Some("func".into()), ..Value::default() };
                self.values.insert(node.id(), value);
            }
            "block" | "expression_case" | "communication_case" | "default_case" => {
                self.scopes.enter();
                self.condition(node);
            }
            "for_statement" | "type_switch_statement" => self.scopes.enter(),
            "type_spec" => self.class(node),
            _ => {}
        }
        true
    }

    fn leave(&mut self, node: Node<'t>) {
        match node.kind() {
            "function_declaration" | "method_declaration" => {
                self.scopes.leave();
                self.finished(node);
                self.symbol = 0;
            }
            "func_literal" | "for_statement" | "type_switch_statement" => self.scopes.leave(),
            "block" | "expression_case" | "communication_case" | "default_case" => {
                self.scopes.leave();
                self.guards.retain(|(id, _)| *id != node.id());
            }
            "type_spec" if self.around.len() == 2 => self.symbol = 0,
            "short_var_declaration" | "assignment_statement" | "range_clause" => self.assigned(node),
            "var_spec" | "const_spec" => self.declared(node),
            "if_statement" => self.checked(node),
            "return_statement" => self.returned(node),
            _ => {
                self.read(node);
            }
        }
    }
}

impl<'t> Reader<'t> {
    fn function(&mut self, node: Node<'t>) {
        let name = node.child_by_field_name("name").map_or("", |name| text(name, self.source));
        let held = receiver(node, self.source);
        let (line, end) = lines(node);
        let full = held.as_ref().map_or_else(|| name.to_owned(), |(_, class)| format!("{class}.{name}"));
        let parent = held.as_ref().and_then(|(_, class)| self.classes.get(class)).copied().unwrap_or(0);
        self.symbol = self.symbol(&full, parent, line, end, false);
        self.scopes.enter();
        if let Some((local, class)) = &held {
            let of = Some(self.package.own(class));
            self.scopes.declare(local, Variable { of, id: format!("{local}@{line}"), ..Variable::default() });
        }
        let params = self.parameters(node.child_by_field_name("parameters"));
        let qualified = self.package.own(&full);
        let body = node.child_by_field_name("body");
        let mut fact = Fact::new(Kind::Def, &qualified, line, end)
            .with("kind", if held.is_some() { "method" } else { "function" })
            .with("body", body.map_or("normal", |body| body_kind(body, self.source)))
            .with("lines", (end - line + 1).to_string())
            .within(self.symbol);
        if let Some((local, _)) = &held {
            fact = fact.with("self", format!("{local}@{line}"));
        }
        if !params.is_empty() {
            fact = fact.with("params", params.join(","));
        }
        for param in &params {
            let local = param.split('@').next().unwrap_or_default();
            if let Some(of) = self.scopes.find(local).and_then(|variable| variable.of.clone()) {
                fact = fact.with("param", format!("{local}:{of}"));
            }
        }
        if let Some(result) = self.package.results.get(&qualified) {
            fact = fact.with("returns", result);
        }
        self.def = self.out.facts.len();
        self.out.facts.push(fact);
    }

    /// `limit > 100`: the function knows an upper bound.
    pub fn bounded(&mut self, node: Node<'t>) {
        let operator = node.child_by_field_name("operator").map_or("", |operator| text(operator, self.source));
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else { return };
        if !matches!(operator, ">" | ">=") || self.symbol == 0 || text(left, self.source).len() > 60 {
            return;
        }
        let Some(most) = self.value(right).constant.filter(|most| most.len() < 12 && most.bytes().all(|byte| byte.is_ascii_digit())) else {
            return;
        };
        let bound = format!("{} {most}", text(left, self.source));
        if let Some(def) = self.out.facts.get_mut(self.def).filter(|fact| fact.kind == Kind::Def && fact.attrs.len() < 60) {
            def.attrs.push(("bound".into(), bound));
        }
    }

    /// A test is known when its calls are.
    fn finished(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name").map(|name| text(name, self.source)) else { return };
        if !self.tests || !["Test", "Benchmark", "Fuzz"].iter().any(|word| name.starts_with(word)) {
            return;
        }
        let takes =
            node.child_by_field_name("parameters").and_then(|list| list.named_child(0)).and_then(|one| one.child_by_field_name("type"));
        let takes = takes.and_then(|of| self.package.named(of, self.source)).unwrap_or_default();
        let (line, end) = lines(node);
        let calls = self.out.facts.get(self.def..).unwrap_or_default();
        if let Some(test) = tested::test(name, &takes, calls, line, end) {
            self.push(test);
        }
    }

    /// Adds a definition.
    pub fn symbol(&mut self, name: &str, parent: u32, line: u32, end: u32, class: bool) -> u32 {
        self.out.symbols.push(Symbol { name: name.to_owned(), parent, line, end, class });
        u32::try_from(self.out.symbols.len() - 1).unwrap_or(0)
    }

    /// Declares parameters and gives their values' names.
    fn parameters(&mut self, list: Option<Node<'t>>) -> Vec<String> {
        let Some(list) = list else { return Vec::new() };
        let mut out = Vec::new();
        let mut cursor = list.walk();
        for param in list.named_children(&mut cursor) {
            let of = param.child_by_field_name("type").and_then(|of| self.package.named(of, self.source));
            let mut inner = param.walk();
            for name in param.children_by_field_name("name", &mut inner) {
                let local = text(name, self.source);
                let id = format!("{local}@{}", lines(name).0);
                self.scopes.declare(local, Variable { of: of.clone(), id: id.clone(), ..Variable::default() });
                out.push(id);
            }
        }
        out
    }

    fn class(&mut self, node: Node<'t>) {
        let (Some(name), Some(of)) = (node.child_by_field_name("name"), node.child_by_field_name("type")) else { return };
        // A type inside a function belongs to the function.
        if self.around.len() != 2 {
            return;
        }
        let name = text(name, self.source);
        let (line, end) = lines(node);
        self.symbol = self.symbol(name, 0, line, end, true);
        self.classes.insert(name.to_owned(), self.symbol);
        let kind = if of.kind() == "interface_type" { "interface" } else { "class" };
        let mut fact = Fact::new(Kind::Def, self.package.own(name), line, end).with("kind", kind).within(self.symbol);
        if of.kind() == "struct_type" {
            for (field, declared) in fields(of, self.source) {
                let of = declared.child_by_field_name("type").and_then(|of| self.package.named(of, self.source));
                if declared.child_by_field_name("name").is_none()
                    && let Some(of) = &of
                {
                    fact = fact.with("base", of);
                }
                if let Some(of) = of {
                    fact = fact.with("field", format!("{field}:{of}"));
                }
            }
            settings::class(self, name, of);
        }
        if of.kind() == "interface_type" {
            let mut cursor = of.walk();
            for method in of.named_children(&mut cursor).filter(|node| node.kind() == "method_elem") {
                if let Some(named) = method.child_by_field_name("name") {
                    fact = fact.with("method", text(named, self.source));
                }
            }
        }
        self.out.facts.push(fact);
    }

    /// A block behind a flag of the configuration.
    fn condition(&mut self, block: Node<'t>) {
        let Some(parent) = self.around.last().copied().filter(|parent| parent.kind() == "if_statement") else { return };
        let Some(condition) = parent.child_by_field_name("condition") else { return };
        let consequence = parent.child_by_field_name("consequence").is_some_and(|node| node.id() == block.id());
        if let Some((flag, negated)) = self.flag(condition) {
            self.guards.push((block.id(), Guard { flag, negated: negated == consequence, state: crate::fact::Flag::Unknown }));
        }
    }

    /// The flag that a condition asks for, and whether it asks for its opposite.
    fn flag(&self, condition: Node<'t>) -> Option<(String, bool)> {
        let (mut node, mut negated) = (condition, false);
        for _ in 0..8 {
            match node.kind() {
                "unary_expression" if text(node, self.source).starts_with('!') => {
                    negated = !negated;
                    node = node.child_by_field_name("operand")?;
                }
                "unary_expression" => node = node.child_by_field_name("operand")?,
                "parenthesized_expression" => node = node.named_child(0)?,
                "binary_expression" => {
                    let operator = text(node.child_by_field_name("operator")?, self.source);
                    let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
                    match (operator, text(right, self.source).trim_matches('"')) {
                        ("==", "true" | "1" | "on" | "yes") | ("!=", "false" | "0" | "" | "nil") => {}
                        ("==", "false" | "0" | "" | "nil") | ("!=", "true") => negated = !negated,
                        ("&&", _) => {}
                        _ => return None,
                    }
                    node = left;
                }
                "selector_expression" => {
                    let field = text(node.child_by_field_name("field")?, self.source);
                    // An `err.Temporary` or `r.Method` is no flag; a configuration's field is written like one.
                    let operand = text(node.child_by_field_name("operand")?, self.source).to_ascii_lowercase();
                    let settings =
                        ["cfg", "conf", "config", "settings", "opts", "options", "flags", "env", "params", "feature", "features"];
                    let named = operand.split('.').any(|part| settings.iter().any(|word| part.contains(word)));
                    return named.then(|| (field.to_owned(), negated));
                }
                "identifier" => {
                    let name = text(node, self.source);
                    let flag =
                        name.len() > 3 && (self.package.constants.contains_key(name) || name.to_ascii_lowercase().contains("enable"));
                    return flag.then(|| (name.to_owned(), negated));
                }
                "call_expression" => {
                    let function = text(node.child_by_field_name("function")?, self.source);
                    let asks = function.ends_with("GetBool") || function.ends_with("Getenv");
                    let name = node.child_by_field_name("arguments")?.named_child(0)?;
                    return (asks).then(|| super::package::constant(name, self.source)).flatten().map(|name| (name, negated));
                }
                _ => return None,
            }
        }
        None
    }

    /// `if err != nil { ... }` is how failures are caught here.
    fn checked(&mut self, node: Node<'t>) {
        let (Some(condition), Some(body)) = (node.child_by_field_name("condition"), node.child_by_field_name("consequence")) else {
            return;
        };
        let written = text(condition, self.source);
        let Some((left, right)) = written.split_once("!=") else { return };
        if right.trim() != "nil" || !left.trim().to_ascii_lowercase().contains("err") {
            return;
        }
        let inside = text(body, self.source);
        let empty = body.named_child(0).is_none_or(|list| list.kind() == "comment" && body.named_child_count() == 1);
        let what = if empty {
            "empty"
        } else if inside.contains("panic(") || inside.contains("Fatal") || inside.contains("os.Exit") {
            "raise"
        } else if inside.contains("return") {
            "return"
        } else if ["log.", "logger", "Log", "slog.", "fmt.Print"].iter().any(|word| inside.contains(word)) {
            "log"
        } else {
            "other"
        };
        let (line, end) = lines(node);
        let end = end.min(lines(body).1);
        self.push(Fact::new(Kind::Catch, "error", line, end).with("body", what));
    }

    /// Adds a fact in this place.
    pub fn push(&mut self, fact: Fact) {
        let mut fact = fact.within(self.symbol);
        fact.guard = self.guards.last().map(|(_, guard)| guard.clone());
        self.out.facts.push(fact);
    }

    /// Adds a mention.
    pub fn mention(&mut self, path: String, line: u32) {
        let guard = self.guards.last().map(|(_, guard)| guard.clone());
        self.out.uses.push(Use { symbol: self.symbol, path, line, guard });
    }

    /// What an expression is, where it was read.
    pub fn value(&self, node: Node<'_>) -> Value {
        self.values.get(&node.id()).cloned().unwrap_or_default()
    }

    /// An expression as a property's value.
    pub fn shown(&self, node: Node<'_>) -> String {
        let value = self.values.get(&node.id());
        match value {
            Some(Value { constant: Some(constant), .. }) => constant.clone(),
            Some(Value { name: Some(name), .. }) => name.clone(),
            _ => compact(text(node, self.source)),
        }
    }
}

/// What a body does.
fn body_kind(body: Node<'_>, source: &str) -> &'static str {
    let mut cursor = body.walk();
    let list = body.named_children(&mut cursor).find(|node| node.kind() == "statement_list");
    let Some(list) = list else { return "empty" };
    let mut inner = list.walk();
    let statements: Vec<Node<'_>> = list.named_children(&mut inner).filter(|node| node.kind() != "comment").collect();
    let [only] = statements.as_slice() else { return if statements.is_empty() { "empty" } else { "normal" } };
    match only.kind() {
        "return_statement" => {
            let given = text(*only, source).trim_start_matches("return").trim();
            let plain = |part: &str| {
                let part = part.trim();
                matches!(part, "nil" | "true" | "false" | "") || part.parse::<f64>().is_ok() || part.starts_with('"') && part.ends_with('"')
            };
            if given.split(',').all(plain) { "constant" } else { "normal" }
        }
        "expression_statement" if text(*only, source).starts_with("panic(") => "raises",
        _ => "normal",
    }
}
