//! Killed at random points, Plimsoll and the foreign service by turns, while callers repeat until
//! they are told: no effect comes twice, and what was acknowledged is answered the same for good.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use plimsoll_core::Seed;
use plimsoll_testkit::{Db, both, http::Client, wait};
use serde_json::json;

use super::{house, replayed, said, send, upstream::Upstream};
use crate::{
    BOUND,
    service::{artists, ledger_is_intact, number},
};

const CALLERS: u64 = 8;
/// Between two things that one caller wants done, so that it is the kills that take the time.
const PAUSE: Duration = Duration::from_millis(30);

type Said = (u16, String, Option<String>, Option<String>);

/// What callers were told.
#[derive(Default)]
struct Book {
    /// The last answer to each key that was answered.
    told: Mutex<BTreeMap<String, Said>>,
    /// Keys whose outcome nobody knows.
    unknown: Mutex<Vec<String>>,
    /// Answers that were first heard as a repeat.
    replayed: AtomicU64,
    /// How often something was sent again.
    repeats: AtomicU64,
    over: AtomicBool,
}

/// Where the running process listens; it changes with every start.
type Where = Arc<Mutex<Client>>;

impl Book {
    /// Sends one thing after the other, each until it is told how that ended.
    async fn call(self: Arc<Book>, at: Where, path: &'static str, caller: u64) {
        for n in 0.. {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            self.insist(&at, path, format!("{caller}-{n}")).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn insist(&self, at: &Where, path: &'static str, name: String) {
        loop {
            let client = at.lock().unwrap().clone();
            let request = client.post(path).header("idempotency-key", &name).json(json!({ "name": name })).within(Duration::from_secs(20));
            match request.attempt().await {
                Ok(reply) if reply.code() == 201 => {
                    self.replayed.fetch_add(u64::from(replayed(&reply)), Ordering::SeqCst);
                    self.told.lock().unwrap().insert(name, said(&reply));
                    return;
                }
                Ok(reply) if reply.code() == 409 && reply.str("/code") == "PLM-IDM-005" => {
                    self.unknown.lock().unwrap().push(name);
                    return;
                }
                // Not there, not now, still running, or it broke off: ask again with the same key.
                Ok(reply) => assert!(matches!(reply.code(), 409 | 502 | 503 | 504), "{reply}"),
                Err(_) => {}
            }
            self.repeats.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    fn told(&self) -> u64 {
        self.told.lock().unwrap().len() as u64
    }
}

both! {
    async fn nothing_is_done_twice_whatever_is_killed_in_between(db: Db) {
        let seed = number("PLIMSOLL_TEST_SEED", Seed::system().below(1 << 32));
        println!("PLIMSOLL_TEST_SEED={seed}");
        let seed = Seed::fixed(seed);
        let rounds = number("PLIMSOLL_TEST_KILL_ROUNDS", 5);
        let upstream = Upstream::start().await;
        let service = house(db, &upstream, &[("PLIMSOLL_IDEMPOTENCY__LEASE", "1s")]).await;
        let mut running = service.plimsoll.start().await;
        let at: Where = Arc::new(Mutex::new(service.client(&running)));
        let (native, mounted) = (Arc::new(Book::default()), Arc::new(Book::default()));
        let callers: Vec<_> = (0..CALLERS)
            .flat_map(|caller| {
                [
                    tokio::spawn(native.clone().call(at.clone(), "/v1/artists", caller)),
                    tokio::spawn(mounted.clone().call(at.clone(), "/shop/effect", caller)),
                ]
            })
            .collect();
        let mut kills = (0, 0);
        for _ in 0..rounds {
            let (before, target) = (mounted.told(), 1 + seed.below(30));
            wait::until(BOUND, || async { mounted.told() >= before + target }).await;
            // Anywhere within a request.
            tokio::time::sleep(Duration::from_micros(seed.below(8_000))).await;
            let which = seed.below(3);
            if which != 0 {
                upstream.crash();
                kills.1 += 1;
            }
            if which != 1 {
                running.crash().await;
                kills.0 += 1;
                running = service.plimsoll.start().await;
                *at.lock().unwrap() = service.client(&running);
            }
            if which != 0 {
                upstream.again().await;
            }
        }
        native.over.store(true, Ordering::SeqCst);
        mounted.over.store(true, Ordering::SeqCst);
        for caller in callers {
            caller.await.unwrap();
        }

        let client = service.client(&running);
        let (effects, told, unknown) = (upstream.effects(), mounted.told.lock().unwrap().clone(), mounted.unknown.lock().unwrap().clone());
        for (name, times) in &effects {
            assert_eq!(*times, 1, "{name} was done {times} times");
            assert!(told.contains_key(name) || unknown.contains(name), "{name} was done and nobody was told anything");
        }
        for (name, answer) in &told {
            assert!(effects.contains_key(name), "{name} was acknowledged and never done");
            let again = send(&client, "/shop/effect", name, &json!({ "name": name })).await;
            assert!(replayed(&again) && said(&again) == *answer, "{name}: {again}");
        }
        let acted = unknown.iter().filter(|name| effects.contains_key(*name)).count();
        for name in &unknown {
            let again = send(&client, "/shop/effect", name, &json!({ "name": name })).await.expect(409);
            assert_eq!(again.str("/code"), "PLM-IDM-005");
        }
        assert_eq!(upstream.effects(), effects, "a repeat was done again");

        // What the host itself holds has no unknown outcome.
        let (own, acknowledged) = (artists(&client).await, native.told.lock().unwrap().clone());
        assert!(native.unknown.lock().unwrap().is_empty());
        assert_eq!(own.keys().collect::<Vec<_>>(), acknowledged.keys().collect::<Vec<_>>(), "each was done once and acknowledged");
        for (name, answer) in &acknowledged {
            let again = send(&client, "/v1/artists", name, &json!({ "name": name })).await;
            assert!(replayed(&again) && said(&again) == *answer, "{name}: {again}");
        }
        ledger_is_intact(&client).await;
        println!(
            "{db:?}: {} kills of Plimsoll, {} of the service; mounted: {} answered ({} first heard as a replay), {} of unknown outcome \
             ({acted} of them done), {} repeats; native: {} answered ({} first heard as a replay), 0 unknown, {} repeats; no effect twice",
            kills.0, kills.1, told.len(), mounted.replayed.load(Ordering::SeqCst), unknown.len(), mounted.repeats.load(Ordering::SeqCst),
            acknowledged.len(), native.replayed.load(Ordering::SeqCst), native.repeats.load(Ordering::SeqCst),
        );
    }
}
