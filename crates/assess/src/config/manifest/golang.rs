//! `go.mod`.

use super::{Declared, MOST, value};
use crate::fact::Extract;

/// Required modules; those that only others need are marked `indirect`.
pub fn module(text: &str) -> Extract {
    let mut extract = Extract::default();
    let mut block = String::new();
    for (line, number) in text.lines().zip(1u32..).take(MOST * 2) {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        let code = code.trim();
        if code == ")" {
            block.clear();
            continue;
        }
        if let Some(word) = code.strip_suffix('(') {
            block = word.trim().to_owned();
            continue;
        }
        let mut words = code.split_whitespace();
        let verb = if block.is_empty() { words.next().unwrap_or_default() } else { block.as_str() };
        match (verb, words.next(), words.next()) {
            ("require", Some(name), Some(version)) => {
                let fact = Declared { name, version, ecosystem: "go", dev: false, pinned: true, line: number }.fact();
                extract.facts.push(if comment.trim() == "indirect" { fact.with("indirect", "yes") } else { fact });
            }
            ("tool", Some(name), None) => {
                extract.facts.push(Declared { name, ecosystem: "go", dev: true, pinned: true, line: number, ..Declared::default() }.fact());
            }
            ("replace", Some(name), _) => extract.facts.push(value(format!("go.replace.{name}"), code, number)),
            ("go", Some(version), None) => extract.facts.push(value("runtime.go", version, number)),
            ("module", Some(name), None) => extract.facts.push(value("go.module", name, number)),
            _ => {}
        }
    }
    extract
}
