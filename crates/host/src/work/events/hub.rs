//! Who waits for news of a tenant in this process.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use plimsoll_core::TenantId;
use tokio::sync::watch;

/// Wakes those who wait; costs nothing while nobody does.
#[derive(Default)]
pub(super) struct Hub {
    waiting: AtomicUsize,
    tenants: Mutex<HashMap<TenantId, (usize, watch::Sender<u64>)>>,
}

/// A place among those who wait, until it is dropped.
pub(super) struct Waiter {
    hub: Arc<Hub>,
    tenant: TenantId,
    news: watch::Receiver<u64>,
}

impl Hub {
    /// There is news for `tenant`.
    pub(super) fn poke(&self, tenant: TenantId) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sender)) = tenants.get(&tenant) {
            sender.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// There may be news for anybody: another process has written.
    pub(super) fn poke_all(&self) {
        for (_, sender) in self.tenants.lock().unwrap_or_else(PoisonError::into_inner).values() {
            sender.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// A place for `tenant`, unless there are `most` in all or `most_here` for this tenant.
    pub(super) fn join(self: &Arc<Hub>, tenant: TenantId, most: usize, most_here: usize) -> Option<Waiter> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if self.waiting() >= most || tenants.get(&tenant).is_some_and(|(here, _)| *here >= most_here) || most_here == 0 {
            return None;
        }
        let (here, sender) = tenants.entry(tenant).or_insert_with(|| (0, watch::Sender::new(0)));
        *here += 1;
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Some(Waiter { hub: self.clone(), tenant, news: sender.subscribe() })
    }
}

impl Waiter {
    /// Whatever is told from now on counts as news.
    pub(super) fn caught_up(&mut self) {
        self.news.mark_unchanged();
    }

    /// Waits for news that came after [`Waiter::caught_up`].
    pub(super) async fn news(&mut self) {
        if self.news.changed().await.is_err() {
            // The sender stands in the hub for as long as this place does.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut tenants = self.hub.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        self.hub.waiting.fetch_sub(1, Ordering::SeqCst);
        if let Some((here, _)) = tenants.get_mut(&self.tenant) {
            *here -= 1;
            if *here == 0 {
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
        hub.poke(mine);
        here.news().await;
        let quiet = tokio::time::timeout(std::time::Duration::from_millis(1), there.news()).await;
        assert!(quiet.is_err());
        hub.poke_all();
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
