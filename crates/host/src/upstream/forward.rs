//! The end of the stack for a mounted service: the request goes out, the answer streams back.

use std::sync::{Arc, atomic::Ordering};

use http::{Request, Response, Uri, uri::PathAndQuery};
use plimsoll_core::{Code, Result};

use super::{
    body::{Download, Upload},
    headers,
    mount::Mount,
    starting,
};
use crate::{Body, exchange::Exchange};

/// Sends the request to the service and gives back its answer as soon as the head is there.
///
/// # Errors
/// `UpstreamUnreachable` when nothing was sent; `UpstreamFailed` and `UpstreamTimeout` when the
/// service may have acted.
pub async fn forward(x: &mut Exchange, mount: &Arc<Mount>, request: Request<Body>) -> Result<Response<Body>> {
    let (mut parts, body) = request.into_parts();
    if let Some(answer) = mount.lifecycle().and_then(|state| starting::answer(state, &parts.method, &parts.headers)) {
        return answer;
    }
    headers::outgoing(x, &mut parts.headers);
    parts.version = http::Version::HTTP_11;
    let target = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::from(target);
    let body = Body::stream(Upload::new(body, mount.body_limit, mount.idle_timeout));
    let active = Active::begin(mount);
    let answered = tokio::time::timeout(mount.answer_timeout, mount.pool.send(Request::from_parts(parts, body))).await;
    let late = |_| Code::UpstreamTimeout.because("the service did not answer in time; whether it acted is not known");
    let answered = answered.map_err(late)??;
    let (mut head, body) = answered.answer.into_parts();
    headers::strip_hop(&mut head.headers);
    active.goes_on();
    let body = Download::new(body, mount.clone(), answered.connection);
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
