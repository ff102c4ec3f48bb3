//! A history as bytes, for the table from which everybody is scored.
//!
//! Built from the record whenever that changes, so it can always be made again; what is not
//! understood (another version, a cut text) is an error and never half a history. What lies in the
//! person's own row (birth, sex, place, phone) is not in it.
//!
//! Form: the version, then visits, pick-ups, answers of pick-ups, findings, endings, each with its
//! count. Whole numbers are LEB128, signed ones zigzag; a day is the distance to the one before.

use super::history::{Facility, Fact, History, Pickup, What};
use crate::record::{
    Day, Gender, Person,
    words::{Ending, Said},
};

/// The version of the form; another one is refused.
const VERSION: u8 = 1;

/// Why bytes are no history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the packed history is cut, or of another version")
    }
}
impl std::error::Error for Unreadable {}

type Result<T> = std::result::Result<T, Unreadable>;

impl History {
    /// What is in it besides the person's own data.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Writer { bytes: vec![VERSION], day: 0 };
        out.list(&self.visits, |out, (day, clinical)| {
            out.next(*day);
            out.bytes.push(u8::from(*clinical));
        });
        out.list(&self.pickups, |out, one| {
            out.next(one.day);
            out.whole(u64::from(one.from));
            out.whole(u64::from(one.to));
        });
        out.list(&self.handed, Writer::fact);
        out.list(&self.findings, Writer::fact);
        out.list(&self.endings, |out, (day, ending)| {
            out.next(*day);
            out.bytes.push(*ending as u8);
        });
        out.bytes
    }

    /// The history of a person from their own row and what was packed.
    ///
    /// # Errors
    /// [`Unreadable`] for bytes that [`History::pack`] of this version did not make.
    pub fn unpack(bytes: &[u8], person: &Person, facility: Option<Facility>) -> Result<History> {
        let mut from = Reader { rest: bytes, day: 0 };
        if from.byte()? != VERSION {
            return Err(Unreadable);
        }
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let history = History {
            birth: person.birthdate,
            male: person.gender.map(|gender| gender == Gender::Male),
            has_state: filled(&person.state),
            has_city: filled(&person.city),
            has_phone: filled(&person.phone),
            facility,
            visits: from.list(|from| Ok((from.next()?, from.byte()? != 0)))?,
            pickups: from.list(|from| Ok(Pickup { day: from.next()?, from: from.small()?, to: from.small()? }))?,
            handed: from.list(Reader::fact)?,
            findings: from.list(Reader::fact)?,
            endings: from.list(|from| Ok((from.next()?, from.ending()?)))?,
        };
        let inside = |one: &Pickup| one.from <= one.to && one.to as usize <= history.handed.len();
        if from.rest.is_empty() && history.pickups.iter().all(inside) { Ok(history) } else { Err(Unreadable) }
    }
}

struct Writer {
    bytes: Vec<u8>,
    day: i32,
}

impl Writer {
    fn list<T>(&mut self, all: &[T], mut each: impl FnMut(&mut Writer, &T)) {
        self.whole(all.len() as u64);
        self.day = 0;
        all.iter().for_each(|one| each(self, one));
    }
    fn whole(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
    fn signed(&mut self, number: i64) {
        self.whole(((number << 1) ^ (number >> 63)).cast_unsigned());
    }
    fn next(&mut self, day: Day) {
        self.signed(i64::from(day.0) - i64::from(self.day));
        self.day = day.0;
    }
    fn fact(&mut self, fact: &Fact) {
        self.next(fact.day);
        self.signed(i64::from(fact.known.0) - i64::from(fact.day.0));
        let (kind, value) = match fact.what {
            What::Regimen(which, dolutegravir) => (14, f64::from(which) * 2.0 + f64::from(u8::from(dolutegravir))),
            What::Said(said) => match said {
                Said::Regimen => (0, 0.0),
                Said::Duration(days) => (1, days),
                Said::Dispensed(units) => (2, units),
                Said::PerDose(units) => (3, units),
                Said::PerDay(doses) => (4, doses),
                Said::Counselled(yes) => (5, f64::from(u8::from(yes))),
                Said::Adherence(level) => (6, f64::from(level)),
                Said::WhoStage(stage) => (7, f64::from(stage)),
                Said::Limited(yes) => (8, f64::from(u8::from(yes))),
                Said::Tuberculosis(yes) => (9, f64::from(u8::from(yes))),
                Said::Pregnant(yes) => (10, f64::from(u8::from(yes))),
                Said::ViralLoad(copies) => (11, copies),
                Said::Ended(ending) => (12, f64::from(ending as u8)),
            },
        };
        // Most values are small whole numbers; the top bit says that eight bytes follow instead.
        if (0.0..1e9).contains(&value) && value.fract() == 0.0 && !(value == 0.0 && value.is_sign_negative()) {
            self.bytes.push(kind);
            self.whole(value as u64);
        } else {
            self.bytes.push(kind | 0x80);
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
}

struct Reader<'b> {
    rest: &'b [u8],
    day: i32,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.rest.split_first().ok_or(Unreadable)?;
        self.rest = rest;
        Ok(*first)
    }
    fn whole(&mut self) -> Result<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Unreadable)
    }
    fn small(&mut self) -> Result<u32> {
        u32::try_from(self.whole()?).map_err(|_| Unreadable)
    }
    fn signed(&mut self) -> Result<i64> {
        let number = self.whole()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }
    fn day(from: i32, distance: i64) -> Result<Day> {
        i64::from(from).checked_add(distance).and_then(|day| i32::try_from(day).ok()).map(Day).ok_or(Unreadable)
    }
    fn next(&mut self) -> Result<Day> {
        let day = Reader::day(self.day, self.signed()?)?;
        self.day = day.0;
        Ok(day)
    }
    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = usize::try_from(self.whole()?).map_err(|_| Unreadable)?;
        // Every entry takes two bytes at least: a count that promises more is none of ours.
        if count > self.rest.len() {
            return Err(Unreadable);
        }
        self.day = 0;
        (0..count).map(|_| each(self)).collect()
    }
    fn ending(&mut self) -> Result<Ending> {
        ending(self.byte()?)
    }
    fn fact(&mut self) -> Result<Fact> {
        let day = self.next()?;
        let known = Reader::day(day.0, self.signed()?)?;
        let kind = self.byte()?;
        let value = if kind & 0x80 == 0 {
            self.whole()? as f64
        } else {
            let (bytes, rest) = self.rest.split_first_chunk::<8>().ok_or(Unreadable)?;
            self.rest = rest;
            f64::from_le_bytes(*bytes)
        };
        let (small, yes) = (value as u8, value != 0.0);
        let said = match kind & 0x7f {
            14 => return Ok(Fact { day, known, what: What::Regimen((value / 2.0) as u16, value % 2.0 != 0.0) }),
            0 => Said::Regimen,
            1 => Said::Duration(value),
            2 => Said::Dispensed(value),
            3 => Said::PerDose(value),
            4 => Said::PerDay(value),
            5 => Said::Counselled(yes),
            6 => Said::Adherence(small),
            7 => Said::WhoStage(small),
            8 => Said::Limited(yes),
            9 => Said::Tuberculosis(yes),
            10 => Said::Pregnant(yes),
            11 => Said::ViralLoad(value),
            12 => Said::Ended(ending(small)?),
            _ => return Err(Unreadable),
        };
        Ok(Fact { day, known, what: What::Said(said) })
    }
}

fn ending(number: u8) -> Result<Ending> {
    [Ending::Death, Ending::Transfer, Ending::Stop].into_iter().find(|one| *one as u8 == number).ok_or(Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cohort::{Cohort, Untidy};

    #[test]
    fn what_was_packed_is_the_same_history_again() {
        let cohort = Cohort::new(7);
        for member in cohort.members(200) {
            let record = cohort.untidy(&member, &Untidy::default());
            let facility = Some(Facility { level: 1, rural: true });
            let history = History::of(&record, facility);
            assert_eq!(History::unpack(&history.pack(), &record.person, facility), Ok(history));
        }
    }

    #[test]
    fn bytes_that_are_cut_or_bent_are_refused_or_read_and_never_panic() {
        let cohort = Cohort::new(7);
        let record = cohort.record(&cohort.member(3));
        let whole = History::of(&record, None).pack();
        for length in 0..whole.len() {
            assert_eq!(History::unpack(&whole[..length], &record.person, None), Err(Unreadable), "{length}");
        }
        for at in 0..whole.len() {
            for bits in [1, 0x80, 0xff] {
                let mut bent = whole.clone();
                bent[at] ^= bits;
                let _ = History::unpack(&bent, &record.person, None);
            }
        }
    }
}
