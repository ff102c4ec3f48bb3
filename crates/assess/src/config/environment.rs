//! Files of environment variables: `.env`, `.env.example`, `prod.env`.

use crate::fact::{Extract, Fact, Kind};

use super::{
    base,
    sheet::{self, Sheet, yes},
};

/// Whether a path is such a file.
pub fn is(path: &str) -> bool {
    let name = base(path).to_ascii_lowercase();
    let code = [".ts", ".js", ".py", ".go", ".rs", ".java", ".md", ".json", ".yml", ".yaml", ".sh", ".toml", ".mjs", ".tsx"];
    let named = name == ".env"
        || name.starts_with(".env.")
        || name.starts_with(".env-")
        || name.starts_with(".env_")
        || name.ends_with(".env")
        || matches!(
            name.as_str(),
            ".envrc" | ".flaskenv" | "env.example" | "env.sample" | "env.template" | "dotenv" | "environment.example"
        );
    named && !code.iter().any(|end| name.ends_with(end))
}

/// Whether such a file is one that shows what to set, and sets nothing itself.
pub fn is_example(path: &str) -> bool {
    let name = base(path).to_ascii_lowercase();
    ["example", "sample", "template", "dist", "default", "tpl"].iter().any(|word| name.contains(word))
}

/// Reads such a file.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    if !is(path) {
        return None;
    }
    let example = yes(is_example(path));
    let mut sheet = Sheet::default();
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((key, value)) = line.split_once('=') else { continue };
        let key = key.trim();
        let named = !key.is_empty() && key.len() <= 120 && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if line.starts_with('#') || !named {
            continue;
        }
        sheet.push(Fact::new(Kind::EnvFile, key, number, number).with("value", sheet::value(unquoted(value))).with("example", example));
    }
    Some(("env", sheet.done()))
}

/// A value without its quotes, or without the comment behind it.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or(rest);
        }
    }
    value.split(" #").next().unwrap_or(value).trim_end()
}
