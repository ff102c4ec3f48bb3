//! Conditions on flags of the configuration: `if settings.RATE_LIMIT:`.

use tree_sitter::Node;

use super::{
    name::Names,
    tree::{bare, children, field},
};
use crate::fact::{Flag, Guard};

impl<'t> Names<'t> {
    /// The flag that a condition asks for.
    pub fn guard(&self, condition: Node<'t>, symbol: u32) -> Option<Guard> {
        let mut stack = vec![(condition, false)];
        for _ in 0..64 {
            let (node, negated) = stack.pop()?;
            let node = bare(node);
            match node.kind() {
                "not_operator" => stack.extend(field(node, "argument").map(|inner| (inner, !negated))),
                // `a and b` runs only where both hold; of `a or b` nothing is certain.
                "boolean_operator" if field(node, "operator").is_some_and(|sign| self.text(sign) == "and") && !negated => {
                    stack.extend([field(node, "right"), field(node, "left")].into_iter().flatten().map(|side| (side, negated)));
                }
                "comparison_operator" => {
                    let sides = children(node);
                    if let [left, right] = sides.as_slice() {
                        let sign = self.text(node).get(self.text(*left).len()..).unwrap_or("").trim_start();
                        let same = sign.starts_with("==") || (sign.starts_with("is") && !sign.starts_with("is not"));
                        match (self.text(*right), same) {
                            ("True", same) => stack.push((*left, negated == same)),
                            ("False", same) => stack.push((*left, negated != same)),
                            // `if settings.DSN is not None`
                            ("None", same) => stack.push((*left, negated != same)),
                            _ => {}
                        }
                    }
                }
                _ => {
                    if let Some(flag) = self.flag(node, symbol) {
                        return Some(Guard { flag, negated, state: Flag::Unknown });
                    }
                }
            }
        }
        None
    }

    /// The name of the flag that an expression reads.
    fn flag(&self, node: Node<'t>, symbol: u32) -> Option<String> {
        match node.kind() {
            "attribute" => {
                let name = self.text(field(node, "attribute")?);
                let object = self.text(field(node, "object")?).to_lowercase();
                let configured = ["setting", "config", "conf", "cfg", "flags", "features", "env"].iter().any(|word| object.contains(word));
                (configured || upper(name)).then(|| name.to_owned())
            }
            "identifier" => Some(self.text(node)).filter(|name| upper(name)).map(str::to_owned),
            "call" => {
                let callee = self.callee(field(node, "function")?, symbol);
                let arguments = children(field(node, "arguments")?);
                if ENVIRONMENT.contains(&callee.as_str()) || callee.ends_with("config.get") || callee.ends_with("settings.get") {
                    return self.constant(*arguments.first()?, symbol, 0);
                }
                // `getattr(settings, "FLAG", False)`, `os.getenv("FLAG", "").lower()`
                if callee == "getattr" {
                    return self.constant(*arguments.get(1)?, symbol, 0);
                }
                let inner = field(field(node, "function")?, "object")?;
                (inner.kind() == "call").then(|| self.flag(inner, symbol)).flatten()
            }
            "subscript" => {
                let object = self.path(field(node, "value")?, symbol);
                let key = field(node, "subscript")?;
                (object == "os.environ" || object.ends_with(".config")).then(|| self.constant(key, symbol, 0)).flatten()
            }
            _ => None,
        }
    }
}

/// Reads of the environment.
pub(super) const ENVIRONMENT: &[&str] = &["os.getenv", "os.environ.get", "os.environ.setdefault", "os.environ.pop", "os.environb.get"];

/// Whether a name is written like a constant.
pub(super) fn upper(name: &str) -> bool {
    name.len() > 1 && name.bytes().any(|byte| byte.is_ascii_uppercase()) && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Whether a statement leaves the code around it.
pub(super) fn leaves(statement: Node<'_>) -> bool {
    matches!(statement.kind(), "return_statement" | "raise_statement" | "continue_statement" | "break_statement")
}
