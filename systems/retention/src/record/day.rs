//! Days and times of the wall clock at a facility.
//!
//! What counts in a history is the calendar day on which somebody stood at the counter, so times are
//! kept as the facility's own clock showed them. An instant with a zone is turned into that clock
//! when it is read; after that nothing has a zone, and a day is never shifted by one.

use std::fmt;

use jiff::{
    SignedDuration,
    civil::{Date, date},
};

const EPOCH: Date = date(1970, 1, 1);
const SECONDS: i64 = 86_400;

/// A calendar day, as days since 1970-01-01. Prints as `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub i32);

impl Day {
    /// The day of the calendar; none where the calendar has no such day (31 June) or the year is not in 1..=9999.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Day> {
        let (year, month, day) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        let date = if (1..=9999).contains(&year) { Date::new(year, month, day).ok()? } else { return None };
        i32::try_from(date.duration_since(EPOCH).as_secs() / SECONDS).ok().map(Day)
    }

    fn date(self) -> Date {
        let seconds = i64::from(self.0) * SECONDS;
        EPOCH.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(if self.0 < 0 { Date::MIN } else { Date::MAX })
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u32 {
        u32::from(self.date().month().unsigned_abs())
    }

    /// The year; days far outside of the calendar give its first or last.
    pub fn year(self) -> i32 {
        i32::from(self.date().year())
    }

    /// The day of the week, Monday = 0.
    pub fn weekday(self) -> u32 {
        // 1970-01-01 was a Thursday.
        (i64::from(self.0) + 3).rem_euclid(7).unsigned_abs() as u32
    }

    /// This many days later, or earlier where negative; stops at the ends.
    #[must_use]
    pub const fn plus(self, days: i32) -> Day {
        Day(self.0.saturating_add(days))
    }

    /// How many days this is after `earlier`; negative where it is before.
    pub const fn since(self, earlier: Day) -> i32 {
        self.0.saturating_sub(earlier.0)
    }

    /// Midnight at its beginning.
    pub const fn start(self) -> Stamp {
        Stamp(self.0 as i64 * SECONDS)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}
impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the wall clock at the facility showed, as seconds since its 1970-01-01 00:00:00.
/// Prints as `YYYY-MM-DD HH:MM:SS`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp(pub i64);

impl Stamp {
    /// The calendar day it lies in.
    pub fn day(self) -> Day {
        let day = self.0.div_euclid(SECONDS);
        Day(i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Seconds since the day began, 0 to 86,399.
    pub const fn second(self) -> u32 {
        self.0.rem_euclid(SECONDS) as u32
    }

    /// This many seconds later; stops at the ends.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Stamp {
        Stamp(self.0.saturating_add(seconds))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.second();
        write!(f, "{} {:02}:{:02}:{:02}", self.day(), second / 3600, second / 60 % 60, second % 60)
    }
}
impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(Day::new(1970, 1, 1), Some(Day(0)));
        assert_eq!(Day::new(2020, 2, 29), Some(Day(18_321)));
        assert_eq!(Day::new(1969, 12, 31), Some(Day(-1)));
        assert_eq!((Day::new(2021, 2, 29), Day::new(2021, 13, 1), Day::new(0, 1, 1), Day::new(70_000, 1, 1)), (None, None, None, None));
        for number in (-40_000..60_000).step_by(7) {
            let day = Day(number);
            let text = day.to_string();
            let part = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap();
            assert_eq!(Day::new(part(0, 4) as i32, part(5, 7), part(8, 10)), Some(day));
            assert_eq!((day.year(), day.month()), (part(0, 4) as i32, part(5, 7)));
        }
    }

    #[test]
    fn the_week_begins_on_monday() {
        let monday = Day::new(2026, 11, 16).unwrap();
        assert_eq!((0..8).map(|more| monday.plus(more).weekday()).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 0]);
        assert_eq!(Day(-3).weekday(), 0, "before 1970 as well");
    }

    #[test]
    fn a_stamp_before_1970_lies_in_the_right_day() {
        assert_eq!(Stamp(-1).to_string(), "1969-12-31 23:59:59");
        assert_eq!(Stamp(86_400).day(), Day(1));
        assert_eq!(Day(1).start(), Stamp(86_400));
    }

    #[test]
    fn the_ends_of_all_numbers_are_no_trouble() {
        for day in [Day(i32::MIN), Day(i32::MAX)] {
            let _ = (day.to_string(), day.month(), day.weekday(), day.start().day(), day.plus(1).plus(-1), day.since(Day(7)));
        }
        for stamp in [Stamp(i64::MIN), Stamp(i64::MAX)] {
            let _ = (stamp.to_string(), stamp.plus(1), stamp.plus(-1));
        }
    }
}
