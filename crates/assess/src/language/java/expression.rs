//! Expressions: calls with their receivers' types, constants, texts.

use tree_sitter::Node;

use super::{
    extract::{DEPTH, Reader},
    names::{children, compact, lines, text},
};
use crate::fact::{Fact, Guard, Kind, Use};

/// Chains on these types name the part that is being configured: `http.csrf().disable()` is as `http.csrf(c -> c.disable())`.
const PARTS: &[&str] = &[".HttpSecurity", ".ServerHttpSecurity"];

/// Whether a text looks like one of the listed shapes.
pub fn shape(text: &str) -> Option<&'static str> {
    let head: String = text.trim_start().chars().take(16).collect::<String>().to_ascii_lowercase();
    let sql = ["select ", "insert into", "update ", "delete from", "create table", "alter table", "with "];
    let body = text.to_ascii_lowercase();
    let clause = [" from ", " into ", " set ", " where ", " values", " table ", " as ("];
    if sql.iter().any(|word| head.starts_with(word)) && (clause.iter().any(|word| body.contains(word)) || head.starts_with("delete from")) {
        return Some("sql");
    }
    if text.starts_with("jdbc:")
        || text.starts_with("r2dbc:")
        || text.starts_with("mongodb")
        || text.starts_with("redis://")
        || text.starts_with("amqp://")
    {
        return Some("dsn");
    }
    (text.starts_with("http://") || text.starts_with("https://")).then_some("url")
}

impl<'t> Reader<'t> {
    /// What an expression is as the value of an attribute.
    pub fn value(&self, node: Node<'t>) -> String {
        let value = self.constant(node, 0).unwrap_or_else(|| match node.kind() {
            "field_access" | "scoped_identifier" => self.dotted(node),
            "class_literal" => node.named_child(0).map_or(String::new(), |class| self.names.of(text(class, self.source))),
            "element_value_array_initializer" | "array_initializer" => {
                let parts: Vec<String> = children(node)
                    .into_iter()
                    .take(40)
                    .map(|part| match self.constant(part, 0) {
                        Some(constant) => format!("\"{constant}\""),
                        None => self.dotted(part),
                    })
                    .collect();
                format!("[{}]", parts.join(","))
            }
            "object_creation_expression" => {
                node.child_by_field_name("type").map_or(String::new(), |class| self.names.of(text(class, self.source)))
            }
            _ => compact(text(node, self.source)),
        });
        value.chars().take(200).collect()
    }
    /// A list of constants, such as the paths that are open.
    pub fn list(&self, node: Node<'t>) -> Option<String> {
        let parts: Option<Vec<String>> =
            children(node).into_iter().take(100).map(|part| self.constant(part, 0).map(|text| format!("\"{text}\""))).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| format!("[{}]", parts.join(",")))
    }
    /// A name with dots whose first part may be imported.
    fn dotted(&self, node: Node<'t>) -> String {
        let written = compact(text(node, self.source));
        if written.starts_with(|letter: char| letter.is_ascii_uppercase()) && written.contains('.') && !written.contains('(') {
            self.names.of(&written)
        } else {
            written
        }
    }
    /// The constant that an expression is.
    pub fn constant(&self, node: Node<'t>, depth: u32) -> Option<String> {
        if depth > 30 {
            return None;
        }
        match node.kind() {
            "string_literal" => {
                let raw = text(node, self.source);
                let inner = raw
                    .strip_prefix("\"\"\"")
                    .and_then(|rest| rest.strip_suffix("\"\"\""))
                    .or_else(|| raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')))?;
                Some(inner.replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\"))
            }
            "character_literal" => Some(text(node, self.source).trim_matches('\'').to_owned()),
            "decimal_integer_literal" | "decimal_floating_point_literal" | "hex_integer_literal" => {
                Some(text(node, self.source).replace('_', "").trim_end_matches(['L', 'l', 'f', 'F', 'd', 'D']).to_owned())
            }
            "true" | "false" => Some(node.kind().to_owned()),
            "null_literal" => Some("none".to_owned()),
            "parenthesized_expression" => self.constant(node.named_child(0)?, depth + 1),
            "identifier" => self.constants.get(text(node, self.source)).cloned(),
            "unary_expression" => {
                let inner = self.constant(node.child_by_field_name("operand")?, depth + 1)?;
                (inner.parse::<f64>().is_ok() && text(node, self.source).starts_with('-')).then(|| format!("-{inner}"))
            }
            "binary_expression" => {
                let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
                let (left, right) = (self.constant(left, depth + 1)?, self.constant(right, depth + 1)?);
                let sign = node.child_by_field_name("operator").map(|sign| text(sign, self.source))?;
                match (sign, left.parse::<i64>(), right.parse::<i64>()) {
                    ("+", Ok(left), Ok(right)) => left.checked_add(right).map(|sum| sum.to_string()),
                    ("*", Ok(left), Ok(right)) => left.checked_mul(right).map(|product| product.to_string()),
                    ("-", Ok(left), Ok(right)) => left.checked_sub(right).map(|rest| rest.to_string()),
                    ("+", _, _) if left.len() + right.len() < 8_000 => Some(left + &right),
                    _ => None,
                }
            }
            _ => None,
        }
    }
    /// Reads an expression: facts of the calls in it, and the type of what it yields, as far as it is known.
    pub fn expression(&mut self, node: Node<'t>, depth: usize) -> Option<String> {
        if depth > DEPTH {
            return None;
        }
        match node.kind() {
            "method_invocation" => self.invocation(node, depth),
            "object_creation_expression" => self.creation(node, depth),
            "identifier" => {
                let name = text(node, self.source);
                let known = self.variable(name);
                if known.is_none() {
                    self.mention(name, node);
                }
                known.or_else(|| name.starts_with(|letter: char| letter.is_ascii_uppercase()).then(|| self.names.of(name)))
            }
            "this" => self.class_name(),
            "field_access" => {
                let (object, field) = (node.child_by_field_name("object")?, node.child_by_field_name("field")?);
                if object.kind() == "this" {
                    return self.variable(text(field, self.source));
                }
                let of = self.expression(object, depth + 1);
                let written = compact(text(node, self.source));
                if written.starts_with(|letter: char| letter.is_ascii_uppercase()) {
                    self.mention(&written, node);
                    return Some(self.names.of(&written));
                }
                of.map(|of| format!("{of}.{}", text(field, self.source)))
            }
            "cast_expression" => {
                if let Some(value) = node.child_by_field_name("value") {
                    self.expression(value, depth + 1);
                }
                node.child_by_field_name("type").map(|of| self.names.of(text(of, self.source)))
            }
            "string_literal" => {
                self.texts(node);
                Some("java.lang.String".to_owned())
            }
            "binary_expression" => {
                // Text into which values are pasted; the whole is one text.
                let first = leftmost(node);
                if first.kind() == "string_literal" && self.constant(node, 0).is_none() {
                    let start = self.constant(first, 0).unwrap_or_default();
                    if let Some(shape) = shape(&start) {
                        let (line, end) = lines(node);
                        self.fact(
                            Fact::new(Kind::Text, shape, line, end)
                                .with("shape", shape)
                                .with("value", compact(text(node, self.source)))
                                .with("built", "yes"),
                        );
                    }
                } else if let Some(whole) = self.constant(node, 0).filter(|_| first.kind() == "string_literal") {
                    self.text_fact(&whole, node);
                    return Some("java.lang.String".to_owned());
                }
                // The operands, without going down one by one: long texts are chains of thousands.
                let mut rest = node;
                for _ in 0..2_000 {
                    let sides = [rest.child_by_field_name("right"), rest.child_by_field_name("left")];
                    let [right, left] = sides;
                    if let Some(right) = right.filter(|right| right.kind() != "string_literal") {
                        self.expression(right, depth + 1);
                    }
                    match left {
                        Some(left) if left.kind() == "binary_expression" => rest = left,
                        Some(left) if left.kind() != "string_literal" => {
                            self.expression(left, depth + 1);
                            break;
                        }
                        _ => break,
                    }
                }
                None
            }
            "lambda_expression" => {
                self.lambda(node, None, depth);
                None
            }
            "method_reference" => {
                let written = compact(text(node, self.source)).replace("::", ".");
                let of = node.named_child(0).and_then(|object| self.expression(object, depth + 1));
                if let Some(of) = of {
                    let method = written.rsplit('.').next().unwrap_or_default().to_owned();
                    self.mention_canonical(&of, &method, node);
                }
                None
            }
            "class_body" => {
                self.anonymous(node, depth);
                None
            }
            "parenthesized_expression" => node.named_child(0).and_then(|inner| self.expression(inner, depth + 1)),
            "ternary_expression"
            | "assignment_expression"
            | "array_initializer"
            | "switch_expression"
            | "array_access"
            | "unary_expression"
            | "update_expression"
            | "instanceof_expression"
            | "array_creation_expression"
            | "template_expression"
            | "dimensions_expr" => {
                self.statements(node, depth + 1);
                None
            }
            _ => {
                self.statements(node, depth + 1);
                None
            }
        }
    }
    fn texts(&mut self, node: Node<'t>) {
        if let Some(value) = self.constant(node, 0) {
            self.text_fact(&value, node);
        }
    }
    fn text_fact(&mut self, value: &str, node: Node<'t>) {
        if let Some(shape) = shape(value) {
            let (line, end) = lines(node);
            let short: String = value.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
            self.fact(Fact::new(Kind::Text, shape, line, end).with("shape", shape).with("value", short).with("built", "no"));
        }
    }
    /// A call of a method.
    fn invocation(&mut self, node: Node<'t>, depth: usize) -> Option<String> {
        let method = text(node.child_by_field_name("name")?, self.source).to_owned();
        let object = node.child_by_field_name("object");
        let of = object.and_then(|object| if object.kind() == "super" { None } else { self.expression(object, depth + 1) });
        let (callee, of) = match (object, of) {
            (Some(_), Some(of)) => (format!("{of}.{method}"), Some(of)),
            (Some(object), None) => (format!("{}.{method}", compact(text(object, self.source)).chars().take(80).collect::<String>()), None),
            (None, _) => {
                let own = self.class_has(&method);
                match (own, self.names.fixed(&method)) {
                    (false, Some(fixed)) => (fixed, None),
                    _ => {
                        self.mention(&method, node);
                        let class = self.class_name().unwrap_or_default();
                        (format!("{class}.{method}"), None)
                    }
                }
            }
        };
        if let Some(of) = &of {
            self.mention_canonical(of, &method, node);
        }
        let receiver = object.map(|object| compact(text(object, self.source)).chars().take(80).collect::<String>());
        self.call(&callee, node, receiver, depth);
        self.environment(&callee, node);
        // What it yields: builders yield themselves, parts of a security chain are named by their part.
        let of = of?;
        let zero = node.child_by_field_name("arguments").is_none_or(|list| list.named_child_count() == 0);
        let own_type = self.returns.get(&method).cloned().filter(|_| Some(&of) == self.class_name().as_ref());
        if let Some(own) = own_type {
            return Some(own);
        }
        if matches!(method.as_str(), "builder" | "newBuilder") {
            return Some(format!("{of}.builder"));
        }
        if method == "build" {
            return Some(of.strip_suffix(".builder").unwrap_or(&of).to_owned());
        }
        if zero && PARTS.iter().any(|part| of.ends_with(part)) {
            return Some(format!("{of}.{method}"));
        }
        if matches!(method.as_str(), "and" | "disable") && zero {
            return Some(
                PARTS
                    .iter()
                    .find_map(|part| of.find(&format!("{part}.")).map(|at| of.get(..at + part.len()).unwrap_or(&of).to_owned()))
                    .unwrap_or(of),
            );
        }
        Some(of)
    }
    /// `new X(...)`.
    fn creation(&mut self, node: Node<'t>, depth: usize) -> Option<String> {
        let class = text(node.child_by_field_name("type")?, self.source);
        let name = self.names.of(class);
        self.mention(class.split('<').next().unwrap_or(class), node);
        self.call(&name, node, None, depth);
        if let Some(body) = children(node).into_iter().find(|child| child.kind() == "class_body") {
            self.anonymous(body, depth);
        }
        Some(name)
    }
    /// The fact of a call. Arguments are read first, so that facts come in the order in which things happen, except that what a
    /// lambda does comes after the call it is given to.
    fn call(&mut self, callee: &str, node: Node<'t>, receiver: Option<String>, depth: usize) {
        let list = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        let (line, end) = lines(node.child_by_field_name("name").unwrap_or(node));
        let mut fact = Fact::new(Kind::Call, callee, line, end.max(if list.len() < 8 { lines(node).1 } else { end }));
        for (number, argument) in list.iter().enumerate().take(12) {
            let value = match argument.kind() {
                "lambda_expression" => compact(text(*argument, self.source)),
                "identifier" => self
                    .constant(*argument, 0)
                    .or_else(|| self.variable(text(*argument, self.source)))
                    .unwrap_or_else(|| text(*argument, self.source).to_owned()),
                "method_invocation" => self.yields(*argument).unwrap_or_else(|| compact(text(*argument, self.source))),
                _ => self.value(*argument),
            };
            fact = fact.with(number.to_string(), value);
        }
        if let Some(receiver) = receiver {
            fact = fact.with("receiver", receiver);
        }
        if let Some(result) = self.result(node) {
            fact = fact.with("result", result);
        }
        let later: Vec<_> = list.iter().filter(|argument| argument.kind() == "lambda_expression").copied().collect();
        for argument in list.iter().filter(|argument| argument.kind() != "lambda_expression") {
            self.expression(*argument, depth + 1);
        }
        self.fact(fact);
        for lambda in later {
            self.lambda(lambda, Some(callee), depth + 1);
        }
    }
    /// What a call of the class's own method yields: `addFilter(jwtFilter())` adds that filter.
    fn yields(&self, node: Node<'t>) -> Option<String> {
        let method = node.child_by_field_name("name").filter(|_| node.child_by_field_name("object").is_none())?;
        self.returns.get(text(method, self.source)).filter(|of| of.contains('.')).cloned()
    }
    /// The variable that takes a call's result.
    fn result(&self, node: Node<'t>) -> Option<String> {
        let parent = node.parent()?;
        let name = match parent.kind() {
            "variable_declarator" => parent.child_by_field_name("name")?,
            "assignment_expression" => parent.child_by_field_name("left")?,
            _ => return None,
        };
        Some(text(name, self.source).trim_start_matches("this.").to_owned())
    }
    /// A function in place: its parameter stands for what the call configures.
    fn lambda(&mut self, node: Node<'t>, callee: Option<&str>, depth: usize) {
        if depth > DEPTH {
            return;
        }
        let mark = self.scope.len();
        if let (Some(parameters), Some(callee)) = (node.child_by_field_name("parameters"), callee) {
            let names: Vec<Node<'t>> = if parameters.kind() == "identifier" { vec![parameters] } else { children(parameters) };
            for (number, name) in names.into_iter().enumerate() {
                let typed = name.child_by_field_name("type").map(|of| self.names.of(text(of, self.source)));
                let name = name.child_by_field_name("name").unwrap_or(name);
                if let Some(of) = typed.or_else(|| (number == 0).then(|| callee.to_owned())) {
                    self.scope.push((text(name, self.source).to_owned(), of));
                }
            }
        }
        if let Some(body) = node.child_by_field_name("body") {
            if body.kind() == "block" {
                self.statements(body, depth + 1);
            } else {
                self.expression(body, depth + 1);
            }
        }
        self.scope.truncate(mark);
    }
    /// The environment and system properties.
    fn environment(&mut self, callee: &str, node: Node<'t>) {
        let last = callee.rsplit('.').next().unwrap_or_default();
        let env = callee == "java.lang.System.getenv"
            || callee == "java.lang.System.getProperty"
            || (callee.starts_with("java.lang.System.") && last == "getOrDefault");
        let spring = callee == "org.springframework.core.env.Environment.getProperty"
            || callee == "org.springframework.core.env.Environment.getRequiredProperty";
        if !env && !spring {
            return;
        }
        let list = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        let Some(name) = list.first().and_then(|first| self.constant(*first, 0)) else { return };
        let default = list.last().filter(|_| list.len() > 1).and_then(|last| self.constant(*last, 0));
        let (line, end) = lines(node);
        let mut fact = Fact::new(Kind::Env, name, line, end).with("required", if last == "getRequiredProperty" { "yes" } else { "no" });
        if let Some(default) = default {
            fact = fact.with("default", default);
        }
        self.fact(fact);
    }
    /// Notes that a name is mentioned.
    pub fn mention(&mut self, path: &str, node: Node<'t>) {
        let path = path.strip_prefix("this.").unwrap_or(path);
        if path.is_empty() || path.len() > 200 || self.out.uses.len() > 60_000 {
            return;
        }
        let (line, _) = lines(node);
        let guard = self.guard.clone();
        self.out.uses.push(Use { symbol: self.symbol, path: path.to_owned(), line, guard });
    }
    /// A method of a type is mentioned: by the type's simple name, which is how imports and the package know it.
    fn mention_canonical(&mut self, of: &str, method: &str, node: Node<'t>) {
        let simple = of.rsplit('.').next().unwrap_or(of);
        if simple.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            let own = self.names.is_own(simple).map(str::to_owned);
            let path = format!("{}.{method}", own.as_deref().unwrap_or(simple));
            self.mention(&path, node);
        }
    }
    /// The flag that a condition is, where it is one.
    pub fn flag(&self, condition: Node<'t>) -> Option<Guard> {
        let mut node = condition;
        let mut negated = false;
        for _ in 0..6 {
            match node.kind() {
                "parenthesized_expression" => node = node.named_child(0)?,
                "unary_expression" if text(node, self.source).starts_with('!') => {
                    negated = !negated;
                    node = node.child_by_field_name("operand")?;
                }
                _ => break,
            }
        }
        let name = match node.kind() {
            "identifier" => text(node, self.source),
            "field_access" => text(node.child_by_field_name("field")?, self.source),
            "method_invocation"
                if node.child_by_field_name("arguments")?.named_child_count() == 0 && node.child_by_field_name("object").is_some() =>
            {
                text(node.child_by_field_name("name")?, self.source)
            }
            _ => return None,
        };
        let bare = name
            .strip_prefix("is")
            .or_else(|| name.strip_prefix("get"))
            .filter(|rest| rest.starts_with(|letter: char| letter.is_ascii_uppercase()));
        let flag = bare.map_or(name.to_owned(), |rest| {
            let mut letters = rest.chars();
            letters.next().map_or(String::new(), |first| first.to_ascii_lowercase().to_string() + letters.as_str())
        });
        // A bare local variable says nothing of configuration; a field may.
        let about = node.kind() != "identifier" || self.fields.contains_key(name);
        about.then_some(Guard { flag, negated, state: crate::fact::Flag::Unknown })
    }
}

fn leftmost(mut node: Node<'_>) -> Node<'_> {
    for _ in 0..2_000 {
        match node.child_by_field_name("left") {
            Some(left) if node.kind() == "binary_expression" => node = left,
            _ => break,
        }
    }
    node
}
