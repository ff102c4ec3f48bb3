//! What a file of Go declares and imports, known before its bodies are read.

use std::collections::HashMap;

use tree_sitter::Node;

use super::{canonical, folder, joined};
use crate::{
    fact::Import,
    language::flow::{clip, compact, lines, text},
};

/// A file's own names.
#[derive(Debug, Default)]
pub(super) struct Package {
    /// The folder with dots.
    pub path: String,
    /// The name after `package`.
    pub name: String,
    /// Local name of each import, to its canonical path.
    pub imports: HashMap<String, String>,
    /// The same for people and for linking.
    pub listed: Vec<Import>,
    /// The first result's type of each function, `Type.Method` for methods.
    pub results: HashMap<String, String>,
    /// The type of each field of a struct, by `Type.field`.
    pub fields: HashMap<String, String>,
    /// The constants of the file's own level.
    pub constants: HashMap<String, String>,
    /// The types of variables at the file's own level.
    pub variables: HashMap<String, String>,
}

impl Package {
    /// Reads what stands at the file's own level.
    pub fn read(path: &str, root: Node<'_>, source: &str) -> Package {
        let mut package = Package { path: folder(path), ..Package::default() };
        let mut cursor = root.walk();
        let tops: Vec<Node<'_>> = root.named_children(&mut cursor).collect();
        for node in &tops {
            match node.kind() {
                "package_clause" => package.name = node.named_child(0).map(|name| text(name, source).to_owned()).unwrap_or_default(),
                "import_declaration" => package.import(*node, source),
                _ => {}
            }
        }
        for node in &tops {
            match node.kind() {
                "function_declaration" | "method_declaration" => package.result(*node, source),
                "type_declaration" => package.declared(*node, source),
                "const_declaration" => package.constant(*node, source),
                "var_declaration" => package.variable(*node, source),
                _ => {}
            }
        }
        package
    }

    fn import(&mut self, node: Node<'_>, source: &str) {
        let mut waiting = vec![node];
        while let Some(node) = waiting.pop() {
            if node.kind() != "import_spec" {
                let mut cursor = node.walk();
                let mut inner: Vec<_> = node.named_children(&mut cursor).collect();
                inner.reverse();
                waiting.extend(inner);
                continue;
            }
            let Some(path) = node.child_by_field_name("path") else { continue };
            let module = text(path, source).trim_matches(['"', '`']).to_owned();
            let plain = canonical(&module);
            let last = plain.rsplit('/').next().unwrap_or(&plain);
            let last = last.strip_prefix("go-").or_else(|| last.strip_suffix("-go")).unwrap_or(last).replace('-', "");
            let local = node.child_by_field_name("name").map_or(last, |name| text(name, source).to_owned());
            let shown = if local == "." { "*".to_owned() } else { local.clone() };
            self.listed.push(Import { local: shown, module, item: None, level: 0, line: lines(node).0, symbol: 0, optional: false });
            // A package is often called by the last word of its folder: `routing` of `ozzo-routing`, `nats` of `nats.go`.
            if node.child_by_field_name("name").is_none() {
                let end = plain.rsplit('/').next().unwrap_or(&plain);
                let short = end.strip_suffix(".go").or_else(|| end.rsplit_once('-').map(|(_, short)| short).filter(|short| *short != "go"));
                if let Some(short) = short {
                    self.imports.entry(short.to_owned()).or_insert_with(|| plain.clone());
                }
            }
            if local != "_" && local != "." {
                self.imports.insert(local, plain);
            }
        }
    }

    /// The canonical name of a type; pointers are what they point to.
    pub fn named(&self, node: Node<'_>, source: &str) -> Option<String> {
        let mut node = node;
        let mut many = "";
        for _ in 0..16 {
            match node.kind() {
                "pointer_type" | "parenthesized_type" => node = node.named_child(0)?,
                "generic_type" => node = node.child_by_field_name("type")?,
                "slice_type" | "array_type" => {
                    node = node.child_by_field_name("element")?;
                    many = "[]";
                }
                "map_type" => return Some("map".into()),
                "channel_type" => return Some("chan".into()),
                "function_type" => return Some("func".into()),
                "parameter_list" => {
                    let first = node.named_child(0)?;
                    node = first.child_by_field_name("type").unwrap_or(first);
                }
                "qualified_type" => {
                    let package = text(node.child_by_field_name("package")?, source);
                    let name = text(node.child_by_field_name("name")?, source);
                    let module = self.imports.get(package).map_or(package, String::as_str);
                    return Some(format!("{many}{module}.{name}"));
                }
                "type_identifier" => return Some(format!("{many}{}", self.own(text(node, source)))),
                _ => return None,
            }
        }
        None
    }

    /// The canonical name of a name of this package, builtins excepted.
    pub fn own(&self, name: &str) -> String {
        if BUILTIN.contains(&name) { name.to_owned() } else { joined(&self.path, name) }
    }

    fn result(&mut self, node: Node<'_>, source: &str) {
        let (Some(name), Some(result)) = (node.child_by_field_name("name"), node.child_by_field_name("result")) else { return };
        let Some(result) = self.named(result, source) else { return };
        let name = match receiver(node, source) {
            Some((_, class)) => format!("{class}.{}", text(name, source)),
            None => text(name, source).to_owned(),
        };
        self.results.insert(self.own(&name), result);
    }

    fn declared(&mut self, node: Node<'_>, source: &str) {
        let mut cursor = node.walk();
        for spec in node.named_children(&mut cursor) {
            let (Some(name), Some(kind)) = (spec.child_by_field_name("name"), spec.child_by_field_name("type")) else { continue };
            if kind.kind() != "struct_type" {
                continue;
            }
            for (field, node) in fields(kind, source) {
                if let Some(of) = node.child_by_field_name("type").and_then(|of| self.named(of, source)) {
                    self.fields.insert(format!("{}.{field}", self.own(text(name, source))), of);
                }
            }
        }
    }

    fn constant(&mut self, node: Node<'_>, source: &str) {
        let mut cursor = node.walk();
        for spec in node.named_children(&mut cursor) {
            let (Some(name), Some(values)) = (spec.child_by_field_name("name"), spec.child_by_field_name("value")) else { continue };
            let Some(value) = values.named_child(0) else { continue };
            let plain = constant(value, source).unwrap_or_else(|| compact(text(value, source)));
            self.constants.insert(text(name, source).to_owned(), plain);
        }
    }

    fn variable(&mut self, node: Node<'_>, source: &str) {
        let mut waiting = vec![node];
        while let Some(node) = waiting.pop() {
            if node.kind() != "var_spec" {
                let mut cursor = node.walk();
                waiting.extend(node.named_children(&mut cursor));
                continue;
            }
            if let (Some(name), Some(of)) = (node.child_by_field_name("name"), node.child_by_field_name("type"))
                && let Some(of) = self.named(of, source)
            {
                self.variables.insert(text(name, source).to_owned(), of);
            }
        }
    }
}

/// The fields of a struct, an embedded one by its type's name.
pub(super) fn fields<'t>(node: Node<'t>, source: &str) -> Vec<(String, Node<'t>)> {
    let Some(list) = node.named_child(0) else { return Vec::new() };
    let mut cursor = list.walk();
    let mut out = Vec::new();
    for field in list.named_children(&mut cursor).filter(|node| node.kind() == "field_declaration") {
        let mut inner = field.walk();
        let names: Vec<Node<'t>> = field.children_by_field_name("name", &mut inner).collect();
        if names.is_empty()
            && let Some(of) = field.child_by_field_name("type")
        {
            let written = text(of, source).trim_start_matches('*');
            out.push((written.rsplit('.').next().unwrap_or(written).to_owned(), field));
        }
        out.extend(names.into_iter().map(|name| (text(name, source).to_owned(), field)));
    }
    out
}

/// A method's receiver: its name and its type's name.
pub(super) fn receiver(node: Node<'_>, source: &str) -> Option<(String, String)> {
    let declared = node.child_by_field_name("receiver")?.named_child(0)?;
    let of = declared.child_by_field_name("type")?;
    let class: String = text(of, source).trim_start_matches('*').chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    Some((declared.child_by_field_name("name").map(|name| text(name, source).to_owned()).unwrap_or_default(), class))
}

/// The plain text of a literal.
pub(super) fn constant(node: Node<'_>, source: &str) -> Option<String> {
    let written = text(node, source);
    Some(match node.kind() {
        "interpreted_string_literal" => clip(&unescaped(written.trim_matches('"'))),
        "raw_string_literal" => clip(written.trim_matches('`')),
        "int_literal" | "float_literal" => written.replace('_', ""),
        "rune_literal" => written.trim_matches('\'').to_owned(),
        "true" | "false" | "nil" => written.to_owned(),
        _ => return None,
    })
}

fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let (mut out, mut marked) = (String::new(), false);
    for character in text.chars() {
        if marked {
            out.push(match character {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            });
            marked = false;
        } else if character == '\\' {
            marked = true;
        } else {
            out.push(character);
        }
    }
    out
}

const BUILTIN: &[&str] = &[
    "append",
    "cap",
    "clear",
    "close",
    "complex",
    "copy",
    "delete",
    "imag",
    "len",
    "make",
    "max",
    "min",
    "new",
    "panic",
    "print",
    "println",
    "real",
    "recover",
    "bool",
    "byte",
    "complex64",
    "complex128",
    "error",
    "float32",
    "float64",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "rune",
    "string",
    "uint",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uintptr",
    "any",
    "comparable",
    "iota",
    "nil",
    "true",
    "false",
    "_",
];
