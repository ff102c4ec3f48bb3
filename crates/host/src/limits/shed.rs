//! Layer `shed`.

use http::{Request, Response};
use plimsoll_core::Result;

use crate::{
    Body,
    exchange::Exchange,
    stack::{Boxed, Next},
};

/// Passes the request on.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    next.run(x, request)
}
