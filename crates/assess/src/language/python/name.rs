//! Canonical names: what a name in a file stands for, as far as the file itself says.

use std::{cell::Cell, collections::HashMap};

use tree_sitter::Node;

use super::{
    scope::{Bind, Binding, Scopes},
    tree::{bare, children, field, text},
};
use crate::fact::Import;

/// How far a name is followed through assignments.
const DEPTH: u32 = 8;

/// How many steps following names may take in one file.
const STEPS: u32 = 4_000_000;

/// A file with what its names stand for.
pub(super) struct Names<'t> {
    /// Definitions and bindings.
    pub read: Scopes<'t>,
    /// The canonical name of the file as a module.
    pub module: String,
    /// The canonical name of each import.
    pub origins: Vec<String>,
    steps: Cell<u32>,
    class_names: HashMap<u32, String>,
}

/// The canonical name of the module of a path: without extension, dots for slashes.
pub(super) fn module_of(path: &str) -> String {
    let path = path.strip_suffix(".py").unwrap_or(path);
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    if path == "__init__" { String::new() } else { path.replace('/', ".") }
}

/// Two names with a dot between them, or the one that is not empty.
pub(super) fn join(first: &str, second: &str) -> String {
    match (first.is_empty(), second.is_empty()) {
        (true, _) => second.to_owned(),
        (_, true) => first.to_owned(),
        _ => format!("{first}.{second}"),
    }
}

/// What an import is called where nothing is known of other files: relative ones are counted from the path.
pub(super) fn origin(path: &str, import: &Import) -> String {
    let mut module = import.module.clone();
    if import.level > 0 {
        let mut folders: Vec<&str> = path.split('/').collect();
        for _ in 0..import.level {
            folders.pop();
        }
        module = join(&folders.join("."), &module);
    }
    match &import.item {
        Some(item) => join(&module, item),
        None if import.local == import.module && import.local != "*" => import.local.split('.').next().unwrap_or("").to_owned(),
        None => module,
    }
}

impl<'t> Names<'t> {
    /// The names of a file.
    pub fn new(path: &str, read: Scopes<'t>) -> Names<'t> {
        let module = module_of(path);
        let origins = read.imports.iter().map(|import| origin(path, import)).collect();
        let class_names = read
            .symbols
            .iter()
            .enumerate()
            .filter(|(_, symbol)| symbol.class)
            .map(|(number, symbol)| (u32::try_from(number).unwrap_or(0), join(&module, &symbol.name)))
            .collect();
        Names { read, module, origins, steps: Cell::new(0), class_names }
    }
    /// The text of a node.
    pub fn text(&self, node: Node<'_>) -> &'t str {
        text(self.read.text, node)
    }
    /// The canonical name of a definition.
    pub fn symbol(&self, number: u32) -> String {
        self.read.symbols.get(number as usize).map_or_else(String::new, |symbol| join(&self.module, &symbol.name))
    }
    /// Whether a definition is a class.
    pub fn is_class(&self, number: u32) -> bool {
        self.read.symbols.get(number as usize).is_some_and(|symbol| symbol.class)
    }

    /// What a name is bound to, seen from a definition at a byte, and in which definition it was bound.
    pub fn lookup(&self, symbol: u32, name: &str, at: usize) -> Option<(u32, Binding<'t>)> {
        let mut now = symbol;
        for _ in 0..64 {
            let scope = self.read.scopes.get(now as usize)?;
            if (now == symbol || !self.is_class(now))
                && let Some(all) = scope.names.get(name)
            {
                return choose(self.read.text, all, at, now == symbol).map(|binding| (now, binding));
            }
            if now == 0 {
                return None;
            }
            now = self.read.symbols.get(now as usize)?.parent;
        }
        None
    }

    /// The canonical name of a callee, a base or a type: objects are called by their type.
    pub fn path(&self, node: Node<'t>, symbol: u32) -> String {
        normal(&self.path_to(node, symbol, 0))
    }

    fn path_to(&self, node: Node<'t>, symbol: u32, depth: u32) -> String {
        self.steps.set(self.steps.get().saturating_add(1));
        if depth > DEPTH * 6 || self.steps.get() > STEPS {
            return "?".into();
        }
        let node = bare(node);
        match node.kind() {
            "identifier" => self.named(node, symbol, depth),
            "dotted_name" => self.text(node).to_owned(),
            "attribute" => {
                let (Some(object), Some(name)) = (field(node, "object"), field(node, "attribute")) else { return "?".into() };
                let name = self.text(name);
                if let Some(found) = self.of_self(object, name, symbol, depth) {
                    return found;
                }
                let object = self.path_to(object, symbol, depth + 1);
                // A chain of a thousand calls says no more than its first links.
                if object.len() > 300 { object } else { format!("{object}.{name}") }
            }
            "call" => match field(node, "function") {
                Some(function) if function.kind() == "identifier" && self.text(function) == "super" => self.parent_of(symbol, depth),
                Some(function) => self.callee_to(function, symbol, depth + 1),
                None => "?".into(),
            },
            "subscript" => field(node, "value").map_or_else(|| "?".into(), |value| self.path_to(value, symbol, depth + 1)),
            "string" | "concatenated_string" => "str".into(),
            "list" | "list_comprehension" => "list".into(),
            "dictionary" | "dictionary_comprehension" => "dict".into(),
            "set" | "set_comprehension" => "set".into(),
            "tuple" => "tuple".into(),
            "integer" => "int".into(),
            "float" => "float".into(),
            _ => "?".into(),
        }
    }

    /// The canonical name of what a call calls.
    pub fn callee(&self, function: Node<'t>, symbol: u32) -> String {
        normal(&self.callee_to(function, symbol, 0))
    }

    fn callee_to(&self, function: Node<'t>, symbol: u32, depth: u32) -> String {
        let function = bare(function);
        let path = self.path_to(function, symbol, depth);
        // Calling an object is not making one.
        let object = function.kind() == "identifier"
            && matches!(self.lookup(symbol, self.text(function), function.start_byte()), Some((_, Binding { bind: Bind::Value(value, _), .. })) if bare(value).kind() == "call");
        if object { normal(&format!("{path}.__call__")) } else { path }
    }

    fn named(&self, node: Node<'t>, symbol: u32, depth: u32) -> String {
        let name = self.text(node);
        let Some((place, binding)) = self.lookup(symbol, name, node.start_byte()) else {
            return match self.receiver(symbol) {
                Some((receiver, class)) if receiver == name => self.class_names.get(&class).cloned().unwrap_or_default(),
                _ => name.to_owned(),
            };
        };
        let found = match binding.bind {
            Bind::Import(number) => self.origins.get(number).cloned(),
            Bind::Def(number) => Some(self.symbol(number)),
            Bind::Value(value, annotation) if depth < DEPTH => {
                let annotated = annotation.and_then(|annotation| self.annotated(annotation, place, depth + 1));
                annotated.or_else(|| self.type_of(value, place, depth + 1))
            }
            Bind::Param(annotation, default) if depth < DEPTH => {
                let outer = self.read.symbols.get(place as usize).map_or(0, |symbol| symbol.parent);
                let annotated = annotation.and_then(|annotation| self.annotated(annotation, outer, depth + 1));
                annotated
                    .or_else(|| default.and_then(|value| self.type_of(value, outer, depth + 1)).filter(|name| !name.contains("Depends")))
            }
            Bind::Typed(node) if depth < DEPTH => self.annotated(node, place, depth + 1),
            _ => None,
        };
        found.unwrap_or_else(|| if place == 0 { join(&self.module, name) } else { name.to_owned() })
    }

    /// The type of a value, as far as it can be seen.
    fn type_of(&self, value: Node<'t>, symbol: u32, depth: u32) -> Option<String> {
        let value = bare(value);
        match value.kind() {
            "call"
            | "attribute"
            | "identifier"
            | "string"
            | "concatenated_string"
            | "list"
            | "list_comprehension"
            | "dictionary"
            | "dictionary_comprehension"
            | "set"
            | "set_comprehension" => Some(self.path_to(value, symbol, depth)).filter(|path| !path.starts_with('?')),
            "boolean_operator" => {
                let sides = [field(value, "left"), field(value, "right")];
                sides
                    .into_iter()
                    .flatten()
                    .find_map(|side| (side.kind() == "call").then(|| self.type_of(side, symbol, depth + 1)).flatten())
            }
            "conditional_expression" => children(value)
                .into_iter()
                .find_map(|side| (side.kind() == "call").then(|| self.type_of(side, symbol, depth + 1)).flatten()),
            "as_pattern" => children(value).first().and_then(|inner| self.type_of(*inner, symbol, depth + 1)),
            _ => None,
        }
    }

    /// The type that an annotation names: `Optional[T]`, `T | None` and `Annotated[T, ...]` are T.
    pub fn annotated(&self, node: Node<'t>, symbol: u32, depth: u32) -> Option<String> {
        if depth > DEPTH * 2 {
            return None;
        }
        match node.kind() {
            "type" | "parenthesized_expression" => self.annotated(node.named_child(0)?, symbol, depth + 1),
            "identifier" | "attribute" => {
                Some(self.path_to(node, symbol, depth)).filter(|path| !path.starts_with('?') && !PLAIN.contains(&path.as_str()))
            }
            "member_type" => Some(self.text(node).to_owned()),
            "string" => {
                let name = self.text(node).trim_matches(['"', '\'']).to_owned();
                let first = name.split('.').next().unwrap_or("");
                if first.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') {
                    return None;
                }
                let rest = name.get(first.len()..).unwrap_or("").trim_start_matches('.');
                match self.lookup(symbol, first, usize::MAX)?.1.bind {
                    Bind::Import(number) => self.origins.get(number).map(|origin| join(origin, rest)),
                    Bind::Def(number) => Some(join(&self.symbol(number), rest)),
                    _ => None,
                }
            }
            "binary_operator" | "union_type" => children(node)
                .into_iter()
                .filter(|side| self.text(*side) != "None")
                .find_map(|side| self.annotated(side, symbol, depth + 1)),
            "generic_type" | "subscript" => {
                let parts = children(node);
                let (outer, rest) = parts.split_first()?;
                let mut inner: Vec<Node<'t>> = Vec::new();
                for part in rest {
                    if part.kind() == "type_parameter" { inner.extend(children(*part)) } else { inner.push(*part) }
                }
                let name = self.text(*outer);
                let name = name.rsplit('.').next().unwrap_or(name);
                match name {
                    "Optional" | "Annotated" | "ClassVar" | "Final" | "Union" | "Mapped" => {
                        inner.into_iter().find_map(|part| self.annotated(part, symbol, depth + 1))
                    }
                    "type" | "Type" => None,
                    _ => self.annotated(*outer, symbol, depth + 1),
                }
            }
            "call" => Some(self.path_to(node, symbol, depth + 1)),
            _ => None,
        }
    }

    /// What a method calls its object, and the class.
    pub fn receiver(&self, symbol: u32) -> Option<(&'t str, u32)> {
        let scope = self.read.scopes.get(symbol as usize)?;
        Some((scope.receiver?, scope.class?))
    }

    /// `self.name`: a method, or an attribute by its type.
    fn of_self(&self, object: Node<'t>, name: &str, symbol: u32, depth: u32) -> Option<String> {
        let (receiver, class) = self.receiver(symbol)?;
        if object.kind() != "identifier" || self.text(object) != receiver {
            return None;
        }
        let scope = self.read.scopes.get(class as usize)?;
        if depth < DEPTH
            && let Some(all) = scope.own.get(name)
        {
            let own = all.iter().find_map(|(method, binding)| self.bound(binding, *method, depth));
            if own.is_some() {
                return own;
            }
        }
        if depth < DEPTH
            && let Some(all) = scope.names.get(name)
            && let Some(own) = all.iter().find_map(|binding| self.bound(binding, class, depth))
        {
            return Some(own);
        }
        Some(format!("{}.{name}", self.class_names.get(&class)?))
    }

    fn bound(&self, binding: &Binding<'t>, symbol: u32, depth: u32) -> Option<String> {
        match binding.bind {
            Bind::Value(value, annotation) => {
                let annotated = annotation.and_then(|annotation| self.annotated(annotation, symbol, depth + 1));
                annotated.or_else(|| self.type_of(value, symbol, depth + 1)).filter(|path| path.contains('.'))
            }
            Bind::Typed(node) => self.annotated(node, symbol, depth + 1),
            _ => None,
        }
    }

    fn parent_of(&self, symbol: u32, depth: u32) -> String {
        let base = self.receiver(symbol).and_then(|(_, class)| {
            let scope = self.read.scopes.get(class as usize)?;
            Some((*scope.bases.first()?, self.read.symbols.get(class as usize)?.parent))
        });
        base.map_or_else(|| "super".into(), |(base, outer)| self.path_to(base, outer, depth + 1))
    }

    /// The canonical name of a name used as a value: variables of the file's own level are called by the file, others as written.
    pub fn value_name(&self, node: Node<'t>, symbol: u32) -> Option<String> {
        let node = bare(node);
        match node.kind() {
            "identifier" => {
                let name = self.text(node);
                let Some((place, binding)) = self.lookup(symbol, name, node.start_byte()) else { return Some(name.to_owned()) };
                Some(match binding.bind {
                    Bind::Import(number) => normal(self.origins.get(number)?),
                    Bind::Def(number) => self.symbol(number),
                    _ if place == 0 => join(&self.module, name),
                    _ => name.to_owned(),
                })
            }
            "attribute" => {
                let (object, name) = (field(node, "object")?, self.text(field(node, "attribute")?));
                if let Some((receiver, class)) = self.receiver(symbol)
                    && object.kind() == "identifier"
                    && self.text(object) == receiver
                {
                    return Some(format!("{}.{name}", self.class_names.get(&class)?));
                }
                let object = match bare(object).kind() {
                    "identifier" => self.value_name(object, symbol)?,
                    _ => self.path(object, symbol),
                };
                Some(normal(&format!("{object}.{name}")))
            }
            _ => None,
        }
    }
}

/// Types that say nothing of what is called.
const PLAIN: &[&str] = &["None", "Any", "typing.Any", "object", "T"];

/// Of several bindings, the one that counts at a byte: the last before it in the same definition, else the last; `None` only where nothing else is.
fn choose<'t>(source: &str, all: &[Binding<'t>], at: usize, here: bool) -> Option<Binding<'t>> {
    let something = |binding: &&Binding<'t>| !matches!(binding.bind, Bind::Value(value, None) if text(source, value) == "None");
    let before = all.iter().rev().take(200).filter(|binding| !here || binding.at < at).find(something);
    before.or_else(|| all.iter().find(something)).or_else(|| all.last()).copied()
}

/// Where a library offers one thing under several names, the one that is used here.
pub(super) fn normal(name: &str) -> String {
    for (from, to) in RENAMED {
        if let Some(rest) = name.strip_prefix(from)
            && (rest.is_empty() || rest.starts_with('.'))
        {
            return format!("{to}{rest}");
        }
    }
    for (from, to) in OBJECTS {
        if let Some(rest) = name.strip_prefix(from)
            && rest.starts_with('.')
        {
            let rest = rest.strip_prefix(".__call__").unwrap_or(rest);
            return format!("{to}{rest}");
        }
    }
    name.to_owned()
}

const RENAMED: &[(&str, &str)] = &[
    ("fastapi.applications.FastAPI", "fastapi.FastAPI"),
    ("fastapi.routing.APIRouter", "fastapi.APIRouter"),
    ("fastapi.param_functions", "fastapi"),
    ("fastapi.params", "fastapi"),
    ("fastapi.exceptions.HTTPException", "fastapi.HTTPException"),
    ("flask.app.Flask", "flask.Flask"),
    ("flask.blueprints.Blueprint", "flask.Blueprint"),
    ("sqlalchemy.orm.session.Session", "sqlalchemy.orm.Session"),
    ("sqlalchemy.orm.session.sessionmaker", "sqlalchemy.orm.sessionmaker"),
    ("sqlalchemy.ext.asyncio.session.AsyncSession", "sqlalchemy.ext.asyncio.AsyncSession"),
    ("sqlalchemy.sql.text", "sqlalchemy.text"),
    ("sqlalchemy.schema", "sqlalchemy"),
    ("redis.asyncio.client.Redis", "redis.asyncio.Redis"),
    ("redis.client.Redis", "redis.Redis"),
];

/// What calls give, where it has a name of its own: what is called on an engine is not called on `create_engine`.
const OBJECTS: &[(&str, &str)] = &[
    ("sqlalchemy.orm.sessionmaker", "sqlalchemy.orm.Session"),
    ("sqlalchemy.orm.scoped_session", "sqlalchemy.orm.Session"),
    ("sqlalchemy.ext.asyncio.async_sessionmaker", "sqlalchemy.ext.asyncio.AsyncSession"),
    ("sqlalchemy.create_engine", "sqlalchemy.Engine"),
    ("sqlalchemy.ext.asyncio.create_async_engine", "sqlalchemy.ext.asyncio.AsyncEngine"),
    ("flask_sqlalchemy.SQLAlchemy.session", "sqlalchemy.orm.Session"),
    ("logging.getLogger", "logging.Logger"),
    ("structlog.get_logger", "structlog.Logger"),
    ("structlog.stdlib.get_logger", "structlog.Logger"),
];
