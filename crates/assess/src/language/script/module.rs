//! What a file takes from others and gives to them, as modules and as CommonJS.

use tree_sitter::Node;

use super::{
    define::is_function,
    names::{plain, unquoted},
    read::{Ctx, Name, Reader},
};

impl<'t> Reader<'t> {
    pub(super) fn import_statement(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let clause = node.named_child(0).filter(|child| matches!(child.kind(), "import_clause" | "import_require_clause"));
        // `import type` brings nothing that runs, but it names the types of parameters.
        let source = node.child_by_field_name("source").or_else(|| clause.and_then(|clause| clause.child_by_field_name("source")));
        let Some(module) = source.map(|source| unquoted(self.src(source))) else { return };
        let Some(clause) = clause else {
            self.import("", module, None, node, ctx, false);
            return;
        };
        let mut cursor = clause.walk();
        for part in clause.named_children(&mut cursor) {
            match part.kind() {
                "identifier" => {
                    let item = (clause.kind() == "import_clause").then_some("default");
                    self.import(self.src(part), module, item, node, ctx, false);
                }
                "namespace_import" => {
                    if let Some(name) = part.named_child(0) {
                        self.import(self.src(name), module, None, node, ctx, false);
                    }
                }
                "named_imports" => {
                    let mut inner = part.walk();
                    for specifier in part.named_children(&mut inner) {
                        let Some(name) = specifier.child_by_field_name("name") else { continue };
                        let local = specifier.child_by_field_name("alias").unwrap_or(name);
                        self.import(self.src(local), module, Some(unquoted(self.src(name))), node, ctx, false);
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn export_statement(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let source = node.child_by_field_name("source").map(|source| unquoted(self.src(source)));
        let mut cursor = node.walk();
        let clause = node.named_children(&mut cursor).find(|child| matches!(child.kind(), "export_clause" | "namespace_export"));
        if let Some(clause) = clause {
            if clause.kind() == "namespace_export" {
                if let (Some(module), Some(name)) = (source, clause.named_child(0)) {
                    self.import(self.src(name), module, None, node, ctx, false);
                }
                return;
            }
            let mut inner = clause.walk();
            for specifier in clause.named_children(&mut inner) {
                let Some(name) = specifier.child_by_field_name("name") else { continue };
                let public = specifier.child_by_field_name("alias").unwrap_or(name);
                match source {
                    Some(module) => self.import(self.src(public), module, Some(self.src(name)), node, ctx, false),
                    None => self.give(self.src(public), self.src(name), ctx),
                }
            }
            return;
        }
        if let Some(module) = source {
            self.import("*", module, None, node, ctx, false);
            return;
        }
        if let Some(declaration) = node.child_by_field_name("declaration") {
            // Decorators may stand before the word.
            let default = node.children(&mut node.walk()).any(|child| child.kind() == "default");
            if default && let Some(name) = declaration.child_by_field_name("name") {
                self.give("default", self.src(name), ctx);
            }
            self.push(declaration, ctx.inner());
            return;
        }
        if let Some(value) = node.child_by_field_name("value") {
            self.exported("default", value, ctx);
        }
    }

    /// The file gives something that has a name here.
    fn give(&mut self, public: &str, local: &str, ctx: Ctx<'t>) {
        let (known, _) = self.meaning(local, ctx.scope);
        // An exported instance gives its class, where that is one of ours.
        let instance = known.written != local && !known.written.is_empty() && known.canonical.starts_with(&self.module);
        let local = if instance { known.written } else { local.to_owned() };
        if public != local {
            self.out.exports.push((public.to_owned(), local));
        }
    }

    /// `export default value` and `module.exports = value`.
    pub(super) fn exported(&mut self, public: &'t str, value: Node<'t>, ctx: Ctx<'t>) {
        let value = plain(value);
        match value.kind() {
            "identifier" => self.give(public, self.src(value), ctx),
            "object" if public == "default" => {
                let mut cursor = value.walk();
                for pair in value.named_children(&mut cursor) {
                    if pair.kind() == "shorthand_property_identifier" {
                        self.give(self.src(pair), self.src(pair), ctx);
                    } else if let (Some(key), Some(inner)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value"))
                        && plain(inner).kind() == "identifier"
                    {
                        self.give(unquoted(self.src(key)), self.src(plain(inner)), ctx);
                    } else if let (Some(key), Some(inner)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value"))
                        && plain(inner).kind() == "member_expression"
                    {
                        let chain = self.chain(inner);
                        if let Some(known) = self.known(&chain, ctx.scope) {
                            self.out.exports.push((unquoted(self.src(key)).to_owned(), known.written));
                        }
                    }
                }
                let lower = self.path.to_lowercase();
                if ["config", "setting", "env"].iter().any(|word| lower.contains(word)) {
                    self.configuration("default", value, ctx);
                }
                self.push_named(value, ctx.inner(), Name::Called(String::new()));
            }
            "new_expression" | "call_expression" => {
                if let Some(module) = (value.kind() == "call_expression").then(|| self.required(value)).flatten() {
                    self.import(public, module, None, value, ctx, false);
                    return;
                }
                if let Some(known) = self.type_of(value, ctx.scope)
                    && !known.written.is_empty()
                    && known.canonical.starts_with(&self.module)
                    && value.kind() == "new_expression"
                {
                    self.out.exports.push((public.to_owned(), known.written));
                }
                self.push_named(value, Ctx { result: public, ..ctx }, Name::Called(public.to_owned()));
            }
            _ => {
                // A function or class with a name of its own keeps it.
                let own =
                    value.child_by_field_name("name").filter(|_| is_function(value) || value.kind() == "class").map(|name| self.src(name));
                if let Some(own) = own.filter(|own| *own != public) {
                    self.out.exports.push((public.to_owned(), own.to_owned()));
                }
                self.push_named(value, ctx.inner(), Name::Called(own.unwrap_or(public).to_owned()));
            }
        }
    }

    pub(super) fn required_names(&mut self, name: Node<'t>, module: &'t str, node: Node<'t>, ctx: Ctx<'t>) {
        if name.kind() == "identifier" {
            self.import(self.src(name), module, None, node, ctx, false);
            return;
        }
        let mut cursor = name.walk();
        for part in name.named_children(&mut cursor) {
            let (item, local) = match part.kind() {
                "shorthand_property_identifier_pattern" => (self.src(part), self.src(part)),
                "pair_pattern" => match (part.child_by_field_name("key"), part.child_by_field_name("value")) {
                    (Some(key), Some(value)) => (self.src(key), self.src(value)),
                    _ => continue,
                },
                _ => continue,
            };
            self.import(local, module, Some(item), node, ctx, false);
        }
    }
}
