//! Facts of definitions, calls' arguments, failures and assertions.

use tree_sitter::Node;

use super::{
    extract::{At, Walk},
    name::join,
    scope::parameter_name,
    tree::{bare, children, field, lines, short, statements},
    value::LONGEST,
};
use crate::fact::{Fact, Kind};

impl<'t> Walk<'t> {
    /// The fact of a definition.
    pub(super) fn define(&mut self, node: Node<'t>, symbol: u32, at: At) -> Fact {
        let class = node.kind() == "class_definition";
        let method = !class && self.names.is_class(at.symbol);
        let mut fact = self.fact(Kind::Def, self.names.symbol(symbol), node, At { symbol, ..at });
        let mut say = |name: &str, value: String| fact.attrs.push((name.to_owned(), value));
        say(
            "kind",
            if class {
                "class"
            } else if method {
                "method"
            } else {
                "function"
            }
            .into(),
        );
        if !class && node.child(0).is_some_and(|first| first.kind() == "async") {
            say("async", "yes".into());
        }
        let (first, last) = lines(node);
        say("lines", (last - first + 1).to_string());
        if let Some(body) = field(node, "body") {
            say("body", self.body(body).into());
        }
        if class {
            for base in field(node, "superclasses").map(children).unwrap_or_default() {
                if base.kind() != "keyword_argument" {
                    say("base", self.names.path(base, at.symbol));
                }
            }
            return fact;
        }
        for one in field(node, "parameters").map(children).unwrap_or_default() {
            let Some(name) = parameter_name(one) else { continue };
            let name = self.names.text(name);
            if method && matches!(name, "self" | "cls") {
                continue;
            }
            let annotation = field(one, "type").map(|kind| format!(": {}", self.type_text(kind, at.symbol))).unwrap_or_default();
            let default = field(one, "value").map(|value| format!(" = {}", self.names.value(value, at.symbol))).unwrap_or_default();
            say("param", short(&format!("{name}{annotation}{default}"), LONGEST));
        }
        if let Some(kind) = field(node, "return_type") {
            say("returns", self.type_text(kind, at.symbol));
        }
        let mut gives: Vec<String> = Vec::new();
        for value in field(node, "body").map(returned).unwrap_or_default() {
            if bare(value).kind() == "identifier" {
                say("returned", self.names.text(bare(value)).to_owned());
            }
            if bare(value).kind() == "conditional_expression" {
                for side in children(bare(value)).into_iter().filter(|side| side.kind() == "identifier") {
                    say("returned", self.names.text(side).to_owned());
                }
            }
            if matches!(value.kind(), "expression_list" | "tuple")
                && let Some(code) = children(value).last().and_then(|last| self.names.constant(*last, symbol, 0))
            {
                say("answers", code);
            }
            let path = self.names.path(value, symbol);
            if path.contains('.') && !path.starts_with('?') && !gives.contains(&path) {
                gives.push(path);
            }
        }
        let annotated = field(node, "return_type").and_then(|kind| self.names.annotated(kind, at.symbol, 0));
        match (annotated.filter(|path| path.contains('.')), gives.as_slice()) {
            (Some(path), _) => say("gives", super::name::normal(&path)),
            (None, [only]) => say("gives", only.clone()),
            _ => {}
        }
        fact
    }

    /// An annotation with canonical names, as far as it is a name or names in brackets.
    pub(super) fn type_text(&self, node: Node<'t>, symbol: u32) -> String {
        let (mut out, mut stack, mut steps) = (String::new(), vec![Ok(node)], 0);
        while let Some(next) = stack.pop() {
            steps += 1;
            if steps > 200 || out.len() > LONGEST {
                break;
            }
            let node = match next {
                Err(text) => {
                    out.push_str(text);
                    continue;
                }
                Ok(node) => bare(node),
            };
            match node.kind() {
                "type" => stack.extend(node.named_child(0).map(Ok)),
                "identifier" | "attribute" => {
                    let name = self.names.value_name(node, symbol).unwrap_or_default();
                    out.push_str(&name);
                }
                "generic_type" | "subscript" => {
                    let parts = children(node);
                    stack.push(Err("]"));
                    let mut inner = Vec::new();
                    for part in parts.iter().skip(1) {
                        if part.kind() == "type_parameter" { inner.extend(children(*part)) } else { inner.push(*part) }
                    }
                    for (count, part) in inner.into_iter().enumerate().rev() {
                        stack.push(Ok(part));
                        if count > 0 {
                            stack.push(Err(","));
                        }
                    }
                    stack.push(Err("["));
                    stack.extend(parts.first().map(|part| Ok(*part)));
                }
                "binary_operator" => {
                    let parts = children(node);
                    for (count, part) in parts.into_iter().enumerate().rev() {
                        stack.push(Ok(part));
                        if count > 0 {
                            stack.push(Err("|"));
                        }
                    }
                }
                "call" => out.push_str(&self.names.compact(node, symbol, 0)),
                _ => out.push_str(&short(self.names.text(node), LONGEST)),
            }
        }
        short(&out, LONGEST)
    }

    /// What a body is: `empty`, `raises` (only that it is not written yet), `constant`, `normal`.
    fn body(&self, body: Node<'t>) -> &'static str {
        let all = statements(body);
        let idle = |node: &Node<'t>| {
            node.kind() == "pass_statement" || (node.kind() == "expression_statement" && self.names.text(*node).trim() == "...")
        };
        if all.iter().all(idle) {
            return "empty";
        }
        match all.as_slice() {
            [only] if only.kind() == "raise_statement" && self.names.text(*only).contains("NotImplemented") => "raises",
            [only] if only.kind() == "return_statement" => {
                let value = children(*only).first().copied();
                let plain = value.is_none_or(|value| self.names.constant(value, 0, 0).is_some() || plain(value));
                if plain { "constant" } else { "normal" }
            }
            _ => "normal",
        }
    }

    /// The arguments of a call: positional ones by number, others by name; what is injected as `depends`.
    pub(super) fn arguments(&mut self, call: Node<'t>, symbol: u32, fact: &mut Fact) {
        let Some(list) = field(call, "arguments") else { return };
        if list.kind() == "generator_expression" {
            fact.attrs.push(("0".into(), short(self.names.text(list), LONGEST)));
            return;
        }
        let mut position = 0_usize;
        for one in children(list).into_iter().take(64) {
            let (name, value) = match one.kind() {
                "keyword_argument" => {
                    let (Some(name), Some(value)) = (field(one, "name"), field(one, "value")) else { continue };
                    (self.names.text(name).to_owned(), value)
                }
                "dictionary_splat" => {
                    fact.attrs.extend(self.splat(one, symbol));
                    ("**".to_owned(), one)
                }
                "list_splat" => ("*".to_owned(), one),
                _ => {
                    position += 1;
                    ((position - 1).to_string(), one)
                }
            };
            fact.attrs.push((name.clone(), self.names.value(value, symbol)));
            if matches!(name.as_str(), "dependencies" | "lifespan" | "middleware") {
                self.injected(value, symbol).into_iter().for_each(|found| fact.attrs.push(("depends".into(), found)));
            }
        }
    }

    /// The arguments that `**options` stands for, where it is a dictionary that is written in this file.
    fn splat(&self, splat: Node<'t>, symbol: u32) -> Vec<(String, String)> {
        let Some(mut from) = children(splat).first().copied().map(bare) else { return Vec::new() };
        if from.kind() == "identifier"
            && let Some((_, binding)) = self.names.lookup(symbol, self.names.text(from), from.start_byte())
            && let super::scope::Bind::Value(value, _) = binding.bind
        {
            from = bare(value);
        }
        let pairs = match from.kind() {
            "dictionary" => children(from),
            "call" if field(from, "function").is_some_and(|callee| self.names.text(callee) == "dict") => {
                field(from, "arguments").map(children).unwrap_or_default()
            }
            _ => return Vec::new(),
        };
        let named = pairs.into_iter().take(64).filter_map(|pair| {
            let value = self.names.value(field(pair, "value")?, symbol);
            match pair.kind() {
                "pair" => Some((self.names.constant(field(pair, "key")?, symbol, 0)?, value)),
                "keyword_argument" => Some((self.names.text(field(pair, "name")?).to_owned(), value)),
                _ => None,
            }
        });
        named.collect()
    }

    /// What `Depends` and `Security` inside an expression name.
    pub(super) fn injected(&self, node: Node<'t>, symbol: u32) -> Vec<String> {
        let (mut found, mut stack, mut steps) = (Vec::new(), vec![node], 0);
        while let Some(node) = stack.pop() {
            steps += 1;
            if steps > 400 {
                break;
            }
            if node.kind() == "call"
                && let Some(function) = field(node, "function")
            {
                let name = self.names.callee(function, symbol);
                if is_injection(&name) {
                    found.extend(self.target(node, symbol));
                    continue;
                }
            }
            stack.extend(children(node).into_iter().rev());
        }
        found
    }

    /// What a `Depends(...)` asks for.
    fn target(&self, call: Node<'t>, symbol: u32) -> Option<String> {
        let arguments = children(field(call, "arguments")?);
        let named = |one: &Node<'t>| {
            one.kind() == "keyword_argument" && field(*one, "name").is_some_and(|name| self.names.text(name) == "dependency")
        };
        let value = match arguments.first()? {
            first if first.kind() != "keyword_argument" => *first,
            _ => field(*arguments.iter().find(|one| named(one))?, "value")?,
        };
        let path = Some(self.names.path(value, symbol)).filter(|path| !path.starts_with('?'))?;
        // `Depends(user(required=False))` stands before a route and turns nobody away.
        let lenient = bare(value).kind() == "call"
            && field(bare(value), "arguments").map(children).unwrap_or_default().into_iter().any(|one| {
                let written: String = self.names.text(one).split_whitespace().collect();
                matches!(written.as_str(), "required=False" | "auto_error=False" | "optional=True")
            });
        Some(if lenient { format!("{path}(optional)") } else { path })
    }

    /// What a call says beside itself: an injected parameter, a read of the environment, an assertion.
    pub(super) fn tell_call(&mut self, node: Node<'t>, fact: &Fact, at: At) {
        if is_injection(&fact.name) && at.symbol > 0 {
            let mut found = self.target(node, at.symbol);
            if found.is_none()
                && let Some(parameter) = fact.get("param")
            {
                // `Depends()` alone makes an object of the parameter's type.
                let bound = self.names.lookup(at.symbol, parameter, usize::MAX).map(|(_, binding)| binding.bind);
                if let Some(super::scope::Bind::Param(Some(annotation), _)) = bound {
                    found = self.names.annotated(annotation, at.symbol, 0);
                }
            }
            if let (Some(found), Some(tally)) = (found, self.tallies.get_mut(at.symbol as usize))
                && !tally.depends.contains(&found)
            {
                tally.depends.push(found);
            }
        }
        self.environment_call(node, fact, at);
        let last = fact.name.rsplit('.').next().unwrap_or("");
        let Some(tally) = self.tallies.get_mut(at.symbol as usize) else { return };
        if last.starts_with("assert") || matches!(fact.name.as_str(), "pytest.raises" | "pytest.warns" | "pytest.fail") {
            tally.asserts += 1;
            let idle = (last == "assertTrue" && fact.get("0") == Some("true")) || (last == "assertFalse" && fact.get("0") == Some("false"));
            tally.firm += u32::from(!idle);
        }
        if last == "min" && fact.get("1").is_some() {
            let bound = format!("min({},{})", fact.get("0").unwrap_or(""), fact.get("1").unwrap_or(""));
            tally.checks.push(bound);
        }
        tally.works |= fact.get("param").is_none() && !idle_call(&fact.name);
    }

    /// A comparison of a name with a number, which bounds it.
    pub(super) fn compared(&mut self, node: Node<'t>, symbol: u32) {
        let parts = children(node);
        let written = self.names.text(node);
        let plain =
            parts.iter().all(|part| matches!(part.kind(), "identifier" | "integer")) && parts.iter().any(|part| part.kind() == "integer");
        if plain
            && written.contains(['<', '>'])
            && written.len() < 80
            && let Some(tally) = self.tallies.get_mut(symbol as usize)
        {
            tally.checks.push(written.chars().filter(|character| !character.is_whitespace()).collect());
        }
    }

    /// `assert ...`: whether it could fail.
    pub(super) fn asserted(&mut self, node: Node<'t>, symbol: u32) {
        let firm = children(node).first().is_some_and(|condition| !self.holds_always(*condition));
        if let Some(tally) = self.tallies.get_mut(symbol as usize) {
            tally.asserts += 1;
            tally.firm += u32::from(firm);
        }
    }

    fn holds_always(&self, condition: Node<'t>) -> bool {
        let condition = bare(condition);
        match condition.kind() {
            "true" | "string" | "integer" => !matches!(self.names.text(condition), "0" | "\"\"" | "''"),
            "boolean_operator" => {
                let or = field(condition, "operator").is_some_and(|sign| self.names.text(sign) == "or");
                or && field(condition, "right").is_some_and(|right| matches!(bare(right).kind(), "true"))
            }
            "comparison_operator" => {
                let parts = children(condition);
                let [left, right] = parts.as_slice() else { return false };
                let sign = self.names.text(condition).get(self.names.text(*left).len()..).unwrap_or("").trim_start();
                if sign.starts_with("==") {
                    return self.names.text(*left) == self.names.text(*right) && bare(*left).kind() != "call";
                }
                if !sign.starts_with("in") || !matches!(right.kind(), "tuple" | "list" | "set") {
                    return false;
                }
                // Success and failure of the service are both called a success.
                let codes: Vec<u32> =
                    children(*right).into_iter().filter_map(|code| self.names.constant(code, 0, 0)?.parse().ok()).collect();
                codes.iter().any(|code| (200..300).contains(code)) && codes.iter().any(|code| *code >= 500)
            }
            _ => false,
        }
    }

    /// A handler of failures.
    pub(super) fn catch(&mut self, node: Node<'t>, at: At) {
        let mut types: Vec<Node<'t>> = Vec::new();
        for part in children(node) {
            let part = if part.kind() == "as_pattern" { children(part).first().copied().unwrap_or(part) } else { part };
            match part.kind() {
                "block" => {}
                "tuple" | "expression_list" => types.extend(children(part)),
                _ if field(node, "alias").is_some_and(|alias| alias.id() == part.id()) => {}
                _ => types.push(part),
            }
        }
        let body =
            children(node).into_iter().find(|child| child.kind() == "block").map(|body| self.caught(body, at.symbol)).unwrap_or("empty");
        let bare_one = types.is_empty();
        let names: Vec<String> =
            if bare_one { vec!["BaseException".into()] } else { types.into_iter().map(|one| self.names.path(one, at.symbol)).collect() };
        for name in names {
            let mut fact = self.fact(Kind::Catch, name, node, at).with("body", body);
            for (holds, word) in [(bare_one, "bare"), (super::tree::text(self.names.read.text, node).contains("exc_info=True"), "trace")] {
                if holds {
                    fact.attrs.push((word.into(), "yes".into()));
                }
            }
            self.facts.push(fact);
        }
    }

    fn caught(&self, body: Node<'t>, symbol: u32) -> &'static str {
        let all = children(body);
        let (mut logs, mut others, mut idle) = (false, false, true);
        for statement in &all {
            match statement.kind() {
                "pass_statement" | "continue_statement" | "break_statement" => {}
                "raise_statement" => return "raise",
                "return_statement" => return "return",
                "expression_statement" => {
                    idle = false;
                    let call = statement.named_child(0).map(bare).filter(|call| call.kind() == "call");
                    let name = call.and_then(|call| field(call, "function")).map(|function| self.names.callee(function, symbol));
                    if name.is_some_and(|name| is_log(&name)) { logs = true } else { others = self.names.text(*statement).trim() != "..." }
                }
                _ => (idle, others) = (false, true),
            }
        }
        match (idle, others, logs) {
            (true, ..) => "empty",
            (_, true, _) => "other",
            (_, _, true) => "log",
            _ => "empty",
        }
    }

    /// A throw.
    pub(super) fn raise(&mut self, node: Node<'t>, at: At) {
        let Some(what) = children(node).first().copied().map(bare) else { return };
        let callee = if what.kind() == "call" { field(what, "function") } else { Some(what) };
        let name = callee.map_or_else(|| "?".into(), |callee| self.names.path(callee, at.symbol));
        let mut fact = self.fact(Kind::Raise, name, node, at);
        if what.kind() == "call" {
            self.arguments(what, at.symbol, &mut fact);
        } else {
            // An answer that was made once, to be thrown wherever it is wanted.
            let written = self.names.text(what);
            let made = self.facts.iter().rev().find(|made| made.kind == Kind::Call && made.get("result") == Some(written));
            let code = made.and_then(|made| made.get("status_code")).map(str::to_owned);
            fact.attrs.extend(code.map(|code| ("status_code".to_owned(), code)));
        }
        self.facts.push(fact);
    }

    /// What only the whole of a definition shows.
    pub(super) fn finish(&mut self) {
        let in_tests = is_test_path(self.path);
        let marks: Vec<(u32, String)> =
            self.facts.iter().filter(|fact| fact.kind == Kind::Decorator).map(|fact| (fact.symbol, fact.name.clone())).collect();
        let mut tests = Vec::new();
        for (number, tally) in self.tallies.iter().enumerate() {
            let Some(fact) = tally.fact.and_then(|fact| self.facts.get_mut(fact)) else { continue };
            if fact.get("kind") == Some("class") {
                continue;
            }
            for depends in &tally.depends {
                fact.attrs.push(("depends".into(), depends.clone()));
            }
            for check in &tally.checks {
                fact.attrs.push(("check".into(), check.clone()));
            }
            for (holds, word) in [(!tally.works && fact.get("body") != Some("empty"), "constant"), (tally.yields, "yields")] {
                if holds {
                    fact.attrs.push((word.into(), "yes".into()));
                }
            }
            let name = self.names.read.symbols.get(number).map_or("", |symbol| symbol.name.as_str());
            let last = name.rsplit('.').next().unwrap_or("");
            let own = u32::try_from(number).unwrap_or(0);
            let fixture = marks.iter().any(|(on, mark)| *on == own && mark.ends_with("fixture"));
            if !in_tests || fixture || !last.starts_with("test") {
                continue;
            }
            let mut test = Fact::new(Kind::Test, join(&self.names.module, name), fact.line, fact.end).within(fact.symbol);
            test.attrs.push(("asserts".into(), tally.asserts.to_string()));
            if tally.asserts > 0 && tally.firm == 0 {
                test.attrs.push(("trivial".into(), "yes".into()));
            }
            let outer = self.names.read.symbols.get(number).map_or(0, |symbol| symbol.parent);
            let number = u32::try_from(number).unwrap_or(0);
            for (_, mark) in marks.iter().filter(|(on, _)| *on == number || (outer > 0 && *on == outer)) {
                if let Some(mark) = mark.strip_prefix("pytest.mark.") {
                    test.attrs.push(("marker".into(), mark.to_owned()));
                }
                if mark.contains("skip") {
                    test.attrs.push(("skipped".into(), "yes".into()));
                }
            }
            for parameter in fact.all("param") {
                let name = parameter.split([':', ' ', '=']).next().unwrap_or("");
                test.attrs.push(("fixture".into(), name.to_owned()));
            }
            tests.push(test);
        }
        self.facts.extend(tests);
        self.models();
        self.facts.sort_by(|a, b| (a.line, a.kind, &a.name).cmp(&(b.line, b.kind, &b.name)));
    }
}

/// Whether a path is that of a test file.
pub(super) fn is_test_path(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("test")
        || name.ends_with("_test.py")
        || name == "conftest.py"
        || path.split('/').any(|part| matches!(part, "tests" | "test"))
}

/// Whether a name is that of an injection.
pub(super) fn is_injection(name: &str) -> bool {
    matches!(name, "fastapi.Depends" | "fastapi.Security")
}

/// Whether a call writes to a log.
pub(super) fn is_log(name: &str) -> bool {
    let (object, last) = name.rsplit_once('.').unwrap_or(("", name));
    let level = matches!(last, "debug" | "info" | "warning" | "warn" | "error" | "exception" | "critical" | "log" | "print_exc");
    name == "print" || (level && (object.to_lowercase().contains("log") || object == "traceback"))
}

/// Calls that say nothing of the world: a handler that makes only these answers the same each time.
fn idle_call(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    is_log(name)
        || matches!(name, "dict" | "str" | "int" | "bool" | "list" | "os.getenv" | "os.environ.get" | "print" | "round" | "float")
        || matches!(
            last,
            "jsonify"
                | "JSONResponse"
                | "Response"
                | "PlainTextResponse"
                | "HTMLResponse"
                | "ORJSONResponse"
                | "JsonResponse"
                | "HttpResponse"
                | "now"
                | "utcnow"
                | "isoformat"
                | "time"
                | "today"
                | "strftime"
                | "make_response"
                | "RedirectResponse"
                | "redirect"
        )
        || (last.starts_with(|first: char| first.is_ascii_uppercase())
            && (last.contains("Health") || last.contains("Status"))
            && !name.contains("Checker"))
}

/// Whether a value is written out: lists and dictionaries of such, names.
fn plain(node: Node<'_>) -> bool {
    let mut stack = vec![node];
    for _ in 0..200 {
        let Some(node) = stack.pop() else { return true };
        match node.kind() {
            "call" | "await" | "lambda" | "identifier" | "attribute" | "interpolation" => return false,
            _ => stack.extend(children(node)),
        }
    }
    false
}

/// What a body returns, without what functions inside of it return.
fn returned<'t>(body: Node<'t>) -> Vec<Node<'t>> {
    let (mut found, mut stack) = (Vec::new(), vec![body]);
    for _ in 0..20_000 {
        let Some(node) = stack.pop() else { break };
        match node.kind() {
            "return_statement" => found.extend(children(node).first().copied()),
            "expression_statement" => {
                // What a generator yields first is what a dependency gives.
                let inner = node.named_child(0).filter(|inner| inner.kind() == "yield");
                found.extend(inner.and_then(|inner| children(inner).first().copied()));
            }
            "function_definition" | "class_definition" | "decorated_definition" => {}
            kind if kind.ends_with("_statement") || kind.ends_with("_clause") || kind == "block" => {
                stack.extend(
                    children(node)
                        .into_iter()
                        .filter(|child| {
                            let kind = child.kind();
                            kind == "block" || kind.ends_with("_statement") || kind.ends_with("_clause")
                        })
                        .rev(),
                );
            }
            _ => {}
        }
    }
    found
}
