//! Layer `csrf`.

use http::Request;
use plimsoll_core::Result;

use crate::{Body, exchange::Exchange};

/// Lets the request pass.
pub fn check(_: &mut Exchange, _: &mut Request<Body>) -> Result<()> {
    Ok(())
}
