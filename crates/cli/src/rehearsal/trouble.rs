//! Jobs that go wrong in every way a handler can.

use std::time::Duration;

use plimsoll::{
    Code, Committed, Ctx, Result, Write,
    route::{Json, Routes},
    work::{Finished, Job, Jobs, Pauses, Policy},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{CHANGE, Rehearsal, artist, wait};

/// What a job does wrong.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    /// It panics.
    Panics,
    /// It says how far it is, and does not come back before its deadline.
    Hangs,
    /// It fails with a text that nobody wants to read.
    Rambles,
    /// It succeeds with more than anybody wants to keep.
    Hoards,
}

/// One job in trouble; where it takes effect all the same, an artist of this name is made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// What goes wrong.
    how: How,
    /// Name of the artist.
    #[schemars(length(min = 1, max = 64))]
    name: String,
}

const LENGTH: usize = 100_000;

impl Job for Trouble {
    type System = Rehearsal;
    const KIND: &'static str = "rehearsal.trouble";
    const POLICY: Policy =
        Policy { attempts: 2, pauses: Pauses::Listed(&[Duration::from_millis(50)]), deadline: Duration::from_secs(1), ..Policy::DEFAULT };

    async fn run(self, ctx: Ctx<Rehearsal, Write>) -> Result<Committed<Finished>> {
        let mut result = json!({});
        match self.how {
            How::Panics => std::panic::panic_any("the rehearsal panicked as it was told to"),
            How::Rambles => return Err(Code::Internal.because("x".repeat(LENGTH))),
            How::Hoards => result = "x".repeat(LENGTH).into(),
            How::Hangs => {
                ctx.progress(3, Some(10), "in no hurry");
                wait(60_000).await;
            }
        }
        ctx.commit(move |change| {
            artist(change, &self.name)?;
            Ok(Finished(Some(result)))
        })
        .await
    }
}

/// What was made.
#[derive(Serialize, JsonSchema)]
struct Made {
    job: String,
}

async fn enqueue(ctx: Ctx<Rehearsal, Write>, Json(trouble): Json<Trouble>) -> Result<Committed<Json<Made>>> {
    ctx.commit(move |change| Ok(Json(Made { job: change.enqueue(&trouble)?.to_string() }))).await
}

/// The route that makes one.
pub(super) fn routes(r: &mut Routes<'_, Rehearsal>) {
    r.post("/rehearsal/trouble", CHANGE, enqueue).hidden();
}

/// The kind.
pub(super) fn declare(jobs: &mut Jobs<'_, Rehearsal>) {
    jobs.runs::<Trouble>();
}
