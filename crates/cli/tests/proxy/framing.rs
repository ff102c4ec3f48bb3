//! Requests that two servers could cut in different places: whatever is sent, the service sees one
//! well-formed request, or none, and never the one that was hidden.

use crate::front::{BOUND, Front, only, recorder};

/// What becomes of an attack.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Fate {
    /// Nothing reaches the service.
    Refused,
    /// One request reaches it, and its body is this.
    One(&'static str),
}
use Fate::{One, Refused};

/// Ends the connection where a request before it left it open.
const END: &str = "GET /end HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn post(lines: &str, rest: &str) -> Vec<u8> {
    format!("POST /seen HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n{rest}").into_bytes()
}

/// Name, bytes, fate. Where one request may pass, `GET /hidden` behind it is a request of its own only
/// if it truly stands behind the end of the first.
fn attacks() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    let mut table = vec![
        // Both lengths: chunks win, the connection ends, nothing behind is read.
        ("cl.te", post("content-length: 5\r\ntransfer-encoding: chunked\r\n", &format!("0\r\n\r\n{HIDDEN}")), One("")),
        ("te.cl", post("transfer-encoding: chunked\r\ncontent-length: 5\r\n", &format!("{chunked}{HIDDEN}")), One("hello")),
        ("cl.te with a large length", post("content-length: 500\r\ntransfer-encoding: chunked\r\n", &format!("{chunked}{HIDDEN}")), One("hello")),
        // Lengths.
        ("two lengths", post("content-length: 5\r\ncontent-length: 6\r\n", "hello!"), Refused),
        ("two lengths in one line", post("content-length: 5, 6\r\n", "hello!"), Refused),
        ("a signed length", post("content-length: +5\r\n", "hello"), Refused),
        ("a negative length", post("content-length: -5\r\n", "hello"), Refused),
        ("a hexadecimal length", post("content-length: 0x5\r\n", "hello"), Refused),
        ("a length with a space in it", post("content-length: 5 5\r\n", "hello"), Refused),
        ("no length in the line", post("content-length:\r\n", ""), Refused),
        ("a length beyond numbers", post("content-length: 99999999999999999999999\r\n", "hello"), Refused),
        ("a length that ends in a letter", post("content-length: 5e\r\n", "hello"), Refused),
        ("two spellings of one length", post("content-length: 5\r\ncontent-length: 05\r\n", "hello"), One("hello")),
        // Codings.
        ("xchunked", post("transfer-encoding: xchunked\r\n", chunked), Refused),
        ("chunked, identity", post("transfer-encoding: chunked, identity\r\n", chunked), Refused),
        ("identity, chunked", post("transfer-encoding: identity, chunked\r\n", chunked), Refused),
        ("gzip, chunked", post("transfer-encoding: gzip, chunked\r\n", chunked), Refused),
        ("chunked, chunked", post("transfer-encoding: chunked, chunked\r\n", chunked), Refused),
        ("chunked twice", post("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", chunked), Refused),
        ("chunked then another", post("transfer-encoding: chunked\r\ntransfer-encoding: x\r\n", chunked), Refused),
        ("another then chunked", post("transfer-encoding: x\r\ntransfer-encoding: chunked\r\n", chunked), Refused),
        ("chunked in quotes", post("transfer-encoding: \"chunked\"\r\n", chunked), Refused),
        ("chunked with a parameter", post("transfer-encoding: chunked;q=1\r\n", chunked), Refused),
        ("nothing", post("transfer-encoding:\r\n", chunked), Refused),
        ("identity with a length", post("transfer-encoding: identity\r\ncontent-length: 5\r\n", "hello"), Refused),
        ("large letters", post("Transfer-Encoding: ChUnKeD\r\n", chunked), One("hello")),
        ("a tab in front", post("transfer-encoding:\tchunked\r\n", chunked), One("hello")),
        ("a space behind", post("transfer-encoding: chunked \r\n", chunked), One("hello")),
        ("a vertical tab", post("transfer-encoding: \u{b}chunked\r\n", chunked), Refused),
        ("a space before the colon", post("transfer-encoding : chunked\r\n", chunked), Refused),
        ("a folded line", post("transfer-encoding:\r\n chunked\r\n", chunked), Refused),
        ("a folded length", post("content-length: 5\r\n 0\r\n", "hello"), Refused),
        ("a name with a space", post("x y: 1\r\ncontent-length: 5\r\n", "hello"), Refused),
        ("a line without a colon", post("transfer-encoding\r\ncontent-length: 5\r\n", "hello"), Refused),
        ("a zero byte in a value", post("x: a\0b\r\ncontent-length: 5\r\n", "hello"), Refused),
        ("a lone CR in a value", post("x: a\rtransfer-encoding: chunked\r\ncontent-length: 5\r\n", "hello"), Refused),
        ("with an underscore", post("transfer_encoding: chunked\r\ncontent-length: 5\r\n", "hello"), One("hello")),
        ("a length with an underscore", post("content_length: 50\r\ncontent-length: 5\r\n", "hello"), One("hello")),
        ("named in Connection", post("connection: close, transfer-encoding\r\ntransfer-encoding: chunked\r\n", chunked), One("hello")),
        ("a length named in Connection", post("connection: close, content-length\r\ncontent-length: 5\r\n", "hello"), One("hello")),
        // Chunks.
        ("an extension", post("transfer-encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n"), One("hello")),
        ("an extension with a lone LF", post("transfer-encoding: chunked\r\n", "5;a\nxx\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a size with 0x", post("transfer-encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a size beyond numbers", post("transfer-encoding: chunked\r\n", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a negative size", post("transfer-encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a size that ends in LF", post("transfer-encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n"), Refused),
        ("a chunk without its end", post("transfer-encoding: chunked\r\n", "5\r\nhelloXX0\r\n\r\n"), Refused),
        ("a chunk that is longer than it says", post("transfer-encoding: chunked\r\n", "3\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a hidden request behind a short chunk", post("transfer-encoding: chunked\r\n", &format!("1\r\n{HIDDEN}\r\n0\r\n\r\n")), Refused),
        // Lines and versions.
        ("lines that end in LF", b"POST /seen HTTP/1.1\nhost: localhost\ncontent-length: 5\nconnection: close\n\nhello".to_vec(), One("hello")),
        ("HTTP/1.0 with chunks", format!("POST /seen HTTP/1.0\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{chunked}").into_bytes(), Refused),
        ("HTTP/1.2", b"GET /seen HTTP/1.2\r\nhost: localhost\r\n\r\n".to_vec(), Refused),
        ("HTTP/0.9", b"GET /seen\r\n\r\n".to_vec(), Refused),
        ("two spaces in the first line", b"GET  /seen HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(), Refused),
        ("two hosts", b"GET /seen HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec(), Refused),
        ("a host and a target that differ", b"GET http://other.example/seen HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec(), Refused),
        ("a target that is another address", b"GET http://localhost@other.example/seen HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec(), Refused),
        ("CONNECT", b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: 127.0.0.1:22\r\nconnection: close\r\n\r\n".to_vec(), Refused),
        ("TRACE", b"TRACE /seen HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec(), Refused),
        ("h2c", b"GET /seen HTTP/1.1\r\nhost: localhost\r\nconnection: close, Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n".to_vec(), One("")),
        ("a body behind HEAD", b"HEAD /seen HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello".to_vec(), One("hello")),
        ("chunks behind GET", format!("GET /seen HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{chunked}").into_bytes(), One("hello")),
        ("a length behind GET", b"GET /seen HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello".to_vec(), One("hello")),
    ];
    // The same hidden request with every way to write a coding that some server overlooks.
    for (name, line) in [
        ("te: a tab behind", "transfer-encoding: chunked\t"),
        ("te: two commas", "transfer-encoding: ,chunked"),
        ("te: comma behind", "transfer-encoding: chunked,"),
        ("te: semicolon", "transfer-encoding: chunked;"),
        ("te: cow", "transfer-encoding: cow"),
        ("te: brackets", "transfer-encoding: [chunked]"),
        ("te: equals", "transfer-encoding: =chunked"),
        ("te: form feed", "transfer-encoding: \u{c}chunked"),
        ("te: a letter above ASCII", "transfer-encoding: \u{e7}hunked"),
        ("te: name and value in one", "x: y\r\n transfer-encoding: chunked"),
        ("te: colon first", ":transfer-encoding: chunked"),
        ("te: dot", "transfer.encoding: chunked"),
    ] {
        // With a length beside it: who overlooks the coding takes five bytes for the body.
        let fate = match name {
            "te: a tab behind" => One(""),
            "te: dot" => One("0\r\n\r\n"),
            _ => Refused,
        };
        let rest = if name == "te: dot" { "0\r\n\r\n".to_owned() } else { format!("0\r\n\r\n{HIDDEN}") };
        table.push((name, post(&format!("content-length: 5\r\n{line}\r\n"), &rest), fate));
    }
    table
}

/// The request with the number of its attack in its target, where it has one in the usual form.
fn numbered(bytes: &[u8], ours: &str) -> Vec<u8> {
    const PLAIN: &[u8] = b"/seen ";
    let Some(at) = bytes.windows(PLAIN.len()).position(|part| part == PLAIN) else { return bytes.to_vec() };
    [&bytes[..at], ours.as_bytes(), &bytes[at + PLAIN.len()..]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_sent_the_service_sees_one_whole_request_or_none() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[]).await;
    for (number, (name, bytes, fate)) in attacks().into_iter().enumerate() {
        // What was broken off is noted when its connection has ended, which may be one attack later:
        // each carries its number.
        let ours = format!("/seen?attack={number} ");
        let bytes = numbered(&bytes, &ours);
        let mut wire = front.wire().await;
        let _ = wire.write([&bytes[..], END.as_bytes()].concat()).await;
        let answer = String::from_utf8_lossy(&wire.rest(BOUND).await).into_owned();
        let mut arrived = recorder.take();
        arrived.retain(|seen| !seen.line.contains("/end ") && (seen.line.contains(&ours) || !seen.line.contains("/seen?attack=")));
        // A service reads no request that is broken off: what never got whole is none.
        let whole: Vec<_> = arrived.iter().filter(|seen| seen.fault.is_none()).collect();
        assert!(arrived.iter().all(|seen| !seen.line.contains("hidden")), "{name}: {arrived:#?}");
        match fate {
            Refused => {
                assert!(whole.is_empty(), "{name}: {arrived:#?}");
                assert!(!answer.starts_with("HTTP/1.1 2"), "{name}: {answer}");
            }
            One(body) => {
                let first = whole.first().unwrap_or_else(|| panic!("{name}: nothing arrived; {answer}"));
                assert_eq!((whole.len(), arrived.len()), (1, 1), "{name}: {arrived:#?}");
                assert_eq!(String::from_utf8_lossy(&first.body), body, "{name}: {first:#?}");
                assert!(first.line.contains(&ours), "{name}: {first:#?}");
                assert!(first.all("http2-settings").is_empty() && first.all("upgrade").is_empty(), "{name}: {first:#?}");
                assert!(!first.headers.iter().any(|(known, _)| known.contains('_')), "{name}: {first:#?}");
            }
        }
    }
}

/// The recorder must be able to see a second request, or the table above proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_truly_two_arrive_as_two() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[]).await;
    let both = format!("{HIDDEN}GET /second HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    front.ask(both).await;
    let lines: Vec<_> = recorder.take().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, ["GET /hidden HTTP/1.1", "GET /second HTTP/1.1"]);
    front.ask(post("content-length: 5\r\nconnection: close\r\n", "hello")).await;
    assert_eq!(only(&recorder).body, b"hello");
}
