//! Alerts on a clock that the test moves: what escalates, when, and when no more.

use std::{sync::Arc, time::Duration};

use plimsoll::{
    Code, Host, Result, Scope, Time, bind,
    config::{self, Sources},
    host::{Launch, Mounts},
    identity::{Master, operate::Desk, section::IdentityConfig},
    ledger::{Change, Origin},
    route::Json,
};
use plimsoll_core::{Clock, Seed, TenantId};
use plimsoll_retention::{
    Config, Retention,
    action::{
        alert::{self, Alert, Draft, Terms, Watch},
        state::AlertMove,
    },
    models::Level,
};
use plimsoll_store::{Place, Settings, Store};
use plimsoll_testkit::Scratch;

const DAY: Duration = Duration::from_secs(86_400);
const TERMS: Terms = Terms { from: Level::High, missed_after: 3, after: DAY, most: 3, quiet: Duration::from_secs(14 * 86_400) };

/// A host with one tenant and some patients, numbered from 1; nothing runs by itself at these times.
struct Ground {
    host: Arc<Host>,
    tenant: TenantId,
    start: Time,
    _folder: Scratch,
}

impl Ground {
    async fn new(patients: i64) -> Ground {
        let folder = Scratch::new();
        let schema = plimsoll::host::schema().section::<Config>();
        let quiet = Sources { env: vec![("PLIMSOLL_TELEMETRY__LEVEL".into(), "error".into())], ..Sources::default() };
        let config = config::Config::load(&schema, quiet).expect("the defaults are sound");
        let start = Time::parse("2026-11-21T10:00:00Z").expect("a time");
        let (clock, seed) = (Clock::manual(start), Seed::fixed(7));
        let mounts = Mounts::new().mount::<Retention>(config.get());
        let place = Place::Sqlite { path: folder.join("plimsoll.db") };
        let store = Store::open(Settings { place, clock: clock.clone(), ..Settings::default() }, mounts.schemas()).expect("a store");
        store.migrate_up().await.expect("a schema");
        let desk = Desk { store: store.clone(), clock: clock.clone(), seed: seed.clone(), config: config.get::<IdentityConfig>().into() };
        let tenant = desk.create_tenant("clinic", "Clinic").await.expect("a tenant").id;
        let master = Master::load(None, folder.path(), false, &seed).expect("a key");
        let (proofs, data) = (folder.join("proofs"), folder.path().to_owned());
        let host = Host::start(Launch { config, store, clock, seed, master, mounts, proofs, data }).await.expect("a host");
        let ground = Ground { host, tenant, start, _folder: folder };
        ground
            .at(0, move |change| {
                for _ in 0..patients {
                    let id = change.born("patient")?;
                    let (uuid, now) = (format!("p-{id}"), change.now());
                    change.write(
                        "INSERT INTO patient (tenant_id, id, uuid, version, created_at, updated_at) VALUES (:tenant, :id, :uuid, 1, :now, :now)",
                        bind! { id: id, uuid: uuid, now: now },
                    )?;
                }
                Ok(0)
            })
            .await
            .expect("patients");
        ground
    }

    /// What happens so many hours after the beginning.
    async fn at(&self, hours: u64, f: impl FnOnce(&mut Change<'_, '_>) -> Result<i64> + Send + 'static) -> Result<i64> {
        let origin = Origin::host(self.start.plus(Duration::from_secs(hours * 3600)), "test");
        self.host.commit(self.tenant, origin, |change| f(change).map(Json)).await.map(|Json(number)| number)
    }

    /// How many escalate so many hours after the beginning.
    async fn escalated(&self, hours: u64) -> i64 {
        self.at(hours, |change| Ok(alert::escalate_due(change, TERMS, 100)? as i64)).await.expect("escalation")
    }

    async fn alert(&self, id: i64) -> Alert {
        let pace = plimsoll_store::Pace::new();
        self.host.store.read(Scope::Tenant(self.tenant), &pace, move |tx| alert::find(tx, id)).await.expect("an alert")
    }

    async fn raise(&self, hours: u64, patient: i64, by_hand: bool) -> Result<i64> {
        self.at(hours, move |change| {
            let draft = Draft {
                patient,
                facility: None,
                alert_type: "risk_threshold".into(),
                severity: Level::High,
                title: "The risk is high".into(),
                message: None,
                prediction: None,
                follow_up: None,
            };
            if by_hand {
                return alert::raise_one(change, TERMS, &draft);
            }
            let now = change.now();
            let mut watch = Watch::over(change, TERMS, now, patient, patient)?;
            Ok(watch.raise(change, &draft)?.unwrap_or(0))
        })
        .await
    }

    async fn step(&self, hours: u64, id: i64, made: AlertMove) -> Result<i64> {
        self.at(hours, move |change| alert::step(change, TERMS, id, made, Some("nothing to do")).map(|alert| alert.id)).await
    }
}

#[tokio::test]
async fn an_alert_escalates_each_day_until_it_is_taken_on_or_three_days_are_over() {
    let ground = Ground::new(3).await;
    let (idle, taken) = (ground.raise(0, 1, false).await.unwrap(), ground.raise(0, 2, false).await.unwrap());
    assert_eq!(ground.escalated(23).await, 0, "an hour too early");
    assert_eq!(ground.escalated(24).await, 2);
    assert_eq!(ground.escalated(24).await, 0, "once for each time");
    assert_eq!(ground.alert(idle).await.next_escalation_at, Some(ground.start.plus(2 * DAY)));
    ground.step(30, taken, AlertMove::Acknowledge).await.unwrap();
    assert_eq!(ground.escalated(48).await, 1);
    // A clock that was stopped for long makes up for one time and not for all of them.
    assert_eq!(ground.escalated(1000).await, 1);
    let top = ground.alert(idle).await;
    assert_eq!((top.escalation_level, top.next_escalation_at, top.status.as_str()), (3, None, "active"));
    assert_eq!(ground.escalated(5000).await, 0, "three times is the most");
    assert_eq!(ground.alert(taken).await.escalation_level, 1);
}

#[tokio::test]
async fn one_is_open_at_a_time_and_what_was_settled_keeps_quiet_for_two_weeks() {
    let ground = Ground::new(1).await;
    let first = ground.raise(0, 1, false).await.unwrap();
    assert_eq!(ground.raise(1, 1, false).await.unwrap(), 0, "an open one is enough");
    assert_eq!(ground.raise(1, 1, true).await.unwrap_err().code(), Code::Conflict);
    ground.step(2, first, AlertMove::Dismiss).await.unwrap();
    let settled = ground.alert(first).await;
    assert_eq!((settled.status.as_str(), settled.next_escalation_at), ("dismissed", None));
    assert_eq!(ground.raise(24 * 14, 1, false).await.unwrap(), 0, "two weeks are not over yet");
    let again = ground.raise(24 * 14 + 3, 1, false).await.unwrap();
    assert!(again > first);
    ground.step(400, again, AlertMove::Acknowledge).await.unwrap();
    assert_eq!(ground.step(401, again, AlertMove::Acknowledge).await.unwrap_err().code(), Code::Conflict);
    assert_eq!(ground.step(401, again, AlertMove::Escalate).await.unwrap_err().code(), Code::Conflict);
    ground.step(402, again, AlertMove::Resolve).await.unwrap();
    // Whoever raises one by hand knows why.
    assert!(ground.raise(403, 1, true).await.unwrap() > again);
}

#[tokio::test]
async fn a_move_that_fails_later_in_its_commit_leaves_nothing_behind() {
    let ground = Ground::new(1).await;
    let id = ground.raise(0, 1, false).await.unwrap();
    let failed = ground
        .at(1, move |change| {
            alert::step(change, TERMS, id, AlertMove::Acknowledge, None)?;
            Err(Code::Conflict.because("something else went wrong"))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(ground.alert(id).await.status, "active");
    assert_eq!(ground.escalated(24).await, 1, "it still has its time");
}
