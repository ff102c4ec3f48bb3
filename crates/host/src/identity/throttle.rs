//! Failed logins cost time: per account and per address, in memory.
//!
//! An account has five failures free; after the n-th failure from there on nobody may try for 2ⁿ
//! seconds (32 s, 64 s, … at most 15 minutes). An address, or an IPv6 network of 64 bits, has more,
//! because an office shares one. An attempt counts as failed unless it is known to have succeeded,
//! so breaking off the connection gains nothing, and the number of attempts under way at once is
//! bounded, so trying in parallel gains little. Accounts that do not exist are treated the same:
//! the answer does not tell. **Does not promise** to hold across processes or a restart: each
//! process counts for itself.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use plimsoll_core::{Clock, Code, Error, Time};

/// Failures of one account without a delay.
const FREE: u32 = 5;
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(900);
/// A record nobody has touched for this long is forgotten.
const MEMORY: Duration = Duration::from_secs(1800);
/// Attempts for one account at once, as long as it has failures free.
const AT_ONCE: u32 = 16;
/// The window in which failures from one address are counted.
const WINDOW: Duration = Duration::from_secs(600);
/// Records kept of either kind.
const KEPT: usize = 50_000;

/// What an account is known by: a hash of its e-mail address.
pub type Account = [u8; 32];

#[derive(Default)]
struct Failures {
    count: u32,
    running: u32,
    until: Time,
    last: Time,
}

#[derive(Default)]
struct Books {
    accounts: HashMap<Account, Failures>,
    addresses: HashMap<IpAddr, Failures>,
}

/// Counts failed logins.
#[derive(Clone)]
pub struct Throttle {
    clock: Clock,
    per_address: u32,
    books: Arc<Mutex<Books>>,
}

/// One admitted attempt. Dropped, it counts as failed.
pub struct Attempt {
    throttle: Throttle,
    account: Account,
    address: IpAddr,
    failed: bool,
}

impl Throttle {
    /// Nothing failed yet; an address may fail `per_address` times in a window.
    pub fn new(clock: Clock, per_address: u32) -> Throttle {
        Throttle { clock, per_address, books: Arc::default() }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits one attempt, or says when to come back.
    ///
    /// # Errors
    /// [`Code::LoginThrottled`] with the seconds to wait.
    pub fn admit(&self, account: Account, address: IpAddr) -> Result<Attempt, Error> {
        let (now, address) = (self.clock.now(), network(address));
        let mut books = self.books();
        let Books { accounts, addresses } = &mut *books;
        if let Some(wait) = addresses.get(&address).and_then(|of| left(of, now)) {
            return Err(refused(wait));
        }
        make_room(accounts, now);
        let of = accounts.entry(account).or_default();
        if now.since(of.last) > MEMORY && of.running == 0 {
            *of = Failures::default();
        }
        if let Some(wait) = left(of, now) {
            return Err(refused(wait));
        }
        if of.running >= if of.count < FREE { AT_ONCE } else { 1 } {
            return Err(refused(Duration::from_secs(1)));
        }
        of.running += 1;
        of.last = now;
        Ok(Attempt { throttle: self.clone(), account, address, failed: true })
    }
}

impl Attempt {
    /// The password was right: the account begins anew.
    pub fn succeeded(mut self) {
        self.failed = false;
        if let Some(of) = self.throttle.books().accounts.get_mut(&self.account) {
            (of.count, of.until) = (0, Time::default());
        }
    }
    /// Nothing was tried (the database did not answer): the attempt does not count.
    pub fn withdrawn(mut self) {
        self.failed = false;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let now = self.throttle.clock.now();
        let mut books = self.throttle.books();
        if let Some(of) = books.accounts.get_mut(&self.account) {
            of.running = of.running.saturating_sub(1);
            of.last = now;
            if self.failed {
                of.count = of.count.saturating_add(1);
                if of.count >= FREE {
                    of.until = now.plus(LONGEST.min(Duration::from_secs(1 << of.count.min(20))));
                }
            }
        }
        if self.failed {
            make_room(&mut books.addresses, now);
            let of = books.addresses.entry(self.address).or_default();
            // `last` is the beginning of the window here.
            if of.count == 0 || now.since(of.last) >= WINDOW {
                (of.count, of.last) = (0, now);
            }
            of.count += 1;
            if of.count >= self.throttle.per_address {
                of.until = of.last.plus(WINDOW);
            }
        }
    }
}

fn left(of: &Failures, now: Time) -> Option<Duration> {
    (of.until > now).then(|| of.until.since(now))
}

/// Forgets what is old; if that is not enough, those with the fewest failures.
fn make_room<K: Eq + Hash>(of: &mut HashMap<K, Failures>, now: Time) {
    if of.len() < KEPT {
        return;
    }
    of.retain(|_, one| one.running > 0 || now.since(one.last) <= MEMORY);
    let mut fewest = 1;
    while of.len() >= KEPT && fewest <= 32 {
        of.retain(|_, one| one.running > 0 || one.count > fewest);
        fewest += 1;
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

fn refused(wait: Duration) -> Error {
    let seconds = u32::try_from(wait.as_micros().div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1);
    Code::LoginThrottled
        .because(format!("too many failed logins for this account or from this address; try again in {seconds} s"))
        .retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn throttle() -> (Throttle, Clock) {
        let clock = Clock::manual(Time::from_micros(1_800_000_000_000_000));
        (Throttle::new(clock.clone(), 50), clock)
    }
    fn wait(throttle: &Throttle, account: u8, address: IpAddr) -> u32 {
        match throttle.admit([account; 32], address) {
            Ok(attempt) => {
                attempt.withdrawn();
                0
            }
            Err(error) => {
                assert_eq!(error.code(), Code::LoginThrottled);
                error.retry_after_seconds().unwrap()
            }
        }
    }
    fn fail(throttle: &Throttle, account: u8, times: usize) {
        for _ in 0..times {
            drop(throttle.admit([account; 32], HERE).unwrap());
        }
    }

    #[test]
    fn the_sixth_attempt_waits_and_each_failure_doubles_the_wait() {
        let (throttle, clock) = throttle();
        fail(&throttle, 1, 5);
        let mut waits = Vec::new();
        for _ in 0..7 {
            let seconds = wait(&throttle, 1, HERE);
            waits.push(seconds);
            clock.advance(Duration::from_secs(u64::from(seconds)));
            fail(&throttle, 1, 1);
        }
        assert_eq!(waits, [32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(wait(&throttle, 2, HERE), 0, "another account is not concerned");
    }

    #[test]
    fn success_begins_anew_and_time_forgets() {
        let (throttle, clock) = throttle();
        fail(&throttle, 1, 4);
        throttle.admit([1; 32], HERE).unwrap().succeeded();
        fail(&throttle, 1, 4);
        assert_eq!(wait(&throttle, 1, HERE), 0);
        fail(&throttle, 1, 1);
        assert_eq!(wait(&throttle, 1, HERE), 32);
        clock.advance(Duration::from_secs(3600));
        fail(&throttle, 1, 4);
        assert_eq!(wait(&throttle, 1, HERE), 0);
    }

    #[test]
    fn trying_in_parallel_is_bounded() {
        let (throttle, _) = throttle();
        let running: Vec<Attempt> = (0..AT_ONCE).map(|_| throttle.admit([1; 32], HERE).unwrap()).collect();
        assert_eq!(wait(&throttle, 1, HERE), 1);
        drop(running);
        assert_eq!(wait(&throttle, 1, HERE), 900, "all of them count");
    }

    #[test]
    fn one_address_cannot_try_many_accounts_and_a_network_counts_as_one() {
        let (throttle, clock) = throttle();
        let inside = |host: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0, 0, host));
        for account in 0..50u8 {
            drop(throttle.admit([account; 32], inside(u16::from(account))).unwrap());
        }
        assert_eq!(wait(&throttle, 200, inside(999)), 600);
        assert_eq!(wait(&throttle, 200, "2001:db8:1:3::1".parse().unwrap()), 0);
        clock.advance(WINDOW);
        assert_eq!(wait(&throttle, 200, inside(999)), 0);
    }

    #[test]
    fn memory_is_bounded_and_the_worst_are_kept() {
        let (throttle, _) = throttle();
        fail(&throttle, 1, 5);
        for number in 0..60_000u32 {
            let mut account = [9; 32];
            account[..4].copy_from_slice(&number.to_be_bytes());
            let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(number));
            drop(throttle.admit(account, address).unwrap());
        }
        assert!(throttle.books().accounts.len() <= KEPT && throttle.books().addresses.len() <= KEPT);
        assert_eq!(wait(&throttle, 1, HERE), 32);
    }
}
