//! Migrations that alter tables which no migration creates: applied to an empty database they fail.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use regex::Regex;

use crate::fact::{Fact, FileId, Kind};

use super::Ground;

/// The revisions of one folder.
#[derive(Default)]
struct History<'a> {
    created: BTreeSet<String>,
    altered: Vec<(String, &'a Fact)>,
    /// Whether a table may be created in a way that cannot be read.
    unclear: bool,
}

/// The first step that alters each such table.
pub fn altered(ground: &Ground<'_>, facts: &[Fact]) -> Vec<Fact> {
    let revisions: BTreeSet<FileId> =
        facts.iter().filter(|fact| fact.kind == Kind::Value && fact.name == "migrations.alembic").map(|fact| fact.file).collect();
    if revisions.is_empty() {
        return Vec::new();
    }
    let mut histories: BTreeMap<&str, History<'_>> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| revisions.contains(&fact.file)) {
        read(histories.entry(ground.folder(fact.file)).or_default(), ground, fact);
    }
    // A schema that is kept as text creates tables for every history.
    let texts = facts.iter().filter(|fact| fact.kind == Kind::Sql && fact.get("orm").is_none() && !revisions.contains(&fact.file));
    let elsewhere: BTreeSet<String> = texts.filter_map(|fact| Some(plain(fact.name.strip_prefix("create table ")?))).collect();
    let mut found = Vec::new();
    for history in histories.into_values().filter(|history| !history.unclear) {
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for (table, fact) in &history.altered {
            if !history.created.contains(table) && !elsewhere.contains(table) && told.insert(table) {
                found.push(ground.broken(fact, table, "table"));
            }
        }
    }
    found
}

/// Says of each foreign key whether an index of its table begins with its column, wherever both are declared.
pub fn indexed(facts: &mut [Fact]) {
    let column = |fact: &Fact| {
        let columns = fact.get("columns").unwrap_or_default().split(',').next().unwrap_or_default();
        plain(columns.trim_matches([' ', '[', ']', '(', ')', '"', '\'']))
    };
    let table = |fact: &Fact| plain(fact.get("table").unwrap_or_default());
    let leads = |fact: &Fact| matches!(fact.name.as_str(), "create index" | "create unique index" | "unique" | "primary key");
    let begun: BTreeSet<(String, String)> =
        facts.iter().filter(|fact| fact.kind == Kind::Sql && leads(fact)).map(|fact| (table(fact), column(fact))).collect();
    for fact in facts.iter_mut().filter(|fact| fact.kind == Kind::Sql && fact.name == "foreign key") {
        let place = (table(fact), column(fact));
        // Django makes an index for each of its foreign keys.
        let given = fact.get("orm") == Some("django");
        if !place.0.is_empty() && !place.1.is_empty() {
            let answer = if given || begun.contains(&place) { "yes" } else { "no" };
            fact.attrs.push(("indexed".into(), answer.into()));
        }
    }
}

fn read<'a>(history: &mut History<'a>, ground: &Ground<'_>, fact: &'a Fact) {
    if fact.kind == Kind::Text && fact.name == "sql" {
        let text = fact.get("value").unwrap_or_default();
        history.created.extend(creating().captures_iter(text).filter_map(|found| Some(plain(found.get(1)?.as_str()))));
        return;
    }
    if fact.kind != Kind::Call {
        return;
    }
    let argument = |at: &str, name: &str| fact.get(at).or_else(|| fact.get(name)).unwrap_or_default();
    let Some(step) = fact.name.strip_prefix("alembic.op.") else {
        history.unclear |= ["create_all", "create_table", "run_sql", "exec_driver_sql"].iter().any(|word| fact.name.ends_with(word));
        return;
    };
    let table = match step {
        "create_table" => argument("0", "table_name"),
        "rename_table" => argument("1", "new_table_name"),
        "execute" => {
            // Text that is read from elsewhere may create anything.
            let known = argument("0", "sqltext").split_whitespace().count() > 1;
            history.unclear |= !known;
            return;
        }
        "add_column" | "alter_column" | "drop_column" | "batch_alter_table" => argument("0", "table_name"),
        "create_index" | "create_unique_constraint" | "drop_constraint" => argument("1", "table_name"),
        "create_foreign_key" => argument("1", "source_table"),
        _ => return,
    };
    if table.is_empty() || !table.chars().all(|character| character.is_ascii_alphanumeric() || character == '_') {
        history.unclear = true;
    } else if matches!(step, "create_table" | "rename_table") {
        history.created.insert(plain(table));
    } else if symbol(ground, fact).is_some_and(|symbol| symbol == "upgrade") {
        history.altered.push((plain(table), fact));
    }
}

fn symbol<'g>(ground: &Ground<'g>, fact: &Fact) -> Option<&'g str> {
    ground.files.get(fact.file.0 as usize)?.symbols.get(fact.symbol as usize).map(String::as_str)
}

fn plain(table: &str) -> String {
    table.rsplit('.').next().unwrap_or(table).trim_matches(['"', '`', '[', ']']).to_lowercase()
}

fn creating() -> &'static Regex {
    static CREATING: OnceLock<Regex> = OnceLock::new();
    #[expect(clippy::unwrap_used, reason = "the expression is ours and a test reads it")]
    CREATING.get_or_init(|| Regex::new(r#"(?i)create\s+table\s+(?:if\s+not\s+exists\s+)?([\w."`\[\]]+)"#).unwrap())
}
