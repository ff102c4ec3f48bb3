//! Single flight.

use tokio::sync::Semaphore;

use super::*;

/// A service whose answers wait until the test lets them go.
fn held(gate: Arc<Semaphore>, make: fn(usize) -> Result<Response<Body>>) -> Script {
    Box::new(move |number, _| {
        let gate = gate.clone();
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            make(number)
        })
    })
}

fn lasting(number: usize) -> Result<Response<Body>> {
    Ok(made(200, &[("cache-control", "public, max-age=60")], &number.to_string()))
}

/// Fifty identical requests at the same time, once all have come as far as they can.
async fn fifty(bench: &Bench) -> Vec<tokio::task::JoinHandle<Result<Got>>> {
    let mut running = Vec::new();
    for _ in 0..50 {
        let bench = bench.clone();
        running.push(tokio::spawn(async move { bench.send(Method::GET, "/a", &[], None).await }));
    }
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    running
}

#[tokio::test]
async fn of_fifty_identical_misses_one_reaches_the_service() {
    let gate = Arc::new(Semaphore::new(0));
    let bench = Bench::new(held(gate.clone(), lasting));
    let running = fifty(&bench).await;
    assert_eq!(bench.asked(), 1);
    gate.add_permits(100);
    for one in running {
        assert_eq!(one.await.unwrap().unwrap().body, "1");
    }
    assert_eq!((bench.asked(), bench.cache.tally.count(Outcome::Collapsed)), (1, 49));
}

#[tokio::test]
async fn an_answer_for_one_alone_releases_the_others_and_the_next_ones_do_not_wait() {
    let gate = Arc::new(Semaphore::new(0));
    let bench = Bench::new(held(gate.clone(), |number| Ok(made(200, &[], &number.to_string()))));
    let running = fifty(&bench).await;
    assert_eq!(bench.asked(), 1);
    gate.add_permits(1);
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.asked(), 50, "nobody waits for an answer that is not for everybody");
    gate.add_permits(100);
    let mut bodies: Vec<usize> = Vec::new();
    for one in running {
        bodies.push(one.await.unwrap().unwrap().body.parse().unwrap());
    }
    bodies.sort_unstable();
    assert_eq!(bodies, (1..=50).collect::<Vec<_>>());
    let next = Bench {
        service: Arc::new(Service {
            script: held(Arc::new(Semaphore::new(0)), lasting),
            asked: AtomicUsize::new(0),
            seen: Mutex::default(),
        }),
        ..bench
    };
    let running = fifty(&next).await;
    assert_eq!(next.asked(), 50);
    running.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_leader_that_fails_does_not_fail_the_others() {
    let gate = Arc::new(Semaphore::new(0));
    let bench = Bench::new(held(gate.clone(), |number| if number == 1 { Err(Code::UpstreamFailed.error()) } else { lasting(number) }));
    let running = fifty(&bench).await;
    gate.add_permits(100);
    let (mut failed, mut served) = (0, 0);
    for one in running {
        match one.await.unwrap() {
            Ok(got) => served += usize::from(got.body == "2"),
            Err(_) => failed += 1,
        }
    }
    assert_eq!((failed, served, bench.asked()), (1, 49, 2), "one of the others went, and the rest waited for it");
}

#[tokio::test]
async fn a_leader_whose_caller_leaves_is_replaced() {
    let gate = Arc::new(Semaphore::new(0));
    let bench = Bench::new(held(gate.clone(), lasting));
    let running = fifty(&bench).await;
    running[0].abort();
    gate.add_permits(100);
    for one in running.into_iter().skip(1) {
        assert_eq!(one.await.unwrap().unwrap().body, "2");
    }
    assert_eq!(bench.asked(), 2);
}

#[tokio::test]
async fn who_waits_too_long_goes_itself() {
    let mut hasty = config();
    hasty.wait = Span::new(Duration::from_millis(200));
    let gate = Arc::new(Semaphore::new(0));
    let bench = Bench::with(hasty, held(gate.clone(), lasting));
    let running = fifty(&bench).await;
    assert_eq!(bench.asked(), 1);
    while bench.asked() < 50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    gate.add_permits(100);
    for one in running {
        assert_eq!(one.await.unwrap().unwrap().status, 200);
    }
}
