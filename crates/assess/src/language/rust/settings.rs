//! Configuration as Rust reads it: structs that clap, serde or envy fill.

use tree_sitter::Node;

use super::{extract::Reader, macros::arguments};
use crate::{
    fact::{Fact, Kind},
    language::flow::{clip, lines, text},
};

/// The fields of a struct that is filled from outside.
pub(super) fn class(reader: &mut Reader<'_>, name: &str, derives: &[String], node: Node<'_>) {
    let derived = |word: &str| derives.iter().any(|one| one.rsplit('.').next() == Some(word));
    let lower = name.to_ascii_lowercase();
    let named = ["config", "settings", "options", "args", "cli", "opts"].iter().any(|word| lower.replace("client", "").contains(word));
    let clap = derived("Parser") || derived("Args") || derived("StructOpt") || derived("FromArgs");
    let filled = clap || (named && derived("Deserialize"));
    if !filled {
        return;
    }
    let Some(body) = node.child_by_field_name("body") else { return };
    let mut cursor = body.walk();
    let mut waiting: Vec<String> = Vec::new();
    for child in body.named_children(&mut cursor) {
        if child.kind() == "attribute_item" {
            waiting.push(text(child, reader.source).trim_start_matches("#[").trim_end_matches(']').to_owned());
            continue;
        }
        if child.kind() != "field_declaration" {
            continue;
        }
        let attributes = std::mem::take(&mut waiting);
        let (Some(field), Some(of)) = (child.child_by_field_name("name"), child.child_by_field_name("type")) else { continue };
        let (field, of) = (text(field, reader.source), text(of, reader.source));
        let (line, end) = lines(child);
        let mut fact = Fact::new(Kind::Setting, field, line, end).with("type", clip(of)).with("class", name);
        let mut default = None;
        for attribute in &attributes {
            let Some((kind, inside)) = attribute.split_once('(') else { continue };
            let inside = inside.strip_suffix(')').unwrap_or(inside);
            for (number, (key, value)) in arguments(inside).into_iter().enumerate() {
                let word =
                    key.clone().unwrap_or_else(|| if value.starts_with("default_value_t") { value.clone() } else { number.to_string() });
                match (kind.trim(), word.as_str()) {
                    (_, "default_value" | "default_value_t" | "default_values") => default = Some(value),
                    ("serde", "default") => default = Some(returned(reader, &value).unwrap_or(value)),
                    ("serde", _) if value == "default" => default = Some(of_type(of).to_owned()),
                    (_, "env") => {
                        reader.push(Fact::new(Kind::Env, value.clone(), line, end).with("required", "no"));
                        fact = fact.with("env", value);
                    }
                    (_, _) if value == "env" => fact = fact.with("env", field.to_ascii_uppercase()),
                    _ => {}
                }
            }
        }
        let optional = of.starts_with("Option") || of.starts_with("Vec");
        fact = fact.with("required", if default.is_none() && !optional && !(clap && of == "bool") { "yes" } else { "no" });
        if let Some(default) = default.or_else(|| (clap && of == "bool").then(|| "false".to_owned())) {
            fact = fact.with("default", default);
        }
        reader.push(fact);
    }
}

/// The value of a type's own default.
fn of_type(of: &str) -> &'static str {
    match of {
        "bool" => "false",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" | "f32" | "f64" => "0",
        _ => "",
    }
}

/// What a function without parameters gives, where that stands in this file as a constant: `fn port() -> u16 { 8080 }`.
fn returned(reader: &Reader<'_>, function: &str) -> Option<String> {
    let head = format!("fn {}()", function.trim_matches('"'));
    let rest = reader.source.split(head.as_str()).nth(1)?;
    let body = rest.split_once('{')?.1.split_once('}')?.0.trim();
    let inner = body
        .strip_suffix(".into()")
        .or_else(|| body.strip_suffix(".to_string()"))
        .or_else(|| body.strip_suffix(".to_owned()"))
        .unwrap_or(body);
    let inner = inner.strip_prefix("String::from(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(inner);
    (inner.len() < 200 && !inner.contains(['\n', ';'])).then(|| inner.trim_matches('"').to_owned())
}
