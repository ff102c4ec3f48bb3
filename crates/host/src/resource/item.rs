//! One object of a resource: what is done to it inside a transaction.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use plimsoll_core::{Code, Error, Fault, Result};
use plimsoll_store::{Reached, Tx, bind};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::{
    Field, FieldKind, Resource, Statements,
    events::{tell, tell_children},
    render,
    statement::{Bound, Owned, lend},
};
use crate::{
    Body, json,
    ledger::{Change, Note},
    route::{Empty, Reply},
};

/// An object of a resource, ready to leave.
pub(super) struct Rendered {
    pub(super) status: StatusCode,
    pub(super) bytes: Vec<u8>,
    pub(super) version: Option<i64>,
    pub(super) location: Option<String>,
}

impl Reply for Rendered {
    fn response(self) -> Result<Response<Body>> {
        let mut answer = Response::new(Body::from(self.bytes));
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(version) = self.version {
            headers.insert(header::ETAG, HeaderValue::from_str(&format!("\"{version}\""))?);
        }
        if let Some(location) = self.location {
            headers.insert(header::LOCATION, HeaderValue::from_str(&location)?);
        }
        Ok(answer)
    }
    fn target(&self) -> Option<String> {
        self.location.as_ref().map(|location| location.trim_start_matches("/v1/").to_owned())
    }
    fn describe(_: &mut SchemaGenerator) -> (u16, Option<Value>) {
        (200, None)
    }
}

/// What a row is now.
pub(super) struct Current {
    pub(super) bytes: Vec<u8>,
    pub(super) version: i64,
    pub(super) deleted_at: Option<i64>,
}

/// Where on earth a day begins first: fourteen hours before it does in Greenwich.
const EASTERNMOST: std::time::Duration = std::time::Duration::from_secs(14 * 3600);

pub(super) fn absent(noun: &str, id: i64) -> Error {
    Code::NotFound.because(format!("there is no {noun} {id}"))
}

/// The row as it is now, deleted or not.
pub(super) fn current(statements: &Statements, tx: &Tx<'_>, id: i64, include: bool) -> Result<Option<Current>> {
    let mut sql = statements.select(include);
    sql.push(" WHERE t.tenant_id = :tenant AND t.id = :id");
    let mut found = None;
    tx.each(sql, bind! { id: id }, &mut |row| {
        let mut bytes = Vec::with_capacity(160);
        render::object(statements.resource, row, include, &mut bytes)?;
        found = Some(Current {
            bytes,
            version: render::version(statements.resource, row)?,
            deleted_at: render::deleted_at(statements.resource, row)?,
        });
        Ok(())
    })?;
    Ok(found)
}

/// The fields of a checked body as values to bind; what is absent becomes null.
pub(super) fn values(resource: &Resource, body: &Value) -> Bound {
    let value = |field: &Field| match (field.kind, &body[field.name]) {
        (_, Value::Null) => Owned::Null,
        (FieldKind::Number, value) => value.as_f64().map_or(Owned::Null, Owned::Real),
        (FieldKind::Reference(_), value) => value.as_i64().map_or(Owned::Null, Owned::Int),
        (_, value) => value.as_str().map_or(Owned::Null, |text| Owned::Text(text.to_owned())),
    };
    resource.sent().map(|field| (field.name, value(field))).collect()
}

/// Faults that the shape of a body does not show: references to what is not there, and days that
/// have not come yet anywhere on earth.
pub(super) fn unfit(resource: &Resource, change: &Change<'_, '_>, bound: &Bound) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let today = change.now().plus(EASTERNMOST).to_string();
    for field in resource.fields.iter().filter(|field| field.past) {
        let late =
            bound.iter().any(|(name, value)| *name == field.name && matches!(value, Owned::Text(day) if day.as_str() > &today[..10]));
        faults.extend(late.then(|| Fault::at(format!("/{}", field.name), "lies in the future")));
    }
    if let Some((_, Reached::Place(column))) = change.reach().and_then(|reach| reach.of(resource.table)) {
        let place = bound.iter().find_map(|(name, value)| match value {
            Owned::Text(text) if *name == column => Some(text.as_str()),
            _ => None,
        });
        if !change.reaches(place)? {
            faults.push(Fault::at(format!("/{column}"), "is none of the places you are bound to"));
        }
    }
    for field in resource.fields {
        let FieldKind::Reference(target) = field.kind else { continue };
        let Some((_, Owned::Int(id))) = bound.iter().find(|(name, value)| *name == field.name && *value != Owned::Null) else { continue };
        if change.maybe::<i64>(exists(target), bind! { id: *id })?.is_none() {
            faults.push(Fault::at(format!("/{}", field.name), format!("there is no {} with this id", target.noun)));
        }
    }
    Ok(faults)
}

/// `SELECT 1 …` for a resource that is referred to.
fn exists(target: &'static Resource) -> &'static str {
    super::list::interned_exists(target.table)
}

/// Inserts one; the id. The body has been checked against the schema.
pub(super) fn insert(statements: &Statements, change: &mut Change<'_, '_>, body: &Value) -> Result<i64> {
    let resource = statements.resource;
    let mut bound = values(resource, body);
    let faults = unfit(resource, change, &bound)?;
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let id = change.born(resource.noun)?;
    bound.push(("id", Owned::Int(id)));
    bound.push(("now", Owned::Int(change.now().micros())));
    change.write(statements.insert, &lend(&bound))?;
    tell(resource, change, "created", id, 1);
    Ok(id)
}

/// The object a caller gets back, made from what was written: no second look at the table.
pub(super) fn echo(resource: &Resource, id: i64, body: &Value) -> Result<Vec<u8>> {
    let mut object = Map::new();
    object.insert("id".into(), json!(id));
    for field in resource.fields {
        let value = match (field.kind, &body[field.name]) {
            // As the database gives it back: a number is a double.
            (FieldKind::Number, value) if !value.is_null() => json!(value.as_f64()),
            (_, value) => value.clone(),
        };
        object.insert(field.name.to_owned(), value);
    }
    Ok(serde_json::to_vec(&object)?)
}

pub(super) fn create(statements: &Statements, change: &mut Change<'_, '_>, body: &Value) -> Result<Rendered> {
    let id = insert(statements, change, body)?;
    // What nobody sends begins with the table's default.
    let bytes = match statements.resource.fields.iter().any(|field| field.read_only) {
        true => current(statements, change, id, false)?.ok_or_else(|| absent(statements.resource.noun, id))?.bytes,
        false => echo(statements.resource, id, body)?,
    };
    Ok(Rendered {
        status: StatusCode::CREATED,
        bytes,
        version: Some(1),
        location: Some(format!("/v1/{}/{id}", statements.resource.plural)),
    })
}

/// Refuses when `If-Match` names another version than the current one.
fn precondition(headers: &HeaderMap, version: i64) -> Result<()> {
    let Some(wanted) = headers.get(header::IF_MATCH) else { return Ok(()) };
    let current = format!("\"{version}\"");
    let matches = wanted
        .to_str()
        .is_ok_and(|wanted| wanted.trim() == "*" || wanted.split(',').any(|one| one.trim().trim_start_matches("W/") == current));
    if matches {
        Ok(())
    } else {
        Err(Code::PreconditionFailed.because("somebody changed this since you read it; read it again and decide"))
    }
}

pub(super) fn replace(
    statements: &Statements,
    change: &mut Change<'_, '_>,
    id: i64,
    headers: &HeaderMap,
    next: impl FnOnce(&[u8]) -> Result<Value>,
) -> Result<Rendered> {
    let resource = statements.resource;
    let found =
        current(statements, change, id, false)?.filter(|found| found.deleted_at.is_none()).ok_or_else(|| absent(resource.noun, id))?;
    precondition(headers, found.version)?;
    let mut body = next(&found.bytes)?;
    let mut bound = values(resource, &body);
    let faults = unfit(resource, change, &bound)?;
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    bound.push(("id", Owned::Int(id)));
    bound.push(("now", Owned::Int(change.now().micros())));
    change.write(statements.update, &lend(&bound))?;
    tell(resource, change, "updated", id, found.version + 1);
    let before = json::parse(&found.bytes)?;
    for field in resource.fields.iter().filter(|field| field.read_only) {
        body[field.name] = before[field.name].clone();
    }
    let bytes = echo(resource, id, &body)?;
    let after = json::parse(&bytes)?;
    let changed: Vec<&str> = resource.fields.iter().map(|field| field.name).filter(|name| before[*name] != after[*name]).collect();
    change.note(Note { target: format!("{}/{id}", resource.plural), detail: Some(json!({ "fields": changed })), ..Note::default() });
    Ok(Rendered { status: StatusCode::OK, bytes, version: Some(found.version + 1), location: None })
}

/// What becomes of those who refer to what is deleted.
#[derive(Clone, Copy)]
pub(super) struct Children {
    /// Whether anybody asks.
    pub(super) bound: bool,
    /// Whether they go along; otherwise they keep it from going.
    pub(super) cascade: bool,
}

pub(super) fn delete(statements: &Statements, change: &mut Change<'_, '_>, id: i64, rule: Children, headers: &HeaderMap) -> Result<Empty> {
    let resource = statements.resource;
    let found =
        current(statements, change, id, false)?.filter(|found| found.deleted_at.is_none()).ok_or_else(|| absent(resource.noun, id))?;
    precondition(headers, found.version)?;
    let now = change.now().micros();
    let mut along = Map::new();
    for child in statements.children.iter().filter(|_| rule.bound) {
        let count: i64 = change.row(child.count, bind! { id: id })?;
        if count > 0 && !rule.cascade {
            return Err(Code::Conflict.because(format!(
                "{count} {} refer to this {}; move or delete them first, or ask for `cascade=true` with the permission {}",
                child.plural, resource.noun, resource.cascade.0
            )));
        }
        if count > 0 {
            let gone: Vec<(i64, i64)> = change.writing(child.delete, bind! { id: id, now: now })?;
            change.gone(child.noun, i64::try_from(gone.len()).unwrap_or(0))?;
            tell_children(child, change, "deleted", &gone);
            along.insert(child.plural.to_owned(), json!(gone.len()));
        }
    }
    change.write(statements.delete, bind! { id: id, now: now })?;
    change.gone(resource.noun, 1)?;
    tell(resource, change, "deleted", id, found.version + 1);
    let detail = (!along.is_empty()).then(|| json!({ "cascade": along }));
    change.note(Note { target: format!("{}/{id}", resource.plural), detail, ..Note::default() });
    Ok(Empty)
}

pub(super) fn restore(statements: &Statements, change: &mut Change<'_, '_>, id: i64) -> Result<Rendered> {
    let resource = statements.resource;
    let found = current(statements, change, id, false)?.ok_or_else(|| absent(resource.noun, id))?;
    let Some(deleted_at) = found.deleted_at else {
        return Err(Code::Conflict.because(format!("{} {id} is not deleted", resource.noun)));
    };
    let body = json::parse(&found.bytes)?;
    let gone = unfit(resource, change, &values(resource, &body))?;
    if let Some(fault) = gone.first() {
        return Err(Code::Conflict.because("what it refers to is deleted too; restore that first").with_faults(vec![fault.clone()]));
    }
    let now = change.now().micros();
    change.write(statements.restore, bind! { id: id, now: now })?;
    change.back(resource.noun, 1)?;
    tell(resource, change, "restored", id, found.version + 1);
    for child in &statements.children {
        let back: Vec<(i64, i64)> = change.writing(child.restore, bind! { id: id, now: now, deleted_at: deleted_at })?;
        if !back.is_empty() {
            change.back(child.noun, i64::try_from(back.len()).unwrap_or(0))?;
            tell_children(child, change, "restored", &back);
        }
    }
    change.note(Note { target: format!("{}/{id}", resource.plural), ..Note::default() });
    Ok(Rendered { status: StatusCode::OK, bytes: found.bytes, version: Some(found.version + 1), location: None })
}
