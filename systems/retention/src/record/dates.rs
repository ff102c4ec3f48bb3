//! Dates as exports write them, and only where there is one way to read them.
//!
//! | form | read as |
//! |---|---|
//! | `2024-03-05`, `2024-03-05T10:20:30`, `2024-03-05 10:20:30[.25]`, also with `/` | the facility's clock |
//! | the same with `Z` or `+01:00` | an instant, turned into the facility's clock |
//! | `20240305` (text) | a day |
//! | `05-03-2024` | day first, unless the source is declared month first |
//! | `05/03/2024` | refused unless the source declares its order or only one order gives a date |
//! | `1709634030`, `1709634030000` | seconds or milliseconds since 1970 (from 10¹¹ on, milliseconds) |
//! | `20240305` (a number) | refused: a date or a number of seconds |
//! | `{"$date": …}` | any of the above, numbers being milliseconds; `{"$numberLong": "…"}` as well |

use serde_json::Value;

use super::{
    day::{Day, Stamp},
    reason::Reason,
};

/// Which comes first in `05/03/2024`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The fifth of March.
    DayFirst,
    /// The third of May.
    MonthFirst,
}

/// What the source of a file declares about its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reading {
    /// The order of dates with slashes; none: ambiguous ones are refused.
    pub order: Option<Order>,
    /// Minutes by which the facility's clock is ahead of UTC.
    pub ahead: i32,
}

/// No date before this one is believed.
pub const EARLIEST: i32 = -25_567; // 1900-01-01

/// Whether a number of an epoch counts seconds or milliseconds.
#[derive(Clone, Copy, PartialEq)]
enum Epoch {
    BySize,
    Millis,
}

/// A date out of JSON: text, a number since 1970, or an extended form with `$date`.
pub fn from_json(value: &Value, reading: Reading) -> Result<Stamp, Reason> {
    extended(value, reading, Epoch::BySize, 0)
}

fn extended(value: &Value, reading: Reading, epoch: Epoch, depth: usize) -> Result<Stamp, Reason> {
    match value {
        Value::String(text) if epoch == Epoch::Millis && depth == 2 => whole(text).and_then(|number| instant(number, epoch, reading)),
        Value::String(text) => from_text(text, reading),
        Value::Number(number) => {
            let number = number.as_i64().or_else(|| {
                let float = number.as_f64()?;
                (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
            });
            instant(number.ok_or(Reason::DateUnreadable)?, epoch, reading)
        }
        Value::Object(fields) if fields.len() == 1 && depth < 2 => match fields.iter().next() {
            Some((name, inner)) if name == "$date" && depth == 0 => extended(inner, reading, Epoch::Millis, 1),
            Some((name, inner)) if name == "$numberLong" => extended(inner, reading, Epoch::Millis, 2),
            _ => Err(Reason::DateUnreadable),
        },
        Value::Object(_) => Err(Reason::DateUnreadable),
        _ => Err(Reason::WrongType),
    }
}

/// A date out of text.
pub fn from_text(text: &str, reading: Reading) -> Result<Stamp, Reason> {
    let text = text.trim();
    if text.len() > 40 || !text.is_ascii() {
        return Err(Reason::DateUnreadable);
    }
    if text.len() != 8 && text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit()) {
        return instant(whole(text)?, Epoch::BySize, reading);
    }
    let split = text.find(['T', 't', ' ']);
    let (date, clock) = split.map_or((text, None), |at| (&text[..at], Some(&text[at + 1..])));
    let day = calendar(date, reading)?;
    clock.map_or(Ok(day.start()), |clock| time(clock, day, reading))
}

fn whole(text: &str) -> Result<i64, Reason> {
    text.parse().map_err(|_| Reason::DateUnreadable)
}

/// A number since 1970 in UTC. 10¹¹ seconds are the year 5138, 10¹¹ milliseconds are in 1973. A number
/// that is a year is no such number, and one that is a date without hyphens may be either.
fn instant(number: i64, epoch: Epoch, reading: Reading) -> Result<Stamp, Reason> {
    match number {
        1_000..=9_999 if epoch == Epoch::BySize => return Err(Reason::DateUnreadable),
        19_000_101..=20_991_231 if epoch == Epoch::BySize => return Err(Reason::DateAmbiguous),
        _ => {}
    }
    let millis = epoch == Epoch::Millis || number.unsigned_abs() >= 100_000_000_000;
    let seconds = if millis { number.div_euclid(1000) } else { number };
    // Beyond the calendar there is nothing to compare with.
    if seconds.unsigned_abs() > 200_000_000_000 {
        return Err(Reason::DateUnreadable);
    }
    Ok(Stamp(seconds).plus(i64::from(reading.ahead) * 60))
}

/// Exactly so many digits.
fn digits(text: &str, least: usize, most: usize) -> Option<u32> {
    let fits = (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

fn calendar(text: &str, reading: Reading) -> Result<Day, Reason> {
    let made = |year: u32, month: u32, day: u32| i32::try_from(year).ok().and_then(|year| Day::new(year, month, day));
    let bad = Reason::DateUnreadable;
    if let Some(number) = digits(text, 8, 8) {
        return made(number / 10_000, number / 100 % 100, number % 100).ok_or(bad);
    }
    let Some(mark) = text.chars().find(|mark| matches!(mark, '-' | '/')) else { return Err(bad) };
    let parts: Vec<&str> = text.splitn(4, mark).collect();
    let [first, second, third] = parts[..] else { return Err(bad) };
    if let Some(year) = digits(first, 4, 4) {
        let (Some(month), Some(day)) = (digits(second, 1, 2), digits(third, 1, 2)) else { return Err(bad) };
        return made(year, month, day).ok_or(bad);
    }
    let (Some(a), Some(b), Some(year)) = (digits(first, 1, 2), digits(second, 1, 2), digits(third, 4, 4)) else { return Err(bad) };
    let order = reading.order.or((mark == '-').then_some(Order::DayFirst));
    let (day_first, month_first) = (made(year, b, a), made(year, a, b));
    match (order, day_first, month_first) {
        (Some(Order::DayFirst), day, _) | (Some(Order::MonthFirst), _, day) => day.ok_or(bad),
        (None, Some(one), Some(other)) if one != other => Err(Reason::DateAmbiguous),
        (None, one, other) => one.or(other).ok_or(bad),
    }
}

/// `10:20`, `10:20:30`, `10:20:30.25`, with `Z` or an offset or without.
fn time(text: &str, day: Day, reading: Reading) -> Result<Stamp, Reason> {
    let bad = Reason::DateUnreadable;
    let zone = text.find(['Z', 'z', '+', '-']);
    let (clock, zone) = zone.map_or((text, None), |at| (text[..at].trim_end(), Some(&text[at..])));
    let mut parts = clock.splitn(3, ':');
    let (Some(hour), Some(minute)) = (parts.next().and_then(|part| digits(part, 2, 2)), parts.next().and_then(|part| digits(part, 2, 2)))
    else {
        return Err(bad);
    };
    let second = match parts.next() {
        None => 0,
        Some(part) => {
            let (whole, rest) = part.split_once('.').unwrap_or((part, "0"));
            digits(rest, 1, 9).and(digits(whole, 2, 2)).ok_or(bad)?
        }
    };
    if hour > 23 || minute > 59 || second > 59 {
        return Err(bad);
    }
    let shown = day.start().plus(i64::from(hour * 3600 + minute * 60 + second));
    match zone {
        None => Ok(shown),
        Some(zone) => Ok(shown.plus(60 * i64::from(reading.ahead - offset(zone)?))),
    }
}

/// Minutes ahead of UTC: `Z`, `+01:00`, `+0100`, `+01`.
fn offset(text: &str) -> Result<i32, Reason> {
    if text.eq_ignore_ascii_case("z") {
        return Ok(0);
    }
    let rest: String = text[1..].chars().filter(|mark| *mark != ':').collect();
    let number = match rest.len() {
        2 => digits(&rest, 2, 2).map(|hours| hours * 100),
        4 => digits(&rest, 4, 4),
        _ => None,
    };
    let number = number.filter(|number| number / 100 <= 14 && number % 100 < 60).ok_or(Reason::DateUnreadable)?;
    let minutes = (number / 100 * 60 + number % 100) as i32;
    Ok(if text.starts_with('-') { -minutes } else { minutes })
}

/// A date of something that happened: not after `now`, not before 1900.
pub fn happened(stamp: Stamp, now: Stamp) -> Result<Stamp, Reason> {
    match stamp {
        stamp if stamp > now => Err(Reason::DateInFuture),
        stamp if stamp.day().0 < EARLIEST => Err(Reason::DateTooEarly),
        stamp => Ok(stamp),
    }
}

/// A day of birth: of somebody between 0 and 120 years old.
pub fn birth(stamp: Stamp, now: Stamp) -> Result<Day, Reason> {
    let day = happened(stamp, now)?.day();
    if f64::from(now.day().since(day)) / 365.25 > 120.0 { Err(Reason::DateTooEarly) } else { Ok(day) }
}
