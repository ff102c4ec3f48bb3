//! One statement of SQL as facts.

use super::{about, lexer::Token, table};
use crate::fact::{Fact, Kind};

/// A reader's place among tokens.
pub struct Cursor<'a> {
    /// The statement.
    pub tokens: &'a [Token],
    /// The next token.
    pub at: usize,
}

impl<'a> Cursor<'a> {
    /// The next keyword in lower case; empty for strings and at the end.
    pub fn word(&self) -> &'a str {
        self.tokens.get(self.at).map_or("", |token| token.word.as_str())
    }
    /// Steps over these words where they stand here.
    pub fn take(&mut self, words: &[&str]) -> bool {
        let here = words.iter().enumerate().all(|(step, word)| self.tokens.get(self.at + step).is_some_and(|token| token.word == *word));
        if here {
            self.at += words.len();
        }
        here
    }
    /// A name with dots, in lower case where it is not quoted.
    pub fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(token) = self.tokens.get(self.at) {
            if matches!(token.word.as_str(), "(" | ")" | "," | "=") {
                break;
            }
            name.push_str(if token.word.is_empty() { &token.text } else { &token.word });
            self.at += 1;
            if self.word() == "." {
                name.push('.');
                self.at += 1;
            } else {
                break;
            }
        }
        name
    }
    /// The names in the brackets that begin here, separated by commas, and steps over them.
    pub fn bracket(&mut self) -> Option<String> {
        if self.word() != "(" {
            return None;
        }
        let depth = self.tokens.get(self.at)?.depth;
        let start = self.at + 1;
        let close = self
            .tokens
            .iter()
            .skip(start)
            .position(|token| token.word == ")" && token.depth == depth)
            .map_or(self.tokens.len(), |at| start + at);
        self.at = (close + 1).min(self.tokens.len());
        Some(plain(self.tokens.get(start..close).unwrap_or_default()))
    }
}

/// Tokens as text with single spaces, shortened.
pub fn plain(tokens: &[Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        let tight = matches!(token.word.as_str(), "," | ")" | "." | "(") || text.ends_with(['(', '.']);
        if !text.is_empty() && !tight {
            text.push(' ');
        }
        text.push_str(if token.word.is_empty() { &token.text } else { &token.word });
        if text.len() > 400 {
            break;
        }
    }
    text.chars().take(200).collect()
}

/// Adds the facts of a statement.
pub fn facts(tokens: &[Token], out: &mut Vec<Fact>) {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return };
    let (line, end) = (first.line, last.line.max(first.line));
    let mut cursor = Cursor { tokens, at: 1 };
    match first.word.as_str() {
        "create" => create(cursor, line, end, out),
        "alter" => alter(cursor, line, end, out),
        "insert" | "replace" => {
            cursor.take(&["ignore"]);
            cursor.take(&["into"]);
            let name = cursor.name();
            out.push(about("insert", &name, line, end));
        }
        "drop" | "truncate" | "rename" => {
            let what = cursor.word().to_owned();
            cursor.at += 1;
            cursor.take(&["concurrently"]);
            let checked = cursor.take(&["if", "exists"]);
            let name = cursor.name();
            let fact = about(format!("{} {what}", first.word), &name, line, end).with("clause", plain(tokens));
            out.push(if checked { fact.with("if", "exists") } else { fact });
        }
        "update" | "delete" => {
            cursor.take(&["from"]);
            let name = cursor.name();
            out.push(about(first.word.clone(), &name, line, end).with("clause", plain(tokens)));
        }
        "set" | "grant" | "revoke" | "begin" | "start" | "commit" | "comment" | "lock" | "copy" | "do" | "vacuum" | "reindex"
        | "analyze" => {
            let mut name = first.word.clone();
            cursor.take(&["local"]);
            if matches!(name.as_str(), "set" | "grant" | "revoke") {
                name = format!("{name} {}", cursor.word());
            }
            out.push(Fact::new(Kind::Sql, name, line, end).with("clause", plain(tokens)));
        }
        _ => {}
    }
}

fn create(mut cursor: Cursor<'_>, line: u32, end: u32, out: &mut Vec<Fact>) {
    cursor.take(&["or", "replace"]);
    let mut kept = true;
    while matches!(cursor.word(), "temp" | "temporary" | "unlogged" | "global" | "local" | "virtual" | "foreign") {
        kept &= !cursor.word().starts_with("temp");
        cursor.at += 1;
    }
    let unique = cursor.take(&["unique"]);
    while matches!(cursor.word(), "clustered" | "nonclustered" | "fulltext" | "spatial") {
        cursor.at += 1;
    }
    match cursor.word() {
        "table" if kept => {
            cursor.at += 1;
            let checked = cursor.take(&["if", "not", "exists"]);
            let name = cursor.name();
            table::create(cursor, &name, checked, line, end, out);
        }
        "index" => {
            cursor.at += 1;
            let concurrently = cursor.take(&["concurrently"]);
            let checked = cursor.take(&["if", "not", "exists"]);
            let index = if cursor.word() == "on" { String::new() } else { cursor.name() };
            cursor.take(&["on"]);
            cursor.take(&["only"]);
            let name = cursor.name();
            let using = if cursor.take(&["using"]) { cursor.name() } else { String::new() };
            let columns = cursor.bracket().unwrap_or_default();
            let mut fact = about("create index", &name, line, end).with("columns", columns).with("index", index);
            for (key, yes) in [("unique", unique), ("concurrently", concurrently), ("if-not-exists", checked)] {
                fact = fact.with(key, if yes { "yes" } else { "no" });
            }
            if !using.is_empty() {
                fact = fact.with("using", using);
            }
            if let Some(at) = cursor.tokens.iter().skip(cursor.at).position(|token| token.word == "where") {
                fact = fact.with("where", plain(cursor.tokens.get(cursor.at + at + 1..).unwrap_or_default()));
            }
            out.push(fact);
        }
        "" | "(" => {}
        what => {
            let what = what.to_owned();
            let clause = plain(cursor.tokens);
            cursor.at += 1;
            cursor.take(&["view"]);
            cursor.take(&["if", "not", "exists"]);
            let name = cursor.name();
            let on =
                cursor.tokens.iter().position(|token| token.word == "on").map(|at| Cursor { tokens: cursor.tokens, at: at + 1 }.name());
            let fact = Fact::new(Kind::Sql, format!("create {what}"), line, end).with("object", name);
            let fact =
                if matches!(what.as_str(), "trigger" | "policy" | "rule") { fact.with("table", on.unwrap_or_default()) } else { fact };
            out.push(fact.with("clause", clause));
        }
    }
}

fn alter(mut cursor: Cursor<'_>, line: u32, end: u32, out: &mut Vec<Fact>) {
    if !cursor.take(&["table"]) {
        let what = cursor.word().to_owned();
        out.push(Fact::new(Kind::Sql, format!("alter {what}"), line, end).with("clause", plain(cursor.tokens)));
        return;
    }
    cursor.take(&["if", "exists"]);
    cursor.take(&["only"]);
    let name = cursor.name();
    // Each action on its own: they are separated by commas outside brackets.
    let rest = cursor.tokens.get(cursor.at..).unwrap_or_default();
    for action in rest.split(|token| token.word == "," && token.depth == 0) {
        let Some(first) = action.first() else { continue };
        let (line, end) = (first.line, action.last().map_or(first.line, |last| last.line));
        let second = action.get(1).map_or("", |token| token.word.as_str());
        let verb = match (first.word.as_str(), second) {
            ("add", "column" | "constraint")
            | ("drop", "column" | "constraint" | "index")
            | ("alter", "column")
            | ("rename", "column" | "to") => {
                format!("{} {second}", first.word)
            }
            ("add", "primary" | "foreign" | "unique" | "check" | "index" | "key") => "add constraint".to_owned(),
            ("add", _) => "add column".to_owned(),
            ("enable" | "force", "row") => "enable row level security".to_owned(),
            (verb, _) => verb.to_owned(),
        };
        out.push(about(format!("alter table {verb}"), &name, line, end).with("clause", plain(action)));
        if first.word == "add" {
            let mut added = Cursor { tokens: action, at: 1 };
            added.take(&["column"]);
            added.take(&["if", "not", "exists"]);
            // One level down, as if it stood in the brackets of a table.
            table::part(action.get(added.at..).unwrap_or_default(), &name, out);
        }
    }
}
