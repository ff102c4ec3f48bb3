//! Values of expressions, from the leaves up, and the facts of calls.

use tree_sitter::Node;

use super::{extract::Reader, library, names::constant};
use crate::{
    fact::{Fact, Kind},
    language::flow::{Value, Variable, chained, clip, compact, lines, shape, text},
};

impl<'t> Reader<'t> {
    /// Reads an expression whose parts were read.
    pub fn read(&mut self, node: Node<'t>) -> Option<()> {
        let value = match node.kind() {
            "identifier" | "self" => self.identifier(node)?,
            "scoped_identifier" => self.scoped(node)?,
            "generic_function" => self.value(node.child_by_field_name("function")?),
            "field_expression" => self.field(node)?,
            "call_expression" => self.call(node)?,
            "struct_expression" => self.literal(node)?,
            "await_expression"
            | "try_expression"
            | "parenthesized_expression"
            | "unary_expression"
            | "expression_statement"
            | "return_expression" => {
                let value = self.value(node.named_child(0)?);
                if node.kind() == "try_expression"
                    && let Some(fact) = value.call.and_then(|call| self.out.facts.get_mut(call))
                {
                    fact.attrs.push(("try".into(), "yes".into()));
                }
                if node.kind() == "await_expression"
                    && let Some(fact) = value.call.and_then(|call| self.out.facts.get_mut(call))
                {
                    fact.attrs.push(("await".into(), "yes".into()));
                }
                value
            }
            "reference_expression" => self.value(node.child_by_field_name("value")?),
            "assignment_expression" => {
                let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
                let value = self.value(right);
                let written = text(left, self.source);
                let into = self.scopes.find(written).map(|variable| variable.id.clone()).or(self.value(left).id);
                if let (Some(into), Some(fact)) = (into, value.call.and_then(|call| self.out.facts.get_mut(call))) {
                    fact.attrs.push(("result".into(), clip(&compact(written))));
                    fact.attrs.push(("into".into(), into));
                }
                return None;
            }
            "string_literal" | "raw_string_literal" => {
                let plain = constant(node, self.source)?;
                self.text(&plain, false, node);
                Value::constant(plain)
            }
            "integer_literal" | "float_literal" | "boolean_literal" | "char_literal" | "negative_literal" => {
                Value::constant(constant(node, self.source)?)
            }
            _ => return None,
        };
        self.values.insert(node.id(), value);
        None
    }

    fn identifier(&mut self, node: Node<'t>) -> Option<Value> {
        let name = text(node, self.source);
        let parent = self.around.last()?;
        // Names that are declared or belong to a path are no mentions.
        if matches!(
            parent.kind(),
            "scoped_identifier"
                | "scoped_type_identifier"
                | "let_declaration"
                | "parameter"
                | "function_item"
                | "tuple_struct_pattern"
                | "closure_parameters"
        ) {
            let value =
                parent.kind() == "let_declaration" && parent.child_by_field_name("value").is_some_and(|value| value.id() == node.id());
            if !value {
                return None;
            }
        }
        if let Some(variable) = self.scopes.find(name) {
            return Some(variable.value());
        }
        let full = self.names.canonical(name);
        if full != name || self.names.own.contains(name) {
            self.mention(name.to_owned(), lines(node).0);
        }
        Some(Value {
            id: Some(format!("~{full}")),
            constant: self.names.constants.get(name).cloned(),
            name: Some(full),
            ..Value::default()
        })
    }

    fn scoped(&mut self, node: Node<'t>) -> Option<Value> {
        if self
            .around
            .last()
            .is_some_and(|parent| matches!(parent.kind(), "scoped_identifier" | "scoped_type_identifier" | "use_declaration"))
        {
            return None;
        }
        let written = text(node, self.source);
        if written.len() > 400 {
            return None;
        }
        let full = self.path(written);
        self.mention(super::names::without_generics(written).replace("::", "."), lines(node).0);
        Some(Value { id: Some(format!("~{full}")), name: Some(full), ..Value::default() })
    }

    /// The canonical form of a path; `Self` is the type of the `impl`.
    pub fn path(&self, written: &str) -> String {
        if let Some(rest) = written.strip_prefix("Self::")
            && let Some(class) = self.scopes.find("Self").and_then(|own| own.name.clone())
        {
            return format!("{class}.{}", rest.replace("::", "."));
        }
        self.names.canonical(written)
    }

    fn field(&mut self, node: Node<'t>) -> Option<Value> {
        let base = self.value(node.child_by_field_name("value")?);
        let field = text(node.child_by_field_name("field")?, self.source);
        let base = base.of.or(base.name)?;
        let name = clip(&format!("{base}.{field}"));
        Some(Value { id: Some(format!("~{name}")), of: self.names.fields.get(&name).cloned(), name: Some(name), ..Value::default() })
    }

    fn call(&mut self, node: Node<'t>) -> Option<Value> {
        let function = node.child_by_field_name("function")?;
        let arguments = node.child_by_field_name("arguments");
        // A link of a chain begins where its own name stands, not where the chain does.
        let begins = function.child_by_field_name("field").unwrap_or(node);
        let (line, end) = (lines(begins).0, lines(node).1);
        let number = self.out.facts.len();
        let id = format!("#{number}");
        let mut held = Value::default();
        let mut method = "";
        let name = if function.kind() == "field_expression" {
            let operand = function.child_by_field_name("value")?;
            held = self.value(operand);
            method = text(function.child_by_field_name("field")?, self.source);
            let known = held.of.clone().or_else(|| held.name.clone().filter(|_| held.id.as_deref().is_some_and(|id| id.starts_with('~'))));
            known.map_or_else(|| format!("?.{method}"), |of| clip(&format!("{of}.{method}")))
        } else {
            self.value(function).name.unwrap_or_else(|| clip(&compact(text(function, self.source))))
        };
        let mut fact = Fact::new(Kind::Call, &name, line, end);
        if let Some(list) = arguments {
            let mut cursor = list.walk();
            for (number, argument) in list
                .named_children(&mut cursor)
                .filter(|node| !node.kind().ends_with("comment") && node.kind() != "attribute_item")
                .enumerate()
                .take(40)
            {
                self.given(&mut fact, &number.to_string(), argument);
            }
        }
        if function.kind() == "field_expression" {
            let operand = function.child_by_field_name("value")?;
            let written: String = text(operand, self.source).chars().take(400).collect();
            fact = fact.with("receiver", clip(&compact(&written)));
            if let Some(from) = &held.id {
                fact = fact.with("from", from);
            }
            if let Some(before) = held.call {
                self.answered(before, method, fact.get("0"));
                chained(self.out.facts.get_mut(before), method, &fact);
            }
        }
        fact.attrs.push(("id".into(), id.clone()));
        if matches!(method, "clone" | "as_ref" | "into" | "as_mut" | "to_owned") {
            // They say nothing and are everywhere.
            return Some(held);
        }
        let known = if library::SAME.contains(&method) {
            held.of.clone()
        } else {
            let own = self.names.results.get(&name).cloned();
            let unknown = name.starts_with('?') || method.is_empty() && self.elsewhere(&name);
            own.or_else(|| if unknown { None } else { library::gives(&name) })
        };
        if name == "Err" {
            let what = fact.get("0").unwrap_or_default();
            let what = what.split(['(', '{', '!']).next().unwrap_or_default().to_owned();
            let what = self.names.canonical(&what.replace('.', "::"));
            self.push(Fact::new(Kind::Raise, what, line, end));
            return Some(Value::default());
        }
        if matches!(
            name.as_str(),
            "Ok" | "Some" | "Box.new" | "Arc.new" | "std.sync.Arc.new" | "std.boxed.Box.new" | "axum.handler.Handler"
        ) {
            // What only holds a value is that value.
            return arguments.and_then(|list| list.named_child(0)).map(|inner| self.value(inner));
        }
        let exits = name == "std.process.exit";
        let environment = matches!(name.as_str(), "std.env.var" | "std.env.var_os" | "dotenvy.var" | "dotenv.var" | "env.var")
            .then(|| fact.get("0").map(str::to_owned))
            .flatten();
        let number = self.push(fact.clone());
        if exits {
            fact.kind = Kind::Raise;
            self.push(fact);
        }
        if let Some(variable) = environment {
            self.push(Fact::new(Kind::Env, variable, line, end).with("required", "no"));
        }
        Some(Value { of: known, id: Some(id), call: Some(number), ..Value::default() })
    }

    /// Whether only another file says what a function of a type of this repository gives. A constructor says it by its name.
    fn elsewhere(&self, name: &str) -> bool {
        let path = self.names.path.as_str();
        let home = match path.find(".src.") {
            _ if path.starts_with("src.") => "src.",
            Some(at) => path.get(..at + 5).unwrap_or_default(),
            None => return false,
        };
        let last = name.rsplit('.').next().unwrap_or_default();
        let makes = ["new", "default", "from", "with_", "try_", "builder", "build", "create", "connect", "open", "load", "parse", "init"];
        name.starts_with(home) && !makes.iter().any(|word| last.starts_with(word))
    }

    /// What is done with a variable of the environment says whether it is needed.
    fn answered(&mut self, before: usize, method: &str, given: Option<&str>) {
        let Some(env) = self.out.facts.get_mut(before + 1).filter(|fact| fact.kind == Kind::Env) else { return };
        match method {
            "expect" | "unwrap" | "context" | "with_context" | "map_err" => {
                env.attrs.retain(|(key, _)| key != "required");
                env.attrs.push(("required".into(), "yes".into()));
            }
            "unwrap_or" | "unwrap_or_else" | "unwrap_or_default" | "map_or" => {
                let given = given.unwrap_or_default();
                let plain = given.split('"').nth(1).unwrap_or(given);
                env.attrs.push(("default".into(), plain.to_owned()));
            }
            _ => {}
        }
    }

    /// A property from an expression.
    pub fn given(&mut self, fact: &mut Fact, key: &str, node: Node<'t>) {
        let value = self.value(node);
        Value { of: value.of.filter(|of| of != "fn"), ..value }.given(fact, key, self.shown(node));
    }

    fn literal(&mut self, node: Node<'t>) -> Option<Value> {
        let name = node.child_by_field_name("name")?;
        let written = text(name, self.source);
        let name = match written {
            "Self" => self.scopes.find("Self").and_then(|own| own.name.clone())?,
            _ => self.path(written),
        };
        let (line, end) = lines(node);
        let id = format!("#{}", self.out.facts.len());
        let mut fact = Fact::new(Kind::Call, &name, line, end);
        let body = node.child_by_field_name("body")?;
        let mut cursor = body.walk();
        for part in body.named_children(&mut cursor).take(80) {
            match part.kind() {
                "field_initializer" => {
                    if let (Some(field), Some(value)) = (part.child_by_field_name("field"), part.child_by_field_name("value")) {
                        let key = text(field, self.source).to_owned();
                        self.given(&mut fact, &key, value);
                    }
                }
                "shorthand_field_initializer" => {
                    if let Some(inner) = part.named_child(0) {
                        let key = text(inner, self.source).to_owned();
                        self.given(&mut fact, &key, inner);
                    }
                }
                _ => {}
            }
        }
        fact = fact.with("literal", "yes").with("id", id.clone());
        if written != "Self" {
            self.mention(written.replace("::", "."), line);
        }
        let number = self.push(fact);
        Some(Value { of: Some(name), id: Some(id), call: Some(number), ..Value::default() })
    }

    /// A string of a shape that matters.
    pub fn text(&mut self, value: &str, built: bool, node: Node<'t>) {
        if value.len() < 8 {
            return;
        }
        if let Some(shape) = shape(value) {
            let (line, end) = lines(node);
            let mut fact = Fact::new(Kind::Text, shape, line, end)
                .with("shape", shape)
                .with("value", clip(&value.split_whitespace().collect::<Vec<_>>().join(" ")));
            if built {
                fact = fact.with("built", "yes");
            }
            self.push(fact);
        }
    }

    /// `let name = value;`
    pub fn bound(&mut self, node: Node<'t>) {
        let (Some(pattern), value) = (node.child_by_field_name("pattern"), node.child_by_field_name("value")) else { return };
        let written = text(pattern, self.source).trim_start_matches("mut ").trim();
        let known = value.map(|value| self.value(value)).unwrap_or_default();
        let of = node.child_by_field_name("type").and_then(|of| self.names.named(of, self.source)).or(known.of.clone());
        let fact = known.call.and_then(|call| self.out.facts.get_mut(call));
        if written == "_" {
            if let Some(fact) = fact {
                fact.attrs.push(("ignored".into(), "yes".into()));
            }
            return;
        }
        let plain = written.chars().all(|c| c.is_alphanumeric() || c == '_');
        let mut names = written.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|part| !part.is_empty());
        // `let (router, description) = ....split_for_parts()`.
        let parts = fact.as_ref().is_some_and(|fact| fact.name.ends_with(".split_for_parts"));
        let local = if plain {
            written
        } else if parts {
            names.next().unwrap_or(written)
        } else {
            names.next_back().unwrap_or(written)
        };
        let id = match (&known.id, known.call) {
            (Some(id), None) if plain => id.clone(),
            _ => format!("{local}@{}", lines(pattern).0),
        };
        if let Some(fact) = fact {
            fact.attrs.push(("result".into(), clip(local)));
            fact.attrs.push(("into".into(), id.clone()));
        }
        let constant = known.constant.filter(|_| !text(node, self.source).starts_with("let mut"));
        self.scopes.declare(
            local,
            Variable { of: of.filter(|_| plain || known.call.is_some()), name: known.name.filter(|_| known.call.is_none()), constant, id },
        );
    }
}
