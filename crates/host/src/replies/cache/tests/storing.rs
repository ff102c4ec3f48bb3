//! What is kept: RFC 9111 §3, §4.2 and §5.2.2.

use super::*;

#[tokio::test]
async fn rfc_9111_3_only_what_the_service_declares_is_kept() {
    for (headers, kept) in [
        (&[("cache-control", "max-age=60")][..], true),
        (&[("cache-control", "public, max-age=60")], true),
        (&[("cache-control", "s-maxage=60")], true),
        (&[("cache-control", "max-age=0, s-maxage=60")], true),
        (&[("expires", "Sat, 21 Nov 2026 10:01:00 GMT"), ("date", "Sat, 21 Nov 2026 10:00:00 GMT")], true),
        // §4.2.2: heuristics are off.
        (&[], false),
        (&[("last-modified", "Sat, 01 Jan 2000 10:00:00 GMT")], false),
        (&[("cache-control", "public")], false),
        // §5.2.2.5, §5.2.2.7, §5.2.2.4
        (&[("cache-control", "no-store, max-age=60")], false),
        (&[("cache-control", "private, max-age=60")], false),
        (&[("cache-control", "private=\"x-a\", max-age=60")], false),
        (&[("cache-control", "no-cache, max-age=60")], false),
        (&[("cache-control", "max-age=60"), ("cache-control", "no-store")], false),
        (&[("cache-control", "max-age=60, s-maxage=0")], false),
        // §5.3: what cannot be read is in the past; `Cache-Control` goes before `Expires`.
        (&[("expires", "0")], false),
        (&[("expires", "Sat, 21 Nov 2026 11:00:00 GMT"), ("cache-control", "max-age=0")], false),
        // §4.1
        (&[("cache-control", "max-age=60"), ("vary", "*")], false),
        (&[("cache-control", "max-age=60"), ("vary", "accept, *")], false),
        (&[("cache-control", "max-age=60"), ("vary", "x-request-id")], false),
        // §7.3: somebody's session must not become everybody's.
        (&[("cache-control", "public, max-age=60"), ("set-cookie", "a=b")], false),
    ] {
        assert_eq!(Bench::new(says(headers)).keeps("/a", &[]).await, kept, "{headers:?}");
    }
}

#[tokio::test]
async fn rfc_9110_15_1_statuses_that_depend_on_nothing_else_are_kept() {
    const LASTING: &[(&str, &str)] = &[("cache-control", "public, max-age=60")];
    for status in [200, 203, 300, 301, 302, 307, 308, 404, 405, 410, 414] {
        assert!(Bench::new(answers(status, LASTING)).keeps("/a", &[]).await, "{status}");
    }
    for status in [201, 202, 204, 206, 303, 400, 401, 403, 429, 500, 501, 502, 503, 504] {
        assert!(!Bench::new(answers(status, LASTING)).keeps("/a", &[]).await, "{status}");
    }
}

#[tokio::test]
async fn rfc_9111_3_3_parts_of_an_answer_are_neither_kept_nor_made() {
    let bench = Bench::new(says(&[("cache-control", "public, max-age=60"), ("content-range", "bytes 0-0/2")]));
    assert!(!bench.keeps("/a", &[]).await);
    let bench = Bench::new(says(&[("cache-control", "public, max-age=60")]));
    assert!(bench.keeps("/a", &[]).await);
    bench.get("/a", &[("range", "bytes=0-0")]).await;
    assert_eq!(bench.asked(), 2, "a request for a part goes to the service");
}

#[tokio::test]
async fn rfc_9111_5_2_1_5_a_request_with_no_store_leaves_nothing() {
    let bench = Bench::new(says(&[("cache-control", "max-age=60")]));
    bench.get("/a", &[("cache-control", "no-store")]).await;
    assert!(!bench.get("/a", &[]).await.is_hit());
    assert!(bench.get("/a", &[]).await.is_hit());
}

#[tokio::test]
async fn rfc_9111_4_a_broken_or_short_body_is_never_kept() {
    struct Breaks(Option<Bytes>);
    impl hyper::body::Body for Breaks {
        type Data = Bytes;
        type Error = crate::body::Broken;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<std::result::Result<hyper::body::Frame<Bytes>, crate::body::Broken>>> {
            std::task::Poll::Ready(Some(match self.0.take() {
                Some(data) => Ok(hyper::body::Frame::data(data)),
                None => Err("gone".into()),
            }))
        }
    }
    let bench = Bench::new(Box::new(|_, _| {
        Box::pin(async {
            let mut answer = made(200, &[("cache-control", "public, max-age=60")], "");
            *answer.body_mut() = Body::stream(Breaks(Some(Bytes::from_static(b"half"))));
            Ok(answer)
        })
    }));
    for number in 1..=3 {
        assert_eq!(bench.get("/a", &[]).await.body, "(broken off)");
        assert_eq!((bench.asked(), bench.cache.shelf.count()), (number, 0));
    }
}

#[tokio::test]
async fn a_body_that_its_caller_did_not_wait_for_is_not_kept() {
    let bench = Bench::new(Box::new(|_, _| {
        Box::pin(async {
            let mut answer = made(200, &[("cache-control", "public, max-age=60")], "");
            *answer.body_mut() = Body::stream(http_body_util::Full::new(Bytes::from_static(b"whole")).map_err(|never| match never {}));
            Ok(answer)
        })
    }));
    let request = Request::get("/a").header("host", "localhost").body(Body::empty()).unwrap();
    let caller = Caller { principal: None, address: Ipv4Addr::LOCALHOST.into(), secure: false };
    let asked = Asked::of(&caller, &request).unwrap();
    drop(answer(&bench.cache, asked, request, Link(bench.service.clone())).await.unwrap());
    assert_eq!((bench.cache.shelf.count(), bench.cache.flights.count()), (0, 0), "nothing is kept, and nobody waits for it");
    assert!(bench.keeps("/a", &[]).await);
}

#[tokio::test]
async fn a_body_above_the_largest_passes_whole_and_is_not_kept() {
    let mut small = config();
    small.largest = ByteSize::new(10);
    let long = |known: bool| -> Script {
        Box::new(move |_, _| {
            Box::pin(async move {
                let mut answer = made(200, &[("cache-control", "public, max-age=60")], "eleven byte");
                if !known {
                    *answer.body_mut() = Body::stream(Eleven(11));
                }
                Ok(answer)
            })
        })
    };
    struct Eleven(u8);
    impl hyper::body::Body for Eleven {
        type Data = Bytes;
        type Error = crate::body::Broken;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<std::result::Result<hyper::body::Frame<Bytes>, crate::body::Broken>>> {
            let Some(left) = self.0.checked_sub(1) else { return std::task::Poll::Ready(None) };
            self.0 = left;
            std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(b"x")))))
        }
    }
    for known in [true, false] {
        let bench = Bench::with(small.clone(), long(known));
        for _ in 0..2 {
            assert_eq!(bench.get("/a", &[]).await.body.len(), 11);
        }
        assert_eq!((bench.asked(), bench.cache.shelf.count()), (2, 0));
    }
}

#[tokio::test]
async fn a_rule_speaks_for_a_service_that_says_nothing_and_only_then() {
    let mut ruled = config();
    ruled.rules = [("GET /kept/{*rest}".to_owned(), "60s".to_owned())].into();
    let bench = Bench::with(ruled.clone(), says(&[]));
    assert!(bench.keeps("/kept/a", &[]).await && !bench.keeps("/other", &[]).await);
    bench.pass(60);
    assert!(!bench.get("/kept/a", &[]).await.is_hit());
    for said in [&[("cache-control", "no-store")][..], &[("expires", "0")], &[("pragma", "no-cache")], &[("cache-control", "max-age=0")]] {
        assert!(!Bench::with(ruled.clone(), says(said)).keeps("/kept/a", &[]).await, "{said:?}");
    }
    // Web cache deception: what looks like a file below the rule may be somebody's account.
    for path in ["/kept/..%2fme", "/kept/me;a.css", "/kept//me", "/kept/me%3fa.css", "/me/a.css"] {
        assert!(!bench.keeps(path, &[]).await, "{path}");
    }
    assert!(!bench.keeps("/kept/b", &[("cookie", "session=1")]).await, "a rule does not share what was made for a session");
}

#[tokio::test]
async fn no_service_keeps_an_answer_for_longer_than_the_operator_allows() {
    let mut short = config();
    short.longest = Span::new(Duration::from_secs(10));
    let bench = Bench::with(short, says(&[("cache-control", "max-age=99999999999999")]));
    assert!(bench.keeps("/a", &[]).await);
    bench.pass(10);
    assert!(!bench.get("/a", &[]).await.is_hit());
}
