//! Who gets what was made for whom: RFC 9111 §3.5, tenants, people.

use super::*;

#[tokio::test]
async fn rfc_9111_3_5_what_was_made_for_a_credential_is_shared_only_if_the_service_says_so() {
    for (said, shared) in [
        (&[("cache-control", "max-age=60")][..], false),
        (&[("cache-control", "max-age=60, must-revalidate")], false),
        (&[("cache-control", "s-maxage=60")], false),
        (&[("cache-control", "public, max-age=60")], true),
    ] {
        for credential in [("authorization", "Basic YTpi"), ("cookie", "session=1")] {
            assert_eq!(Bench::new(says(said)).keeps("/a", &[credential]).await, shared, "{said:?} {credential:?}");
        }
    }
}

#[tokio::test]
async fn tenants_share_what_is_public_and_nothing_else() {
    let (ann, ben, eve) = (person(1, "ann"), person(1, "ben"), person(2, "eve"));
    for (said, ben_hits, eve_hits) in [
        (&[("cache-control", "public, max-age=60")][..], true, true),
        (&[("cache-control", "s-maxage=60")], true, false),
        (&[("cache-control", "max-age=60, must-revalidate")], true, false),
        (&[("cache-control", "max-age=60")], false, false),
    ] {
        let bench = Bench::new(says(said));
        bench.get_as("/a", &ann).await;
        assert_eq!(bench.get_as("/a", &ben).await.is_hit(), ben_hits, "{said:?}");
        assert_eq!(bench.get_as("/a", &eve).await.is_hit(), eve_hits, "{said:?}");
    }
}

#[tokio::test]
async fn what_strangers_get_is_not_given_to_people_and_the_other_way_round() {
    let ann = person(1, "ann");
    let bench = Bench::new(says(&[("cache-control", "max-age=60")]));
    bench.get("/a", &[]).await;
    assert!(!bench.get_as("/a", &ann).await.is_hit(), "the service may have answered a person differently");
    let bench = Bench::new(says(&[("cache-control", "s-maxage=60")]));
    bench.get_as("/a", &ann).await;
    assert!(!bench.get("/a", &[]).await.is_hit() && !bench.get("/a", &[("cookie", "a=b")]).await.is_hit());
}

#[tokio::test]
async fn a_personal_cache_gives_each_only_its_own() {
    let mut personal = config();
    personal.personal = true;
    let bench = Bench::with(personal, says(&[("cache-control", "max-age=60")]));
    // The same name in two tenants is two people.
    let people = [person(1, "ann"), person(1, "ben"), person(2, "ann")];
    for (number, who) in people.iter().enumerate() {
        assert_eq!(bench.get_as("/a", who).await.body, (number + 1).to_string());
    }
    for (number, who) in people.iter().enumerate() {
        let got = bench.get_as("/a", who).await;
        assert_eq!((got.body, bench.asked()), ((number + 1).to_string(), 3));
    }
    let other_session = bench.send(Method::GET, "/a", &[("cookie", "session=2")], Some(&people[0])).await.unwrap();
    assert!(!other_session.is_hit(), "a session of the service's own beside ours is another key");
    let mut demoted = person(1, "ann");
    demoted.role = plimsoll_core::Role::Owner;
    assert!(!bench.get_as("/a", &demoted).await.is_hit(), "with another role the answer may be another");
}

#[tokio::test]
async fn an_operator_says_who_shares_what_a_rule_keeps() {
    let (ann, ben, eve) = (person(1, "ann"), person(1, "ben"), person(2, "eve"));
    for (rule, ben_hits, eve_hits) in [("60s", false, false), ("60s tenant", true, false), ("60s public", true, true)] {
        let mut ruled = config();
        ruled.rules = [("GET /a".to_owned(), rule.to_owned())].into();
        let bench = Bench::with(ruled, says(&[]));
        bench.get_as("/a", &ann).await;
        assert_eq!(bench.get_as("/a", &ben).await.is_hit(), ben_hits, "{rule}");
        assert_eq!(bench.get_as("/a", &eve).await.is_hit(), eve_hits, "{rule}");
    }
}

#[tokio::test]
async fn a_service_may_vary_by_what_the_host_tells_it() {
    let (ann, ben) = (person(1, "ann"), person(1, "ben"));
    let bench = Bench::new(says(&[("cache-control", "public, max-age=60"), ("vary", "X-Plimsoll-Principal")]));
    assert_eq!(bench.get_as("/a", &ann).await.body, "1");
    assert_eq!(bench.get_as("/a", &ben).await.body, "2");
    assert_eq!(bench.get_as("/a", &ann).await.body, "1");
    // A caller's own words in that header are the host's to write.
    let spoofed = bench.send(Method::GET, "/a", &[("x-plimsoll-principal", "ann")], Some(&ben)).await.unwrap();
    assert_eq!(spoofed.body, "2");
}
