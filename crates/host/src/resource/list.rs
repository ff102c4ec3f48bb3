//! Lists: which rows, in which order, which part of them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use plimsoll_core::{Code, Error, Fault, Result};
use plimsoll_store::{Sql, Tx};
use serde_json::{Value, json};

use super::{
    Field, FieldKind, Pagination, Statements,
    paging::{MOST, USUAL, bounded},
    render,
    statement::{Bound, Owned, lend},
};
use crate::{host::Host, shape};

/// Names for the values of a cursor; as many as there can be sort keys.
const KEYS: [&str; 4] = ["k0", "k1", "k2", "k3"];
const AFTER: [(&str, &str, &str); 4] =
    [(" > :k0", " < :k0", " = :k0"), (" > :k1", " < :k1", " = :k1"), (" > :k2", " < :k2", " = :k2"), (" > :k3", " < :k3", " = :k3")];

/// What a list request asks for.
pub(super) struct Query {
    page: i64,
    page_size: i64,
    cursor: Option<Option<Cursor>>,
    sort: Vec<Key>,
    sort_text: String,
    conditions: Vec<&'static str>,
    bound: Bound,
    pub(super) include: bool,
    pub(super) deleted: bool,
    literal: bool,
}

/// Which ways of asking are offered.
#[derive(Clone, Copy)]
pub(super) struct Ways {
    pages: bool,
    sorts: bool,
    filters: bool,
    deleted: bool,
    /// What a caller searches for is text and not a pattern.
    literal: bool,
}

impl Ways {
    pub(super) fn of(host: &Host) -> Ways {
        Ways {
            pages: host.holds("pagination"),
            sorts: host.holds("sorting"),
            filters: host.holds("filtering"),
            deleted: host.holds("soft-deletes"),
            literal: host.holds("sql-injection"),
        }
    }
}

#[derive(Clone, Copy)]
struct Key {
    /// `None` is the id.
    field: Option<&'static Field>,
    down: bool,
}

impl Key {
    fn column(&self) -> &'static str {
        // Column names behind the alias are leaked once per process by `columns`.
        self.field.map_or("t.id", |field| column(field.name))
    }
    fn nullable(&self) -> bool {
        self.field.is_some_and(|field| !field.required)
    }
    /// Text is ordered regardless of ASCII case.
    fn text(&self) -> bool {
        self.field.is_some_and(|field| matches!(field.kind, FieldKind::Text { .. }))
    }
}

struct Cursor {
    values: Vec<Owned>,
}

/// `t.<name>`, leaked once per name.
fn column(name: &'static str) -> &'static str {
    interned("t.", name, "")
}

/// A piece of SQL made of static parts, made once and kept.
fn interned(before: &'static str, name: &'static str, after: &'static str) -> &'static str {
    use std::{
        collections::HashMap,
        sync::{LazyLock, RwLock},
    };
    type Pieces = HashMap<(&'static str, &'static str, &'static str), &'static str>;
    static PIECES: LazyLock<RwLock<Pieces>> = LazyLock::new(RwLock::default);
    let key = (before, name, after);
    if let Some(found) = PIECES.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(&key) {
        return found;
    }
    let made: &'static str = String::leak(format!("{before}{name}{after}"));
    PIECES.write().unwrap_or_else(std::sync::PoisonError::into_inner).entry(key).or_insert(made)
}

impl Query {
    /// Reads the query string; every fault is reported, unknown names included.
    pub(super) fn parse(statements: &Statements, pairs: Vec<(String, String)>, ways: Ways) -> Result<Query> {
        let mut query = Query {
            page: 1,
            page_size: USUAL,
            cursor: None,
            sort: Vec::new(),
            sort_text: String::new(),
            conditions: Vec::new(),
            bound: Vec::new(),
            include: false,
            deleted: false,
            literal: ways.literal,
        };
        let mut faults = Vec::new();
        let mut cursor = None;
        for (name, text) in pairs {
            if text.contains('\0') {
                faults.push(Fault::at(format!("?{name}"), "must not contain the NUL character"));
                continue;
            }
            let taken = match name.as_str() {
                "cursor" if !ways.pages => Ok(()),
                "page_size" if !ways.pages => bounded("page_size", &text, 1_000_000_000).map(drop),
                "sort" if !ways.sorts => Ok(()),
                "page" => bounded("page", &text, 1_000_000_000).map(|page| query.page = page),
                "page_size" => bounded("page_size", &text, MOST).map(|size| query.page_size = size),
                "cursor" => {
                    cursor = Some(text);
                    Ok(())
                }
                "sort" => query.sort(statements, &text),
                "q" => query.search(statements, &text),
                "include" => query.include(statements, &text),
                "deleted" => match text.as_str() {
                    "true" | "false" => {
                        query.deleted = text == "true" && ways.deleted;
                        Ok(())
                    }
                    _ => Err(fault("deleted", "must be true or false")),
                },
                _ => {
                    let before = (query.conditions.len(), query.bound.len());
                    let taken = query.filter(statements, &name, &text);
                    // Without the practice, bounds are taken and not heeded.
                    if !ways.filters && (name.ends_with("[from]") || name.ends_with("[to]")) {
                        query.conditions.truncate(before.0);
                        query.bound.truncate(before.1);
                    }
                    taken
                }
            };
            if let Err(error) = taken {
                faults.extend(error.faults().iter().cloned());
            }
        }
        if !faults.is_empty() {
            return Err(Error::invalid(faults));
        }
        if !ways.pages {
            (query.page, query.page_size) = (1, 1_000_000);
        }
        query.sort.push(Key { field: None, down: query.sort.last().is_some_and(|key| key.down) });
        if let Some(text) = cursor {
            query.cursor = Some(query.open(&text)?);
        }
        Ok(query)
    }

    fn sort(&mut self, statements: &Statements, text: &str) -> Result<()> {
        for part in text.split(',') {
            let (name, down) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
            let sortable = |field: &&&'static Field| field.sorted && field.name == name;
            let field = statements.resource.fields.iter().collect::<Vec<_>>();
            if name == "id" {
                self.sort.push(Key { field: None, down });
            } else if let Some(field) = field.iter().find(sortable) {
                self.sort.push(Key { field: Some(field), down });
            } else {
                let known: Vec<&str> =
                    statements.resource.fields.iter().filter(|field| field.sorted).map(|field| field.name).chain(["id"]).collect();
                return Err(fault("sort", format!("may name {}, each with an optional minus before it", known.join(", "))));
            }
        }
        if self.sort.len() >= KEYS.len() {
            return Err(fault("sort", format!("may name at most {} fields", KEYS.len() - 1)));
        }
        self.sort_text = text.to_owned();
        Ok(())
    }

    fn search(&mut self, statements: &Statements, text: &str) -> Result<()> {
        let fields: Vec<&Field> = statements.resource.fields.iter().filter(|field| field.searched).collect();
        if fields.is_empty() {
            return Err(fault("q", "is not offered here: no text of these things is searched"));
        }
        if text.is_empty() {
            return Ok(());
        }
        if text.chars().count() > 200 {
            return Err(fault("q", "must have at most 200 characters"));
        }
        self.conditions.push(" AND (");
        for (position, field) in fields.iter().enumerate() {
            if position > 0 {
                self.conditions.push(" OR ");
            }
            self.conditions.push(interned("lower(t.", field.name, ") LIKE :q ESCAPE '\\'"));
        }
        // What is searched includes the things referred to, found through a subquery.
        for field in statements.resource.fields {
            let FieldKind::Reference(target) = field.kind else { continue };
            // What is put on record when it is read is not guessed at from here.
            if target.watched {
                continue;
            }
            let Some(name) = target.fields.iter().find(|field| field.searched).map(|field| field.name) else { continue };
            self.conditions.push(interned(" OR t.", field.name, " IN (SELECT s.id FROM "));
            self.conditions.push(target.table);
            self.conditions.push(" s WHERE s.tenant_id = :tenant AND s.deleted_at IS NULL AND ");
            self.conditions.push(interned("lower(s.", name, ") LIKE :q ESCAPE '\\')"));
        }
        self.conditions.push(")");
        self.bound.push(("q", Owned::Text(containing(text, self.literal))));
        Ok(())
    }

    fn include(&mut self, statements: &Statements, text: &str) -> Result<()> {
        let known: Vec<&str> = statements
            .resource
            .fields
            .iter()
            .filter(|field| matches!(field.kind, FieldKind::Reference(_)))
            .map(Field::included_as)
            .collect();
        for name in text.split(',') {
            if !known.contains(&name) {
                return Err(fault(
                    "include",
                    if known.is_empty() { "is not offered here".to_owned() } else { format!("may name {}", known.join(", ")) },
                ));
            }
        }
        self.include = true;
        Ok(())
    }

    fn filter(&mut self, statements: &Statements, name: &str, text: &str) -> Result<()> {
        let (plain, way) = name.split_once('[').map_or((name, ""), |(plain, rest)| (plain, rest.strip_suffix(']').unwrap_or("?")));
        let Some(field) = statements.resource.fields.iter().find(|field| field.filtered && field.name == plain) else {
            return Err(fault(name, format!("is not a parameter here; known: {}", known_parameters(statements).join(", "))));
        };
        let ways: &[&str] = match field.kind {
            FieldKind::Text { .. } => &["", "prefix", "contains"],
            FieldKind::Date | FieldKind::Number => &["", "from", "to"],
            FieldKind::Choice(_) | FieldKind::Phone | FieldKind::Url { .. } | FieldKind::Reference(_) => &[""],
        };
        if !ways.contains(&way) {
            return Err(fault(
                name,
                format!(
                    "`{plain}` can be filtered by {}",
                    ways.iter()
                        .map(|way| if way.is_empty() { plain.to_owned() } else { format!("{plain}[{way}]") })
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            ));
        }
        if text.chars().count() > 1024 {
            return Err(fault(name, "must have at most 1024 characters"));
        }
        let value = match field.kind {
            FieldKind::Text { .. } => Owned::Text(text.to_ascii_lowercase()),
            FieldKind::Choice(words) if !words.contains(&text) => {
                return Err(fault(name, format!("must be one of {}", words.join(", "))));
            }
            FieldKind::Url { .. } | FieldKind::Choice(_) | FieldKind::Phone => Owned::Text(text.to_owned()),
            FieldKind::Date if shape::is_date(text) => Owned::Text(text.to_owned()),
            FieldKind::Date => return Err(fault(name, "must be a calendar date such as 2026-11-21")),
            FieldKind::Number => {
                Owned::Real(text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| fault(name, "must be a number"))?)
            }
            FieldKind::Reference(_) => Owned::Int(text.parse().map_err(|_| fault(name, "must be a whole number"))?),
        };
        let is_text = matches!(field.kind, FieldKind::Text { .. });
        // Parameter names must be unique per field and way; they are static, like all pieces.
        let parameter = interned(
            "f_",
            field.name,
            match way {
                "" => "",
                "prefix" => "_p",
                "contains" => "_c",
                "from" => "_f",
                _ => "_t",
            },
        );
        let left = if is_text { interned(" AND lower(t.", field.name, ")") } else { interned(" AND t.", field.name, "") };
        match way {
            "contains" => {
                self.conditions.extend([left, " LIKE :", parameter, " ESCAPE '\\'"]);
                self.bound.push((parameter, Owned::Text(containing(text, self.literal))));
            }
            "prefix" => {
                let end = interned("f_", field.name, "_e");
                self.conditions.extend([left, " >= :", parameter, left, " < :", end]);
                self.bound.push((end, Owned::Text(format!("{}\u{10ffff}", text.to_ascii_lowercase()))));
                self.bound.push((parameter, value));
            }
            _ => {
                self.conditions.extend([
                    left,
                    match way {
                        "from" => " >= :",
                        "to" => " <= :",
                        _ => " = :",
                    },
                    parameter,
                ]);
                self.bound.push((parameter, value));
            }
        }
        Ok(())
    }

    /// Reads a cursor; an empty one begins at the start.
    fn open(&self, text: &str) -> Result<Option<Cursor>> {
        if text.is_empty() {
            return Ok(None);
        }
        let broken = || {
            Code::Malformed.because("the cursor is not one of ours, or belongs to another sort order; begin again with an empty `cursor`")
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| broken())?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| broken())?;
        let (Some(sort), Some(values)) = (value.get(0).and_then(Value::as_str), value.get(1).and_then(Value::as_array)) else {
            return Err(broken());
        };
        if sort != self.sort_text || values.len() != self.sort.len() {
            return Err(broken());
        }
        let mut owned = Vec::new();
        for (key, value) in self.sort.iter().zip(values) {
            let number = key.field.is_some_and(|field| matches!(field.kind, FieldKind::Number));
            owned.push(match value {
                Value::Null if key.nullable() => Owned::Null,
                Value::String(text) if key.field.is_some() && !number && !text.contains('\0') => Owned::Text(text.clone()),
                Value::Number(found) if number => Owned::Real(found.as_f64().ok_or_else(broken)?),
                Value::Number(found) if key.field.is_none() || matches!(key.field.map(|f| f.kind), Some(FieldKind::Reference(_))) => {
                    Owned::Int(found.as_i64().ok_or_else(broken)?)
                }
                _ => return Err(broken()),
            });
        }
        Ok(Some(Cursor { values: owned }))
    }

    /// Appends the conditions shared by items and count.
    fn conditions(&self, sql: &mut Sql) {
        sql.push(" WHERE t.tenant_id = :tenant AND t.deleted_at IS ");
        sql.push(if self.deleted { "NOT NULL" } else { "NULL" });
        self.conditions.iter().for_each(|piece| sql.push(piece));
    }

    /// Everything that comes after the cursor in the sort order, key by key (keyset paging).
    fn after(&self, cursor: &Cursor, sql: &mut Sql, bound: &mut Bound) {
        sql.push(" AND (");
        for depth in 0..self.sort.len() {
            if depth > 0 {
                sql.push(" OR ");
            }
            sql.push("(");
            for (position, key) in self.sort.iter().enumerate().take(depth + 1) {
                if position > 0 {
                    sql.push(" AND ");
                }
                let null = cursor.values[position] == Owned::Null;
                let expression = if key.text() { interned("lower(", key.column(), ")") } else { key.column() };
                let (up, down, same) = AFTER[position];
                match (position < depth, null) {
                    (true, true) => sql.push(interned("", key.column(), " IS NULL")),
                    (true, false) => {
                        sql.push(expression);
                        sql.push(same);
                    }
                    // Nulls come last in both directions, so nothing but ties follows a null.
                    (false, true) => sql.push("1 = 0"),
                    (false, false) => {
                        sql.push("(");
                        sql.push(expression);
                        sql.push(if key.down { down } else { up });
                        if key.nullable() {
                            sql.push(interned(" OR ", key.column(), " IS NULL"));
                        }
                        sql.push(")");
                    }
                }
            }
            sql.push(")");
        }
        sql.push(")");
        for (position, value) in cursor.values.iter().enumerate().filter(|(_, value)| **value != Owned::Null) {
            bound.push((KEYS[position], value.clone()));
        }
    }

    fn order(&self, sql: &mut Sql) {
        sql.push(" ORDER BY ");
        for (position, key) in self.sort.iter().enumerate() {
            if position > 0 {
                sql.push(", ");
            }
            sql.push(if key.text() { interned("lower(", key.column(), ")") } else { key.column() });
            sql.push(if key.down { " DESC" } else { "" });
            sql.push(if key.nullable() { " NULLS LAST" } else { "" });
        }
    }

    /// Runs the list; the answer's bytes, and the cursor of the next page in cursor style.
    pub(super) fn run(&self, statements: &Statements, tx: &Tx<'_>) -> Result<(Vec<u8>, Option<String>)> {
        let resource = statements.resource;
        let mut sql = statements.select(self.include);
        self.conditions(&mut sql);
        let mut bound = self.bound.clone();
        if let Some(Some(cursor)) = &self.cursor {
            self.after(cursor, &mut sql, &mut bound);
        }
        self.order(&mut sql);
        sql.push(" LIMIT :limit");
        // One more than asked shows whether a next page exists.
        let limit = self.page_size + i64::from(self.cursor.is_some());
        bound.push(("limit", Owned::Int(limit)));
        if self.cursor.is_none() {
            sql.push(" OFFSET :offset");
            bound.push(("offset", Owned::Int((self.page - 1).saturating_mul(self.page_size))));
        }
        let mut out = Vec::with_capacity(64 + 160 * usize::try_from(self.page_size.min(MOST)).unwrap_or(10));
        out.extend_from_slice(b"{\"items\":[");
        let (mut seen, mut last, mut more) = (0, Vec::new(), false);
        tx.each(sql, &lend(&bound), &mut |row| {
            if seen == self.page_size {
                more = true;
                return Ok(());
            }
            if seen > 0 {
                out.push(b',');
            }
            render::object(resource, row, self.include, &mut out)?;
            seen += 1;
            if self.cursor.is_some() && seen == self.page_size {
                last = self.sort.iter().map(|key| self.key_of(statements, key, row)).collect::<Result<_>>()?;
            }
            Ok(())
        })?;
        out.extend_from_slice(b"],\"pagination\":");
        let next = more.then(|| URL_SAFE_NO_PAD.encode(json!([self.sort_text, last]).to_string()));
        if self.cursor.is_some() {
            serde_json::to_writer(&mut out, &json!({ "page_size": self.page_size, "next_cursor": next }))?;
        } else {
            let total = self.total(statements, tx)?;
            serde_json::to_writer(&mut out, &Pagination::new(self.page, self.page_size, total))?;
        }
        out.push(b'}');
        Ok((out, next))
    }

    fn total(&self, statements: &Statements, tx: &Tx<'_>) -> Result<i64> {
        // The tally counts all there is: whoever reaches a part of it has theirs counted.
        if self.conditions.is_empty() && !self.deleted && tx.reach().is_none() {
            return tx.live(statements.resource.noun);
        }
        let mut sql = Sql::from("SELECT COUNT(*)");
        sql.push(statements.from);
        self.conditions(&mut sql);
        tx.row(sql, &lend(&self.bound))
    }

    fn key_of(&self, statements: &Statements, key: &Key, row: &plimsoll_store::Row<'_>) -> Result<Value> {
        let Some(field) = key.field else { return Ok(json!(row.get::<i64>(0)?)) };
        let position = 1 + statements.resource.fields.iter().position(|other| other.name == field.name).unwrap_or_default();
        Ok(match row.value(position)? {
            plimsoll_store::Value::Null | plimsoll_store::Value::Blob(_) | plimsoll_store::Value::Id(_) => Value::Null,
            plimsoll_store::Value::Int(number) => json!(number),
            plimsoll_store::Value::Real(number) => json!(number),
            plimsoll_store::Value::Text(text) if key.text() => json!(text.to_ascii_lowercase()),
            plimsoll_store::Value::Text(text) => json!(text),
        })
    }
}

fn fault(name: &str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    let shown: String = name.chars().take(64).collect();
    Error::invalid(vec![Fault::at(format!("?{shown}"), detail)])
}

/// A LIKE pattern for "contains", in ASCII lower case, with the wildcards of the text escaped.
fn containing(text: &str, literal: bool) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in text.chars() {
        if literal && matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}

/// Every parameter a list of this resource takes, for refusals and for the API description.
pub(super) fn known_parameters(statements: &Statements) -> Vec<String> {
    let mut known: Vec<String> = ["page", "page_size", "cursor", "sort", "q", "deleted"].iter().map(|name| (*name).to_owned()).collect();
    if !statements.resource.fields.iter().any(|field| field.searched) {
        known.retain(|name| name != "q");
    }
    if statements.resource.fields.iter().any(|field| matches!(field.kind, FieldKind::Reference(_))) {
        known.push("include".to_owned());
    }
    for field in statements.resource.fields.iter().filter(|field| field.filtered) {
        known.push(field.name.to_owned());
        match field.kind {
            FieldKind::Text { .. } => known.extend([format!("{}[prefix]", field.name), format!("{}[contains]", field.name)]),
            FieldKind::Date | FieldKind::Number => known.extend([format!("{}[from]", field.name), format!("{}[to]", field.name)]),
            FieldKind::Choice(_) | FieldKind::Phone | FieldKind::Url { .. } | FieldKind::Reference(_) => {}
        }
    }
    known
}

/// `SELECT 1` for a live row of `table` by id.
pub(super) fn interned_owner(table: &'static str) -> &'static str {
    interned("SELECT tenant_id FROM ", table, " WHERE id = :id ORDER BY tenant_id")
}
pub(super) fn interned_exists(table: &'static str) -> &'static str {
    interned("SELECT 1 FROM ", table, " WHERE tenant_id = :tenant AND id = :id AND deleted_at IS NULL")
}
