//! What systems tell operators: figures for the page of metrics, and notes for a person.
//!
//! **Promises.** A system is asked when somebody looks, by one at a time, and what it said is shown again for a
//! second, or for twenty times as long as it took where that is longer: looking costs at most a twentieth of a
//! reader. It has less than a second. What it says is about all tenants together and names none, because the
//! operations listener asks nobody who they are; a note never changes whether requests are sent here.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use plimsoll_core::{Code, Result, Time};
use plimsoll_store::{Pace, Scope, Tx};

use super::Page;
use crate::{
    Host,
    probes::{Health, Weight},
    stack::Boxed,
};

/// How long an answer is shown again at least,
const FRESH: Duration = Duration::from_secs(1);
/// and how many times as long as it took.
const REST: u32 = 20;
/// How long whoever looks waits; less than a health check may take.
const PATIENCE: Duration = Duration::from_millis(800);

static PACE: Pace = Pace::new();

/// What a system tells operators.
#[derive(Default)]
pub struct Told {
    /// Figures. Each label needs a list of values that could be written down, and none may name a tenant or a person.
    pub figures: Page,
    /// What a person should look at, a sentence each; empty when all is well.
    pub notes: Vec<String>,
}

/// What a system may look at to tell it: the data of all tenants together.
pub struct Overview<S> {
    /// The system.
    pub system: Arc<S>,
    host: Arc<Host>,
}

impl<S> Overview<S> {
    /// For a system of this host.
    pub(crate) fn new(system: Arc<S>, host: Arc<Host>) -> Overview<S> {
        Overview { system, host }
    }

    /// Whether a practice is enforced: see [`Host::holds`].
    pub fn holds(&self, practice: &str) -> bool {
        self.host.holds(practice)
    }

    /// The host's clock.
    pub fn now(&self) -> Time {
        self.host.clock.now()
    }

    /// One snapshot of everybody's data. What is made of it must be the same whoever the tenants are.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read<T: Send + 'static>(&self, f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        self.host.store.read(Scope::Host, &PACE, f).await
    }
}

type Ask = Box<dyn Fn(Arc<Host>) -> Boxed<'static, Told> + Send + Sync>;

/// What was said last.
struct Said {
    at: Instant,
    took: Duration,
    told: Arc<Told>,
}

/// A system that can be asked.
pub(crate) struct Teller {
    ask: Ask,
    last: tokio::sync::Mutex<Option<Said>>,
}

impl Teller {
    /// One that says what `ask` gives.
    pub(crate) fn new(ask: impl Fn(Arc<Host>) -> Boxed<'static, Told> + Send + Sync + 'static) -> Teller {
        Teller { ask: Box::new(ask), last: tokio::sync::Mutex::default() }
    }

    async fn fresh(&self, host: &Arc<Host>) -> Arc<Told> {
        let mut last = self.last.lock().await;
        if let Some(said) = last.as_ref().filter(|said| said.at.elapsed() < FRESH.max(said.took * REST)) {
            return said.told.clone();
        }
        let at = Instant::now();
        let told = Arc::new((self.ask)(host.clone()).await);
        *last = Some(Said { at: Instant::now(), took: at.elapsed(), told: told.clone() });
        told
    }
}

/// Everybody who can be asked.
pub(crate) struct Tellers(pub(crate) Vec<Teller>);

impl Tellers {
    /// Writes what every system says now. Who does not answer in time is left out, which is said.
    pub(crate) async fn write(&self, page: &mut Page, host: &Arc<Host>) {
        let mut silent = 0_u32;
        for teller in &self.0 {
            match tokio::time::timeout(PATIENCE, teller.fresh(host)).await {
                Ok(told) => page.append(&told.figures),
                Err(_) => silent += 1,
            }
        }
        page.gauge("plimsoll_systems_silent", "Systems whose figures could not be had in time and are not on this page.", silent);
    }
}

/// Enters what systems note into the host's health: for a person to look at, without any consequence.
pub(crate) fn check(health: &Health, host: &Arc<Host>) {
    let of: Weak<Host> = Arc::downgrade(host);
    health.check("notes", Weight::Note, move || {
        let of = of.clone();
        Box::pin(async move {
            let Some(host) = of.upgrade() else { return Ok(()) };
            let mut notes = Vec::new();
            for teller in &host.tellers.0 {
                let told = tokio::time::timeout(PATIENCE, teller.fresh(&host)).await;
                let told = told.map_err(|_| Code::Internal.because(format!("a system said nothing within {} ms", PATIENCE.as_millis())))?;
                notes.extend(told.notes.iter().cloned());
            }
            if notes.is_empty() { Ok(()) } else { Err(Code::Internal.because(notes.join("; "))) }
        })
    });
}
