//! An event and somebody who hears of it.

use std::time::Duration;

use plimsoll::{
    Access, Code, Committed, Ctx, Result, Role, Write,
    route::{Empty, Json, Routes},
    work::{
        Finished, Job, Jobs, Pauses, Policy,
        events::{Event, Published},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{CHANGE, Rehearsal, artist};

const READ: Access = Access::needs("artists:read", Role::Viewer);

/// What is to be told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Word {
    /// Name of the artist that the subscriber makes.
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// So many attempts of the subscriber fail before one succeeds.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    fails: i64,
    /// Bytes to carry besides.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100_000))]
    bytes: i64,
    /// Whether the change fails after the event.
    #[serde(default)]
    breaks: bool,
}

async fn say(ctx: Ctx<Rehearsal, Write>, Json(word): Json<Word>) -> Result<Committed<Empty>> {
    ctx.commit(move |change| {
        let filling = "x".repeat(usize::try_from(word.bytes).unwrap_or(0));
        let data = json!({ "name": word.name, "fails": word.fails, "filling": filling });
        change.emit(Event::new("rehearsal.said", "/v1/rehearsal/events", READ, data));
        if word.breaks { Err(Code::Conflict.because("the rehearsal was told to break the change")) } else { Ok(Empty) }
    })
    .await
}

/// Hears of it and makes the artist.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Heard(Published);

impl Job for Heard {
    type System = Rehearsal;
    const KIND: &'static str = "rehearsal.heard";
    const POLICY: Policy =
        Policy { pauses: Pauses::Doubling { first: Duration::from_millis(100), longest: Duration::from_secs(1) }, ..Policy::DEFAULT };

    async fn run(self, ctx: Ctx<Rehearsal, Write>) -> Result<Committed<Finished>> {
        let attempt = ctx.lease().map_or(1, |lease| lease.attempt);
        if attempt <= self.0.data["fails"].as_i64().unwrap_or(0) {
            return Err(Code::Internal.because("the rehearsal failed as it was told to"));
        }
        ctx.commit(move |change| {
            let made = artist(change, self.0.data["name"].as_str().unwrap_or("nameless"))?;
            Ok(Finished(Some(json!({ "artist": made, "event": self.0.id.to_string() }))))
        })
        .await
    }
}

/// The route that tells.
pub(super) fn routes(r: &mut Routes<'_, Rehearsal>) {
    r.post("/rehearsal/events", CHANGE, say).hidden();
}

/// The subscriber.
pub(super) fn declare(jobs: &mut Jobs<'_, Rehearsal>) {
    jobs.on::<Heard>("rehearsal.*");
}
