//! Which backups stay.

use std::collections::HashSet;

use plimsoll_core::{Result, Time};
use serde_json::json;

use super::{Archive, config::ArchiveConfig, depot::Entry, format::LogPoint, log, record};

/// How many backups stay, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The newest ones; at least one.
    pub last: usize,
    /// Days for each of which the newest one stays.
    pub daily: usize,
    /// Weeks (from Monday, UTC) for each of which the newest one stays.
    pub weekly: usize,
    /// Months for each of which the newest one stays.
    pub monthly: usize,
}

impl From<&ArchiveConfig> for Policy {
    fn from(config: &ArchiveConfig) -> Policy {
        Policy {
            last: usize::from(config.keep_last.max(1)),
            daily: usize::from(config.keep_daily),
            weekly: usize::from(config.keep_weekly),
            monthly: usize::from(config.keep_monthly),
        }
    }
}

/// For each of these moments, whether the backup of it stays. The newest `last` always do,
/// whatever the clock says; a day, week or month counts where there is a backup of it, so nothing
/// goes only because time has passed without new backups.
pub fn keep(moments: &[Time], policy: Policy) -> Vec<bool> {
    let mut newest: Vec<usize> = (0..moments.len()).collect();
    newest.sort_by_key(|at| std::cmp::Reverse(moments[*at]));
    let mut stays = vec![false; moments.len()];
    newest.iter().take(policy.last.max(1)).for_each(|at| stays[*at] = true);
    type Span = fn(Time) -> i64;
    let spans: [(usize, Span); 3] = [(policy.daily, day), (policy.weekly, week), (policy.monthly, month)];
    for (count, span) in spans {
        let mut seen = HashSet::new();
        for at in &newest {
            if seen.len() == count {
                break;
            }
            if seen.insert(span(moments[*at])) {
                stays[*at] = true;
            }
        }
    }
    stays
}

fn day(at: Time) -> i64 {
    at.seconds().div_euclid(86_400)
}

fn week(at: Time) -> i64 {
    // 1970 began on a Thursday.
    (day(at) + 3).div_euclid(7)
}

fn month(at: Time) -> i64 {
    let date = jiff::Timestamp::from_microsecond(at.micros()).map(|stamp| stamp.to_zoned(jiff::tz::TimeZone::UTC));
    date.map_or(0, |date| i64::from(date.year()) * 12 + i64::from(date.month()))
}

impl Archive {
    /// Removes the backups that the policy does not keep, and none that the last good drill
    /// restored: it is the one that is known to work. The ids of what went.
    ///
    /// # Errors
    /// What place and database say.
    pub async fn prune(&self) -> Result<Vec<String>> {
        let (entries, _) = self.depot.list().await?;
        let moments: Vec<Time> = entries.iter().map(|entry| entry.at).collect();
        let (_, proven) = record::newest(&self.store).await?;
        let proven = proven.and_then(|drill| drill.backup_id);
        let mut gone = Vec::new();
        for (entry, stays) in entries.into_iter().zip(keep(&moments, Policy::from(&self.config))) {
            if stays || Some(&entry.id) == proven.as_ref() {
                continue;
            }
            self.remove(&entry).await?;
            gone.push(entry.id);
        }
        self.prune_log().await?;
        Ok(gone)
    }

    /// Removes the parts of change logs that no backup needs any more.
    async fn prune_log(&self) -> Result<()> {
        let mut oldest: Vec<LogPoint> = Vec::new();
        for entry in self.depot.list().await?.0 {
            match self.depot.header(&entry.name).await?.manifest.log {
                Some(point) if oldest.iter().all(|known| known.id != point.id) => oldest.push(point),
                _ => {}
            }
        }
        let mut logs: Vec<String> = oldest.iter().map(|point| point.id.clone()).collect();
        // The present one may be older than its first backup.
        logs.extend(self.store.log_state().await?.map(|state| state.id));
        for point in oldest {
            log::forget(&*self.depot.place, &point.id, point.at).await?;
        }
        log::forget_logs(&*self.depot.place, &logs).await.map(drop)
    }

    async fn remove(&self, entry: &Entry) -> Result<()> {
        // On record first: what is gone without a record looks like a loss.
        let id = entry.id.clone();
        let detail = json!({ "at": entry.at, "bytes": entry.bytes });
        self.entry("backup.prune", entry.id.clone(), detail, "ok", move |tx| record::pruned(tx, &id)).await?;
        self.depot.place.delete(&entry.name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(text: &[&str]) -> Vec<Time> {
        text.iter().map(|text| Time::parse(text).unwrap()).collect()
    }

    fn kept<'a>(text: &[&'a str], policy: Policy) -> Vec<&'a str> {
        text.iter().zip(keep(&times(text), policy)).filter(|(_, stays)| *stays).map(|(text, _)| *text).collect()
    }

    const NONE: Policy = Policy { last: 0, daily: 0, weekly: 0, monthly: 0 };

    #[test]
    fn the_newest_of_each_day_week_and_month_stays() {
        let all = [
            "2026-08-01T01:00:00Z",
            "2026-08-31T01:00:00Z",
            "2026-11-01T01:00:00Z",
            "2026-11-08T01:00:00Z",
            "2026-11-09T01:00:00Z",
            "2026-11-20T01:00:00Z",
            "2026-11-20T13:00:00Z",
            "2026-11-21T01:00:00Z",
            "2026-11-21T13:00:00Z",
        ];
        assert_eq!(kept(&all, Policy { last: 2, ..NONE }), all[7..]);
        assert_eq!(kept(&all, Policy { last: 1, daily: 2, ..NONE }), [all[6], all[8]]);
        assert_eq!(kept(&all, Policy { last: 1, weekly: 3, ..NONE }), [all[3], all[4], all[8]], "a week begins on Monday");
        assert_eq!(kept(&all, Policy { last: 1, monthly: 9, ..NONE }), [all[1], all[8]]);
    }

    #[test]
    fn whatever_the_policy_says_the_newest_one_stays() {
        assert_eq!(kept(&["2020-01-01", "2021-01-01"], NONE), ["2021-01-01"]);
        assert_eq!(keep(&[], NONE), Vec::<bool>::new());
        // In any order, and with equal moments.
        assert_eq!(kept(&["2021-01-01", "2020-01-01"], NONE), ["2021-01-01"]);
        assert_eq!(kept(&["2021-01-01", "2021-01-01"], Policy { last: 2, ..NONE }).len(), 2);
    }

    #[test]
    fn nothing_goes_only_because_no_new_backups_come() {
        let all = ["2019-01-01", "2019-01-02", "2019-01-03"];
        assert_eq!(kept(&all, Policy { last: 1, daily: 3, ..NONE }), all);
    }

    #[test]
    fn pruning_twice_removes_nothing_more() {
        let seed = plimsoll_core::Seed::fixed(4);
        for _ in 0..200 {
            let moments: Vec<Time> = (0..seed.below(60)).map(|_| Time::from_micros(seed.below(400 * 86_400_000_000) as i64)).collect();
            let some = |bound| seed.below(bound) as usize;
            let policy = Policy { last: some(4), daily: some(8), weekly: some(5), monthly: some(6) };
            let stays = keep(&moments, policy);
            let left: Vec<Time> = moments.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(at, _)| *at).collect();
            assert!(left.len() >= policy.last.max(1).min(moments.len()));
            assert!(keep(&left, policy).iter().all(|stays| *stays), "{policy:?} {left:?}");
        }
    }
}
