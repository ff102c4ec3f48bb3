//! Connections that stop being HTTP.

use plimsoll_testkit::{
    http::{Recorder, Stage, Wire},
    process::Signal,
};

use crate::front::{BOUND, Front, assert_status, has_head, only};

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\nsec-websocket-accept: x\r\n\r\n";

fn handshake(lines: &str) -> String {
    format!(
        "GET /socket HTTP/1.1\r\nhost: localhost:9\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-key: eA==\r\nsec-websocket-version: 13\r\n{lines}\r\n"
    )
}

async fn opened(front: &Front, stage: &Stage, lines: &str) -> (Wire, Wire) {
    let mut caller = front.wire().await;
    caller.write(handshake(lines)).await.unwrap();
    let mut service = stage.accept().await;
    let head = String::from_utf8_lossy(&service.until(BOUND, has_head).await).to_lowercase();
    assert!(head.contains("connection: upgrade\r\n") && head.contains("upgrade: websocket\r\n"), "{head}");
    assert!(head.contains("sec-websocket-key: ea==\r\n"), "{head}");
    service.write(SWITCHED).await.unwrap();
    let answer = String::from_utf8_lossy(&caller.until(BOUND, has_head).await).into_owned();
    assert_status(&answer, 101);
    assert!(answer.to_lowercase().contains("upgrade: websocket") && answer.contains("sec-websocket-accept: x"), "{answer}");
    (caller, service)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_go_both_ways_and_the_end_of_one_side_is_the_end_of_the_other() {
    let stage = Stage::open().await;
    let front = Front::of(&stage.url(), &[]).await;
    let (mut caller, mut service) = opened(&front, &stage, "origin: http://localhost:9\r\n").await;
    for round in 0..3 {
        let (there, back) = (format!("there {round}"), format!("back {round}"));
        caller.write(&there).await.unwrap();
        assert_eq!(service.until(BOUND, |seen| seen.len() >= there.len()).await, there.as_bytes());
        service.write(&back).await.unwrap();
        assert_eq!(caller.until(BOUND, |seen| seen.len() >= back.len()).await, back.as_bytes());
    }
    caller.finish().await.unwrap();
    assert_eq!(service.rest(BOUND).await, b"");
    service.write("last words").await.unwrap();
    drop(service);
    assert_eq!(caller.rest(BOUND).await, b"last words");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_opens_no_connection() {
    let recorder = Recorder::start(|_| b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()).await;
    let front = Front::of(&recorder.url(), &[("PLIMSOLL_CORS__ORIGINS", "https://friend.example")]).await;
    for origin in ["https://evil.example", "http://localhost", "http://localhost:8", "null", "http://localhost:9.evil.example", ""] {
        let mut caller = front.wire().await;
        caller.write(handshake(&format!("origin: {origin}\r\n"))).await.unwrap();
        let answer = String::from_utf8_lossy(&caller.until(BOUND, has_head).await).into_owned();
        assert_status(&answer, 403);
        assert!(answer.contains("application/problem+json"), "{origin}: {answer}");
    }
    assert_eq!(recorder.take(), []);
    for lines in ["", "origin: http://localhost:9\r\n", "origin: https://friend.example\r\n"] {
        let mut caller = front.wire().await;
        caller.write(handshake(lines)).await.unwrap();
        assert_status(&String::from_utf8_lossy(&caller.until(BOUND, has_head).await), 400);
        assert_eq!(only(&recorder).header("upgrade"), Some("websocket"), "the service was asked, and refused itself");
    }
    let mut caller = front.wire().await;
    caller.write(handshake("origin: http://localhost:9\r\norigin: https://evil.example\r\n")).await.unwrap();
    assert_status(&String::from_utf8_lossy(&caller.until(BOUND, has_head).await), 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_needs_the_same_permission_as_any_request() {
    let recorder = Recorder::start(|_| Vec::new()).await;
    let front = Front::of(&recorder.url(), &[("PLIMSOLL_ROUTES__DEFAULT", "authenticated")]).await;
    let mut caller = front.wire().await;
    caller.write(handshake("origin: http://localhost:9\r\n")).await.unwrap();
    assert_status(&String::from_utf8_lossy(&caller.until(BOUND, has_head).await), 401);
    assert_eq!(recorder.take(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_named_protocols_are_asked_for_and_no_other_is_taken() {
    let recorder = Recorder::start(|seen| match seen.header("upgrade") {
        Some(_) => b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n".to_vec(),
        None => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(),
    })
    .await;
    let front = Front::of(&recorder.url(), &[]).await;
    for upgrade in ["h2c", "h2c, websocket", "websocket, h2c", "tcp"] {
        let lines = format!("connection: upgrade\r\nupgrade: {upgrade}\r\n");
        assert_status(&front.ask(format!("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n")).await, 200);
        assert_eq!(only(&recorder).header("upgrade"), None, "{upgrade}");
    }
    // It was asked for one protocol and switched to another.
    let mut caller = front.wire().await;
    caller.write(handshake("")).await.unwrap();
    assert_status(&String::from_utf8_lossy(&caller.until(BOUND, has_head).await), 502);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_lies_still_is_ended_on_both_sides() {
    let stage = Stage::open().await;
    let front = Front::of(&stage.url(), &[("PLIMSOLL_SERVICE__STREAM_IDLE_TIMEOUT", "200ms")]).await;
    let (mut caller, mut service) = opened(&front, &stage, "").await;
    assert_eq!((caller.rest(BOUND).await, service.rest(BOUND).await), (Vec::new(), Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_host_stops_a_socket_is_closed_between_two_frames() {
    let stage = Stage::open().await;
    let front = Front::of(&stage.url(), &[]).await;
    let (mut caller, mut service) = opened(&front, &stage, "").await;
    service.write(b"\x81\x0ahalf ").await.unwrap();
    assert_eq!(caller.until(BOUND, |seen| seen.len() >= 7).await, b"\x81\x0ahalf ");
    front.running.signal(Signal::Term);
    service.write(b"there\x81\x01x").await.unwrap();
    let farewell = caller.until(BOUND, |seen| seen.ends_with(&[0x88, 2, 0x03, 0xe9])).await;
    assert!(farewell.starts_with(b"there"), "{farewell:?}");
    // The caller's goodbye reaches the service, which closes.
    caller.write(b"\x88\x82\0\0\0\0\x03\xe9").await.unwrap();
    service.until(BOUND, |seen| seen.ends_with(b"\x03\xe9")).await;
    drop(service);
    caller.rest(BOUND).await;
    drop(caller);
    assert!(front.running.wait().await.success(), "drained, not cut");
}
