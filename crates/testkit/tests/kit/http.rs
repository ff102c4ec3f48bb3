use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use plimsoll_testkit::{
    free_port,
    http::{Client, Wire, raw},
};
use serde_json::json;
use tokio::net::TcpListener;

use super::BOUND;

/// A server that answers with what it was sent, as JSON; its URL and its count of connections.
async fn mirror() -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound address"));
    let connections = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(Duration::from_millis(300));
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service_fn(reflect)));
        }
    });
    (url, connections)
}

async fn reflect(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let headers: Vec<String> =
        head.headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect();
    let answer = json!({
        "line": format!("{} {}", head.method, head.uri),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    let status = head.uri.path().trim_start_matches('/').parse().unwrap_or(200);
    if status == 999 {
        std::future::pending::<()>().await;
    }
    Ok(Response::builder()
        .status(status)
        .header("x-mirror", "yes")
        .body(Full::new(answer.to_string().into()))
        .expect("a status between 100 and 999"))
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_built() {
    let client = Client::new(mirror().await.0);
    let reply = client
        .post("/201?q=a%20b")
        .bearer("plm_x")
        .key("k-1")
        .header("X-Two", "1")
        .header("x-two", "2")
        .json(json!({ "b": 1, "a": 2 }))
        .await;

    assert_eq!((reply.code(), reply.header("x-mirror"), reply.header("none")), (201, Some("yes"), None));
    assert_eq!(reply.str("/line"), "POST /201?q=a%20b");
    assert_eq!(reply.str("/body"), r#"{"b":1,"a":2}"#);
    let headers = reply.at("/headers");
    for expected in ["authorization: Bearer plm_x", "idempotency-key: k-1", "x-two: 1", "x-two: 2", "content-type: application/json"] {
        assert!(headers.as_array().unwrap().contains(&expected.into()), "{expected} is not in {headers}");
    }
}

#[tokio::test]
async fn a_client_may_show_the_same_key_every_time_and_another_once() {
    let client = Client::new(mirror().await.0).with_bearer("one");
    let shown = async |request: plimsoll_testkit::http::Request| {
        let headers = request.await.at("/headers").to_string();
        (headers.contains("Bearer one"), headers.contains("Bearer two"))
    };
    assert_eq!(shown(client.get("/")).await, (true, false));
    assert_eq!(shown(client.get("/").bearer("two")).await, (false, true));
}

#[tokio::test]
async fn requests_one_after_another_share_a_connection() {
    let (url, connections) = mirror().await;
    let client = Client::new(url);
    for _ in 0..5 {
        client.get("/").await.expect(200);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_went_wrong_is_said_in_one_line_with_the_request() {
    let port = free_port();
    let why = Client::new(format!("http://127.0.0.1:{port}")).get("/x").attempt().await.unwrap_err();
    assert!(why.starts_with(&format!("GET http://127.0.0.1:{port}/x: ")) && why.contains("refused"), "{why}");

    let client = Client::new(mirror().await.0);
    let why = client.get("/999").within(Duration::from_millis(50)).attempt().await.unwrap_err();
    assert!(why.ends_with("no whole reply within 50ms"), "{why}");
    let why = client.get("/").header("x-bad", "a\nb").attempt().await.unwrap_err();
    assert!(why.ends_with("the value of x-bad cannot be sent"), "{why}");
}

#[tokio::test]
async fn raw_bytes_are_sent_as_they_are_and_read_to_the_end() {
    let (url, _) = mirror().await;
    let refused = raw(&url, "GARBAGE\r\n\r\n").await;
    assert!(refused.starts_with(b"HTTP/1.1 400 Bad Request"), "{}", String::from_utf8_lossy(&refused));

    let answer = raw(&url, "GET /odd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(String::from_utf8_lossy(&answer).contains(r#""line":"GET /odd""#));
}

#[tokio::test]
async fn a_body_may_trickle() {
    let mut wire = Wire::open(&mirror().await.0).await;
    wire.write("POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nconnection: close\r\n\r\n").await.unwrap();
    assert_eq!(wire.trickle("0123456789", 3, Duration::from_millis(5)).await.unwrap(), 10);

    let answer = wire.rest(BOUND).await;
    assert!(String::from_utf8_lossy(&answer).contains(r#""body":"0123456789""#));
}

#[tokio::test]
async fn a_trickle_ends_where_the_server_loses_patience() {
    let mut wire = Wire::open(&mirror().await.0).await;
    let head = format!("GET / HTTP/1.1\r\nx-endless: {}", "a".repeat(3_000));
    let sent = wire.trickle(&head, 1, Duration::from_millis(10)).await.unwrap();
    assert!(sent < head.len());
}

#[tokio::test]
async fn an_answer_can_be_awaited_on_an_open_connection() {
    let mut wire = Wire::open(&mirror().await.0).await;
    for _ in 0..2 {
        wire.write("GET /again HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let answer = wire.until(BOUND, |bytes| bytes.ends_with(b"}")).await;
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    }
}
