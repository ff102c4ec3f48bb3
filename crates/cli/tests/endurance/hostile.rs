//! Clients that are slow, broken or greedy: each gets a bounded share, the others notice nothing.

use std::time::Duration;

use plimsoll_testkit::{
    Db, both,
    http::{Client, Wire, raw},
    process::Running,
    wait,
};

use crate::{
    BOUND,
    service::{Service, add, artists, binary, status_kib},
};

/// Where a piece of a trickle leaves every so often.
const PAUSE: Duration = Duration::from_millis(100);

/// A service that loses patience quickly.
async fn impatient() -> Service {
    let patience = [("HEADER_TIMEOUT", "1s"), ("BODY_TIMEOUT", "1s"), ("IDLE_TIMEOUT", "2s")];
    let plimsoll = patience.iter().fold(binary(), |plimsoll, (name, value)| plimsoll.env(format!("PLIMSOLL_SERVER__{name}"), value));
    Service::on(Db::Sqlite.ground(), plimsoll).await
}

fn head(key: &str, more: &str) -> String {
    format!("POST /v1/artists HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{more}\r\n")
}

fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no status in {text:?}"))
}

/// Fails unless the service works as before.
async fn is_well(running: &Running, client: &Client, name: &str) {
    running.client().get("/health/ready").await.expect(200);
    add(client, name).await.expect(201);
    assert_eq!(running.ended(), None);
}

#[test]
fn slow_headers_are_cut_off() {
    both::run(async {
        let service = impatient().await;
        let running = service.plimsoll.start().await;
        let (client, url) = (service.client(&running), running.url());
        let slow: Vec<_> = (0..50)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move {
                    let mut wire = Wire::open(&url).await;
                    let drip = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: {}", "a".repeat(100_000));
                    wire.trickle(drip, 1, PAUSE).await.unwrap();
                    wire.rest(BOUND).await
                })
            })
            .collect();
        is_well(&running, &client, "while headers drip").await;
        for one in slow {
            let answer = one.await.unwrap();
            assert!(answer.is_empty() || status(&answer) == 408, "{}", String::from_utf8_lossy(&answer));
        }
        is_well(&running, &client, "after").await;
    });
}

#[test]
fn a_slow_body_is_answered_408() {
    both::run(async {
        let service = impatient().await;
        let running = service.plimsoll.start().await;
        let body = format!("{{\"name\":\"{}\"}}", "a".repeat(100_000));
        for framing in [format!("content-length: {}\r\n", body.len()), "transfer-encoding: chunked\r\n".to_owned()] {
            let mut wire = Wire::open(&running.url()).await;
            wire.write(head(&service.key, &framing)).await.unwrap();
            wire.trickle(&body, 1, PAUSE).await.unwrap();
            let answer = wire.rest(BOUND).await;
            // A drip that is no chunk is broken before it is late.
            let expected = if framing.contains("chunked") { 400 } else { 408 };
            assert_eq!(status(&answer), expected, "{}", String::from_utf8_lossy(&answer));
        }
        is_well(&running, &service.client(&running), "after").await;
    });
}

#[test]
fn connections_beyond_the_limit_are_refused_and_idle_ones_make_room() {
    both::run(async {
        let service = impatient().await;
        let plimsoll = service.plimsoll.env("PLIMSOLL_SERVER__CONNECTIONS", "40").env("PLIMSOLL_SERVER__HEADER_TIMEOUT", "5s");
        let running = plimsoll.start().await;
        let mut idle = Vec::new();
        let refused = loop {
            let mut wire = Wire::open(&running.url()).await;
            wire.write("GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            let answer = wire.until(BOUND, |read| read.windows(4).any(|four| four == b"\r\n\r\n")).await;
            if status(&answer) != 200 {
                break answer;
            }
            idle.push(wire);
            assert!(idle.len() <= 40, "more than the limit were taken in");
        };
        let refused = String::from_utf8(refused).unwrap();
        assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after"), "{refused}");
        running.ops().get("/metrics").await.expect(200);
        // They lie unused until their time is over.
        wait::until(BOUND, || async { running.client().get("/health/live").attempt().await.is_ok_and(|reply| reply.code() == 200) }).await;
        for wire in &mut idle {
            wire.rest(BOUND).await;
        }
        assert_eq!(running.ended(), None);
    });
}

#[test]
fn what_is_not_http_is_refused_and_closed() {
    both::run(async {
        let service = impatient().await;
        let running = service.plimsoll.start().await;
        let get = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n";
        let cases: [(&str, String, &[u16]); 10] = [
            ("no request line", "hello\r\n\r\n".into(), &[400]),
            ("no version", "GET /\r\n\r\n".into(), &[400]),
            ("another protocol", "GET / HTTP/9.9\r\n\r\n".into(), &[400, 505]),
            ("a greeting in TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}".into(), &[400]),
            ("no host", "GET /v1/artists HTTP/1.1\r\nconnection: close\r\n\r\n".into(), &[400]),
            ("two lengths", format!("{get}content-length: 1\r\ncontent-length: 2\r\n\r\nab"), &[400]),
            ("a negative length", format!("{get}content-length: -1\r\n\r\n"), &[400]),
            ("a line folded", format!("{get}x-a: 1\r\n  2\r\nconnection: close\r\n\r\n"), &[400]),
            ("huge headers", format!("{get}x-a: {}\r\nconnection: close\r\n\r\n", "a".repeat(200 << 10)), &[431]),
            ("a header with a null byte", format!("{get}x-a: a\0b\r\n\r\n"), &[400]),
        ];
        for (name, bytes, expected) in cases {
            let answer = raw(&running.url(), bytes).await;
            assert!(expected.contains(&status(&answer)), "{name}: {}", String::from_utf8_lossy(&answer));
        }
        is_well(&running, &service.client(&running), "after").await;
    });
}

#[test]
fn nothing_hides_behind_a_request_with_length_and_chunks() {
    both::run(async {
        let service = impatient().await;
        let running = service.plimsoll.start().await;
        let hidden = head(&service.key, "content-length: 17\r\n") + "{\"name\":\"hidden\"}";
        let both = head(&service.key, "content-length: 4\r\ntransfer-encoding: chunked\r\n") + "0\r\n\r\n" + &hidden;
        let answer = String::from_utf8(raw(&running.url(), both).await).unwrap();
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "one answer, then the end: {answer}");
        assert!(status(answer.as_bytes()) >= 400, "{answer}");
        assert!(!artists(&service.client(&running)).await.contains_key("hidden"));
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    both::run(async {
        let service = impatient().await;
        let running = service.plimsoll.start().await;
        let paths = ["/health/live", "/nowhere", "/health/live", "/v1/artists"];
        let requests: String = paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).collect();
        let mut wire = Wire::open(&running.url()).await;
        wire.write(requests.repeat(25)).await.unwrap();
        wire.write("GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
        let answers = String::from_utf8(wire.rest(BOUND).await).unwrap();
        let statuses: Vec<&str> = answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]).collect();
        let expected: Vec<&str> = ["200", "404", "200", "401"].repeat(25).into_iter().chain(["200"]).collect();
        assert_eq!(statuses, expected);
    });
}

/// Sends ten megabytes; the status of the answer.
async fn send_too_much(running: &Running, key: &str, chunked: bool) -> u16 {
    let piece = vec![b'a'; 1 << 20];
    let mut wire = Wire::open(&running.url()).await;
    let framing = if chunked { "transfer-encoding: chunked\r\n".to_owned() } else { format!("content-length: {}\r\n", 10 << 20) };
    wire.write(head(key, &framing)).await.unwrap();
    for _ in 0..10 {
        let sent = if chunked {
            wire.write([format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat()).await
        } else {
            wire.write(&piece).await
        };
        if sent.is_err() {
            break;
        }
    }
    status(&wire.rest(BOUND).await)
}

async fn torment(running: &Running, key: &str) {
    for n in 0..20 {
        assert_eq!(send_too_much(running, key, n % 2 == 0).await, 413);
    }
    for _ in 0..200 {
        let mut wire = Wire::open(&running.url()).await;
        wire.write(head(key, "content-length: 500000\r\n") + "{\"name\":\"never").await.unwrap();
    }
    for _ in 0..100 {
        raw(&running.url(), "nonsense\r\n\r\n").await;
    }
}

#[test]
fn abuse_leaves_no_memory_and_no_data_behind() {
    both::run(async {
        let service = impatient().await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        add(&client, "before").await.expect(201);
        torment(&running, &service.key).await;
        let early = status_kib(running.pid(), "VmRSS");
        for _ in 0..3 {
            torment(&running, &service.key).await;
        }
        let late = status_kib(running.pid(), "VmRSS");
        println!("resident: {early} KiB after the first round of abuse, {late} KiB after the fourth");
        assert!(late < 3 * early.max(64 << 10), "memory grew from {early} to {late} KiB");
        is_well(&running, &client, "after").await;
        let found = artists(&client).await;
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["after", "before"]);
    });
}

#[test]
fn clients_that_never_read_their_answers_are_let_go() {
    both::run(async {
        let service = impatient().await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        add(&client, "before").await.expect(201);
        let before = status_kib(running.pid(), "VmRSS");
        let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", running.pid())).unwrap().count();
        let few = descriptors();
        let request = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(2000);
        let mut deaf = Vec::new();
        for _ in 0..20 {
            let mut wire = Wire::open(&running.url()).await;
            // As much as the server takes; it stops reading when nobody reads what it says.
            let _ = tokio::time::timeout(Duration::from_millis(200), wire.write(&request)).await;
            deaf.push(wire);
        }
        let held = status_kib(running.pid(), "VmRSS");
        println!("resident: {before} KiB before, {held} KiB while 20 clients do not read");
        assert!(held < 3 * before + (64 << 10), "memory grew from {before} to {held} KiB");
        is_well(&running, &client, "meanwhile").await;
        // The server hangs up without their help.
        wait::until(BOUND, || async { descriptors() < few + 5 }).await;
        for wire in &mut deaf {
            let answers = wire.rest(BOUND).await;
            assert!(answers.windows(9).filter(|nine| nine == b"HTTP/1.1 ").count() < 2000, "the answers were not cut off");
        }
        is_well(&running, &client, "after").await;
    });
}
