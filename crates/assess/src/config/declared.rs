//! What a program declares of its schema: statements of SQL in its texts, Knex's builder, tables of
//! Drizzle and Sequelize, tags of GORM, migrations of SeaORM. Said in the words in which files of SQL say it.

use std::{ops::Range, sync::OnceLock};

use regex::Regex;

use super::{base, sql};
use crate::fact::{Extract, Fact, Kind};

/// The most facts that are taken from one file.
const MOST: usize = 5_000;
/// Texts that are shorter are whole in their fact.
const WHOLE: usize = 190;

/// An expression of ours that is built once.
macro_rules! expression {
    ($name:ident, $text:expr) => {
        fn $name() -> &'static Regex {
            static BUILT: OnceLock<Regex> = OnceLock::new();
            #[allow(clippy::expect_used)]
            BUILT.get_or_init(|| Regex::new($text).expect("an expression of ours can be built"))
        }
    };
}

expression!(defines, r#"(?i)^\s*(create\s+(unique\s+)?(table|index)\b|alter\s+table\b)"#);
expression!(joined, r#"["']\s*\+?[ \t]*\\?\r?\n\s*[frFR]?["']"#);
expression!(pasted, r"\$?\{[^{}\n]{0,80}\}");
expression!(quoted, r#"["'`]([^"'`\n]{1,80})["'`]"#);
expression!(
    table_of_knex,
    r#"\b(createTable|createTableIfNotExists|alterTable|table)\(\s*["'`](\w+)["'`]\s*,\s*(?:async\s*)?(?:function\s*\w*\s*)?\(?\s*(\w+)"#
);
expression!(table_of_drizzle, r#"\b(?:pgTable|mysqlTable|sqliteTable)\(\s*["'`](\w+)["'`]"#);
expression!(entry_of_drizzle, r"(?m)^\s*(\w+)\s*:\s*\w+\(|\b(?:uniqueIndex|index|foreignKey)\(");
expression!(
    table_of_sequelize,
    r#"\b(?:sequelize|db|connection)\.define(?:<[^>\n]*>)?\(\s*["'`](\w+)["'`]|\bqueryInterface\.createTable\(\s*["'`](\w+)["'`]|\b(\w+)\.init\(\s*\{"#
);
expression!(entry_of_sequelize, r"(?m)^\s*(\w+)\s*:\s*\{");
expression!(struct_of_go, r"^type\s+(\w+)\s+struct\b");
expression!(field_of_gorm, r#"^\s*(\w+)\s+\S+.*\bgorm:"([^"]*)""#);
expression!(
    rule_on_delete,
    r#"(?i)\bon_?delete["']?\s*(?:\(\s*|:\s*)["'`]?(?:ForeignKeyAction::)?([a-z]+(?:[ _]?(?:null|action|default))?)"#
);

/// Adds what the texts and builders of a program declare.
pub fn beside(path: &str, text: &str, extract: &mut Extract) {
    if for_tests(path) {
        return;
    }
    let mut found = texts(text, extract);
    match path.rsplit('.').next().unwrap_or_default() {
        "js" | "cjs" | "mjs" | "ts" | "cts" | "mts" => {
            knex(text, &mut found);
            drizzle(text, &mut found);
            sequelize(text, &mut found);
        }
        "go" => gorm(text, &mut found),
        "rs" if text.contains("MigrationTrait") => sea(text, &mut found),
        _ => {}
    }
    found.truncate(MOST);
    extract.facts.extend(found);
}

fn for_tests(path: &str) -> bool {
    let name = base(path);
    let segment = |part: &str| matches!(part, "test" | "tests" | "__tests__" | "testdata" | "spec" | "e2e" | "fixtures");
    path.split('/').any(segment)
        || ["_test.", ".test.", ".spec.", "conftest"].iter().any(|part| name.contains(part))
        || name.starts_with("test_")
}

/// Statements that define something, in texts of the program.
fn texts(text: &str, extract: &Extract) -> Vec<Fact> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for fact in extract.facts.iter().filter(|fact| fact.kind == Kind::Text && fact.get("shape") == Some("sql")) {
        let Some(value) = fact.get("value").filter(|value| defines().is_match(value)) else { continue };
        let statement = if value.chars().count() < WHOLE {
            value.to_owned()
        } else {
            let first = (fact.line as usize).saturating_sub(1);
            written(&lines.get(first..(fact.end as usize).min(lines.len())).unwrap_or_default().join("\n"))
        };
        let whole = statement.replace("\\\"", "\"");
        let told = sql::statements(&pasted().replace_all(&whole, ""), fact.line);
        found.extend(told.into_iter().map(|one| Fact { end: one.end.min(fact.end.max(one.line)), ..one }.within(fact.symbol)));
        if found.len() >= MOST {
            break;
        }
    }
    found
}

/// The text that begins with a definition among lines of a program, without what stands around it.
fn written(lines: &str) -> String {
    let lower = lines.to_ascii_lowercase();
    let Some(start) = ["create", "alter"].iter().filter_map(|word| lower.find(word)).min() else { return String::new() };
    let (before, rest) = lines.split_at(start);
    let Some(quote) = before.chars().rev().find(|sign| !sign.is_whitespace()).filter(|sign| matches!(sign, '"' | '\'' | '`')) else {
        return rest.to_owned();
    };
    let rest = joined().replace_all(rest, "\n");
    let mut escaped = false;
    let end = rest.char_indices().find(|(_, sign)| {
        let ends = *sign == quote && !escaped;
        escaped = *sign == '\\' && !escaped;
        ends
    });
    // SQL quotes with the signs that texts begin with: within three of them only three end it.
    let three: String = std::iter::repeat_n(quote, 3).collect();
    let end = if before.trim_end().ends_with(&three) { rest.find(&three) } else { end.map(|(at, _)| at) };
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().to_owned()
}

/// Counts lines as places come along.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u32,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Lines<'t> {
        Lines { text, at: 0, line: 1 }
    }
    fn of(&mut self, place: usize) -> u32 {
        if place < self.at {
            (self.at, self.line) = (0, 1);
        }
        let passed = self.text.as_bytes().get(self.at..place).unwrap_or_default();
        self.line += u32::try_from(passed.iter().filter(|byte| **byte == b'\n').count()).unwrap_or(0);
        self.at = place.max(self.at);
        self.line
    }
}

/// From each beginning to the next one.
fn parts(beginnings: &[usize], end: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    beginnings.iter().enumerate().map(move |(number, start)| *start..beginnings.get(number + 1).copied().unwrap_or(end))
}

fn on(kind: &str, table: &str, columns: &str, line: u32) -> Fact {
    sql::about(kind, table, line, line).with("columns", columns)
}

/// A foreign key with what it says of deletion.
fn key(table: &str, columns: &str, line: u32, part: &str) -> Fact {
    let rule = rule_on_delete().captures(part).and_then(|said| said.get(1)).map_or("none".to_owned(), |rule| {
        let rule = rule.as_str().to_ascii_lowercase().replace('_', " ");
        if rule == "setnull" { "set null".to_owned() } else { rule }
    });
    on("foreign key", table, columns, line).with("on_delete", rule)
}

/// The facts of the words that stand in the part of one column.
fn marks(words: &[(&str, &str)], part: &str, table: &str, column: &str, line: u32, found: &mut Vec<Fact>) {
    for (word, kind) in words {
        if part.contains(word) {
            found.push(if *kind == "foreign key" { key(table, column, line, part) } else { on(kind, table, column, line) });
        }
    }
}

fn knex(text: &str, found: &mut Vec<Fact>) {
    const WORDS: &[(&str, &str)] = &[
        (".notNullable(", "not null"),
        (".unique(", "unique"),
        (".primary(", "primary key"),
        (".index(", "create index"),
        (".references(", "foreign key"),
    ];
    if !text.contains("createTable") && !text.contains("alterTable") && !text.contains("schema.table") {
        return;
    }
    let mut lines = Lines::new(text);
    let tables: Vec<_> = table_of_knex().captures_iter(text).collect();
    let beginnings: Vec<usize> = tables.iter().filter_map(|table| table.get(0)).map(|whole| whole.end()).collect();
    for (captures, range) in tables.iter().zip(parts(&beginnings, text.len())) {
        let (Some(how), Some(table), Some(builder)) = (captures.get(1), captures.get(2), captures.get(3)) else { continue };
        let line = lines.of(how.start());
        if how.as_str().starts_with("create") {
            found.push(sql::about(format!("create table {}", table.as_str()), table.as_str(), line, line));
        }
        let area = text.get(range.clone()).unwrap_or_default();
        let starts: Vec<usize> = area
            .match_indices(builder.as_str())
            .filter(|(at, word)| {
                let before = area.get(..*at).and_then(|before| before.chars().next_back()).unwrap_or(' ');
                let after = area.get(at + word.len()..).unwrap_or_default().trim_start();
                !before.is_alphanumeric() && !matches!(before, '_' | '.' | '"' | '\'') && after.starts_with('.')
            })
            .map(|(at, _)| at)
            .collect();
        for piece in parts(&starts, area.len()) {
            let line = lines.of(range.start + piece.start);
            let part = area.get(piece).unwrap_or_default();
            let part = part.split_once(';').map_or(part, |(part, _)| part);
            let method = part.split_once('.').map_or("", |(_, rest)| rest.trim_start());
            let method = method.split('(').next().unwrap_or_default().trim();
            if method.starts_with("drop") || method.starts_with("raw") {
                continue;
            }
            let column = quoted().captures(part).and_then(|name| name.get(1)).map_or("", |name| name.as_str());
            if method.to_ascii_lowercase().ends_with("increments") {
                found.push(on("primary key", table.as_str(), column, line));
            }
            // The first word is one of a column, or what the table as a whole gets.
            marks(WORDS, part, table.as_str(), column, line, found);
        }
    }
}

fn drizzle(text: &str, found: &mut Vec<Fact>) {
    const WORDS: &[(&str, &str)] = &[
        (".notNull(", "not null"),
        (".unique(", "unique"),
        (".primaryKey(", "primary key"),
        (".references(", "foreign key"),
        ("uniqueIndex(", "create unique index"),
        ("foreignKey(", "foreign key"),
    ];
    let mut lines = Lines::new(text);
    let tables: Vec<_> = table_of_drizzle().captures_iter(text).collect();
    let beginnings: Vec<usize> = tables.iter().filter_map(|table| table.get(0)).map(|whole| whole.end()).collect();
    for (captures, range) in tables.iter().zip(parts(&beginnings, text.len())) {
        let Some(table) = captures.get(1) else { continue };
        let line = lines.of(table.start());
        found.push(sql::about(format!("create table {}", table.as_str()), table.as_str(), line, line).with("orm", "drizzle"));
        let area = text.get(range.clone()).unwrap_or_default();
        let entries: Vec<(usize, &str)> = entry_of_drizzle()
            .captures_iter(area)
            .filter_map(|entry| Some((entry.get(0)?.start(), entry.get(1).map_or("", |column| column.as_str()))))
            .collect();
        let starts: Vec<usize> = entries.iter().map(|(at, _)| *at).collect();
        for ((_, column), piece) in entries.iter().zip(parts(&starts, area.len())) {
            let part = area.get(piece.clone()).unwrap_or_default();
            let blank = part.len() - part.trim_start().len();
            let line = lines.of(range.start + piece.start + blank);
            let of_table = part.split_once("t.").or_else(|| part.split_once("table.")).map_or("", |(_, rest)| rest);
            let named = of_table.split(|sign: char| !sign.is_alphanumeric() && sign != '_').next().unwrap_or_default();
            let column = if part.contains(".on(") && column.is_empty() { named } else { column };
            if part.trim_start().starts_with("index(") || part.contains(": index(") {
                found.push(on("create index", table.as_str(), column, line));
            }
            marks(WORDS, part, table.as_str(), column, line, found);
        }
    }
}

fn sequelize(text: &str, found: &mut Vec<Fact>) {
    const WORDS: &[(&str, &str)] = &[
        ("allowNull: false", "not null"),
        ("unique: true", "unique"),
        ("primaryKey: true", "primary key"),
        ("references: {", "foreign key"),
    ];
    if !text.contains("equelize") && !text.contains("queryInterface") {
        return;
    }
    let mut lines = Lines::new(text);
    let tables: Vec<_> = table_of_sequelize().captures_iter(text).collect();
    let beginnings: Vec<usize> = tables.iter().filter_map(|table| table.get(0)).map(|whole| whole.end()).collect();
    for (captures, range) in tables.iter().zip(parts(&beginnings, text.len())) {
        let Some(table) = captures.get(1).or_else(|| captures.get(2)).or_else(|| captures.get(3)) else { continue };
        let line = lines.of(table.start());
        found.push(sql::about(format!("create table {}", table.as_str()), table.as_str(), line, line).with("orm", "sequelize"));
        let area = text.get(range.clone()).unwrap_or_default();
        let mut entries: Vec<(usize, &str)> = Vec::new();
        for entry in entry_of_sequelize().captures_iter(area) {
            let (Some(whole), Some(column)) = (entry.get(0), entry.get(1)) else { continue };
            // What a column says of itself is no column.
            if !matches!(column.as_str(), "references" | "validate" | "type" | "get" | "set" | "defaultValue") {
                entries.push((whole.start(), column.as_str()));
            }
        }
        let starts: Vec<usize> = entries.iter().map(|(at, _)| *at).collect();
        for ((_, column), piece) in entries.iter().zip(parts(&starts, area.len())) {
            let part = area.get(piece.clone()).unwrap_or_default();
            let blank = part.len() - part.trim_start().len();
            let line = lines.of(range.start + piece.start + blank);
            marks(WORDS, part, table.as_str(), column, line, found);
        }
    }
}

fn gorm(text: &str, found: &mut Vec<Fact>) {
    if !text.contains("gorm:\"") {
        return;
    }
    let mut table = "";
    for (line, number) in text.lines().zip(1u32..) {
        if let Some(name) = struct_of_go().captures(line).and_then(|found| found.get(1)) {
            table = name.as_str();
        }
        let Some(captures) = field_of_gorm().captures(line) else { continue };
        let (Some(field), Some(tag)) = (captures.get(1), captures.get(2)) else { continue };
        for part in tag.as_str().split(';') {
            let (word, _) = part.split_once(':').unwrap_or((part, ""));
            let kind = match word.trim().to_ascii_lowercase().as_str() {
                "primarykey" | "primary_key" => "primary key",
                "unique" => "unique",
                "uniqueindex" | "unique_index" => "create unique index",
                "index" => "create index",
                "not null" => "not null",
                "check" => "check",
                "constraint" => {
                    found.push(key(table, field.as_str(), number, part).with("orm", "gorm"));
                    continue;
                }
                _ => continue,
            };
            found.push(on(kind, table, field.as_str(), number).with("orm", "gorm"));
        }
    }
}

fn sea(text: &str, found: &mut Vec<Fact>) {
    const WORDS: &[(&str, &str)] = &[
        ("Table::create()", "create table"),
        (".not_null()", "not null"),
        (".unique_key()", "unique"),
        (".primary_key()", "primary key"),
        ("Index::create()", "create index"),
        ("ForeignKey::create()", "foreign key"),
    ];
    let mut lines = Lines::new(text);
    for (word, kind) in WORDS {
        for (at, _) in text.match_indices(word) {
            let line = lines.of(at);
            let rest = text.get(at + word.len()..).unwrap_or_default();
            let rest = rest.split("::create()").next().unwrap_or_default();
            found.push(match *kind {
                "foreign key" => key("", "", line, rest),
                "create table" => sql::about("create table", "", line, line),
                kind => on(kind, "", "", line),
            });
        }
    }
}

#[cfg(test)]
mod tests;
