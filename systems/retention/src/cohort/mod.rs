//! A synthetic cohort: people on treatment, their visits, pick-ups and results, for demonstrations and tests.
//!
//! Nobody in it exists. Each person is drawn from a stream of their own, so the thousandth is the same
//! whether or not the 999 before were drawn, and any number of people costs the memory of one.

mod course;
mod moved;
mod place;
mod record;
mod stream;
mod text;
mod untidy;

pub use course::{DTG, Dispensed, EFV, FIRST, Findings, LAST, Member, Occasion, Pickup};
pub use moved::moved;
pub use place::{FACILITIES, Facility, facilities};
pub use stream::{Stream, mix};
pub use untidy::{Planted, Untidy};

/// A cohort with a seed.
#[derive(Clone, Debug)]
pub struct Cohort {
    seed: u64,
    facilities: Vec<Facility>,
}

impl Cohort {
    /// The cohort of a seed.
    pub fn new(seed: u64) -> Cohort {
        Cohort { seed, facilities: facilities(seed) }
    }

    /// Its facilities.
    pub fn facilities(&self) -> &[Facility] {
        &self.facilities
    }

    /// The person with this number.
    pub fn member(&self, number: u64) -> Member {
        course::draw(self.seed, number, &self.facilities)
    }

    /// The first `count` people, one at a time.
    pub fn members(&self, count: u64) -> impl Iterator<Item = Member> + '_ {
        (0..count).map(|number| self.member(number))
    }
}
