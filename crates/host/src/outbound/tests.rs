//! Against real sockets: where the dialler goes, and where it does not.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const LIMITS: Limits = Limits { time: Duration::from_secs(10), body: 64 };

fn dialler(allow: &[&str]) -> Dialler {
    let allow: Vec<String> = allow.iter().map(|text| (*text).to_owned()).collect();
    Dialler::new(Rules::new("test", &allow, &[443], true).unwrap(), "test", None).unwrap()
}

/// A receiver that answers everything with these bytes; its port, and how many connections it took.
async fn receiver(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                // Open until the other side has had enough: a body without an end.
                let _ = stream.read(&mut head).await;
            });
        }
    });
    (port, taken)
}

async fn post(dialler: &Dialler, url: &str) -> Result<Answer, Trouble> {
    dialler.post(url, HeaderMap::new(), Bytes::from_static(b"{}"), LIMITS).await
}

/// A resolver that answers with these lists in turn, and counts how often it was asked.
fn resolver(answers: Vec<Vec<&'static str>>) -> (Resolver, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let resolve: Resolver = Arc::new(move |_, port| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        let found = answers[turn.min(answers.len() - 1)].iter().map(|text| SocketAddr::new(text.parse().unwrap(), port)).collect();
        Box::pin(async move { Ok(found) })
    });
    (resolve, asked)
}

#[tokio::test]
async fn what_an_allowed_network_answers_is_read_up_to_the_bound_and_not_followed() {
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789";
    let (port, _) = receiver(endless).await;
    let answer = post(&dialler(&["127.0.0.0/8"]), &format!("http://127.0.0.1:{port}/hook?x=1")).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, LIMITS.body));

    let (elsewhere, taken) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let redirect = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
    let (port, _) = receiver(redirect.leak()).await;
    let answer = post(&dialler(&["127.0.0.0/8"]), &format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!((answer.status.as_u16(), taken.load(Ordering::SeqCst)), (307, 0));
}

#[tokio::test]
async fn nothing_inside_is_asked_however_it_is_written() {
    let (port, taken) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let dialler = dialler(&[]);
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "localhost", "127.1", "2130706433", "0x7f000001", "[::]"] {
        for scheme in ["http", "https"] {
            let met = post(&dialler, &format!("{scheme}://{host}:{port}/")).await.unwrap_err();
            // Where the machine's resolver does not know a spelling, nothing is asked either.
            assert!(matches!(met, Trouble::Refused(_) | Trouble::Unresolved), "{scheme}://{host}: {met:?}");
        }
    }
    assert_eq!(taken.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_the_address_that_was_judged_is_the_one_that_is_asked() {
    let (port, taken) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    // A second look would lead to an address where nobody listens.
    let (resolve, asked) = resolver(vec![vec!["127.0.0.1"], vec!["127.0.0.9"]]);
    let rebinding = dialler(&["127.0.0.1"]).resolving(resolve);
    assert_eq!(post(&rebinding, &format!("http://rebinding.example:{port}/")).await.unwrap().status, 200);
    assert_eq!((asked.load(Ordering::SeqCst), taken.load(Ordering::SeqCst)), (1, 1));
    // The next request looks again, and judges what it sees then.
    let met = post(&rebinding, &format!("http://rebinding.example:{port}/")).await.unwrap_err();
    assert!(matches!(met, Trouble::Refused(_)), "{met:?}");
}

#[tokio::test]
async fn one_inner_address_among_public_ones_refuses_the_name() {
    for list in [vec!["1.1.1.1", "169.254.169.254"], vec!["10.0.0.1"], vec!["::1", "2606:4700::1"], vec!["64:ff9b::a9fe:a9fe"]] {
        let (resolve, _) = resolver(vec![list.clone()]);
        let met = post(&dialler(&[]).resolving(resolve), "https://mixed.example/").await.unwrap_err();
        assert!(matches!(&met, Trouble::Refused(why) if why.contains("network address")), "{list:?}: {met:?}");
    }
    let (resolve, _) = resolver(vec![vec![]]);
    assert_eq!(post(&dialler(&[]).resolving(resolve), "https://nobody.example/").await.unwrap_err(), Trouble::Unresolved);
}

#[test]
fn addresses_are_judged_before_they_are_kept() {
    let closed = Rules::new("test", &[], &[443], true).unwrap();
    assert!(closed.judge("https://receiver.example/hooks?of=plimsoll").is_ok() && closed.judge("https://1.1.1.1/").is_ok());
    let long = format!("https://receiver.example/{}", "a".repeat(LONGEST_ADDRESS));
    for wrong in [
        "",
        "receiver.example",
        "/hooks",
        "ftp://receiver.example/",
        "http://receiver.example/",
        "https://user:secret@receiver.example/",
        "https://receiver.example/#part",
        "https://receiver.example:22/",
        "https://receiver.example:0/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https:///hooks",
        long.as_str(),
    ] {
        assert!(matches!(closed.judge(wrong), Err(Trouble::Refused(_))), "{wrong}");
    }
    // Named networks may be asked at any port and, unless it is refused for all, in the clear.
    let open = Rules::new("test", &["127.0.0.0/8".into()], &[443], true).unwrap();
    assert!(open.judge("http://127.0.0.1:8080/").is_ok() && open.judge("http://10.0.0.1/").is_err());
    let strict = Rules::new("test", &["127.0.0.0/8".into()], &[443], false).unwrap();
    assert!(strict.judge("http://127.0.0.1:8080/").is_err() && strict.judge("https://127.0.0.1:8080/").is_ok());
    assert_eq!(Rules::new("webhooks.allow", &["10.0.0.0/99".into()], &[], true).unwrap_err().code(), Code::ConfigInvalid);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_and_a_known_authority_is_enough() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.der().clone(), made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], rustls::pki_types::PrivateKeyDer::Pkcs8(key.into()))
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            });
        }
    });
    let url = format!("https://localhost:{port}/");
    let four = || resolver(vec![vec!["127.0.0.1"]]).0;
    let met = post(&dialler(&["127.0.0.0/8"]).resolving(four()), &url).await.unwrap_err();
    assert!(matches!(met, Trouble::Encryption(_)), "{met:?}");

    let file = std::env::temp_dir().join(format!("plimsoll-authority-{port}.pem"));
    std::fs::write(&file, made.cert.pem()).unwrap();
    let rules = Rules::new("test", &["127.0.0.0/8".into()], &[], false).unwrap();
    let knowing = Dialler::new(rules.clone(), "test", Some(&file)).unwrap().resolving(four());
    assert_eq!(post(&knowing, &url).await.unwrap().status, 204);
    std::fs::write(&file, "nothing").unwrap();
    assert_eq!(Dialler::new(rules, "webhooks.ca_file", Some(&file)).err().unwrap().code(), Code::ConfigInvalid);
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn silence_ends_with_the_deadline_and_nonsense_is_told_apart() {
    let (port, _) = receiver("").await;
    let short = Limits { time: Duration::from_millis(100), body: 64 };
    let url = format!("http://127.0.0.1:{port}/");
    let met = dialler(&["127.0.0.0/8"]).post(&url, HeaderMap::new(), Bytes::new(), short).await.unwrap_err();
    assert_eq!(met, Trouble::Late(short.time));
    let (port, _) = receiver("SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
    let met = post(&dialler(&["127.0.0.0/8"]), &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(matches!(met, Trouble::Broken(_)), "{met:?}");
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    assert_eq!(post(&dialler(&["127.0.0.0/8"]), &format!("http://{gone}/")).await.unwrap_err(), Trouble::Unreachable);
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    let answer = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, text.parse().unwrap());
        Answer { status: StatusCode::TOO_MANY_REQUESTS, headers, body: Bytes::new() }
    };
    let now = Time::parse("2026-11-21T10:00:00Z").unwrap();
    assert_eq!(answer("120").retry_after(now), Some(Duration::from_secs(120)));
    assert_eq!(answer("Sat, 21 Nov 2026 10:01:00 GMT").retry_after(now), Some(Duration::from_secs(60)));
    assert_eq!(answer("Sat, 21 Nov 2026 09:00:00 GMT").retry_after(now), Some(Duration::ZERO));
    assert_eq!(answer("soon").retry_after(now), None);
}
