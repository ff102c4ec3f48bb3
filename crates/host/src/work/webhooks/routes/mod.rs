//! `/v1/webhooks`: endpoints, their secrets and their deliveries.

mod deliveries;
mod endpoints;
mod secrets;

use plimsoll_core::{Access, Role};

use crate::route::Routes;

pub(super) const READ: Access = Access::needs("webhooks:read", Role::Admin);
const WRITE: Access = Access::needs("webhooks:write", Role::Admin);

/// Declares them below `/v1`.
pub fn routes(r: &mut Routes<'_, ()>) {
    endpoints::routes(r);
    secrets::routes(r);
    deliveries::routes(r);
}
