//! HTTP/2 on the caller's side, frame by frame: what it carries becomes one plain request or none.

use plimsoll_testkit::http::Wire;

use crate::front::{BOUND, Front, only, recorder};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A block of literal fields, never indexed, without Huffman coding (RFC 7541 §6.2.3).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0x10);
        for text in [name, value] {
            assert!(text.len() < 127);
            out.push(u8::try_from(text.len()).unwrap());
            out.extend(text.as_bytes());
        }
    }
    out
}

const PLAIN: [(&str, &str); 4] = [(":method", "POST"), (":scheme", "http"), (":path", "/seen"), (":authority", "localhost")];

fn request(fields: &[(&str, &str)], body: Option<&str>) -> Vec<u8> {
    let flags = if body.is_some() { END_HEADERS } else { END_HEADERS | END_STREAM };
    let mut out = frame(HEADERS, flags, 1, &block(fields));
    if let Some(body) = body {
        out.extend(frame(DATA, END_STREAM, 1, body.as_bytes()));
    }
    out
}

/// The frames in what was read: kind, flags, stream, payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, u32, Vec<u8>)> {
    let mut found = Vec::new();
    while bytes.len() >= 9 {
        let length = usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]);
        let Some(payload) = bytes.get(9..9 + length) else { break };
        let stream = u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]) & 0x7fff_ffff;
        found.push((bytes[3], bytes[4], stream, payload.to_vec()));
        bytes = &bytes[9 + length..];
    }
    found
}

/// Whether the stream has ended in one way or another.
fn ended(bytes: &[u8]) -> bool {
    frames(bytes).iter().any(|(kind, flags, stream, _)| {
        (*stream == 1 && (*kind == RESET || (matches!(*kind, HEADERS | DATA) && flags & END_STREAM != 0))) || *kind == GOAWAY
    })
}

async fn ask(front: &Front, bytes: &[u8]) -> Vec<u8> {
    let mut wire = Wire::open(&front.running.url()).await;
    let mut all = PREFACE.to_vec();
    all.extend(frame(SETTINGS, 0, 0, &[]));
    all.extend(bytes);
    let _ = wire.write(&all).await;
    wire.until(BOUND, ended).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_two_reaches_a_service_that_speaks_one() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[]).await;
    let mut fields = PLAIN.to_vec();
    fields.extend([("te", "trailers"), ("cookie", "a=1"), ("cookie", "b=2"), ("x-plimsoll-role", "owner"), ("x_forwarded_for", "6.6.6.6")]);
    let answer = ask(&front, &request(&fields, Some("hello"))).await;
    assert!(frames(&answer).iter().any(|(kind, _, _, payload)| *kind == DATA && payload == b"ok"), "{:?}", frames(&answer));
    let seen = only(&recorder);
    assert_eq!((seen.line.as_str(), seen.header("host"), &seen.body[..]), ("POST /seen HTTP/1.1", Some("localhost"), &b"hello"[..]));
    assert_eq!((seen.header("x-plimsoll-role"), seen.header("te")), (None, Some("trailers")));
    assert_eq!((seen.header("x-forwarded-for"), seen.header("transfer-encoding")), (Some("127.0.0.1"), Some("chunked")));
    ask(&front, &request(&PLAIN, None)).await;
    assert_eq!(only(&recorder).header("content-length"), Some("0"), "a service need not guess whether something follows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tricks_with_fields_reach_nobody() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[]).await;
    let with = |more: &[(&'static str, &'static str)]| -> Vec<(&'static str, &'static str)> { PLAIN.iter().chain(more).copied().collect() };
    let instead = |at: usize, value: &'static str| {
        let mut fields = PLAIN.to_vec();
        fields[at].1 = value;
        fields
    };
    let table: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("a line end in a value", with(&[("x-a", "b\r\nx-plimsoll-role: owner")])),
        ("a line feed in a value", with(&[("x-a", "b\nGET /hidden HTTP/1.1")])),
        ("a zero in a value", with(&[("x-a", "b\0c")])),
        ("a line end in a name", with(&[("x-a: b\r\nx-b", "c")])),
        ("a colon in a name", with(&[("x-a:b", "c")])),
        ("a space in a name", with(&[("x a", "c")])),
        ("large letters in a name", with(&[("X-A", "b")])),
        ("connection", with(&[("connection", "keep-alive")])),
        ("transfer-encoding", with(&[("transfer-encoding", "chunked")])),
        ("upgrade", with(&[("upgrade", "websocket")])),
        ("keep-alive", with(&[("keep-alive", "1")])),
        ("proxy-connection", with(&[("proxy-connection", "close")])),
        ("te without trailers", with(&[("te", "gzip")])),
        ("a path with a line end", instead(2, "/seen HTTP/1.1\r\nx: y")),
        ("a path with a space", instead(2, "/seen /x")),
        ("a path that is none", instead(2, "seen")),
        ("an empty path", instead(2, "")),
        ("a method with a space", instead(0, "GET /hidden HTTP/1.1\r\nx:")),
        ("a scheme that is text", instead(1, "http://localhost/hidden?")),
        ("an authority with a path", instead(3, "localhost/hidden")),
        ("an authority with a name before it", instead(3, "localhost@evil.example")),
        ("another host beside the authority", with(&[("host", "evil.example")])),
        ("two methods", with(&[(":method", "GET")])),
        ("two paths", with(&[(":path", "/hidden")])),
        ("a pseudo field behind the others", with(&[("x-a", "b"), (":path", "/hidden")])),
        ("an unknown pseudo field", with(&[(":x", "y")])),
        ("an answer's pseudo field", with(&[(":status", "200")])),
        ("no method", PLAIN[1..].to_vec()),
        ("no path", vec![PLAIN[0], PLAIN[1], PLAIN[3]]),
        ("two lengths", with(&[("content-length", "5"), ("content-length", "6")])),
        ("a length that is too long", with(&[("content-length", "50")])),
        ("a length that is too short", with(&[("content-length", "1")])),
        ("a length that is none", with(&[("content-length", "+5")])),
        ("connect to somewhere", vec![(":method", "CONNECT"), (":authority", "127.0.0.1:22")]),
        ("dots in the path", instead(2, "/x/../seen")),
    ];
    for (name, fields) in table {
        let answer = ask(&front, &request(&fields, Some("hello"))).await;
        let arrived = recorder.take();
        assert!(arrived.iter().all(|seen| seen.fault.is_some()), "{name}: {arrived:#?}");
        let passed = frames(&answer).iter().any(|(kind, _, _, payload)| *kind == DATA && payload == b"ok");
        assert!(!passed, "{name}: {:?}", frames(&answer));
    }
    // A length beside the end of the stream.
    ask(&front, &request(&with(&[("content-length", "5")]), None)).await;
    assert_eq!(recorder.take(), []);
}
