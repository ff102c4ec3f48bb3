//! Certificates from files, their renewal, and what happens to requests in the open.

use std::{fs, io, path::PathBuf, sync::Arc};

use plimsoll_testkit::{
    Scratch, both,
    http::raw,
    process::{Plimsoll, Running},
    wait,
};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{BOUND, service::binary};

/// A certificate and its key, in files.
struct Papers(Scratch);

impl Papers {
    fn new() -> (Papers, CertificateDer<'static>) {
        let papers = Papers(Scratch::new());
        let first = papers.renew();
        (papers, first)
    }
    fn certificate(&self) -> PathBuf {
        self.0.join("certificate.pem")
    }
    fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }
    /// Writes a new certificate for localhost and its key.
    fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        fs::write(self.certificate(), made.cert.pem()).unwrap();
        made.cert.der().clone()
    }
    fn used_by(&self, plimsoll: Plimsoll) -> Plimsoll {
        let plimsoll = plimsoll.env("PLIMSOLL_TLS__CERTIFICATE", self.certificate()).env("PLIMSOLL_TLS__KEY", self.key());
        plimsoll.env("PLIMSOLL_TLS__RELOAD", "100ms")
    }
}

/// Starts a service whose public listener does not speak plain HTTP.
async fn start(plimsoll: &Plimsoll) -> Running {
    let running = plimsoll.spawn();
    wait::until(BOUND, || async {
        assert_eq!(running.ended(), None, "{}", running.stderr());
        running.ops().get("/health").attempt().await.is_ok_and(|reply| reply.code() == 200)
            && TcpStream::connect(address(&running)).await.is_ok()
    })
    .await;
    running
}

fn address(running: &Running) -> String {
    running.url().trim_start_matches("http://").to_owned()
}

/// A connection of a client that trusts this one certificate.
async fn shake(running: &Running, trusted: &CertificateDer<'static>) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(address(running)).await?).await
}

/// One request on the connection, which stays open; the head of the answer.
async fn ask(stream: &mut TlsStream<TcpStream>, path: &str) -> io::Result<String> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await?;
    let mut read = Vec::new();
    while !read.ends_with(b"}") {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8_lossy(&read).into_owned())
}

#[test]
fn files_with_a_certificate_make_the_listener_speak_tls() {
    both::run(async {
        let (papers, trusted) = Papers::new();
        let running = start(&papers.used_by(binary())).await;
        let mut stream = shake(&running, &trusted).await.unwrap();
        let answer = ask(&mut stream, "/health/live").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
        assert!(running.stderr().contains("listening on https://"), "{}", running.stderr());
        let plain = raw(&running.url(), "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert!(!plain.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&plain));
        assert_eq!(running.stop().await.code(), Some(0));
    });
}

#[test]
fn a_renewed_certificate_is_used_without_a_restart_and_a_bad_one_is_not() {
    both::run(async {
        let (papers, first) = Papers::new();
        let running = start(&papers.used_by(binary())).await;
        let mut kept = shake(&running, &first).await.unwrap();
        ask(&mut kept, "/health/live").await.unwrap();

        let second = papers.renew();
        wait::until(BOUND, || async { shake(&running, &second).await.is_ok() }).await;
        shake(&running, &first).await.expect_err("the old certificate is out of use");
        ask(&mut kept, "/health/live").await.expect("connections from before go on");

        fs::write(papers.certificate(), "no certificate").unwrap();
        wait::until(BOUND, || async { running.stderr().contains("the old one stays in use") }).await;
        shake(&running, &second).await.unwrap();
        let stranger = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(papers.certificate(), stranger.cert.pem()).unwrap();
        wait::until(BOUND, || async { running.stderr().contains("do not fit together") }).await;
        shake(&running, &second).await.unwrap();

        let third = papers.renew();
        wait::until(BOUND, || async { shake(&running, &third).await.is_ok() }).await;
    });
}

#[test]
fn files_that_do_not_fit_stop_the_start_with_3() {
    both::run(async {
        let (papers, _) = Papers::new();
        let stranger = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(papers.key(), stranger.signing_key.serialize_pem()).unwrap();
        let refusal = papers.used_by(binary()).attempt().await.err().unwrap();
        assert_eq!(refusal.output.code, Some(3), "{refusal}");
        assert!(refusal.output.stderr.contains("do not fit together"), "{refusal}");
        assert!(!refusal.output.stderr.contains("BEGIN"), "{refusal}");
    });
}

#[test]
fn where_tls_is_required_pages_are_redirected_and_calls_refused() {
    both::run(async {
        let production = [("PLIMSOLL_PROFILE", "production")];
        let required = [("PLIMSOLL_TLS__REQUIRED", "true"), ("PLIMSOLL_TLS__PUBLIC_PORT", "8443")];
        for (settings, port) in [(&production[..], ""), (&required[..], ":8443")] {
            let plimsoll = settings.iter().fold(behind("127.0.0.1"), |plimsoll, (name, value)| plimsoll.env(name, value));
            let running = plimsoll.start().await;
            let client = running.client();
            let page = client.get("/?song=7").header("accept", "text/html").await.expect(308);
            assert_eq!(page.header("location"), Some(format!("https://127.0.0.1{port}/?song=7").as_str()));
            for scheme in [None, Some("http")] {
                let call = client.get("/v1/artists");
                let call = match scheme {
                    Some(scheme) => call.header("x-forwarded-proto", scheme),
                    None => call,
                };
                assert_eq!(call.await.expect(403).str("/type"), "/problems/https-required");
            }
            let page = client.get("/").header("accept", "text/html").header("x-forwarded-proto", "https").await.expect(200);
            assert!(page.header("strict-transport-security").is_some(), "{page:?}");
            client.get("/v1/artists").header("x-forwarded-proto", "https").await.expect(401);
            client.get("/health/ready").await.expect(200);
        }
    });
}

/// The binary behind a proxy at this address.
fn behind(proxy: &str) -> Plimsoll {
    binary().env("PLIMSOLL_SERVER__TRUSTED_PROXIES", proxy)
}

#[test]
fn nobody_but_a_trusted_proxy_can_claim_that_a_request_came_encrypted() {
    both::run(async {
        let running = behind("192.0.2.1").env("PLIMSOLL_TLS__REQUIRED", "true").start().await;
        let reply = running.client().get("/v1/artists").header("x-forwarded-proto", "https").await;
        assert_eq!((reply.code(), reply.str("/type").as_str()), (403, "/problems/https-required"), "{reply}");
    });
}
