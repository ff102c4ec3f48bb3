//! What callers see.

use plimsoll_assess::Practice;

pub(crate) const AREA: &[Practice] = &[
    page!("rest-semantics"),
    page!("put-semantics"),
    page!("patch-partial-update"),
    page!("http-caching-headers"),
    page!("openapi-docs"),
    page!("openapi-examples"),
    page!("api-versioning"),
    page!("api-versions-parallel"),
    page!("api-deprecation-policy"),
    page!("pagination"),
    page!("sorting"),
    page!("filtering"),
    page!("webhooks"),
    page!("api-gateway"),
    page!("cdn"),
    page!("edge-deployment"),
];
