//! Values on their way to the server and back.

use bytes::BytesMut;
use plimsoll_core::Result;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::value::Value;

type Boxed = Box<dyn std::error::Error + Sync + Send>;

/// A borrowed value for a parameter of whatever type the server wants.
#[derive(Debug)]
pub(crate) struct Given<'a>(pub(crate) Value<'a>);

impl ToSql for Given<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Boxed> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => match *wanted {
                Type::INT4 => i32::try_from(number)?.to_sql(wanted, out),
                Type::INT2 => i16::try_from(number)?.to_sql(wanted, out),
                Type::FLOAT8 => (number as f64).to_sql(wanted, out),
                Type::BOOL => (number != 0).to_sql(wanted, out),
                Type::INT8 => number.to_sql(wanted, out),
                Type::TEXT | Type::VARCHAR => number.to_string().to_sql(wanted, out),
                _ => Err(unfit(wanted)),
            },
            Value::Real(number) => match *wanted {
                Type::FLOAT8 => number.to_sql(wanted, out),
                _ => Err(unfit(wanted)),
            },
            Value::Text(text) => text.to_sql(wanted, out),
            Value::Id(id) => id.as_str().to_sql(wanted, out),
            Value::Blob(bytes) => bytes.to_sql(wanted, out),
        }
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

fn unfit(wanted: &Type) -> Boxed {
    format!("the server wants {wanted} for a number").into()
}

/// The type a parameter is announced with; `None` for a null, which has none.
pub(crate) fn announced(value: &Value<'_>) -> Option<Type> {
    match value {
        Value::Null => None,
        Value::Int(_) => Some(Type::INT8),
        Value::Real(_) => Some(Type::FLOAT8),
        Value::Text(_) | Value::Id(_) => Some(Type::TEXT),
        Value::Blob(_) => Some(Type::BYTEA),
    }
}

struct Cell<'a>(Value<'a>);

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(found: &Type, raw: &'a [u8]) -> Result<Self, Boxed> {
        Ok(Cell(match *found {
            Type::INT8 => Value::Int(i64::from_sql(found, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(found, raw)?.into()),
            Type::INT2 => Value::Int(i16::from_sql(found, raw)?.into()),
            Type::OID => Value::Int(u32::from_sql(found, raw)?.into()),
            Type::BOOL => Value::Int(bool::from_sql(found, raw)?.into()),
            Type::FLOAT8 => Value::Real(f64::from_sql(found, raw)?),
            Type::FLOAT4 => Value::Real(f32::from_sql(found, raw)?.into()),
            Type::NUMERIC => numeric(raw)?,
            Type::BYTEA => Value::Blob(raw),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => Value::Text(std::str::from_utf8(raw)?),
            _ => return Err(format!("columns of type {found} are not used here").into()),
        }))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The value of a column, whose number has been checked.
pub(crate) fn value(row: &postgres::Row, column: usize) -> Result<Value<'_>> {
    Ok(row.try_get::<_, Option<Cell<'_>>>(column)?.map_or(Value::Null, |cell| cell.0))
}

/// Decimal numbers are what the server makes of sums and averages of integers: whole ones become
/// integers, as they are on SQLite, others floats.
///
/// The form: four 16-bit numbers (digits, weight, sign, decimals), then digits to base 10000.
fn numeric(raw: &[u8]) -> Result<Value<'static>, Boxed> {
    let half = |at: usize| raw.get(2 * at..2 * at + 2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).ok_or("a number is cut off");
    let (digits, weight, sign, decimals) = (half(0)?, half(1)?, half(2)?, half(3)?);
    let (mut whole, mut real): (Option<i64>, f64) = (Some(0), 0.0);
    for at in 0..usize::try_from(digits)? {
        let digit = half(4 + at)?;
        let power = i32::from(weight) - i32::try_from(at)?;
        real += f64::from(digit) * 10_000f64.powi(power);
        whole = match u32::try_from(power) {
            Ok(power) => whole.and_then(|sum| 10_000i64.checked_pow(power)?.checked_mul(digit.into())?.checked_add(sum)),
            Err(_) => whole,
        };
    }
    let negative = match sign as u16 {
        0x0000 => false,
        0x4000 => true,
        _ => return Err("not a number".into()),
    };
    Ok(match whole {
        Some(sum) if decimals == 0 => Value::Int(if negative { -sum } else { sum }),
        _ => Value::Real(if negative { -real } else { real }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(digits: &[i16], weight: i16, sign: u16, decimals: i16) -> Result<Value<'static>, Boxed> {
        let mut raw = Vec::new();
        for half in [i16::try_from(digits.len()).unwrap(), weight, sign as i16, decimals].iter().chain(digits) {
            raw.extend(half.to_be_bytes());
        }
        numeric(&raw)
    }

    #[test]
    fn whole_decimals_become_integers_and_others_floats() {
        assert_eq!(decimal(&[1, 2345, 6789], 2, 0, 0).unwrap(), Value::Int(123_456_789));
        assert_eq!(decimal(&[7], 2, 0x4000, 0).unwrap(), Value::Int(-700_000_000));
        assert_eq!(decimal(&[], 0, 0, 0).unwrap(), Value::Int(0));
        assert_eq!(decimal(&[2, 5000], 0, 0, 1).unwrap(), Value::Real(2.5));
        assert!(matches!(decimal(&[1], 6, 0, 0).unwrap(), Value::Real(_)), "too large for an integer");
        assert!(decimal(&[1], 0, 0xC000, 0).is_err() && numeric(&[0, 1]).is_err());
    }
}
