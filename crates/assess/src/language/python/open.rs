//! What is said where it should not be: paths that are open to everybody, secrets in log lines.

use tree_sitter::Node;

use super::{
    define::is_log,
    extract::{At, Walk},
    scope::Bind,
    tree::{bare, children, field, short},
};
use crate::fact::{Fact, Kind};

/// How far up the loop around a comparison is looked for.
const AROUND: usize = 16;
/// How many parts of a log line are looked at.
const PARTS: usize = 200;

impl<'t> Walk<'t> {
    /// `path.startswith(one)` for each of a list that holds `/`: every path begins with that one, so the list opens all of them.
    pub(super) fn prefixed(&mut self, call: Node<'t>, at: At) {
        let Some(function) = field(call, "function").filter(|function| function.kind() == "attribute") else { return };
        let last = field(function, "attribute").map_or("", |last| self.names.text(last));
        let asked = field(function, "object").map_or("", |object| self.names.text(object)).to_lowercase();
        if last != "startswith" || !(asked.contains("path") || asked.contains("url")) {
            return;
        }
        let Some(argument) = field(call, "arguments").and_then(|list| children(list).first().copied()) else { return };
        let Some((list, name)) = self.listed(bare(argument), call, at.symbol) else { return };
        let guarded = ["protect", "secur", "private", "limit", "restrict"].iter().any(|word| name.to_lowercase().contains(word));
        let root = children(list).into_iter().take(400).any(|one| self.names.constant(one, at.symbol, 0).as_deref() == Some("/"));
        if root && !guarded {
            let found = self.fact(Kind::Broken, "/", call, at).with("what", "prefix");
            self.facts.push(if name.is_empty() { found } else { found.with("list", short(&name, 80)) });
        }
    }

    /// The list that a prefix comes from, and what it is called.
    fn listed(&self, argument: Node<'t>, call: Node<'t>, symbol: u32) -> Option<(Node<'t>, String)> {
        let mut from = argument;
        if argument.kind() == "identifier" {
            let name = self.names.text(argument);
            let mut above = call.parent();
            for _ in 0..AROUND {
                let Some(node) = above else { break };
                if node.kind() == "not_operator" {
                    return None;
                }
                let clauses = match node.kind() {
                    "for_statement" => vec![node],
                    "generator_expression" | "list_comprehension" | "set_comprehension" => {
                        children(node).into_iter().filter(|child| child.kind() == "for_in_clause").collect()
                    }
                    _ => Vec::new(),
                };
                let over = clauses.into_iter().find(|clause| field(*clause, "left").is_some_and(|left| self.names.text(left) == name));
                if let Some(right) = over.and_then(|clause| field(clause, "right")) {
                    if self.denied(node) {
                        return None;
                    }
                    from = bare(right);
                    break;
                }
                above = node.parent();
            }
        } else if self.denied(call) {
            return None;
        }
        let name = self.names.text(from).to_owned();
        for _ in 0..4 {
            match from.kind() {
                "list" | "tuple" | "set" => return Some((from, if name.starts_with(['[', '(', '{']) { String::new() } else { name })),
                "call" => from = bare(field(from, "arguments").and_then(|list| children(list).first().copied())?),
                "identifier" => from = self.bound(symbol, self.names.text(from), from.start_byte())?,
                "attribute" => {
                    let (object, last) = (field(from, "object")?, field(from, "attribute")?);
                    let (receiver, class) = self.names.receiver(symbol)?;
                    if self.names.text(object) != receiver {
                        return None;
                    }
                    from = self.bound(class, self.names.text(last), usize::MAX)?;
                }
                _ => return None,
            }
        }
        None
    }

    fn bound(&self, symbol: u32, name: &str, before: usize) -> Option<Node<'t>> {
        match self.names.lookup(symbol, name, before)?.1.bind {
            Bind::Value(value, _) => Some(bare(value)),
            _ => None,
        }
    }

    /// Whether a question is asked the other way round: `if not any(...)`.
    fn denied(&self, node: Node<'t>) -> bool {
        let mut above = node.parent();
        for _ in 0..4 {
            match above.map(|node| node.kind()) {
                Some("not_operator") => return true,
                Some("call" | "argument_list" | "parenthesized_expression") => above = above.and_then(|node| node.parent()),
                _ => return false,
            }
        }
        false
    }

    /// The secrets that a log line is given as they are; a length, a digest and a comparison give nothing away.
    pub(super) fn leaks(&self, call: Node<'t>, fact: &mut Fact) {
        if !is_log(&fact.name) {
            return;
        }
        let mut left: Vec<Node<'t>> = field(call, "arguments").map(children).unwrap_or_default();
        for _ in 0..PARTS {
            let Some(node) = left.pop() else { break };
            match node.kind() {
                "identifier" | "attribute" => {
                    let last = self.names.text(node).rsplit('.').next().unwrap_or("");
                    if secret(last) {
                        fact.attrs.push(("leak".into(), short(self.names.text(node), 80)));
                    }
                }
                "subscript" => {
                    let key = field(node, "subscript").and_then(|key| self.names.constant(key, 0, 0));
                    if key.is_some_and(|key| secret(&key)) {
                        fact.attrs.push(("leak".into(), short(self.names.text(node), 80)));
                    }
                }
                "call" => {
                    let callee = field(node, "function");
                    let last = callee.map_or("", |callee| self.names.text(callee)).rsplit('.').next().unwrap_or("");
                    if matches!(last, "str" | "repr" | "format" | "dumps" | "join") {
                        left.extend(field(node, "arguments").map(children).unwrap_or_default());
                    }
                }
                "keyword_argument" => left.extend(field(node, "value")),
                "conditional_expression" => left.extend(children(node).into_iter().step_by(2)),
                "comparison_operator" | "boolean_operator" | "not_operator" | "lambda" => {}
                _ => left.extend(children(node)),
            }
        }
    }
}

/// Whether a name is that of a secret's value.
fn secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let ends =
        ["password", "passwd", "passphrase", "secret", "secret_key", "api_key", "apikey", "private_key", "access_token", "refresh_token"];
    let about =
        ["is_", "has_", "no_", "hashed", "masked", "redacted", "reset_", "forgot_", "change_", "update_", "verify_", "check_", "hash_"];
    ends.iter().any(|end| name.ends_with(end)) && !about.iter().any(|about| name.starts_with(about))
}
