//! Who a credential belongs to, remembered for a moment.
//!
//! A hot credential must not cost a database read per request, and a revoked one must not live on.
//! So an entry lives for a moment (two seconds unless configured), and every revocation in this
//! process raises the generation, which makes all older entries worthless at once. **Promise:** a
//! credential revoked by this process is refused by the next request; one revoked by another
//! process is refused when the moment has passed. What is kept is keyed by the SHA-256 of the
//! credential: the memory of the process holds no second copy of it.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use plimsoll_core::{Principal, Time};

const SHARDS: usize = 16;
const PER_SHARD: usize = 4096;

struct Entry {
    who: Principal,
    expires: Time,
    read: Time,
    generation: u64,
}

/// Principals by the hash of their credential.
pub struct Cache {
    shards: [Mutex<HashMap<[u8; 32], Entry>>; SHARDS],
    generation: AtomicU64,
    lifetime: Duration,
}

impl Cache {
    /// Nothing known; entries live for `lifetime`.
    pub fn new(lifetime: Duration) -> Cache {
        Cache { shards: std::array::from_fn(|_| Mutex::default()), generation: AtomicU64::new(0), lifetime }
    }

    fn shard(&self, credential: &[u8; 32]) -> &Mutex<HashMap<[u8; 32], Entry>> {
        &self.shards[usize::from(credential[0]) % SHARDS]
    }

    /// Who it belongs to, if that is known, recent, and the credential has not expired at `now`.
    pub fn get(&self, credential: &[u8; 32], now: Time) -> Option<Principal> {
        let shard = self.shard(credential).lock().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.get(credential)?;
        let fresh = entry.generation == self.generation.load(Ordering::SeqCst)
            && now < entry.expires
            && now >= entry.read
            && now.since(entry.read) < self.lifetime;
        fresh.then(|| entry.who.clone())
    }

    /// The generation to hand to [`Cache::put`]; ask before reading the database, so that a
    /// revocation between the read and the entry makes the entry worthless.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Remembers who it belongs to, as read at `read`.
    pub fn put(&self, credential: [u8; 32], who: Principal, expires: Time, read: Time, generation: u64) {
        let mut shard = self.shard(&credential).lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= PER_SHARD && !shard.contains_key(&credential) {
            shard.retain(|_, entry| entry.generation == generation && read.since(entry.read) < self.lifetime);
            if shard.len() >= PER_SHARD {
                shard.clear();
            }
        }
        shard.insert(credential, Entry { who, expires, read, generation });
    }

    /// Something was revoked or changed: nothing remembered counts any more.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::TenantId;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }
    fn who() -> Principal {
        Principal::host(TenantId::from_bits(1))
    }

    #[test]
    fn an_entry_lives_for_a_moment_and_never_longer_than_its_credential() {
        let cache = Cache::new(Duration::from_secs(2));
        cache.put([1; 32], who(), at(1000), at(10), cache.generation());
        cache.put([2; 32], who(), at(11), at(10), cache.generation());
        assert!(cache.get(&[1; 32], at(11)).is_some() && cache.get(&[1; 32], at(12)).is_none());
        assert!(cache.get(&[2; 32], at(10)).is_some() && cache.get(&[2; 32], at(11)).is_none());
        assert!(cache.get(&[1; 32], at(9)).is_none(), "a clock set back does not lengthen the moment");
        assert!(cache.get(&[3; 32], at(10)).is_none());
    }

    #[test]
    fn a_revocation_counts_at_once_even_against_a_read_under_way() {
        let cache = Cache::new(Duration::from_secs(2));
        cache.put([1; 32], who(), at(1000), at(10), cache.generation());
        let before = cache.generation();
        cache.forget();
        assert!(cache.get(&[1; 32], at(10)).is_none());
        cache.put([1; 32], who(), at(1000), at(10), before);
        assert!(cache.get(&[1; 32], at(10)).is_none(), "what was read before the revocation must not count after it");
        cache.put([1; 32], who(), at(1000), at(10), cache.generation());
        assert!(cache.get(&[1; 32], at(10)).is_some());
    }

    #[test]
    fn the_memory_is_bounded() {
        let cache = Cache::new(Duration::from_secs(2));
        for number in 0..20_000u32 {
            let mut credential = [0; 32];
            credential[4..8].copy_from_slice(&number.to_be_bytes());
            cache.put(credential, who(), at(1000), at(10), 0);
        }
        assert!(cache.shards[0].lock().unwrap().len() <= PER_SHARD);
    }
}
