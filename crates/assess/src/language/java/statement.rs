//! Statements: variables, conditions, failures that are thrown and caught.

use tree_sitter::Node;

use super::{
    define::members,
    extract::{DEPTH, Reader},
    names::{children, lines, text},
};
use crate::fact::{Fact, Guard, Kind};

impl<'t> Reader<'t> {
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
}
