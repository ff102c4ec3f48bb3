//! Layer `headers`.

use http::Response;

use crate::{Body, exchange::Exchange};

/// Puts the headers on.
pub fn dress(_: &mut Exchange, _: &mut Response<Body>) {}
