//! The one source of chance.
//!
//! In production it is the operating system's generator. A test or a probe hands down a fixed
//! seed instead, prints it when it fails, and the failing run can be repeated.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A handle to the source of random bytes; cheap to clone. The default is the operating system.
#[derive(Clone, Default)]
pub struct Seed(Option<Arc<AtomicU64>>);

impl Seed {
    /// The operating system's generator: the only one fit for secrets.
    pub fn system() -> Seed {
        Seed(None)
    }
    /// A repeatable sequence; never for secrets.
    pub fn fixed(seed: u64) -> Seed {
        Seed(Some(Arc::new(AtomicU64::new(seed))))
    }

    /// Fills `out` with random bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing safe can be done then.
    pub fn fill(&self, out: &mut [u8]) {
        match &self.0 {
            None => system(out),
            Some(state) => {
                for chunk in out.chunks_mut(8) {
                    chunk.copy_from_slice(&splitmix(state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0u8; N];
        self.fill(&mut out);
        out
    }

    /// A number below `bound` (which must not be zero); the bias is below 2⁻³² for small bounds.
    pub fn below(&self, bound: u64) -> u64 {
        u64::from_le_bytes(self.bytes()) % bound
    }
}

/// Bytes of the operating system, fetched in bulk: a request needs a few dozen for its ids, and a
/// system call for each costs more than the ids are worth. A byte leaves the stock when it is
/// given out, so what was handed to one caller cannot be found here later.
#[expect(clippy::expect_used, reason = "without randomness nothing safe can be done")]
fn system(out: &mut [u8]) {
    const STOCK: usize = 1024;
    thread_local! {
        static STOCKED: RefCell<([u8; STOCK], usize)> = const { RefCell::new(([0; STOCK], STOCK)) };
    }
    if out.len() > STOCK / 8 {
        return getrandom::fill(out).expect("the operating system gives random bytes");
    }
    STOCKED.with_borrow_mut(|(stock, used)| {
        if *used + out.len() > STOCK {
            getrandom::fill(stock).expect("the operating system gives random bytes");
            *used = 0;
        }
        let taken = &mut stock[*used..*used + out.len()];
        out.copy_from_slice(taken);
        taken.fill(0);
        *used += out.len();
    });
}

/// What SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014) adds
/// to its state for each word: the odd number nearest to 2⁶⁴ divided by the golden ratio.
pub const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's word for a state that was stepped. Repeatable on every machine, never for secrets.
pub const fn stir(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn splitmix(state: &AtomicU64) -> u64 {
    stir(state.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP))
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn a_fixed_seed_repeats_and_the_system_does_not() {
        assert_eq!(Seed::fixed(9).bytes::<20>(), Seed::fixed(9).bytes::<20>());
        assert_ne!(Seed::fixed(9).bytes::<20>(), Seed::fixed(10).bytes::<20>());
        let drawn: std::collections::HashSet<[u8; 20]> = (0..1000).map(|_| Seed::system().bytes()).collect();
        assert_eq!(drawn.len(), 1000, "nothing is handed out twice, also across refills");
    }

    /// First outputs for state 0, from the algorithm's reference implementation.
    #[test]
    fn the_generator_is_splitmix64() {
        assert_eq!(u64::from_le_bytes(Seed::fixed(0).bytes()), 0xe220_a839_7b1d_cdaf);
    }
}
