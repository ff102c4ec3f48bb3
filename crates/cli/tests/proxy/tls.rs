//! A service that is reached encrypted: its certificate counts, always.

use std::{fs, sync::Arc};

use plimsoll_testkit::Scratch;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::AbortHandle,
};

use crate::front::{Front, assert_status};

/// A service with a certificate for `name`, and that certificate in a file.
struct Secret {
    port: u16,
    papers: Scratch,
    accepting: AbortHandle,
}

impl Secret {
    async fn start(name: &str) -> Secret {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let papers = Scratch::new();
        fs::write(papers.join("ca.pem"), made.cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                tokio::spawn(async move {
                    let mut read = Vec::new();
                    while !read.ends_with(b"\r\n\r\n") && stream.read_buf(&mut read).await.is_ok_and(|length| length > 0) {}
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\nsecret").await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Secret { port, papers, accepting: accepting.abort_handle() }
    }
    fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
    fn roots(&self) -> String {
        self.papers.join("ca.pem").display().to_string()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_service_with_the_right_certificate_is_spoken_to() {
    let (right, other) = (Secret::start("localhost").await, Secret::start("other.example").await);
    let front = Front::of(&right.url(), &[("PLIMSOLL_SERVICE__CA_FILE", &right.roots())]).await;
    let answer = front.get("/", "").await;
    assert_status(&answer, 200);
    assert!(answer.ends_with("secret"), "{answer}");
    for (url, roots) in [(right.url(), None), (right.url(), Some(other.roots())), (other.url(), Some(other.roots()))] {
        let settings: Vec<_> = roots.iter().map(|roots| ("PLIMSOLL_SERVICE__CA_FILE", roots.as_str())).collect();
        let answer = Front::of(&url, &settings).await.get("/", "").await;
        assert!(answer.contains("PLM-UPS-001") && !answer.contains("secret"), "{url} {roots:?}: {answer}");
    }
}
