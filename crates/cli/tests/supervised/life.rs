//! While it runs: what it prints, signals, and its end without being asked.

use std::fs;

use plimsoll_testkit::{Scratch, both, wait};

use crate::{BOUND, answering, ask, behind, family, gone, kill, lives, log, logged, parent};

#[test]
fn what_the_service_prints_is_in_our_log_line_by_line() {
    both::run(async {
        let service = behind(&[]).service("NAME", "shop");
        let running = service.start().await;
        let mut lines = Vec::new();
        lines.extend_from_slice(
            b"a plain line\n\nINFO:     as uvicorn says it\n[2026-11-21 10:00:00 +0000] [17] [ERROR] as gunicorn says it\n",
        );
        lines.extend_from_slice(b"{\"level\":\"warning\",\"message\":\"as json\",\"order\":7,\"password\":\"hunter2\"}\n");
        lines.extend_from_slice(b"no \xff\xfe text\nthe key plm_live_abcdefgh1234 is a secret\n");
        lines.extend_from_slice(&[vec![b'x'; 40_000], b"\nthe last one\n".to_vec()].concat());
        running.place("lines", lines);
        ask(&running, "/print?out").await;

        let last = logged(&running, "the last one").await;
        assert_eq!((&last["stream"], &last["service"], &last["target"]), (&"stdout".into(), &"shop".into(), &"plimsoll::service".into()));
        for (message, level) in [
            ("a plain line", "info"),
            ("as uvicorn says it", "info"),
            ("[2026-11-21 10:00:00 +0000] [17] [ERROR] as gunicorn says it", "error"),
            ("as json", "warn"),
            ("no \u{fffd}\u{fffd} text", "info"),
            ("the key *** is a secret", "info"),
        ] {
            assert_eq!(logged(&running, message).await["level"], level, "{message}");
        }
        assert_eq!(logged(&running, "as json").await["fields"], "{\"order\":7,\"password\":\"***\"}");
        let long = log(&running).into_iter().find(|line| line["cut_bytes"].is_number()).unwrap();
        assert_eq!((long["message"].as_str().unwrap().len(), &long["cut_bytes"]), (16 << 10, &(40_000 - (16 << 10)).into()));
        assert!(!running.stderr().contains("hunter2") && !running.stderr().contains("plm_live"));

        running.place("lines", "Traceback (most recent call last):\n  File \"x\"\nKeyError: 'a'\n");
        ask(&running, "/print?err").await;
        let end = logged(&running, "KeyError: 'a'").await;
        assert_eq!((&end["level"], &end["stream"]), (&"error".into(), &"stderr".into()));
    });
}

#[test]
fn a_flood_of_lines_neither_stops_the_service_nor_gets_lost() {
    both::run(async {
        let service = behind(&[]);
        let running = service.start().await;
        let flood: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
        running.place("lines", flood);
        ask(&running, "/print?out").await;
        running.place("lines", "and then\n");
        ask(&running, "/print?out").await;
        logged(&running, "and then").await;
        let seen = log(&running).iter().filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with("line "))).count();
        let lost: u64 = log(&running).iter().filter_map(|line| line["lines"].as_u64()).sum();
        assert_eq!(seen as u64 + lost, 20_000, "every line is there or counted");
    });
}

#[test]
fn a_service_that_is_killed_is_started_again_with_nothing_left_of_the_first() {
    both::run(async {
        let running = behind(&[]).start().await;
        let before = family(&running).await;
        let pid = *before.last().unwrap();
        kill("-9", &[pid]);
        let again = wait::some(BOUND, || async {
            let pid_now = answering(&running).await;
            (pid_now != pid).then_some(pid_now)
        })
        .await;
        gone(before).await;
        assert!(lives(again));
        let told = log(&running).into_iter().find(|line| line["level"] == "warn" && line["next_start_ms"].is_number()).unwrap();
        assert!(told["message"].as_str().unwrap().starts_with("the service was ended by SIGKILL after"), "{told}");
        // An answer about health is kept for a second.
        wait::until(BOUND, || async { running.client().get("/health/ready").await.code() == 200 }).await;
        let figures = running.ops().get("/metrics").await.expect(200).text().to_owned();
        for line in ["plimsoll_service_starts_total 2", "plimsoll_service_state{service=\"service\",state=\"ready\"} 1"] {
            assert!(figures.lines().any(|found| found == line), "{line} is not in {figures}");
        }
    });
}

#[test]
fn a_service_whose_shepherd_is_killed_dies_with_it_and_is_started_again() {
    both::run(async {
        let running = behind(&[]).start().await;
        let pid = answering(&running).await;
        kill("-9", &[parent(pid)]);
        gone([pid]).await;
        let again = wait::some(BOUND, || async {
            let pid_now = answering(&running).await;
            (pid_now != pid).then_some(pid_now)
        })
        .await;
        assert_ne!(parent(again), parent(running.pid().into()), "it has a shepherd again");
    });
}

#[test]
fn signals_that_are_not_ours_are_passed_on() {
    both::run(async {
        let running = behind(&[]).start().await;
        let pid = answering(&running).await;
        for signal in ["USR1", "USR2", "HUP"] {
            kill(&format!("-{signal}"), &[running.pid().into()]);
            logged(&running, &format!("heard SIG{signal}")).await;
        }
        assert_eq!(answering(&running).await, pid, "and nothing else happened");
    });
}

#[test]
fn a_service_that_other_machines_reach_past_the_host_is_reported() {
    both::run(async {
        let open = behind(&["open"]).env("PLIMSOLL_PROFILE", "production").env("PLIMSOLL_TLS__OFF", "encrypted by the mesh below");
        let open = open.env("PLIMSOLL_SERVER__DRAIN_NOTICE", "0s").start().await;
        let warned = wait::some(BOUND, || async {
            log(&open)
                .into_iter()
                .find(|line| line["message"].as_str().is_some_and(|text| text.contains("on every address of this machine")))
        })
        .await;
        assert_eq!(warned["level"], "warn");
        // An answer about health is kept for a second.
        wait::until(BOUND, || async { open.ops().get("/health").await.text().contains("past the host") }).await;
        assert_eq!(open.ops().get("/health").await.at("/status"), "degraded");
        open.client().get("/health/ready").await.expect(200);

        let inside = behind(&[]).start().await;
        answering(&inside).await;
        assert_eq!(inside.stop().await.code(), Some(0));
        assert!(!inside.stderr().contains("on every address"), "{}", inside.stderr());
    });
}

#[test]
fn a_hangup_that_renews_certificates_is_not_for_the_service() {
    both::run(async {
        let place = Scratch::new();
        let issue = || {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            fs::write(place.join("cert.pem"), made.cert.pem()).unwrap();
            fs::write(place.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        };
        issue();
        let plimsoll = behind(&[]);
        let plimsoll = plimsoll.env("PLIMSOLL_TLS__CERTIFICATE", place.join("cert.pem")).env("PLIMSOLL_TLS__KEY", place.join("key.pem"));
        let running = plimsoll.spawn();
        logged(&running, "the service is ready").await;
        issue();
        kill("-HUP", &[running.pid().into()]);
        // Whoever listens to it says so; only then comes a signal that is passed on.
        logged(&running, "new connections use the new certificate").await;
        kill("-USR1", &[running.pid().into()]);
        logged(&running, "heard SIGUSR1").await;
        assert!(!running.stderr().contains("heard SIGHUP"), "{}", running.stderr());
        assert_eq!(running.stop().await.code(), Some(0));
    });
}
