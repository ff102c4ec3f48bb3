//! When: `minute hour day month weekday`, in a time zone.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use plimsoll_core::{Code, Error, Result, Time};

/// The moments of a schedule, in five fields as in cron: numbers, names (`mon`, `jan`), ranges
/// (`1-5`), steps (`*/15`), lists. Day and weekday, if both are given, are alternatives. Also
/// `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
///
/// **Daylight saving.** A schedule with hours of its own fires once a day for each: an hour that the
/// clocks leave out is made up for as much later as they were put forward, and of an hour that comes
/// twice the first counts. A schedule for every hour (`*`) goes by the time that really passes: it
/// has nothing to do in an hour that does not exist, and fires in both of the hours that come twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether days and weekdays are both given, so that either is enough.
    either: bool,
    every_hour: bool,
}

/// The field's names, from its first value on.
struct Field {
    title: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { title: "minute", first: 0, last: 59, names: &[] },
    Field { title: "hour", first: 0, last: 23, names: &[] },
    Field { title: "day", first: 1, last: 31, names: &[] },
    Field {
        title: "month",
        first: 1,
        last: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    // Sunday is 0 and 7.
    Field { title: "weekday", first: 0, last: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/// Days looked at: eight years lie between some leap days.
const HORIZON: i64 = 366 * 9;

impl Field {
    fn value(&self, text: &str) -> Result<u32> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(position) => self.first + u32::try_from(position).unwrap_or(0),
            None => text.parse().map_err(|_| self.wrong(text))?,
        };
        if (self.first..=self.last).contains(&value) { Ok(value) } else { Err(self.wrong(text)) }
    }

    fn wrong(&self, text: &str) -> Error {
        let shown: String = text.chars().take(20).collect();
        Code::Invalid.because(format!("`{shown}` is no {}: numbers from {} to {}", self.title, self.first, self.last))
    }

    /// The values of a field as bits.
    fn parse(&self, text: &str) -> Result<u64> {
        let mut bits = 0;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, step.parse::<u32>().ok().filter(|step| *step > 0).ok_or_else(|| self.wrong(part))?),
                None => (part, 1),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => (self.first, self.last),
                Some((from, to)) => (self.value(from)?, self.value(to)?),
                None if part.contains('/') => (self.value(range)?, self.last),
                None => (self.value(range)?, self.value(range)?),
            };
            if from > to {
                return Err(self.wrong(part));
            }
            (from..=to).step_by(usize::try_from(step).unwrap_or(1)).for_each(|value| bits |= 1 << value);
        }
        Ok(bits)
    }
}

fn has(bits: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| bits >> value & 1 == 1)
}

impl Cron {
    /// Reads it.
    ///
    /// # Errors
    /// [`Code::Invalid`] for what cannot be read, or what has no moment at all (31 February).
    pub fn parse(text: &str) -> Result<Cron> {
        let text = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(Code::Invalid.because("a schedule has five fields: minute, hour, day, month, weekday, such as `0 3 * * *`"));
        };
        let mut cron = Cron {
            minutes: FIELDS[0].parse(minutes)?,
            hours: FIELDS[1].parse(hours)?,
            days: FIELDS[2].parse(days)?,
            months: FIELDS[3].parse(months)?,
            weekdays: FIELDS[4].parse(weekdays)?,
            either: days != "*" && weekdays != "*",
            every_hour: hours == "*",
        };
        cron.weekdays |= cron.weekdays >> 7 & 1;
        if cron.next(Time::from_micros(0), &TimeZone::UTC).is_none() {
            return Err(Code::Invalid.because("no day is ever the day of this schedule"));
        }
        Ok(cron)
    }

    fn is_day(&self, date: Date) -> bool {
        let (day, weekday) = (has(self.days, date.day()), has(self.weekdays, date.weekday().to_sunday_zero_offset()));
        has(self.months, date.month()) && if self.either { day || weekday } else { day && weekday }
    }

    /// The first moment after `after`; none within nine years where there is none at all.
    pub fn next(&self, after: Time, zone: &TimeZone) -> Option<Time> {
        let after = Timestamp::from_microsecond(after.micros()).ok()?;
        let found = if self.every_hour { self.by_passing_time(after, zone) } else { self.by_the_clock(after, zone) };
        found.map(|moment| Time::from_micros(moment.as_microsecond()))
    }

    /// Each hour and minute of a day once, wherever the clocks have put it.
    fn by_the_clock(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        // From yesterday on: what was left out of it may have been put into today.
        let mut date = after.to_zoned(zone.clone()).date().yesterday().ok()?;
        for _ in 0..HORIZON {
            if self.is_day(date) {
                let hours = (0..24).filter(|hour| has(self.hours, *hour));
                let moments = hours.flat_map(|hour| (0..60).filter(|minute| has(self.minutes, *minute)).map(move |minute| (hour, minute)));
                let first = moments
                    .filter_map(|(hour, minute)| Some(date.at(hour, minute, 0, 0).to_zoned(zone.clone()).ok()?.timestamp()))
                    .filter(|moment| *moment > after)
                    .min();
                if first.is_some() {
                    return first;
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// Minute after minute as they pass, in leaps.
    fn by_passing_time(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let begun = after.as_second().div_euclid(60) * 60 + 60;
        let mut moment = Timestamp::from_second(begun).ok()?;
        let end = moment.checked_add((HORIZON * 24).hours()).ok()?;
        while moment < end {
            let here = moment.to_zoned(zone.clone());
            if !self.is_day(here.date()) {
                let tomorrow = here.date().tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp();
                // Where a day begins with an hour that is left out, its first moment is later; never stand still.
                moment = tomorrow.max(moment.checked_add(1.minute()).ok()?);
                continue;
            }
            let minute = here.minute();
            match (minute..60).find(|minute| has(self.minutes, *minute)) {
                Some(found) if found == minute => return Some(moment),
                Some(found) => moment = moment.checked_add(i64::from(found - minute).minutes()).ok()?,
                None => moment = moment.checked_add(i64::from(60 - minute).minutes()).ok()?,
            }
        }
        None
    }
}

/// The time zone of this name (`Europe/Berlin`).
///
/// # Errors
/// [`Code::Invalid`] for a name that is not in the database of time zones.
pub(super) fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| {
        let shown: String = name.chars().take(40).collect();
        Code::Invalid.because(format!("`{shown}` is no time zone; write a name such as `Europe/Berlin` or `UTC`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(cron: &str, zone_name: &str, after: &str, count: usize) -> Vec<String> {
        let (cron, zone) = (Cron::parse(cron).unwrap(), zone(zone_name).unwrap());
        let mut after = Time::parse(after).unwrap();
        let next = |_| {
            after = cron.next(after, &zone).unwrap();
            after.to_string().replace(":00.000000Z", "Z")
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn fields_mean_what_they_mean_in_cron() {
        assert_eq!(moments("0 3 * * *", "UTC", "2026-11-21T03:00:00Z", 2), ["2026-11-22T03:00Z", "2026-11-23T03:00Z"]);
        assert_eq!(moments("*/20 9-10 * * mon-fri", "UTC", "2026-11-20T10:20:30Z", 2), ["2026-11-20T10:40Z", "2026-11-23T09:00Z"]);
        assert_eq!(
            moments("0 0 1,15 * mon", "UTC", "2026-11-21T00:00:00Z", 3),
            ["2026-11-23T00:00Z", "2026-11-30T00:00Z", "2026-12-01T00:00Z"]
        );
        assert_eq!(moments("0 0 29 feb *", "UTC", "2026-01-01T00:00:00Z", 2), ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]);
        assert_eq!(
            moments("5/25 * * * *", "UTC", "2026-01-01T00:00:00Z", 3),
            ["2026-01-01T00:05Z", "2026-01-01T00:30Z", "2026-01-01T00:55Z"]
        );
        assert_eq!(moments("0 12 * * 7", "UTC", "2026-11-21T00:00:00Z", 1), moments("0 12 * * sun", "UTC", "2026-11-21T00:00:00Z", 1));
        assert_eq!(moments("@weekly", "UTC", "2026-11-21T00:00:00Z", 1), ["2026-11-22T00:00Z"]);
    }

    #[test]
    fn what_has_no_moment_or_cannot_be_read_is_refused() {
        for text in [
            "",
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "0 0 0 * *",
            "0 0 31 2 *",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "0 0 * * 8",
            "1,, * * * *",
        ] {
            assert_eq!(Cron::parse(text).unwrap_err().code(), Code::Invalid, "{text}");
        }
        assert!(zone("Europe/Atlantis").is_err());
    }

    #[test]
    fn an_hour_that_is_left_out_is_made_up_for_and_one_that_comes_twice_counts_once() {
        // Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
        assert_eq!(moments("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2), ["2026-03-29T01:30Z", "2026-03-30T00:30Z"]);
        assert_eq!(moments("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]);
        // Two hours that fall together fire once.
        assert_eq!(moments("0 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2), ["2026-03-29T01:00Z", "2026-03-30T00:00Z"]);
    }

    #[test]
    fn every_hour_goes_by_the_time_that_passes() {
        assert_eq!(
            moments("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 4),
            ["2026-10-25T00:30Z", "2026-10-25T01:00Z", "2026-10-25T01:30Z", "2026-10-25T02:00Z"]
        );
        assert_eq!(moments("0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2), ["2026-03-29T01:00Z", "2026-03-29T02:00Z"]);
        // Half an hour, on Lord Howe Island: 2026-04-05 02:00 becomes 01:30.
        assert_eq!(
            moments("0,30 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", 4),
            ["2026-04-04T14:30Z", "2026-04-04T15:00Z", "2026-04-04T15:30Z", "2026-04-04T16:00Z"]
        );
    }

    #[test]
    fn a_day_that_a_zone_never_had_is_passed_over() {
        // Samoa went over the date line: there was no 30 December 2011.
        assert_eq!(
            moments("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3),
            ["2011-12-29T22:00Z", "2011-12-30T22:00Z", "2011-12-31T22:00Z"]
        );
    }
}
