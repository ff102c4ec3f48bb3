//! What is no longer needed is gone: a period for each class of data, and the purge that keeps it.
//!
//! Systems declare classes ([`Class`]), the host declares its own ([`own`]); `[retention] periods`
//! changes a period. Every `[retention] every` each tenant's classes are purged, in small commits,
//! by one process whoever many there are. Each run leaves a row with class, count and the moment
//! up to which it removed; one that removed something is in the tenant's ledger.
//!
//! **Does not promise** anything about archives, which have a retention of their own, nor about what
//! keeps a period by itself: records of idempotency keys (`idempotency.lifetime`), jobs and events.

pub mod config;
pub mod own;
mod purge;
mod routes;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use plimsoll_core::{Code, Result};
use plimsoll_store::{Migration, Schema};

use self::config::RetentionConfig;
pub use self::{
    purge::{Run, keep, run},
    routes::routes,
};
use crate::config::{Setting, Span};

/// The table of last runs.
pub const SCHEMA: Schema = Schema {
    name: "retention",
    migrations: &[Migration { id: "0001_retention", up: include_str!("schema.sql"), down: "DROP TABLE purge;" }],
};

/// A class of data with a period.
#[derive(Debug, Clone, Copy)]
pub struct Class {
    /// Its name: `deleted-songs`.
    pub name: &'static str,
    /// What it is, and what starts its clock, for people.
    pub about: &'static str,
    /// How long it is kept unless the configuration says otherwise.
    pub period: Duration,
    /// What is removed, in this order: rows that refer come before those they refer to.
    pub steps: &'static [Step],
}

/// Rows of one table whose time is over.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The table; tenants own it.
    pub table: &'static str,
    /// The column that, with `tenant_id`, tells rows apart.
    pub row: &'static str,
    /// When a row's time is over: a condition with `:limit`, the moment before which all is over.
    pub over: &'static str,
    /// Columns that become null, where the row itself stays.
    pub blank: &'static [&'static str],
}

/// A class as it is kept here.
pub(crate) struct Kept {
    pub(crate) class: Class,
    pub(crate) system: &'static str,
    /// `None`: for ever.
    pub(crate) period: Option<Duration>,
    pub(crate) statements: Vec<&'static str>,
}

/// The classes and their periods.
pub struct Retention {
    pub(crate) classes: Vec<Kept>,
    pub(crate) every: Duration,
}

impl Retention {
    /// The classes of the host and of these systems, with the configured periods.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] for a class that nobody declared and a period that is none.
    pub fn new(systems: &[(&'static str, &'static [Class])], config: &RetentionConfig) -> Result<Arc<Retention>> {
        let mut classes: Vec<Kept> = Vec::new();
        for (system, declared) in std::iter::once(&("host", own::CLASSES)).chain(systems) {
            classes.extend(declared.iter().map(|class| Kept {
                class: *class,
                system,
                period: Some(class.period),
                statements: class.steps.iter().map(statement).collect(),
            }));
        }
        for (name, period) in periods(&config.periods)? {
            let Some(known) = classes.iter_mut().find(|known| known.class.name == name) else {
                let there: Vec<&str> = classes.iter().map(|known| known.class.name).collect();
                return Err(Code::ConfigInvalid
                    .because(format!("retention.periods names `{name}`, which is no class of data; there are {}", there.join(", "))));
            };
            known.period = period;
        }
        Ok(Arc::new(Retention { classes, every: config.every.duration() }))
    }
}

/// The configured periods; `None` for ever.
pub(crate) fn periods(written: &BTreeMap<String, String>) -> Result<BTreeMap<String, Option<Duration>>> {
    let mut out = BTreeMap::new();
    for (name, text) in written {
        let period = match text.as_str() {
            "forever" => None,
            text => Some(Span::from_text(text).map(Span::duration).map_err(|_| {
                Code::ConfigInvalid
                    .because(format!("retention.periods: `{text}` for `{name}` is no period; write something like 30d, or `forever`"))
            })?),
        };
        out.insert(name.clone(), period);
    }
    Ok(out)
}

/// The statement of a step, put together once from names in the source.
fn statement(step: &Step) -> &'static str {
    let Step { table, row, over, blank } = step;
    let some = format!("tenant_id = :tenant AND {row} IN (SELECT {row} FROM {table} WHERE tenant_id = :tenant AND {over} LIMIT :most)");
    let text = if blank.is_empty() {
        format!("DELETE FROM {table} WHERE {some}")
    } else {
        let set: Vec<String> = blank.iter().map(|column| format!("{column} = NULL")).collect();
        format!("UPDATE {table} SET {} WHERE {some}", set.join(", "))
    };
    String::leak(text)
}
