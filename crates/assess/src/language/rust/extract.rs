//! One walk over a file's syntax tree: definitions and scopes on the way down, values of expressions on the way up.

use std::collections::HashMap;

use tree_sitter::{Node, Parser};

use super::{
    names::{Names, constant},
    settings,
};
use crate::{
    fact::{Extract, Fact, Flag, Guard, Kind, Reach, Symbol, Use},
    language::{
        flow::{Scopes, Value, Variable, compact, lines, text},
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
    fn begin(&mut self, node: Node<'t>, within: Within) {
        if within.test {
            self.tests += 1;
        }
        self.within.push(Within { node: node.id(), ..within });
    }

    /// The definition being read.
    pub fn symbol(&self) -> u32 {
        self.within.last().map_or(0, |within| within.symbol)
    }

    fn add(&mut self, name: &str, node: Node<'t>, class: bool) -> (u32, String) {
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

    fn module(&mut self, node: Node<'t>) {
        let attributes = self.taken();
        let Some(name) = node.child_by_field_name("name").map(|name| text(name, self.source)) else { return };
        if node.child_by_field_name("body").is_none() {
            // What is declared here is run where it is named, not where it is declared.
            return;
        }
        let test = attributes.iter().any(|(path, written, _)| path == "cfg" && written.contains("test") && !written.contains("not(test"));
        let (symbol, name) = self.add(name, node, false);
        self.begin(node, Within { symbol, name, test, ..Within::default() });
    }

    fn implementation(&mut self, node: Node<'t>) {
        let attributes = self.taken();
        let Some(of) = node.child_by_field_name("type") else { return };
        let class = self.names.named(of, self.source);
        let name = super::names::without_generics(text(of, self.source)).replace("::", ".");
        let outer = self.within.last().cloned().unwrap_or_default();
        let name = if outer.name.is_empty() { name } else { format!("{}.{name}", outer.name) };
        let symbol =
            self.out.symbols.iter().position(|symbol| symbol.name == name).and_then(|at| u32::try_from(at).ok()).unwrap_or(outer.symbol);
        let of = node.child_by_field_name("trait").map(|of| self.names.canonical(text(of, self.source)));
        let test = attributes.iter().any(|(path, written, _)| path == "cfg" && written.contains("test") && !written.contains("not(test"));
        if let (Some(of), Some(class)) = (&of, &class) {
            let (line, _) = lines(node);
            let fact = Fact::new(Kind::Def, class, line, line).with("kind", "impl").with("base", of);
            self.push(fact);
        }
        self.begin(node, Within { symbol, name, class, of, test, ..Within::default() });
    }

    fn class(&mut self, node: Node<'t>) {
        let attributes = self.taken();
        let Some(name) = node.child_by_field_name("name").map(|name| text(name, self.source)) else { return };
        let (symbol, full) = self.add(name, node, true);
        let (line, end) = lines(node);
        let qualified = format!("{}.{full}", self.names.path);
        let mut fact =
            Fact::new(Kind::Def, &qualified, line, end).with("kind", if node.kind() == "trait_item" { "interface" } else { "class" });
        for (path, written, _) in &attributes {
            if path == "derive" {
                for one in written
                    .trim_start_matches("derive")
                    .trim_matches(['(', ')', ' '])
                    .split(',')
                    .map(str::trim)
                    .filter(|one| !one.is_empty())
                {
                    fact = fact.with("derive", self.names.canonical(one));
                }
            }
        }
        let fields: Vec<(String, String)> = self
            .names
            .fields
            .iter()
            .filter_map(|(field, of)| Some((field.strip_prefix(&qualified)?.strip_prefix('.')?.to_owned(), of.clone())))
            .collect();
        let mut fields: Vec<String> = fields.into_iter().map(|(field, of)| format!("{field}:{of}")).collect();
        fields.sort();
        for field in fields.into_iter().take(100) {
            fact = fact.with("field", field);
        }
        self.begin(node, Within { symbol, name: full, class: Some(qualified), ..Within::default() });
        self.decorated(&attributes, name, "class");
        let derives: Vec<String> = fact.all("derive").map(str::to_owned).collect();
        self.push(fact);
        if node.kind() == "struct_item" {
            settings::class(self, name, &derives, node);
        }
    }

    /// Attributes as facts.
    fn decorated(&mut self, attributes: &[(String, String, Node<'t>)], on: &str, kind: &str) {
        for (path, written, node) in attributes {
            if matches!(path.as_str(), "derive" | "allow" | "doc" | "must_use" | "inline" | "expect" | "cfg_attr" | "non_exhaustive") {
                continue;
            }
            let (line, end) = lines(*node);
            let mut fact = Fact::new(Kind::Decorator, path, line, end);
            if let Some(inside) = written.find('(').and_then(|at| written.get(at + 1..)).map(|rest| rest.strip_suffix(')').unwrap_or(rest))
            {
                for (number, (key, value)) in super::macros::arguments(inside).into_iter().enumerate() {
                    fact = fact.with(key.unwrap_or_else(|| number.to_string()), value);
                }
            }
            self.push(fact.with("on", on).with("on_kind", kind));
        }
    }

    fn function(&mut self, node: Node<'t>) {
        let attributes = self.taken();
        let Some(name) = node.child_by_field_name("name").map(|name| text(name, self.source)) else { return };
        let method = self.within.last().is_some_and(|within| within.class.is_some());
        let (symbol, full) = self.add(name, node, false);
        let outer = self.within.last().cloned().unwrap_or_default();
        let (line, end) = lines(node);
        let cfg = attributes.iter().any(|(path, written, _)| path == "cfg" && written.contains("test") && !written.contains("not(test"));
        let test = attributes.iter().any(|(path, _, _)| {
            path == "test"
                || path.ends_with(".test")
                || path.ends_with("rstest")
                || path.ends_with("test_case")
                || path.ends_with("quickcheck")
        });
        let markers = if test { attributes.iter().map(|(path, _, _)| path.clone()).collect() } else { Vec::new() };
        self.begin(node, Within { symbol, name: full.clone(), test: test || cfg, markers, ..Within::default() });
        self.scopes.enter();
        if let Some(class) = &outer.class {
            self.scopes.declare("self", Variable { of: Some(class.clone()), id: format!("self@{line}"), ..Variable::default() });
            self.scopes.declare("Self", Variable { name: Some(class.clone()), id: format!("~{class}"), ..Variable::default() });
        }
        let params = node.child_by_field_name("parameters").map(|list| self.parameters(list)).unwrap_or_default();
        self.decorated(&attributes, &full, "function");
        let written = text(node, self.source);
        let qualified = match &outer.class {
            Some(class) => format!("{class}.{name}"),
            None => format!("{}.{full}", self.names.path),
        };
        let body = node.child_by_field_name("body");
        let mut fact = Fact::new(Kind::Def, &qualified, line, end)
            .with("kind", if method { "method" } else { "function" })
            .with("body", body.map_or("normal", |body| body_kind(body, self.source)))
            .with("lines", (end - line + 1).to_string());
        if let Some(of) = &outer.of {
            fact = fact.with("base", of);
        }
        if written.split('{').next().is_some_and(|head| head.split_whitespace().any(|word| word == "async")) {
            fact = fact.with("async", "yes");
        }
        if !params.is_empty() {
            fact = fact.with("params", params.join(","));
        }
        if let Some(list) = node.child_by_field_name("parameters") {
            let mut cursor = list.walk();
            for param in list.named_children(&mut cursor).filter(|param| param.kind() == "parameter") {
                if let Some(of) = param.child_by_field_name("type") {
                    let shown = self.names.named(of, self.source).unwrap_or_default();
                    fact = fact.with(
                        "param",
                        format!(
                            "{}:{shown}",
                            param.child_by_field_name("pattern").map_or(String::new(), |node| compact(text(node, self.source)))
                        ),
                    );
                    fact = fact.with("takes", compact(text(of, self.source)));
                }
            }
        }
        if let Some(of) = node.child_by_field_name("return_type") {
            fact = fact.with("answers", compact(text(of, self.source)));
            if let Some(of) = self.names.named(of, self.source) {
                let of = if of == "Self" { outer.class.clone().unwrap_or(of) } else { of };
                fact = fact.with("returns", of);
            }
        }
        let number = self.push(fact);
        if let Some(within) = self.within.last_mut() {
            within.def = Some(number);
        }
    }

    fn parameters(&mut self, list: Node<'t>) -> Vec<String> {
        let mut out = Vec::new();
        let mut cursor = list.walk();
        for param in list.named_children(&mut cursor).take(60) {
            let (pattern, of) = match param.kind() {
                "parameter" => (
                    param.child_by_field_name("pattern"),
                    param.child_by_field_name("type").and_then(|of| self.names.named(of, self.source)),
                ),
                "self_parameter" => continue,
                _ => (Some(param), None),
            };
            let Some(pattern) = pattern else { continue };
            // `State(pool): State<Pool>`: the name is the last word of the pattern.
            let written = text(pattern, self.source);
            let local = written.trim_start_matches("mut ").split(['(', ')', ',', ' ']).rfind(|part| !part.is_empty()).unwrap_or_default();
            let of = if written.contains('(') { param.child_by_field_name("type").and_then(|of| self.inner_type(of)) } else { of };
            let id = format!("{local}@{}", lines(pattern).0);
            self.scopes.declare(local, Variable { of, id: id.clone(), ..Variable::default() });
            out.push(id);
        }
        out
    }

    fn inner_type(&self, of: Node<'t>) -> Option<String> {
        let arguments = of.child_by_field_name("type_arguments")?;
        self.names.named(arguments.named_child(0)?, self.source)
    }

    /// A test is known when its calls are.
    fn finished(&mut self, node: Node<'t>) {
        let Some(within) = self.within.last().cloned() else { return };
        let (Some(def), false) = (within.def, within.markers.is_empty()) else { return };
        let calls = self.out.facts.get(def..).unwrap_or_default();
        let fails = |name: &str| {
            let last = name.rsplit('.').next().unwrap_or(name);
            last.starts_with("assert") || last.starts_with("prop_assert") || matches!(name, "panic" | "unreachable")
        };
        let own = |fact: &&Fact| {
            let last = fact.name.rsplit('.').next().unwrap_or_default();
            ["assert", "expect_", "check", "verify", "ensure", "must"].iter().any(|word| last.starts_with(word)) && last != "expect"
        };
        let asserts = calls.iter().filter(|fact| fact.kind == Kind::Call).filter(|fact| fails(&fact.name) || own(fact)).count();
        let constants =
            calls.iter().filter(|fact| fact.kind == Kind::Call && fact.name == "assert" && fact.get("0") == Some("true")).count();
        let mut others =
            calls.iter().filter(|fact| fact.kind == Kind::Call && (fact.name.ends_with(".unwrap") || fact.name.ends_with(".expect")));
        let panics = within.markers.iter().any(|marker| marker == "should_panic");
        let result = node.child_by_field_name("return_type").is_some();
        let trivial = asserts == constants && others.next().is_none() && !panics && !result;
        let (line, end) = lines(node);
        let mut fact =
            Fact::new(Kind::Test, within.name.rsplit('.').next().unwrap_or_default(), line, end).with("asserts", asserts.to_string());
        fact = fact.with("trivial", if trivial { "yes" } else { "no" });
        for marker in &within.markers {
            if marker == "ignore" {
                fact = fact.with("skipped", "yes");
            } else if marker != "test" {
                fact = fact.with("marker", marker);
            }
        }
        self.push(fact);
    }

    /// What a function gives: the value of its last expression.
    fn tail(&mut self, node: Node<'t>) {
        let Some(body) = node.child_by_field_name("body") else { return };
        let Some(id) = self.value(body).id else { return };
        if let Some(fact) = self.within.last().and_then(|within| within.def).and_then(|def| self.out.facts.get_mut(def)) {
            fact.attrs.push(("gives".into(), id));
        }
    }

    /// A block behind a flag of the configuration.
    fn condition(&mut self, block: Node<'t>) {
        let Some(parent) = self.around.last().copied() else { return };
        let (parent, consequence) = match parent.kind() {
            "if_expression" => (parent, true),
            "else_clause" => match self.around.len().checked_sub(2).and_then(|at| self.around.get(at)) {
                Some(outer) if outer.kind() == "if_expression" => (*outer, false),
                _ => return,
            },
            _ => return,
        };
        let Some(condition) = parent.child_by_field_name("condition") else { return };
        if let Some((flag, negated)) = self.flag(condition) {
            self.guards.push((block.id(), Guard { flag, negated: negated == consequence, state: Flag::Unknown }));
        }
    }

    fn flag(&self, condition: Node<'t>) -> Option<(String, bool)> {
        let (mut node, mut negated) = (condition, false);
        for _ in 0..8 {
            match node.kind() {
                "unary_expression" => {
                    negated ^= text(node, self.source).starts_with('!');
                    node = node.named_child(0)?;
                }
                "parenthesized_expression" | "reference_expression" => node = node.named_child(0)?,
                "let_condition" => node = node.child_by_field_name("value")?,
                "binary_expression" if text(node.child_by_field_name("operator")?, self.source) == "&&" => {
                    node = node.child_by_field_name("left")?
                }
                "field_expression" => {
                    let field = text(node.child_by_field_name("field")?, self.source);
                    let before = text(node.child_by_field_name("value")?, self.source).to_ascii_lowercase();
                    let settings = ["cfg", "conf", "settings", "opts", "options", "args", "flags", "env", "cli", "feature"];
                    return before
                        .split('.')
                        .any(|part| settings.iter().any(|word| part.contains(word)))
                        .then(|| (field.to_owned(), negated));
                }
                "call_expression" => {
                    let function = node.child_by_field_name("function")?;
                    let last = text(function, self.source).rsplit(['.', ':']).next().unwrap_or_default();
                    if !matches!(last, "clone" | "as_ref" | "is_some" | "as_deref") || function.kind() != "field_expression" {
                        return None;
                    }
                    node = function.child_by_field_name("value")?;
                }
                _ => return None,
            }
        }
        None
    }

    /// `Err(error) => ...` is how failures are caught here.
    fn failed(&mut self, node: Node<'t>, pattern: Option<Node<'t>>, body: Option<Node<'t>>) {
        let (Some(pattern), Some(body)) = (pattern, body) else { return };
        let written = text(pattern, self.source);
        if !written.starts_with("Err(") {
            return;
        }
        let inside = text(body, self.source);
        let what = match inside.trim() {
            "{}" | "()" => "empty",
            _ if ["panic!", "unreachable!", "exit("].iter().any(|word| inside.contains(word)) => "raise",
            _ if inside.contains("return") || inside.contains("Err(") => "return",
            _ if ["error!", "warn!", "info!", "debug!", "println!", "log::"].iter().any(|word| inside.contains(word)) => "log",
            _ => "other",
        };
        let name = written.trim_start_matches("Err(").trim_end_matches(')').split(['(', ' ', '{']).next().unwrap_or_default();
        let name = if name.contains("::") { self.names.canonical(name) } else { "Err".to_owned() };
        let (line, end) = lines(node);
        self.push(Fact::new(Kind::Catch, name, line, end).with("body", what));
    }

    fn if_failed(&mut self, node: Node<'t>) {
        let Some(condition) = node.child_by_field_name("condition").filter(|condition| condition.kind() == "let_condition") else { return };
        self.failed(node, condition.child_by_field_name("pattern"), node.child_by_field_name("consequence"));
    }

    fn constant_item(&mut self, node: Node<'t>) {
        self.attributes.clear();
        let (Some(name), Some(value)) = (node.child_by_field_name("name"), node.child_by_field_name("value")) else { return };
        let (line, end) = lines(node);
        let name = format!("{}.{}", self.names.path, text(name, self.source));
        if let Some(plain) = constant(value, self.source).or_else(|| self.value(value).constant) {
            self.push(Fact::new(Kind::Assign, name, line, end).with("value", plain));
        }
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

fn body_kind(body: Node<'_>, source: &str) -> &'static str {
    let mut cursor = body.walk();
    let parts: Vec<Node<'_>> = body.named_children(&mut cursor).filter(|node| !node.kind().ends_with("comment")).collect();
    let [only] = parts.as_slice() else { return if parts.is_empty() { "empty" } else { "normal" } };
    let written = text(*only, source).trim();
    if ["todo!", "unimplemented!", "panic!", "unreachable!"].iter().any(|word| written.starts_with(word)) {
        return "raises";
    }
    let plain = constant(*only, source).is_some()
        || matches!(written, "()" | "Ok(())" | "None")
        || written.starts_with('"')
        || written.starts_with("StatusCode::") && !written.contains('(');
    if plain { "constant" } else { "normal" }
}
