//! What bodies do: handlers of failures, throws, tests and their checks, strings of known shapes.

use tree_sitter::Node;

use super::{
    names::{compact, constant, has_parts, plain, shortened, text_of, unquoted},
    read::{Counted, Ctx, Name, Reader, end, line},
};
use crate::fact::{Fact, Kind};

/// The body of a function in a value: `{}` where nothing is in it; a field that is given back is shown, since `req.ip` and
/// `req.user.id` are not the same thing to a limiter.
pub(super) fn shape<'t>(text: &'t str, body: Option<Node<'_>>) -> &'t str {
    match body {
        Some(body) if body.kind() == "statement_block" && statements(body).is_empty() => "{}",
        Some(body) if body.kind() == "statement_block" => "{...}",
        Some(body) if matches!(text_of(text, body), "null" | "undefined" | "void 0") => "{}",
        Some(body) if body.kind() == "member_expression" && body.byte_range().len() <= 60 && !text_of(text, body).contains('\n') => {
            text_of(text, body)
        }
        _ => "...",
    }
}

fn statements(body: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = body.walk();
    body.named_children(&mut cursor).filter(|child| !matches!(child.kind(), "comment" | "empty_statement")).collect()
}

/// What sort of body a function has.
pub(super) fn body_kind(text: &str, body: Option<Node<'_>>) -> &'static str {
    let Some(body) = body else { return "empty" };
    if body.kind() != "statement_block" {
        return if constant(text, body).is_some() { "constant" } else { "normal" };
    }
    match statements(body).as_slice() {
        [] => "empty",
        [only] if only.kind() == "throw_statement" => "raises",
        [only] if only.kind() == "return_statement" => match only.named_child(0) {
            None => "empty",
            Some(value) if constant(text, value).is_some() => "constant",
            Some(_) => "normal",
        },
        _ => "normal",
    }
}

/// What a handler of failures does with them.
fn handles(text: &str, body: Node<'_>) -> &'static str {
    let statements = statements(body);
    if statements.is_empty() {
        return "empty";
    }
    let written = text_of(text, body);
    let (mut raises, mut returns, mut logs, mut other) = (false, false, false, false);
    for statement in &statements {
        let said = text_of(text, *statement);
        match statement.kind() {
            "throw_statement" => raises = true,
            "return_statement" => returns = true,
            "expression_statement" => {
                let head: String = said.chars().take(60).collect::<String>().to_lowercase();
                let head = head.trim_start_matches("this.").split('(').next().unwrap_or("").to_owned();
                if head.contains("log") || head.starts_with("console.") || head.contains("capture") {
                    logs = true;
                } else {
                    other = true;
                }
            }
            _ => other = true,
        }
    }
    raises |= written.contains("throw ") || written.contains("next(") || written.contains("reject(");
    match (raises, returns, other, logs) {
        (true, ..) => "raise",
        (_, true, ..) => "return",
        (_, _, true, _) => "other",
        (.., true) => "log",
        _ => "other",
    }
}

impl<'t> Reader<'t> {
    pub(super) fn catch(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let scope = self.scope(ctx.scope, None);
        if let Some(parameter) = node.child_by_field_name("parameter") {
            self.declare(parameter, scope, None);
        }
        let Some(body) = node.child_by_field_name("body") else { return };
        let fact = Fact::new(Kind::Catch, "Error", line(node), end(node)).with("body", handles(self.text, body));
        self.fact(fact, ctx);
        self.push(body, Ctx { scope, ..ctx.inner() });
    }

    /// `promise.catch(error => ...)`.
    pub(super) fn caught(&mut self, given: &[Node<'t>], at: u32, to: u32, ctx: Ctx<'t>) {
        let Some(first) = given.first().map(|first| plain(*first)) else { return };
        let what = match first.child_by_field_name("body") {
            Some(body) if body.kind() == "statement_block" => handles(self.text, body),
            Some(_) if shape(self.text, first.child_by_field_name("body")) == "{}" => "empty",
            Some(body) if text_of(self.text, body).to_lowercase().contains("log") || text_of(self.text, body).starts_with("console.") => {
                "log"
            }
            Some(_) => "return",
            None if self.src(first).contains("log") || self.src(first).starts_with("console.") => "log",
            None => "other",
        };
        self.fact(Fact::new(Kind::Catch, "Error", at, to).with("body", what).with("promise", "yes"), ctx);
    }

    pub(super) fn throw(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let Some(value) = node.named_child(0) else { return };
        let bare = plain(value);
        let name = self.canonical(bare, ctx.scope).unwrap_or_else(|| "Error".to_owned());
        let mut fact = Fact::new(Kind::Raise, shortened(&name), line(node), end(node));
        if bare.kind() == "new_expression"
            && let Some(list) = bare.child_by_field_name("arguments")
        {
            let mut cursor = list.walk();
            let given: Vec<Node<'t>> = list.named_children(&mut cursor).collect();
            fact = self.arguments(fact, &given, ctx.scope);
        } else if bare.kind() == "identifier" {
            fact = fact.with("again", "yes");
        }
        self.fact(fact, ctx);
        self.push(value, ctx.inner());
    }

    /// Tests and the groups around them. Whether the call was one.
    pub(super) fn tested(&mut self, node: Node<'t>, called: &str, given: &[Node<'t>], ctx: Ctx<'t>) -> bool {
        let name = ["@jest/globals.", "vitest.", "mocha.", "@playwright/test.", "bun:test.", "test."]
            .iter()
            .find_map(|prefix| called.strip_prefix(prefix))
            .unwrap_or(called);
        let (head, rest) = name.split_once('.').unwrap_or((name, ""));
        let head = if head.is_empty() { name } else { head };
        let group = matches!(head, "describe" | "suite" | "context" | "fdescribe" | "xdescribe");
        let test = matches!(head, "it" | "test" | "specify" | "fit" | "xit" | "xtest");
        if !(group || test)
            || !matches!(rest, "" | "only" | "skip" | "todo" | "each" | "concurrent" | "describe" | "skipIf" | "runIf" | "fails" | "serial")
        {
            return false;
        }
        let Some(title) = given.first().filter(|first| matches!(plain(**first).kind(), "string" | "template_string")) else { return false };
        let title = shortened(unquoted(self.src(plain(*title))));
        let function =
            given.iter().skip(1).find(|one| matches!(plain(**one).kind(), "arrow_function" | "function_expression" | "function"));
        let skipped = matches!(rest, "skip" | "todo") || matches!(head, "xit" | "xtest" | "xdescribe");
        if group || rest == "describe" {
            let skip = skipped || self.titles.get(ctx.title).is_some_and(|title| title.2);
            self.titles.push((ctx.title, title, skip));
            let title = self.titles.len() - 1;
            if let Some(function) = function {
                self.push(*function, Ctx { title, ..ctx.inner() });
            }
            return true;
        }
        let mut fact = Fact::new(Kind::Test, title, line(node), end(node));
        let (mut at, mut around) = (ctx.title, Vec::new());
        while at != 0 && around.len() < 20 {
            let Some((parent, title, _)) = self.titles.get(at) else { break };
            around.push(title.clone());
            at = *parent;
        }
        for marker in around.into_iter().rev() {
            fact = fact.with("marker", marker);
        }
        if skipped || self.titles.get(ctx.title).is_some_and(|title| title.2) {
            fact = fact.with("skipped", "yes");
        }
        let fact = self.fact(fact, ctx);
        self.tests.push(Counted { fact, asserts: 0, sound: 0 });
        let test = Some(self.tests.len() - 1);
        let first = self.jobs.len();
        for one in given.iter().skip(1) {
            self.push_named(*one, Ctx { test, ..ctx.inner() }, Name::None);
        }
        self.turn(first);
        true
    }

    /// Counts a check of the test around.
    pub(super) fn checked(&mut self, called: &str, given: &[Node<'t>], ctx: Ctx<'t>) {
        let Some(test) = ctx.test else { return };
        let last = called.rsplit('.').next().unwrap_or("");
        let expect = last == "expect";
        let assert = called == "assert"
            || called.starts_with("assert.")
            || called.contains(".assert")
            || called.starts_with("assert/")
            || last == "expectTypeOf";
        let should = called.contains(".should.") || last == "should";
        if !(expect || assert || should) {
            return;
        }
        let trivial = !should && (given.is_empty() && !called.contains('.') || self.constants_only(given));
        if let Some(test) = self.tests.get_mut(test) {
            test.asserts += 1;
            test.sound += u32::from(!trivial || called.ends_with(".expect"));
        }
    }

    pub(super) fn string(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let built = node.kind() == "template_string" && has_parts(node);
        let content = unquoted(self.src(node));
        if let Some(shape) = shape_of(content) {
            let tagged = node.parent().filter(|parent| parent.kind() == "call_expression");
            let mut fact = Fact::new(Kind::Text, shape, line(node), end(node)).with("shape", shape).with("value", shortened(content));
            match tagged.and_then(|call| call.child_by_field_name("function")) {
                Some(tag) => fact = fact.with("tag", compact(self.src(tag))),
                None if built => fact = fact.with("built", "yes"),
                None => {}
            }
            self.fact(fact, ctx);
        }
        if node.kind() == "template_string" {
            self.push_children(node, ctx);
        }
    }

    /// A text with values pasted into it by `+`.
    pub(super) fn pasted(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else { return };
        if left.kind() != "string" || matches!(right.kind(), "string" | "number") {
            return;
        }
        let content = unquoted(self.src(left));
        if let Some(shape) = shape_of(content) {
            let fact = Fact::new(Kind::Text, shape, line(node), end(node))
                .with("shape", shape)
                .with("value", shortened(content))
                .with("built", "yes");
            self.fact(fact, ctx);
        }
    }
}

/// The shape of a string that detectors want to see.
fn shape_of(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    if text.len() < 8 {
        return None;
    }
    let head: String = text.chars().take(24).collect::<String>().to_lowercase();
    if head.starts_with("http://") || head.starts_with("https://") || head.starts_with("ws://") || head.starts_with("wss://") {
        return Some("url");
    }
    let schemes = ["postgres", "mysql", "mongodb", "redis", "amqp", "mariadb", "sqlserver", "kafka", "nats", "file:./"];
    if schemes.iter().any(|scheme| head.starts_with(scheme)) && (head.contains("://") || head.starts_with("file:./")) {
        return Some("dsn");
    }
    let second = |words: &[&str]| {
        let whole: String = text.chars().take(2000).collect::<String>().to_lowercase();
        words.iter().any(|word| whole.contains(word))
    };
    let verb = head.split_whitespace().next().unwrap_or("");
    let sql = match verb {
        "select" => second(&[" from ", "\nfrom ", "select 1", "select now", "select count"]),
        "insert" => second(&["into "]),
        "update" => second(&[" set ", "\nset "]),
        "delete" => second(&["from "]),
        "create" | "alter" | "drop" => second(&[" table", " index", " database", " schema", " extension"]),
        "with" => second(&["select "]) && second(&[" as ("]),
        "truncate" => second(&[" table", "truncate "]),
        _ => false,
    };
    sql.then_some("sql")
}
