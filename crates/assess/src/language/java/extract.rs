//! One file of Java: its definitions, and the statements in them.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::{Node, Parser};

use super::names::{Names, children, compact, lines, text};
use crate::fact::{Extract, Fact, Guard, Import, Kind, Symbol};

/// Deeper nesting is not read.
pub const DEPTH: usize = 160;
/// More facts than this are not taken from one file.
const MOST: usize = 60_000;

/// The reader of a file.
pub struct Reader<'t> {
    /// The text.
    pub source: &'t str,
    /// What names mean.
    pub names: Names,
    /// What was found.
    pub out: Extract,
    /// The definition that is read.
    pub symbol: u32,
    /// The condition around the place that is read.
    pub guard: Option<Guard>,
    /// Variables of the method with their types, the innermost last.
    pub scope: Vec<(String, String)>,
    /// Fields of the class with their types.
    pub fields: BTreeMap<String, String>,
    /// Constants of the file by name.
    pub constants: BTreeMap<String, String>,
    /// Methods of the class with what they yield.
    pub returns: BTreeMap<String, String>,
    methods: BTreeSet<String>,
    class: String,
}

/// Reads a file.
pub fn file(_path: &str, source: &str) -> Extract {
    let mut parser = Parser::new();
    let mut reader = Reader {
        source,
        names: Names::default(),
        out: Extract::default(),
        symbol: 0,
        guard: None,
        scope: Vec::new(),
        fields: BTreeMap::new(),
        constants: BTreeMap::new(),
        returns: BTreeMap::new(),
        methods: BTreeSet::new(),
        class: String::new(),
    };
    let last = u32::try_from(source.lines().count()).unwrap_or(u32::MAX).max(1);
    reader.out.symbols.push(Symbol { name: String::new(), parent: 0, line: 1, end: last, class: false });
    let tree = match parser
        .set_language(&tree_sitter_java::LANGUAGE.into())
        .ok()
        .and_then(|()| crate::language::parse::parse(&mut parser, source))
    {
        Some(tree) => tree,
        None => {
            reader.out.trouble.push("line 1: the parser gave up".to_owned());
            return reader.out;
        }
    };
    let root = tree.root_node();
    if root.has_error() {
        let line = first_error(root);
        reader.out.trouble.push(format!("line {line}: a part is no Java that is known"));
    }
    let declarations = children(root);
    for node in &declarations {
        match node.kind() {
            "package_declaration" => {
                let name = children(*node).into_iter().find(|child| matches!(child.kind(), "scoped_identifier" | "identifier"));
                reader.names.package = name.map_or(String::new(), |name| text(name, source).to_owned());
            }
            "import_declaration" => reader.import(*node),
            _ => reader.declare(*node, "", 0),
        }
    }
    for node in declarations {
        if node.kind().ends_with("_declaration") && !matches!(node.kind(), "package_declaration" | "import_declaration") {
            reader.class(node, 0, 0);
        }
    }
    reader.out
}

fn first_error(root: Node<'_>) -> u32 {
    let mut node = root;
    for _ in 0..400 {
        let mut cursor = node.walk();
        let Some(inner) = node.children(&mut cursor).find(|child| child.is_error() || child.is_missing() || child.has_error()) else {
            break;
        };
        node = inner;
    }
    lines(node).0
}

impl<'t> Reader<'t> {
    /// Adds a fact as it is.
    pub fn push(&mut self, fact: Fact) {
        if self.out.facts.len() < MOST {
            self.out.facts.push(fact);
        }
    }
    /// Adds a fact of the definition that is read, under the condition around it.
    pub fn fact(&mut self, mut fact: Fact) {
        fact.symbol = self.symbol;
        fact.guard.clone_from(&self.guard);
        self.push(fact);
    }
    fn import(&mut self, node: Node<'t>) {
        let Some(path) = children(node).into_iter().find(|child| matches!(child.kind(), "scoped_identifier" | "identifier")) else {
            return;
        };
        let (written, name) = (text(node, self.source), text(path, self.source).to_owned());
        let whole = children(node).iter().any(|child| child.kind() == "asterisk");
        let fixed = written.starts_with("import static");
        self.names.import(&name, whole, fixed);
        let (line, end) = lines(node);
        let (module, item) = name.rsplit_once('.').unwrap_or((&name, ""));
        let import = if whole {
            Import { local: "*".to_owned(), module: name.clone(), item: None, level: 0, line, symbol: 0, optional: false }
        } else {
            Import {
                local: item.to_owned(),
                module: module.to_owned(),
                item: Some(item.to_owned()),
                level: 0,
                line,
                symbol: 0,
                optional: false,
            }
        };
        self.out.imports.push(import);
        self.push(Fact::new(Kind::Import, if whole { format!("{name}.*") } else { name }, line, end));
    }
    /// Notes the classes of the file and the constants in them, before anything is read.
    fn declare(&mut self, node: Node<'t>, around: &str, depth: usize) {
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
    fn class(&mut self, node: Node<'t>, parent: u32, depth: usize) {
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
    /// A test: how many assertions, and whether any can fail.
    fn test(&mut self, full: &str, node: Node<'t>, decorators: &[String], before: usize, symbol: u32) {
        let calls: Vec<&Fact> = self.out.facts.iter().skip(before).filter(|fact| fact.kind == Kind::Call).collect();
        let asserting = |fact: &&&Fact| {
            let last = fact.name.rsplit('.').next().unwrap_or_default();
            last.starts_with("assert")
                || matches!(
                    last,
                    "verify"
                        | "expect"
                        | "andExpect"
                        | "andExpectAll"
                        | "expectStatus"
                        | "expectBody"
                        | "fail"
                        | "verifyComplete"
                        | "statusCode"
                        | "verifyNoInteractions"
                        | "verifyNoMoreInteractions"
                        | "check"
                        | "expectNext"
                        | "expectError"
                )
        };
        let asserts: Vec<&&Fact> = calls.iter().filter(asserting).collect();
        let empty = |fact: &&&Fact| {
            let last = fact.name.rsplit('.').next().unwrap_or_default();
            match last {
                "assertTrue" => fact.get("0") == Some("true"),
                "assertFalse" => fact.get("0") == Some("false"),
                "assertEquals" | "assertSame" => fact.get("0").is_some() && fact.get("0") == fact.get("1"),
                _ => false,
            }
        };
        let trivial = !asserts.is_empty() && asserts.iter().all(empty);
        let skipped = decorators.iter().any(|name| name.ends_with(".Disabled") || name.ends_with(".Ignore"));
        let (line, end) = lines(node);
        let yes = |is: bool| if is { "yes" } else { "no" };
        let mut fact = Fact::new(Kind::Test, full, line, end).within(symbol).with("asserts", asserts.len().to_string());
        fact = fact.with("trivial", yes(trivial)).with("skipped", yes(skipped));
        for decorator in decorators {
            fact = fact.with("marker", decorator.clone());
        }
        self.push(fact);
    }
    /// The statements and expressions below a node.
    pub fn statements(&mut self, node: Node<'t>, depth: usize) {
        if depth > DEPTH {
            return;
        }
        let mark = self.scope.len();
        for child in children(node) {
            self.statement(child, depth + 1);
        }
        if matches!(node.kind(), "block" | "constructor_body" | "for_statement" | "enhanced_for_statement" | "try_with_resources_statement")
        {
            self.scope.truncate(mark);
        }
    }
    fn statement(&mut self, node: Node<'t>, depth: usize) {
        match node.kind() {
            "local_variable_declaration" | "resource" => self.local(node, depth),
            "if_statement" => {
                let condition = node.child_by_field_name("condition");
                let flag = condition.and_then(|condition| self.flag(condition));
                for (field, negate) in [("condition", None), ("consequence", Some(false)), ("alternative", Some(true))] {
                    let Some(part) = node.child_by_field_name(field) else { continue };
                    let saved = self.guard.clone();
                    if let (Some(flag), Some(negate)) = (&flag, negate) {
                        self.guard = Some(Guard { negated: flag.negated != negate, ..flag.clone() });
                    }
                    self.statement(part, depth + 1);
                    self.guard = saved;
                }
            }
            "catch_clause" => self.catch(node, depth),
            "throw_statement" => {
                let Some(value) = node.named_child(0) else { return };
                let (line, end) = lines(node);
                let mut fact = Fact::new(Kind::Raise, "rethrow", line, end);
                if value.kind() == "object_creation_expression" {
                    fact.name = value.child_by_field_name("type").map_or(String::new(), |class| self.names.of(text(class, self.source)));
                    for (number, argument) in
                        value.child_by_field_name("arguments").map(children).unwrap_or_default().into_iter().enumerate().take(6)
                    {
                        fact = fact.with(number.to_string(), self.value(argument));
                    }
                }
                self.fact(fact);
                self.expression(value, depth + 1);
            }
            "class_declaration" | "record_declaration" | "interface_declaration" | "enum_declaration" => {
                self.class(node, self.symbol, depth)
            }
            kind if kind.ends_with("_statement")
                || matches!(
                    kind,
                    "block"
                        | "constructor_body"
                        | "switch_block"
                        | "switch_block_statement_group"
                        | "switch_rule"
                        | "finally_clause"
                        | "resource_specification"
                        | "argument_list"
                        | "explicit_constructor_invocation"
                ) =>
            {
                self.statements(node, depth)
            }
            _ => {
                self.expression(node, depth);
            }
        }
    }
    fn local(&mut self, node: Node<'t>, depth: usize) {
        let of = node.child_by_field_name("type").map_or(String::new(), |of| text(of, self.source).to_owned());
        let declarators: Vec<Node<'t>> = if node.kind() == "resource" {
            vec![node]
        } else {
            children(node).into_iter().filter(|child| child.kind() == "variable_declarator").collect()
        };
        for declarator in declarators {
            let value = declarator.child_by_field_name("value").and_then(|value| self.expression(value, depth + 1));
            let Some(name) = declarator.child_by_field_name("name") else { continue };
            // A part of a security chain stays one, whatever its variable is declared as.
            let part = value.as_ref().is_some_and(|value| value.contains("HttpSecurity."));
            let of = if of == "var" || part { value.unwrap_or_default() } else { self.names.of(&of) };
            self.scope.push((text(name, self.source).to_owned(), of));
        }
    }
    fn catch(&mut self, node: Node<'t>, depth: usize) {
        let (line, end) = lines(node);
        let parameter = children(node).into_iter().find(|child| child.kind() == "catch_formal_parameter");
        let body = node.child_by_field_name("body");
        let said = body.map_or("empty", |body| {
            let all = children(body);
            let written = text(body, self.source);
            if all.is_empty() {
                "empty"
            } else if written.contains("throw ") {
                "raise"
            } else if all.iter().all(|statement| {
                let said = text(*statement, self.source).trim_start().to_ascii_lowercase();
                said.starts_with("log")
                    || said.contains("log.") && said.starts_with("this.")
                    || said.contains("printstacktrace")
                    || said.starts_with("system.")
            }) {
                "log"
            } else if all.last().is_some_and(|last| last.kind() == "return_statement") {
                "return"
            } else {
                "other"
            }
        });
        if let Some(parameter) = parameter {
            let kinds = children(parameter).into_iter().find(|child| child.kind() == "catch_type").map(children).unwrap_or_default();
            for kind in &kinds {
                let name = self.names.of(text(*kind, self.source));
                self.fact(Fact::new(Kind::Catch, name, line, end).with("body", said));
            }
            if let (Some(name), Some(kind)) = (parameter.child_by_field_name("name"), kinds.first()) {
                let of = self.names.of(text(*kind, self.source));
                self.scope.push((text(name, self.source).to_owned(), of));
            }
        }
        if let Some(body) = body {
            self.statements(body, depth + 1);
        }
    }
    /// The body of a class without a name: its code belongs to where it stands.
    pub fn anonymous(&mut self, body: Node<'t>, depth: usize) {
        if depth > DEPTH {
            return;
        }
        for member in members(body) {
            if let Some(inner) = member.child_by_field_name("body") {
                let mark = self.scope.len();
                for parameter in member.child_by_field_name("parameters").map(children).unwrap_or_default() {
                    if let (Some(of), Some(name)) = (parameter.child_by_field_name("type"), parameter.child_by_field_name("name")) {
                        self.scope.push((text(name, self.source).to_owned(), self.names.of(text(of, self.source))));
                    }
                }
                self.statements(inner, depth + 1);
                self.scope.truncate(mark);
            }
        }
    }
    /// The type of a variable.
    pub fn variable(&self, name: &str) -> Option<String> {
        let local = self.scope.iter().rev().take(400).find(|(known, _)| known == name).map(|(_, of)| of.clone());
        local.or_else(|| self.fields.get(name).cloned()).filter(|of| !of.is_empty())
    }
    /// Whether the class has this method itself.
    pub fn class_has(&self, method: &str) -> bool {
        self.methods.contains(method)
    }
    /// The canonical name of the class that is read.
    pub fn class_name(&self) -> Option<String> {
        if self.class.is_empty() {
            return None;
        }
        Some(if self.names.package.is_empty() { self.class.clone() } else { format!("{}.{}", self.names.package, self.class) })
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
