//! Definitions: modules, types, functions with their parameters and results, and constants.

use tree_sitter::Node;

use super::{
    extract::{Reader, Within},
    names::constant,
    settings,
};
use crate::{
    fact::{Fact, Kind},
    language::flow::{Variable, compact, lines, text},
};

impl<'t> Reader<'t> {
    pub fn module(&mut self, node: Node<'t>) {
        let attributes = self.taken();
        let Some(name) = node.child_by_field_name("name").map(|name| text(name, self.source)) else { return };
        if node.child_by_field_name("body").is_none() {
            // What is declared here is run where it is named, not where it is declared.
            return;
        }
        let test = for_tests(&attributes);
        let (symbol, name) = self.add(name, node, false);
        self.begin(node, Within { symbol, name, test, ..Within::default() });
    }

    pub fn implementation(&mut self, node: Node<'t>) {
        let attributes = self.taken();
        let Some(of) = node.child_by_field_name("type") else { return };
        let class = self.names.named(of, self.source);
        let name = super::names::without_generics(text(of, self.source)).replace("::", ".");
        let outer = self.within.last().cloned().unwrap_or_default();
        let name = if outer.name.is_empty() { name } else { format!("{}.{name}", outer.name) };
        let symbol =
            self.out.symbols.iter().position(|symbol| symbol.name == name).and_then(|at| u32::try_from(at).ok()).unwrap_or(outer.symbol);
        let of = node.child_by_field_name("trait").map(|of| self.names.canonical(text(of, self.source)));
        let test = for_tests(&attributes);
        if let (Some(of), Some(class)) = (&of, &class) {
            let (line, _) = lines(node);
            let fact = Fact::new(Kind::Def, class, line, line).with("kind", "impl").with("base", of);
            self.push(fact);
        }
        self.begin(node, Within { symbol, name, class, of, test, ..Within::default() });
    }

    pub fn class(&mut self, node: Node<'t>) {
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

    pub fn function(&mut self, node: Node<'t>) {
        let attributes = self.taken();
        let Some(name) = node.child_by_field_name("name").map(|name| text(name, self.source)) else { return };
        let method = self.within.last().is_some_and(|within| within.class.is_some());
        let (symbol, full) = self.add(name, node, false);
        let outer = self.within.last().cloned().unwrap_or_default();
        let (line, end) = lines(node);
        let cfg = for_tests(&attributes);
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

    pub fn parameters(&mut self, list: Node<'t>) -> Vec<String> {
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

    /// What a function gives: the value of its last expression.
    pub fn tail(&mut self, node: Node<'t>) {
        let Some(body) = node.child_by_field_name("body") else { return };
        let Some(id) = self.value(body).id else { return };
        if let Some(fact) = self.within.last().and_then(|within| within.def).and_then(|def| self.out.facts.get_mut(def)) {
            fact.attrs.push(("gives".into(), id));
        }
    }

    pub fn constant_item(&mut self, node: Node<'t>) {
        self.attributes.clear();
        let (Some(name), Some(value)) = (node.child_by_field_name("name"), node.child_by_field_name("value")) else { return };
        let (line, end) = lines(node);
        let name = format!("{}.{}", self.names.path, text(name, self.source));
        if let Some(plain) = constant(value, self.source).or_else(|| self.value(value).constant) {
            self.push(Fact::new(Kind::Assign, name, line, end).with("value", plain));
        }
    }
}

/// Whether what has these attributes is compiled for tests only.
fn for_tests(attributes: &[(String, String, Node<'_>)]) -> bool {
    attributes.iter().any(|(path, written, _)| path == "cfg" && written.contains("test") && !written.contains("not(test"))
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
