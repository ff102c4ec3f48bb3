//! Rows as JSON, written straight from the database's bytes.

use plimsoll_core::Result;
use plimsoll_store::{Row, Value};

use super::{FieldKind, Resource};

/// A row of `Statements::select`: the object, its version, whether it is deleted.
pub(super) fn object(resource: &Resource, row: &Row<'_>, included: bool, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(b"{\"id\":");
    value(row.value(0)?, out)?;
    let count = resource.fields.len();
    fields(resource, row, 1, out)?;
    if included {
        // After the fields come version and deleted_at, then the columns of each reference.
        let mut column = count + 3;
        for field in resource.fields {
            let FieldKind::Reference(target) = field.kind else { continue };
            out.extend_from_slice(b",\"");
            out.extend_from_slice(field.included_as().as_bytes());
            out.extend_from_slice(b"\":");
            if row.value(column)? == Value::Null {
                out.extend_from_slice(b"null");
            } else {
                out.extend_from_slice(b"{\"id\":");
                value(row.value(column)?, out)?;
                fields(target, row, column + 1, out)?;
                out.push(b'}');
            }
            column += 1 + target.fields.len();
        }
    }
    out.push(b'}');
    Ok(())
}

fn fields(resource: &Resource, row: &Row<'_>, first: usize, out: &mut Vec<u8>) -> Result<()> {
    for (position, field) in resource.fields.iter().enumerate() {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(field.name.as_bytes());
        out.extend_from_slice(b"\":");
        value(row.value(first + position)?, out)?;
    }
    Ok(())
}

fn value(value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Int(number) => serde_json::to_writer(out, &number)?,
        Value::Real(number) => serde_json::to_writer(out, &number)?,
        Value::Text(text) => serde_json::to_writer(out, text)?,
        // No field of a resource is of these kinds.
        Value::Blob(_) | Value::Id(_) => out.extend_from_slice(b"null"),
    }
    Ok(())
}

/// The version of a row of `Statements::select`.
pub(super) fn version(resource: &Resource, row: &Row<'_>) -> Result<i64> {
    row.get(resource.fields.len() + 1)
}

/// When a row of `Statements::select` was deleted.
pub(super) fn deleted_at(resource: &Resource, row: &Row<'_>) -> Result<Option<i64>> {
    row.get(resource.fields.len() + 2)
}
