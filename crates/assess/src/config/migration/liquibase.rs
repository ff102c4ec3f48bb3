//! Liquibase's change logs in XML, YAML and SQL.

use roxmltree::{Document, Node, ParsingOptions};

use super::head;
use crate::{
    config::{leaf, manifest, sql::about},
    fact::{Extract, Fact, Kind},
};

/// A change log; nothing where the file is none.
pub fn changelog(name: &str, text: &str) -> Option<Extract> {
    let ending = name.rsplit_once('.')?.1;
    if !matches!(ending, "xml" | "yaml" | "yml" | "sql") {
        return None;
    }
    let head = head(text, 2_000);
    match ending {
        "xml" if head.contains("<databaseChangeLog") => Some(xml(text)),
        "yaml" | "yml" if head.contains("databaseChangeLog:") => Some(yaml(text)),
        "sql" if head.to_ascii_lowercase().trim_start_matches("--").trim_start().starts_with("liquibase formatted sql") => {
            Some(formatted(text))
        }
        _ => None,
    }
}

fn set(id: &str, author: &str, line: u32, end: u32, rollback: bool) -> Fact {
    let fact = Fact::new(Kind::Value, "migrations.liquibase", line, end).with("value", id).with("author", author);
    fact.with("down", if rollback { "yes" } else { "no" })
}

fn xml(text: &str) -> Extract {
    let mut extract = Extract::default();
    if manifest::deep(text) {
        extract.trouble.push("nested too deeply".to_owned());
        return extract;
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: 400_000, ..ParsingOptions::default() };
    let document = match Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(error) => {
            extract.trouble.push(format!("line {}: {error}", error.pos().row));
            return extract;
        }
    };
    let lines = |node: Node<'_, '_>| (document.text_pos_at(node.range().start).row, document.text_pos_at(node.range().end).row);
    for node in document.descendants().filter(Node::is_element) {
        let get = |name: &str| node.attribute(name).unwrap_or_default();
        let (line, end) = lines(node);
        match node.tag_name().name() {
            "changeSet" => {
                let rollback = node.children().any(|child| child.tag_name().name() == "rollback");
                extract.facts.push(set(get("id"), get("author"), line, end, rollback));
            }
            "include" | "includeAll" => {
                let value = if get("file").is_empty() { get("path") } else { get("file") };
                extract.facts.push(Fact::new(Kind::Value, "liquibase.include", line, end).with("value", value));
            }
            "createTable" => {
                let columns: Vec<_> = node.children().filter_map(|child| child.attribute("name")).collect();
                extract.facts.push(
                    about(format!("create table {}", get("tableName")), get("tableName"), line, end).with("columns", columns.join(",")),
                );
            }
            "constraints" => {
                let Some(column) = node.parent() else { continue };
                let table = column.parent().and_then(|parent| parent.attribute("tableName")).unwrap_or_default();
                let name = column.attribute("name").unwrap_or_default();
                for (attribute, wanted, fact) in
                    [("primaryKey", "true", "primary key"), ("nullable", "false", "not null"), ("unique", "true", "unique")]
                {
                    if node.attribute(attribute) == Some(wanted) {
                        extract.facts.push(about(fact, table, line, end).with("columns", name));
                    }
                }
                if let Some(target) = node.attribute("references") {
                    let delete = if node.attribute("deleteCascade") == Some("true") { "cascade" } else { "none" };
                    extract.facts.push(
                        about("foreign key", table, line, end).with("columns", name).with("references", target).with("on_delete", delete),
                    );
                }
            }
            "addForeignKeyConstraint" => {
                let delete = if get("onDelete").is_empty() { "none".to_owned() } else { get("onDelete").to_ascii_lowercase() };
                let fact = about("foreign key", get("baseTableName"), line, end).with("columns", get("baseColumnNames"));
                extract.facts.push(fact.with("references", get("referencedTableName")).with("on_delete", delete));
            }
            "createIndex" => {
                let columns: Vec<_> = node.children().filter_map(|child| child.attribute("name")).collect();
                let unique = if get("unique") == "true" { "yes" } else { "no" };
                let fact = about("create index", get("tableName"), line, end).with("columns", columns.join(","));
                extract.facts.push(fact.with("index", get("indexName")).with("unique", unique));
            }
            "addUniqueConstraint" => extract.facts.push(about("unique", get("tableName"), line, end).with("columns", get("columnNames"))),
            "addPrimaryKey" => extract.facts.push(about("primary key", get("tableName"), line, end).with("columns", get("columnNames"))),
            "addNotNullConstraint" => extract.facts.push(about("not null", get("tableName"), line, end).with("columns", get("columnName"))),
            "dropColumn" | "dropTable" | "addColumn" | "renameColumn" => {
                let verb = match node.tag_name().name() {
                    "dropColumn" => "alter table drop column",
                    "dropTable" => "drop table",
                    "addColumn" => "alter table add column",
                    _ => "alter table rename column",
                };
                extract.facts.push(about(verb, get("tableName"), line, end).with("columns", get("columnName")));
            }
            _ => {}
        }
    }
    extract
}

fn yaml(text: &str) -> Extract {
    let (leaves, trouble) = leaf::yaml(text);
    let mut extract = Extract { trouble: trouble.into_iter().collect(), ..Extract::default() };
    for leaf in &leaves {
        let keys: Vec<&str> = leaf.path.iter().map(String::as_str).collect();
        match keys.as_slice() {
            ["databaseChangeLog", at, "changeSet", "id"] => {
                let inside = |key: &str| leaves.iter().find(|other| other.under(&["databaseChangeLog", at, "changeSet", key]));
                let author = inside("author").map_or("", |leaf| leaf.value.as_str());
                extract.facts.push(set(&leaf.value, author, leaf.line, leaf.line, inside("rollback").is_some()));
            }
            ["databaseChangeLog", _, "include" | "includeAll", "file" | "path"] => {
                extract.facts.push(Fact::new(Kind::Value, "liquibase.include", leaf.line, leaf.end).with("value", &leaf.value));
            }
            ["databaseChangeLog", _, "changeSet", "changes", _, change, key] => {
                let name = match (*change, *key) {
                    ("createTable", "tableName") => format!("create table {}", leaf.value),
                    ("createIndex", "tableName") => "create index".to_owned(),
                    ("addForeignKeyConstraint", "baseTableName") => "foreign key".to_owned(),
                    ("addUniqueConstraint", "tableName") => "unique".to_owned(),
                    ("addPrimaryKey", "tableName") => "primary key".to_owned(),
                    ("addNotNullConstraint", "tableName") => "not null".to_owned(),
                    ("dropColumn", "tableName") => "alter table drop column".to_owned(),
                    ("addColumn", "tableName") => "alter table add column".to_owned(),
                    ("dropTable", "tableName") => "drop table".to_owned(),
                    _ => continue,
                };
                let around = leaf.path.get(..leaf.path.len().saturating_sub(1)).unwrap_or_default();
                let beside = |key: &str| {
                    leaves.iter().find(|other| {
                        other.path.len() == leaf.path.len()
                            && other.path.starts_with(around)
                            && other.path.last().is_some_and(|last| last == key)
                    })
                };
                let mut fact = about(name, &leaf.value, leaf.line, leaf.end);
                for (key, attribute) in [
                    ("baseColumnNames", "columns"),
                    ("columnNames", "columns"),
                    ("columnName", "columns"),
                    ("referencedTableName", "references"),
                    ("indexName", "index"),
                ] {
                    if let Some(found) = beside(key) {
                        fact = fact.with(attribute, &found.value);
                    }
                }
                if *change == "addForeignKeyConstraint" {
                    fact = fact.with("on_delete", beside("onDelete").map_or("none".to_owned(), |found| found.value.to_ascii_lowercase()));
                }
                extract.facts.push(fact);
            }
            _ => {}
        }
    }
    extract
}

fn formatted(text: &str) -> Extract {
    let mut extract = Extract::default();
    for (line, number) in text.lines().zip(1u32..) {
        let Some(comment) = line.trim_start().strip_prefix("--") else { continue };
        let comment = comment.trim_start();
        if let Some((author, id)) =
            comment.strip_prefix("changeset ").and_then(|rest| rest.split_whitespace().next()).and_then(|word| word.split_once(':'))
        {
            extract.facts.push(set(id, author, number, number, false));
        } else if comment.starts_with("rollback")
            && let Some(down) = extract.facts.last_mut().and_then(|fact| fact.attrs.iter_mut().find(|(name, _)| name == "down"))
        {
            "yes".clone_into(&mut down.1);
        }
    }
    extract
}
