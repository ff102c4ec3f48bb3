//! An event on its way to subscribers that its own process does not know.

use plimsoll_core::Result;
use serde::{Deserialize, Serialize};

use super::{Bus, Published};
use crate::{
    Committed, Ctx, Write,
    ledger::Change,
    work::{Finished, Job, Jobs, Order},
};

/// Carries an event that was published without a running host (`plimsoll user create`) to the
/// subscribers of the host that claims it.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Relay(Published);

impl From<Published> for Relay {
    fn from(event: Published) -> Relay {
        Relay(event)
    }
}

impl Job for Relay {
    type System = ();
    const KIND: &'static str = "events.relay";

    async fn run(self, ctx: Ctx<(), Write>) -> Result<Committed<Finished>> {
        let bus = ctx.host.work.bus.clone();
        ctx.commit(move |change| {
            hand_over(change, &bus, &self.0)?;
            Ok(Finished(None))
        })
        .await
    }
}

/// One job for every kind that wants this event.
pub(super) fn hand_over(change: &mut Change<'_, '_>, bus: &Bus, event: &Published) -> Result<()> {
    let mut payload = None;
    for one in bus.subscriptions.iter().filter(|_| bus.tells) {
        if one.patterns.iter().any(|pattern| pattern.covers(&event.kind)) {
            let payload = match &payload {
                Some(payload) => payload,
                None => payload.insert(event.json()?),
            };
            change.enqueue_raw(one.kind, &one.policy, payload, &Order::default())?;
        }
    }
    Ok(())
}

/// The host's own kinds of job around events.
pub(crate) fn declare(jobs: &mut Jobs<'_, ()>) {
    jobs.runs::<Relay>();
    jobs.runs::<super::dead::Death>();
}
