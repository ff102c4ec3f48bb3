//! Variables and what is assigned to them; objects as groups of functions.

use tree_sitter::Node;

use super::{
    names::{constant, plain, unquoted},
    read::{Ctx, Known, Name, Reader, end, line},
};
use crate::fact::{Fact, Kind};

/// Whether an expression is a function written in place.
pub(super) fn is_function(node: Node<'_>) -> bool {
    matches!(node.kind(), "arrow_function" | "function_expression" | "function" | "generator_function")
}

impl<'t> Reader<'t> {
    pub(super) fn declarator(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let Some(value) = node.child_by_field_name("value") else {
            let known = node.child_by_field_name("type").and_then(|of| self.annotated(of, ctx.scope));
            self.declare(name, ctx.scope, known.as_ref());
            return;
        };
        let bare = plain(value);
        if bare.kind() == "call_expression"
            && let Some(module) = self.required(bare)
        {
            self.required_names(name, module, node, ctx);
            return;
        }
        // `require('x').y`
        if bare.kind() == "member_expression" && name.kind() == "identifier" {
            let chain = self.chain(bare);
            if let (super::bind::Root::Module(module), [item]) = (chain.root, chain.parts.as_slice()) {
                self.import(self.src(name), module, Some(item), node, ctx, false);
                return;
            }
        }
        if name.kind() != "identifier" {
            self.env_pattern(name, bare, ctx);
            let first = self.jobs.len();
            for default in self.declare(name, ctx.scope, None) {
                self.push(default, ctx.inner());
            }
            self.push(value, ctx.inner());
            self.turn(first);
            return;
        }
        let word = self.src(name);
        let known =
            node.child_by_field_name("type").and_then(|of| self.annotated(of, ctx.scope)).or_else(|| self.type_of(value, ctx.scope));
        if let Some(known) =
            known.as_ref().filter(|known| ctx.symbol == 0 && known.canonical.starts_with(&self.module) && !known.written.is_empty())
        {
            self.out.exports.push((word.to_owned(), known.written.clone()));
        }
        self.settings(word, bare, ctx);
        if bare.kind() == "object" {
            self.objects.insert((ctx.scope, word), bare);
        }
        if ctx.symbol == 0
            && let Some(value) = constant(self.text, bare)
        {
            self.fact(Fact::new(Kind::Assign, word, line(node), end(node)).with("value", value), ctx);
        }
        let callee = is_function(bare) || ctx.symbol == 0 && matches!(bare.kind(), "call_expression" | "object");
        if let Some(scope) = self.scopes.get_mut(ctx.scope) {
            scope.names.insert(word, if is_function(bare) { None } else { known });
        }
        if is_function(bare) {
            // A function is a name of the file, or of the function around it.
            if ctx.scope != 0
                && let Some(scope) = self.scopes.get_mut(ctx.scope)
            {
                scope.names.insert(word, Some(Known { canonical: word.to_owned(), written: word.to_owned() }));
            }
        }
        let name = if callee { Name::Called(word.to_owned()) } else { Name::None };
        self.push_named(value, Ctx { result: word, awaited: false, ..ctx }, name);
    }

    pub(super) fn assignment(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        let (Some(left), Some(value)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else { return };
        let target = self.src(left);
        if target == "module.exports" || target == "exports" {
            // `module.exports = exports = x` gives x.
            let inner = if value.kind() == "assignment_expression" { value.child_by_field_name("right").unwrap_or(value) } else { value };
            self.exported("default", inner, ctx);
            return;
        }
        if let Some(public) = target.strip_prefix("module.exports.").or_else(|| target.strip_prefix("exports.")) {
            self.exported(public, value, ctx);
            return;
        }
        if left.kind() == "identifier" || target.starts_with("this.") {
            let known = self.type_of(value, ctx.scope);
            if let Some(field) = target.strip_prefix("this.") {
                let class = self.scopes.get(ctx.scope).and_then(|scope| scope.class);
                if let (Some(class), Some(known)) = (class.and_then(|class| self.classes.get_mut(class)), known) {
                    class.fields.entry(field.to_owned()).or_insert(known);
                }
            } else if let Some(known) = known
                && let Some(scope) = self.scopes.get_mut(ctx.scope)
            {
                scope.names.insert(target, Some(known));
            }
            let name = if is_function(plain(value)) && !target.contains('.') { Name::Called(target.to_owned()) } else { Name::None };
            self.push_named(value, Ctx { result: target, awaited: false, ..ctx }, name);
            return;
        }
        let first = self.jobs.len();
        self.push(left, ctx.inner());
        let name = match (is_function(plain(value)), ctx.symbol) {
            (true, 0) => Name::Called(target.replace(".prototype.", ".")),
            _ => Name::None,
        };
        self.push_named(value, ctx.inner(), name);
        self.turn(first);
    }

    /// An object: functions in it are definitions where the object has a name.
    pub(super) fn object(&mut self, node: Node<'t>, ctx: Ctx<'t>, name: Name) {
        let Name::Called(base) = name else {
            self.push_methods(node, ctx);
            return;
        };
        let first = self.jobs.len();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            let key = child.child_by_field_name(if child.kind() == "method_definition" { "name" } else { "key" });
            let word = key.map_or("", |key| unquoted(self.src(key)));
            let full = if base.is_empty() { word.to_owned() } else { format!("{base}.{word}") };
            match child.kind() {
                "method_definition" => self.push_named(child, ctx.inner(), Name::Called(full)),
                "pair" => {
                    if let Some(value) = child.child_by_field_name("value") {
                        let bare = plain(value);
                        let named = is_function(bare) || bare.kind() == "call_expression";
                        let exported = base.is_empty() && matches!(bare.kind(), "identifier" | "member_expression");
                        if !exported || self.variable(bare).is_some() {
                            // `{ required: jwt({…}) }` of an object with a name: the member holds what the call built.
                            let built = !base.is_empty() && bare.kind() == "call_expression";
                            let inner = Ctx { result: if built { word } else { "" }, ..ctx.inner() };
                            self.push_named(value, inner, if named { Name::Called(full) } else { Name::None });
                        }
                    }
                }
                "shorthand_property_identifier" if base.is_empty() => {}
                _ => self.push(child, ctx.inner()),
            }
        }
        self.turn(first);
    }

    fn push_methods(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        self.push_children(node, ctx);
    }
}
