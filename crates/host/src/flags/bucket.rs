//! Where a unit lies: a number that never changes.
//!
//! `SHA-256(flag ‖ 0x00 ‖ kind ‖ 0x00 ‖ unit)`, where `kind` is `principal`, `tenant` or `address`,
//! `unit` is the id as text, and an address is its 4 bytes or, for IPv6, its first 8. The first
//! eight bytes, as a big-endian number `h`, give the bucket `⌊h · 100 000 / 2⁶⁴⌋`; the next eight
//! give the place in the choice between variants. SHA-256 is not the fastest, but anyone can
//! recompute it, and nobody can look for ids that fall into a wanted bucket of a flag before the
//! flag has a name.

use ring::digest::{self, SHA256};

use super::{context::Unit, share::Share};

/// A unit's place under one flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// From 0 to 99 999: decides about rollouts.
    pub bucket: u32,
    /// Decides between variants; independent of the bucket.
    pub(super) draw: u64,
}

/// The hash with the name of a flag already in it.
#[derive(Clone)]
pub(super) struct Key(digest::Context);

impl Key {
    pub fn new(flag: &str) -> Key {
        let mut context = digest::Context::new(&SHA256);
        context.update(flag.as_bytes());
        context.update(&[0]);
        Key(context)
    }

    /// Where the unit lies. Nothing is allocated.
    pub fn spot(&self, unit: &Unit<'_>) -> Spot {
        let mut context = self.0.clone();
        context.update(unit.kind().as_bytes());
        context.update(&[0]);
        match unit {
            Unit::Principal(id) | Unit::Tenant(id) => context.update(id.as_bytes()),
            Unit::Address(address) => match address.to_canonical() {
                std::net::IpAddr::V4(four) => context.update(&four.octets()),
                // Whoever has one address of a /64 has all of them.
                std::net::IpAddr::V6(six) => context.update(&six.octets()[..8]),
            },
        }
        let hash = context.finish();
        let bytes = hash.as_ref();
        let bucket = (u128::from(number(&bytes[..8])) * u128::from(Share::BUCKETS)) >> 64;
        Spot { bucket: u32::try_from(bucket).unwrap_or(Share::BUCKETS - 1), draw: number(&bytes[8..16]) }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A number that belongs to the name of a variant.
pub(super) fn sign(variant: &str) -> u64 {
    number(&digest::digest(&SHA256, variant.as_bytes()).as_ref()[..8])
}

/// The draw of a unit for one variant: the finaliser of splitmix64 over both.
pub(super) fn ticket(draw: u64, sign: u64) -> u64 {
    let mut mixed = draw ^ sign;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Fractional bits of [`wait`].
const FRACTION: u32 = 32;

/// How long a variant of weight one keeps a unit with this ticket waiting: `64 − log2(ticket + 1)`
/// with 32 fractional bits. Divided by the weight, the shortest wait wins, and each variant wins in
/// proportion to its weight (weighted rendezvous hashing). Whole numbers only: a logarithm in
/// floating point may differ in its last bit between machines, and with it a decision.
pub(super) fn wait(ticket: u64) -> u64 {
    let Some(value) = ticket.checked_add(1) else { return 0 };
    let zeros = value.leading_zeros();
    // The value between 1 and 2, with 63 fractional bits. Squaring it doubles its logarithm: what
    // passes 2 is the next bit.
    let mut rest = value << zeros;
    let mut log = u64::from(63 - zeros) << FRACTION;
    for bit in (0..FRACTION).rev() {
        let square = u128::from(rest) * u128::from(rest);
        let passed = square >> 127 != 0;
        log |= u64::from(passed) << bit;
        // The top bit stays set, so nothing is cut off above.
        rest = u64::try_from(square >> if passed { 64 } else { 63 }).unwrap_or(u64::MAX);
    }
    (64 << FRACTION) - log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_logarithm_is_as_good_as_one_in_floating_point() {
        for ticket in [0, 1, 2, 3, 7, 1000, u64::from(u32::MAX), 1 << 63, (1 << 63) + 12_345, u64::MAX / 3, u64::MAX - 1, u64::MAX] {
            #[expect(clippy::cast_precision_loss, reason = "compared within the precision that is lost")]
            let (exact, made) = (64.0 - (ticket as f64 + 1.0).log2(), wait(ticket) as f64 / f64::from(FRACTION).exp2());
            assert!((exact - made).abs() < 1e-8, "{ticket}: {exact} and {made}");
        }
    }

    #[test]
    fn a_larger_ticket_never_waits_longer() {
        let tickets = (0..5000).map(|step| u64::MAX / 5000 * step);
        let waits: Vec<u64> = tickets.map(wait).collect();
        assert!(waits.windows(2).all(|pair| pair[0] >= pair[1]));
    }
}
