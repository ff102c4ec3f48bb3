//! The environment read by a table: `Object.entries(validators).forEach(([name, check]) => check.parse(process.env[name]))`.

use tree_sitter::Node;

use super::{
    names::{constant, plain, unquoted},
    read::{Ctx, Reader, end, line},
};
use crate::fact::{Fact, Kind};

/// How many names of tables are read in one file.
const NAMES: usize = 400;

impl<'t> Reader<'t> {
    /// Where a variable names what is read, the constants of the file that are walked through and look like names of
    /// variables say what it can be. Once per file.
    pub(super) fn env_tables(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        if self.tabled || !self.reads_by_variable(node) {
            return;
        }
        self.tabled = true;
        let mut root = node;
        while let Some(parent) = root.parent() {
            root = parent;
        }
        let (mut cursor, mut found) = (root.walk(), Vec::new());
        for statement in root.named_children(&mut cursor) {
            let declaration =
                if statement.kind() == "export_statement" { statement.child_by_field_name("declaration") } else { Some(statement) };
            let Some(declaration) = declaration.filter(|one| matches!(one.kind(), "lexical_declaration" | "variable_declaration")) else {
                continue;
            };
            let mut inner = declaration.walk();
            for one in declaration.named_children(&mut inner) {
                let (Some(name), Some(value)) = (one.child_by_field_name("name"), one.child_by_field_name("value")) else { continue };
                if name.kind() == "identifier" && self.walked(self.src(name)) {
                    found.extend(self.names_of(plain(value)));
                }
            }
        }
        for (name, at) in found.into_iter().take(NAMES) {
            self.fact(Fact::new(Kind::Env, name, line(at), end(at)).with("required", "no"), ctx);
        }
    }

    /// `process.env[name]`.
    fn reads_by_variable(&self, node: Node<'t>) -> bool {
        let part = |field: &str| node.child_by_field_name(field);
        node.kind() == "subscript_expression"
            && part("object").is_some_and(|object| matches!(self.src(object), "process.env" | "import.meta.env" | "Bun.env"))
            && part("index").is_some_and(|index| plain(index).kind() == "identifier")
    }

    /// Whether the file goes through this constant.
    fn walked(&self, name: &str) -> bool {
        let text = self.text;
        ["entries", "keys"].iter().any(|word| text.contains(&format!("Object.{word}({name})")))
            || ["forEach", "map", "filter", "every", "some", "find", "reduce"].iter().any(|word| text.contains(&format!("{name}.{word}(")))
            || text.contains(&format!(" of {name})"))
            || text.contains(&format!(" in {name})"))
    }

    /// Names of variables: keys of an object, or texts of a list, where all of them are written large.
    fn names_of(&self, value: Node<'t>) -> Vec<(String, Node<'t>)> {
        let mut cursor = value.walk();
        let parts = value.named_children(&mut cursor).filter(|part| part.kind() != "comment");
        let named: Option<Vec<(String, Node<'t>)>> = match value.kind() {
            "object" => parts
                .map(|part| {
                    let key = part.child_by_field_name("key").filter(|_| part.kind() == "pair")?;
                    Some((unquoted(self.src(key)).to_owned(), part))
                })
                .collect(),
            "array" => parts.map(|part| Some((constant(self.text, part)?, part))).collect(),
            _ => None,
        };
        let large = |name: &str| {
            name.len() > 1
                && name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        };
        named.filter(|names| names.iter().all(|(name, _)| large(name))).unwrap_or_default()
    }
}
