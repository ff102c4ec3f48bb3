//! Bodies that take their time, in both directions.

use std::time::{Duration, Instant};

use plimsoll_testkit::http::{Recorder, Stage};

use crate::front::{BOUND, Front, assert_status, has_head, only, recorder};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_arrives_when_it_is_sent_and_a_deadline_does_not_cut_them() {
    let stage = Stage::open().await;
    let settings = [
        ("PLIMSOLL_SERVICE__ANSWER_TIMEOUT", "300ms"),
        ("PLIMSOLL_SERVER__HANDLER_TIMEOUT", "300ms"),
        ("PLIMSOLL_SERVICE__IDLE_TIMEOUT", "100ms"),
    ];
    let front = Front::of(&stage.url(), &settings).await;
    let mut caller = front.wire().await;
    caller.write("GET /events HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n\r\n").await.unwrap();
    let mut service = stage.accept().await;
    service.until(BOUND, has_head).await;
    service.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    let head = text(&caller.until(BOUND, has_head).await);
    assert!(head.contains("text/event-stream") && !head.contains("content-encoding"), "{head}");
    let begun = Instant::now();
    for number in 0..6 {
        service.write(format!("9\r\ndata: {number}\n\n\r\n")).await.unwrap();
        let event = text(&caller.until(BOUND, |seen| seen.ends_with(b"\n\n\r\n")).await);
        assert!(event.contains(&format!("data: {number}")), "{event}");
        tokio::time::sleep(Duration::from_millis(130)).await;
    }
    assert!(begun.elapsed() > Duration::from_millis(700), "longer than every deadline above");
    service.write("0\r\n\r\n").await.unwrap();
    assert!(text(&caller.until(BOUND, |seen| seen.ends_with(b"0\r\n\r\n")).await).ends_with("0\r\n\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_stands_still_is_cut() {
    let stage = Stage::open().await;
    let front = Front::of(&stage.url(), &[("PLIMSOLL_SERVICE__IDLE_TIMEOUT", "100ms")]).await;
    let mut caller = front.wire().await;
    caller.write("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut service = stage.accept().await;
    service.until(BOUND, has_head).await;
    service.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
    let all = text(&caller.rest(BOUND).await);
    assert!(all.ends_with("half"), "{all}");
    assert_eq!(service.rest(BOUND).await, b"", "the service's connection is ended too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_caller_hangs_up_the_service_is_told() {
    let stage = Stage::open().await;
    let front = Front::of(&stage.url(), &[]).await;
    // Before the answer, in the middle of it, and in the middle of the upload.
    let mut caller = front.wire().await;
    caller.write("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut service = stage.accept().await;
    service.until(BOUND, has_head).await;
    drop(caller);
    assert_eq!(service.rest(BOUND).await, b"");

    let mut caller = front.wire().await;
    caller.write("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut service = stage.accept().await;
    service.until(BOUND, has_head).await;
    service.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n").await.unwrap();
    caller.until(BOUND, |seen| seen.ends_with(b"a\r\n")).await;
    drop(caller);
    assert_eq!(service.rest(BOUND).await, b"");

    let mut caller = front.wire().await;
    caller.write("POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\npart").await.unwrap();
    let mut service = stage.accept().await;
    service.until(BOUND, |seen| seen.ends_with(b"part")).await;
    drop(caller);
    assert_eq!(service.rest(BOUND).await, b"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_passes_without_being_held() {
    const LENGTH: usize = 100 << 20;
    let recorder = Recorder::start(|seen| {
        let said = seen.body.len().to_string();
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len()).into_bytes()
    })
    .await;
    let front = Front::of(&recorder.url(), &[("PLIMSOLL_SERVICE__BODY_LIMIT", "128MiB")]).await;
    let memory = |field: &str| -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", front.running.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let before = memory("VmHWM");
    let mut caller = front.wire().await;
    caller
        .write(format!("POST /upload HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {LENGTH}\r\n\r\n"))
        .await
        .unwrap();
    let piece = vec![7u8; 1 << 20];
    for _ in 0..LENGTH >> 20 {
        caller.write(&piece).await.unwrap();
    }
    let answer = text(&caller.rest(BOUND).await);
    assert!(answer.ends_with(&LENGTH.to_string()), "{answer}");
    assert!(memory("VmHWM") < before + (16 << 10), "{} KiB more", memory("VmHWM") - before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_may_take_longer_than_an_answer_but_not_stand_still() {
    let recorder = recorder().await;
    let settings = [("PLIMSOLL_SERVICE__ANSWER_TIMEOUT", "300ms"), ("PLIMSOLL_SERVICE__IDLE_TIMEOUT", "1s")];
    let front = Front::of(&recorder.url(), &settings).await;
    let mut caller = front.wire().await;
    caller.write("POST /slow HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    for _ in 0..8 {
        caller.write("1\r\na\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    caller.write("0\r\n\r\n").await.unwrap();
    assert_status(&text(&caller.rest(BOUND).await), 200);
    assert_eq!(only(&recorder).body, b"aaaaaaaa");

    let mut caller = front.wire().await;
    caller.write("POST /still HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 5\r\n\r\nab").await.unwrap();
    let answer = text(&caller.rest(BOUND).await);
    assert_status(&answer, 408);
    assert!(answer.contains("PLM-REQ-"), "it is the caller who owes the rest, however long the service may take: {answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_for_an_answer_begins_behind_the_upload() {
    let stage = Stage::open().await;
    let settings = [("PLIMSOLL_SERVICE__ANSWER_TIMEOUT", "300ms"), ("PLIMSOLL_RESILIENCE__ATTEMPT_TIMEOUT", "250ms")];
    let front = Front::of(&stage.url(), &settings).await;
    // The caller pauses for longer than an answer may take, the service answers at once.
    let mut caller = front.wire().await;
    caller.write("POST /paused HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nab").await.unwrap();
    let mut service = stage.accept().await;
    service.until(BOUND, |seen| seen.ends_with(b"ab")).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    caller.write("cd").await.unwrap();
    service.until(BOUND, |seen| seen.ends_with(b"cd")).await;
    service.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    assert_status(&text(&caller.until(BOUND, |seen| seen.ends_with(b"ok")).await), 200);
    // The same for a small body that is kept to be sent again.
    caller.write("GET /kept HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nab").await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    caller.write("cd").await.unwrap();
    service.until(BOUND, |seen| seen.ends_with(b"abcd")).await;
    service.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    assert_status(&text(&caller.until(BOUND, |seen| seen.ends_with(b"ok")).await), 200);
    // The service that has everything and says nothing is late, and one that takes nothing as well.
    caller.write("POST /silent HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab").await.unwrap();
    let late = text(&caller.rest(BOUND).await);
    assert_status(&late, 504);
    assert!(late.contains("PLM-UPS-003"), "{late}");
    let mut caller = front.wire().await;
    caller.write(format!("POST /stuck HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", 32 << 20)).await.unwrap();
    let piece = vec![7u8; 1 << 20];
    let full = async {
        for _ in 0..32 {
            if caller.write(&piece).await.is_err() {
                break;
            }
        }
    };
    // As much as the buffers on the way take, then nothing moves.
    let _ = tokio::time::timeout(Duration::from_secs(2), full).await;
    let late = text(&caller.until(BOUND, has_head).await);
    assert!(late.starts_with("HTTP/1.1 504 ") && late.contains("PLM-UPS-003"), "{late}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_head_is_said_to_be_the_services() {
    let stage = Stage::open().await;
    let settings = [("PLIMSOLL_SERVICE__ANSWER_TIMEOUT", "300ms")];
    let front = Front::of(&stage.url(), &settings).await;
    for _ in 0..5 {
        let late = front.get("/late", "").await;
        assert_status(&late, 504);
        assert!(late.contains("PLM-UPS-003"), "{late}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_stream_that_lies_still_is_cut_in_its_own_time() {
    let stage = Stage::open().await;
    let front = Front::of(&stage.url(), &[("PLIMSOLL_SERVICE__STREAM_IDLE_TIMEOUT", "100ms")]).await;
    let mut caller = front.wire().await;
    caller.write("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut service = stage.accept().await;
    service.until(BOUND, has_head).await;
    service.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n").await.unwrap();
    assert!(text(&caller.rest(BOUND).await).ends_with("1\r\na\r\n"));
    assert_eq!(service.rest(BOUND).await, b"", "the service's connection is ended too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_is_asked_before_a_body_that_waits_to_be_asked_for() {
    let stage = Stage::open().await;
    let settings = [("PLIMSOLL_RESILIENCE__SERVICE_HONOURS_KEYS", "true"), ("PLIMSOLL_RESILIENCE__BACKOFF", "1ms")];
    let front = Front::of(&stage.url(), &settings).await;
    let head = "PUT /asks HTTP/1.1\r\nhost: localhost\r\nidempotency-key: \"one\"\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    let mut caller = front.wire().await;
    caller.write(head).await.unwrap();
    // Refused without the body, and sent again: nothing was taken from the caller.
    let mut service = stage.accept().await;
    assert!(text(&service.until(BOUND, has_head).await).contains("expect: 100-continue"));
    service.write("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let mut again = stage.accept().await;
    assert!(text(&again.until(BOUND, has_head).await).contains("expect: 100-continue"));
    again.write("HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    assert!(text(&caller.until(BOUND, has_head).await).starts_with("HTTP/1.1 100 "));
    caller.write("ab").await.unwrap();
    again.until(BOUND, |seen| seen.ends_with(b"ab")).await;
    again.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    assert_status(&text(&caller.until(BOUND, |seen| seen.ends_with(b"ok")).await), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_beyond_the_limit_is_refused_however_it_is_told() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[("PLIMSOLL_SERVICE__BODY_LIMIT", "1KiB"), ("PLIMSOLL_SERVER__BODY_LIMIT", "1KiB")]).await;
    let refused = front
        .ask(format!("POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2000\r\n\r\n{}", "a".repeat(2000)))
        .await;
    assert_status(&refused, 413);
    let chunked = format!("7d0\r\n{}\r\n0\r\n\r\n", "a".repeat(2000));
    let refused =
        front.ask(format!("POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunked}")).await;
    assert_status(&refused, 413);
    assert!(recorder.take().iter().all(|seen| seen.fault.is_some()), "no whole request has arrived");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_declares_too_much_for_the_service_is_not_waited_for() {
    let recorder = recorder().await;
    // More is allowed elsewhere: the first look at the length cannot refuse it.
    let front = Front::of(&recorder.url(), &[("PLIMSOLL_SERVICE__BODY_LIMIT", "1KiB"), ("PLIMSOLL_SERVER__BODY_LIMIT", "1MiB")]).await;
    for length in [1025, 500_000] {
        let mut caller = front.wire().await;
        caller.write(format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n")).await.unwrap();
        assert_status(&text(&caller.until(BOUND, has_head).await), 413);
    }
    assert_eq!(recorder.connections(), 0, "the service hears nothing of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_behind_a_request_pass_unless_they_are_the_hosts() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[]).await;
    let body = "2\r\nok\r\n0\r\nx-sum: 7\r\nx-plimsoll-principal: usr_x\r\nauthorization: Basic dTpw\r\ncontent-length: 9\r\nx_real_ip: 6.6.6.6\r\n\r\n";
    let named = "x-sum, x-plimsoll-principal, authorization, content-length, x_real_ip";
    front
        .ask(format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\ntrailer: {named}\r\n\r\n{body}"
        ))
        .await;
    let seen = only(&recorder);
    assert_eq!((seen.body, seen.trailers), (b"ok".to_vec(), vec![("x-sum".to_owned(), "7".to_owned())]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_is_asked_for_before_the_request_was_accepted() {
    let stage = Stage::open().await;
    let rules = r#"{ "/private" = "admin" }"#;
    let front = Front::of(&stage.url(), &[("PLIMSOLL_ROUTES__RULES", rules)]).await;
    let ask = |path: &str| format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n");
    // The host refuses.
    let mut caller = front.wire().await;
    caller.write(ask("/private")).await.unwrap();
    let answer = text(&caller.until(BOUND, has_head).await);
    assert_status(&answer, 401);
    // The service agrees, and only then the caller is asked.
    let mut caller = front.wire().await;
    caller.write(ask("/agrees")).await.unwrap();
    let mut service = stage.accept().await;
    let head = text(&service.until(BOUND, has_head).await);
    assert!(head.to_lowercase().contains("expect: 100-continue"), "{head}");
    service.write("HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    assert_status(&text(&caller.until(BOUND, has_head).await), 100);
    caller.write("body").await.unwrap();
    assert_eq!(service.until(BOUND, |seen| seen.len() >= 4).await, b"body");
    service.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_status(&text(&caller.until(BOUND, has_head).await), 200);
    // The service refuses, and the body never leaves the caller.
    let mut caller = front.wire().await;
    caller.write(ask("/refuses")).await.unwrap();
    let mut service = match tokio::time::timeout(Duration::from_millis(500), stage.accept()).await {
        Ok(another) => another,
        Err(_) => service,
    };
    service.until(BOUND, has_head).await;
    service.write("HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let answer = text(&caller.until(BOUND, has_head).await);
    assert_status(&answer, 417);
    assert!(!answer.contains("100 Continue"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_may_answer_before_it_has_read_the_body() {
    let stage = Stage::open().await;
    let front = Front::of(&stage.url(), &[]).await;
    let mut caller = front.wire().await;
    caller.write("POST /early HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
    let mut service = stage.accept().await;
    service.until(BOUND, |seen| seen.ends_with(b"half")).await;
    service.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    assert_status(&text(&caller.until(BOUND, |seen| seen.ends_with(b"ok")).await), 200);
    caller.write("behind").await.unwrap();
    assert_eq!(service.until(BOUND, |seen| seen.len() >= 6).await, b"behind", "the rest still arrives");
    caller.write("GET /next HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let next = text(&service.until(BOUND, has_head).await);
    assert!(next.starts_with("GET /next "), "both connections are used again: {next}");
}
