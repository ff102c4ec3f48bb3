//! Answers: passed on in one form, and never shorter than they say.

use plimsoll_testkit::http::{Client, Recorder};

use crate::front::{Front, assert_status};

/// A service that answers by path: what stands here, byte for byte.
async fn service() -> Recorder {
    Recorder::start(|seen| {
        let path = seen.line.split(' ').nth(1).unwrap_or_default();
        match path {
            "/old" => "HTTP/1.0 200 OK\r\nserver: old/1\r\nx-powered-by: age\r\n\r\nold words\r\nconnection: close",
            "/old-length" => "HTTP/1.0 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nold",
            "/nothing" => "HTTP/1.1 204 No Content\r\n\r\n",
            "/same" => "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\ncontent-length: 10\r\n\r\n",
            "/head" => "HTTP/1.1 200 OK\r\ncontent-length: 12345\r\n\r\n",
            "/hints" => "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "/hop" => "HTTP/1.1 200 OK\r\nconnection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\nx-kept: 1\r\ncontent-length: 0\r\n\r\n",
            "/cookies" => "HTTP/1.1 200 OK\r\nset-cookie: a=1; Path=/\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n",
            "/twice" => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
            "/twice-the-same" => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
            "/short" => "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort (connection: close)",
            "/long" => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
            "/both" => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "/coded" => "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "/identity" => "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
            "/broken-chunk" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloXXXX (connection: close)",
            "/half" => "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nhalf",
            "/half-chunks" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nhello\r\n",
            "/switch" => "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nraw",
            "/rubbish" => "SSH-2.0-OpenSSH_9\r\n\r\n",
            "/reset" => "",
            "/trailers" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum, grpc-status\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\ngrpc-status: 0\r\n\r\n",
            "/place" => return place(seen.header("host").unwrap_or_default()),
            _ => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain",
        }
        .into()
    })
    .await
}

fn place(own: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: http://{own}/next?a=b\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_one_form() {
    let service = service().await;
    let front = Front::of(&service.url(), &[]).await;
    let old = front.get("/old", "").await;
    assert_status(&old, 200);
    assert!(old.contains("old words") && !old.contains("old/1") && !old.to_lowercase().contains("powered"), "{old}");
    assert_status(&front.get("/old-length", "").await, 200);
    let nothing = front.get("/nothing", "").await;
    assert_status(&nothing, 204);
    assert!(nothing.ends_with("\r\n\r\n") && !nothing.contains("content-length") && !nothing.contains("transfer-encoding"), "{nothing}");
    let same = front.get("/same", "").await;
    assert_status(&same, 304);
    assert!(same.ends_with("\r\n\r\n") && !same.contains("transfer-encoding"), "{same}");
    let head = front.ask("HEAD /head HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert_status(&head, 200);
    assert!(head.contains("content-length: 12345\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let hints = front.get("/hints", "").await;
    assert_status(&hints, 200);
    assert!(hints.ends_with("ok"), "{hints}");
    let hop = front.get("/hop", "").await;
    for gone in ["x-hop", "keep-alive:", "proxy-authenticate"] {
        assert!(!hop.contains(gone), "{gone}: {hop}");
    }
    assert!(hop.contains("x-kept: 1"), "{hop}");
    let cookies = front.get("/cookies", "").await;
    assert!(cookies.contains("set-cookie: a=1; Path=/\r\n") && cookies.contains("set-cookie: b=2\r\n"), "{cookies}");
    assert!(front.get("/twice-the-same", "").await.ends_with("\r\n\r\nok"));
    let both = front.get("/both", "").await;
    assert!(both.contains("hello") && !both.contains("content-length"), "{both}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_understood_is_a_problem() {
    let service = service().await;
    let front = Front::of(&service.url(), &[]).await;
    for path in ["/twice", "/coded", "/identity", "/rubbish", "/reset", "/switch"] {
        let answer = front.get(path, "").await;
        assert_status(&answer, 502);
        assert!(answer.contains("application/problem+json") && !answer.contains("SSH") && !answer.contains("raw"), "{path}: {answer}");
    }
    assert!(front.get("/plain", "").await.ends_with("plain"), "the next request is not disturbed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_lies_about_its_length_is_cut_and_its_connection_not_used_again() {
    let service = service().await;
    let front = Front::of(&service.url(), &[]).await;
    let client = Client::new(front.running.url());
    for path in ["/half", "/half-chunks", "/broken-chunk"] {
        let why = client.get(path).attempt().await.expect_err(path);
        assert!(why.contains("body") || why.contains("closed") || why.contains("end of file"), "{path}: {why}");
    }
    // What is longer than it says must not become the answer to somebody else.
    let alone = Client::new(front.running.url());
    for _ in 0..20 {
        assert_eq!(alone.get("/long").await.text(), "ok");
        assert_eq!(alone.get("/plain").await.text(), "plain");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_services_own_address_is_not_shown_to_callers() {
    let service = service().await;
    let own = Front::of(&service.url(), &[("PLIMSOLL_SERVICE__HOST_HEADER", "service")]).await;
    let answer = own.get("/place", "").await;
    assert!(answer.contains("location: /next?a=b\r\n"), "{answer}");
    let callers = Front::of(&service.url(), &[]).await;
    let answer = callers.get("/place", "").await;
    assert!(answer.contains("location: http://localhost/next?a=b\r\n"), "another address is the service's word: {answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_behind_a_body_reach_those_who_take_them() {
    let service = service().await;
    let front = Front::of(&service.url(), &[]).await;
    let answer = front.get("/trailers", "te: trailers\r\n").await;
    assert!(answer.contains("x-sum: 7\r\n") && answer.contains("grpc-status: 0\r\n"), "{answer}");
    let answer = front.get("/trailers", "").await;
    assert!(!answer.contains("x-sum: 7"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_the_service_are_used_again() {
    let service = service().await;
    let front = Front::of(&service.url(), &[]).await;
    let client = Client::new(front.running.url());
    for _ in 0..30 {
        assert_eq!(client.get("/plain").await.text(), "plain");
    }
    assert_eq!(service.connections(), 1);
}
