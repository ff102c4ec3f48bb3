//! The routes of a resource.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use plimsoll_core::{Access, Code, Error, Fault, Result};
use plimsoll_store::{Tx, bind};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::{
    Field, FieldKind, Resource, Statements, bulk, list, render, schema,
    statement::{Bound, Owned, lend},
};
use crate::{
    Body,
    ctx::{Ctx, Read, Write},
    json,
    ledger::{Change, Note},
    route::{Document, Empty, Parameter, Path, Raw, Reply, Routes},
    shape::Shape,
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
    version: i64,
    deleted_at: Option<i64>,
}

impl<S: Send + Sync + 'static> Routes<'_, S> {
    /// All routes of a resource: list, create, bulk, read, replace, change, delete, restore.
    pub fn resource(&mut self, resource: &'static Resource) {
        let shared = Arc::new(Statements::of(resource));
        let Resource { plural, noun, .. } = *resource;
        let one = format!("{} {noun}", if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" });
        let (collection, item) = (resource.path(""), resource.path("/{id}"));
        let input = Shape::compile(&schema::input(resource));

        let statements = shared.clone();
        let mut route = self
            .get(&collection, resource.read, move |ctx: Ctx<S, Read>, Raw { parts }: Raw| list_all(statements.clone(), ctx, parts))
            .named(format!("{plural}.list"))
            .summary(format!("List {plural}"))
            .answers(200, Some(schema::page(resource)))
            .describe("Pages by number (`page`, `page_size`) or, for long walks that must not skip or repeat, by `cursor`: begin with an empty one and follow `next_cursor` or the `Link` header.");
        for parameter in parameters(&shared) {
            route = route.parameter(parameter);
        }

        let statements = shared.clone();
        self.post(&collection, resource.write, move |ctx: Ctx<S, Write>, Document(body): Document| {
            let statements = statements.clone();
            ctx.commit(move |change| create(&statements, change, &body))
        })
        .named(format!("{plural}.create"))
        .summary(format!("Create {one}"))
        .body("application/json", schema::input(resource))
        .example((resource.example)())
        .answers(201, Some(schema::answer(resource)));

        let (statements, shape) = (shared.clone(), Arc::new(input.clone()));
        self.post(&resource.path("/bulk"), resource.write, move |ctx: Ctx<S, Write>, (Document(body), Raw { parts }): (Document, Raw)| {
            bulk::create_many(statements.clone(), shape.clone(), ctx, body, parts)
        })
        .named(format!("{plural}.bulk_create"))
        .summary(format!("Create many {plural}, each with its own result"))
        .describe(format!("Up to {} at once. What is refused does not stop the others, unless `atomic=true`.", bulk::MOST))
        .body("application/json", schema::bulk_envelope(bulk::MOST))
        .documented(schema::bulk_input(resource, bulk::MOST))
        .example(json!({ "items": [(resource.example)()] }))
        .body_limit(bulk::BODY_LIMIT)
        .parameter(parameter("atomic", json!({ "type": "boolean" }), "Create all or none."))
        .answers(201, Some(schema::bulk_answer(resource)))
        .answers(207, Some(schema::bulk_answer(resource)));

        let statements = shared.clone();
        self.get(&item, resource.read, move |ctx: Ctx<S, Read>, (Path(id), Raw { parts }): (Path<i64>, Raw)| {
            read_one(statements.clone(), ctx, id, parts)
        })
        .named(format!("{plural}.read"))
        .summary(format!("Read {one}"))
        .parameters(include_parameter(&shared))
        .answers(200, Some(schema::answer(resource)));

        let statements = shared.clone();
        self.put(
            &item,
            resource.write,
            move |ctx: Ctx<S, Write>, (Path(id), Document(body), Raw { parts }): (Path<i64>, Document, Raw)| {
                let statements = statements.clone();
                ctx.commit(move |change| replace(&statements, change, id, &parts.headers, |_| Ok(body)))
            },
        )
        .named(format!("{plural}.replace"))
        .summary(format!("Replace {one}; never creates"))
        .body("application/json", schema::input(resource))
        .example((resource.example)())
        .parameter(if_match())
        .problem(Code::PreconditionFailed)
        .answers(200, Some(schema::answer(resource)));

        let statements = shared.clone();
        let shape = Arc::new(input);
        self.patch(
            &item,
            resource.write,
            move |ctx: Ctx<S, Write>, (Path(id), Document(patch), Raw { parts }): (Path<i64>, Document, Raw)| {
                let (statements, shape) = (statements.clone(), shape.clone());
                ctx.commit(move |change| {
                    replace(&statements, change, id, &parts.headers, |current| {
                        let mut merged = json::parse(current)?;
                        if let Some(fields) = merged.as_object_mut() {
                            fields.shift_remove("id");
                        }
                        json::merge(&mut merged, &patch);
                        let mut faults = removed_unknown(statements.resource, &patch);
                        faults.extend(shape.faults(&merged));
                        if faults.is_empty() { Ok(merged) } else { Err(Error::invalid(faults)) }
                    })
                })
            },
        )
        .named(format!("{plural}.change"))
        .summary(format!("Change some fields of {one} (JSON merge patch)"))
        .body("application/merge-patch+json", schema::patch_envelope())
        .documented(schema::patch(resource))
        .example((resource.example)())
        .parameter(if_match())
        .problem(Code::PreconditionFailed)
        .answers(200, Some(schema::answer(resource)));

        let statements = shared.clone();
        let mut route = self
            .delete(&item, resource.write, move |ctx: Ctx<S, Write>, (Path(id), Raw { parts }): (Path<i64>, Raw)| {
                delete_one(statements.clone(), ctx, id, parts)
            })
            .named(format!("{plural}.delete"))
            .summary(format!("Delete {one}; it can be restored"))
            .parameter(if_match())
            .problem(Code::PreconditionFailed)
            .problem(Code::Conflict);
        if !resource.children.is_empty() {
            route =
                route.parameter(parameter("cascade", json!({ "type": "boolean" }), "Delete what refers to it too; needs a stronger role."));
        }
        let _ = route;

        let statements = shared;
        self.post(&resource.path("/{id}/restore"), resource.write, move |ctx: Ctx<S, Write>, Path(id): Path<i64>| {
            let statements = statements.clone();
            ctx.commit(move |change| restore(&statements, change, id))
        })
        .named(format!("{plural}.restore"))
        .summary(format!("Bring back a deleted {noun}, with what was deleted along with it"))
        .problem(Code::Conflict)
        .answers(200, Some(schema::answer(resource)));
    }
}

/// Faults of a patch that removes what no object of this resource has: a misspelt name must not
/// look as if it had worked.
fn removed_unknown(resource: &Resource, patch: &Value) -> Vec<Fault> {
    let removed = patch.as_object().into_iter().flatten().filter(|(_, value)| value.is_null()).map(|(name, _)| name);
    removed
        .filter(|name| !resource.fields.iter().any(|field| field.name == *name))
        .map(|name| Fault::at(json::pointer("", name), "is not a field of this resource"))
        .collect()
}

fn parameter(
    name: impl Into<std::borrow::Cow<'static, str>>,
    schema: Value,
    description: impl Into<std::borrow::Cow<'static, str>>,
) -> Parameter {
    Parameter { name: name.into(), place: "query", required: false, description: description.into(), schema }
}

fn if_match() -> Parameter {
    Parameter {
        name: "If-Match".into(),
        place: "header",
        required: false,
        schema: json!({ "type": "string", "pattern": "^(\\*|(W/)?\"[^\"]*\"(, ?(W/)?\"[^\"]*\")*)$" }),
        description: "The entity tag of the version you have seen; 412 if it is no longer the current one.".into(),
    }
}

fn include_parameter(statements: &Statements) -> Vec<Parameter> {
    let names: Vec<&str> =
        statements.resource.fields.iter().filter(|field| matches!(field.kind, FieldKind::Reference(_))).map(Field::included_as).collect();
    if names.is_empty() {
        Vec::new()
    } else {
        vec![parameter("include", json!({ "type": "string", "enum": names }), "Embeds what is referred to, in the same query.")]
    }
}

fn parameters(statements: &Statements) -> Vec<Parameter> {
    let known = list::known_parameters(statements);
    let sorted: Vec<&str> = statements.resource.fields.iter().filter(|field| field.sorted).map(|field| field.name).chain(["id"]).collect();
    let described = known.into_iter().filter(|name| name != "include").map(|name| {
        let (schema, about) = match name.as_str() {
            "page" => {
                (json!({ "type": "integer", "minimum": 1, "maximum": 1_000_000_000, "default": 1 }), "Which page, from 1.".to_owned())
            }
            "page_size" => (
                json!({ "type": "integer", "minimum": 1, "maximum": super::paging::MOST, "default": super::paging::USUAL }),
                "Items on a page.".to_owned(),
            ),
            "cursor" => (
                json!({ "type": "string", "format": "cursor", "pattern": "^[A-Za-z0-9_-]*$" }),
                "Cursor paging: empty to begin, then `next_cursor` of the page before.".to_owned(),
            ),
            "sort" => (
                json!({ "type": "string", "pattern": format!("^-?({0})(,-?({0})){{0,2}}$", sorted.join("|")) }),
                format!("Up to three of {}, separated by commas; a minus before one turns it round.", sorted.join(", ")),
            ),
            "q" => (json!({ "type": "string", "maxLength": 200 }), "Words to look for, regardless of letter case (ASCII).".to_owned()),
            "deleted" => (
                json!({ "type": "boolean", "default": false }),
                "Lists what was deleted instead; needs the permission to change.".to_owned(),
            ),
            other => return filter_parameter(statements, other),
        };
        parameter(name, schema, about)
    });
    described.chain(include_parameter(statements)).collect()
}

fn filter_parameter(statements: &Statements, name: &str) -> Parameter {
    let plain = name.split('[').next().unwrap_or(name);
    let kind = statements.resource.fields.iter().find(|field| field.name == plain).map(|field| field.kind);
    let schema = match kind {
        Some(FieldKind::Date) => json!({ "type": "string", "format": "date" }),
        Some(FieldKind::Number) => json!({ "type": "number" }),
        Some(FieldKind::Reference(_)) => json!({ "type": "integer", "format": "int64" }),
        _ => json!({ "type": "string", "maxLength": 1024 }),
    };
    let about = match name.split('[').nth(1) {
        Some("prefix]") => "Begins with this, regardless of letter case (ASCII).",
        Some("contains]") => "Contains this, regardless of letter case (ASCII).",
        Some("from]") => "This or later, this or more.",
        Some("to]") => "This or earlier, this or less.",
        _ => "Is this.",
    };
    parameter(name.to_owned(), schema, about)
}

async fn list_all<S>(statements: Arc<Statements>, ctx: Ctx<S, Read>, parts: http::request::Parts) -> Result<Response<Body>> {
    let query = list::Query::parse(&statements, crate::route::pairs(parts.uri.query().unwrap_or_default())?)?;
    if query.deleted {
        require(&ctx, statements.resource.write)?;
    }
    let path = parts.uri.path().to_owned();
    let carried = parts.uri.query().unwrap_or_default().to_owned();
    let (bytes, next) = ctx.read(move |tx| query.run(&statements, tx)).await?;
    let mut answer = Rendered { status: StatusCode::OK, bytes, version: None, location: None }.response()?;
    if let Some(next) = next {
        let others: String =
            carried.split('&').filter(|part| !part.is_empty() && !part.starts_with("cursor")).map(|part| format!("{part}&")).collect();
        if let Ok(link) = HeaderValue::from_str(&format!("<{path}?{others}cursor={next}>; rel=\"next\"")) {
            answer.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(answer)
}

fn require<S, M>(ctx: &Ctx<S, M>, access: Access) -> Result<()> {
    match access {
        Access::Needs { permission, least } if !ctx.may(permission, least) => {
            Err(Code::Forbidden.because(format!("this needs the permission {permission}")))
        }
        _ => Ok(()),
    }
}

async fn read_one<S>(statements: Arc<Statements>, ctx: Ctx<S, Read>, id: i64, parts: http::request::Parts) -> Result<Response<Body>> {
    let mut include = false;
    for (name, text) in crate::route::pairs(parts.uri.query().unwrap_or_default())? {
        let known: Vec<Parameter> = include_parameter(&statements);
        let offered = known.first().map(|parameter| &parameter.schema["enum"]);
        match offered {
            Some(names)
                if name == "include"
                    && text.split(',').all(|one| names.as_array().is_some_and(|names| names.iter().any(|name| name == one))) =>
            {
                include = true
            }
            _ => {
                return Err(Error::invalid(vec![Fault::at(
                    format!("?{}", name.chars().take(64).collect::<String>()),
                    "is not offered here, or not with this value",
                )]));
            }
        }
    }
    let noun = statements.resource.noun;
    let found = ctx.read(move |tx| current(&statements, tx, id, include)).await?;
    let found = found.filter(|found| found.deleted_at.is_none()).ok_or_else(|| absent(noun, id))?;
    // With something embedded the object's own version does not tell everything: the content does.
    let version = (!include).then_some(found.version);
    Rendered { status: StatusCode::OK, bytes: found.bytes, version, location: None }.response()
}

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
    resource.fields.iter().map(|field| (field.name, value(field))).collect()
}

/// Faults of references to what is not there.
pub(super) fn dangling(
    resource: &Resource,
    tx: &Tx<'_>,
    bound: &Bound,
    exists: impl Fn(&'static Resource) -> &'static str,
) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for field in resource.fields {
        let FieldKind::Reference(target) = field.kind else { continue };
        let Some((_, Owned::Int(id))) = bound.iter().find(|(name, value)| *name == field.name && *value != Owned::Null) else { continue };
        if tx.maybe::<i64>(exists(target), bind! { id: *id })?.is_none() {
            faults.push(Fault::at(format!("/{}", field.name), format!("there is no {} with this id", target.noun)));
        }
    }
    Ok(faults)
}

/// `SELECT 1 …` for a resource that is referred to.
pub(super) fn exists(target: &'static Resource) -> &'static str {
    super::list::interned_exists(target.table)
}

/// Inserts one; the id. The body has been checked against the schema.
pub(super) fn insert(statements: &Statements, change: &mut Change<'_, '_>, body: &Value) -> Result<i64> {
    let resource = statements.resource;
    let mut bound = values(resource, body);
    let faults = dangling(resource, change, &bound, exists)?;
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let id = change.born(resource.noun)?;
    bound.push(("id", Owned::Int(id)));
    bound.push(("now", Owned::Int(change.now().micros())));
    change.write(statements.insert, &lend(&bound))?;
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

fn create(statements: &Statements, change: &mut Change<'_, '_>, body: &Value) -> Result<Rendered> {
    let id = insert(statements, change, body)?;
    let bytes = echo(statements.resource, id, body)?;
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

fn replace(
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
    let body = next(&found.bytes)?;
    let mut bound = values(resource, &body);
    let faults = dangling(resource, change, &bound, exists)?;
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    bound.push(("id", Owned::Int(id)));
    bound.push(("now", Owned::Int(change.now().micros())));
    change.write(statements.update, &lend(&bound))?;
    let before = json::parse(&found.bytes)?;
    let bytes = echo(resource, id, &body)?;
    let after = json::parse(&bytes)?;
    let changed: Vec<&str> = resource.fields.iter().map(|field| field.name).filter(|name| before[*name] != after[*name]).collect();
    change.note(Note { target: format!("{}/{id}", resource.plural), detail: Some(json!({ "fields": changed })), ..Note::default() });
    Ok(Rendered { status: StatusCode::OK, bytes, version: Some(found.version + 1), location: None })
}

async fn delete_one<S: Send + Sync + 'static>(
    statements: Arc<Statements>,
    ctx: Ctx<S, Write>,
    id: i64,
    parts: http::request::Parts,
) -> Result<crate::ctx::Committed<Empty>> {
    let mut cascade = false;
    for (name, text) in crate::route::pairs(parts.uri.query().unwrap_or_default())? {
        match (name.as_str(), text.as_str()) {
            ("cascade", "true") if !statements.children.is_empty() => cascade = true,
            ("cascade", "false") if !statements.children.is_empty() => {}
            _ => {
                return Err(Error::invalid(vec![Fault::at(
                    format!("?{}", name.chars().take(64).collect::<String>()),
                    "is not offered here, or not with this value",
                )]));
            }
        }
    }
    let (permission, least) = statements.resource.cascade;
    if cascade && !ctx.may(permission, least) {
        return Err(Code::Forbidden.because(format!("deleting with everything that refers to it needs the permission {permission}")));
    }
    ctx.commit(move |change| delete(&statements, change, id, cascade, &parts.headers)).await
}

fn delete(statements: &Statements, change: &mut Change<'_, '_>, id: i64, cascade: bool, headers: &HeaderMap) -> Result<Empty> {
    let resource = statements.resource;
    let found =
        current(statements, change, id, false)?.filter(|found| found.deleted_at.is_none()).ok_or_else(|| absent(resource.noun, id))?;
    precondition(headers, found.version)?;
    let now = change.now().micros();
    let mut along = Map::new();
    for child in &statements.children {
        let count: i64 = change.row(child.count, bind! { id: id })?;
        if count > 0 && !cascade {
            return Err(Code::Conflict.because(format!(
                "{count} {} refer to this {}; move or delete them first, or ask for `cascade=true` with the permission {}",
                child.plural, resource.noun, resource.cascade.0
            )));
        }
        if count > 0 {
            let gone = change.write(child.delete, bind! { id: id, now: now })?;
            change.gone(child.noun, i64::try_from(gone).unwrap_or(0))?;
            along.insert(child.plural.to_owned(), json!(gone));
        }
    }
    change.write(statements.delete, bind! { id: id, now: now })?;
    change.gone(resource.noun, 1)?;
    let detail = (!along.is_empty()).then(|| json!({ "cascade": along }));
    change.note(Note { target: format!("{}/{id}", resource.plural), detail, ..Note::default() });
    Ok(Empty)
}

fn restore(statements: &Statements, change: &mut Change<'_, '_>, id: i64) -> Result<Rendered> {
    let resource = statements.resource;
    let found = current(statements, change, id, false)?.ok_or_else(|| absent(resource.noun, id))?;
    let Some(deleted_at) = found.deleted_at else {
        return Err(Code::Conflict.because(format!("{} {id} is not deleted", resource.noun)));
    };
    let body = json::parse(&found.bytes)?;
    let gone = dangling(resource, change, &values(resource, &body), exists)?;
    if let Some(fault) = gone.first() {
        return Err(Code::Conflict.because("what it refers to is deleted too; restore that first").with_faults(vec![fault.clone()]));
    }
    let now = change.now().micros();
    change.write(statements.restore, bind! { id: id, now: now })?;
    change.back(resource.noun, 1)?;
    for child in &statements.children {
        let back = change.write(child.restore, bind! { id: id, now: now, deleted_at: deleted_at })?;
        if back > 0 {
            change.back(child.noun, i64::try_from(back).unwrap_or(0))?;
        }
    }
    change.note(Note { target: format!("{}/{id}", resource.plural), ..Note::default() });
    Ok(Rendered { status: StatusCode::OK, bytes: found.bytes, version: Some(found.version + 1), location: None })
}
