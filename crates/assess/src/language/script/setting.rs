//! Settings: reads of the environment with their defaults, schemas over it, configuration objects.

use tree_sitter::Node;

use super::{
    bind::Root,
    names::{constant, plain, shortened, unquoted},
    read::{Ctx, Reader, end, line},
};
use crate::fact::{Fact, Kind};

impl<'t> Reader<'t> {
    /// The variable that an expression reads: `process.env.X`, `import.meta.env.X`, `Bun.env.X`.
    pub(super) fn variable(&self, node: Node<'t>) -> Option<&'t str> {
        if !matches!(node.kind(), "member_expression" | "subscript_expression") {
            return None;
        }
        let chain = self.chain(node);
        match (chain.root, chain.parts.as_slice(), chain.called) {
            (Root::Name("process" | "Bun" | "import.meta" | "globalThis"), ["env", name], false) => Some(name),
            (Root::Name("globalThis" | "global"), ["process", "env", name], false) => Some(name),
            (Root::Name("import"), ["meta", "env", name], false) => Some(name),
            (Root::Name("env"), [name], false) if self.imports.get("env").is_some_and(|from| from == "process.env") => Some(name),
            _ => None,
        }
    }

    /// Records a read of the environment. Whether it was one.
    pub(super) fn env_read(&mut self, node: Node<'t>, ctx: Ctx<'t>) -> bool {
        let Some(name) = self.variable(node) else {
            self.env_tables(node, ctx);
            return false;
        };
        let mut fact = Fact::new(Kind::Env, name, line(node), end(node));
        if let Some((default, _)) = self.fallback(node, ctx) {
            fact = fact.with("default", default);
        }
        fact = fact.with("required", "no");
        self.fact(fact, ctx);
        true
    }

    /// The value that stands in for a missing one: `x || default`, `x ?? default`, `Number(x) || 3000`.
    fn fallback(&self, node: Node<'t>, ctx: Ctx<'t>) -> Option<(String, Node<'t>)> {
        let (mut inner, mut outer) = (node, node.parent()?);
        for _ in 0..6 {
            match outer.kind() {
                "binary_expression" => {
                    let operator = outer.child_by_field_name("operator").map_or("", |operator| self.src(operator));
                    let left = outer.child_by_field_name("left")?;
                    if matches!(operator, "||" | "??") && left.id() == inner.id() {
                        return Some((self.value(outer.child_by_field_name("right")?, ctx.scope), outer));
                    }
                    return None;
                }
                "ternary_expression" => {
                    let asked = outer.child_by_field_name("condition")?.id() == inner.id();
                    let default = outer.child_by_field_name("alternative")?;
                    return asked.then(|| (self.value(default, ctx.scope), outer));
                }
                "parenthesized_expression" | "as_expression" | "non_null_expression" | "arguments" | "call_expression" => {}
                _ => return None,
            }
            inner = outer;
            outer = outer.parent()?;
        }
        None
    }

    /// `const { PORT = 3000 } = process.env`.
    pub(super) fn env_pattern(&mut self, pattern: Node<'t>, value: Node<'t>, ctx: Ctx<'t>) {
        if !matches!(self.src(value), "process.env" | "import.meta.env" | "Bun.env") {
            return;
        }
        let mut cursor = pattern.walk();
        for part in pattern.named_children(&mut cursor) {
            let (name, default) = match part.kind() {
                "shorthand_property_identifier_pattern" => (Some(part), None),
                "object_assignment_pattern" => (part.child_by_field_name("left"), part.child_by_field_name("right")),
                "pair_pattern" => (
                    part.child_by_field_name("key"),
                    part.child_by_field_name("value").and_then(|value| value.child_by_field_name("right")),
                ),
                _ => (None, None),
            };
            let Some(name) = name else { continue };
            let mut fact = Fact::new(Kind::Env, unquoted(self.src(name)), line(part), end(part));
            if let Some(default) = default {
                fact = fact.with("default", self.value(default, ctx.scope));
            }
            self.fact(fact.with("required", "no"), ctx);
        }
    }

    /// Reads through a service or function: `configService.getOrThrow('X')`, `env.get('X').default('y')`, and schemas.
    pub(super) fn env_call(&mut self, called: &str, given: &[Node<'t>], node: Node<'t>, ctx: Ctx<'t>) {
        let first = given.first().and_then(|first| (plain(*first).kind() == "string").then(|| constant(self.text, *first)).flatten());
        let last = called.rsplit('.').next().unwrap_or("");
        let reads = match called {
            "Deno.env.get" | "env-var.get" => true,
            _ => called.contains("ConfigService.get"),
        };
        if let Some(name) = first
            && reads
        {
            let required = last == "getOrThrow";
            let mut fact = Fact::new(Kind::Env, name, line(node), end(node));
            if let Some(default) = given.get(1).filter(|default| plain(**default).kind() != "object") {
                fact = fact.with("default", self.value(*default, ctx.scope));
            } else if let Some((default, _)) = self.fallback(node, ctx) {
                fact = fact.with("default", default);
            }
            self.fact(fact.with("required", if required { "yes" } else { "no" }), ctx);
            return;
        }
        let schema = matches!(last, "object" | "strictObject")
            && (called.starts_with("zod")
                || called.starts_with("joi")
                || called.starts_with("Joi")
                || called.starts_with("yup")
                || called.starts_with("@hapi/joi"))
            || matches!(
                called,
                "envalid.cleanEnv" | "convict" | "@t3-oss/env-nextjs.createEnv" | "@t3-oss/env-core.createEnv" | "cleanEnv"
            );
        let keyed = called.ends_with(".keys") && (called.starts_with("joi") || called.starts_with("Joi"));
        if !(schema || keyed) {
            return;
        }
        let objects: Vec<Node<'t>> = given.iter().map(|one| plain(*one)).filter(|one| one.kind() == "object").collect();
        for object in objects {
            self.schema(object, called, ctx);
        }
    }

    /// The fields of a schema that are settings: names in capitals, or, with convict, whatever has a format and a default.
    fn schema(&mut self, object: Node<'t>, called: &str, ctx: Ctx<'t>) {
        let mut open = vec![(object, String::new())];
        while let Some((object, prefix)) = open.pop() {
            let mut cursor = object.walk();
            let pairs: Vec<Node<'t>> = object.named_children(&mut cursor).filter(|child| child.kind() == "pair").collect();
            for pair in pairs {
                let (Some(key), Some(value)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value")) else { continue };
                let word = unquoted(self.src(key));
                let name = format!("{prefix}{word}");
                let value = plain(value);
                if value.kind() == "object" {
                    let field = |wanted: &str| self.property(value, wanted);
                    let Some(default) = field("default") else {
                        if prefix.len() < 100 {
                            open.push((value, if word == "server" || word == "client" { String::new() } else { format!("{name}.") }));
                        }
                        continue;
                    };
                    let mut fact = Fact::new(Kind::Setting, name, line(pair), end(pair))
                        .with("class", called)
                        .with("default", self.value(default, ctx.scope))
                        .with("required", "no");
                    if let Some(env) = field("env") {
                        fact = fact.with("env", self.value(env, ctx.scope));
                    }
                    if let Some(format) = field("format") {
                        fact = fact.with("type", self.value(format, ctx.scope));
                    }
                    self.fact(fact, ctx);
                    continue;
                }
                let capital =
                    word.len() > 1 && word.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
                if !capital || value.kind() != "call_expression" {
                    continue;
                }
                self.field(pair, value, name, called, ctx);
            }
        }
    }

    /// One field: `z.coerce.number().default(3000)`.
    fn field(&mut self, pair: Node<'t>, value: Node<'t>, name: String, called: &str, ctx: Ctx<'t>) {
        let (mut fact, mut at) = (Fact::new(Kind::Setting, name, line(pair), end(pair)).with("class", called), value);
        let (mut default, mut optional) = (None, false);
        for _ in 0..20 {
            let Some(function) = at.child_by_field_name("function") else { break };
            let first = at.child_by_field_name("arguments").and_then(|list| list.named_child(0));
            if function.kind() != "member_expression" {
                default =
                    default.or_else(|| first.filter(|first| first.kind() == "object").and_then(|object| self.property(object, "default")));
                break;
            }
            match function.child_by_field_name("property").map(|property| self.src(property)) {
                Some("default") => default = default.or(first),
                Some("optional") => optional = true,
                _ => {}
            }
            match function.child_by_field_name("object") {
                Some(object) if object.kind() == "call_expression" => at = object,
                _ => break,
            }
        }
        let of = self.canonical(at, ctx.scope).unwrap_or_default();
        fact = fact.with("type", of.rsplit('.').next().unwrap_or(""));
        // envalid gives options to the field's own call.
        if default.is_none()
            && let Some(options) =
                at.child_by_field_name("arguments").and_then(|list| list.named_child(0)).filter(|first| first.kind() == "object")
        {
            default = self.property(options, "default");
        }
        let required = default.is_none() && !optional;
        if let Some(default) = default {
            fact = fact.with("default", self.value(default, ctx.scope));
        }
        self.fact(fact.with("required", if required { "yes" } else { "no" }), ctx);
    }

    /// The value of a property of an object.
    pub(super) fn property(&self, object: Node<'t>, wanted: &str) -> Option<Node<'t>> {
        let mut cursor = object.walk();
        let found = object
            .named_children(&mut cursor)
            .find(|pair| pair.kind() == "pair" && pair.child_by_field_name("key").is_some_and(|key| unquoted(self.src(key)) == wanted));
        found.and_then(|pair| pair.child_by_field_name("value"))
    }

    /// A variable that is a setting: read from the environment, or an object of a configuration.
    pub(super) fn settings(&mut self, name: &'t str, value: Node<'t>, ctx: Ctx<'t>) {
        if value.kind() == "object" && ctx.symbol == 0 {
            let lower = name.to_lowercase();
            if ["config", "setting", "option", "env", "flag", "feature"].iter().any(|word| lower.contains(word)) {
                self.configuration(name, value, ctx);
            }
            self.mounts(name, value, ctx);
            self.mounted_by_key(name, value, ctx);
            return;
        }
        if value.kind() == "array" && ctx.symbol == 0 {
            let mut cursor = value.walk();
            let items: Vec<Node<'t>> = value.named_children(&mut cursor).filter(|item| item.kind() == "object").take(200).collect();
            for item in items {
                self.mounts(name, item, ctx);
            }
            return;
        }
        if let Some((env, default)) = self.source(value, ctx) {
            let fact = Fact::new(Kind::Setting, name, line(value), end(value)).with("env", env);
            let fact = match default {
                Some(default) => fact.with("default", default),
                None => fact,
            };
            self.fact(fact.with("required", "no"), ctx);
        }
    }

    /// The variable that a value comes from, with its default: `process.env.X === 'true'` is off where nobody sets it.
    fn source(&self, value: Node<'t>, ctx: Ctx<'t>) -> Option<(&'t str, Option<String>)> {
        let (mut node, mut default) = (plain(value), None);
        for _ in 0..8 {
            if let Some(name) = self.variable(node) {
                return Some((name, default));
            }
            match node.kind() {
                "binary_expression" => {
                    let operator = self.src(node.child_by_field_name("operator")?);
                    let right = node.child_by_field_name("right")?;
                    match operator {
                        "||" | "??" => default = default.or_else(|| Some(self.value(right, ctx.scope))),
                        "===" | "==" => default = default.or_else(|| Some("false".to_owned())),
                        "!==" | "!=" => default = default.or_else(|| Some("true".to_owned())),
                        _ => return None,
                    }
                    node = plain(node.child_by_field_name("left")?);
                }
                "call_expression" => {
                    node = match node.child_by_field_name("arguments").and_then(|list| list.named_child(0)) {
                        Some(first) => plain(first),
                        None => plain(node.child_by_field_name("function")?.child_by_field_name("object")?),
                    };
                }
                _ => return None,
            }
        }
        None
    }

    /// An object of a configuration: each constant or variable in it is a setting.
    pub(super) fn configuration(&mut self, class: &str, object: Node<'t>, ctx: Ctx<'t>) {
        let (mut open, mut count) = (vec![(object, String::new())], 0);
        while let Some((object, prefix)) = open.pop() {
            let mut cursor = object.walk();
            let pairs: Vec<Node<'t>> = object.named_children(&mut cursor).filter(|child| child.kind() == "pair").collect();
            for pair in pairs {
                let (Some(key), Some(value)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value")) else { continue };
                count += 1;
                if count > 300 {
                    return;
                }
                let name = format!("{prefix}{}", unquoted(self.src(key)));
                let value = plain(value);
                if value.kind() == "object" {
                    if prefix.len() < 100 {
                        open.push((value, format!("{name}.")));
                    }
                    continue;
                }
                let mut fact = Fact::new(Kind::Setting, name, line(pair), end(pair)).with("class", class);
                match (constant(self.text, value), self.source(value, ctx)) {
                    (Some(constant), _) => fact = fact.with("default", constant),
                    (None, Some((env, default))) => {
                        fact = fact.with("env", env);
                        if let Some(default) = default {
                            fact = fact.with("default", default);
                        }
                    }
                    _ if value.kind() == "array" && self.constants_only(&items(value)) => {
                        fact = fact.with("default", self.value(value, ctx.scope))
                    }
                    _ => continue,
                }
                self.fact(fact.with("required", "no"), ctx);
            }
        }
    }

    /// `{ path: '/users', route: userRouter }`: a row of a table from which routers are mounted.
    fn mounts(&mut self, name: &str, object: Node<'t>, ctx: Ctx<'t>) {
        let path = ["path", "prefix", "url"].iter().find_map(|key| self.property(object, key)).and_then(|path| constant(self.text, path));
        let Some(path) = path.filter(|path| path.starts_with('/')) else { return };
        let mut fact = Fact::new(Kind::Assign, name, line(object), end(object)).with("path", path);
        let mut cursor = object.walk();
        let mut any = false;
        for pair in object.named_children(&mut cursor) {
            if let Some(value) = pair.child_by_field_name("value")
                && let Some(router) = self.router_named(value, ctx)
            {
                fact = fact.with("mounts", shortened(&router));
                any = true;
            }
        }
        if any {
            self.fact(fact, ctx);
        }
    }

    /// `{ '/users': userRouter, '/songs': require('./songs') }`: the same table as an object.
    fn mounted_by_key(&mut self, name: &str, object: Node<'t>, ctx: Ctx<'t>) {
        let mut cursor = object.walk();
        let pairs: Vec<Node<'t>> = object.named_children(&mut cursor).filter(|pair| pair.kind() == "pair").take(200).collect();
        for pair in pairs {
            let (Some(key), Some(value)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value")) else { continue };
            let path = unquoted(self.src(key));
            if path.starts_with('/')
                && let Some(router) = self.router_named(value, ctx)
            {
                let fact = Fact::new(Kind::Assign, name, line(pair), end(pair)).with("path", path).with("keyed", "yes");
                self.fact(fact.with("mounts", shortened(&router)), ctx);
            }
        }
    }

    /// What a row of a table names: a variable or a module.
    fn router_named(&self, value: Node<'t>, ctx: Ctx<'t>) -> Option<String> {
        match value.kind() {
            "identifier" => self.canonical(value, ctx.scope),
            "call_expression" => self.required(value).map(|module| super::names::module_named(self.path, module)),
            _ => None,
        }
    }
}

fn items(array: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = array.walk();
    array.named_children(&mut cursor).filter(|item| item.kind() != "comment").take(100).collect()
}
