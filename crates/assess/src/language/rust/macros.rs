//! Macros: their tokens are read as the arguments of a call, and calls among the tokens as calls.

use tree_sitter::Node;

use super::extract::Reader;
use crate::{
    fact::{Fact, Kind},
    language::flow::{Value, clip, compact, lines, shape, text},
};

impl<'t> Reader<'t> {
    /// `name!(...)`.
    pub fn invoked(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("macro") else { return };
        let mut cursor = node.walk();
        let Some(tree) = node.named_children(&mut cursor).find(|child| child.kind() == "token_tree") else { return };
        let name = self.names.canonical(text(name, self.source));
        let number = self.invocation(&name, text(tree, self.source), node);
        self.tokens(tree);
        self.values
            .insert(node.id(), Value { id: Some(format!("#{number}")), call: Some(number), built: name == "format", ..Value::default() });
    }

    fn invocation(&mut self, name: &str, inside: &str, node: Node<'t>) -> usize {
        let (line, end) = lines(node);
        let inside = inside.get(1..inside.len().saturating_sub(1)).unwrap_or_default();
        let mut fact = Fact::new(Kind::Call, name, line, end).with("macro", "yes");
        let mut texts = Vec::new();
        // A list of handlers may be long, with remarks in it.
        let handlers = matches!(name.rsplit('.').next(), Some("routes" | "catchers"));
        let given = match handlers {
            true => {
                let plain: Vec<&str> = inside.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
                listed(&plain.join("\n"), 1000)
            }
            false => arguments(inside),
        };
        for (number, (key, value)) in given.into_iter().enumerate() {
            let value = if value.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':')
                && value.contains(|c: char| c.is_alphabetic())
                && key.is_none()
            {
                // What a macro is handed by name is followed like any name.
                let local = self.scopes.find(&value).is_some();
                if local { value } else { self.names.constants.get(&value).cloned().unwrap_or_else(|| self.path(&value)) }
            } else {
                value
            };
            if shape(&value) == Some("sql") || shape(&value).is_some() {
                texts.push((value.clone(), name == "format" && value.contains('{')));
            }
            fact = fact.with(key.unwrap_or_else(|| number.to_string()), value);
        }
        let id = format!("#{}", self.out.facts.len());
        let number = self.push(fact.with("id", id));
        if matches!(name, "panic" | "todo" | "unimplemented" | "unreachable")
            && let Some(mut raise) = self.out.facts.get(number).cloned()
        {
            raise.kind = Kind::Raise;
            self.push(raise);
        }
        for (value, built) in texts {
            self.text(&value, built, node);
        }
        if matches!(name, "env" | "option_env")
            && let Some(variable) = self.out.facts.get(number).and_then(|fact| fact.get("0")).map(str::to_owned)
        {
            self.push(
                Fact::new(Kind::Env, variable, line, end).with("required", if name == "env" { "yes" } else { "no" }).with("when", "build"),
            );
        }
        number
    }

    /// Calls and names among the tokens.
    fn tokens(&mut self, tree: Node<'t>) {
        let mut waiting = vec![tree];
        let mut read = 0;
        while let Some(tree) = waiting.pop() {
            let mut cursor = tree.walk();
            let children: Vec<Node<'t>> = tree.children(&mut cursor).collect();
            read += children.len();
            if read > 100_000 {
                return;
            }
            let mut path = String::new();
            let mut start: Option<Node<'t>> = None;
            for (at, child) in children.iter().enumerate() {
                let word = text(*child, self.source);
                match child.kind() {
                    "identifier" | "crate" | "super" | "self" => {
                        if !(path.is_empty() || path.ends_with("::") || path.ends_with('.')) {
                            path.clear();
                        }
                        if path.is_empty() {
                            start = Some(*child);
                        }
                        path.push_str(word);
                    }
                    "::" | "." if !path.is_empty() || word == "." => path.push_str(word),
                    "!" if !path.is_empty() && children.get(at + 1).is_some_and(|next| next.kind() == "token_tree") => path.push('!'),
                    "token_tree" => {
                        waiting.push(*child);
                        let call = word.starts_with('(') || path.ends_with('!');
                        if call && !path.is_empty() {
                            self.token_call(&path, word, start.unwrap_or(*child));
                        } else if !path.is_empty() {
                            self.token_name(&path, *child);
                        }
                        path.clear();
                        // What follows is asked of the result, whose type is not known.
                        path.push('?');
                    }
                    _ => {
                        if !path.is_empty() && path != "?" {
                            self.token_name(&path, *child);
                        }
                        path.clear();
                    }
                }
            }
            if !path.is_empty() && path != "?" {
                self.token_name(&path, tree);
            }
        }
    }

    fn token_name(&mut self, path: &str, node: Node<'t>) {
        let first = path.split(['.', ':', '!', '?']).next().unwrap_or_default();
        if !first.is_empty() && self.scopes.find(first).is_none() {
            self.mention(path.trim_end_matches('!').replace("::", "."), lines(node).0);
        }
    }

    fn token_call(&mut self, path: &str, inside: &str, node: Node<'t>) {
        let path = path.trim_end_matches('!');
        if path.len() > 300 || path.is_empty() {
            return;
        }
        let name = if path.contains('.') {
            let (before, method) = path.rsplit_once('.').unwrap_or((path, ""));
            let first = before.split('.').next().unwrap_or(before);
            let of = self.scopes.find(first).and_then(|variable| variable.of.clone());
            match (of, before == first) {
                (Some(of), true) => format!("{of}.{method}"),
                (Some(of), false) => {
                    let field = format!("{of}.{}", before.get(first.len() + 1..).unwrap_or_default());
                    format!("{}.{method}", self.names.fields.get(&field).cloned().unwrap_or(field))
                }
                _ => format!("?.{method}"),
            }
        } else {
            self.mention(path.replace("::", "."), lines(node).0);
            self.path(path)
        };
        if name.ends_with(".clone") || name == "Ok" || name == "Err" || name == "Some" {
            return;
        }
        let (line, end) = lines(node);
        let inside = inside.get(1..inside.len().saturating_sub(1)).unwrap_or_default();
        let mut fact = Fact::new(Kind::Call, clip(&name), line, end);
        for (number, (key, value)) in arguments(inside).into_iter().enumerate() {
            fact = fact.with(key.unwrap_or_else(|| number.to_string()), value);
        }
        let id = format!("#{}", self.out.facts.len());
        self.push(fact.with("id", id));
    }
}

/// The arguments in a text of tokens: what stands between commas, with its name where it has one (`level = "info"`).
pub(super) fn arguments(inside: &str) -> Vec<(Option<String>, String)> {
    listed(inside, MOST)
}

/// How many arguments of a macro are read where none is expected to have many.
const MOST: usize = 40;

fn listed(inside: &str, most: usize) -> Vec<(Option<String>, String)> {
    let mut out = Vec::new();
    let (mut depth, mut start) = (0i32, 0usize);
    let mut quoted = false;
    let mut escaped = false;
    let mut parts = Vec::new();
    for (at, character) in inside.char_indices() {
        if quoted {
            if character == '"' && !escaped {
                quoted = false;
            }
            escaped = character == '\\' && !escaped;
            continue;
        }
        match character {
            '"' => (quoted, escaped) = (true, false),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(inside.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
        if parts.len() > most {
            break;
        }
    }
    parts.push(inside.get(start..).unwrap_or_default());
    for part in parts {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let named = part.split_once('=').filter(|(key, rest)| {
            let key = key.trim();
            !rest.starts_with(['=', '>']) && !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
        });
        let (key, value) = named.map_or((None, part), |(key, value)| (Some(key.trim().to_owned()), value.trim()));
        out.push((key, plain(value)));
    }
    out
}

/// A literal's plain text, or the tokens without needless space.
fn plain(value: &str) -> String {
    let raw = value.trim_start_matches('r');
    let hashes = raw.trim_start_matches('#');
    if let Some(inner) = hashes.strip_prefix('"').and_then(|rest| rest.trim_end_matches('#').strip_suffix('"'))
        && (!inner.contains('"') || raw.len() != value.len() || inner.contains("\\\""))
    {
        return clip(&inner.replace("\\\"", "\"").replace("\\n", "\n"));
    }
    compact(value)
}
