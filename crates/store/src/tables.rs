//! What tables there are, asked of the database itself, so that a table which a system adds later
//! is not forgotten.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plimsoll_core::{Code, Error, Result};

use crate::{Kind, Scope, Store, Tx, dialect, sql::Sql};

/// One of the kinds of values that a column holds, null apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// 64-bit integers.
    Int,
    /// 64-bit floats.
    Real,
    /// Text.
    Text,
    /// Bytes.
    Blob,
}

impl ColumnKind {
    /// The name used in archives.
    pub const fn name(self) -> &'static str {
        match self {
            ColumnKind::Int => "int",
            ColumnKind::Real => "real",
            ColumnKind::Text => "text",
            ColumnKind::Blob => "blob",
        }
    }
    /// The kind with this name.
    pub fn named(name: &str) -> Option<ColumnKind> {
        [ColumnKind::Int, ColumnKind::Real, ColumnKind::Text, ColumnKind::Blob].into_iter().find(|kind| kind.name() == name)
    }
    /// What a database calls the type.
    fn of(declared: &str) -> Option<ColumnKind> {
        Some(match declared.to_ascii_lowercase().as_str() {
            "integer" | "int" | "bigint" => ColumnKind::Int,
            "real" | "double precision" => ColumnKind::Real,
            "text" => ColumnKind::Text,
            "blob" | "bytea" => ColumnKind::Blob,
            _ => return None,
        })
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether it refuses null.
    pub required: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns in the order of the database, without computed ones.
    pub columns: Vec<Column>,
    /// Positions in `columns` that make up the primary key, in the key's order; empty where there
    /// is none.
    pub key: Vec<usize>,
    /// Whether a tenant owns each row: there is a column `tenant_id`.
    pub tenant: bool,
    /// Other tables that its rows refer to.
    pub refers: Vec<String>,
    /// Whether its rows refer to rows of the same table.
    pub refers_to_itself: bool,
    /// Whether a trigger may change what a statement does not name.
    pub(crate) triggers: bool,
    /// Whether rows of other tables go or change when its own are deleted.
    pub(crate) cascades: bool,
}

impl Table {
    /// The position of a column.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|one| one.name == column)
    }
    /// The names of the key's columns.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        self.key.iter().filter_map(|at| self.columns.get(*at)).map(|column| column.name.as_str())
    }
    /// The names of all columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }
}

/// A name as it stands in a statement.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names with commas between them.
pub(crate) fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(quoted).collect::<Vec<_>>().join(", ")
}

impl Store {
    /// Every table, such that each comes after those its rows refer to. The store's own
    /// bookkeeping of writers, migrations and changes is not among them; the tally is.
    ///
    /// # Errors
    /// As for [`Store::ping`]; [`Code::Internal`] for a table with a type that is not used here,
    /// or tables that refer to each other in a circle.
    pub async fn tables(&self) -> Result<Vec<Table>> {
        self.ask(|tx| tx.tables()).await
    }
}

/// Tables that say how a database stands and not what it holds.
pub(crate) const BOOKKEEPING: &[&str] = &["plimsoll_migration", "plimsoll_scope", "change_log", "change_switch"];

type ColumnRow = (String, String, String, bool, i64);
type KeyRow = (String, String, String, String);

impl Tx<'_> {
    /// As [`Store::tables`], on the snapshot of this transaction.
    ///
    /// # Errors
    /// As for [`Store::tables`].
    pub fn tables(&self) -> Result<Vec<Table>> {
        let kind = self.kind();
        let columns: Vec<ColumnRow> = self.own_rows(dialect::columns(kind))?;
        let keys: Vec<KeyRow> = self.own_rows(dialect::foreign_keys(kind))?;
        let triggers: Vec<String> = self.own_rows(dialect::triggers(kind))?;
        let mut tables = gather(columns)?;
        tables.retain(|name, _| !BOOKKEEPING.contains(&name.as_str()));
        for (table, parent, on_delete, on_update) in keys {
            // SQLite keeps the parent's name as it was written.
            let parent = tables.keys().find(|name| name.eq_ignore_ascii_case(&parent)).cloned().unwrap_or(parent);
            if let Some(found) = tables.get_mut(&table) {
                if parent == table {
                    found.refers_to_itself = true;
                } else if !found.refers.contains(&parent) {
                    found.refers.push(parent.clone());
                }
            }
            if (!passive(&on_delete) || !passive(&on_update))
                && let Some(found) = tables.get_mut(&parent)
            {
                found.cascades = true;
            }
        }
        for table in triggers {
            if let Some(found) = tables.get_mut(&table) {
                found.triggers = true;
            }
        }
        ordered(tables)
    }

    /// Rows of a statement on the database's own catalogue, whoever's transaction this is.
    fn own_rows<T: crate::FromRow>(&self, text: &'static str) -> Result<Vec<T>> {
        let mut out = Vec::new();
        self.unguarded(&Sql::from(text), Vec::new(), false, &mut |row| {
            out.push(T::from_row(row)?);
            Ok(true)
        })?;
        Ok(out)
    }

    /// The tenant whose rows are meant: the transaction's own, or in the host's scope the given one.
    pub(crate) fn whose(&self, table: &Table, tenant: Option<plimsoll_core::TenantId>) -> Result<Option<plimsoll_core::TenantId>> {
        match (self.scope(), tenant) {
            (Scope::Host, Some(_)) | (Scope::Tenant(_), _) if !table.tenant => {
                Err(wrong(format!("`{}` belongs to no tenant and is used in the host's scope, as a whole", table.name)))
            }
            (Scope::Host, tenant) => Ok(tenant),
            (Scope::Tenant(own), Some(other)) if own != other => Err(wrong("another tenant than the transaction's".into())),
            (Scope::Tenant(own), _) => Ok(Some(own)),
        }
    }

    /// Which database, for what only this crate says differently.
    pub(crate) fn is_postgres(&self) -> bool {
        self.kind() == Kind::Postgres
    }
}

#[track_caller]
pub(crate) fn wrong(why: String) -> Error {
    Code::Internal.error().caused_by(why)
}

/// Whether the action of a foreign key changes nothing by itself, in either database's words.
fn passive(action: &str) -> bool {
    matches!(action, "NO ACTION" | "RESTRICT" | "a" | "r" | " ")
}

fn gather(columns: Vec<ColumnRow>) -> Result<BTreeMap<String, Table>> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let mut keys: HashMap<String, Vec<(i64, usize)>> = HashMap::new();
    for (table, column, declared, required, in_key) in columns {
        let kind = match ColumnKind::of(&declared) {
            Some(kind) => kind,
            None if BOOKKEEPING.contains(&table.as_str()) => ColumnKind::Text,
            None => return Err(wrong(format!("column `{column}` of `{table}` is of type `{declared}`, which is not used here"))),
        };
        let found = tables.entry(table.clone()).or_insert_with(|| Table {
            name: table.clone(),
            columns: Vec::new(),
            key: Vec::new(),
            tenant: false,
            refers: Vec::new(),
            refers_to_itself: false,
            triggers: false,
            cascades: false,
        });
        if in_key > 0 {
            keys.entry(table).or_default().push((in_key, found.columns.len()));
        }
        found.tenant |= column == "tenant_id";
        found.columns.push(Column { name: column, kind, required: required || in_key > 0 });
    }
    for (table, mut key) in keys {
        key.sort_unstable();
        if let Some(found) = tables.get_mut(&table) {
            found.key = key.into_iter().map(|(_, at)| at).collect();
        }
    }
    Ok(tables)
}

/// Parents first; by name where nothing else decides.
fn ordered(mut left: BTreeMap<String, Table>) -> Result<Vec<Table>> {
    let mut out = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let free: BTreeSet<String> = left
            .values()
            .filter(|table| !table.refers.iter().any(|parent| left.contains_key(parent)))
            .map(|table| table.name.clone())
            .collect();
        if free.is_empty() {
            let names: Vec<&str> = left.keys().map(String::as_str).collect();
            return Err(wrong(format!("these tables refer to each other in a circle: {}", names.join(", "))));
        }
        out.extend(free.iter().filter_map(|name| left.remove(name)));
    }
    Ok(out)
}
