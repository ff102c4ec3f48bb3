//! Exact fractions, so that a score never depends on the order of additions.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A fraction that is not negative, in lowest terms. In reports it is text: `3`, `0`, `241/6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    above: u128,
    below: u128,
}

const fn divisor(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { divisor(b, a % b) }
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Ratio = Ratio { above: 0, below: 1 };
    /// The whole.
    pub const ONE: Ratio = Ratio { above: 1, below: 1 };

    /// `above / below`; nothing where `below` is zero.
    pub const fn new(above: u128, below: u128) -> Ratio {
        if below == 0 {
            return Ratio::ZERO;
        }
        let common = divisor(above, below);
        Ratio { above: above / common, below: below / common }
    }
    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.above == 0
    }
    /// The sum. It saturates far beyond any catalogue.
    #[must_use]
    pub const fn plus(self, other: Ratio) -> Ratio {
        let above = self.above.saturating_mul(other.below).saturating_add(other.above.saturating_mul(self.below));
        Ratio::new(above, self.below.saturating_mul(other.below))
    }
    /// The product.
    #[must_use]
    pub const fn times(self, other: Ratio) -> Ratio {
        Ratio::new(self.above.saturating_mul(other.above), self.below.saturating_mul(other.below))
    }
    /// What is left of the whole; nothing where it is more than the whole.
    #[must_use]
    pub const fn rest(self) -> Ratio {
        Ratio::new(self.below.saturating_sub(self.above), self.below)
    }
    /// The quotient; nothing where `other` is nothing.
    #[must_use]
    pub const fn over(self, other: Ratio) -> Ratio {
        Ratio::new(self.above.saturating_mul(other.below), self.below.saturating_mul(other.above))
    }
    /// In percent with one decimal, a tie to the even neighbour.
    pub fn percent(self) -> Figure {
        let (scaled, below) = (self.above.saturating_mul(1000), self.below);
        let (whole, left) = (scaled / below, scaled % below);
        let up = match left.cmp(&(below - left)) {
            Ordering::Less => false,
            Ordering::Equal => whole % 2 == 1,
            Ordering::Greater => true,
        };
        Figure(u64::try_from(whole + u128::from(up)).unwrap_or(u64::MAX))
    }
    /// For tables: with one decimal where it is not whole.
    pub fn short(self) -> String {
        if self.below == 1 { self.above.to_string() } else { Ratio::new(self.above, self.below.saturating_mul(100)).percent().to_string() }
    }
    /// For people: `40 1/6`.
    pub fn mixed(self) -> String {
        let (whole, left) = (self.above / self.below, self.above % self.below);
        match (whole, left) {
            (whole, 0) => whole.to_string(),
            (0, left) => format!("{left}/{}", self.below),
            (whole, left) => format!("{whole} {left}/{}", self.below),
        }
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Ratio) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ratio {
    fn cmp(&self, other: &Ratio) -> Ordering {
        self.above.saturating_mul(other.below).cmp(&other.above.saturating_mul(self.below))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.below {
            1 => write!(f, "{}", self.above),
            below => write!(f, "{}/{below}", self.above),
        }
    }
}
impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ratio, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (above, below) = text.split_once('/').unwrap_or((&text, "1"));
        match (above.parse(), below.parse()) {
            (Ok(above), Ok(below)) if below > 0 => Ok(Ratio::new(above, below)),
            _ => Err(D::Error::custom(format!("`{text}` is not a fraction such as 3 or 241/6"))),
        }
    }
}

/// A number with at most one decimal, kept in tenths. In JSON it is a number, without a decimal
/// where it is whole, so that every language prints it with the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Figure(u64);

impl Figure {
    /// This many tenths.
    pub const fn tenths(tenths: u64) -> Figure {
        Figure(tenths)
    }
    /// The nearest one; nothing for what is negative or no number.
    pub fn nearest(number: f64) -> Figure {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and a weight is small")]
        Figure((number * 10.0).round() as u64)
    }
    /// As a fraction.
    pub const fn ratio(self) -> Ratio {
        Ratio::new(self.0 as u128, 10)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}
impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => serializer.serialize_u64(whole),
            #[expect(clippy::cast_precision_loss, reason = "percentages and weights are small")]
            _ => serializer.serialize_f64(self.0 as f64 / 10.0),
        }
    }
}
impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Figure, D::Error> {
        Ok(Figure::nearest(f64::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Ratio};

    #[test]
    fn ties_go_to_the_even_neighbour() {
        // 1/80 = 1.25 %, 3/80 = 3.75 %, 1/16 = 6.25 %, 2/3, 1/2000 = 0.05 %, 3/2000 = 0.15 %.
        for (above, below, text) in
            [(1, 80, "1.2"), (3, 80, "3.8"), (1, 16, "6.2"), (2, 3, "66.7"), (1, 2000, "0.0"), (3, 2000, "0.2"), (1, 1, "100.0")]
        {
            assert_eq!(Ratio::new(above, below).percent().to_string(), text, "{above}/{below}");
        }
    }

    #[test]
    fn fractions_beyond_any_catalogue_saturate_and_do_not_panic() {
        let huge = Ratio::new(u128::MAX - 1, u128::MAX);
        let sum = huge.plus(Ratio::new(1, u128::MAX - 2)).times(huge).over(huge);
        assert!(sum.percent() >= Figure::tenths(0) && sum.rest() <= Ratio::ONE);
    }

    #[test]
    fn sums_do_not_depend_on_their_order() {
        let parts: Vec<Ratio> = (1..=7).map(|below| Ratio::new(1, below)).collect();
        let forth = parts.iter().fold(Ratio::ZERO, |sum, part| sum.plus(*part));
        let back = parts.iter().rev().fold(Ratio::ZERO, |sum, part| sum.plus(*part));
        assert_eq!(forth, back);
        assert_eq!((forth.to_string(), forth.mixed()), ("363/140".into(), "2 83/140".into()));
    }

    #[test]
    fn numbers_keep_their_bytes_through_json() {
        for text in ["8", "0.5", "55.6", "100"] {
            let figure: Figure = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&figure).unwrap(), text);
        }
        let ratio: Ratio = serde_json::from_str("\"241/6\"").unwrap();
        assert_eq!((ratio.mixed().as_str(), serde_json::to_string(&ratio).unwrap().as_str()), ("40 1/6", "\"241/6\""));
        assert!(serde_json::from_str::<Ratio>("\"1/0\"").is_err());
    }
}
