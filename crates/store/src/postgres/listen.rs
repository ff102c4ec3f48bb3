//! The connection that hears what other processes committed.

use std::{sync::Arc, thread::Builder, time::Duration};

use postgres::fallible_iterator::FallibleIterator;

use super::{dial::Dial, session::Session};
use crate::{failure::Failure, queue::Queue, tx::Shared, wake::CARRIER, work::Look};

/// How long a thread that hears nothing may take to notice that the store is closed.
const TURN: Duration = Duration::from_millis(500);

/// Starts to listen until `queue` is closed. Where the system gives no thread, wake-ups of other
/// processes are not heard; those of this one are.
pub(crate) fn listen(dial: Arc<Dial>, shared: Arc<Shared>, queue: Arc<Queue<Look>>) {
    let started = Builder::new().name("store-listener".into()).spawn(move || {
        while queue.is_open() {
            let heard = dial.connect(&shared).and_then(|session| hear(session, &shared, &queue));
            if heard.is_err() {
                // The connection's own pause, or a little more.
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    });
    if let Err(error) = started {
        tracing::error!(cause = %error, "no thread to hear other processes on; their wake-ups are missed");
    }
}

fn hear(mut session: Session, shared: &Shared, queue: &Queue<Look>) -> Result<(), Failure> {
    session.control(&format!("LISTEN {CARRIER}"))?;
    // What was said while nobody listened is lost, so everybody looks once.
    shared.hub.fire_all();
    while queue.is_open() {
        let heard = session.client.notifications().timeout_iter(TURN).next();
        match heard {
            Ok(Some(notice)) => shared.hub.carried(notice.payload()),
            Ok(None) if session.client_is_closed() => return Err(Failure::away()),
            Ok(None) => {}
            Err(error) => return Err(session.failed(&error)),
        }
    }
    Ok(())
}
