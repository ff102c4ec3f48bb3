//! What is given: RFC 9111 §4, §5.1 and §5.2.1.

use super::*;

#[tokio::test]
async fn rfc_9111_4_2_an_answer_is_given_until_it_is_no_longer_fresh_and_tells_its_age() {
    let bench = Bench::new(says(&[("cache-control", "max-age=60")]));
    let first = bench.get("/a", &[]).await;
    assert_eq!((first.body.as_str(), first.text("age")), ("1", ""));
    assert_eq!(first.text("cache-status"), "Plimsoll; fwd=miss; fwd-status=200; stored");
    bench.pass(59);
    let hit = bench.get("/a", &[]).await;
    assert_eq!((hit.body.as_str(), hit.text("age"), hit.text("cache-status")), ("1", "59", "Plimsoll; hit; ttl=1"));
    bench.pass(1);
    assert_eq!(bench.get("/a", &[]).await.body, "2");
}

#[tokio::test]
async fn rfc_9111_4_2_3_the_way_here_counts_as_age() {
    let bench = Bench::new(says(&[("cache-control", "max-age=60"), ("age", "50")]));
    assert!(bench.keeps("/a", &[]).await);
    assert_eq!(bench.get("/a", &[]).await.text("age"), "50");
    bench.pass(10);
    assert!(!bench.get("/a", &[]).await.is_hit());
    let bench = Bench::new(says(&[("cache-control", "max-age=60"), ("date", "Sat, 21 Nov 2026 09:59:10 GMT")]));
    bench.get("/a", &[]).await;
    assert_eq!(bench.get("/a", &[]).await.text("age"), "50", "a date counts where no cache before us told an age");
}

#[tokio::test]
async fn rfc_9111_4_1_variants_are_told_apart_by_every_header_that_vary_names() {
    let bench = Bench::new(says(&[("cache-control", "max-age=60"), ("vary", "Accept-Language, X-Shape")]));
    let (de, en) = ([("accept-language", "de")], [("accept-language", "en")]);
    assert_eq!(bench.get("/a", &de).await.body, "1");
    assert_eq!(bench.get("/a", &en).await.body, "2");
    assert_eq!(bench.get("/a", &[]).await.body, "3");
    assert_eq!(bench.get("/a", &[("accept-language", "de"), ("x-shape", "")]).await.body, "4", "empty is not absent");
    assert_eq!(bench.get("/a", &[("accept-language", "de"), ("x-other", "1")]).await.body, "1");
    assert_eq!((bench.get("/a", &en).await.body.as_str(), bench.get("/a", &[]).await.body.as_str()), ("2", "3"));
    assert_eq!(bench.asked(), 4);
}

#[tokio::test]
async fn what_services_forget_in_vary_is_added_for_them() {
    let bench = Bench::new(says(&[("cache-control", "public, max-age=60"), ("access-control-allow-origin", "https://a.example")]));
    assert_eq!(bench.get("/a", &[("origin", "https://a.example")]).await.body, "1");
    assert_eq!(bench.get("/a", &[("origin", "https://b.example")]).await.body, "2");
    let bench = Bench::new(says(&[("cache-control", "public, max-age=60"), ("content-encoding", "gzip")]));
    assert_eq!(bench.get("/a", &[("accept-encoding", "gzip")]).await.body, "1");
    assert_eq!(bench.get("/a", &[]).await.body, "2");
}

#[tokio::test]
async fn rfc_9111_2_the_key_holds_host_path_and_query_as_they_came() {
    let bench = Bench::new(says(&[("cache-control", "public, max-age=60")]));
    for (number, path) in ["/a", "/a?", "/a?b=1", "/a?b=2", "/A", "/a/", "/%61"].into_iter().enumerate() {
        assert_eq!(bench.get(path, &[]).await.body, (number + 1).to_string(), "{path}");
    }
    assert_eq!(bench.get("/a?b=1", &[]).await.body, "3");
}

#[tokio::test]
async fn a_request_that_names_another_resource_in_a_header_passes_the_cache_by() {
    let bench = Bench::new(says(&[("cache-control", "public, max-age=60")]));
    for name in ["x-original-url", "x-rewrite-url", "x-http-method-override", "x-host", "x-forwarded-scheme", "x-forwarded-server"] {
        let before = bench.asked();
        assert!(!bench.get("/a", &[(name, "/evil")]).await.is_hit());
        assert_eq!((bench.asked(), bench.cache.shelf.count()), (before + 1, 0), "{name}: poisoned");
    }
    bench.get("/a", &[]).await;
    assert!(!bench.get("/a", &[("x-original-url", "/b")]).await.is_hit(), "nor is it answered from what others may have");
    // What a caller says in these is replaced by the host before the service sees it.
    assert!(bench.get("/a", &[("x-forwarded-host", "evil.example")]).await.is_hit());
}

#[tokio::test]
async fn rfc_9111_5_2_1_a_request_may_want_it_fresher() {
    let bench = Bench::new(says(&[("cache-control", "max-age=60")]));
    bench.get("/a", &[]).await;
    bench.pass(20);
    for (wish, hit) in [
        ("max-age=30", true),
        ("max-age=10", false),
        ("max-age=0", false),
        ("no-cache", false),
        ("min-fresh=50", true),
        ("min-fresh=61", false),
    ] {
        assert_eq!(bench.get("/a", &[("cache-control", wish)]).await.is_hit(), hit, "{wish}");
    }
    assert!(!bench.get("/a", &[("pragma", "no-cache")]).await.is_hit(), "RFC 9111 §5.4");
}

#[tokio::test]
async fn rfc_9111_5_2_1_7_only_if_cached_asks_nobody() {
    let bench = Bench::new(says(&[("cache-control", "max-age=60")]));
    let only = [("cache-control", "only-if-cached")];
    let refused = bench.send(Method::GET, "/a", &only, None).await.unwrap_err();
    assert_eq!((refused.code().status(), bench.asked()), (504, 0));
    bench.get("/a", &[]).await;
    assert!(bench.get("/a", &only).await.is_hit());
}

#[tokio::test]
async fn rfc_9110_9_3_2_head_is_answered_from_get_and_keeps_nothing_itself() {
    let bench = Bench::new(says(&[("cache-control", "max-age=60"), ("content-type", "text/plain")]));
    bench.send(Method::HEAD, "/a", &[], None).await.unwrap();
    assert!(!bench.get("/a", &[]).await.is_hit(), "the answer to HEAD has no body that could be kept");
    let head = bench.send(Method::HEAD, "/a", &[], None).await.unwrap();
    assert!(head.is_hit() && head.body.is_empty());
    assert_eq!((head.text("content-length"), head.text("content-type")), ("1", "text/plain"));
}

#[tokio::test]
async fn rfc_9110_13_who_has_the_answer_already_is_told_so() {
    let bench = Bench::new(tagged(&[("cache-control", "max-age=60"), ("last-modified", "Sat, 21 Nov 2026 09:00:00 GMT")]));
    bench.get("/a", &[]).await;
    for (name, value, status) in [
        ("if-none-match", "\"1\"", 304),
        ("if-none-match", "W/\"1\"", 304),
        ("if-none-match", "\"0\", \"1\"", 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"2\"", 200),
        ("if-modified-since", "Sat, 21 Nov 2026 09:00:00 GMT", 304),
        ("if-modified-since", "Sat, 21 Nov 2026 08:59:59 GMT", 200),
        ("if-modified-since", "yesterday", 200),
    ] {
        let got = bench.get("/a", &[(name, value)]).await;
        assert_eq!((got.status, got.is_hit(), got.body.is_empty()), (status, true, status == 304), "{name}: {value}");
        assert_eq!(got.text("etag"), "\"1\"");
    }
    let both = [("if-none-match", "\"2\""), ("if-modified-since", "Sat, 21 Nov 2026 09:00:00 GMT")];
    assert_eq!(bench.get("/a", &both).await.status, 200, "RFC 9110 §13.1.3: a date beside a tag plays no part");
}

#[tokio::test]
async fn rfc_9111_4_3_a_stale_answer_is_asked_about_and_a_304_makes_it_good_again() {
    let bench = Bench::new(tagged(&[("cache-control", "max-age=60")]));
    bench.get("/a", &[]).await;
    bench.pass(61);
    let got = bench.get("/a", &[("if-none-match", "\"other\"")]).await;
    assert_eq!((got.status, got.body.as_str()), (200, "one"), "the caller had something else and gets the whole");
    assert_eq!(bench.last()["if-none-match"], "\"1\"", "the service is asked about what we have");
    assert_eq!(got.text("cache-status").rsplit("Plimsoll").next(), Some("; fwd=stale; fwd-status=304"));
    assert_eq!(got.text("x-number"), "2", "RFC 9111 §3.2: the new head replaces the old one");
    let hit = bench.get("/a", &[]).await;
    assert!(hit.is_hit() && hit.text("age") == "0" && hit.text("x-number") == "2");
    assert_eq!(bench.asked(), 2);
}

#[tokio::test]
async fn rfc_9111_5_2_2_4_no_cache_is_asked_about_before_every_use() {
    let bench = Bench::new(tagged(&[("cache-control", "no-cache")]));
    for number in 1..=3 {
        let got = bench.get("/a", &[]).await;
        assert_eq!((got.status, got.body.as_str(), bench.asked()), (200, "one", number));
        assert_eq!(bench.last().contains_key("if-none-match"), number > 1);
    }
}
