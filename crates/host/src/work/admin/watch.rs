//! What an operator watches: depth and age of dead letters and of the queue, as metrics and as two
//! health checks.
//!
//! Counted when somebody asks and kept for a second, so an idle host asks its database nothing.
//! Where it cannot be counted, no figure is shown: a 0 from an exporter that sees nothing would say
//! that all is well.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use plimsoll_core::{Code, Result, Time};
use plimsoll_store::{FromRow, Pace, Row, Scope, Tx};

use crate::{
    Host,
    probes::{Health, Weight},
    telemetry::Page,
    work::config::WorkConfig,
};

/// How long a count is shown again.
const FRESH: Duration = Duration::from_secs(1);
/// How long a page of metrics waits for it; less than a check may take.
const PATIENCE: Duration = Duration::from_millis(800);

static PACE: Pace = Pace::new();

/// How many of one kind, and since when the oldest is there.
#[derive(Debug, Clone, Copy, Default)]
struct Depth {
    count: i64,
    since: Option<Time>,
}

struct Line(String, Depth);

impl FromRow for Line {
    fn from_row(row: &Row<'_>) -> Result<Line> {
        Ok(Line(row.get(0)?, Depth { count: row.get(1)?, since: row.get(2)? }))
    }
}

/// Everybody's jobs that are not done, by kind.
#[derive(Debug, Clone, Default)]
struct Seen {
    at: Time,
    ready: BTreeMap<String, Depth>,
    running: BTreeMap<String, Depth>,
    dead: BTreeMap<String, Depth>,
    waiting: i64,
}

impl Seen {
    /// Each of these four is read from an index that holds nothing else.
    fn look(tx: &Tx<'_>, now: Time) -> Result<Seen> {
        let by_kind = |sql: &'static str| -> Result<BTreeMap<String, Depth>> {
            Ok(tx.rows::<Line>(sql, &[])?.into_iter().map(|Line(kind, depth)| (kind, depth)).collect())
        };
        Ok(Seen {
            at: now,
            ready: by_kind("SELECT kind, COUNT(*), MIN(run_at) FROM job WHERE state = 'ready' GROUP BY kind")?,
            running: by_kind("SELECT kind, COUNT(*), MIN(started_at) FROM job WHERE state = 'running' GROUP BY kind")?,
            dead: by_kind("SELECT kind, COUNT(*), MIN(finished_at) FROM job WHERE state = 'dead' GROUP BY kind")?,
            waiting: tx.row("SELECT COUNT(*) FROM job WHERE state = 'waiting'", &[])?,
        })
    }
}

/// The last count.
#[derive(Debug, Default)]
pub struct Watch {
    seen: Mutex<Option<Seen>>,
    asking: tokio::sync::Mutex<()>,
}

impl Watch {
    /// Counts, unless that was done a moment ago.
    async fn fresh(&self, host: &Host) -> Result<Seen> {
        let _one_at_a_time = self.asking.lock().await;
        let now = host.clock.now();
        let kept = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(seen) = kept.filter(|seen| seen.at <= now && now.since(seen.at) < FRESH) {
            return Ok(seen);
        }
        let asked = host.store.read(Scope::Host, &PACE, move |tx| Seen::look(tx, now));
        let found = tokio::time::timeout(PATIENCE, asked)
            .await
            .unwrap_or_else(|_| Err(Code::DatabaseBusy.because(format!("jobs could not be counted within {} ms", PATIENCE.as_millis()))));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = found.as_ref().ok().cloned();
        found
    }

    /// Counts for a page of metrics; what cannot be counted is not shown.
    pub(crate) async fn look(&self, host: &Host) {
        if let Err(error) = self.fresh(host).await {
            tracing::debug!(cause = error.cause(), "jobs were not counted for the page of metrics: {}", error.public());
        }
    }

    /// Writes what was counted last.
    pub(crate) fn write(&self, page: &mut Page, host: &Host) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        page.gauge(
            "plimsoll_jobs_observed",
            "1 where the jobs could be counted for this page, else 0 and no figure about them.",
            u8::from(seen.is_some()),
        );
        let Some(seen) = seen else { return };
        // Every known kind has its line, so that an alert about it can be written before the first one fails.
        let kinds: Vec<&str> = host.work.kinds.keys().copied().collect();
        let count = |page: &mut Page, name: &str, help: &str, of: &BTreeMap<String, Depth>| {
            page.family(name, "gauge", help);
            for kind in all(&kinds, of) {
                page.sample(name, &[("kind", kind)], of.get(kind).map_or(0, |depth| depth.count));
            }
        };
        let age = |page: &mut Page, name: &str, help: &str, of: &BTreeMap<String, Depth>| {
            page.family(name, "gauge", help);
            for kind in all(&kinds, of) {
                let since = of.get(kind).and_then(|depth| depth.since);
                page.sample(name, &[("kind", kind)], since.map_or(0.0, |since| seen.at.since(since).as_secs_f64()));
            }
        };
        count(page, "plimsoll_jobs_ready", "Jobs that could run and wait for a worker.", &seen.ready);
        age(page, "plimsoll_jobs_ready_oldest_seconds", "How long the oldest of them waits.", &seen.ready);
        count(page, "plimsoll_jobs_running", "Jobs that run, in all processes.", &seen.running);
        page.gauge("plimsoll_jobs_waiting", "Jobs whose time has not come: delayed, or between two attempts.", seen.waiting);
        count(page, "plimsoll_dead_letters", "Jobs that used all their attempts and wait for a person.", &seen.dead);
        age(page, "plimsoll_dead_letters_oldest_seconds", "How long the oldest of them has been waiting.", &seen.dead);
    }
}

fn all<'k>(known: &[&'k str], of: &'k BTreeMap<String, Depth>) -> std::collections::BTreeSet<&'k str> {
    known.iter().copied().chain(of.keys().map(String::as_str)).collect()
}

/// Enters dead letters and the backlog into the host's health: reasons to look, not to send
/// requests elsewhere.
pub(crate) fn checks(health: &Health, host: &Arc<Host>, config: &WorkConfig) {
    let (most, longest) = (config.dead_letters, config.backlog.duration());
    let of = Arc::downgrade(host);
    health.check("dead-letters", Weight::Attention, move || {
        let of = of.clone();
        Box::pin(async move {
            let Some(host) = of.upgrade() else { return Ok(()) };
            if !host.holds("dlq-operations") {
                return Ok(());
            }
            let dead = host.work.watch.fresh(&host).await?.dead;
            let count: i64 = dead.values().map(|depth| depth.count).sum();
            if u64::try_from(count).unwrap_or(0) <= most {
                return Ok(());
            }
            let kinds: Vec<String> = dead.iter().map(|(kind, depth)| format!("{} of {kind}", depth.count)).collect();
            Err(Code::Internal.because(format!(
                "dead letters wait for a person: {}; look at them with `plimsoll jobs list --state dead`",
                kinds.join(", ")
            )))
        })
    });
    let of = Arc::downgrade(host);
    health.check("backlog", Weight::Attention, move || {
        let of = of.clone();
        Box::pin(async move {
            let Some(host) = of.upgrade() else { return Ok(()) };
            let seen = host.work.watch.fresh(&host).await?;
            let oldest = seen.ready.iter().filter_map(|(kind, depth)| Some((depth.since?, kind, depth.count))).min();
            match oldest {
                Some((since, kind, count)) if seen.at.since(since) > longest => Err(Code::Overloaded.because(format!(
                    "the oldest of {count} jobs `{kind}` waits since {} s; start more workers, or look why they are slow",
                    seen.at.since(since).as_secs()
                ))),
                _ => Ok(()),
            }
        })
    });
}
