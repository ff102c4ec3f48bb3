//! Strings of a listed shape, and the tables of object mappers.

use tree_sitter::Node;

use super::{
    extract::{At, Walk},
    tree::{children, field, short},
    value::LONGEST,
};
use crate::fact::{Fact, Kind};

impl<'t> Walk<'t> {
    /// A string, or what is pasted together of strings.
    pub(super) fn string(&mut self, node: Node<'t>, at: At) {
        if !self.told.insert(node.id()) {
            return;
        }
        let (first, how) = match node.kind() {
            "binary_operator" => {
                let sign = field(node, "operator").map_or("", |sign| self.names.text(sign));
                let mut first = node;
                // The leftmost part says what a chain of sums is.
                for _ in 0..500 {
                    match field(first, "left") {
                        Some(left) if first.kind() == "binary_operator" => {
                            self.told.insert(first.id());
                            first = left;
                        }
                        _ => break,
                    }
                }
                match sign {
                    "+" => (first, "sum"),
                    "%" => (first, "format"),
                    _ => return,
                }
            }
            _ => (node, ""),
        };
        if !matches!(first.kind(), "string" | "concatenated_string") {
            return;
        }
        self.told.insert(first.id());
        let pasted = interpolations(first);
        let whole = self.names.constant(node, at.symbol, 0);
        let text = match &whole {
            Some(text) => text.clone(),
            None => inner(self.names.text(first)).to_owned(),
        };
        for part in children(first).into_iter().filter(|part| part.kind() == "string") {
            self.told.insert(part.id());
        }
        let Some(shape) = shape(&text) else { return };
        let how = if pasted.is_empty() { how } else { "f-string" };
        let formatted = node.parent().is_some_and(|parent| {
            parent.kind() == "attribute" && field(parent, "attribute").is_some_and(|name| self.names.text(name) == "format")
        });
        let how = if formatted { "format" } else { how };
        let mut fact = self.fact(Kind::Text, shape, node, at).with("shape", shape).with("value", short(&text, LONGEST));
        if whole.is_none() || formatted {
            fact.attrs.push(("built".into(), "yes".into()));
            fact.attrs.push(("how".into(), how.into()));
            for part in pasted.into_iter().take(8) {
                let part = short(self.names.text(part).trim_matches(['{', '}']), 80);
                fact.attrs.push(("part".into(), part));
            }
        }
        self.facts.push(fact);
    }

    /// Tables, foreign keys and indexes of SQLAlchemy's and Django's models.
    pub(super) fn models(&mut self) {
        let tables: Vec<(u32, String)> = self
            .facts
            .iter()
            .filter(|fact| fact.kind == Kind::Assign && (fact.name.ends_with(".__tablename__") || fact.name.ends_with(".Meta.db_table")))
            .map(|fact| (self.model(fact.symbol), fact.get("value").unwrap_or("").to_owned()))
            .collect();
        // The columns of a table that a migration makes stand inside of its call.
        let made: Vec<(u32, u32, String)> = self
            .facts
            .iter()
            .filter(|fact| fact.kind == Kind::Call && fact.name == "alembic.op.create_table")
            .map(|fact| (fact.line, fact.end, fact.get("0").unwrap_or("").to_owned()))
            .collect();
        let table = |symbol: u32| tables.iter().find(|(of, _)| *of == symbol).map(|(_, name)| name.as_str());
        let mut found = Vec::new();
        for fact in &self.facts {
            let place =
                |name: &str| Fact { guard: None, ..Fact { attrs: Vec::new(), name: name.to_owned(), kind: Kind::Sql, ..fact.clone() } };
            if fact.kind == Kind::Def && fact.all("base").any(|base| base == "django.db.models.Model") {
                let name = table(fact.symbol).map_or_else(|| fact.name.rsplit('.').next().unwrap_or("").to_lowercase(), str::to_owned);
                found.push(place(&format!("create table {name}")).with("table", name).with("orm", "django"));
            }
            if fact.kind == Kind::Assign && fact.name.ends_with(".__tablename__") {
                let name = fact.get("value").unwrap_or("");
                found.push(place(&format!("create table {name}")).with("table", name).with("orm", "sqlalchemy"));
            }
            if fact.kind != Kind::Call {
                continue;
            }
            let column = fact.get("result").or_else(|| fact.get("into")).unwrap_or("").to_owned();
            if let Some(step) = fact.name.strip_prefix("alembic.op.") {
                found.extend(alembic(step, fact, place));
                continue;
            }
            let (library, last) = fact.name.rsplit_once('.').unwrap_or(("", &fact.name));
            let made = || made.iter().find(|(first, last, _)| (*first..=*last).contains(&fact.line)).map(|(_, _, name)| name.as_str());
            let mut own = table(fact.symbol).or_else(made).unwrap_or("").to_owned();
            // SQLModel names a table after its class.
            if own.is_empty() && library.starts_with("sqlmodel") {
                let class = self.names.read.symbols.get(fact.symbol as usize).map_or("", |symbol| symbol.name.as_str());
                own = class.rsplit('.').next().unwrap_or("").to_lowercase();
            }
            let alchemy = library.starts_with("sqlalchemy")
                || library.starts_with("flask_sqlalchemy")
                || library.starts_with("sqlmodel")
                || library.ends_with("db")
                // A column under the project's own name for it, in a class that names its table.
                || (last == "Column" && !own.is_empty() && ["nullable", "unique", "index", "primary_key"].iter().any(|word| fact.get(word).is_some()));
            let django = library.starts_with("django.db.models");
            // SQLModel says in the field what SQLAlchemy says in a thing of its own.
            if last == "Field"
                && library.starts_with("sqlmodel")
                && let Some(target) = fact.get("foreign_key")
            {
                let mut key = place("foreign key").with("table", own.as_str()).with("columns", column.as_str()).with("references", target);
                if let Some(deletion) = fact.get("ondelete") {
                    key.attrs.push(("clause".into(), format!("on delete {}", deletion.to_lowercase())));
                }
                found.push(key.with("orm", "sqlalchemy"));
            }
            match last {
                "ForeignKey" | "OneToOneField" | "ForeignKeyConstraint" if alchemy || django => {
                    let mut key =
                        place("foreign key").with("table", own).with("columns", column).with("references", fact.get("0").unwrap_or(""));
                    if let Some(deletion) = fact.get("ondelete").or_else(|| fact.get("on_delete")) {
                        key.attrs.push((
                            "clause".into(),
                            format!("on delete {}", deletion.rsplit('.').next().unwrap_or(deletion).to_lowercase()),
                        ));
                    }
                    found.push(key.with("orm", if django { "django" } else { "sqlalchemy" }));
                }
                "Column" | "mapped_column" | "Field"
                    if alchemy && ["index", "unique", "primary_key"].iter().any(|word| fact.get(word) == Some("true")) =>
                {
                    let name = if fact.get("primary_key") == Some("true") {
                        "primary key"
                    } else if fact.get("unique") == Some("true") {
                        "create unique index"
                    } else {
                        "create index"
                    };
                    let column = if column.is_empty() { fact.get("0").unwrap_or("").to_owned() } else { column };
                    found.push(place(name).with("table", own).with("columns", column).with("orm", "sqlalchemy"));
                }
                "Index" | "UniqueConstraint" | "CheckConstraint" if alchemy || django => {
                    let name = match last {
                        "Index" => "create index",
                        "UniqueConstraint" => "create unique index",
                        _ => "check",
                    };
                    let columns = fact.get("fields").or_else(|| fact.get("1")).or_else(|| fact.get("0")).unwrap_or("");
                    found.push(
                        place(name).with("table", own).with("columns", columns).with("orm", if django { "django" } else { "sqlalchemy" }),
                    );
                }
                _ if django && (fact.get("db_index") == Some("true") || fact.get("unique") == Some("true")) => {
                    let name = if fact.get("unique") == Some("true") { "create unique index" } else { "create index" };
                    found.push(place(name).with("table", own).with("columns", column).with("orm", "django"));
                }
                _ => {}
            }
        }
        self.facts.extend(found);
    }

    /// The model that a class is, or that its `Meta` belongs to.
    fn model(&self, symbol: u32) -> u32 {
        let Some(class) = self.names.read.symbols.get(symbol as usize) else { return symbol };
        if class.name.ends_with(".Meta") { class.parent } else { symbol }
    }
}

/// What a step of Alembic does to the schema, as far as it is tables, keys and indexes.
fn alembic(step: &str, fact: &Fact, place: impl Fn(&str) -> Fact) -> Option<Fact> {
    let text = |names: &[&str]| names.iter().find_map(|name| fact.get(name)).unwrap_or("").to_owned();
    let (name, table, columns) = match step {
        "create_table" => (format!("create table {}", text(&["0", "table_name"])), text(&["0", "table_name"]), String::new()),
        "add_column" => ("alter table add column".to_owned(), text(&["0", "table_name"]), String::new()),
        "create_index" => {
            let unique = fact.get("unique") == Some("true");
            let name = if unique { "create unique index" } else { "create index" };
            (name.to_owned(), text(&["1", "table_name"]), text(&["2", "columns"]))
        }
        "create_unique_constraint" => ("create unique index".to_owned(), text(&["1", "table_name"]), text(&["2", "columns"])),
        "create_foreign_key" => ("foreign key".to_owned(), text(&["1", "source_table"]), text(&["3", "local_cols"])),
        "create_check_constraint" => ("check".to_owned(), text(&["1", "table_name"]), String::new()),
        _ => return None,
    };
    let found = place(&name).with("table", table).with("columns", columns).with("orm", "alembic");
    let deletion = fact.get("ondelete").map(|deletion| format!("on delete {}", deletion.to_lowercase()));
    let referent = (step == "create_foreign_key").then(|| text(&["2", "referent_table"]));
    let found = referent.into_iter().fold(found, |found, referent| found.with("references", referent));
    Some(deletion.into_iter().fold(found, |found, deletion| found.with("clause", deletion)))
}

/// The values pasted into a string.
fn interpolations(node: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    for part in children(node) {
        match part.kind() {
            "interpolation" => found.push(part),
            "string" => found.extend(children(part).into_iter().filter(|inner| inner.kind() == "interpolation")),
            _ => {}
        }
    }
    found
}

/// A string as written, without prefix and quotes.
fn inner(written: &str) -> &str {
    written.trim_start_matches(|first: char| first.is_ascii_alphabetic()).trim_matches(['"', '\''])
}

/// The shape of a text, where it is a listed one.
fn shape(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    let first = text.as_bytes().first()?;
    if !first.is_ascii_alphabetic() {
        return None;
    }
    let head: String = text.chars().take(600).collect::<String>().to_lowercase();
    if let Some((scheme, rest)) = head.split_once("://")
        && scheme.len() < 40
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    {
        let database = [
            "postgres",
            "mysql",
            "mariadb",
            "mssql",
            "oracle",
            "sqlite",
            "redis",
            "mongodb",
            "amqp",
            "kafka",
            "neo4j",
            "bolt",
            "clickhouse",
            "cockroach",
        ];
        let kind = database.iter().any(|known| scheme.starts_with(known)) || rest.split('/').next().is_some_and(|host| host.contains('@'));
        return Some(if kind { "dsn" } else { "url" });
    }
    let mut words = head.split_whitespace();
    let (one, two, three) = (words.next()?, words.next().unwrap_or(""), words.next().unwrap_or(""));
    let object = [
        "table",
        "index",
        "unique",
        "schema",
        "view",
        "database",
        "function",
        "trigger",
        "extension",
        "or",
        "temporary",
        "type",
        "user",
        "role",
        "materialized",
    ];
    let sql = match one {
        "select" => {
            head.contains(" from ")
                || head.contains("\nfrom ")
                || head.contains(" from{")
                || two.starts_with(|c: char| c.is_ascii_digit())
                || two.contains('(')
        }
        "insert" | "merge" | "replace" => two == "into",
        "update" => three == "set" || head.contains(" set "),
        "delete" => two == "from",
        "create" | "drop" | "alter" => object.iter().any(|known| two.starts_with(known)),
        "truncate" | "grant" | "revoke" => head.contains(" on ") || two == "table",
        "set" => matches!(two, "search_path" | "local" | "session" | "role" | "statement_timeout"),
        "with" => head.contains(" as (") && head.contains("select"),
        _ => false,
    };
    if sql {
        return Some("sql");
    }
    let pattern = head.contains("(:") || head.contains("-[") || head.contains("return ") || head.contains("({") || head.contains("(n");
    let graph = matches!(one, "match" | "merge" | "create" | "unwind" | "optional") && pattern
        || one.starts_with("match(")
        || one.starts_with("merge(");
    graph.then_some("cypher")
}
