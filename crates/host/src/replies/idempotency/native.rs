//! A request to a native system: the record is part of the effect's own transaction.

use std::sync::Arc;

use http::{Request, Response};
use plimsoll_core::{Code, Error, Result};
use plimsoll_store::Scope;

use super::{
    Ticket, in_progress,
    layer::{ended, patience},
    running::Entry,
};
use crate::{
    Body,
    edge::problem,
    exchange::Exchange,
    route::{self, Route},
    stack::Next,
};

/// Runs the request unless it has run; [`commit`](crate::Ctx::commit) writes the record.
pub(super) async fn answer(
    x: &mut Exchange,
    request: Request<Body>,
    next: Next<'_>,
    ticket: Arc<Ticket>,
    route: &Route,
) -> Result<Response<Body>> {
    let host = x.host.clone();
    let (engine, until) = (&host.idempotency, patience(x));
    let _turn = loop {
        let entry = engine.running.enter(&ticket);
        if let Some(record) = engine.look(&host.store, &ticket).await? {
            return replay(x, engine.judge(&ticket, &record), route);
        }
        match entry {
            Entry::First(turn) => break turn,
            Entry::Busy(other) => {
                if !ended(other, until).await {
                    x.refused("replay");
                    return Err(in_progress());
                }
            }
        }
    };
    x.ticket = Some(ticket.clone());
    let answered = next.run(x, request).await;
    let Err(error) = answered else { return answered };
    if !(ticket.began() && is_outcome(&error)) {
        return Err(error);
    }
    // The change has been rolled back; that it failed is what a repeat is to be told.
    let document = problem::answer(&error, x.request, x.refused_by);
    let writing = host.clone();
    let kept = host.store.commit(Scope::Tenant(ticket.tenant), move |tx| {
        // Another process may have done in the meantime what failed here.
        let earlier = writing.idempotency.kept(tx, &ticket)?;
        if earlier.is_none() {
            writing.idempotency.keep(tx, &ticket, &document)?;
        }
        Ok(earlier)
    });
    match kept.await {
        Ok(Some(earlier)) => replay(x, Ok(Some(earlier)), route),
        Ok(None) => Err(error),
        Err(cause) => {
            tracing::warn!(error = ?cause, "a failure could not be put on record; a repeat with its key runs again");
            Err(error)
        }
    }
}

fn replay(x: &mut Exchange, judged: Result<Option<Response<Body>>>, route: &Route) -> Result<Response<Body>> {
    match judged {
        Ok(Some(mut answer)) => {
            route::call::dress(&x.host, route, &mut answer);
            Ok(answer)
        }
        Ok(None) => {
            x.refused("replay");
            Err(in_progress())
        }
        Err(error) => {
            x.refused("replay");
            Err(error)
        }
    }
}

/// Whether a failure of a handler says how the request ended. What says that it should be put
/// otherwise, asked by somebody else or later leaves the key unused.
fn is_outcome(error: &Error) -> bool {
    matches!(error.code(), Code::NotFound | Code::PreconditionFailed | Code::Internal)
}
