use super::*;
use plimsoll_core::Code;
use std::sync::atomic::AtomicUsize;

fn health() -> (Health, Clock) {
    let clock = Clock::manual(Time::from_micros(1_000_000));
    let health = Health::new(clock.clone());
    health.started();
    (health, clock)
}

fn fails() -> Boxed<'static, Result<()>> {
    Box::pin(async { Err(Code::DatabaseUnavailable.because("no answer").caused_by("refused by 10.0.0.7")) })
}

async fn state(health: &Health) -> State {
    let report = health.report().await;
    health.state(&report)
}

#[tokio::test]
async fn a_process_starts_serves_and_drains() {
    let health = Health::new(Clock::system());
    assert_eq!(state(&health).await, State::Starting);
    health.started();
    assert_eq!(state(&health).await, State::Ready);
    health.drain();
    assert_eq!((state(&health).await, health.last_state(), health.draining()), (State::Draining, State::Draining, true));
}

#[tokio::test]
async fn the_gravest_failure_decides() {
    let (health, clock) = health();
    health.check("mail", Weight::Attention, fails);
    assert_eq!(state(&health).await, State::Degraded);
    health.check("database", Weight::Vital, fails);
    clock.advance(FRESH);
    assert_eq!(state(&health).await, State::Unready);
    assert!(health.schema_fits());
    health.check("schema", Weight::Schema, || Box::pin(async { Err(Code::SchemaMismatch.error()) }));
    clock.advance(FRESH);
    assert_eq!((state(&health).await, health.schema_fits()), (State::Unready, false));
}

#[tokio::test]
async fn a_note_is_told_and_changes_nothing() {
    let (health, _) = health();
    health.check("notes", Weight::Note, || Box::pin(async { Err(Code::Internal.because("a model has drifted")) }));
    let report = health.report().await;
    assert_eq!(health.state(&report), State::Ready);
    assert_eq!((report.checks[0].standing, report.checks[0].message.as_deref()), (Standing::Failed, Some("a model has drifted")));
}

#[tokio::test]
async fn a_database_that_is_away_says_nothing_about_its_schema() {
    let (health, _) = health();
    health.check("schema", Weight::Schema, fails);
    assert_eq!((state(&health).await, health.schema_fits()), (State::Unready, true));
}

#[tokio::test]
async fn many_who_ask_cost_one_check_a_second() {
    let (health, clock) = health();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    health.check("database", Weight::Vital, move || {
        count.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(())
        })
    });
    let health = Arc::new(health);
    let askers: Vec<_> = (0..50)
        .map(|_| {
            tokio::spawn({
                let health = health.clone();
                async move { health.report().await }
            })
        })
        .collect();
    for asker in askers {
        asker.await.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    clock.advance(FRESH);
    health.report().await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn since_tells_when_a_check_changed_its_mind() {
    let (health, clock) = health();
    let broken = Arc::new(AtomicBool::new(false));
    let asked = broken.clone();
    health.check("database", Weight::Vital, move || if asked.load(Ordering::SeqCst) { fails() } else { Box::pin(async { Ok(()) }) });
    let begun = health.report().await.checks[0].since;
    clock.advance(Duration::from_secs(5));
    assert_eq!(health.report().await.checks[0].since, begun);
    broken.store(true, Ordering::SeqCst);
    clock.advance(Duration::from_secs(5));
    let check = health.report().await.checks[0].clone();
    assert_eq!(check.since, clock.now());
    assert_eq!(check.message.as_deref(), Some("no answer (refused by 10.0.0.7)"));
}

#[tokio::test]
async fn a_check_that_hangs_or_panics_is_a_check_that_failed() {
    let (health, _) = health();
    health.check("hangs", Weight::Attention, || Box::pin(std::future::pending()));
    health.check("panics", Weight::Attention, || Box::pin(async { panic!("on purpose") }));
    health.check("works", Weight::Vital, || Box::pin(async { Ok(()) }));
    let report = health.report().await;
    let standings: Vec<_> = report.checks.iter().map(|check| check.standing).collect();
    assert_eq!(standings, [Standing::Failed, Standing::Failed, Standing::Good]);
    assert!(report.checks[0].message.as_deref().unwrap().contains("within 1000 ms"));
}

#[tokio::test]
async fn warm_up_that_fails_hangs_or_panics_is_shown_and_does_not_stop_the_start() {
    let (health, _) = health();
    let piece = |name, work| WarmUp { name, work };
    let cold = health
        .warm(
            vec![
                piece("works", Box::pin(async { Ok(()) })),
                piece("fails", fails()),
                piece("panics", Box::pin(async { panic!("on purpose") })),
                piece("hangs", Box::pin(std::future::pending())),
                piece("too late", Box::pin(std::future::pending())),
            ],
            Duration::from_millis(20),
        )
        .await;
    assert_eq!(cold, ["fails", "panics", "hangs", "too late"]);
    assert_eq!(state(&health).await, State::Degraded);
}
