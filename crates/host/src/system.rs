//! What a system declares.

use std::future::Future;

use plimsoll_core::Result;
use plimsoll_store::{Migration, Reach};

use crate::{
    config::Section,
    host::Boot,
    route::Routes,
    telemetry::{Overview, Told},
    work::Jobs,
};

/// A system declares; the host starts, routes, limits, records and stops it.
pub trait System: Send + Sync + Sized + 'static {
    /// One word: prefix of tables, owner of migrations, and its section in `plimsoll.toml`.
    const NAME: &'static str;
    /// Numbered schema changes with their way back.
    const SCHEMA: &'static [Migration];
    /// Its section; unknown keys are refused at start, with the nearest known one.
    type Config: Section + Send + 'static;

    /// Load what is slow (a model, an index). Readiness waits for it.
    fn start(config: Self::Config, boot: &Boot) -> impl Future<Output = Result<Self>> + Send;
    /// Its routes, below `/v1`.
    fn routes(routes: &mut Routes<'_, Self>);
    /// Its kinds of job.
    fn jobs(jobs: &mut Jobs<'_, Self>) {
        let _ = jobs;
    }
    /// Where its tables hold data about persons, and what an erasure does there. What is not declared
    /// is not found by anyone who asks for their data.
    const SUBJECTS: &'static [crate::subject::Subject] = &[];
    /// How long classes of its data are kept. What is not declared is kept for ever.
    const RETENTION: &'static [crate::retention::Class] = &[];
    /// How its tables hang on places, where members of a tenant can be bound to some of them. Every
    /// statement of such a member reaches what hangs on these places, and nothing else.
    const REACH: Option<&'static Reach> = None;
    /// What it tells operators: figures for `/metrics` and notes for `/health` on the operations listener, about all
    /// tenants together. Asked when somebody looks; counters live in the system, what has to survive a restart is read.
    fn tell(overview: Overview<Self>) -> impl Future<Output = Told> + Send {
        drop(overview);
        std::future::ready(Told::default())
    }
    /// The tenant (by slug) whose data anyone may read, if the owner of the data says so.
    fn public_read(config: &Self::Config) -> Option<String> {
        let _ = config;
        None
    }
    /// Fills a tenant with sample data, for `serve --demo`.
    fn demo(&self, change: &mut crate::ledger::Change<'_, '_>) -> Result<()> {
        let _ = change;
        Ok(())
    }
}
