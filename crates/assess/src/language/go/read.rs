//! Values of expressions, from the leaves up, and the facts of calls.

use tree_sitter::Node;

use super::{extract::Reader, library, package, settings};
use crate::{
    fact::{Fact, Kind},
    language::flow::{Value, Variable, chained, clip, compact, lines, shape, text},
};

impl<'t> Reader<'t> {
    /// Reads an expression whose parts were read.
    pub fn read(&mut self, node: Node<'t>) -> Option<()> {
        let value = match node.kind() {
            "identifier" => self.identifier(node)?,
            "selector_expression" => self.selector(node)?,
            "call_expression" => self.call(node)?,
            "composite_literal" => self.composite(node)?,
            "unary_expression" => {
                let operand = node.child_by_field_name("operand")?;
                let mut value = self.value(operand);
                match (text(node, self.source).chars().next(), value.constant.as_deref()) {
                    (Some('&' | '*'), _) => {}
                    (Some('-'), Some(constant)) => value = Value::constant(format!("-{constant}")),
                    _ => return None,
                }
                value
            }
            "parenthesized_expression" => self.value(node.named_child(0)?),
            "type_assertion_expression" => Value {
                of: self.package.named(node.child_by_field_name("type")?, self.source),
                ..self.value(node.child_by_field_name("operand")?)
            },
            "index_expression" => {
                let of = self.value(node.child_by_field_name("operand")?).of?;
                Value { of: Some(of.strip_prefix("[]")?.to_owned()), ..Value::default() }
            }
            "binary_expression" => {
                self.bounded(node);
                self.joined(node)?
            }
            "interpreted_string_literal" | "raw_string_literal" => {
                let constant = package::constant(node, self.source)?;
                self.text(&constant, false, node);
                Value::constant(constant)
            }
            "int_literal" | "float_literal" | "rune_literal" | "true" | "false" | "nil" => {
                Value::constant(package::constant(node, self.source)?)
            }
            "expression_statement" | "defer_statement" | "go_statement" => {
                let word = match node.kind() {
                    "defer_statement" => "defer",
                    "go_statement" => "go",
                    _ => "dropped",
                };
                let call = self.value(node.named_child(0)?).call?;
                let fact = self.out.facts.get_mut(call)?;
                fact.attrs.push((word.into(), "yes".into()));
                return None;
            }
            _ => return None,
        };
        self.values.insert(node.id(), value);
        None
    }

    fn identifier(&mut self, node: Node<'t>) -> Option<Value> {
        let name = text(node, self.source);
        let parent = self.around.last()?;
        if matches!(parent.kind(), "parameter_declaration" | "keyed_element_key" | "const_spec" | "var_spec" | "function_declaration") {
            let first = parent.child_by_field_name("name").is_some_and(|named| named.id() == node.id());
            if first {
                return None;
            }
        }
        if let Some(variable) = self.scopes.find(name) {
            return Some(variable.value());
        }
        if let Some(module) = self.package.imports.get(name) {
            return Some(Value::name(module.clone()));
        }
        let own = self.package.own(name);
        if own == name && matches!(name, "_" | "nil" | "true" | "false" | "iota") {
            return None;
        }
        if own != name || self.package.path.is_empty() {
            self.mention(name.to_owned(), lines(node).0);
        }
        let constant = self.package.constants.get(name).cloned();
        Some(Value {
            of: self.package.variables.get(name).cloned(),
            id: Some(format!("~{own}")),
            name: Some(own),
            constant,
            ..Value::default()
        })
    }

    fn selector(&mut self, node: Node<'t>) -> Option<Value> {
        let operand = node.child_by_field_name("operand")?;
        let field = text(node.child_by_field_name("field")?, self.source);
        let value = self.value(operand);
        let base = value.of.clone().or(value.name.clone());
        let Some(base) = base else {
            return Some(Value { id: None, ..Value::default() });
        };
        let name = clip(&format!("{base}.{field}"));
        if value.of.is_none() && value.name.is_some() {
            let written = text(operand, self.source);
            if written.len() < 80 {
                self.mention(format!("{written}.{field}"), lines(node).0);
            }
        } else if value.of.is_some() {
            self.mention(name.clone(), lines(node).0);
        }
        let of = self.package.fields.get(&name).cloned();
        Some(Value { id: Some(format!("~{name}")), of, name: Some(name), ..Value::default() })
    }

    fn call(&mut self, node: Node<'t>) -> Option<Value> {
        let function = node.child_by_field_name("function")?;
        let mut arguments = node.child_by_field_name("arguments");
        let callee = self.value(function);
        let (line, end) = lines(node);
        let local = function.kind() == "identifier" && callee.id.as_deref().is_some_and(|id| !id.starts_with('~'));
        let name = callee
            .of
            .clone()
            .filter(|of| of != "func" && function.kind() != "selector_expression" && !of.starts_with('['))
            .or(callee.name.clone());
        let name = match name {
            Some(name) => name,
            // A variable that holds a function, or something that is not followed.
            None if local => text(function, self.source).to_owned(),
            None => match function.kind() {
                "selector_expression" => {
                    let field = text(function.child_by_field_name("field")?, self.source);
                    format!("?.{field}")
                }
                "func_literal" => return Some(Value::default()),
                _ => clip(&compact(text(function, self.source))),
            },
        };
        if CONVERSIONS.contains(&name.as_str()) {
            let inner = self.value(arguments.take()?.named_child(0)?);
            return Some(Value {
                of: inner.of,
                constant: inner.constant,
                id: inner.id,
                name: inner.name,
                call: None,
                inline: inner.inline,
                built: inner.built,
            });
        }
        let number = self.out.facts.len();
        let id = format!("#{number}");
        let mut fact = Fact::new(Kind::Call, &name, line, end);
        self.arguments(&mut fact, arguments);
        if function.kind() == "selector_expression"
            && let Some(operand) = function.child_by_field_name("operand")
        {
            let written = compact(text(operand, self.source));
            if !self.package.imports.contains_key(&written) {
                fact = fact.with("receiver", clip(&written));
            }
            if let Some(from) = self.value(operand).id {
                fact = fact.with("from", from);
            }
            if let Some(before) = self.value(operand).call {
                let field = function.child_by_field_name("field").map_or("", |field| text(field, self.source));
                chained(self.out.facts.get_mut(before), field, &fact);
            }
        } else if let Some(before) = self.value(function).call {
            fact = fact.with("from", format!("#{before}"));
        }
        let pasted = matches!(name.as_str(), "fmt.Sprintf" | "fmt.Sprint") && fact.get("1").is_some();
        if let Some(format) = fact.get("0").filter(|text| pasted && text.contains('%') && shape(text).is_some()).map(str::to_owned) {
            self.text(&format, true, node);
        }
        fact.attrs.push(("id".into(), id.clone()));
        let gives = if name.starts_with('?') { None } else { self.package.results.get(&name).cloned().or_else(|| library::gives(&name)) };
        if matches!(name.as_str(), "panic" | "os.Exit") || name.ends_with("log.Fatal") || name.ends_with("log.Fatalf") {
            let mut raise = fact.clone();
            raise.kind = Kind::Raise;
            self.push(fact);
            self.push(raise);
        } else {
            self.push(fact);
        }
        settings::called(self, number);
        Some(Value { of: gives, id: Some(id), call: Some(number), built: pasted, ..Value::default() })
    }

    fn arguments(&mut self, fact: &mut Fact, list: Option<Node<'t>>) {
        let Some(list) = list else { return };
        let mut cursor = list.walk();
        for (number, argument) in list.named_children(&mut cursor).filter(|node| node.kind() != "comment").enumerate().take(40) {
            let argument = if argument.kind() == "variadic_argument" { argument.named_child(0).unwrap_or(argument) } else { argument };
            self.given(fact, &number.to_string(), argument);
        }
    }

    /// A property from an expression.
    fn given(&mut self, fact: &mut Fact, key: &str, node: Node<'t>) {
        let value = self.value(node);
        Value { of: value.of.filter(|of| of != "func"), ..value }.given(fact, key, self.shown(node));
    }

    /// `http.Server{Addr: ":80", ReadTimeout: ...}` is what a call with named arguments is elsewhere.
    fn composite(&mut self, node: Node<'t>) -> Option<Value> {
        let of = node.child_by_field_name("type")?;
        let name = self.package.named(of, self.source);
        let name = match name {
            Some(name) if !name.starts_with("[]") && name != "map" => name,
            other => return Some(Value { of: other, ..Value::default() }),
        };
        let (line, end) = lines(node);
        let number = self.out.facts.len();
        let id = format!("#{number}");
        let mut fact = Fact::new(Kind::Call, &name, line, end);
        let body = node.child_by_field_name("body")?;
        let mut cursor = body.walk();
        let element = |node: Node<'t>| if node.kind() == "literal_element" { node.named_child(0) } else { Some(node) };
        for (number, part) in body.named_children(&mut cursor).filter(|node| node.kind() != "comment").enumerate().take(60) {
            if part.kind() == "keyed_element" {
                let (Some(key), Some(value)) = (part.child_by_field_name("key"), part.child_by_field_name("value")) else { continue };
                if let Some(value) = element(value) {
                    let key = text(key, self.source).trim_matches('"').to_owned();
                    self.given(&mut fact, &clip(&key), value);
                }
            } else if let Some(value) = element(part) {
                self.given(&mut fact, &number.to_string(), value);
            }
        }
        fact = fact.with("literal", "yes").with("id", id.clone());
        if let Some(own) = name.rsplit('.').next().filter(|last| self.package.own(last) == name) {
            self.mention(own.to_owned(), line);
        }
        self.push(fact);
        settings::called(self, number);
        Some(Value { of: Some(name), id: Some(id), call: Some(number), ..Value::default() })
    }

    /// Texts that are put together, numbers with units.
    fn joined(&mut self, node: Node<'t>) -> Option<Value> {
        let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
        let operator = text(node.child_by_field_name("operator")?, self.source);
        let (a, b) = (self.value(left), self.value(right));
        if operator == "+" {
            if let (Some(a), Some(b)) = (&a.constant, &b.constant)
                && (left.kind().contains("string") || right.kind().contains("string"))
            {
                return Some(Value::constant(clip(&format!("{a}{b}"))));
            }
            let pasted = a.constant.as_deref().filter(|text| shape(text).is_some()).map(str::to_owned);
            if let Some(start) = pasted {
                self.text(&start, true, node);
                return Some(Value { built: true, ..Value::default() });
            }
            return Some(Value { built: a.built || b.built, ..Value::default() });
        }
        None
    }

    /// A string of a shape that matters.
    pub fn text(&mut self, value: &str, built: bool, node: Node<'t>) {
        if value.len() < 8 {
            return;
        }
        if let Some(shape) = shape(value) {
            let (line, end) = lines(node);
            if built {
                // What was noted of the parts is said better of the whole.
                let parts = self.out.facts.iter_mut().rev().take(50);
                for fact in parts.filter(|fact| fact.kind == Kind::Text && fact.line >= line && fact.end <= end) {
                    if fact.get("built").is_none() {
                        fact.attrs.push(("built".into(), "yes".into()));
                    }
                }
                return;
            }
            self.push(
                Fact::new(Kind::Text, shape, line, end)
                    .with("shape", shape)
                    .with("value", clip(&value.split_whitespace().collect::<Vec<_>>().join(" "))),
            );
        }
    }

    /// `a, err := f()`, `s.router = r`, `x = y`.
    pub fn assigned(&mut self, node: Node<'t>) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else { return };
        let right_single = right.kind() != "expression_list";
        let (mut lefts, mut rights) = (left.walk(), right.walk());
        let targets: Vec<Node<'t>> = if left.kind() == "expression_list" { left.named_children(&mut lefts).collect() } else { vec![left] };
        let values: Vec<Node<'t>> = if right_single { vec![right] } else { right.named_children(&mut rights).collect() };
        let declares = node.kind() == "short_var_declaration";
        for (number, target) in targets.iter().enumerate().take(16) {
            let value = values.get(number).or(values.first().filter(|_| number == 0)).map(|node| self.value(*node)).unwrap_or_default();
            let known = if values.len() == targets.len() || number == 0 { value } else { Value::default() };
            self.bind(*target, known, declares || node.kind() == "range_clause");
        }
        if let Some(last) = targets.last()
            && text(*last, self.source) == "_"
            && let [only] = values.as_slice()
            && let Some(call) = self.value(*only).call
            && let Some(fact) = self.out.facts.get_mut(call)
        {
            fact.attrs.push(("ignored".into(), "yes".into()));
        }
    }

    fn bind(&mut self, target: Node<'t>, value: Value, declares: bool) {
        let written = text(target, self.source);
        if written == "_" {
            return;
        }
        let field = target.kind() == "selector_expression";
        if let Some(call) = value.call
            && let Some(fact) = self.out.facts.get_mut(call)
        {
            fact.attrs.push(("result".into(), clip(&compact(written))));
        }
        let into = if field {
            self.value(target).id
        } else if let Some(variable) = self.scopes.find_mut(written).filter(|_| !declares) {
            if value.of.is_some() && variable.of.is_none() {
                variable.of = value.of.clone();
            }
            variable.constant = None;
            Some(variable.id.clone())
        } else if declares {
            let id = format!("{written}@{}", lines(target).0);
            let variable = Variable { of: value.of.clone(), name: value.name.clone(), constant: None, id: id.clone() };
            let variable = Variable { constant: value.constant.clone(), ..variable };
            self.scopes.declare(written, variable);
            Some(id)
        } else {
            self.value(target).id
        };
        if let (Some(into), Some(call)) = (into.clone(), value.call)
            && let Some(fact) = self.out.facts.get_mut(call)
        {
            fact.attrs.push(("into".into(), into));
        } else if let (Some(into), Some(id)) = (into, value.id)
            && into != id
        {
            // An assignment without a call matters to wiring only: a handler that takes a new name.
            let (line, end) = lines(target);
            if field || declares {
                self.push(Fact::new(Kind::Assign, clip(written), line, end).with("into", into).with("from", id).with("local", "yes"));
            }
        }
    }

    /// `var x = ...`, `const x = ...`.
    pub fn declared(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> = node.children_by_field_name("name", &mut cursor).filter(|name| name.is_named()).collect();
        let of = node.child_by_field_name("type").and_then(|of| self.package.named(of, self.source));
        let list = node.child_by_field_name("value");
        let mut inner = node.walk();
        let values: Vec<Node<'t>> = match list {
            Some(list) if list.kind() == "expression_list" => list.named_children(&mut inner).collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        for (number, name) in names.iter().enumerate() {
            let local = text(*name, self.source);
            let value = values.get(number).map(|node| self.value(*node)).unwrap_or_default();
            let (line, end) = lines(*name);
            if self.symbol == 0 && self.scopes_are_outermost() {
                let own = self.package.own(local);
                if let Some(constant) = value.constant {
                    self.push(Fact::new(Kind::Assign, own, line, end).with("value", constant));
                } else if let Some(call) = value.call {
                    let id = format!("~{own}");
                    if let Some(of) = value.of.clone().or(of.clone()) {
                        self.package.variables.insert(local.to_owned(), of);
                    }
                    if let Some(fact) = self.out.facts.get_mut(call) {
                        fact.attrs.push(("result".into(), local.to_owned()));
                        fact.attrs.push(("into".into(), id));
                    }
                }
                continue;
            }
            let id = format!("{local}@{line}");
            if let Some(call) = value.call
                && let Some(fact) = self.out.facts.get_mut(call)
            {
                fact.attrs.push(("result".into(), local.to_owned()));
                fact.attrs.push(("into".into(), id.clone()));
            }
            let variable = Variable {
                of: of.clone().or(value.of),
                name: value.name,
                constant: value.constant.filter(|_| node.kind() == "const_spec"),
                id,
            };
            self.scopes.declare(local, variable);
        }
    }

    fn scopes_are_outermost(&self) -> bool {
        !self.around.iter().any(|node| matches!(node.kind(), "block" | "func_literal"))
    }

    /// What a function gives, for wiring.
    pub fn returned(&mut self, node: Node<'t>) {
        if self.symbol == 0 || self.around.iter().any(|node| node.kind() == "func_literal") {
            return;
        }
        let Some(first) =
            node.named_child(0).and_then(|list| if list.kind() == "expression_list" { list.named_child(0) } else { Some(list) })
        else {
            return;
        };
        let Some(id) = self.value(first).id else { return };
        if let Some(fact) = self.out.facts.get_mut(self.def).filter(|fact| fact.kind == Kind::Def) {
            fact.attrs.push(("gives".into(), id));
        }
    }
}

const CONVERSIONS: &[&str] =
    &["net/http.HandlerFunc", "string", "int", "int64", "float64", "[]byte", "uint", "uint64", "int32", "time.Duration"];
