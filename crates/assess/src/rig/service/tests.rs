//! The service does what its table says: a probe that trusts it must not be misled by it.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

async fn connect(service: &Service) -> TcpStream {
    TcpStream::connect(service.base.trim_start_matches("http://")).await.unwrap()
}

/// Sends a request for a closed connection and reads everything.
async fn ask(service: &Service, head: &str, body: &str) -> String {
    let mut stream = connect(service).await;
    let head = format!("{head} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    until_end(stream).await
}

async fn until_end(mut stream: TcpStream) -> String {
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(LIMIT, stream.read_to_end(&mut heard)).await.expect("the connection ends");
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn what_arrives_is_told_and_remembered_by_key() {
    let service = Service::start().await.unwrap();
    let answer = ask(&service, "POST /a/echo/x%2Fy?key=one", "hello").await;
    assert!(answer.contains("\"target\":\"/a/echo/x%2Fy?key=one\"") && answer.contains("\"body\":\"hello\""), "{answer}");
    let seen = service.seen("one");
    assert_eq!((seen.len(), seen[0].method.as_str(), seen[0].body.as_str(), seen[0].length), (1, "POST", "hello", 5));
    assert_eq!(seen[0].header("Host"), Some("a"));
    assert!(service.seen("two").is_empty());
}

#[tokio::test]
async fn an_effect_counts_once_for_each_arrival_also_where_the_answer_never_comes() {
    let service = Service::start().await.unwrap();
    assert!(ask(&service, "POST /effect?key=k", "").await.contains("\"effect\":1"));
    assert_eq!(ask(&service, "POST /effect-then-reset?key=k", "").await, "");
    assert_eq!(service.effects("k"), 2);
    assert_eq!(ask(&service, "GET /reset?key=k", "").await, "");
    assert_eq!((service.effects("k"), service.arrivals("k")), (2, 3));
}

#[tokio::test]
async fn half_an_answer_is_half_an_answer_and_raw_bytes_stay_raw() {
    let service = Service::start().await.unwrap();
    let half = ask(&service, "GET /half", "").await;
    assert!(half.contains("content-length: 1000") && half.ends_with(&"h".repeat(500)) && !half.contains(&"h".repeat(501)));
    assert_eq!(ask(&service, "POST /raw", "HTTP/1.1 299 Odd\r\n\r\n").await, "HTTP/1.1 299 Odd\r\n\r\n");
    assert!(ask(&service, "GET /early?status=418", "").await.starts_with("HTTP/1.1 418 "));
    assert!(ask(&service, "GET /nothing", "").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_held_key_waits_for_its_release_and_notices_who_leaves() {
    let service = Service::start().await.unwrap();
    service.hold("k");
    let mut first = connect(&service).await;
    first.write_all(b"GET /echo?key=k HTTP/1.1\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(service.holding("k", 1, LIMIT).await);
    let mut second = connect(&service).await;
    second.write_all(b"GET /echo?key=k HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(service.holding("k", 2, LIMIT).await);
    drop(second);
    assert!(service.deserted("k", 1, LIMIT).await);
    service.release("k");
    let mut heard = [0u8; 12];
    first.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"HTTP/1.1 200");
    service.ail("k", Some(503));
    assert!(ask(&service, "GET /echo?key=k", "").await.starts_with("HTTP/1.1 503 "));
}

#[tokio::test]
async fn events_of_a_held_key_stop_after_the_first() {
    let service = Service::start().await.unwrap();
    service.hold("k");
    let mut stream = connect(&service).await;
    stream.write_all(b"GET /drip?n=2&key=k HTTP/1.1\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    while !heard.contains("data: 1") {
        let mut piece = [0u8; 512];
        let count = stream.read(&mut piece).await.unwrap();
        heard.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    assert!(!heard.contains("data: 2"));
    service.release("k");
    assert!(until_end(stream).await.contains("data: 2"));
}

#[tokio::test]
async fn a_body_in_chunks_is_counted_while_it_comes() {
    let service = Service::start().await.unwrap();
    let mut stream = connect(&service).await;
    stream.write_all(b"POST /upload?key=k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await.unwrap();
    assert!(service.received("k", 3, LIMIT).await);
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = until_end(stream).await;
    // SHA-256 of "abc", FIPS 180-2 appendix B.1.
    assert!(answer.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{answer}");
    assert!(answer.contains("\"length\":3"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_may_be_kept_says_what_was_asked_and_counts() {
    let service = Service::start().await.unwrap();
    let first = ask(&service, "GET /cacheable?key=k&max_age=60&swr=5&etag=a&vary=Accept", "").await;
    for part in ["cache-control: max-age=60, stale-while-revalidate=5\r\n", "etag: \"a\"\r\n", "vary: Accept\r\n", "\"number\":1"] {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert!(ask(&service, "GET /cacheable?key=k", "").await.contains("\"number\":2"));
}

#[tokio::test]
async fn a_refusing_service_takes_no_connection_breaks_those_there_are_and_comes_back_on_its_port() {
    let service = Service::start().await.unwrap();
    let open = connect(&service).await;
    service.refuse(true).await;
    assert_eq!(until_end(open).await, "");
    let address = service.base.trim_start_matches("http://").to_owned();
    let refused = TcpStream::connect(&address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    service.refuse(false).await;
    assert!(ask(&service, "GET /echo", "").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_socket_says_everything_again_until_it_is_closed() {
    let service = Service::start().await.unwrap();
    let mut stream = connect(&service).await;
    let head = "GET /socket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&frame(1, b"hello", Some([1, 2, 3, 4]))).await.unwrap();
    stream.write_all(&frame(8, b"", Some([1, 2, 3, 4]))).await.unwrap();
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(LIMIT, stream.read_to_end(&mut heard)).await.expect("the connection ends");
    let end = heard.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let said = String::from_utf8_lossy(&heard[..end]).into_owned();
    assert!(said.starts_with("HTTP/1.1 101 ") && said.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{said}");
    assert_eq!(heard[end..], [frame(1, b"hello", None), frame(8, b"", None)].concat());
}
