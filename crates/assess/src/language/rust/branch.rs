//! Branches: flags of the configuration before a block, and how failures are caught.

use tree_sitter::Node;

use super::extract::Reader;
use crate::{
    fact::{Fact, Flag, Guard, Kind},
    language::flow::{lines, text},
};

impl<'t> Reader<'t> {
    /// A block behind a flag of the configuration.
    pub fn condition(&mut self, block: Node<'t>) {
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
    pub fn failed(&mut self, node: Node<'t>, pattern: Option<Node<'t>>, body: Option<Node<'t>>) {
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

    pub fn if_failed(&mut self, node: Node<'t>) {
        let Some(condition) = node.child_by_field_name("condition").filter(|condition| condition.kind() == "let_condition") else { return };
        self.failed(node, condition.child_by_field_name("pattern"), node.child_by_field_name("consequence"));
    }
}
