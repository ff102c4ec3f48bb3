//! Names and what they stand for: imports, variables, parameters, fields.

use tree_sitter::Node;

use super::{
    names::{compact, constant, module_named, normal, plain, result_of, shortened, unquoted},
    read::{Ctx, Known, Reader, line},
};
use crate::fact::{Fact, Import, Kind};

/// Calls that give an instance of the class they are handed.
const CONTAINERS: &[&str] = &[
    "typedi.Container.get",
    "tsyringe.container.resolve",
    "@nestjs/common.INestApplication.get",
    "@nestjs/common.INestApplication.resolve",
    "@nestjs/core.ModuleRef.get",
    "@nestjs/core.ModuleRef.resolve",
    "inversify.Container.get",
    "inversify.Container.resolve",
];

/// Where a chain of members begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root<'t> {
    /// A name.
    Name(&'t str),
    /// `require('module')` or `import('module')`.
    Module(&'t str),
    /// Something that has no name.
    Nameless,
}

/// A chain of members and calls.
#[derive(Debug)]
pub(super) struct Chain<'t> {
    pub(super) root: Root<'t>,
    pub(super) parts: Vec<&'t str>,
    /// Whether there is a call or an index in it.
    pub(super) called: bool,
    /// The path given to `.route(path)` in it.
    pub(super) route: Option<Node<'t>>,
}

impl<'t> Reader<'t> {
    /// Follows an expression to where it begins.
    pub(super) fn chain(&self, node: Node<'t>) -> Chain<'t> {
        let (mut node, mut parts, mut called, mut route) = (node, Vec::new(), false, None);
        let mut root = Root::Nameless;
        for _ in 0..80 {
            node = plain(node);
            match node.kind() {
                "identifier" | "shorthand_property_identifier" | "this" | "super" | "meta_property" | "type_identifier" | "undefined" => {
                    root = Root::Name(self.src(node));
                    break;
                }
                "nested_identifier" | "nested_type_identifier" => {
                    let mut pieces = self.src(node).split('.').map(str::trim);
                    root = pieces.next().map_or(Root::Nameless, Root::Name);
                    let rest: Vec<&str> = pieces.collect();
                    parts.extend(rest.into_iter().rev());
                    break;
                }
                "member_expression" => {
                    let (Some(object), Some(property)) = (node.child_by_field_name("object"), node.child_by_field_name("property")) else {
                        break;
                    };
                    parts.push(self.src(property));
                    node = object;
                }
                "subscript_expression" => {
                    let (Some(object), Some(index)) = (node.child_by_field_name("object"), node.child_by_field_name("index")) else {
                        break;
                    };
                    if index.kind() == "string" {
                        parts.push(unquoted(self.src(index)));
                    } else {
                        called = true;
                    }
                    node = object;
                }
                "call_expression" => {
                    called = true;
                    if let Some(module) = self.required(node) {
                        root = Root::Module(module);
                        break;
                    }
                    let Some(function) = node.child_by_field_name("function") else { break };
                    if function.kind() == "member_expression"
                        && function.child_by_field_name("property").is_some_and(|property| self.src(property) == "route")
                    {
                        route = route.or_else(|| node.child_by_field_name("arguments")?.named_child(0));
                    }
                    node = function;
                }
                "new_expression" => {
                    called = true;
                    let Some(constructor) = node.child_by_field_name("constructor") else { break };
                    node = constructor;
                }
                "generic_type" => {
                    let Some(name) = node.child_by_field_name("name") else { break };
                    node = name;
                }
                "instantiation_expression" => {
                    let Some(inner) = node.named_child(0) else { break };
                    node = inner;
                }
                _ => break,
            }
        }
        parts.reverse();
        Chain { root, parts, called, route }
    }

    /// The module of `require('module')` or `import('module')`.
    pub(super) fn required(&self, node: Node<'t>) -> Option<&'t str> {
        let function = node.child_by_field_name("function")?;
        if function.kind() != "import" && self.src(function) != "require" {
            return None;
        }
        let first = node.child_by_field_name("arguments")?.named_child(0)?;
        (first.kind() == "string").then(|| unquoted(self.src(first)))
    }

    /// What a name stands for here. The last says whether it is a local name of which nothing is known.
    pub(super) fn meaning(&self, name: &str, scope: usize) -> (Known, bool) {
        let mut at = scope;
        for _ in 0..200 {
            let Some(here) = self.scopes.get(at) else { break };
            match here.names.get(name) {
                Some(Some(known)) => return (known.clone(), false),
                Some(None) if at != 0 => return (Known { canonical: name.to_owned(), written: String::new() }, true),
                _ => {}
            }
            if at == 0 {
                break;
            }
            at = here.parent;
        }
        if let Some(canonical) = self.imports.get(name) {
            return (Known { canonical: canonical.clone(), written: name.to_owned() }, false);
        }
        let own = self.own.contains_key(name) || self.scopes.first().is_some_and(|scope| scope.names.contains_key(name));
        let canonical = if own { format!("{}.{name}", self.module) } else { name.to_owned() };
        (Known { canonical, written: name.to_owned() }, false)
    }

    /// What an expression names. Nothing where it names nothing.
    pub(super) fn known(&self, chain: &Chain<'t>, scope: usize) -> Option<Known> {
        let (mut base, mut parts) = match chain.root {
            Root::Nameless => return None,
            Root::Module(module) => {
                let canonical = module_named(self.path, module);
                (Known { canonical, written: String::new() }, chain.parts.as_slice())
            }
            Root::Name("this") => {
                let class = self.scopes.get(scope).and_then(|scope| self.classes.get(scope.class?));
                let Some(class) = class else { return Some(self.dotted("this", &chain.parts)) };
                match chain.parts.split_first() {
                    Some((first, rest)) => match class.fields.get(*first) {
                        Some(field) => (field.clone(), rest),
                        None => (class.itself.clone(), chain.parts.as_slice()),
                    },
                    None => (class.itself.clone(), chain.parts.as_slice()),
                }
            }
            Root::Name(name) => (self.meaning(name, scope).0, chain.parts.as_slice()),
        };
        // Calls in the middle give routers back.
        while let [first, rest @ ..] = parts {
            let callee = normal(format!("{}.{first}", base.canonical));
            base.canonical = if rest.is_empty() { callee } else { result_of(&callee) };
            if !base.written.is_empty() {
                base.written = format!("{}.{first}", base.written);
            }
            parts = rest;
        }
        base.canonical = normal(base.canonical);
        Some(base)
    }

    fn dotted(&self, root: &str, parts: &[&str]) -> Known {
        let mut name = root.to_owned();
        for part in parts {
            name.push('.');
            name.push_str(part);
        }
        Known { canonical: name.clone(), written: name }
    }

    /// The canonical name of an expression, where it has one.
    pub(super) fn canonical(&self, node: Node<'t>, scope: usize) -> Option<String> {
        let chain = self.chain(node);
        self.known(&chain, scope).map(|known| known.canonical)
    }

    /// The type that a value has: what constructed it.
    pub(super) fn type_of(&self, value: Node<'t>, scope: usize) -> Option<Known> {
        let value = plain(value);
        match value.kind() {
            "new_expression" | "call_expression" => {
                let chain = self.chain(value);
                if chain.root == Root::Nameless {
                    return None;
                }
                let mut known = self.known(&chain, scope)?;
                // A container gives what it is asked for by its class.
                if CONTAINERS.contains(&known.canonical.as_str())
                    && let Some(class) = value.child_by_field_name("arguments").and_then(|list| list.named_child(0))
                    && matches!(class.kind(), "identifier" | "member_expression")
                    && let Some(class) = self.known(&self.chain(class), scope)
                {
                    return Some(class);
                }
                known.canonical = result_of(&known.canonical);
                Some(known)
            }
            "identifier" | "member_expression" => {
                let chain = self.chain(value);
                if let Root::Name(name) = chain.root
                    && name != "this"
                    && self.meaning(name, scope).1
                {
                    return None;
                }
                self.known(&chain, scope)
            }
            "binary_expression" => value
                .child_by_field_name("right")
                .filter(|right| right.kind() == "new_expression")
                .and_then(|right| self.type_of(right, scope)),
            _ => None,
        }
    }

    /// The type of an annotation `: Name<...>`.
    pub(super) fn annotated(&self, annotation: Node<'t>, scope: usize) -> Option<Known> {
        let named = annotation.named_child(0)?;
        if !matches!(named.kind(), "type_identifier" | "generic_type" | "nested_type_identifier") {
            return None;
        }
        self.known(&self.chain(named), scope)
    }

    /// A value as a fact shows it: constants folded, names canonical, the rest as text.
    pub(super) fn value(&self, node: Node<'t>, scope: usize) -> String {
        let node = plain(node);
        if let Some(constant) = constant(self.text, node) {
            return constant;
        }
        match node.kind() {
            "identifier" | "shorthand_property_identifier" => {
                let name = self.src(node);
                if let Some(constant) = self.constants.get(name) {
                    return constant.clone();
                }
                shortened(&self.meaning(name, scope).0.canonical)
            }
            "member_expression" => {
                let chain = self.chain(node);
                if chain.called {
                    return compact(self.src(node));
                }
                self.known(&chain, scope).map_or_else(|| compact(self.src(node)), |known| shortened(&known.canonical))
            }
            "arrow_function" | "function_expression" | "function" => {
                let of = node.child_by_field_name("parameters").or_else(|| node.child_by_field_name("parameter"));
                let parameters = of.map_or_else(String::new, |of| compact(self.src(of)));
                shortened(&format!("{parameters}=>{}", super::body::shape(self.text, node.child_by_field_name("body"))))
            }
            _ => compact(self.src(node)),
        }
    }

    /// The object that a name or a member of one holds, where this file says so: `options`, `config.cors`.
    pub(super) fn object_of(&self, node: Node<'t>, scope: usize) -> Option<Node<'t>> {
        let chain = self.chain(node);
        let Root::Name(name) = chain.root else { return None };
        let mut at = scope;
        for _ in 0..200 {
            let here = self.scopes.get(at)?;
            if at == 0 || here.names.contains_key(name) {
                break;
            }
            at = here.parent;
        }
        let mut object = self.objects.get(&(at, name)).copied().filter(|_| !chain.called)?;
        for part in &chain.parts {
            object = plain(self.property(object, part)?);
            if object.kind() != "object" {
                return None;
            }
        }
        Some(object)
    }

    /// Records an import and what it makes known.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn import(&mut self, local: &'t str, module: &'t str, item: Option<&'t str>, node: Node<'t>, ctx: Ctx<'t>, optional: bool) {
        let base = module_named(self.path, module);
        let relative = super::names::is_relative(module);
        let canonical = match item {
            Some("default") if !relative => base,
            Some(item) => format!("{base}.{item}"),
            None => base,
        };
        let canonical = normal(canonical);
        self.fact(Fact::new(Kind::Import, canonical.clone(), line(node), line(node)), ctx);
        self.out.imports.push(Import {
            local: local.to_owned(),
            module: module.to_owned(),
            item: item.map(str::to_owned),
            level: 0,
            line: line(node),
            symbol: ctx.symbol,
            optional,
        });
        if !local.is_empty() && local != "*" {
            self.imports.insert(local, canonical);
        }
    }

    /// Declares the names of a pattern in a scope; returns the default values in it.
    pub(super) fn declare(&mut self, pattern: Node<'t>, scope: usize, type_of: Option<&Known>) -> Vec<Node<'t>> {
        let (mut open, mut defaults) = (vec![pattern], Vec::new());
        while let Some(node) = open.pop() {
            match node.kind() {
                "identifier" | "shorthand_property_identifier_pattern" => {
                    let name = self.src(node);
                    if let Some(scope) = self.scopes.get_mut(scope) {
                        scope.names.insert(name, if node.id() == pattern.id() { type_of.cloned() } else { None });
                    }
                }
                "object_assignment_pattern" | "assignment_pattern" => {
                    open.extend(node.child_by_field_name("left"));
                    defaults.extend(node.child_by_field_name("right"));
                }
                "pair_pattern" => open.extend(node.child_by_field_name("value")),
                _ => {
                    let mut cursor = node.walk();
                    open.extend(node.named_children(&mut cursor));
                }
            }
        }
        defaults
    }
}
