//! The five kinds of values both databases agree on, and what Rust puts in and takes out.

use std::{
    borrow::Cow,
    fmt::{self, Write},
    sync::Arc,
};

use plimsoll_core::{Code, Error, Id, Kind, Result, Time};

/// A borrowed value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// A 64-bit integer; also booleans (0 and 1) and times (microseconds since 1970).
    Int(i64),
    /// A 64-bit float; not a number is refused when it is bound.
    Real(f64),
    /// Text without a zero character.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
    /// An id, as the text it prints as; what comes out of a database is [`Value::Text`].
    Id(IdText),
}

impl Value<'_> {
    /// The text, where this is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Id(id) => Some(id.as_str()),
            _ => None,
        }
    }

    /// What kind of value this is, for messages that must not show it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Int(_) => "an integer",
            Value::Real(_) => "a float",
            Value::Text(_) | Value::Id(_) => "text",
            Value::Blob(_) => "bytes",
        }
    }
}

const LONGEST: usize = 40;

/// An id's text, kept inline so that binding one allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdText {
    bytes: [u8; LONGEST],
    length: u8,
}

impl IdText {
    /// The text of `id`.
    pub fn new<K: Kind>(id: Id<K>) -> IdText {
        const { assert!(K::PREFIX.len() + 27 <= LONGEST, "an id's prefix has at most 13 letters") };
        let mut text = IdText { bytes: [0; LONGEST], length: 0 };
        // Cannot fail: the assertion above is about this very length.
        let _ = write!(text, "{id}");
        text
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl Write for IdText {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let start = usize::from(self.length);
        let end = start + piece.len();
        self.bytes.get_mut(start..end).ok_or(fmt::Error)?.copy_from_slice(piece.as_bytes());
        self.length = u8::try_from(end).map_err(|_| fmt::Error)?;
        Ok(())
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can be bound to a parameter.
pub trait Bind {
    /// The value to bind, borrowed.
    fn value(&self) -> Value<'_>;
}

impl Bind for i64 {
    fn value(&self) -> Value<'_> {
        Value::Int(*self)
    }
}
impl Bind for f64 {
    fn value(&self) -> Value<'_> {
        Value::Real(*self)
    }
}
impl Bind for bool {
    fn value(&self) -> Value<'_> {
        Value::Int(i64::from(*self))
    }
}
impl Bind for str {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}
impl Bind for String {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}
impl Bind for Cow<'_, str> {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}
impl Bind for [u8] {
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
impl Bind for Time {
    fn value(&self) -> Value<'_> {
        Value::Int(self.micros())
    }
}
impl<K: Kind> Bind for Id<K> {
    fn value(&self) -> Value<'_> {
        Value::Id(IdText::new(*self))
    }
}
impl Bind for Value<'_> {
    fn value(&self) -> Value<'_> {
        *self
    }
}
impl<T: Bind> Bind for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Bind::value)
    }
}
impl<T: Bind + ?Sized> Bind for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}
impl<T: Bind + ?Sized> Bind for Arc<T> {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}
impl<T: Bind + ?Sized> Bind for Box<T> {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

/// Named values. Each name occurs once; the order does not matter.
pub type Params<'a> = [(&'static str, Value<'a>)];

/// `bind!{ name: expr, other: expr }` makes `&[("name", Value), …]`.
#[macro_export]
macro_rules! bind {
    ($($name:ident : $value:expr),* $(,)?) => { &[$((stringify!($name), $crate::Bind::value(&$value))),*] };
}

/// What a column can become: `i64`, `f64`, `bool`, `String`, `Vec<u8>`, `[u8; N]`, [`Time`],
/// [`Id`], and any of them in an `Option`.
pub trait FromValue: Sized {
    /// Takes what `value` holds.
    ///
    /// # Errors
    /// [`Code::Internal`] where the value is of another kind: the schema and the code disagree.
    fn from_value(value: Value<'_>) -> Result<Self>;
}

#[track_caller]
fn unfit(wanted: &str, value: &Value<'_>) -> Error {
    Code::Internal.error().caused_by(format!("a column holds {}, the code expects {wanted}", value.kind()))
}

impl FromValue for i64 {
    fn from_value(value: Value<'_>) -> Result<Self> {
        match value {
            Value::Int(number) => Ok(number),
            other => Err(unfit("an integer", &other)),
        }
    }
}
impl FromValue for f64 {
    fn from_value(value: Value<'_>) -> Result<Self> {
        match value {
            Value::Real(number) => Ok(number),
            // Sums and averages of whole numbers may come as either, depending on the database.
            Value::Int(number) => Ok(number as f64),
            other => Err(unfit("a float", &other)),
        }
    }
}
impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Result<Self> {
        match value {
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            other => Err(unfit("0 or 1", &other)),
        }
    }
}
impl FromValue for String {
    fn from_value(value: Value<'_>) -> Result<Self> {
        value.text().map(str::to_owned).ok_or_else(|| unfit("text", &value))
    }
}
impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Result<Self> {
        match value {
            Value::Blob(bytes) => Ok(bytes.to_vec()),
            other => Err(unfit("bytes", &other)),
        }
    }
}
impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value<'_>) -> Result<Self> {
        match value {
            Value::Blob(bytes) => bytes.try_into().map_err(|_| unfit("bytes of a fixed length", &value)),
            other => Err(unfit("bytes", &other)),
        }
    }
}
impl FromValue for Time {
    fn from_value(value: Value<'_>) -> Result<Self> {
        i64::from_value(value).map(Time::from_micros)
    }
}
impl<K: Kind> FromValue for Id<K> {
    fn from_value(value: Value<'_>) -> Result<Self> {
        let text = value.text().ok_or_else(|| unfit("an id", &value))?;
        // The parser's sentence is for callers; a bad id in a column is no caller's fault.
        text.parse().map_err(|_: Error| unfit("an id", &value))
    }
}
impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Result<Self> {
        match value {
            Value::Null => Ok(None),
            some => T::from_value(some).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::TenantId;

    #[test]
    fn an_id_binds_as_the_text_it_prints_as() {
        let id = TenantId::from_bits(0x1234_5678_9abc);
        assert_eq!(id.value().text(), Some(id.to_string().as_str()));
        assert_eq!(TenantId::from_value(id.value()).unwrap(), id);
        assert!(TenantId::from_value(Value::Text("usr_x")).unwrap_err().code() == Code::Internal);
    }

    #[test]
    fn a_value_of_another_kind_is_refused_without_showing_it() {
        let error = i64::from_value(Value::Text("secret")).unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert!(bool::from_value(Value::Int(2)).is_err() && <[u8; 4]>::from_value(Value::Blob(b"abc")).is_err());
        assert_eq!(<Option<i64>>::from_value(Value::Null).unwrap(), None);
    }

    #[test]
    fn references_and_shared_text_can_be_bound() {
        let (owned, shared): (String, Arc<str>) = ("a".into(), "b".into());
        fn check(bound: &Params<'_>) {
            assert_eq!(bound.len(), 7);
            assert_eq!((bound[1].1, bound[4].1, bound[5].1), (Value::Text("b"), Value::Int(4), Value::Null));
        }
        check(bind! { a: owned, b: shared, c: "c", d: &owned, e: Some(4), f: None::<&str>, g: [1u8; 2] });
    }
}
