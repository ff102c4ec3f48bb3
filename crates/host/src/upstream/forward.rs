//! The end of the stack for a mounted service: the request goes out, the answer streams back.

use std::sync::{Arc, atomic::Ordering};

use http::{Request, Response, Uri, uri::PathAndQuery};
use plimsoll_core::Result;

use super::{
    body::Download,
    call::{self, Called},
    headers,
    mount::Mount,
    starting,
};
use crate::{Body, exchange::Exchange};

/// Sends the request to the service and gives back its answer as soon as the head is there.
///
/// # Errors
/// `ServiceStarting`, `CircuitOpen`, `Overloaded` and `UpstreamUnreachable` when nothing was sent;
/// `UpstreamFailed` and `UpstreamTimeout` when the service may have acted.
pub async fn forward(x: &mut Exchange, mount: &Arc<Mount>, request: Request<Body>) -> Result<Response<Body>> {
    let (mut parts, body) = request.into_parts();
    // An error, also where a page will be shown: the layers above may know an older answer.
    if let Some(refusal) = mount.lifecycle().and_then(starting::refusal) {
        return Err(refusal);
    }
    headers::outgoing(x, &mut parts.headers);
    parts.version = http::Version::HTTP_11;
    let target = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::from(target);
    let active = Active::begin(mount);
    let Called { answered, verdict } = call::call(x, mount, parts, body).await?;
    let (mut head, body) = answered.answer.into_parts();
    headers::strip_hop(&mut head.headers);
    active.goes_on();
    let body = verdict.over(Download::new(body, mount.clone(), answered.connection));
    Ok(Response::from_parts(head, Body::stream(body)))
}

/// One request under way; counted until its answer has ended.
struct Active<'m>(Option<&'m Mount>);

impl<'m> Active<'m> {
    fn begin(mount: &'m Mount) -> Active<'m> {
        mount.active.fetch_add(1, Ordering::Relaxed);
        Active(Some(mount))
    }
    /// The body of the answer counts from here on.
    fn goes_on(mut self) {
        self.0 = None;
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        if let Some(mount) = self.0 {
            mount.active.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
