//! Each endpoint has a lane of its own in this process, so that a slow one holds nobody else.
//!
//! An endpoint gets so many deliveries at once, half of the process's places at most; a failing one a
//! single trial at a time. Endpoints that are slow, failing or not known yet together get half of
//! the places: whatever strangers' servers do, the other half is left for those that answer. What finds no place is put back into
//! the log for about the time until its turn, and costs no attempt.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use plimsoll_core::{Time, WebhookId};

/// From this mean on, an endpoint counts as slow.
const SLOW: Duration = Duration::from_secs(1);
/// Nobody is put back for less than this.
const SHORTEST: Duration = Duration::from_millis(50);
/// Nobody is put back for more than this, since the guess may be wrong.
const LONGEST: Duration = Duration::from_secs(60);
const KNOWN_AT_MOST: usize = 10_000;

#[derive(Default)]
struct Lane {
    running: usize,
    /// How long it takes to answer, once it has.
    mean: Option<Duration>,
    /// When whoever comes next may have a turn.
    next: Option<Time>,
}

#[derive(Default)]
struct All {
    lanes: HashMap<WebhookId, Lane>,
    slow: usize,
}

/// The lanes of one process.
pub(super) struct Lanes {
    at_once: usize,
    slow_places: usize,
    all: Mutex<All>,
}

/// A place in a lane, until it is dropped.
pub(super) struct Place {
    lanes: Arc<Lanes>,
    webhook: WebhookId,
    slow: bool,
}

impl Lanes {
    /// Lanes for a process that runs `slots` jobs at once, `at_once` of them for one endpoint.
    pub(super) fn new(at_once: usize, slots: usize) -> Arc<Lanes> {
        let half = (slots / 2).max(1);
        Arc::new(Lanes { at_once: at_once.clamp(1, half), slow_places: half, all: Mutex::default() })
    }

    /// A place now, or the time to come back. `failing`: the endpoint's last answers were failures.
    pub(super) fn enter(self: &Arc<Self>, webhook: WebhookId, failing: bool, now: Time) -> Result<Place, Time> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.lanes.len() >= KNOWN_AT_MOST {
            all.lanes.retain(|_, lane| lane.running > 0);
        }
        let crowded = all.slow >= self.slow_places;
        let lane = all.lanes.entry(webhook).or_default();
        let slow = failing || lane.mean.is_none_or(|mean| mean > SLOW);
        let most = if failing { 1 } else { self.at_once };
        if lane.running >= most || (slow && crowded) {
            let turn = (lane.mean.unwrap_or_default() / u32::try_from(most).unwrap_or(1)).clamp(SHORTEST, LONGEST);
            let next = lane.next.unwrap_or(now).max(now).plus(turn).min(now.plus(LONGEST));
            lane.next = Some(next);
            return Err(next);
        }
        lane.running += 1;
        all.slow += usize::from(slow);
        Ok(Place { lanes: self.clone(), webhook, slow })
    }
}

impl Place {
    /// Gives the place back, saying how long it was needed.
    pub(super) fn leave(self, took: Duration) {
        let mut all = self.lanes.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = all.lanes.get_mut(&self.webhook) {
            lane.mean = Some(lane.mean.map_or(took, |mean| (mean * 3 + took) / 4));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.lanes.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.slow -= usize::from(self.slow);
        if let Some(lane) = all.lanes.get_mut(&self.webhook) {
            lane.running -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::Seed;

    use super::*;

    fn webhooks<const N: usize>() -> [WebhookId; N] {
        std::array::from_fn(|n| WebhookId::new(Time::from_micros(1_000 * n as i64), &Seed::fixed(1)))
    }
    const NOW: Time = Time::from_micros(1_000_000_000);

    #[test]
    fn an_endpoint_has_so_many_places_and_a_failing_one_a_single_trial() {
        let lanes = Lanes::new(2, 8);
        let [one, other] = webhooks();
        lanes.enter(one, false, NOW).ok().unwrap().leave(Duration::from_millis(5));
        let held = [lanes.enter(one, false, NOW), lanes.enter(one, false, NOW)];
        assert!(held.iter().all(Result::is_ok) && lanes.enter(one, false, NOW).is_err() && lanes.enter(other, false, NOW).is_ok());
        drop(held);
        let trial = lanes.enter(one, true, NOW);
        assert!(trial.is_ok() && lanes.enter(one, true, NOW).is_err());
    }

    #[test]
    fn slow_endpoints_together_leave_half_of_the_places() {
        let lanes = Lanes::new(4, 4);
        let [a, b, c, quick] = webhooks();
        for slow in [a, b, c] {
            lanes.enter(slow, false, NOW).ok().unwrap().leave(Duration::from_secs(20));
        }
        lanes.enter(quick, false, NOW).ok().unwrap().leave(Duration::from_millis(5));
        let held = [lanes.enter(a, false, NOW), lanes.enter(b, false, NOW)];
        assert!(held.iter().all(Result::is_ok) && lanes.enter(c, false, NOW).is_err());
        assert!(lanes.enter(quick, false, NOW).is_ok());
        drop(held);
        assert!(lanes.enter(c, false, NOW).is_ok());
    }

    #[test]
    fn strangers_get_half_of_the_places_and_no_endpoint_more() {
        let lanes = Lanes::new(4, 4);
        let [a, b, c] = webhooks();
        let held = [lanes.enter(a, false, NOW), lanes.enter(b, false, NOW)];
        assert!(held.iter().all(Result::is_ok) && lanes.enter(c, false, NOW).is_err());
        drop(held);
        lanes.enter(a, false, NOW).ok().unwrap().leave(Duration::from_millis(5));
        let held = [lanes.enter(a, false, NOW), lanes.enter(a, false, NOW)];
        assert!(held.iter().all(Result::is_ok) && lanes.enter(a, false, NOW).is_err());
    }

    #[test]
    fn those_who_wait_are_spread_over_the_time_until_their_turns() {
        let lanes = Lanes::new(1, 8);
        let [one] = webhooks();
        lanes.enter(one, false, NOW).ok().unwrap().leave(Duration::from_secs(4));
        let _held = lanes.enter(one, false, NOW);
        let turns: Vec<Time> = (0..3).map(|_| lanes.enter(one, false, NOW).err().unwrap()).collect();
        assert_eq!(turns.iter().map(|turn| turn.since(NOW).as_secs()).collect::<Vec<_>>(), [4, 8, 12]);
        let last = (0..1_000).map(|_| lanes.enter(one, false, NOW).err().unwrap()).fold(NOW, |_, turn| turn);
        assert_eq!(last.since(NOW), LONGEST);
    }
}
