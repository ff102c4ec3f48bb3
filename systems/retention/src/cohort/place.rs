//! The facilities of the programme.

use super::stream::{Stream, mix};

/// How many facilities there are.
pub const FACILITIES: usize = 40;

const STATES: [&str; 8] = ["Lagos", "Rivers", "Kano", "FCT", "Benue", "Akwa Ibom", "Kaduna", "Oyo"];

/// A facility of the programme.
#[derive(Clone, Debug, PartialEq)]
pub struct Facility {
    /// Its code, `SYN1000` and up.
    pub code: String,
    /// The state it lies in.
    pub state: &'static str,
    /// 0 primary, 1 secondary, 2 tertiary.
    pub level: u8,
    /// Whether it lies in the country.
    pub rural: bool,
    /// What it adds to the log-odds of an interruption.
    pub effect: f64,
    /// How far it has taken up dispensing for several months, 0.6 to 1.
    pub multi_month: f64,
}

/// The facilities of a cohort with this seed.
pub fn facilities(seed: u64) -> Vec<Facility> {
    (0..FACILITIES)
        .map(|number| {
            let mut stream = Stream::new(mix(seed, 0xFAC000 + number as u64));
            let level = stream.pick(&[0.25, 0.57, 0.18]);
            let rural = stream.chance([0.60, 0.35, 0.10][level]);
            let effect = 0.35 * stream.normal() + [0.0, 0.20, 0.40][level];
            let state = STATES[stream.between(0, 7) as usize];
            let multi_month = 0.60 + 0.40 * stream.uniform();
            Facility { code: format!("SYN{}", 1000 + number), state, level: level as u8, rural, effect, multi_month }
        })
        .collect()
}
