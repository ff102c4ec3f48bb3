//! What callers see.

mod conditional;
mod description;
mod lists;
mod look;
mod objects;
mod versions;
mod webhooks;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("rest-semantics").proven_by(probe!(Tenants, Native; objects::verbs)),
    page!("put-semantics").proven_by(probe!(Tenants, Native; objects::replacement)),
    page!("patch-partial-update").proven_by(probe!(Tenants, Native; objects::changes)),
    page!("http-caching-headers").proven_by(probe!(Tenants, Native; conditional::attack)).seen_by(probe!(; look::conditional)),
    page!("openapi-docs").proven_by(probe!(Tenants, Native; description::attack)).seen_by(probe!(; look::description)),
    page!("openapi-examples"),
    page!("api-versioning").proven_by(probe!(Tenants, Native; versions::attack)).seen_by(probe!(; look::versions)),
    page!("api-versions-parallel"),
    page!("api-deprecation-policy").proven_by(probe!(Tenants, Copies; versions::deprecation)),
    page!("pagination").proven_by(probe!(Tenants, Native; lists::pages)),
    page!("sorting").proven_by(probe!(Tenants, Native; lists::order)),
    page!("filtering").proven_by(probe!(Tenants, Native; lists::filters)),
    page!("webhooks").proven_by(probe!(Copies; webhooks::attack)),
    page!("api-gateway"),
    page!("cdn"),
    page!("edge-deployment"),
];
