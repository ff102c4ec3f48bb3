//! The SQL of a declaration, put together once from names in the source.

use plimsoll_core::Result;
use plimsoll_store::{Bind, Tx, Value};

use super::{
    Erase, Key, Subject, With,
    register::unfit,
    tombstone::{Mark, stand_in},
};
use crate::identity::hex;

/// The statements of one declaration. They live as long as the process.
pub(super) struct Statements {
    /// Every column of every row of the subject.
    pub(super) select: &'static str,
    /// Every key, or mark of one, that stands in the table, where it has a column of its own with them.
    pub(super) keys: Option<&'static str>,
    /// How many of them live and are counted.
    living: Option<&'static str>,
    /// Deletes or blanks; nothing where the rows are kept.
    change: Option<&'static str>,
    /// How many rows there are.
    count: &'static str,
    /// Brings the tally back to the truth, for all tenants,
    pub(super) recount: Option<&'static str>,
    /// or for the transaction's own.
    pub(super) recount_own: Option<&'static str>,
}

impl Statements {
    pub(super) fn new(subject: &Subject, owned: bool) -> Statements {
        let table = subject.table;
        let own = if owned { "tenant_id = :tenant AND " } else { "" };
        let whose = match subject.key {
            Key::Text(column) | Key::Number(column) | Key::Marked(column) => format!("{own}{column} = :key"),
            Key::Via { column, table, key } => {
                format!("{own}{column} IN (SELECT id FROM {table} WHERE {own}{key} = :key)")
            }
        };
        let leak = |text: String| -> &'static str { String::leak(text) };
        let change = match subject.erase {
            Erase::Keep(_) => None,
            Erase::Delete => Some(leak(format!("DELETE FROM {table} WHERE {whose}"))),
            Erase::Blank(columns) => {
                let set: Vec<String> = columns
                    .iter()
                    .map(|(column, with)| match with {
                        With::Null => format!("{column} = NULL"),
                        With::Empty => format!("{column} = ''"),
                        With::Zero => format!("{column} = 0"),
                        With::Mark => format!("{column} = :mark"),
                    })
                    .collect();
                Some(leak(format!("UPDATE {table} SET {} WHERE {whose}", set.join(", "))))
            }
        };
        let recounted = |whose: &str| {
            subject.counted.filter(|_| matches!(subject.erase, Erase::Delete)).map(|noun| {
                leak(format!(
                    "UPDATE tally SET live = (SELECT count(*) FROM {table} t WHERE t.tenant_id = tally.tenant_id AND t.deleted_at IS NULL) \
                     WHERE {whose}noun = '{noun}'"
                ))
            })
        };
        let recount = recounted("");
        let keys = match subject.key {
            Key::Text(column) | Key::Number(column) | Key::Marked(column) => {
                Some(leak(format!("SELECT DISTINCT {column} FROM {table} WHERE {own}{column} IS NOT NULL")))
            }
            Key::Via { .. } => None,
        };
        Statements {
            keys,
            select: leak(format!("SELECT * FROM {table} WHERE {whose}")),
            living: recount.map(|_| leak(format!("SELECT count(*) FROM {table} WHERE {whose} AND deleted_at IS NULL"))),
            change,
            count: leak(format!("SELECT count(*) FROM {table} WHERE {whose}")),
            recount,
            recount_own: recounted("tenant_id = :tenant AND "),
        }
    }

    /// Does what the declaration says to the rows of this subject; how many there were.
    pub(super) fn erase(&self, tx: &mut Tx<'_>, subject: &Subject, key: &str, mark: &Mark) -> Result<u64> {
        let marked = hex(mark);
        let key = bound(subject.key, key, &marked)?;
        let Some(change) = self.change else {
            return Ok(u64::try_from(tx.row::<i64>(self.count, &[("key", key)])?).unwrap_or_default());
        };
        if let (Some(living), Some(noun)) = (self.living, subject.counted) {
            let living: i64 = tx.row(living, &[("key", key)])?;
            if living > 0 {
                tx.gone(noun, living)?;
            }
        }
        match subject.erase {
            Erase::Blank(columns) if columns.iter().any(|(_, with)| *with == With::Mark) => {
                tx.write(change, &[("key", key), ("mark", stand_in(mark).value())])
            }
            _ => tx.write(change, &[("key", key)]),
        }
    }
}

/// A key as the column holds it; `marked` is its mark in hexadecimal digits.
pub(super) fn bound<'k>(column: Key, key: &'k str, marked: &'k str) -> Result<Value<'k>> {
    match column {
        Key::Text(_) | Key::Via { .. } => Ok(Value::Text(key)),
        Key::Marked(_) => Ok(Value::Text(marked)),
        Key::Number(_) => key.parse().map(Value::Int).map_err(|_| unfit("a key that is no number came to a column of numbers".into())),
    }
}
