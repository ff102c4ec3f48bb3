//! One look at each node: what it is, and what to look at next.

use tree_sitter::Node;

use super::{
    bind::Root,
    names::{constant, plain},
    read::{Ctx, Job, Reader},
};
use crate::fact::{Extract, Flag, Guard};

impl<'t> Reader<'t> {
    /// Looks at one node.
    pub(super) fn visit(&mut self, job: Job<'t>) {
        let Job { node, ctx, name } = job;
        match node.kind() {
            "comment"
            | "type_annotation"
            | "type_arguments"
            | "type_parameters"
            | "interface_declaration"
            | "type_alias_declaration"
            | "ambient_declaration"
            | "function_signature"
            | "method_signature"
            | "abstract_method_signature"
            | "hash_bang_line"
            | "regex"
            | "jsx_text"
            | "jsx_closing_element"
            | "implements_clause"
            | "index_signature"
            | "predefined_type" => {}
            "import_statement" => self.import_statement(node, ctx),
            "export_statement" => self.export_statement(node, ctx),
            "function_declaration"
            | "generator_function_declaration"
            | "function_expression"
            | "arrow_function"
            | "generator_function"
            | "function" => self.function(node, ctx, name),
            "class_declaration" | "abstract_class_declaration" | "class" => self.class(node, ctx, name),
            "method_definition" => self.method(node, ctx, name),
            "variable_declarator" => self.declarator(node, ctx),
            "assignment_expression" => self.assignment(node, ctx),
            "call_expression" => self.call(node, ctx, name),
            "new_expression" => self.call(node, ctx, name),
            "object" => self.object(node, ctx, name),
            "member_expression" | "subscript_expression" => self.member(node, ctx),
            "identifier" | "shorthand_property_identifier" => {
                let chain = self.chain(node);
                if let Root::Name(word) = chain.root {
                    let (known, local) = self.meaning(word, ctx.scope);
                    if !local {
                        self.mention(known.written, node, ctx);
                    }
                }
            }
            "await_expression" => {
                if let Some(inner) = node.named_child(0) {
                    self.push_named(inner, Ctx { awaited: true, ..ctx }, name);
                }
            }
            "parenthesized_expression" | "non_null_expression" | "as_expression" | "satisfies_expression" => {
                self.literal(node, ctx);
                if let Some(inner) = node.named_child(0) {
                    self.push_named(inner, ctx, name);
                }
            }
            "if_statement" => self.condition(node, "condition", "consequence", "alternative", ctx),
            "ternary_expression" => self.condition(node, "condition", "consequence", "alternative", ctx),
            "binary_expression" => self.binary(node, ctx),
            "statement_block" | "program" => self.block(node, ctx),
            "catch_clause" => self.catch(node, ctx),
            "throw_statement" => self.throw(node, ctx),
            "string" | "template_string" => self.string(node, ctx),
            "pair" => {
                if let Some(value) = node.child_by_field_name("value") {
                    self.push(value, ctx.inner());
                }
            }
            "for_in_statement" => {
                if let Some(left) = node.child_by_field_name("left") {
                    self.declare(left, ctx.scope, None);
                }
                let first = self.jobs.len();
                for field in ["right", "body"] {
                    if let Some(part) = node.child_by_field_name(field) {
                        self.push(part, ctx.inner());
                    }
                }
                self.turn(first);
            }
            "jsx_opening_element" | "jsx_self_closing_element" => {
                let first = self.jobs.len();
                let mut cursor = node.walk();
                for child in node.named_children(&mut cursor) {
                    let intrinsic = child.kind() == "identifier" && self.src(child).starts_with(|first: char| first.is_lowercase());
                    if !intrinsic && child.kind() != "property_identifier" {
                        self.push(child, ctx.inner());
                    }
                }
                self.turn(first);
            }
            "enum_declaration" | "labeled_statement" => {
                if let Some(body) = node.child_by_field_name("body") {
                    self.push_children(body, ctx);
                }
            }
            _ => self.push_children(node, ctx),
        }
    }

    fn member(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        if self.env_read(node, ctx) {
            return;
        }
        let chain = self.chain(node);
        if chain.called || chain.root == Root::Nameless {
            // `const app = new Hono().get(...)`: the name is that of the router at the beginning of the chain.
            let router = || self.known(&chain, ctx.scope).is_some_and(|known| super::names::on_router(&known.canonical).is_some());
            if !ctx.result.is_empty()
                && router()
                && let Some(object) = node.child_by_field_name("object")
            {
                self.push(object, Ctx { awaited: false, ..ctx });
                return;
            }
            self.push_children(node, ctx);
            return;
        }
        let Root::Name(root) = chain.root else { return };
        let local = root != "this" && self.meaning(root, ctx.scope).1;
        // What a request brings is looked at by name, although it is a parameter.
        if local && matches!(root, "req" | "request" | "ctx" | "c" | "context") {
            let path = format!("{root}.{}", chain.parts.join("."));
            self.mention(path, node, Ctx { quiet: false, ..ctx });
        } else if !local && let Some(known) = self.known(&chain, ctx.scope) {
            self.mention(known.written, node, ctx);
        }
        // An index may be an expression.
        if node.kind() == "subscript_expression"
            && let Some(index) = node.child_by_field_name("index")
        {
            self.push(index, ctx.inner());
        }
    }

    /// The flag that a condition asks for.
    fn flag(&mut self, condition: Node<'t>) -> Option<Guard> {
        let (mut node, mut negated) = (plain(condition), false);
        for _ in 0..6 {
            match node.kind() {
                "unary_expression" if self.src(node).starts_with('!') => {
                    negated = !negated;
                    node = plain(node.child_by_field_name("argument")?);
                }
                "binary_expression" => {
                    let operator = self.src(node.child_by_field_name("operator")?);
                    let right = constant(self.text, node.child_by_field_name("right")?)?;
                    let wanted = matches!(right.as_str(), "true" | "1" | "on" | "yes");
                    if !wanted && !matches!(right.as_str(), "false" | "0" | "off" | "no") {
                        return None;
                    }
                    match operator {
                        "===" | "==" => negated ^= !wanted,
                        "!==" | "!=" => negated ^= wanted,
                        _ => return None,
                    }
                    node = plain(node.child_by_field_name("left")?);
                }
                // `config.get('FLAG')`.
                "call_expression" => {
                    let function = node.child_by_field_name("function")?;
                    let get = function.kind() == "member_expression"
                        && matches!(
                            function.child_by_field_name("property").map(|property| self.src(property)),
                            Some("get" | "getOrThrow")
                        );
                    let first = node.child_by_field_name("arguments")?.named_child(0)?;
                    let name = if get { constant(self.text, first)? } else { return None };
                    let flag = name.rsplit('.').next()?.to_owned();
                    return Some(Guard { flag, negated, state: Flag::Unknown });
                }
                "member_expression" | "subscript_expression" | "identifier" => {
                    let chain = self.chain(node);
                    let Root::Name(root) = chain.root else { return None };
                    if matches!(root, "req" | "res" | "err" | "error" | "this" | "e" | "request" | "reply" | "ctx") || chain.called {
                        return None;
                    }
                    let named = chain.parts.last().copied().unwrap_or(root);
                    // A flag is a setting: read from a configuration object or written as a constant.
                    let constant = named.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
                    let settings = ["config", "settings", "options", "env", "flags", "features"];
                    let configured =
                        !chain.parts.is_empty() && settings.iter().any(|word| root.to_lowercase().contains(word)) || root == "process";
                    return (constant || configured).then(|| Guard { flag: named.to_owned(), negated, state: Flag::Unknown });
                }
                _ => return None,
            }
        }
        None
    }

    fn guarded(&mut self, ctx: Ctx<'t>, guard: &Option<Guard>, turned: bool) -> Ctx<'t> {
        match guard {
            Some(guard) => {
                self.guards.push(Guard { negated: guard.negated ^ turned, ..guard.clone() });
                Ctx { guard: Some(self.guards.len() - 1), ..ctx }
            }
            None => ctx,
        }
    }

    fn condition(&mut self, node: Node<'t>, condition: &str, yes: &str, no: &str, ctx: Ctx<'t>) {
        let first = self.jobs.len();
        let asked = node.child_by_field_name(condition);
        let guard = asked.and_then(|asked| self.flag(asked));
        if let Some(asked) = asked {
            self.push(asked, ctx.inner());
        }
        if let Some(yes) = node.child_by_field_name(yes) {
            let ctx = self.guarded(ctx, &guard, false);
            self.push(yes, ctx.inner());
        }
        if let Some(no) = node.child_by_field_name(no) {
            let ctx = self.guarded(ctx, &guard, true);
            self.push(no, ctx.inner());
        }
        self.turn(first);
    }

    fn binary(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else { return };
        let operator = node.child_by_field_name("operator").map_or("", |operator| self.src(operator));
        let first = self.jobs.len();
        match operator {
            "&&" => {
                let guard = self.flag(left);
                self.push(left, ctx.inner());
                let ctx = self.guarded(ctx, &guard, false);
                self.push(right, ctx.inner());
            }
            "+" => {
                self.pasted(node, ctx);
                self.push(left, ctx.inner());
                self.push(right, ctx.inner());
            }
            _ => {
                self.push(left, ctx.inner());
                self.push(right, ctx);
            }
        }
        self.turn(first);
    }

    /// A block: after `if (!flag) return;` the rest depends on the flag.
    fn block(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let first = self.jobs.len();
        let mut now = ctx.inner();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            self.push(child, now);
            if child.kind() == "if_statement" && child.child_by_field_name("alternative").is_none() {
                let leaves = child.child_by_field_name("consequence").is_some_and(|yes| {
                    yes.kind() == "return_statement"
                        || yes.kind() == "statement_block"
                            && yes.named_child_count() == 1
                            && yes.named_child(0).is_some_and(|only| only.kind() == "return_statement")
                });
                if leaves
                    && let Some(asked) = child.child_by_field_name("condition")
                    && let Some(guard) = self.flag(asked)
                {
                    now = self.guarded(now, &Some(guard), true);
                }
            }
        }
        self.turn(first);
    }

    /// Names of the file's own level and imports come first: they hold for the whole file.
    pub(super) fn begin(&mut self, root: Node<'t>) {
        let mut cursor = root.walk();
        for child in root.named_children(&mut cursor) {
            let declared = match child.kind() {
                "export_statement" => child.child_by_field_name("declaration").unwrap_or(child),
                _ => child,
            };
            match declared.kind() {
                "function_declaration"
                | "generator_function_declaration"
                | "class_declaration"
                | "abstract_class_declaration"
                | "enum_declaration" => {
                    if let Some(name) = declared.child_by_field_name("name") {
                        self.own.insert(self.src(name), ());
                    }
                }
                "lexical_declaration" | "variable_declaration" => {
                    let mut inner = declared.walk();
                    for declarator in declared.named_children(&mut inner) {
                        if let Some(name) = declarator.child_by_field_name("name")
                            && name.kind() == "identifier"
                        {
                            self.own.insert(self.src(name), ());
                            let value = declarator.child_by_field_name("value").and_then(|value| constant(self.text, value));
                            if let Some(value) = value {
                                self.constants.insert(self.src(name), value);
                            }
                            if let Some(object) =
                                declarator.child_by_field_name("value").map(plain).filter(|value| value.kind() == "object")
                            {
                                self.objects.insert((0, self.src(name)), object);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// What is known only at the end.
    pub(super) fn finish(mut self) -> Extract {
        for test in &self.tests {
            if let Some(fact) = self.out.facts.get_mut(test.fact) {
                fact.attrs.insert(0, ("asserts".to_owned(), test.asserts.to_string()));
                if test.sound == 0 {
                    fact.attrs.push(("trivial".to_owned(), "yes".to_owned()));
                }
            }
        }
        self.out.exports.sort();
        self.out.exports.dedup();
        self.out
    }
}
