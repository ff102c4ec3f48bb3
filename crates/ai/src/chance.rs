//! Repeatable chance: a seed is an argument of everything here that draws.

pub use plimsoll_core::seed::STEP;
use plimsoll_core::seed::stir;

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): one addition and
/// two multiplications for 64 bits. Repeatable on every machine, never for secrets.
#[derive(Clone, Debug)]
pub struct SplitMix(u64);

impl SplitMix {
    /// The sequence that begins at `seed`.
    pub const fn new(seed: u64) -> SplitMix {
        SplitMix(seed)
    }

    /// The sequence number `stream` of `seed`, unrelated to the others: what is drawn for one round does not depend
    /// on how much another round drew.
    pub fn stream(seed: u64, stream: u64) -> SplitMix {
        SplitMix(stir(seed ^ stir(stream.wrapping_add(1).wrapping_mul(STEP))))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        stir(self.0)
    }

    /// A number in [0, 1) with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// An index below `bound`; 0 for a bound of 0. The bias is below `bound` / 2⁶⁴.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::SplitMix;

    /// First outputs for state 0, from the reference implementation of the algorithm.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut chance = SplitMix::new(0);
        assert_eq!(chance.bits(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(chance.bits(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn an_index_is_below_its_bound_and_every_index_comes() {
        let mut seen = [0u32; 7];
        let mut chance = SplitMix::stream(1, 2);
        for _ in 0..7000 {
            seen[chance.below(7)] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
        assert_eq!(chance.below(0), 0);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&chance.unit())));
    }
}
