//! What a file of Rust imports and declares, known before its bodies are read.

use std::collections::HashMap;

use tree_sitter::Node;

use super::module;
use crate::{
    fact::Import,
    language::flow::{lines, text},
};

/// A file's own names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The file's module path with dots.
    pub path: String,
    /// Local name to canonical path.
    pub imports: HashMap<String, String>,
    /// The same for linking.
    pub listed: Vec<Import>,
    /// Result types by canonical name, `Type.method` for methods.
    pub results: HashMap<String, String>,
    /// Types of fields by `Type.field`.
    pub fields: HashMap<String, String>,
    /// Constants by name.
    pub constants: HashMap<String, String>,
    /// Names that the file declares.
    pub own: std::collections::HashSet<String>,
    /// Those of functions: nothing is below them, so `rocket::build` beside `fn rocket` is the crate's.
    functions: std::collections::HashSet<String>,
}

impl Names {
    /// Reads what stands at the file's own level and in modules inside it.
    pub fn read(path: &str, root: Node<'_>, source: &str) -> Names {
        let mut names = Names { path: module(path), ..Names::default() };
        let mut waiting = vec![(root, 0)];
        let mut later = Vec::new();
        while let Some((node, depth)) = waiting.pop() {
            let mut cursor = node.walk();
            for child in node.named_children(&mut cursor) {
                match child.kind() {
                    "use_declaration" => names.used(child, source),
                    "mod_item" => {
                        if let (Some(body), true) = (child.child_by_field_name("body"), depth < 16) {
                            waiting.push((body, depth + 1));
                        } else if let Some(name) = child.child_by_field_name("name") {
                            let name = text(name, source);
                            let line = lines(child).0;
                            names.listed.push(Import {
                                local: name.to_owned(),
                                module: format!("self::{name}"),
                                item: None,
                                level: 0,
                                line,
                                symbol: 0,
                                optional: false,
                            });
                            let folder = super::inner(path).replace('/', ".");
                            let full = if folder.is_empty() { name.to_owned() } else { format!("{folder}.{name}") };
                            names.imports.entry(name.to_owned()).or_insert(full);
                        }
                    }
                    "function_item" | "struct_item" | "enum_item" | "trait_item" | "const_item" | "static_item" | "type_item"
                    | "union_item" => {
                        if let Some(name) = child.child_by_field_name("name") {
                            names.own.insert(text(name, source).to_owned());
                            if child.kind() == "function_item" {
                                names.functions.insert(text(name, source).to_owned());
                            }
                        }
                        later.push(child);
                    }
                    "impl_item" => later.push(child),
                    _ => {}
                }
            }
        }
        for node in later {
            names.declared(node, source);
        }
        names
    }

    fn used(&mut self, node: Node<'_>, source: &str) {
        let Some(argument) = node.child_by_field_name("argument") else { return };
        let line = lines(node).0;
        let written: String = text(argument, source).split_whitespace().collect::<Vec<_>>().join(" ");
        for (path, local) in spread(&written) {
            let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
            if parts.last() == Some(&"self") {
                parts.pop();
            }
            let Some((last, before)) = parts.split_last() else { continue };
            let local = local.unwrap_or_else(|| (*last).to_owned());
            if *last == "*" {
                self.listed.push(Import {
                    local: "*".into(),
                    module: before.join("::"),
                    item: None,
                    level: 0,
                    line,
                    symbol: 0,
                    optional: false,
                });
                if let Some(known) = PRELUDES.iter().find(|(module, _)| *module == before.join("::")) {
                    for name in known.1 {
                        self.imports.insert(
                            (*name).to_owned(),
                            (*name).replacen("", &format!("{}.", before.join(".").trim_end_matches(".prelude")), 1),
                        );
                    }
                }
                continue;
            }
            let (module, item) = if before.is_empty() { ((*last).to_owned(), None) } else { (before.join("::"), Some((*last).to_owned())) };
            self.listed.push(Import { local: local.clone(), module, item, level: 0, line, symbol: 0, optional: false });
            if local != "_" {
                let full = self.absolute(&parts);
                self.imports.insert(local, full);
            }
        }
    }

    /// A path with dots; what begins in this crate is written from the root of the tree.
    pub fn absolute(&self, parts: &[&str]) -> String {
        let first = parts.first().copied().unwrap_or_default();
        let file = self.path.replace('.', "/") + ".rs";
        let (base, skip) = match first {
            "crate" => (super::home(&file).replace('/', "."), 1),
            "self" => (super::inner(&file).replace('/', "."), 1),
            "super" => {
                let up = parts.iter().take_while(|part| **part == "super").count();
                let mut folder = super::inner(&file);
                for _ in 0..up {
                    folder = folder.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
                }
                (folder.replace('/', "."), up)
            }
            _ => return parts.join("."),
        };
        let rest = parts.get(skip..).unwrap_or_default().join(".");
        match (base.is_empty(), rest.is_empty()) {
            (true, _) => rest,
            (_, true) => base,
            _ => format!("{base}.{rest}"),
        }
    }

    /// The canonical form of a path as it is written.
    pub fn canonical(&self, written: &str) -> String {
        let plain = without_generics(written);
        let parts: Vec<&str> = plain.split("::").map(str::trim).filter(|part| !part.is_empty()).collect();
        let Some((first, rest)) = parts.split_first() else { return String::new() };
        if matches!(*first, "crate" | "self" | "super") {
            return self.absolute(&parts);
        }
        let base = if let Some(full) = self.imports.get(*first) {
            full.clone()
        } else if self.own.contains(*first) && (rest.is_empty() || !self.functions.contains(*first)) {
            format!("{}.{first}", self.path)
        } else {
            (*first).to_owned()
        };
        if rest.is_empty() { base } else { format!("{base}.{}", rest.join(".")) }
    }

    /// The canonical name of a type; references, boxes and results are what they hold.
    pub fn named(&self, node: Node<'_>, source: &str) -> Option<String> {
        let mut node = node;
        for _ in 0..16 {
            match node.kind() {
                "reference_type" => node = node.child_by_field_name("type")?,
                "generic_type" => {
                    let outer = text(node.child_by_field_name("type")?, source);
                    let last = outer.rsplit("::").next().unwrap_or(outer);
                    if !HOLDERS.contains(&last) {
                        return Some(self.canonical(outer));
                    }
                    let arguments = node.child_by_field_name("type_arguments")?;
                    let mut cursor = arguments.walk();
                    let first = arguments.named_children(&mut cursor).find(|node| node.kind() != "lifetime")?;
                    node = first;
                }
                "dynamic_type" | "abstract_type" => node = node.child_by_field_name("trait")?,
                "bounded_type" | "higher_ranked_trait_bound" => node = node.named_child(0)?,
                "type_identifier" | "scoped_type_identifier" | "identifier" | "scoped_identifier" => {
                    return Some(self.canonical(text(node, source)));
                }
                "primitive_type" => return Some(text(node, source).to_owned()),
                _ => return None,
            }
        }
        None
    }

    fn declared(&mut self, node: Node<'_>, source: &str) {
        match node.kind() {
            "function_item" => {
                if let (Some(name), Some(of)) = (node.child_by_field_name("name"), node.child_by_field_name("return_type"))
                    && let Some(of) = self.named(of, source)
                {
                    self.results.insert(format!("{}.{}", self.path, text(name, source)), of);
                }
            }
            "struct_item" => {
                let (Some(name), Some(body)) = (node.child_by_field_name("name"), node.child_by_field_name("body")) else { return };
                let class = format!("{}.{}", self.path, text(name, source));
                let mut cursor = body.walk();
                for field in body.named_children(&mut cursor).filter(|field| field.kind() == "field_declaration") {
                    if let (Some(name), Some(of)) = (field.child_by_field_name("name"), field.child_by_field_name("type"))
                        && let Some(of) = self.named(of, source)
                    {
                        self.fields.insert(format!("{class}.{}", text(name, source)), of);
                    }
                }
            }
            "impl_item" => {
                let (Some(of), Some(body)) = (node.child_by_field_name("type"), node.child_by_field_name("body")) else { return };
                let Some(class) = self.named(of, source) else { return };
                let mut cursor = body.walk();
                for method in body.named_children(&mut cursor).filter(|node| node.kind() == "function_item") {
                    if let (Some(name), Some(result)) = (method.child_by_field_name("name"), method.child_by_field_name("return_type"))
                        && let Some(result) = self.named(result, source)
                    {
                        let result = if result == "Self" { class.clone() } else { result };
                        self.results.insert(format!("{class}.{}", text(name, source)), result);
                    }
                }
            }
            "const_item" | "static_item" => {
                if let (Some(name), Some(value)) = (node.child_by_field_name("name"), node.child_by_field_name("value"))
                    && let Some(plain) = constant(value, source)
                {
                    self.constants.insert(text(name, source).to_owned(), plain);
                }
            }
            _ => {}
        }
    }
}

/// `a::{b, c as d, e::{f}}` as single paths.
fn spread(written: &str) -> Vec<(String, Option<String>)> {
    let mut out = Vec::new();
    let mut prefixes: Vec<String> = vec![String::new()];
    let mut now = String::new();
    let finish = |now: &mut String, prefix: &str, out: &mut Vec<(String, Option<String>)>| {
        let one = now.trim();
        if !one.is_empty() && out.len() < 500 {
            let (path, local) = one.split_once(" as ").map_or((one, None), |(path, local)| (path, Some(local.trim().to_owned())));
            out.push((format!("{prefix}{}", path.trim()), local));
        }
        now.clear();
    };
    for character in written.chars() {
        match character {
            '{' => {
                let prefix = prefixes.last().cloned().unwrap_or_default();
                // The bound keeps hostile nesting from growing prefixes without end.
                prefixes.push(if prefixes.len() < 32 { format!("{prefix}{}", now.trim()) } else { prefix });
                now.clear();
            }
            '}' => {
                let prefix = prefixes.pop().unwrap_or_default();
                finish(&mut now, &prefix, &mut out);
            }
            ',' => {
                let prefix = prefixes.last().cloned().unwrap_or_default();
                finish(&mut now, &prefix, &mut out);
            }
            other => now.push(other),
        }
    }
    finish(&mut now, "", &mut out);
    out.into_iter().map(|(path, local)| (path.trim_start_matches("::").to_owned(), local)).collect()
}

/// A path without what stands in angle brackets.
pub(super) fn without_generics(written: &str) -> String {
    let (mut out, mut depth) = (String::new(), 0usize);
    for character in written.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            other if depth == 0 && !other.is_whitespace() => out.push(other),
            _ => {}
        }
    }
    out.replace("::::", "::").trim_end_matches("::").to_owned()
}

/// The plain text of a literal.
pub(super) fn constant(node: Node<'_>, source: &str) -> Option<String> {
    let written = text(node, source);
    Some(match node.kind() {
        "string_literal" => {
            crate::language::flow::clip(written.trim_start_matches('b').trim_matches('"')).replace("\\n", "\n").replace("\\\"", "\"")
        }
        "raw_string_literal" => crate::language::flow::clip(written.trim_start_matches(['b', 'r']).trim_matches('#').trim_matches('"')),
        "integer_literal" | "float_literal" => {
            let digits = written.replace('_', "");
            let suffix = if digits.starts_with("0x") { None } else { digits.find(['u', 'i', 'f']) };
            suffix.map_or(digits.clone(), |at| digits.chars().take(at).collect())
        }
        "boolean_literal" | "char_literal" => written.trim_matches('\'').to_owned(),
        "negative_literal" => written.to_owned(),
        _ => return None,
    })
}

const HOLDERS: &[&str] =
    &["Arc", "Box", "Rc", "Option", "Result", "Pin", "Mutex", "RwLock", "Cow", "OnceCell", "OnceLock", "LazyLock", "Lazy"];

const PRELUDES: &[(&str, &[&str])] = &[
    ("axum::routing", &["get", "post", "put", "delete", "patch", "any", "head", "options"]),
    ("actix_web", &["web", "App", "HttpServer", "HttpResponse", "middleware", "get", "post", "put", "delete", "patch"]),
    ("warp", &["Filter"]),
    ("rocket", &["get", "post", "put", "delete", "patch", "routes", "catchers", "catch", "launch"]),
];
