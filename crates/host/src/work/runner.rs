//! What runs jobs in this process.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use plimsoll_core::{Code, Error};
use plimsoll_store::Scope;

use super::{claim::claim, events, lease::Lease, policy::worth_repeating, schedules};
use crate::{Host, telemetry::Within};

/// How long this process sleeps at most when nothing wakes it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Claims and runs jobs for as long as the host lives and has not begun to stop.
pub(crate) async fn run(host: Weak<Host>) {
    loop {
        let Some(host) = host.upgrade() else { return };
        let work = host.work.clone();
        if work.stopping() {
            return;
        }
        let free = work.places.available_permits();
        let claimed = if free == 0 {
            Vec::new()
        } else {
            let (work, now) = (work.clone(), host.clock.now());
            let most = i64::try_from(free).unwrap_or(1);
            let seed = host.seed.clone();
            let taken = host.store.commit(Scope::Host, move |tx| {
                schedules::fire_due(tx, now, &work.kinds, &seed)?;
                claim(tx, now, &work.worker, &work.kinds, most, work.term)
            });
            let taken = taken.await;
            taken.unwrap_or_else(|error| {
                tracing::warn!(cause = error.cause(), "jobs could not be claimed: {}", error.public());
                Vec::new()
            })
        };
        let idle = claimed.is_empty();
        for lease in claimed {
            let Ok(place) = work.places.clone().acquire_owned().await else { return };
            let host = host.clone();
            tokio::spawn(async move {
                attempt(&host, Arc::new(lease)).await;
                drop(place);
                host.work.wake();
            });
        }
        drop(host);
        if idle {
            let _ = tokio::time::timeout(LOOK_EVERY, work.woken()).await;
        }
    }
}

/// Runs one attempt and puts its failure on record.
async fn attempt(host: &Arc<Host>, lease: Arc<Lease>) {
    let Some(kind) = host.work.kinds.get(lease.kind.as_str()) else { return };
    let begun = (kind.run)(host.clone(), kind.route.clone(), lease.clone());
    let outcome = match begun {
        Err(error) => Err(error),
        Ok(inner) => {
            let running = tokio::spawn(Within { current: lease.current(&host.clock, &host.seed), inner });
            match tokio::time::timeout(kind.policy.deadline, running).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(panicked)) => Err(Code::Internal.because("the job panicked").caused_by(panicked)),
                Err(_) => Err(Code::HandlerTimeout.because(format!("no end within {} s", kind.policy.deadline.as_secs()))),
            }
        }
    };
    let Err(error) = outcome else { return };
    settle(host, &lease, error).await;
}

async fn settle(host: &Arc<Host>, lease: &Arc<Lease>, error: Error) {
    let Some(kind) = host.work.kinds.get(lease.kind.as_str()) else { return };
    let policy = kind.policy;
    let now = host.clock.now();
    let attempt = u32::try_from(lease.attempt).unwrap_or(u32::MAX);
    let pause = policy.pauses.after(attempt, &host.seed);
    let asked = error.retry_after_seconds().map(|seconds| Duration::from_secs(seconds.into())).unwrap_or_default();
    let again = (lease.attempt < lease.most && worth_repeating(&error)).then(|| now.plus(pause.max(asked)));
    tracing::warn!(
        job = %lease.job, kind = lease.kind, attempt = lease.attempt, code = error.code().stable(), cause = error.cause(),
        "a job failed: {}", error.public()
    );
    let lease = lease.clone();
    let work = host.work.clone();
    let failing = host.store.commit(Scope::Tenant(lease.tenant), move |tx| {
        lease.fail(tx, now, &error, &policy, again)?;
        events::job_dead(tx, &work, now, &lease, error.code())
    });
    let kept = failing.await;
    if let Err(error) = kept {
        tracing::error!(cause = error.cause(), "a failed job could not be put on record; its lease will run out: {}", error.public());
    }
}
