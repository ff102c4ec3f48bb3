//! Whole tables: out of a database row by row, into one many rows at a time, and empty in steps.

use plimsoll_core::{Code, Result, TenantId};

use crate::{
    Row, Tx,
    sql::Sql,
    tables::{ColumnKind, Table, listed, quoted, wrong},
    value::{Bind, IdText, Value},
};

/// What happens to a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// The load fails with [`Code::Conflict`].
    Insert,
    /// The given columns replace what is there.
    Upsert,
    /// What is there stays.
    Keep,
}

/// Rows that are sent to a server at once.
const TOGETHER: usize = 500;

impl Tx<'_> {
    /// What a query that claims rows ends with, so that rows which another transaction holds are
    /// passed over and not waited for. Empty on SQLite, where there is no other.
    pub fn skipping_locked(&self) -> &'static str {
        if self.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" }
    }

    /// Visits the rows of a table in the order of its key, all of them or one tenant's, with the
    /// columns in the order of `table.columns`. Memory does not grow with their number.
    ///
    /// # Errors
    /// As for [`Tx::rows`], and the visitor's own, which ends the visit.
    pub fn dump(&self, table: &Table, tenant: Option<TenantId>, visit: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        let whose = self.whose(table, tenant)?.map(IdText::new);
        let mut text = format!("SELECT {} FROM {}", listed(table.names()), quoted(&table.name));
        if whose.is_some() {
            text.push_str(" WHERE tenant_id = :tenant");
        }
        let order = if table.key.is_empty() { listed(table.names()) } else { listed(table.key_names()) };
        text.push_str(" ORDER BY ");
        text.push_str(&order);
        let values = whose.iter().map(|tenant| Value::Id(*tenant)).collect();
        self.unguarded(&Sql::made(text), values, true, &mut |row| visit(row).map(|()| true)).map(drop)
    }

    /// Writes rows into a table; how many were written. Each row has a value for each of
    /// `columns`; columns that are not named get their default, or keep what they hold. Within
    /// one call no two rows have the same key, except with [`Load::Insert`], which refuses them.
    /// In a tenant's scope every row must be that tenant's.
    ///
    /// # Errors
    /// As for [`Tx::write`]; [`Code::Internal`] for a column that the table does not have, for a
    /// row of another tenant, or a missing key.
    pub fn load(&mut self, table: &Table, columns: &[&str], rows: &[Vec<Value<'_>>], how: Load) -> Result<u64> {
        let mut kinds = Vec::with_capacity(columns.len());
        for name in columns {
            let at = table.position(name).ok_or_else(|| wrong(format!("`{}` has no column `{name}`", table.name)))?;
            kinds.push(table.columns[at].kind);
        }
        if let Some(missing) = table.key_names().find(|key| !columns.contains(key)) {
            return Err(wrong(format!("rows for `{}` come without `{missing}`, a part of the key", table.name)));
        }
        if rows.iter().any(|row| row.len() != columns.len()) {
            return Err(wrong(format!("a row for `{}` has another number of values than columns", table.name)));
        }
        if let Some(own) = self.whose_rows(table)? {
            let at = columns.iter().position(|name| *name == "tenant_id");
            let foreign = at.is_none_or(|at| rows.iter().any(|row| row[at].text() != Some(own.as_str())));
            if foreign {
                return Err(wrong(format!("a row for `{}` is not the tenant's whose transaction this is", table.name)));
            }
        }
        let tail = conflict(table, columns, how)?;
        let mut written = 0;
        if self.is_postgres() {
            let text = format!("{} SELECT * FROM unnest({}) {tail}", into(table, columns), arrays(&kinds));
            let sql = Sql::made(text);
            for some in rows.chunks(TOGETHER) {
                written += self.writing_arrays(&sql, &kinds, some)?;
            }
        } else {
            let places: Vec<String> = (0..columns.len()).map(|at| format!(":c{at}")).collect();
            let sql = Sql::made(format!("{} VALUES ({}) {tail}", into(table, columns), places.join(", ")));
            for row in rows {
                written += self.writing_values(&sql, row.clone())?;
            }
        }
        Ok(written)
    }

    /// Removes up to `limit` rows of a table, all of them or one tenant's, in the order of its
    /// key; how many went. Rows that others refer to have to be freed first.
    ///
    /// # Errors
    /// As for [`Tx::write`].
    pub fn clear(&mut self, table: &Table, tenant: Option<TenantId>, limit: u32) -> Result<u64> {
        let whose = self.whose(table, tenant)?.map(IdText::new);
        if table.key.is_empty() {
            return Err(wrong(format!("`{}` has no key, so its rows cannot be removed in steps", table.name)));
        }
        let (name, key) = (quoted(&table.name), listed(table.key_names()));
        let filter = if whose.is_some() { "WHERE tenant_id = :tenant" } else { "" };
        let text = format!("DELETE FROM {name} WHERE ({key}) IN (SELECT {key} FROM {name} {filter} ORDER BY {key} LIMIT :limit)");
        let mut values: Vec<Value<'_>> = whose.iter().map(|tenant| Value::Id(*tenant)).collect();
        values.push(Value::Int(i64::from(limit)));
        self.writing_values(&Sql::made(text), values)
    }

    /// Removes the rows with these keys, a value for each column of the key in its order; how many
    /// were there. In the host's scope.
    ///
    /// # Errors
    /// As for [`Tx::write`].
    pub fn remove(&mut self, table: &Table, keys: &[Vec<Value<'_>>]) -> Result<u64> {
        if self.scope() != crate::Scope::Host {
            return Err(wrong("rows are removed by their keys in the host's scope".into()));
        }
        if table.key.is_empty() || keys.iter().any(|key| key.len() != table.key.len()) {
            return Err(wrong(format!("a key for `{}` has another number of values than columns", table.name)));
        }
        let filter: Vec<String> = table.key_names().enumerate().map(|(at, name)| format!("{} = :k{at}", quoted(name))).collect();
        let sql = Sql::made(format!("DELETE FROM {} WHERE {}", quoted(&table.name), filter.join(" AND ")));
        keys.iter().map(|key| self.writing_values(&sql, key.clone())).sum()
    }

    /// The tenant whose rows alone may be written.
    fn whose_rows(&self, table: &Table) -> Result<Option<IdText>> {
        match self.scope() {
            crate::Scope::Host => Ok(None),
            crate::Scope::Tenant(_) => Ok(self.whose(table, None)?.map(IdText::new)),
        }
    }
}

fn into(table: &Table, columns: &[&str]) -> String {
    format!("INSERT INTO {} ({})", quoted(&table.name), listed(columns.iter().copied()))
}

fn conflict(table: &Table, columns: &[&str], how: Load) -> Result<String> {
    if how == Load::Insert {
        return Ok(String::new());
    }
    if table.key.is_empty() {
        return Err(wrong(format!("`{}` has no key, so its rows can only be inserted", table.name)));
    }
    let key: Vec<&str> = table.key_names().collect();
    let set: Vec<String> =
        columns.iter().filter(|name| !key.contains(name)).map(|name| format!("{0} = excluded.{0}", quoted(name))).collect();
    Ok(if set.is_empty() || how == Load::Keep {
        format!("ON CONFLICT ({}) DO NOTHING", listed(key.into_iter()))
    } else {
        format!("ON CONFLICT ({}) DO UPDATE SET {}", listed(key.into_iter()), set.join(", "))
    })
}

/// One array for each column, as parameters.
fn arrays(kinds: &[ColumnKind]) -> String {
    let one = |(at, kind): (usize, &ColumnKind)| {
        let name = match kind {
            ColumnKind::Int => "bigint",
            ColumnKind::Real => "double precision",
            ColumnKind::Text => "text",
            ColumnKind::Blob => "bytea",
        };
        format!(":c{at}::{name}[]")
    };
    kinds.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
}

/// What the values of a row must not be, on either database.
pub(crate) fn fit(values: &[Value<'_>]) -> Result<()> {
    for value in values {
        match value.value() {
            Value::Text(text) if text.as_bytes().contains(&0) => {
                return Err(Code::Invalid.because("A text holds a zero character, which cannot be stored; remove it."));
            }
            Value::Real(number) if number.is_nan() => return Err(Code::Invalid.because("A number is not a number and cannot be stored.")),
            _ => {}
        }
    }
    Ok(())
}
