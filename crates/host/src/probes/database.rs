//! What every host depends on: a database that answers, with the right schema, that keeps what it
//! acknowledges.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use plimsoll_core::{Clock, Code, Result};
use plimsoll_store::Store;

use super::{Health, Weight};

/// How long a database has to answer a ping; less than a check may take, so that its own error shows.
const PING_LIMIT: Duration = Duration::from_millis(900);
/// How often the settings are read anew; asking includes the size on disk, which is not free.
const SETTINGS_FRESH: Duration = Duration::from_secs(30);

impl Health {
    /// Adds the checks `database`, `schema`, `durability` and `row-security`; the last is vital where
    /// the rules for users' data apply (`strict`), and elsewhere only asks for attention.
    pub fn check_database(&self, store: &Store, strict: bool) {
        let asked = store.clone();
        self.check("database", Weight::Vital, move || {
            let store = asked.clone();
            Box::pin(async move { store.ping(PING_LIMIT).await })
        });
        let asked = store.clone();
        self.check("schema", Weight::Schema, move || {
            let store = asked.clone();
            Box::pin(async move { store.schema_state().await?.ready() })
        });
        let (asked, clock, next) = (store.clone(), self.clock.clone(), Arc::new(AtomicI64::new(i64::MIN)));
        self.check("durability", Weight::Vital, move || {
            let (store, clock, next) = (asked.clone(), clock.clone(), next.clone());
            Box::pin(async move { durable(&store, &clock, &next).await })
        });
        let (asked, clock, next) = (store.clone(), self.clock.clone(), Arc::new(AtomicI64::new(i64::MIN)));
        let weight = if strict { Weight::Vital } else { Weight::Attention };
        self.check("row-security", weight, move || {
            let (store, clock, next) = (asked.clone(), clock.clone(), next.clone());
            Box::pin(async move { bound(&store, &clock, &next).await })
        });
    }
}

async fn bound(store: &Store, clock: &Clock, next: &AtomicI64) -> Result<()> {
    let now = clock.now();
    if now.micros() < next.load(Ordering::SeqCst) {
        return Ok(());
    }
    if store.facts().await?.bypasses_row_security {
        return Err(Code::DatabaseUnavailable
            .because("the database role bypasses row security; connect as a role without SUPERUSER and BYPASSRLS that owns the tables"));
    }
    next.store(now.plus(SETTINGS_FRESH).micros(), Ordering::SeqCst);
    Ok(())
}

async fn durable(store: &Store, clock: &Clock, next: &AtomicI64) -> Result<()> {
    let now = clock.now();
    if store.durable() && now.micros() < next.load(Ordering::SeqCst) {
        return Ok(());
    }
    let facts = store.facts().await?;
    next.store(now.plus(SETTINGS_FRESH).micros(), Ordering::SeqCst);
    if facts.durable {
        return Ok(());
    }
    let settings: Vec<String> = facts.durability.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    Err(Code::DatabaseUnavailable.because(format!(
        "the database may lose what it has acknowledged when the power fails ({}); switch fsync and synchronous_commit on",
        settings.join(", ")
    )))
}
