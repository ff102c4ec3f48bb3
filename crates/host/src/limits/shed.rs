//! Layer `shed`: no room means no, at once, while that is cheap.

use std::sync::{Arc, atomic::Ordering};

use http::Request;
use plimsoll_core::{Code, Result};

use super::Limits;
use crate::{Body, edge::is_probe, exchange::Exchange, host::Host};

/// A place in the whole; left when dropped, also by a request whose caller hung up.
pub struct Place(Arc<Host>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.limits.leave();
    }
}

impl Limits {
    /// Counts one more in, unless there are as many as there may be (`bounded`).
    fn enter(&self, bounded: bool) -> bool {
        let room = self.in_flight.fetch_add(1, Ordering::Relaxed) < self.most_in_flight;
        if !room && bounded {
            self.leave();
            self.shed.fetch_add(1, Ordering::Relaxed);
        }
        room || !bounded
    }
    fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Refuses what exceeds `[limits] in_flight`. Probes always pass: a full server is still alive.
pub fn check(x: &mut Exchange, request: &mut Request<Body>) -> Result<()> {
    let bounded = !is_probe(request.uri().path()) && x.host.holds("bulkhead");
    if !x.host.limits.enter(bounded) {
        let most = x.host.limits.most_in_flight;
        return Err(Code::Overloaded
            .because(format!("{most} requests are being worked on, which is as many as there may be; try again"))
            .retry_after(1));
    }
    x.place = Some(Place(x.host.clone()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::limits::{Limits, config};

    #[test]
    fn one_more_than_the_bound_is_refused_and_probes_are_not() {
        let limits = Limits::new(&config::LimitsConfig { in_flight: 2, ..config::LimitsConfig::default() }).unwrap();
        assert!(limits.enter(true) && limits.enter(true));
        assert!(!limits.enter(true));
        assert!(limits.enter(false));
        assert_eq!(limits.gauges().in_flight, 3);
        (0..2).for_each(|_| limits.leave());
        assert!(limits.enter(true));
        assert!(limits.gauges().refused.contains(&("in_flight", 1)));
    }
}
