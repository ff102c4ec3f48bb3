//! What a handler answers with; the kind of route decides what is allowed.

use http::{HeaderValue, Response, StatusCode, header};
use plimsoll_core::{Error, Result};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use crate::{
    Body,
    ctx::{Committed, Read, Write},
};

/// JSON, in or out.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

/// 201 with the new thing and its address.
#[derive(Debug, Clone)]
pub struct Created<T> {
    /// Where it is now.
    pub location: String,
    /// What it is now.
    pub body: T,
}

/// 204: done, nothing to say.
#[derive(Debug, Clone, Copy)]
pub struct Empty;

/// An answer with its version as an entity tag.
#[derive(Debug, Clone)]
pub struct Tagged<T> {
    /// The tag, without quotes.
    pub tag: String,
    /// The answer itself.
    pub inner: T,
}

pub(crate) static JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) fn json_answer<T: Serialize>(status: StatusCode, value: &T) -> Result<Response<Body>> {
    let mut answer = Response::new(Body::from(serde_json::to_vec(value).map_err(Error::from)?));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, JSON.clone());
    Ok(answer)
}

/// An answer that can be stored with its effect.
pub trait Reply: Send + 'static {
    /// As HTTP.
    fn response(self) -> Result<Response<Body>>;
    /// What the effect was on, for the ledger (`songs/17`); the path where `None`.
    fn target(&self) -> Option<String> {
        None
    }
    /// What a job that ends with this leaves to be asked for.
    fn result(&self) -> Option<Value> {
        None
    }
    /// Status and schema, for the API description.
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Option<Value>);
}

impl<T: Serialize + JsonSchema + Send + 'static> Reply for Json<T> {
    fn response(self) -> Result<Response<Body>> {
        json_answer(StatusCode::OK, &self.0)
    }
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Option<Value>) {
        (200, Some(schemas.subschema_for::<T>().to_value()))
    }
}
impl<T: Serialize + JsonSchema + Send + 'static> Reply for Created<T> {
    fn response(self) -> Result<Response<Body>> {
        let mut answer = json_answer(StatusCode::CREATED, &self.body)?;
        answer.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&self.location)?);
        Ok(answer)
    }
    fn target(&self) -> Option<String> {
        Some(self.location.trim_start_matches("/v1/").to_owned())
    }
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Option<Value>) {
        (201, Some(schemas.subschema_for::<T>().to_value()))
    }
}
impl Reply for Empty {
    fn response(self) -> Result<Response<Body>> {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        Ok(answer)
    }
    fn describe(_: &mut SchemaGenerator) -> (u16, Option<Value>) {
        (204, None)
    }
}
impl<T: Reply> Reply for Tagged<T> {
    fn response(self) -> Result<Response<Body>> {
        let mut answer = self.inner.response()?;
        answer.headers_mut().insert(header::ETAG, HeaderValue::from_str(&format!("\"{}\"", self.tag))?);
        Ok(answer)
    }
    fn target(&self) -> Option<String> {
        self.inner.target()
    }
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Option<Value>) {
        T::describe(schemas)
    }
}
/// For what no type above says: pages, cookies, streams. Not described.
impl Reply for Response<Body> {
    fn response(self) -> Result<Response<Body>> {
        Ok(self)
    }
    fn describe(_: &mut SchemaGenerator) -> (u16, Option<Value>) {
        (200, None)
    }
}

/// What a route of kind `M` may answer with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an answer for this kind of route",
    label = "a route that changes state answers with what `ctx.commit(..)` returns; a route that reads answers with `Json`, `Tagged` or `Empty`",
    note = "see the module documentation of `plimsoll::route`"
)]
pub trait Answer<M>: Send {
    /// As HTTP.
    fn answer(self) -> Result<Response<Body>>;
    /// Status and schema, for the API description.
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Option<Value>);
}

impl<T: Reply> Answer<Read> for T {
    fn answer(self) -> Result<Response<Body>> {
        self.response()
    }
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Option<Value>) {
        <T as Reply>::describe(schemas)
    }
}
impl<T: Reply> Answer<Write> for Committed<T> {
    fn answer(self) -> Result<Response<Body>> {
        self.response()
    }
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Option<Value>) {
        T::describe(schemas)
    }
}
