//! Many at once, each with its own result.

use std::sync::Arc;

use http::{StatusCode, request::Parts};
use plimsoll_core::{Code, Error, Fault, Result};
use serde_json::{Value, json};

use super::{
    Statements,
    item::{Rendered, insert, unfit, values},
};
use crate::{
    ctx::{Committed, Ctx, Write},
    ledger::Note,
    shape::Shape,
};

/// Most items in one call.
pub(super) const MOST: usize = 1000;
/// Largest body of a bulk call, in bytes.
pub(super) const BODY_LIMIT: usize = 4 << 20;

pub(super) async fn create_many<S: Send + Sync + 'static>(
    statements: Arc<Statements>,
    shape: Arc<Shape>,
    ctx: Ctx<S, Write>,
    body: Value,
    parts: Parts,
) -> Result<Committed<Rendered>> {
    let mut atomic = false;
    for (name, text) in crate::route::pairs(parts.uri.query().unwrap_or_default())? {
        match (name.as_str(), text.as_str()) {
            ("atomic", "true") => atomic = ctx.host.holds("batch-writes"),
            ("atomic", "false") => {}
            _ => return Err(Error::invalid(vec![Fault::at("?atomic", "is the only parameter here, and is true or false")])),
        }
    }
    let reports = ctx.host.holds("batch-writes");
    let many = body["items"].as_array().map_or(0, Vec::len);
    if many > MOST && reports {
        return Err(Error::invalid(vec![Fault::at("/items", format!("has {many} items; {MOST} are the most in one call"))]));
    }
    ctx.commit(move |change| {
        let items = body["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let misshapen: Vec<(usize, Vec<Fault>)> = items.iter().enumerate().map(|(i, item)| (i, shape.faults(item))).filter(|(_, faults)| !faults.is_empty()).collect();
        let shapely = || items.iter().enumerate().filter(|(index, _)| misshapen.binary_search_by_key(index, |(i, _)| *i).is_err());
        let (mut made, mut lost) = (Vec::<(usize, i64)>::new(), Vec::new());
        if atomic {
            // All or none is decided before anything is written.
            for (index, item) in shapely() {
                let faults = unfit(statements.resource, change, &values(statements.resource, item))?;
                lost.extend((!faults.is_empty()).then_some((index, faults)));
            }
        }
        if !atomic || (misshapen.is_empty() && lost.is_empty()) {
            for (index, item) in shapely() {
                match insert(&statements, change, item) {
                    Ok(id) => made.push((index, id)),
                    // Nothing of this item was written: its references are checked before the insert.
                    Err(error) if error.code() == Code::Invalid => lost.push((index, error.faults().to_vec())),
                    Err(error) => return Err(error.under(&format!("/items/{index}"))),
                }
            }
        }
        let mut refused: Vec<(usize, Vec<Fault>)> = misshapen.into_iter().chain(lost).collect();
        refused.sort_by_key(|(index, _)| *index);
        let plural = statements.resource.plural;
        change.note(Note { target: plural.to_owned(), detail: Some(json!({ "created": made.len(), "first": made.first().map(|(_, id)| id), "last": made.last().map(|(_, id)| id), "refused": refused.len() })), ..Note::default() });
        let (mut refused_next, mut made_next) = (refused.iter().peekable(), made.iter().peekable());
        let results: Vec<Value> = (0..items.len())
            .map(|index| {
                if !reports {
                    json!({ "index": index })
                } else if let Some((_, faults)) = refused_next.next_if(|(i, _)| *i == index) {
                    json!({ "index": index, "status": 422, "errors": faults })
                } else if let Some((_, id)) = made_next.next_if(|(i, _)| *i == index) {
                    json!({ "index": index, "status": 201, "id": id, "location": format!("/v1/{plural}/{id}") })
                } else {
                    json!({ "index": index, "status": 424 })
                }
            })
            .collect();
        let status = if made.len() == items.len() { StatusCode::CREATED } else { StatusCode::MULTI_STATUS };
        let bytes = serde_json::to_vec(&json!({ "created": made.len(), "failed": items.len() - made.len(), "results": results }))?;
        Ok(Rendered { status, bytes, version: None, location: None })
    })
    .await
}
