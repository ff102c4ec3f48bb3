//! The end of the stack for a mounted service: the request goes out, the answer streams back.

use std::sync::Arc;

use http::{Extensions, Request, Response, StatusCode, Uri, header, uri::PathAndQuery};
use hyper::body::Body as _;
use plimsoll_core::Result;

use super::{
    body::Download,
    call::{self, Called},
    headers,
    mount::{Active, Mount},
    pool::Answered,
    starting, upgrade,
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
    let wanted = upgrade::wanted(x, mount, &mut parts)?;
    let streams = body.size_hint().exact().is_none();
    headers::outgoing(x, mount, &mut parts, streams)?;
    if let Some(wanted) = &wanted {
        wanted.mark(&mut parts.headers);
    }
    let target = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::from(target);
    parts.extensions = Extensions::new();
    let active = Active::begin(mount);
    let Called { answered, verdict } = call::call(x, mount, parts, body).await?;
    let Answered { answer, connection } = answered;
    if let Some(wanted) = wanted.filter(|_| answer.status() == StatusCode::SWITCHING_PROTOCOLS) {
        return wanted.switch(mount, answer, connection);
    }
    upgrade::unasked(answer.status())?;
    let streaming = answer.headers().get(header::CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"text/event-stream"));
    let idle = if streaming { mount.stream_idle_timeout } else { mount.idle_timeout };
    let (mut head, body) = answer.into_parts();
    headers::incoming(mount, &mut head)?;
    let body = verdict.over(Download::new(body, active, connection, idle));
    Ok(Response::from_parts(head, Body::stream(body)))
}
