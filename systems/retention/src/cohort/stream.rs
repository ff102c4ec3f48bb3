//! One stream of chance for each person: SplitMix64 and what is drawn from it.
//!
//! The same draws on every machine: whole numbers, additions and multiplications in a fixed order, a
//! normal from twelve uniforms (Irwin and Hall) and tables where a quantile is wanted. Only `exp` and
//! powers come from the machine's library; they enter in comparisons with uniforms and in values that
//! are cut to whole numbers, where a difference in the last bit changes something once in 10¹⁰ draws.

use plimsoll_ai::chance::{STEP, SplitMix};

/// The state of a stream.
#[derive(Clone, Debug)]
pub struct Stream(SplitMix);

const OTHER: u64 = 0xc2b2_ae3d_27d4_eb4f;

/// Two numbers stirred into one: the seed of a person's stream.
pub fn mix(seed: u64, which: u64) -> u64 {
    Stream::new(seed.wrapping_mul(STEP) ^ which.wrapping_mul(OTHER)).word()
}

impl Stream {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Stream {
        Stream(SplitMix::new(seed))
    }

    /// 64 random bits.
    pub fn word(&mut self) -> u64 {
        self.0.bits()
    }

    /// Uniform in 0..1: the upper 53 bits.
    pub fn uniform(&mut self) -> f64 {
        self.0.unit()
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// A whole number from `low` to `high`, both included.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        low + (self.uniform() * f64::from(high - low + 1)) as i32
    }

    /// Mean 0, variance 1, within ±6.
    pub fn normal(&mut self) -> f64 {
        let mut sum = 0.0;
        for _ in 0..12 {
            sum += self.uniform();
        }
        sum - 6.0
    }

    /// An index, drawn with these weights.
    pub fn pick(&mut self, weights: &[f64]) -> usize {
        let mut total = 0.0;
        weights.iter().for_each(|weight| total += weight);
        let drawn = self.uniform() * total;
        let mut sum = 0.0;
        for (index, weight) in weights.iter().enumerate() {
            sum += weight;
            if drawn < sum {
                return index;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// A value from a table of quantiles at equal steps of probability, straight lines between them.
    pub fn quantile(&mut self, table: &[f64]) -> f64 {
        let place = self.uniform() * (table.len() - 1) as f64;
        let below = place as usize;
        table[below] + (table[below + 1] - table[below]) * (place - below as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First outputs for state 0, from the algorithm's reference implementation.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut stream = Stream::new(0);
        assert_eq!([stream.word(), stream.word()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn draws_have_the_distribution_they_say() {
        let mut stream = Stream::new(11);
        let n = 200_000;
        let (mut sum, mut squares, mut picked, mut whole) = (0.0, 0.0, [0; 3], [0; 5]);
        for _ in 0..n {
            let x = stream.normal();
            sum += x;
            squares += x * x;
            picked[stream.pick(&[1.0, 2.0, 1.0])] += 1;
            whole[(stream.between(-2, 2) + 2) as usize] += 1;
            let quantile = stream.quantile(&[0.0, 10.0, 30.0]);
            assert!((0.0..30.0).contains(&quantile));
        }
        let n = f64::from(n);
        assert!((sum / n).abs() < 0.01 && (squares / n - 1.0).abs() < 0.02);
        assert!((f64::from(picked[1]) / n - 0.5).abs() < 0.01);
        assert!(whole.iter().all(|count| (f64::from(*count) / n - 0.2).abs() < 0.01));
    }
}
