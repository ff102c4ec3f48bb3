//! The routes of a resource.

use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode, header};
use plimsoll_core::{Access, Code, Error, Fault, Result, TenantId};
use plimsoll_store::{Scope, Tx, bind};
use serde_json::{Value, json};

use super::{
    Resource, Statements, bulk,
    item::{Children, Current, Rendered, absent, create, current, delete, replace, restore},
    list,
    parameters::{if_match, include_parameter, parameter, parameters},
    schema,
};
use crate::{
    Body,
    ctx::{Ctx, Read, Write},
    json,
    route::{Document, Empty, Parameter, Path, Raw, Reply, Routes},
    shape::Shape,
};

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
        let _ = route.recorded_if(resource.watched);

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
        .deferrable()
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
        .answers(200, Some(schema::answer(resource)))
        .recorded_if(resource.watched);

        let statements = shared.clone();
        self.put(
            &item,
            resource.write,
            move |ctx: Ctx<S, Write>, (Path(id), Document(body), Raw { parts }): (Path<i64>, Document, Raw)| {
                let (statements, whole) = (statements.clone(), ctx.host.holds("put-semantics"));
                ctx.commit(move |change| {
                    replace(&statements, change, id, &parts.headers, |current| {
                        if whole {
                            return Ok(body);
                        }
                        // Without the practice, what the body leaves out stays as it was.
                        let mut merged = json::parse(current)?;
                        json::merge(&mut merged, &body);
                        Ok(merged)
                    })
                })
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
                let (statements, shape, merges) = (statements.clone(), shape.clone(), ctx.host.holds("patch-partial-update"));
                ctx.commit(move |change| {
                    replace(&statements, change, id, &parts.headers, |current| {
                        let mut merged = json::parse(current)?;
                        if let Some(fields) = merged.as_object_mut() {
                            fields.shift_remove("id");
                            fields.retain(|name, _| !statements.resource.fields.iter().any(|field| field.read_only && field.name == name));
                            // Without the practice, what is not named is emptied.
                            fields.retain(|name, _| {
                                merges || statements.resource.fields.iter().any(|field| field.required && field.name == name)
                            });
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
        .filter(|name| !resource.sent().any(|field| field.name == *name))
        .map(|name| Fault::at(json::pointer("", name), "is not a field of this resource"))
        .collect()
}

async fn list_all<S>(statements: Arc<Statements>, ctx: Ctx<S, Read>, parts: http::request::Parts) -> Result<Response<Body>> {
    let query = list::Query::parse(&statements, crate::route::pairs(parts.uri.query().unwrap_or_default())?, list::Ways::of(&ctx.host))?;
    if query.deleted {
        require(&ctx, statements.resource.write)?;
    }
    if query.include {
        statements.resource.watched_targets().try_for_each(|target| require(&ctx, target.read))?;
    }
    let path = parts.uri.path().to_owned();
    let carried = parts.uri.query().unwrap_or_default().to_owned();
    let shared = statements.clone();
    let (bytes, next) = ctx.read(move |tx| query.run(&shared, tx)).await?;
    if statements.resource.watched {
        let list: Value = serde_json::from_slice(&bytes)?;
        let ids: Vec<&Value> = list["items"].as_array().into_iter().flatten().map(|item| &item["id"]).collect();
        ctx.seen(statements.resource.plural, json!({ "ids": ids })).await?;
    }
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
        Access::Nobody => Err(Code::Forbidden.because("this is closed to everybody")),
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
    if include {
        statements.resource.watched_targets().try_for_each(|target| require(&ctx, target.read))?;
    }
    let noun = statements.resource.noun;
    let (shared, everywhere) = (statements.clone(), !ctx.host.holds("multi-tenancy"));
    let mut found = ctx.read(move |tx| current(&shared, tx, id, include)).await?;
    if found.is_none() && everywhere {
        found = of_anybody(&statements, &ctx, id).await?;
    }
    let found = found.filter(|found| found.deleted_at.is_none()).ok_or_else(|| absent(noun, id))?;
    if statements.resource.watched {
        ctx.seen(&format!("{}/{id}", statements.resource.plural), json!({ "version": found.version })).await?;
    }
    // With something embedded the object's own version does not tell everything: the content does.
    let version = (!include).then_some(found.version);
    Rendered { status: StatusCode::OK, bytes: found.bytes, version, location: None }.response()
}

/// What is not to be done: whoever knows an id gets the object, whose it may be. Only where the
/// practice `multi-tenancy` is switched off.
async fn of_anybody<S>(statements: &Arc<Statements>, ctx: &Ctx<S, Read>, id: i64) -> Result<Option<Current>> {
    let owner = list::interned_owner(statements.resource.table);
    let owners = move |tx: &Tx<'_>| tx.rows::<TenantId>(owner, bind! { id: id });
    for tenant in ctx.host.store.read(Scope::Host, &ctx.route.pace, owners).await? {
        let statements = statements.clone();
        let read = move |tx: &Tx<'_>| current(&statements, tx, id, false);
        if let Some(found) = ctx.host.store.read(Scope::Tenant(tenant), &ctx.route.pace, read).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
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
    let bound = ctx.host.holds("fk-cascade-rules");
    ctx.commit(move |change| delete(&statements, change, id, Children { bound, cascade }, &parts.headers)).await
}
