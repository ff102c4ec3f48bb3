//! Stale answers: RFC 9111 §4.2.4, RFC 5861.

use super::*;

/// Good once, then as `then` says.
fn once(headers: &'static [(&'static str, &'static str)], then: fn() -> Result<Response<Body>>) -> Script {
    Box::new(move |number, _| Box::pin(async move { if number == 1 { Ok(made(200, headers, "good")) } else { then() } }))
}

#[tokio::test]
async fn an_old_answer_stands_in_for_a_service_that_fails_for_a_bounded_time_and_says_so() {
    const SAID: &[(&str, &str)] = &[("cache-control", "max-age=10, stale-if-error=60")];
    let failures: [fn() -> Result<Response<Body>>; 7] = [
        || Err(Code::UpstreamUnreachable.error()),
        || Err(Code::UpstreamFailed.error()),
        || Err(Code::UpstreamTimeout.error()),
        || Err(Code::CircuitOpen.error()),
        || Ok(made(500, &[], "")),
        || Ok(made(502, &[], "")),
        || Ok(made(503, &[], "")),
    ];
    for (number, failure) in failures.into_iter().enumerate() {
        let bench = Bench::new(once(SAID, failure));
        bench.get("/a", &[]).await;
        bench.pass(69);
        let got = bench.get("/a", &[]).await;
        assert_eq!((got.status, got.body.as_str(), got.text("x-plimsoll-degraded")), (200, "good", "stale"), "failure {number}");
        assert_eq!(got.text("cache-status"), "Plimsoll; hit; ttl=-59; detail=stale-if-error");
        bench.pass(1);
        let late = bench.send(Method::GET, "/a", &[], None).await;
        assert!(late.is_err_and(|error| error.code().status() >= 500) || number >= 4, "after its time nothing stands in");
        assert_eq!(bench.asked(), 3);
    }
}

#[tokio::test]
async fn an_error_that_is_the_callers_own_is_not_hidden() {
    let bench = Bench::new(once(&[("cache-control", "max-age=10, stale-if-error=60")], || Ok(made(403, &[], "no"))));
    bench.get("/a", &[]).await;
    bench.pass(20);
    let got = bench.get("/a", &[]).await;
    assert_eq!((got.status, got.text("x-plimsoll-degraded")), (403, ""));
    let bench = Bench::new(once(&[("cache-control", "max-age=10, stale-if-error=60")], || Err(Code::BodyTooLarge.error())));
    bench.get("/a", &[]).await;
    bench.pass(20);
    assert_eq!(bench.send(Method::GET, "/a", &[], None).await.unwrap_err().code(), Code::BodyTooLarge);
}

#[tokio::test]
async fn rfc_9111_4_2_4_what_must_be_revalidated_is_never_given_stale() {
    for said in [
        &[("cache-control", "max-age=10, must-revalidate, stale-if-error=60")][..],
        &[("cache-control", "max-age=10, proxy-revalidate, stale-if-error=60")],
        &[("cache-control", "s-maxage=10")],
        &[("cache-control", "no-cache, stale-if-error=60"), ("etag", "\"1\"")],
    ] {
        let bench = Bench::new(once(said, || Err(Code::UpstreamUnreachable.error())));
        bench.get("/a", &[]).await;
        bench.pass(11);
        assert!(bench.send(Method::GET, "/a", &[], None).await.is_err(), "{said:?}");
    }
}

#[tokio::test]
async fn an_answer_the_service_has_taken_back_does_not_stand_in_later() {
    let bench = Bench::new(Box::new(|number, _| {
        Box::pin(async move {
            match number {
                1 => Ok(made(200, &[("cache-control", "max-age=10, stale-if-error=600")], "old")),
                2 => Ok(made(200, &[("cache-control", "no-store")], "secret now")),
                _ => Err(Code::UpstreamUnreachable.error()),
            }
        })
    }));
    bench.get("/a", &[]).await;
    bench.pass(11);
    assert_eq!(bench.get("/a", &[]).await.body, "secret now");
    assert!(bench.send(Method::GET, "/a", &[], None).await.is_err());
}

#[tokio::test]
async fn rfc_5861_3_an_old_answer_is_given_while_one_request_fetches_the_new() {
    let bench = Bench::new(says(&[("cache-control", "max-age=10, stale-while-revalidate=30")]));
    assert_eq!(bench.get("/a", &[]).await.body, "1");
    bench.pass(20);
    let stale = bench.get("/a", &[]).await;
    assert_eq!((stale.body.as_str(), stale.text("cache-status")), ("1", "Plimsoll; hit; ttl=-10; detail=stale-while-revalidate"));
    // The new one is fetched by a task of its own.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let fresh = bench.get("/a", &[]).await;
    assert_eq!((fresh.body.as_str(), fresh.is_hit(), bench.asked()), ("2", true, 2));
    bench.pass(41);
    assert_eq!(bench.get("/a", &[]).await.body, "3", "after its time it is not given any more");
}

#[tokio::test]
async fn who_wants_it_checked_does_not_get_the_old_one_in_the_meantime() {
    let bench = Bench::new(says(&[("cache-control", "max-age=10, stale-while-revalidate=30")]));
    bench.get("/a", &[]).await;
    bench.pass(20);
    assert_eq!(bench.get("/a", &[("cache-control", "no-cache")]).await.body, "2");
}
