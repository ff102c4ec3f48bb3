//! Layer `gate`.

use http::Request;
use plimsoll_core::Result;

use crate::{Body, exchange::Exchange};

/// Refuses what comes before start-up is complete.
pub fn check(_: &mut Exchange, _: &mut Request<Body>) -> Result<()> {
    Ok(())
}
