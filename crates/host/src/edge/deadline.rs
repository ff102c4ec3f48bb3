//! Layer `deadline`: one budget of time per request.

use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Body as _;
use plimsoll_core::{Code, Result};

use crate::{
    Body,
    exchange::Exchange,
    stack::{Boxed, Next},
};

/// How much longer a mounted service's answer is waited for here: the call itself ends in time, and
/// says better than this layer whose time it was.
const GRACE: Duration = Duration::from_secs(1);

/// Ends what takes longer than the route allows.
///
/// Dropping the future does not undo a transaction that has already reached the database's
/// thread: the caller learns that the answer is late, not that nothing happened.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    if !x.host.holds("request-timeouts") {
        return Box::pin(next.run(x, request));
    }
    let own = x.matched.as_ref().and_then(|matched| matched.route.time_limit);
    let limit = own.unwrap_or(x.host.edge.handler_timeout);
    x.deadline = Instant::now() + limit;
    let mounted = x.matched.as_ref().is_some_and(|matched| matched.route.mount.is_some());
    // A body on its way to a mounted service takes as long as it takes while it moves; the time for
    // the answer begins behind it and is kept there.
    if mounted && !request.body().is_end_stream() {
        return Box::pin(next.run(x, request));
    }
    let patience = if mounted { limit.saturating_add(GRACE) } else { limit };
    Box::pin(async move {
        let finished = tokio::time::timeout(patience, next.run(x, request)).await;
        finished.unwrap_or_else(|_| {
            x.refused("deadline");
            Err(Code::HandlerTimeout.because(format!(
                "the answer took longer than the {} s allowed here; a change may have been made all the same",
                limit.as_secs_f32()
            )))
        })
    })
}
