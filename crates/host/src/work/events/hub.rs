//! Who waits for news of a tenant in this process.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use plimsoll_core::{Result, TenantId};
use plimsoll_store::{Pace, Scope, bind};
use tokio::sync::watch;

use super::CHANNEL;
use crate::Host;

/// Wakes those who wait; costs nothing while nobody does.
#[derive(Default)]
pub(super) struct Hub {
    waiting: AtomicUsize,
    tenants: Mutex<HashMap<TenantId, Place>>,
}

/// Those who wait for one tenant, and the newest event they were told of.
struct Place {
    here: usize,
    head: watch::Sender<i64>,
}

/// A place among those who wait, until it is dropped.
pub(super) struct Waiter {
    hub: Arc<Hub>,
    tenant: TenantId,
    head: watch::Receiver<i64>,
}

static PACE: Pace = Pace::new();

/// Tells streams of news that this or another process has written, for as long as the host lives.
/// One look at the log tells all of them: what is written for one tenant wakes no other's streams.
pub(crate) async fn herald(host: Weak<Host>) {
    let Some(mut changes) = host.upgrade().map(|host| host.store.changes(CHANNEL)) else { return };
    loop {
        changes.changed().await;
        let Some(host) = host.upgrade() else { return };
        let hub = host.work.bus.hub.clone();
        let tenants = hub.tenants();
        if tenants.is_empty() {
            continue;
        }
        let heads = host.store.read(Scope::Host, &PACE, move |tx| {
            let head = |tenant: TenantId| {
                let sql = "SELECT seq FROM event WHERE tenant_id = :tenant ORDER BY seq DESC LIMIT 1";
                Ok((tenant, tx.maybe::<i64>(sql, bind! { tenant: tenant })?.unwrap_or(0)))
            };
            tenants.into_iter().map(head).collect::<Result<Vec<_>>>()
        });
        match heads.await {
            Ok(heads) => heads.into_iter().for_each(|(tenant, head)| hub.tell(tenant, head)),
            // Each looks for itself, and meets the same trouble or does not.
            Err(_) => hub.tell_all(),
        }
    }
}

impl Hub {
    fn tenants(&self) -> Vec<TenantId> {
        if self.waiting() == 0 {
            return Vec::new();
        }
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// The newest event of `tenant` is this one.
    fn tell(&self, tenant: TenantId, head: i64) {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = tenants.get(&tenant) {
            place.head.send_if_modified(|known| std::mem::replace(known, head) != head);
        }
    }

    fn tell_all(&self) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).values().for_each(|place| place.head.send_modify(|_| {}));
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// A place for `tenant`, unless there are `most` in all or `most_here` for this tenant.
    pub(super) fn join(self: &Arc<Hub>, tenant: TenantId, most: usize, most_here: usize) -> Option<Waiter> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if self.waiting() >= most || most_here == 0 || tenants.get(&tenant).is_some_and(|place| place.here >= most_here) {
            return None;
        }
        let place = tenants.entry(tenant).or_insert_with(|| Place { here: 0, head: watch::Sender::new(0) });
        place.here += 1;
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Some(Waiter { hub: self.clone(), tenant, head: place.head.subscribe() })
    }
}

impl Waiter {
    /// Whatever is told from now on counts as news.
    pub(super) fn caught_up(&mut self) {
        self.head.mark_unchanged();
    }

    /// Waits for news that came after [`Waiter::caught_up`].
    pub(super) async fn news(&mut self) {
        if self.head.changed().await.is_err() {
            // The sender stands in the hub for as long as this place does.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut tenants = self.hub.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        self.hub.waiting.fetch_sub(1, Ordering::SeqCst);
        if let Some(place) = tenants.get_mut(&self.tenant) {
            place.here -= 1;
            if place.here == 0 {
                tenants.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_reaches_those_of_the_tenant_and_nobody_else() {
        let hub = Arc::new(Hub::default());
        let (mine, other) = (TenantId::from_bits(1), TenantId::from_bits(2));
        let mut here = hub.join(mine, 9, 9).unwrap();
        let mut there = hub.join(other, 9, 9).unwrap();
        hub.tell(mine, 1);
        here.news().await;
        here.caught_up();
        hub.tell(mine, 1);
        let again = tokio::time::timeout(std::time::Duration::from_millis(1), here.news()).await;
        assert!(again.is_err(), "nothing new was told");
        let quiet = tokio::time::timeout(std::time::Duration::from_millis(1), there.news()).await;
        assert!(quiet.is_err());
        hub.tell_all();
        there.news().await;
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let hub = Arc::new(Hub::default());
        let (mine, other) = (TenantId::from_bits(1), TenantId::from_bits(2));
        let first = hub.join(mine, 2, 1).unwrap();
        assert!(hub.join(mine, 2, 1).is_none());
        let second = hub.join(other, 2, 1).unwrap();
        assert!(hub.join(TenantId::from_bits(3), 2, 1).is_none());
        drop(first);
        assert!(hub.join(mine, 2, 1).is_some());
        drop(second);
        assert_eq!(hub.waiting(), 0);
        assert!(hub.tenants.lock().unwrap().is_empty());
    }
}
