//! A candidate beside the stable service: its share, its checks, and the way back.

use std::time::Duration;

use plimsoll_assess::rig::Service;
use plimsoll_testkit::{Db, both, wait};
use serde_json::{Value, json};

use crate::house::{Caller, House};

const BOUND: Duration = Duration::from_secs(30);

struct Pair {
    stable: Service,
    candidate: Service,
    house: House,
}

/// Two services and a server in front of them; `/status/200?key=smoke` is what the candidate is asked.
async fn pair(db: Db, settings: &[(&str, &str)]) -> Pair {
    let (stable, candidate) = (Service::start().await.unwrap(), Service::start().await.unwrap());
    let mut all = vec![
        ("PLIMSOLL_SERVICE__URL", stable.base.as_str()),
        ("PLIMSOLL_SERVICE__OPENAPI", "off"),
        ("PLIMSOLL_RELEASE__CANDIDATE", candidate.base.as_str()),
        ("PLIMSOLL_RELEASE__SMOKE", "/status/200?key=smoke"),
        ("PLIMSOLL_RELEASE__SMOKE_EVERY", "50ms"),
        ("PLIMSOLL_RELEASE__LEAST", "10"),
    ];
    all.extend_from_slice(settings);
    let house = House::open(db, &all, &[]).await;
    Pair { house, stable, candidate }
}

async fn release(owner: &Caller) -> Value {
    owner.get("/v1/release").await.expect(200).json()
}

/// Waits until a field of the release is this.
async fn becomes(owner: &Caller, field: &str, value: &str) {
    wait::until(BOUND, || async { release(owner).await[field] == value }).await;
}

async fn order(owner: &Caller, action: &str, weight: Option<&str>) -> u16 {
    let body = weight.map_or(json!({ "action": action }), |weight| json!({ "action": action, "weight": weight }));
    owner.post("/v1/release").json(body).await.code()
}

both! {
    async fn a_candidate_that_fails_is_returned_and_stays_returned_until_a_person_starts_it(db: Db) {
        let Pair { stable, candidate, house } = pair(db, &[("PLIMSOLL_RELEASE__WEIGHT", "100%")]).await;
        let owner = house.tenant().await.owner;
        becomes(&owner, "gate", "green").await;
        for _ in 0..9 {
            owner.get("/echo?key=a").await.expect(200);
        }
        assert_eq!((candidate.arrivals("a"), stable.arrivals("a")), (9, 0));
        candidate.ail("a", Some(500));
        owner.get("/echo?key=a").await.expect(500);
        // The tenth request was one failure too many: the very next one is the stable service's.
        for _ in 0..5 {
            owner.get("/echo?key=a").await.expect(200);
        }
        assert_eq!((candidate.arrivals("a"), stable.arrivals("a")), (10, 5));
        let view = release(&owner).await;
        assert_eq!((&view["phase"], &view["share"], &view["gate"]), (&json!("returned"), &json!("0%"), &json!("green")));
        assert!(view["why"].as_str().unwrap().contains("10.0%"), "{view}");
        wait::until(BOUND, || async { house.running.stderr().contains("the candidate is returned") }).await;
        let metrics = house.running.ops().get("/metrics").await.expect(200).text();
        assert!(metrics.contains("plimsoll_release_returns_total 1\n") && metrics.contains("plimsoll_release_phase{phase=\"returned\"} 1\n"));
        wait::until(BOUND, || async { !house.look("SELECT seq FROM ledger WHERE action = 'release.return'").is_empty() }).await;
        assert_eq!(order(&owner, "promote", None).await, 409);
        assert_eq!(order(&owner, "weight", Some("50%")).await, 200);
        assert_eq!(release(&owner).await["share"], "0%");
        candidate.ail("a", None);
        assert_eq!(order(&owner, "start", Some("100%")).await, 200);
        owner.get("/echo?key=b").await.expect(200);
        assert_eq!((candidate.arrivals("b"), stable.arrivals("b")), (1, 0));
        let noted = owner.get("/v1/audit?action=release.*").await.expect(200).json();
        assert_eq!(noted["items"].as_array().unwrap().len(), 2);
    }

    async fn nothing_reaches_a_candidate_whose_checks_fail(db: Db) {
        let Pair { stable, candidate, house } = pair(db, &[("PLIMSOLL_RELEASE__WEIGHT", "100%")]).await;
        let owner = house.tenant().await.owner;
        becomes(&owner, "gate", "green").await;
        candidate.ail("smoke", Some(503));
        becomes(&owner, "gate", "red").await;
        assert!(release(&owner).await["gate_why"].as_str().unwrap().contains("503"));
        for _ in 0..3 {
            owner.get("/echo?key=a").header("x-plimsoll-release", "candidate").await.expect(200);
        }
        assert_eq!((candidate.arrivals("a"), stable.arrivals("a")), (0, 3));
        candidate.ail("smoke", None);
        becomes(&owner, "gate", "green").await;
        owner.get("/echo?key=a").await.expect(200);
        assert_eq!(candidate.arrivals("a"), 1);
    }

    async fn a_share_of_callers_and_testers_go_to_the_candidate(db: Db) {
        let Pair { stable, candidate, house } = pair(db, &[("PLIMSOLL_RELEASE__WEIGHT", "50%"), ("PLIMSOLL_ROUTES__DEFAULT", "public: a test")]).await;
        let owner = house.tenant().await;
        becomes(&owner.owner, "gate", "green").await;
        for caller in 0..40 {
            let stranger = house.stranger();
            for _ in 0..3 {
                stranger.get(&format!("/echo?key=c{caller}")).await.expect(200);
            }
            let sides = (candidate.arrivals(&format!("c{caller}")), stable.arrivals(&format!("c{caller}")));
            assert!(matches!(sides, (3, 0) | (0, 3)), "a caller stays on its side: {sides:?}");
        }
        let at = |service: &Service| (0..40).filter(|caller| service.arrivals(&format!("c{caller}")) > 0).count();
        assert!(at(&candidate) > 5 && at(&stable) > 5, "{} and {}", at(&candidate), at(&stable));
        assert_eq!(order(&owner.owner, "weight", Some("0%")).await, 200);
        // A route that asks nobody knows nobody: there is no tester.
        house.stranger().get("/echo?key=t").header("x-plimsoll-release", "candidate").await.expect(200);
        house.stranger().get("/echo?key=t").header("cookie", "plimsoll-release=candidate").await.expect(200);
        assert_eq!((candidate.arrivals("t"), stable.arrivals("t")), (0, 2));
    }

    async fn testers_need_a_permission_and_orders_another(db: Db) {
        let Pair { stable, candidate, house } = pair(db, &[]).await;
        let tenant = house.tenant().await;
        becomes(&tenant.owner, "gate", "green").await;
        let (viewer, editor) = (tenant.key("viewer").await, tenant.key("editor").await);
        viewer.get("/echo?key=v").header("x-plimsoll-release", "candidate").await.expect(200);
        let told = editor.get("/echo?key=e").header("x-plimsoll-release", "candidate").await.expect(200);
        assert_eq!(told.header("x-plimsoll-release"), Some("candidate"));
        editor.get("/echo?key=e").header("cookie", "a=b; plimsoll-release=candidate").await.expect(200);
        assert_eq!((candidate.arrivals("v"), stable.arrivals("v"), candidate.arrivals("e")), (0, 1, 2));
        assert!(candidate.seen("e")[0].header("x-plimsoll-release").is_none(), "the service is not told about the choice");
        editor.get("/v1/release").await.expect(403);
        assert_eq!(order(&editor, "start", Some("100%")).await, 403);
        for wrong in [json!({ "action": "weight" }), json!({ "action": "weight", "weight": "101%" }), json!({ "action": "dance" })] {
            tenant.owner.post("/v1/release").json(wrong).await.expect(422);
        }
    }

    async fn a_mirrored_request_delays_and_fails_nobody(db: Db) {
        let Pair { stable, candidate, house } = pair(db, &[("PLIMSOLL_RELEASE__MIRROR", "100%"), ("PLIMSOLL_RELEASE__MIRROR_ROOM", "2")]).await;
        let owner = house.tenant().await.owner;
        becomes(&owner, "gate", "green").await;
        candidate.hold("m");
        for _ in 0..5 {
            owner.get("/echo?key=m").await.expect(200);
        }
        assert!(candidate.holding("m", 2, BOUND).await);
        owner.post("/echo?key=p").await.expect(200);
        assert_eq!((stable.arrivals("m"), candidate.arrivals("m"), candidate.arrivals("p")), (5, 2, 0));
        assert_eq!(candidate.seen("m")[0].header("x-plimsoll-mirror"), Some("true"));
        assert!(stable.seen("m")[0].header("x-plimsoll-mirror").is_none());
        let metrics = house.running.ops().get("/metrics").await.expect(200).text();
        assert!(metrics.contains("plimsoll_release_mirrored_total{outcome=\"dropped\"} 3\n"), "{metrics}");
        candidate.release("m");
        candidate.ail("m", Some(500));
        for _ in 0..20 {
            owner.get("/echo?key=m").await.expect(200);
        }
        assert_eq!(release(&owner).await["phase"], "waiting");
    }

    async fn where_tenants_share_a_service_none_of_them_acts_on_it_and_the_operator_does(db: Db) {
        let Pair { stable, candidate, house } = pair(db, &[("PLIMSOLL_SERVICE__NAME", "shop")]).await;
        let (one, two) = (house.tenant().await.owner, house.tenant().await.owner);
        becomes(&two, "gate", "green").await;
        assert_eq!(order(&one, "start", Some("100%")).await, 409);
        one.post("/v1/upstreams/shop/breaker").json(json!({ "action": "open" })).await.expect(409);
        one.post("/v1/upstreams/shop/description").await.expect(409);
        one.get("/v1/upstreams/shop/undocumented").await.expect(409);
        assert_eq!(release(&one).await["phase"], "waiting");

        let ops = house.running.ops();
        let start = json!({ "action": "start", "weight": "100%" });
        ops.post("/release").json(start.clone()).await.expect(403);
        ops.post("/release").header("x-plimsoll-operator", "yes").body(start.to_string()).await.expect(415);
        let page = ops.post("/release").header("x-plimsoll-operator", "yes").header("origin", house.running.ops_url());
        page.json(start.clone()).await.expect(403);
        let meant = |path: &str| ops.post(path).header("x-plimsoll-operator", "yes");
        meant("/release").json(json!({ "action": "dance" })).await.expect(400);
        meant("/health").json(start.clone()).await.expect(405);
        assert_eq!(ops.get("/release").await.expect(200).str("/phase"), "waiting");

        assert_eq!(meant("/release").json(start).await.expect(200).str("/phase"), "running");
        one.get("/echo?key=a").await.expect(200);
        assert_eq!((candidate.arrivals("a"), stable.arrivals("a")), (1, 0));
        meant("/upstreams/nothing/breaker").json(json!({ "action": "open" })).await.expect(404);
        meant("/upstreams/shop-candidate/breaker").json(json!({ "action": "open" })).await.expect(200);
        one.get("/echo?key=a").await.expect(503);
        meant("/upstreams/shop-candidate/breaker").json(json!({ "action": "reset" })).await.expect(200);
        one.get("/echo?key=a").await.expect(200);
        assert_eq!(meant("/release").json(json!({ "action": "return" })).await.expect(200).str("/why"), "by hand");
        let entries = house.look("SELECT action, actor FROM ledger WHERE tenant_id NOT IN (SELECT id FROM tenant) AND action <> 'access.denied' ORDER BY seq");
        let orders: Vec<&str> = entries.iter().filter(|entry| entry[1] == "host").map(|entry| entry[0].as_str()).collect();
        let expected = ["release.start", "upstream.breaker", "upstream.breaker", "release.return"];
        assert!(orders.ends_with(&expected), "{orders:?}");
    }

    async fn a_returned_candidate_stays_away_and_a_promoted_one_in_place_when_the_process_starts_again(db: Db) {
        let Pair { stable, candidate, mut house } = pair(db, &[("PLIMSOLL_RELEASE__WEIGHT", "100%")]).await;
        let slug = house.tenant().await.slug;
        let again = async |house: &mut House| {
            house.running.crash().await;
            house.running = house.plimsoll.start().await;
            let key = house.command(&["key", "create", "--tenant", &slug, "--role", "owner"]).await;
            let owner = house.stranger().with(key["key"].as_str().unwrap());
            becomes(&owner, "gate", "green").await;
            owner
        };
        let owner = again(&mut house).await;
        assert_eq!(release(&owner).await["phase"], "running", "nothing was on record yet");
        candidate.ail("a", Some(500));
        for _ in 0..10 {
            owner.get("/echo?key=a").await.expect(500);
        }
        wait::until(BOUND, || async { house.look("SELECT phase FROM release") == [["returned"]] }).await;

        let owner = again(&mut house).await;
        candidate.ail("a", None);
        let view = release(&owner).await;
        assert_eq!((&view["phase"], &view["share"]), (&json!("returned"), &json!("0%")));
        assert!(view["why"].as_str().unwrap().contains("100.0%"), "{view}");
        owner.get("/echo?key=b").await.expect(200);
        assert_eq!((candidate.arrivals("b"), stable.arrivals("b")), (0, 1));

        assert_eq!(order(&owner, "start", None).await, 200);
        for _ in 0..10 {
            owner.get("/echo?key=c").await.expect(200);
        }
        assert_eq!(order(&owner, "promote", None).await, 200);
        let owner = again(&mut house).await;
        assert_eq!(release(&owner).await["phase"], "promoted");
        // Another share in the configuration is a person's word: the record is of another release.
        house.plimsoll = house.plimsoll.env("PLIMSOLL_RELEASE__WEIGHT", "40%");
        let owner = again(&mut house).await;
        assert_eq!((&release(&owner).await["phase"], &release(&owner).await["weight"]), (&json!("running"), &json!("40%")));
    }
}
