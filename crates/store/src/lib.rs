//! Floor 1: the only crate that knows a database.
#![expect(unused_variables, reason = "interface first; the bodies follow")]
use plimsoll_core::{Result, TenantId};
use std::{borrow::Cow, sync::Arc, time::Duration};

/// Whose data a transaction may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// one tenant
    Tenant(TenantId),
    /// the host's own tables, across tenants
    Host,
}

/// SQL made of pieces that are in the source: a caller's text cannot become SQL.
#[derive(Debug, Clone)]
pub struct Sql(Cow<'static, str>);
impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Sql {
        Sql(Cow::Borrowed(text))
    }
}
impl Sql {
    /// adds a piece
    pub fn push(&mut self, piece: &'static str) {
        self.0.to_mut().push_str(piece)
    }
    /// the text
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// A borrowed value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// null
    Null,
    /// int
    Int(i64),
    /// real
    Real(f64),
    /// text
    Text(&'a str),
    /// bytes
    Blob(&'a [u8]),
}
/// What can be bound.
pub trait Bind {
    /// as a value
    fn value(&self) -> Value<'_>;
}
impl Bind for i64 {
    fn value(&self) -> Value<'_> {
        Value::Int(*self)
    }
}
impl Bind for str {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}
impl Bind for &str {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}
impl Bind for String {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}
impl Bind for [u8] {
    fn value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}
impl Bind for &[u8] {
    fn value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}
impl Bind for Vec<u8> {
    fn value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}
impl<const N: usize> Bind for [u8; N] {
    fn value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}
impl Bind for f64 {
    fn value(&self) -> Value<'_> {
        Value::Real(*self)
    }
}
impl Bind for bool {
    fn value(&self) -> Value<'_> {
        Value::Int(*self as i64)
    }
}
impl Bind for plimsoll_core::Time {
    fn value(&self) -> Value<'_> {
        Value::Int(self.micros())
    }
}
impl<T: Bind> Bind for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Bind::value)
    }
}
impl<'a> Bind for Value<'a> {
    fn value(&self) -> Value<'_> {
        *self
    }
}
/// Named values.
pub type Params<'a> = [(&'static str, Value<'a>)];
/// `bind!{ name: expr, other: expr }` makes `&[("name", Value), …]`.
#[macro_export]
macro_rules! bind { ($($name:ident : $value:expr),* $(,)?) => { &[$((stringify!($name), $crate::Bind::value(&$value))),*] }; }

/// One row.
pub struct Row<'r> {
    _r: &'r (),
}
impl Row<'_> {
    /// the column at this position
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T> {
        unimplemented!()
    }
    /// how many columns
    pub fn len(&self) -> usize {
        unimplemented!()
    }
    /// none
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// borrowed
    pub fn value(&self, column: usize) -> Result<Value<'_>> {
        unimplemented!()
    }
}
/// What a column can become: i64, f64, bool, String, Vec<u8>, [u8; N], Time, Id<K>, Option<T>.
pub trait FromValue: Sized {
    /// reads
    fn from_value(value: Value<'_>) -> Result<Self>;
}
impl FromValue for i64 {
    fn from_value(v: Value<'_>) -> Result<Self> {
        unimplemented!()
    }
}
impl FromValue for f64 {
    fn from_value(v: Value<'_>) -> Result<Self> {
        unimplemented!()
    }
}
impl FromValue for bool {
    fn from_value(v: Value<'_>) -> Result<Self> {
        unimplemented!()
    }
}
impl FromValue for String {
    fn from_value(v: Value<'_>) -> Result<Self> {
        unimplemented!()
    }
}
impl FromValue for Vec<u8> {
    fn from_value(v: Value<'_>) -> Result<Self> {
        unimplemented!()
    }
}
impl<const N: usize> FromValue for [u8; N] {
    fn from_value(v: Value<'_>) -> Result<Self> {
        unimplemented!()
    }
}
impl FromValue for plimsoll_core::Time {
    fn from_value(v: Value<'_>) -> Result<Self> {
        unimplemented!()
    }
}
impl<K: plimsoll_core::Kind> FromValue for plimsoll_core::Id<K> {
    fn from_value(v: Value<'_>) -> Result<Self> {
        unimplemented!()
    }
}
impl<K: plimsoll_core::Kind> Bind for plimsoll_core::Id<K> {
    fn value(&self) -> Value<'_> {
        unimplemented!()
    }
}
impl<T: FromValue> FromValue for Option<T> {
    fn from_value(v: Value<'_>) -> Result<Self> {
        unimplemented!()
    }
}
/// What a row can become; tuples up to eight and i64/String alone too.
pub trait FromRow: Sized {
    /// reads
    fn from_row(row: &Row<'_>) -> Result<Self>;
}
impl FromRow for i64 {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        row.get(0)
    }
}
impl FromRow for String {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        row.get(0)
    }
}
impl<A: FromValue, B: FromValue> FromRow for (A, B) {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok((row.get(0)?, row.get(1)?))
    }
}
impl<A: FromValue, B: FromValue, C: FromValue> FromRow for (A, B, C) {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    }
}

/// Where a tenant's chain of ledger entries stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// number of the last entry, 0 before the first
    pub seq: i64,
    /// its hash
    pub hash: [u8; 32],
}

/// An open transaction; only closures given to [`Store::read`] and [`Store::commit`] see one.
pub struct Tx<'c> {
    _c: &'c (),
}
impl Tx<'_> {
    /// Every row of a query.
    pub fn rows<T: FromRow>(&self, sql: impl Into<Sql>, params: &Params<'_>) -> Result<Vec<T>> {
        unimplemented!()
    }
    /// The only row: `Code::NotFound` where there is none.
    pub fn row<T: FromRow>(&self, sql: impl Into<Sql>, params: &Params<'_>) -> Result<T> {
        unimplemented!()
    }
    /// The first row, if any.
    pub fn maybe<T: FromRow>(&self, sql: impl Into<Sql>, params: &Params<'_>) -> Result<Option<T>> {
        unimplemented!()
    }
    /// Visits each row without collecting.
    pub fn each(&self, sql: impl Into<Sql>, params: &Params<'_>, f: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        unimplemented!()
    }
    /// Runs a changing statement; how many rows changed.
    pub fn write(&mut self, sql: impl Into<Sql>, params: &Params<'_>) -> Result<u64> {
        unimplemented!()
    }
    /// Runs a changing statement with `RETURNING`.
    pub fn writing<T: FromRow>(&mut self, sql: impl Into<Sql>, params: &Params<'_>) -> Result<Vec<T>> {
        unimplemented!()
    }
    /// next id, one more live
    pub fn born(&mut self, noun: &'static str) -> Result<i64> {
        unimplemented!()
    }
    /// n fewer live
    pub fn gone(&mut self, noun: &'static str, n: i64) -> Result<()> {
        unimplemented!()
    }
    /// n more live
    pub fn back(&mut self, noun: &'static str, n: i64) -> Result<()> {
        unimplemented!()
    }
    /// how many live
    pub fn live(&self, noun: &'static str) -> Result<i64> {
        unimplemented!()
    }
    /// Whose data.
    pub fn scope(&self) -> Scope {
        unimplemented!()
    }
    /// The cached head of this scope's ledger, if this batch has read or moved it.
    pub fn head(&self) -> Option<Head> {
        unimplemented!()
    }
    /// Moves the head; undone if the closure fails.
    pub fn set_head(&mut self, head: Head) {
        unimplemented!()
    }
}

/// How long reads of one kind take; decides whether they run where they are asked or on a thread.
#[derive(Debug, Default)]
pub struct Pace {
    _p: std::sync::atomic::AtomicU32,
}
impl Pace {
    /// starts without knowledge
    pub const fn new() -> Pace {
        Pace { _p: std::sync::atomic::AtomicU32::new(0) }
    }
}

/// The database.
#[derive(Clone)]
pub struct Store(Arc<()>);
impl Store {
    /// One snapshot.
    pub async fn read<T: Send + 'static>(
        &self,
        scope: Scope,
        pace: &Pace,
        f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        unimplemented!()
    }
    /// One transaction, durable when this returns Ok.
    pub async fn commit<T: Send + 'static>(&self, scope: Scope, f: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        unimplemented!()
    }
    /// Whether the database answers within `limit`.
    pub async fn ping(&self, limit: Duration) -> Result<()> {
        unimplemented!()
    }
}

/// One numbered schema change with its way back.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// `0001_artists`
    pub id: &'static str,
    /// SQL
    pub up: &'static str,
    /// SQL that undoes it
    pub down: &'static str,
}
/// The migrations of one owner (`host`, `catalogue`).
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// owner
    pub name: &'static str,
    /// in order
    pub migrations: &'static [Migration],
}
