//! Retention: who is about to interrupt treatment, why, and what was done about it.
//!
//! A person's [`record`] is what an export ([`formats`]) or the database ([`chart`]) hands over; the
//! [`features`] are what a model is told of it as of a date; [`models`] are kept and activated,
//! [`score`] asks the active one, and the [`cohort`] is a programme that does not exist, for
//! demonstrations and tests. Exports come in by [`ingest`].

pub mod ab;
pub mod action;
mod analytics;
pub mod chart;
pub mod cohort;
mod demo;
pub mod ensemble;
pub mod features;
pub mod formats;
pub mod ingest;
pub mod models;
pub mod nouns;
mod pages;
mod people;
mod periods;
pub mod reach;
pub mod record;
mod records;
pub mod score;
mod timeline;
pub mod train;
pub mod watch;

use std::path::{Path, PathBuf};

use plimsoll::{
    Code, Migration, Result, System,
    config::Span,
    host::Boot,
    ledger::Change,
    retention::Class,
    route::Routes,
    subject::Subject,
    telemetry::{Overview, Told},
    work::Jobs,
};

/// The seed of the programme that does not exist: of `serve --demo`, and of `demo retention` unless it is told another.
pub const DEMO_SEED: u64 = demo::SEED;

/// The system.
pub struct Retention {
    /// Its settings.
    pub(crate) config: Config,
    /// Models that were read, by their digest.
    pub(crate) shelf: models::Shelf,
    /// What is counted while scores are made.
    pub(crate) meters: watch::Meters,
}

plimsoll::section! {
    /// People on treatment: who may interrupt it, and why. (`[retention]` is how long data is kept.)
    pub struct Config["treatment"] {
        /// Folder from which large exports are read; none is read unless it is set.
        pub inbox: Option<PathBuf> = none,
        /// Share of refused records above which a file has failed, 0 to 1.
        pub most_rejects: f64 = "0.05",
        /// How many people the programme can trace in a week: where the risk list is cut.
        pub capacity: u32 = "50",
        /// Scores of this level and above raise an alert: `low`, `medium`, `high` or `critical`.
        pub alert_from: String = "high",
        /// An alert that was resolved or dismissed keeps quiet others of its kind for the person for so long.
        pub alert_quiet: Span = "14d",
        /// So many days after a refill was due without one, an alert is raised.
        pub missed_after: u32 = "3",
        /// An alert that nobody takes on escalates after so long,
        pub escalate_after: Span = "24h",
        /// and so many times at most.
        pub escalations: u32 = "3",
    }
}

impl Retention {
    /// The inbox.
    pub(crate) fn inbox(&self) -> Result<&Path> {
        self.config
            .inbox
            .as_deref()
            .ok_or_else(|| Code::NotFound.because("no inbox is configured; name a folder as `inbox` in `[treatment]`"))
    }
}

/// A step of the schema, by its name in the folder `schema`.
macro_rules! migration {
    ($id:literal) => {
        Migration {
            id: $id,
            up: include_str!(concat!("../schema/", $id, ".up.sql")),
            down: include_str!(concat!("../schema/", $id, ".down.sql")),
        }
    };
}

impl System for Retention {
    // `retention` is the host's own word for how long data is kept.
    const NAME: &'static str = "treatment";
    const SCHEMA: &'static [Migration] = &[
        migration!("0001_treatment"),
        migration!("0002_action"),
        migration!("0003_models"),
        migration!("0004_data"),
        migration!("0005_ensembles"),
        migration!("0006_standing"),
        migration!("0007_ab_tests"),
        migration!("0008_scope"),
        migration!("0009_release"),
    ];
    type Config = Config;
    const SUBJECTS: &'static [Subject] = nouns::SUBJECTS;
    const RETENTION: &'static [Class] = periods::CLASSES;
    const REACH: Option<&'static plimsoll::Reach> = Some(&reach::REACH);

    async fn start(config: Config, boot: &Boot) -> Result<Retention> {
        if !(0.0..=1.0).contains(&config.most_rejects) {
            return Err(Code::ConfigInvalid.because("treatment.most_rejects is a share between 0 and 1"));
        }
        action::alert::Terms::of(&config)?;
        Ok(Retention { config, shelf: models::Shelf::new(boot)?, meters: watch::Meters::default() })
    }

    fn routes(r: &mut Routes<'_, Self>) {
        r.resource(&nouns::FACILITIES);
        // Before the routes with an id, which would take their words for one.
        people::routes(r);
        r.resource(&nouns::PATIENTS);
        records::routes(r);
        ingest::routes(r);
        models::routes(r);
        train::routes(r);
        ensemble::routes(r);
        ab::routes(r);
        watch::routes(r);
        score::routes(r);
        action::routes(r);
        reach::routes(r);
        timeline::routes(r);
        analytics::routes(r);
        pages::routes(r);
    }

    fn jobs(jobs: &mut Jobs<'_, Self>) {
        jobs.runs::<ingest::Ingest>();
        // A day that passes changes what is due, whether or not a file comes.
        jobs.every_tenant::<score::ScoreAll>("retention-score", "30 2 * * *", "UTC");
        jobs.every_tenant::<action::Overdue>("retention-overdue", "15 3 * * *", "UTC");
        jobs.runs::<train::Train>();
        jobs.every_tenant::<watch::Watch>("retention-watch", "30 3 * * *", "UTC");
        jobs.runs::<ensemble::Fit>();
        jobs.every_tenant::<ab::Look>("retention-ab-look", "45 3 * * *", "UTC");
    }

    fn tell(overview: Overview<Retention>) -> impl Future<Output = Told> + Send {
        watch::tell(overview)
    }

    fn demo(&self, change: &mut Change<'_, '_>) -> Result<()> {
        demo::fill(change, &self.shelf)
    }
}
