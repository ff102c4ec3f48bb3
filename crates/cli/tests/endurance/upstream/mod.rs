//! A mounted service that misbehaves, behind the real binary.

mod bad;
mod faults;
mod view;

use std::{sync::Arc, time::Duration};

use plimsoll_testkit::{
    Db,
    both::{self, Ground},
    http::Client,
    process::Running,
    wait,
};
use serde_json::Value;

use self::bad::{Bad, Manner};
use crate::{
    BOUND,
    service::{binary, generous, key},
};

/// The binary with a bad service mounted at `/`, whose routes are open to all.
struct Mounted {
    running: Running,
    bad: Arc<Bad>,
    key: String,
    _ground: Ground,
}

impl Mounted {
    /// With these settings of the section `[resilience]`, or of another that is named.
    async fn with(settings: &[(&str, &str)]) -> Mounted {
        let (bad, ground) = (Bad::start().await, Db::Sqlite.ground());
        let mut plimsoll =
            generous(binary().on(&ground)).env("PLIMSOLL_ROUTES__DEFAULT", "public: a test").env("PLIMSOLL_SERVICE__URL", bad.url());
        // What arrives is what a test has sent, and not the look for a description.
        plimsoll = plimsoll.env("PLIMSOLL_SERVICE__OPENAPI", "off");
        for (name, value) in settings {
            let name = if name.contains("__") { format!("PLIMSOLL_{name}") } else { format!("PLIMSOLL_RESILIENCE__{name}") };
            plimsoll = plimsoll.env(name, value);
        }
        plimsoll.run(["migrate", "up"]).await.expect(0);
        let key = key(&plimsoll).await;
        Mounted { running: plimsoll.start().await, bad, key, _ground: ground }
    }

    fn client(&self) -> Client {
        self.running.client()
    }
    /// What the operator's view says of the service.
    async fn view(&self) -> Value {
        let listed = self.client().get("/v1/upstreams").bearer(&self.key).await.expect(200).json();
        listed["items"].as_array().unwrap().iter().find(|one| one["name"] == "service").unwrap().clone()
    }
    async fn until_breaker_is(&self, state: &str) {
        wait::until(BOUND, || async { self.view().await["breaker"]["state"] == state }).await;
    }
    /// Asks until the breaker is open.
    async fn open(&self) {
        wait::until(BOUND, || async { self.client().get("/open").await.text().contains("PLM-UPS-004") }).await;
    }
}

#[test]
fn only_what_may_be_repeated_is_repeated() {
    both::run(async {
        let mounted = Mounted::with(&[("BACKOFF", "1ms"), ("BREAKER_IN_A_ROW", "1000"), ("RETRY_RESERVE", "100")]).await;
        let (client, bad) = (mounted.client(), &mounted.bad);
        bad.behave(Manner::FailFirst(2));
        let reply = client.get("/read").await.expect(200);
        assert_eq!((reply.text().as_str(), bad.arrived()), ("well", 3));
        let heads = bad.heads();
        assert!(!heads[0].contains("x-plimsoll-attempt") && heads[2].contains("x-plimsoll-attempt: 3\r\n"), "{heads:?}");
        for manner in [Manner::FailFirst(2), Manner::Reset] {
            bad.behave(manner);
            let status = client.post("/change").key(format!("{manner:?}")).body("x").await.code();
            assert!(status >= 502, "{status}");
            assert_eq!(bad.arrived(), 1, "{manner:?}: a change, even one with a key that the service does not honour");
        }
        bad.behave(Manner::Reset);
        assert_eq!((client.get("/read").await.str("/code").as_str(), bad.arrived()), ("PLM-UPS-002", 3));
        bad.behave(Manner::Status(500));
        client.get("/read").await.expect(500);
        assert_eq!(bad.arrived(), 1, "a 500 does not pass by itself");
        bad.behave(Manner::Half);
        assert!(client.get("/read").attempt().await.is_err(), "half an answer is not passed off as a whole one");
        assert_eq!(bad.arrived(), 1, "nothing is repeated once the head was passed on");
        wait::until(BOUND, || async {
            mounted.running.stdout().contains("\"attempts\":3") || mounted.running.stderr().contains("\"attempts\":3")
        })
        .await;
    });
}

#[test]
fn a_change_with_a_key_is_repeated_where_the_service_honours_keys() {
    both::run(async {
        let mounted = Mounted::with(&[("BACKOFF", "1ms"), ("SERVICE_HONOURS_KEYS", "true")]).await;
        let (client, bad) = (mounted.client(), &mounted.bad);
        bad.behave(Manner::FailFirst(2));
        client.post("/change").key("one").body("the body comes again").await.expect(200);
        assert_eq!(bad.arrived(), 3);
        assert!(bad.heads().iter().all(|head| head.contains("content-length: 20\r\n")), "{:?}", bad.heads());
        bad.behave(Manner::FailFirst(1));
        client.post("/change").body("x").await.expect(503);
        assert_eq!(bad.arrived(), 1, "without a key it is not");
    });
}

#[test]
fn what_was_sent_once_is_never_said_to_be_unsent() {
    both::run(async {
        let mounted = Mounted::with(&[("ATTEMPTS", "2"), ("BACKOFF", "2s"), ("SERVICE_HONOURS_KEYS", "true")]).await;
        mounted.bad.behave(Manner::Reset);
        let change = tokio::spawn(mounted.client().post("/change").key("one").body("x").send());
        wait::until(BOUND, || async { mounted.bad.arrived() == 1 }).await;
        mounted.bad.behave(Manner::Away);
        assert_eq!(change.await.unwrap().str("/code"), "PLM-UPS-002", "the first attempt may have acted");
        assert_eq!(mounted.client().post("/change").body("x").await.str("/code"), "PLM-UPS-001");
    });
}

#[test]
fn repetitions_stay_within_their_budget() {
    both::run(async {
        let mounted = Mounted::with(&[
            ("BACKOFF", "1ms"),
            ("BREAKER_IN_A_ROW", "100000"),
            ("BREAKER_VOLUME", "100000"),
            ("RETRY_PERCENT", "10"),
            ("RETRY_RESERVE", "0"),
        ])
        .await;
        mounted.bad.behave(Manner::Status(503));
        for _ in 0..100 {
            mounted.client().get("/read").await.expect(503);
        }
        assert_eq!(mounted.bad.arrived(), 110);
    });
}

#[test]
fn half_open_lets_through_as_many_as_it_says_and_closes() {
    both::run(async {
        let mounted = Mounted::with(&[("ATTEMPTS", "1"), ("BREAKER_IN_A_ROW", "3"), ("OPEN_FOR", "300ms"), ("TRIALS", "2")]).await;
        let (client, bad) = (mounted.client(), &mounted.bad);
        bad.behave(Manner::Status(503));
        mounted.open().await;
        assert_eq!(bad.arrived(), 3, "the third in a row opened it");
        let refused = client.get("/read").await.expect(503);
        assert_eq!((refused.str("/code").as_str(), refused.header("retry-after")), ("PLM-UPS-004", Some("1")));
        bad.behave(Manner::Slow(1_000));
        tokio::time::sleep(Duration::from_millis(310)).await;
        let ask = || async { client.get("/trial").await.code() };
        let codes: [u16; 5] = tokio::join!(ask(), ask(), ask(), ask(), ask()).into();
        assert_eq!(codes.iter().filter(|code| **code == 200).count(), 2, "{codes:?}");
        assert_eq!((codes.iter().filter(|code| **code == 503).count(), bad.arrived()), (3, 2), "{codes:?}");
        client.get("/read").await.expect(200);
        mounted.until_breaker_is("closed").await;
        let log = mounted.running.stderr() + &mounted.running.stdout();
        assert!(log.contains("circuit breaker") && log.contains("half-open"), "every change is a line");
    });
}

#[test]
fn what_the_caller_does_wrong_does_not_count_against_the_service() {
    both::run(async {
        let mounted = Mounted::with(&[("BREAKER_IN_A_ROW", "2"), ("SERVICE__BODY_LIMIT", "1KiB")]).await;
        let (client, bad) = (mounted.client(), &mounted.bad);
        for _ in 0..5 {
            client.post("/change").body(vec![b'x'; 4096]).await.expect(413);
            bad.behave(Manner::Status(404));
            client.get("/not-there").await.expect(404);
            bad.behave(Manner::Slow(500));
            assert!(client.get("/left").within(Duration::from_millis(30)).attempt().await.is_err());
        }
        bad.behave(Manner::Well);
        client.get("/read").await.expect(200);
        assert_eq!(mounted.view().await["breaker"]["state"], "closed");
        wait::until(BOUND, || async { mounted.view().await["active"] == 0 }).await;
    });
}

#[test]
fn a_slow_service_takes_no_room_from_another_or_from_the_host() {
    both::run(async {
        let other = Bad::start().await;
        let mounts = format!("{{ \"/other\" = \"{}\" }}", other.url());
        let mounted = Mounted::with(&[
            ("SERVICE__MOUNTS", &mounts),
            ("READ_PLACES", "4"),
            ("LEAST_PLACES", "4"),
            ("QUEUE", "2"),
            ("PATIENCE", "100ms"),
            ("LIMITS__READ_PLACES", "4"),
        ])
        .await;
        mounted.bad.behave(Manner::Silent);
        let client = mounted.client();
        let stuck: Vec<_> = (0..4).map(|_| tokio::spawn(client.get("/stuck").within(BOUND).attempt())).collect();
        wait::until(BOUND, || async { mounted.bad.arrived() == 4 }).await;
        let refused = client.get("/one-more").await.expect(503);
        assert_eq!((refused.str("/code").as_str(), refused.header("retry-after")), ("PLM-LIM-002", Some("1")));
        assert_eq!(mounted.bad.arrived(), 4, "what is refused costs the service nothing");
        client.get("/other/read").await.expect(200);
        client.get("/v1/upstreams").bearer(&mounted.key).await.expect(200);
        client.get("/health/ready").await.expect(200);
        assert_eq!(mounted.view().await["reads"]["taken"], 4);
        stuck.iter().for_each(|task| task.abort());
        wait::until(BOUND, || async { mounted.view().await["reads"]["taken"] == 0 }).await;
    });
}

#[test]
fn the_service_hears_how_long_its_caller_waits_and_under_which_trace() {
    both::run(async {
        let mounted = Mounted::with(&[("SERVICE__ANSWER_TIMEOUT", "7s"), ("ATTEMPT_TIMEOUT", "300ms"), ("ATTEMPTS", "1")]).await;
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        mounted.client().get("/read").header("traceparent", parent).header("x-request-timeout-ms", "99999").await.expect(200);
        let head = mounted.bad.heads().remove(0);
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned)).unwrap_or_default();
        let left: u64 = value("x-request-timeout-ms: ").parse().unwrap();
        assert!((1..=300).contains(&left), "{head}");
        let own = value("traceparent: ");
        assert!(own.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && own != parent, "our span in the caller's trace: {head}");
        mounted.bad.behave(Manner::Silent);
        let begun = std::time::Instant::now();
        let late = mounted.client().post("/change").body("x").await.expect(504);
        assert_eq!(late.str("/code"), "PLM-UPS-003");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    });
}

#[test]
fn an_answer_behind_the_answer_reaches_nobody() {
    both::run(async {
        let mounted = Mounted::with(&[]).await;
        mounted.bad.behave(Manner::Lie);
        for _ in 0..50 {
            assert_eq!(mounted.client().get("/read").await.expect(200).text(), "well");
        }
    });
}
