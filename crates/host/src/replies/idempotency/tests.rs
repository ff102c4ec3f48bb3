//! The records themselves, on a real file.

use std::{path::PathBuf, sync::Arc, time::Duration};

use plimsoll_core::{Result, Seed, TenantId, Time};
use plimsoll_store::{Pace, Place, Scope, Settings, Store, Tx};

use super::{
    SCHEMA, Ticket,
    record::{self, Outcome, State},
};

static PACE: Pace = Pace::new();
const LEASE: Duration = Duration::from_secs(15);
const DAY: Duration = Duration::from_secs(86_400);

struct Ground {
    store: Store,
    folder: PathBuf,
    tenant: TenantId,
    now: Time,
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Ground {
    async fn new() -> Ground {
        let folder = std::env::temp_dir().join(format!("plimsoll-idempotency-{}", crate::identity::hex(&Seed::system().bytes::<8>())));
        std::fs::create_dir(&folder).unwrap();
        let settings = Settings { place: Place::Sqlite { path: folder.join("test.db") }, ..Settings::default() };
        let store = Store::open(settings, &[SCHEMA]).unwrap();
        store.migrate_up().await.unwrap();
        Ground { store, folder, tenant: TenantId::from_bits(5), now: Time::parse("2026-11-21T10:00:00Z").unwrap() }
    }
    fn ticket(&self, key: &str, after: Duration) -> Arc<Ticket> {
        let at = self.now.plus(after);
        Arc::new(Ticket::sample(self.tenant, key, at, at.plus(DAY)))
    }
    async fn change<T: Send + 'static>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static) -> T {
        self.store.commit(Scope::Tenant(self.tenant), f).await.unwrap()
    }
    async fn begin(&self, ticket: &Arc<Ticket>, instance: &'static str) -> Option<State> {
        let ticket = ticket.clone();
        self.change(move |tx| record::begin(tx, &ticket, instance, ticket.at, LEASE)).await.map(|record| record.state)
    }
    async fn state(&self, ticket: &Arc<Ticket>) -> Option<State> {
        let ticket = ticket.clone();
        let read = self.store.read(Scope::Tenant(self.tenant), &PACE, move |tx| record::find(tx, &ticket));
        read.await.unwrap().map(|record| record.state)
    }
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test]
async fn a_process_that_falls_silent_leaves_an_unknown_outcome_and_one_that_renews_does_not() {
    let ground = Ground::new().await;
    assert_eq!(ground.begin(&ground.ticket("a", seconds(0)), "one").await, None);
    assert_eq!(ground.begin(&ground.ticket("a", seconds(14)), "two").await, Some(State::Started));
    let (renewed, until) = (ground.ticket("a", seconds(0)), ground.now.plus(seconds(25)));
    ground.change(move |tx| record::renew(tx, &renewed, "one", until)).await;
    assert_eq!(ground.begin(&ground.ticket("a", seconds(24)), "two").await, Some(State::Started));
    assert_eq!(ground.begin(&ground.ticket("a", seconds(25)), "two").await, Some(State::Unknown));
    // An answer that comes after all is worth more.
    let late = ground.ticket("a", seconds(0));
    ground.change(move |tx| record::put(tx, &late, &Outcome::finished(201, b"x".to_vec()))).await;
    assert_eq!(ground.begin(&ground.ticket("a", seconds(30)), "two").await, Some(State::Finished));
}

#[tokio::test]
async fn what_this_process_began_and_does_not_run_has_an_unknown_outcome_at_once() {
    let ground = Ground::new().await;
    let ticket = ground.ticket("a", seconds(0));
    assert_eq!(ground.begin(&ticket, "one").await, None);
    assert_eq!(ground.begin(&ticket, "one").await, Some(State::Unknown));
    // It is not taken back any more: only a beginning is.
    let again = ticket.clone();
    ground.change(move |tx| record::forget(tx, &again, "one")).await;
    assert_eq!(ground.state(&ticket).await, Some(State::Unknown));
}

#[tokio::test]
async fn a_beginning_that_came_to_nothing_leaves_the_key_unused() {
    let ground = Ground::new().await;
    let ticket = ground.ticket("a", seconds(0));
    assert_eq!(ground.begin(&ticket, "one").await, None);
    let again = ticket.clone();
    ground.change(move |tx| record::forget(tx, &again, "two")).await;
    assert_eq!(ground.state(&ticket).await, Some(State::Started), "another process has nothing to take back");
    let again = ticket.clone();
    ground.change(move |tx| record::forget(tx, &again, "one")).await;
    assert_eq!(ground.begin(&ticket, "two").await, None);
}

#[tokio::test]
async fn a_record_is_forgotten_after_its_time_and_swept_a_few_at_once() {
    let ground = Ground::new().await;
    for n in 0..5 {
        let ticket = ground.ticket(&format!("old{n}"), seconds(0));
        ground.change(move |tx| record::put(tx, &ticket, &Outcome::withheld(200, "it was a stream"))).await;
    }
    let young = ground.ticket("young", seconds(60));
    let kept = young.clone();
    ground.change(move |tx| record::put(tx, &kept, &Outcome::unknown("it broke off"))).await;
    assert_eq!(ground.state(&ground.ticket("old0", DAY - seconds(1))).await, Some(State::Withheld));
    // Not swept yet, and free all the same.
    assert_eq!(ground.state(&ground.ticket("old0", DAY)).await, None);
    assert_eq!(ground.begin(&ground.ticket("old0", DAY), "one").await, None);
    let now = ground.now.plus(DAY);
    let mut swept = Vec::new();
    for _ in 0..3 {
        swept.push(ground.change(move |tx| record::sweep(tx, now, 3)).await);
    }
    assert_eq!(swept, [3, 1, 0]);
    assert_eq!(ground.state(&young).await, Some(State::Unknown));
}
