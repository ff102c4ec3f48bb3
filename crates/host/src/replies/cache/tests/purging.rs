//! Taking out: RFC 9111 §4.4, paths, prefixes, tags.

use super::{purge::What, *};

fn purge(what: What) -> Purge {
    Purge { what, tenant: None }
}

#[tokio::test]
async fn rfc_9111_4_4_a_change_takes_out_every_form_of_its_target() {
    let bench = Bench::new(says(&[("cache-control", "public, max-age=60"), ("vary", "accept")]));
    for (path, accept) in [("/a", "x"), ("/a", "y"), ("/a?page=2", "x"), ("/b", "x")] {
        assert!(bench.keeps(path, &[("accept", accept)]).await);
    }
    bench.cache.changed("localhost", "/a").await;
    for (path, accept, hit) in [("/a", "x", false), ("/a", "y", false), ("/a?page=2", "x", false), ("/b", "x", true)] {
        assert_eq!(bench.get(path, &[("accept", accept)]).await.is_hit(), hit, "{path} {accept}");
    }
    bench.cache.changed("other", "/a").await;
    assert!(bench.get("/a", &[("accept", "x")]).await.is_hit(), "another host's path is another path");
}

#[tokio::test]
async fn an_answer_that_was_under_way_when_it_was_purged_is_not_kept() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let bench = Bench::new(Box::new(move |number, _| {
        let held = held.clone();
        Box::pin(async move {
            held.acquire().await.unwrap().forget();
            Ok(made(200, &[("cache-control", "public, max-age=60")], &number.to_string()))
        })
    }));
    let reading = tokio::spawn({
        let bench = bench.clone();
        async move { bench.get("/a", &[]).await }
    });
    while bench.asked() == 0 {
        tokio::task::yield_now().await;
    }
    bench.cache.changed("localhost", "/a").await;
    gate.add_permits(10);
    assert_eq!(reading.await.unwrap().body, "1");
    assert_eq!(bench.get("/a", &[]).await.body, "2", "what was read before the change must not outlive it");
    assert!(bench.get("/a", &[]).await.is_hit());
}

#[tokio::test]
async fn tags_are_for_the_cache_and_take_out_what_they_mark() {
    let bench = Bench::new(Box::new(|_, request| {
        let tag = if request.uri().path() == "/a" { "red, blue" } else { "blue green" };
        let headers = [("cache-control", "public, max-age=60"), ("cache-tag", tag), ("surrogate-key", "all")];
        let answer = made(200, &headers, "x");
        Box::pin(async { Ok(answer) })
    }));
    for path in ["/a", "/b"] {
        let got = bench.get(path, &[]).await;
        assert!(!got.headers.contains_key("cache-tag") && !got.headers.contains_key("surrogate-key"));
        let hit = bench.get(path, &[]).await;
        assert!(hit.is_hit() && !hit.headers.contains_key("cache-tag"));
    }
    for (tag, gone) in [("re", 0), ("red", 1), ("green", 1)] {
        assert_eq!(bench.cache.purge(purge(What::Tag(tag.into()))).await, (gone, false), "{tag}");
    }
    assert!(bench.keeps("/a", &[]).await && bench.keeps("/b", &[]).await);
    assert_eq!(bench.cache.purge(purge(What::Tag("all".into()))).await.0, 2);
}

#[tokio::test]
async fn a_prefix_a_path_and_everything() {
    let bench = Bench::new(says(&[("cache-control", "public, max-age=60")]));
    let fill = async || {
        for path in ["/a/1", "/a/2?x", "/b"] {
            bench.get(path, &[]).await;
        }
    };
    for (what, gone) in
        [(What::Prefix("/a/".into()), 2), (What::Path("/a/2".into(), None), 1), (What::All, 3), (What::Prefix("/c".into()), 0)]
    {
        fill().await;
        assert_eq!(bench.cache.purge(purge(what.clone())).await.0, gone, "{what:?}");
    }
}

#[tokio::test]
async fn a_tenants_purge_leaves_other_tenants_alone() {
    let (ann, eve) = (person(1, "ann"), person(2, "eve"));
    let bench = Bench::new(says(&[("cache-control", "s-maxage=60")]));
    for who in [&ann, &eve] {
        bench.get_as("/a", who).await;
    }
    let gone = bench.cache.purge(Purge { what: What::All, tenant: Some(ann.tenant) }).await.0;
    assert_eq!((gone, bench.get_as("/a", &eve).await.is_hit(), bench.get_as("/a", &ann).await.is_hit()), (1, true, false));
}

#[tokio::test]
async fn what_is_left_for_the_service_at_the_root_goes_and_what_lies_below_other_prefixes_stays() {
    let bench = Bench::new(says(&[("cache-control", "public, max-age=60")]));
    for path in ["/a", "/other", "/other/a", "/others"] {
        bench.get(path, &[]).await;
    }
    let (removed, _) = bench.cache.purge(purge(What::Outside(vec!["/other".into()]))).await;
    assert_eq!(removed, 2);
    for (path, kept) in [("/a", false), ("/other", true), ("/other/a", true), ("/others", false)] {
        assert_eq!(bench.get(path, &[]).await.text("cache-status").starts_with("Plimsoll; hit"), kept, "{path}");
    }
}
