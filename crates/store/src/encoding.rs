//! Rows as bytes, the same for both databases: what archives and the change log consist of.
//!
//! The form says itself what it holds, and one row has one form only:
//!
//! ```text
//! row    = number of values, values
//! value  = 0                          null
//!        | 1 number                   integer, zigzag: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4
//!        | 2 eight bytes              float, IEEE 754, least significant byte first
//!        | 3 length, bytes            text, UTF-8
//!        | 4 length, bytes            bytes
//! number = seven bits a byte, least significant first; the highest bit says that more follow;
//!          no more bytes than needed, ten at most
//! ```

use plimsoll_core::{Code, Error, Result};

use crate::{Row, Value};

/// An owned value.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// Nothing.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// A 64-bit float.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<Value<'_>> for Datum {
    fn from(value: Value<'_>) -> Datum {
        match value {
            Value::Null => Datum::Null,
            Value::Int(number) => Datum::Int(number),
            Value::Real(number) => Datum::Real(number),
            Value::Text(text) => Datum::Text(text.to_owned()),
            Value::Blob(bytes) => Datum::Blob(bytes.to_vec()),
            Value::Id(id) => Datum::Text(id.as_str().to_owned()),
        }
    }
}

impl crate::Bind for Datum {
    fn value(&self) -> Value<'_> {
        match self {
            Datum::Null => Value::Null,
            Datum::Int(number) => Value::Int(*number),
            Datum::Real(number) => Value::Real(*number),
            Datum::Text(text) => Value::Text(text),
            Datum::Blob(bytes) => Value::Blob(bytes),
        }
    }
}

/// Adds a number without a sign.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Adds one value.
pub fn put_value(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Null => out.push(0),
        Value::Int(number) => {
            out.push(1);
            put_number(out, ((number << 1) ^ (number >> 63)) as u64);
        }
        Value::Real(number) => {
            out.push(2);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Text(text) => put_bytes(out, 3, text.as_bytes()),
        Value::Id(id) => put_bytes(out, 3, id.as_str().as_bytes()),
        Value::Blob(bytes) => put_bytes(out, 4, bytes),
    }
}

/// Adds a row as a database shows it.
///
/// # Errors
/// As for [`Row::value`].
pub fn put_row(out: &mut Vec<u8>, row: &Row<'_>) -> Result<()> {
    put_number(out, row.len() as u64);
    (0..row.len()).try_for_each(|column| {
        put_value(out, row.value(column)?);
        Ok(())
    })
}

/// Adds a row of given values.
pub fn put_values(out: &mut Vec<u8>, values: &[Value<'_>]) {
    put_number(out, values.len() as u64);
    values.iter().for_each(|value| put_value(out, *value));
}

#[track_caller]
fn broken(why: &str) -> Error {
    Code::Invalid.because("The data is damaged: a row in it cannot be read.").caused_by(format!("a row's bytes: {why}"))
}

/// Takes `count` bytes from the front.
pub(crate) fn take_bytes<'b>(from: &mut &'b [u8], count: u64) -> Result<&'b [u8]> {
    let count = usize::try_from(count).ok().filter(|count| *count <= from.len()).ok_or_else(|| broken("cut off"))?;
    let (taken, rest) = from.split_at(count);
    *from = rest;
    Ok(taken)
}

/// Takes a number from the front.
///
/// # Errors
/// [`Code::Invalid`] where there is none, or it is longer than it needs to be.
pub fn take_number(from: &mut &[u8]) -> Result<u64> {
    let mut number = 0u64;
    for at in 0..10u32 {
        let byte = take_bytes(from, 1)?[0];
        let bits = u64::from(byte & 0x7f);
        if (at == 9 && bits > 1) || (at > 0 && byte == 0) {
            return Err(broken("a number in another form than the shortest"));
        }
        number |= bits << (7 * at);
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(broken("a number without an end"))
}

/// Takes a value from the front, borrowed from the bytes.
///
/// # Errors
/// [`Code::Invalid`] where the bytes are not a value.
pub fn take_value<'b>(from: &mut &'b [u8]) -> Result<Value<'b>> {
    Ok(match take_bytes(from, 1)?[0] {
        0 => Value::Null,
        1 => {
            let number = take_number(from)?;
            Value::Int((number >> 1) as i64 ^ -((number & 1) as i64))
        }
        2 => {
            let bytes = take_bytes(from, 8)?;
            Value::Real(f64::from_le_bytes(bytes.try_into().map_err(|_| broken("cut off"))?))
        }
        3 => {
            let length = take_number(from)?;
            Value::Text(std::str::from_utf8(take_bytes(from, length)?).map_err(|_| broken("a text that is not UTF-8"))?)
        }
        4 => {
            let length = take_number(from)?;
            Value::Blob(take_bytes(from, length)?)
        }
        _ => return Err(broken("no kind of value")),
    })
}

/// Takes a row from the front into `out`, which is emptied first. The values are borrowed from
/// the bytes.
///
/// # Errors
/// [`Code::Invalid`] where the bytes are not a row.
pub fn take_row<'b>(from: &mut &'b [u8], out: &mut Vec<Value<'b>>) -> Result<()> {
    out.clear();
    let count = take_number(from)?;
    // A value takes a byte at least, so a count beyond that is a lie.
    if count > from.len() as u64 {
        return Err(broken("cut off"));
    }
    (0..count).try_for_each(|_| {
        out.push(take_value(from)?);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_as_it_was_and_has_one_form() {
        let values = [
            Value::Null,
            Value::Int(0),
            Value::Int(-1),
            Value::Int(63),
            Value::Int(i64::MIN),
            Value::Int(i64::MAX),
            Value::Real(-0.0),
            Value::Real(f64::MAX),
            Value::Text(""),
            Value::Text("größe"),
            Value::Blob(&[0, 255, 128]),
        ];
        let mut bytes = Vec::new();
        put_values(&mut bytes, &values);
        let (mut rest, mut back) = (&bytes[..], Vec::new());
        take_row(&mut rest, &mut back).unwrap();
        assert!(rest.is_empty());
        assert_eq!(back, values);
        let mut again = Vec::new();
        put_values(&mut again, &back);
        assert_eq!(again, bytes);
        for end in 0..bytes.len() {
            assert_eq!(take_row(&mut &bytes[..end], &mut Vec::new()).unwrap_err().code(), Code::Invalid, "{end}");
        }
    }

    #[test]
    fn the_form_is_the_one_that_is_written_down() {
        let mut bytes = Vec::new();
        put_values(&mut bytes, &[Value::Int(-2), Value::Text("a"), Value::Real(1.0), Value::Blob(b"b"), Value::Null, Value::Int(64)]);
        assert_eq!(bytes, [6, 1, 3, 3, 1, b'a', 2, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 4, 1, b'b', 0, 1, 0x80, 1]);
    }

    #[test]
    fn bytes_that_are_no_row_are_refused() {
        for bytes in [&[1, 9][..], &[1, 1, 0x80, 0], &[1, 3, 1, 0xff], &[200, 1], &[1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2]] {
            assert_eq!(take_row(&mut &*bytes, &mut Vec::new()).unwrap_err().code(), Code::Invalid, "{bytes:?}");
        }
    }
}
