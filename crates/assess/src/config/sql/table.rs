//! The columns and constraints of a table.

use super::{
    about,
    lexer::Token,
    statement::{Cursor, plain},
};
use crate::fact::Fact;

/// A table with everything in its brackets.
pub fn create(mut cursor: Cursor<'_>, name: &str, checked: bool, line: u32, end: u32, out: &mut Vec<Fact>) {
    let place = out.len();
    let mut columns = Vec::new();
    let mut described = Vec::new();
    if cursor.word() == "(" {
        let depth = cursor.tokens.get(cursor.at).map_or(0, |token| token.depth);
        let start = cursor.at + 1;
        cursor.bracket();
        let inside = cursor.tokens.get(start..cursor.at.saturating_sub(1).max(start)).unwrap_or_default();
        for tokens in inside.split(|token| token.word == "," && token.depth == depth + 1) {
            if let Some(column) = part(tokens, name, out) {
                columns.push(column);
                described.push(plain(tokens));
            }
        }
    }
    let rest = cursor.tokens.get(cursor.at..).unwrap_or_default();
    let mut fact = about(format!("create table {name}"), name, line, end).with("columns", columns.join(","));
    fact = fact.with("if-not-exists", if checked { "yes" } else { "no" });
    for column in described {
        fact = fact.with("column", column);
    }
    if let Some(at) = rest.windows(2).position(|pair| matches!(pair, [a, b] if a.word == "partition" && b.word == "by")) {
        fact = fact.with("partition", plain(rest.get(at + 2..).unwrap_or_default()));
    }
    out.insert(place, fact);
}

/// One entry: a column with its constraints, or a constraint of the table. Gives the column's name.
pub fn part(tokens: &[Token], table: &str, out: &mut Vec<Fact>) -> Option<String> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    let (line, end) = (first.line, last.line.max(first.line));
    let mut cursor = Cursor { tokens, at: 0 };
    let constraint = cursor.take(&["constraint"]).then(|| cursor.name());
    let named = |fact: Fact| match &constraint {
        Some(name) => fact.with("constraint", name.clone()),
        None => fact,
    };
    if cursor.take(&["primary", "key"]) {
        let columns = cursor.bracket().unwrap_or_default();
        out.push(named(about("primary key", table, line, end).with("columns", columns)));
        return None;
    }
    if cursor.take(&["foreign", "key"]) {
        if cursor.word() != "(" {
            cursor.name();
        }
        let columns = cursor.bracket().unwrap_or_default();
        out.push(named(foreign(&mut cursor, table, &columns, line, end)));
        return None;
    }
    if cursor.word() == "unique" && (constraint.is_some() || unique_of_table(tokens)) {
        cursor.at += 1;
        while matches!(cursor.word(), "key" | "index") {
            cursor.at += 1;
        }
        if cursor.word() != "(" {
            cursor.name();
        }
        let columns = cursor.bracket().unwrap_or_default();
        out.push(named(about("unique", table, line, end).with("columns", columns)));
        return None;
    }
    if cursor.take(&["check"]) {
        let clause = cursor.bracket().unwrap_or_default();
        out.push(named(about("check", table, line, end).with("clause", clause)));
        return None;
    }
    if matches!(cursor.word(), "index" | "key" | "fulltext") && tokens.iter().any(|token| token.word == "(") && tokens.len() > 3 {
        cursor.at += 1;
        cursor.take(&["key"]);
        let index = if cursor.word() == "(" { String::new() } else { cursor.name() };
        let columns = cursor.bracket().unwrap_or_default();
        out.push(about("create index", table, line, end).with("columns", columns).with("index", index).with("unique", "no"));
        return None;
    }
    if constraint.is_some()
        || matches!(cursor.word(), "exclude" | "like" | "period" | "") && tokens.first().is_some_and(|token| !token.word.is_empty())
    {
        out.push(named(about("constraint", table, line, end).with("clause", plain(tokens))));
        return None;
    }
    let column = cursor.name();
    constraints(cursor, table, &column, out);
    Some(column)
}

/// `unique (a, b)` or `unique key name (a, b)`, and not a column that is called so.
fn unique_of_table(tokens: &[Token]) -> bool {
    tokens.iter().take(4).any(|token| token.word == "(")
}

/// What stands behind a column's type.
fn constraints(mut cursor: Cursor<'_>, table: &str, column: &str, out: &mut Vec<Fact>) {
    while cursor.at < cursor.tokens.len() {
        let line = cursor.tokens.get(cursor.at).map_or(1, |token| token.line);
        let on = |name: &str| about(name, table, line, line).with("columns", column);
        if cursor.take(&["not", "null"]) {
            out.push(on("not null"));
        } else if cursor.take(&["primary", "key"]) {
            out.push(on("primary key"));
        } else if cursor.word() == "unique" {
            cursor.at += 1;
            out.push(on("unique"));
        } else if cursor.take(&["check"]) {
            let clause = cursor.bracket().unwrap_or_default();
            out.push(on("check").with("clause", clause));
        } else if cursor.word() == "references" {
            let fact = foreign(&mut cursor, table, column, line, line);
            out.push(fact);
        } else if cursor.word() == "default" {
            cursor.at += 1;
            let value = cursor.tokens.get(cursor.at).map_or(String::new(), |token| token.text.clone());
            out.push(on("default").with("value", value));
        } else if cursor.word() == "(" {
            cursor.bracket();
        } else {
            cursor.at += 1;
        }
    }
}

/// `references table (columns) on delete cascade`.
fn foreign(cursor: &mut Cursor<'_>, table: &str, columns: &str, line: u32, end: u32) -> Fact {
    let mut fact = about("foreign key", table, line, end).with("columns", columns);
    cursor.take(&["references"]);
    let target = cursor.name();
    let there = cursor.bracket().unwrap_or_default();
    fact = fact.with("references", if there.is_empty() { target } else { format!("{target}({there})") });
    let (mut delete, mut update) = ("none".to_owned(), "none".to_owned());
    while cursor.at < cursor.tokens.len() {
        let which = if cursor.take(&["on", "delete"]) {
            &mut delete
        } else if cursor.take(&["on", "update"]) {
            &mut update
        } else if matches!(cursor.word(), "match" | "deferrable" | "initially" | "deferred" | "immediate" | "full" | "simple" | "valid")
            || matches!(cursor.word(), "not" if cursor.tokens.get(cursor.at + 1).is_some_and(|token| matches!(token.word.as_str(), "deferrable" | "valid")))
        {
            cursor.at += 1;
            continue;
        } else {
            break;
        };
        let verb = cursor.word().to_owned();
        cursor.at += 1;
        *which = match verb.as_str() {
            "set" | "no" => {
                let more = cursor.word().to_owned();
                cursor.at += 1;
                format!("{verb} {more}")
            }
            _ => verb,
        };
    }
    fact.with("on_delete", delete).with("on_update", update)
}
