//! A schedule that only tells: an event for subscribers, webhooks and streams.

use plimsoll_core::{Access, Code, Result, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Committed, Ctx, Write,
    work::{Finished, Job, events::Event},
};

const READ: Access = Access::needs("events:read", Role::Viewer);

/// The longest word, in bytes.
const LONGEST: usize = 200;

/// Tells `reminder.due` with a word: how a tenant lets the clock call something outside.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remind {
    /// Whatever tells the receiver what it is about.
    word: String,
}

impl Job for Remind {
    type System = ();
    const KIND: &'static str = "events.remind";
    const SCHEDULED_BY_TENANTS: bool = true;

    async fn run(self, ctx: Ctx<(), Write>) -> Result<Committed<Finished>> {
        if self.word.len() > LONGEST {
            return Err(Code::Invalid.because(format!("a reminder has {LONGEST} bytes at most")));
        }
        ctx.commit(move |change| {
            change.emit(Event::new("reminder.due", "/v1/schedules", READ, json!({ "word": self.word })));
            Ok(Finished(None))
        })
        .await
    }
}
