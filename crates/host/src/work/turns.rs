//! Who comes first, how many at once, and that a claim waits for nobody.

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use plimsoll_core::{Clock, JobId, Result, Seed, TenantId, Time};
use plimsoll_store::{Pace, Scope, Store, Tx, bind};
use plimsoll_testkit::{Db, both};

use super::{
    Kinds, Lease, Order, Policy,
    claim::{Ask, Claimed, claim},
    model::{ALONE, FEW, PLAIN, known, known_and, store},
};
use crate::ledger::{Change, Origin};

static PACE: Pace = Pace::new();
const TERM: Duration = Duration::from_secs(30);

fn now() -> Time {
    Time::parse("2026-11-21T10:00:00Z").unwrap()
}

fn tenant(number: u128) -> TenantId {
    TenantId::from_bits(number)
}

async fn enqueue(store: &Store, owner: TenantId, kind: &'static str, policy: Policy, priority: Option<u8>) -> JobId {
    let order = Order { priority, ..Order::default() };
    let put = move |tx: &mut Tx<'_>| Change::new(tx, &Origin::host(now(), "trial")).enqueue_raw(kind, &policy, "{}", &order);
    store.commit(Scope::Tenant(owner), put).await.unwrap().id
}

async fn take(store: &Store, kinds: &Arc<Kinds>, worker: &'static str, most: usize) -> Result<Vec<Lease>> {
    let kinds = kinds.clone();
    let taken = store.commit(Scope::Host, move |tx| {
        let (clock, seed) = (Clock::manual(now()), Seed::fixed(1));
        claim(tx, &Ask { clock: &clock, seed: &seed, worker, kinds: &kinds, most, term: TERM, after: None, keeps: true })
    });
    Ok(taken.await?.leases)
}

/// A claim for no job: only what is due, at this moment.
async fn due(store: &Store, kinds: &Arc<Kinds>, at: Time, keeps: bool) -> Claimed {
    let kinds = kinds.clone();
    let claimed = store.commit(Scope::Host, move |tx| {
        let (clock, seed) = (Clock::manual(at), Seed::system());
        claim(tx, &Ask { clock: &clock, seed: &seed, worker: "b", kinds: &kinds, most: 0, term: TERM, after: None, keeps })
    });
    claimed.await.unwrap()
}

/// Kind and payload of what is in the log in this state.
async fn standing(store: &Store, state: &'static str) -> Vec<(String, String, Time)> {
    store
        .read(Scope::Host, &PACE, move |tx| {
            tx.rows("SELECT kind, payload, run_at FROM job WHERE state = :state ORDER BY created_at, id", bind! { state: state })
        })
        .await
        .unwrap()
}

both! {
    async fn a_backlog_of_one_tenant_does_not_hold_up_another(db: Db) {
        let ground = db.ground();
        let (store, kinds) = (store(&ground).await, Arc::new(known()));
        let first = tenant(1);
        // Written by the database itself: a hundred thousand changes would only test patience.
        store
            .commit(Scope::Tenant(first), |tx| {
                tx.write(
                    "INSERT INTO job (tenant_id, id, kind, state, priority, run_at, attempt, most_attempts, payload, actor, created_at) \
                     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
                     SELECT :tenant, 'job_0000000000000000000' || CAST(1000000 + i AS TEXT), 'trial.plain', 'ready', 5, i, 0, 3, '{}', 'host', i \
                     FROM n",
                    bind! {},
                )
            })
            .await
            .unwrap();
        take(&store, &kinds, "a", 4).await.unwrap();
        let started = Instant::now();
        for _ in 0..10 {
            assert_eq!(take(&store, &kinds, "a", 4).await.unwrap().len(), 4);
        }
        let each = started.elapsed() / 10;
        let other = enqueue(&store, tenant(2), "trial.plain", PLAIN, None).await;
        let taken = take(&store, &kinds, "a", 4).await.unwrap();
        println!("{db:?}: a claim of four before a hundred thousand takes {each:?}");
        assert!(taken.iter().any(|lease| lease.job == other), "the other tenant's only job has to wait");
        assert_eq!(taken.len(), 4);
        store.close().await.unwrap();
    }

    async fn limits_hold_over_processes_that_claim_at_once(db: Db) {
        let ground = db.ground();
        let (one, kinds) = (store(&ground).await, Arc::new(known()));
        for number in 1..=3 {
            for _ in 0..4 {
                enqueue(&one, tenant(number), "trial.few", FEW, None).await;
                enqueue(&one, tenant(number), "trial.alone", ALONE, None).await;
            }
        }
        let other = crate::work::model::store(&ground).await;
        let mut claims = Vec::new();
        for round in 0..10 {
            for (store, worker) in [(&one, "a"), (&other, "b")] {
                let (store, kinds) = (store.clone(), kinds.clone());
                claims.push(tokio::spawn(async move { take(&store, &kinds, worker, 1 + round % 5).await }));
            }
        }
        for claim in claims {
            claim.await.unwrap().unwrap();
        }
        let running: Vec<(String, i64)> = one
            .read(Scope::Host, &PACE, |tx| tx.rows("SELECT kind, COUNT(*) FROM job WHERE state = 'running' GROUP BY kind ORDER BY kind", bind! {}))
            .await
            .unwrap();
        assert_eq!(running, [("trial.alone".to_owned(), 3), ("trial.few".to_owned(), 2)]);
        let most: i64 = one
            .read(Scope::Host, &PACE, |tx| {
                tx.row("SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM job WHERE state = 'running' AND kind = 'trial.alone' GROUP BY tenant_id) AS each", bind! {})
            })
            .await
            .unwrap();
        assert_eq!(most, 1);
        one.close().await.unwrap();
        other.close().await.unwrap();
    }

    async fn a_tenant_that_is_closed_or_held_has_no_turn_until_it_is_open_again(db: Db) {
        let ground = db.ground();
        let (store, kinds) = (store(&ground).await, Arc::new(known()));
        for (number, column) in [(1, "closed_at"), (2, "held_at"), (3, "name")] {
            let owner = tenant(number);
            enqueue(&store, owner, "trial.plain", PLAIN, None).await;
            store
                .commit(Scope::Tenant(owner), move |tx| {
                    let slug = format!("t{number}");
                    tx.write("INSERT INTO tenant (id, slug, name, created_at) VALUES (:tenant, :slug, 'a', 0)", bind! { slug: slug })?;
                    tx.write(
                        match column {
                            "closed_at" => "UPDATE tenant SET closed_at = 1 WHERE id = :tenant",
                            "held_at" => "UPDATE tenant SET held_at = 1 WHERE id = :tenant",
                            _ => "UPDATE tenant SET name = 'b' WHERE id = :tenant",
                        },
                        bind! {},
                    )
                })
                .await
                .unwrap();
        }
        let owners = |leases: Vec<Lease>| leases.iter().map(|lease| lease.tenant).collect::<Vec<_>>();
        assert_eq!(owners(take(&store, &kinds, "a", 3).await.unwrap()), [tenant(3)]);
        store
            .commit(Scope::Tenant(tenant(2)), |tx| tx.write("UPDATE tenant SET held_at = NULL WHERE id = :tenant", bind! {}))
            .await
            .unwrap();
        assert_eq!(owners(take(&store, &kinds, "a", 3).await.unwrap()), [tenant(2)]);
        store.close().await.unwrap();
    }

    async fn a_job_whose_process_is_lost_is_ready_at_once_and_after_that_with_its_pauses(db: Db) {
        let ground = db.ground();
        let (store, kinds) = (store(&ground).await, Arc::new(known()));
        enqueue(&store, tenant(1), "trial.plain", PLAIN, None).await;
        // As after a replay: four attempts were before it, one of them lost.
        let before = |tx: &mut Tx<'_>| tx.write("UPDATE job SET attempt = 4, attempts_before = 4, most_attempts = 7", bind! {});
        store.commit(Scope::Host, before).await.unwrap();
        assert_eq!(take(&store, &kinds, "a", 1).await.unwrap()[0].turn(), 1);
        let over = now().plus(TERM);
        let rescued = due(&store, &kinds, over, true).await.rescued;
        assert_eq!((rescued[0].state, standing(&store, "ready").await[0].2), ("ready", now()));
        assert_eq!(take(&store, &kinds, "a", 1).await.unwrap()[0].turn(), 2);
        let rescued = due(&store, &kinds, over, true).await.rescued;
        let again = standing(&store, "waiting").await[0].2;
        assert_eq!(rescued[0].state, "waiting");
        // The pause after the second attempt is from one to two seconds; after the sixth it would be longer.
        assert!(again > over && again <= over.plus(Duration::from_secs(2)), "{again}");
        store.close().await.unwrap();
    }

    async fn a_death_that_a_claim_finds_is_told_by_a_job_and_kept_unless_the_practice_is_off(db: Db) {
        let ground = db.ground();
        let (store, kinds) = (store(&ground).await, Arc::new(known_and(crate::work::events::declare)));
        for (keeps, told) in [(true, 1), (false, 2)] {
            let job = enqueue(&store, tenant(1), "trial.alone", ALONE, Some(0)).await;
            assert_eq!(take(&store, &kinds, "a", 1).await.unwrap()[0].job, job);
            assert_eq!(due(&store, &kinds, now().plus(TERM), keeps).await.rescued[0].state, "dead");
            let letters = standing(&store, "ready").await;
            assert_eq!((letters.len(), letters[0].0.as_str()), (told, "events.dead"));
            assert!(letters.iter().any(|(_, payload, _)| payload.contains(&job.to_string()) && payload.contains("PLM-JOB-001")));
            assert_eq!(standing(&store, "dead").await.len(), 1, "the first one stays, the second one is forgotten");
        }
        store.close().await.unwrap();
    }

    async fn a_tenants_most_urgent_job_goes_first_and_tenants_take_turns(db: Db) {
        let ground = db.ground();
        let (store, kinds) = (store(&ground).await, Arc::new(known()));
        let late = enqueue(&store, tenant(1), "trial.plain", PLAIN, Some(9)).await;
        let usual = enqueue(&store, tenant(1), "trial.plain", PLAIN, None).await;
        let urgent = enqueue(&store, tenant(1), "trial.plain", PLAIN, Some(0)).await;
        let theirs = enqueue(&store, tenant(2), "trial.plain", PLAIN, Some(9)).await;
        let mut order = Vec::new();
        for _ in 0..4 {
            order.extend(take(&store, &kinds, "a", 1).await.unwrap().into_iter().map(|lease| lease.job));
        }
        assert_eq!(order, [urgent, theirs, usual, late]);
        store.close().await.unwrap();
    }
}

#[test]
fn a_claim_passes_by_what_a_tenant_holds() {
    plimsoll_testkit::both::run(async {
        let ground = Db::Postgres.ground();
        let (store, kinds) = (store(&ground).await, Arc::new(known()));
        let owner = tenant(1);
        let held = enqueue(&store, owner, "trial.plain", PLAIN, Some(0)).await;
        let free = enqueue(&store, owner, "trial.plain", PLAIN, None).await;
        let ((say, holds), (go, gone)) = (mpsc::channel(), mpsc::channel());
        let holding = tokio::spawn({
            let store = store.clone();
            async move {
                let hold = move |tx: &mut Tx<'_>| {
                    tx.write("UPDATE job SET priority = 1 WHERE tenant_id = :tenant AND id = :id", bind! { id: held })?;
                    say.send(()).unwrap();
                    gone.recv_timeout(Duration::from_secs(30)).unwrap();
                    Ok(())
                };
                store.commit(Scope::Tenant(owner), hold).await
            }
        });
        tokio::task::spawn_blocking(move || holds.recv_timeout(Duration::from_secs(30)).unwrap()).await.unwrap();
        let taken: Vec<JobId> = take(&store, &kinds, "a", 2).await.unwrap().iter().map(|lease| lease.job).collect();
        assert_eq!(taken, [free]);
        go.send(()).unwrap();
        holding.await.unwrap().unwrap();
        let taken: Vec<JobId> = take(&store, &kinds, "a", 2).await.unwrap().iter().map(|lease| lease.job).collect();
        assert_eq!(taken, [held]);
        store.close().await.unwrap();
    });
}
