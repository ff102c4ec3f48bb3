//! Rows and what they become.

use plimsoll_core::{Code, Result};

use crate::value::{FromValue, Value};

/// One row of an answer, borrowed from the statement that yields it.
pub struct Row<'r> {
    source: Source<'r>,
    /// Which of its columns are shown: whoever asked for further ones has the rest.
    first: usize,
    columns: usize,
}

#[derive(Clone, Copy)]
enum Source<'r> {
    Lite(&'r rusqlite::Row<'r>),
    Pg(&'r postgres::Row),
}

impl<'r> Row<'r> {
    pub(crate) fn lite(row: &'r rusqlite::Row<'r>, columns: usize) -> Row<'r> {
        Row { source: Source::Lite(row), first: 0, columns }
    }
    pub(crate) fn pg(row: &'r postgres::Row) -> Row<'r> {
        Row { source: Source::Pg(row), first: 0, columns: row.len() }
    }
    /// The same row with its first `count` columns only,
    pub(crate) fn only_first(&self, count: usize) -> Row<'_> {
        Row { source: self.source, first: self.first, columns: count.min(self.columns) }
    }
    /// and without them.
    pub(crate) fn without_first(&self, count: usize) -> Row<'_> {
        let count = count.min(self.columns);
        Row { source: self.source, first: self.first + count, columns: self.columns - count }
    }
}

impl Row<'_> {
    /// The column at this position, counted from 0.
    ///
    /// # Errors
    /// [`Code::Internal`] where there is no such column or it holds another kind of value.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T> {
        T::from_value(self.value(column)?).map_err(|error| match error.cause() {
            Some(cause) => error.caused_by(format!("column {column}: {cause}")),
            None => error,
        })
    }

    /// How many columns the row has.
    pub fn len(&self) -> usize {
        self.columns
    }

    /// Whether the row has no columns.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of the column at this position, as the statement's answer calls it.
    ///
    /// # Errors
    /// [`Code::Internal`] where there is no such column.
    pub fn name(&self, column: usize) -> Result<&str> {
        let absent = || Code::Internal.error().caused_by(format!("column {column} of {}", self.len()));
        if column >= self.len() {
            return Err(absent());
        }
        let at = self.first + column;
        match self.source {
            Source::Lite(row) => row.as_ref().column_name(at).map_err(|_| absent()),
            Source::Pg(row) => row.columns().get(at).map(|column| column.name()).ok_or_else(absent),
        }
    }

    /// The value at this position, borrowed.
    ///
    /// # Errors
    /// [`Code::Internal`] where there is no such column or its type is not one of the five.
    pub fn value(&self, column: usize) -> Result<Value<'_>> {
        if column >= self.len() {
            return Err(Code::Internal.error().caused_by(format!("column {column} of {}", self.len())));
        }
        match self.source {
            Source::Lite(row) => crate::sqlite::value(row, self.first + column),
            Source::Pg(row) => crate::postgres::value(row, self.first + column),
        }
    }
}

/// What a row can become: single values, tuples of up to twelve, and a system's own records.
pub trait FromRow: Sized {
    /// Takes the columns it needs.
    ///
    /// # Errors
    /// [`Code::Internal`] where a column is missing or of another kind.
    fn from_row(row: &Row<'_>) -> Result<Self>;
}

macro_rules! single {
    ($($type:ty),*) => { $(impl FromRow for $type { fn from_row(row: &Row<'_>) -> Result<Self> { row.get(0) } })* };
}
single!(i64, f64, bool, String, Vec<u8>, plimsoll_core::Time, Option<i64>, Option<String>);

impl<K: plimsoll_core::Kind> FromRow for plimsoll_core::Id<K> {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        row.get(0)
    }
}
impl<const N: usize> FromRow for [u8; N] {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        row.get(0)
    }
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),+);)*) => {
        $(impl<$($name: FromValue),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self> { Ok(($(row.get::<$name>($at)?,)+)) }
        })*
    };
}
tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
}
