//! The end: orderly, impatient, and by force. Nothing of the service may be left.

use std::time::{Duration, Instant};

use plimsoll_testkit::{both, process::Signal, wait};

use crate::{BOUND, answering, behind, family, gone, kill, lives, log, logged, parent};

#[test]
fn a_request_in_flight_is_answered_before_the_service_is_asked_to_end() {
    both::run(async {
        let service = behind(&[]);
        let running = service.start().await;
        let pid = answering(&running).await;
        let client = running.client();
        let slow = tokio::spawn(async move { client.get("/slow").within(BOUND).await });
        logged(&running, "slow begun").await;
        running.signal(Signal::Term);
        // No new connection is taken any more, and the service knows of nothing.
        wait::until(BOUND, || async { running.client().get("/").attempt().await.is_err() }).await;
        assert!(lives(pid) && !log(&running).iter().any(|line| line["message"] == "heard SIGTERM"));
        running.place("release", "");
        let reply = slow.await.unwrap().expect(200);
        assert_eq!(reply.json()["pid"], pid);
        assert_eq!(running.wait().await.code(), Some(0));
        assert!(!lives(pid));
        let messages: Vec<String> = log(&running).iter().filter_map(|line| line["message"].as_str().map(str::to_owned)).collect();
        let at = |what: &str| messages.iter().position(|message| message.contains(what)).unwrap_or_else(|| panic!("{what}: {messages:?}"));
        assert!(at("GET /{*path} 200") < at("heard SIGTERM"), "{messages:?}");
        assert!(at("heard SIGTERM") < at("the service ended with exit code 0"), "{messages:?}");
    });
}

#[test]
fn an_orderly_end_leaves_nothing_of_the_family() {
    both::run(async {
        let running = behind(&[]).start().await;
        let all = family(&running).await;
        assert_eq!(running.stop().await.code(), Some(0));
        assert!(!all.iter().any(|pid| lives(*pid)), "gone when we are");
    });
}

#[test]
fn a_service_that_does_not_end_is_killed_after_its_time() {
    both::run(async {
        let running = behind(&["stubborn"]).service("STOP_TIMEOUT", "300ms").start().await;
        let all = family(&running).await;
        assert_eq!(running.stop().await.code(), Some(0));
        assert!(!all.iter().any(|pid| lives(*pid)));
        assert!(running.stderr().contains("heard SIGTERM") && running.stderr().contains("and is killed"), "{}", running.stderr());
    });
}

#[test]
fn a_second_signal_does_not_wait_for_the_service() {
    both::run(async {
        let running = behind(&["stubborn"]).service("STOP_TIMEOUT", "10m").start().await;
        let pid = answering(&running).await;
        running.signal(Signal::Int);
        logged(&running, "heard SIGTERM").await;
        running.signal(Signal::Term);
        assert_eq!(running.wait().await.code(), Some(0));
        assert!(!lives(pid));
    });
}

#[test]
fn nothing_is_left_when_we_are_killed() {
    both::run(async {
        for mode in ["plain", "stubborn"] {
            let running = behind(&[mode]).start().await;
            let mut all = family(&running).await;
            all.push(parent(*all.last().unwrap()));
            running.crash().await;
            let begun = Instant::now();
            gone(all).await;
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        }
    });
}

#[test]
fn the_service_is_not_left_when_we_are_killed_together_with_its_shepherd() {
    both::run(async {
        let running = behind(&["stubborn"]).start().await;
        let pid = answering(&running).await;
        // As `pkill -9 -f plimsoll` does.
        kill("-9", &[parent(pid), running.pid().into()]);
        gone([pid]).await;
    });
}

#[test]
fn nothing_is_left_when_we_are_killed_while_the_service_is_starting() {
    both::run(async {
        let running = behind(&["deaf"]).spawn();
        let started = logged(&running, "the service's process has started").await;
        let pid = started["pid"].as_i64().unwrap();
        assert!(lives(pid));
        running.crash().await;
        gone([pid]).await;
    });
}

#[test]
fn told_to_end_before_it_is_ready_or_between_two_starts_it_ends() {
    both::run(async {
        let starting = behind(&["deaf"]).spawn();
        logged(&starting, "the service's process has started").await;
        assert_eq!(starting.stop().await.code(), Some(0));
        let between = behind(&["broken"]).service("START_ATTEMPTS", "1000").spawn();
        // Late enough for a pause that is long.
        wait::until(BOUND, || async { log(&between).iter().any(|line| line["next_start_ms"].as_u64().is_some_and(|ms| ms > 800)) }).await;
        assert_eq!(between.stop().await.code(), Some(0));
    });
}
