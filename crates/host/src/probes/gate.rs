//! Layer `gate`: nothing enters before start-up is complete, or while the schema does not fit.
//!
//! Health routes pass: whoever waits for the start has to be able to ask.

use std::sync::atomic::Ordering;

use std::sync::Arc;

use http::Request;
use plimsoll_core::{Code, Result};

use super::{Health, PATHS};
use crate::{Body, Host, exchange::Exchange};

/// Refuses what comes too early.
pub fn check(x: &mut Exchange, request: &mut Request<Body>) -> Result<()> {
    let health = &x.host.health;
    // The usual case, decided by two loads. A schema that was taken back under us need not break the
    // requests that come, so now and then one of them has it looked at, beside its own way.
    if health.is_started() && health.schema_fits() {
        if health.is_time_to_look() {
            doubt(&x.host);
        }
        return Ok(());
    }
    let enforced = if health.is_started() { x.host.holds("db-migrations-on-deploy") } else { x.host.holds("readiness-probe") };
    if !enforced {
        return Ok(());
    }
    let passed = admit(health, request.uri().path());
    if passed.is_err() && health.is_started() && !health.asking.load(Ordering::SeqCst) {
        // Nobody may be probing: ask again, at most once a second, so that the gate opens by
        // itself when the migration has run.
        let host = x.host.clone();
        tokio::spawn(async move { host.health.refresh().await });
    }
    passed
}

/// Something failed inside. If the schema was changed under us, nobody may be probing either: look,
/// so that the gate closes and further requests learn why. At most once a second.
pub fn doubt(host: &Arc<Host>) {
    let host = host.clone();
    tokio::spawn(async move { host.health.refresh().await });
}

fn admit(health: &Health, path: &str) -> Result<()> {
    if PATHS.contains(&path) {
        return Ok(());
    }
    if !health.is_started() {
        return Err(Code::Overloaded.because("the server is starting; try again in a moment").retry_after(2).reasoned("starting"));
    }
    if !health.schema_fits() {
        let what = "the database schema does not fit this version; an operator has to run `plimsoll migrate up`";
        return Err(Code::SchemaMismatch.because(what).retry_after(30));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::Weight;
    use plimsoll_core::{Clock, Time};
    use std::{
        sync::{Arc, atomic::AtomicBool},
        time::Duration,
    };

    #[test]
    fn before_the_start_only_health_is_answered() {
        let health = Health::new(Clock::system());
        let error = admit(&health, "/v1/songs").unwrap_err();
        assert_eq!((error.code().status(), error.retry_after_seconds(), error.reason()), (503, Some(2), Some("starting")));
        assert!(PATHS.iter().all(|path| admit(&health, path).is_ok()));
        assert!(admit(&health, "/health/live/../../v1/songs").is_err());
        health.started();
        assert!(admit(&health, "/v1/songs").is_ok());
    }

    #[tokio::test]
    async fn a_schema_that_does_not_fit_closes_the_gate_until_it_does() {
        let clock = Clock::manual(Time::from_micros(0));
        let health = Health::new(clock.clone());
        health.started();
        let fits = Arc::new(AtomicBool::new(false));
        let asked = fits.clone();
        health.check("schema", Weight::Schema, move || {
            let fits = asked.load(Ordering::SeqCst);
            Box::pin(async move { if fits { Ok(()) } else { Err(Code::SchemaMismatch.error()) } })
        });
        health.report().await;
        assert_eq!(admit(&health, "/v1/songs").unwrap_err().code(), Code::SchemaMismatch);
        fits.store(true, Ordering::SeqCst);
        clock.advance(Duration::from_secs(2));
        health.report().await;
        assert!(admit(&health, "/v1/songs").is_ok());
    }
}
