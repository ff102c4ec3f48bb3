//! How a job is told that nobody wants it any more.

use plimsoll_core::{JobId, Result};
use plimsoll_store::bind;

use super::Policy;
use crate::ledger::Change;

/// What a cancellation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The job had not begun, and never will.
    Before,
    /// The job runs: it is told, has a few seconds to end, and is dropped then. It may still reach
    /// its commit first.
    Asked,
    /// The job had ended, as this state says.
    Over(&'static str),
}

impl Change<'_, '_> {
    /// Cancels a job of the tenant; `None` where there is none of this id. For a job that runs
    /// [`Work::cancel`](super::Work::cancel) hurries the news once this is durable.
    ///
    /// # Errors
    /// What the database says.
    pub fn cancel_job(&mut self, id: JobId, policy: &Policy) -> Result<Option<Cancelled>> {
        let now = self.now();
        let Some(state) = self.maybe::<String>("SELECT state FROM job WHERE tenant_id = :tenant AND id = :id", bind! { id: id })? else {
            return Ok(None);
        };
        let before = self.write(
            "UPDATE job SET state = 'cancelled', cancel_at = :now, finished_at = :now, expires_at = :expires \
             WHERE tenant_id = :tenant AND id = :id AND state IN ('waiting', 'ready')",
            bind! { now: now, expires: now.plus(policy.kept), id: id },
        )?;
        if before > 0 {
            return Ok(Some(Cancelled::Before));
        }
        let asked = self.write(
            "UPDATE job SET cancel_at = COALESCE(cancel_at, :now) WHERE tenant_id = :tenant AND id = :id AND state = 'running'",
            bind! { now: now, id: id },
        )?;
        if asked > 0 {
            self.hurries();
            return Ok(Some(Cancelled::Asked));
        }
        let over = ["done", "dead", "cancelled"].into_iter().find(|name| *name == state).unwrap_or("done");
        Ok(Some(Cancelled::Over(over)))
    }
}
