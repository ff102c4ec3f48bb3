//! What a schema says: tables, keys, constraints and indexes in `.sql` files.

mod lexer;
mod statement;
mod table;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::fact::{Extract, Fact, Kind};

/// More facts than this are not taken from one file.
const MOST: usize = 20_000;

/// Reads a file of SQL.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let ending = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    if !matches!(ending.as_str(), "sql" | "ddl" | "pgsql" | "psql") {
        return None;
    }
    Some(("sql", Extract { facts: statements(text, 1), ..Extract::default() }))
}

/// The facts of SQL that begins at this line of its file. Rows that are written count once for each table.
pub fn statements(text: &str, line: u32) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut written: BTreeSet<String> = BTreeSet::new();
    for tokens in lexer::statements(text, line) {
        let before = facts.len();
        statement::facts(&tokens, &mut facts);
        if facts.len() == before + 1 && facts.last().is_some_and(|fact| fact.name == "insert") {
            let table = facts.last().and_then(|fact| fact.get("table")).unwrap_or_default().to_owned();
            if !written.insert(table) {
                facts.pop();
            }
        }
        if facts.len() >= MOST {
            break;
        }
    }
    facts
}

/// A fact of SQL about a table.
pub fn about(name: impl Into<String>, table: &str, line: u32, end: u32) -> Fact {
    Fact::new(Kind::Sql, name, line, end).with("table", table)
}
