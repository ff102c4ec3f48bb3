//! The server with small services instead of the stack, over real sockets on the loopback.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use http::StatusCode;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

use super::*;
use crate::server::listener::bind;

/// Long enough for a busy machine; a test that has to wait this long has failed.
const BOUND: Duration = Duration::from_secs(20);

fn settings() -> Settings {
    Settings {
        header_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(60),
        header_limit: 32 << 10,
        connections: 64,
        drain_notice: Duration::ZERO,
        drain_timeout: BOUND,
    }
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, what).await.expect("took longer than any machine needs")
}

/// A server with one public listener; a request for `/wait` is answered after `release` was notified.
struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    release: Arc<Notify>,
    entered: Arc<AtomicUsize>,
    ended: tokio::task::JoinHandle<Drained>,
}

async fn start(settings: Settings, certificates: Option<Arc<Certificates>>) -> Running {
    let (shutdown, release, entered) = (Shutdown::new(), Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let listener = bind("127.0.0.1:0".parse().unwrap(), Role::Public).await.unwrap();
    let address = listener.address;
    let mut server = Server::new(settings, shutdown.clone());
    let (wait, count) = (release.clone(), entered.clone());
    server.listen(listener, certificates, move |_, secure, request: Request<Body>| {
        let (wait, count) = (wait.clone(), count.clone());
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            if request.uri().path() == "/wait" {
                wait.notified().await;
            }
            Response::new(Body::from(format!("{} secure={secure}", request.uri().path())))
        }
    });
    Running { address, shutdown, release, entered, ended: tokio::spawn(server.until_drained(|| ())) }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        within(TcpStream::connect(self.address)).await.unwrap()
    }
    async fn until_entered(&self, count: usize) {
        within(async {
            while self.entered.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

async fn send(stream: &mut TcpStream, path: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
}

/// One answer, head and body; `None` where the connection ends before it is complete.
async fn receive(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(text) = complete(&bytes) {
            return Some(text);
        }
        let mut part = [0; 4096];
        match within(stream.read(&mut part)).await {
            Ok(count @ 1..) => bytes.extend_from_slice(&part[..count]),
            _ => return None,
        }
    }
}

fn complete(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
    (body.len() >= length.unwrap_or(0)).then(|| text.clone())
}

/// Everything until the connection ends, in whatever way.
async fn rest(stream: &mut TcpStream) -> String {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = within(stream.read(&mut part)).await {
        bytes.extend_from_slice(&part[..count]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn ended(stream: &mut TcpStream) -> bool {
    matches!(within(stream.read(&mut [0; 64])).await, Ok(0) | Err(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_flight_is_finished_and_what_comes_after_is_not_taken() {
    let server = start(settings(), None).await;
    let mut stream = server.connect().await;
    send(&mut stream, "/wait").await;
    server.until_entered(1).await;
    server.shutdown.begin();
    within(async { while TcpStream::connect(server.address).await.is_ok() {} }).await;
    assert!(!server.ended.is_finished(), "a request is still being answered");
    server.release.notify_one();
    let answer = receive(&mut stream).await.unwrap();
    assert!(answer.contains("connection: close") && answer.ends_with("/wait secure=false"), "{answer}");
    assert_eq!(within(server.ended).await.unwrap(), Drained { cut: 0 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sent_into_a_quiet_connection_while_listeners_close_is_answered() {
    let server = start(settings(), None).await;
    let (mut used, mut fresh) = (server.connect().await, server.connect().await);
    send(&mut used, "/a").await;
    assert!(!receive(&mut used).await.unwrap().contains("connection: close"));
    server.shutdown.begin();
    within(server.shutdown.reached(Phase::Closing)).await;
    for stream in [&mut used, &mut fresh] {
        send(stream, "/b").await;
        assert!(receive(stream).await.unwrap().contains("connection: close"));
        assert!(ended(stream).await);
    }
    assert_eq!(within(server.ended).await.unwrap(), Drained { cut: 0 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_when_the_end_comes_under_load() {
    let server = start(settings(), None).await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let mut stream = server.connect().await;
        clients.spawn(async move {
            let mut answered = 0u32;
            loop {
                send(&mut stream, "/a").await;
                let answer = receive(&mut stream).await.expect("a request that was sent was not answered");
                answered += 1;
                if answer.contains("connection: close") {
                    return answered;
                }
            }
        });
    }
    server.until_entered(500).await;
    server.shutdown.begin();
    let mut answered = 0;
    while let Some(client) = within(clients.join_next()).await {
        answered += client.unwrap();
    }
    assert_eq!(within(server.ended).await.unwrap(), Drained { cut: 0 });
    assert_eq!(answered as usize, server.entered.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_finish_in_time_is_cut_and_counted() {
    let server = start(Settings { drain_timeout: Duration::from_millis(50), ..settings() }, None).await;
    let mut stream = server.connect().await;
    send(&mut stream, "/wait").await;
    server.until_entered(1).await;
    server.shutdown.begin();
    assert_eq!(within(server.ended).await.unwrap(), Drained { cut: 1 });
    assert!(ended(&mut stream).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn force_waits_for_nothing() {
    let server =
        start(Settings { drain_notice: Duration::from_secs(3600), drain_timeout: Duration::from_secs(3600), ..settings() }, None).await;
    let mut stream = server.connect().await;
    send(&mut stream, "/wait").await;
    server.until_entered(1).await;
    server.shutdown.begin();
    server.shutdown.force();
    assert_eq!(within(server.ended).await.unwrap(), Drained { cut: 1 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn during_the_notice_requests_are_still_taken() {
    let server = start(Settings { drain_notice: Duration::from_secs(3600), ..settings() }, None).await;
    server.shutdown.begin();
    let mut stream = server.connect().await;
    send(&mut stream, "/a").await;
    assert!(!receive(&mut stream).await.unwrap().contains("connection: close"));
    server.shutdown.force();
    within(server.ended).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_drip_end_the_connection_and_work_does_not() {
    let server = start(Settings { header_timeout: Duration::from_millis(200), ..settings() }, None).await;
    let (mut silent, mut slow, mut working) = (server.connect().await, server.connect().await, server.connect().await);
    send(&mut working, "/wait").await;
    server.until_entered(1).await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await.unwrap();
    // Drips until it is cut: each byte is progress, and the head still takes too long.
    within(async {
        while slow.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await
        }
    })
    .await;
    assert!(ended(&mut silent).await, "who says nothing at all is not waited for either");
    server.release.notify_one();
    assert!(receive(&mut working).await.is_some());
    server.shutdown.force();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_use_is_closed() {
    let server = start(Settings { idle_timeout: Duration::from_millis(100), ..settings() }, None).await;
    let mut stream = server.connect().await;
    send(&mut stream, "/a").await;
    assert!(receive(&mut stream).await.is_some());
    assert!(ended(&mut stream).await);
    server.shutdown.force();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_too_many_is_told_so_and_closed() {
    let server = start(Settings { connections: 1, ..settings() }, None).await;
    let mut first = server.connect().await;
    send(&mut first, "/a").await;
    assert!(receive(&mut first).await.is_some());
    let mut second = server.connect().await;
    send(&mut second, "/a").await;
    let answer = receive(&mut second).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("PLM-LIM-002"), "{answer}");
    assert!(ended(&mut second).await);
    drop(first);
    within(async {
        loop {
            let mut third = server.connect().await;
            send(&mut third, "/a").await;
            if receive(&mut third).await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                break;
            }
        }
    })
    .await;
    server.shutdown.force();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_two_readers_would_split_differently_reaches_no_handler() {
    let server = start(settings(), None).await;
    for smuggled in [
        "content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "transfer-encoding: identity\r\n\r\nhello",
        "content-length: +5\r\n\r\nhello",
        "content-length : 5\r\n\r\nhello",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(format!("POST /a HTTP/1.1\r\nhost: localhost\r\n{smuggled}").as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{smuggled:?}: {answer}");
    }
    assert_eq!(server.entered.load(Ordering::SeqCst), 0);
    server.shutdown.force();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_given_while_a_large_body_is_under_way_arrives() {
    let server = start(settings(), None).await;
    let mut stream = server.connect().await;
    let body = vec![b'x'; 10 << 20];
    stream.write_all(format!("POST /a HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes()).await.unwrap();
    // As simple clients do: everything is sent before the answer is looked at.
    within(stream.write_all(&body)).await.unwrap();
    assert!(receive(&mut stream).await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200")));
    server.shutdown.force();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_hides_behind_a_request_with_a_length_and_chunks() {
    let server = start(settings(), None).await;
    for both in ["content-length: 60\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 60"] {
        let before = server.entered.load(Ordering::SeqCst);
        let mut stream = server.connect().await;
        let hidden = "GET /hidden HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(format!("POST /a HTTP/1.1\r\nhost: localhost\r\n{both}\r\n\r\n0\r\n\r\n{hidden}").as_bytes()).await.unwrap();
        let all = rest(&mut stream).await;
        assert!(all.contains("connection: close") && !all.contains("/hidden"), "{all}");
        assert_eq!(server.entered.load(Ordering::SeqCst), before + 1);
    }
    server.shutdown.force();
}

/// A folder that goes away with the test.
struct Folder(PathBuf);
impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("plimsoll-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
    /// Writes a new certificate for localhost and answers with it.
    fn certify(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(self.0.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(self.0.join("cert.pem"), made.cert.pem()).unwrap();
        CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap()
    }
    fn load(&self) -> Arc<Certificates> {
        Certificates::load(&self.0.join("cert.pem"), &self.0.join("key.pem")).unwrap()
    }
    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn shake(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocol: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await?;
    within(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_exchanged_while_serving_and_a_bad_one_is_not_taken() {
    let folder = Folder::new("renewal");
    let first = folder.certify();
    let certificates = folder.load();
    let server = start(settings(), Some(certificates.clone())).await;
    assert!(!certificates.renew(false).unwrap(), "nothing changed");
    shake(server.address, &first, "http/1.1").await.unwrap();

    std::fs::write(folder.file("cert.pem"), "-----BEGIN CERTIFICATE-----\nnonsense\n").unwrap();
    assert!(certificates.renew(false).is_err());
    assert!(!certificates.renew(false).unwrap(), "the same bad files are complained about once");
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.file("cert.pem"), other.cert.pem()).unwrap();
    let error = certificates.renew(true).unwrap_err();
    assert!(error.public().contains("do not fit together"), "{error}");
    shake(server.address, &first, "http/1.1").await.unwrap();

    let second = folder.certify();
    let fresh = tokio::spawn(certificates.clone().keep_fresh(Duration::from_millis(10), server.shutdown.clone()));
    within(async { while shake(server.address, &second, "http/1.1").await.is_err() {} }).await;
    assert!(shake(server.address, &first, "http/1.1").await.is_err());
    server.shutdown.force();
    within(fresh).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_is_spoken_over_tls_and_drains_without_loss() {
    let folder = Folder::new("two");
    let trusted = folder.certify();
    let server = start(settings(), Some(folder.load())).await;
    let stream = shake(server.address, &trusted, "h2").await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = |path: &str| Request::get(format!("https://localhost{path}")).body(Body::empty()).unwrap();
    assert_eq!(within(sender.send_request(request("/a"))).await.unwrap().status(), StatusCode::OK);
    let waiting = sender.send_request(request("/wait"));
    server.until_entered(2).await;
    server.shutdown.begin();
    within(server.shutdown.reached(Phase::Closing)).await;
    server.release.notify_one();
    assert_eq!(within(waiting).await.unwrap().status(), StatusCode::OK);
    assert_eq!(within(server.ended).await.unwrap(), Drained { cut: 0 });
}

#[tokio::test]
async fn files_that_hold_no_certificate_or_key_are_named() {
    let folder = Folder::new("files");
    folder.certify();
    let (certificate, key, missing) = (folder.file("cert.pem"), folder.file("key.pem"), folder.file("missing.pem"));
    let named = |certificate: &Path, key: &Path, culprit: &Path| {
        let error = Certificates::load(certificate, key).err().unwrap();
        assert!(error.public().contains(culprit.to_str().unwrap()), "{error}");
    };
    named(&missing, &key, &missing);
    named(&certificate, &missing, &missing);
    named(&key, &key, &key);
    named(&certificate, &certificate, &certificate);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_on_a_tls_port_is_not_answered_and_does_no_harm() {
    let folder = Folder::new("plain");
    let trusted = folder.certify();
    let server = start(settings(), Some(folder.load())).await;
    let mut plain = server.connect().await;
    send(&mut plain, "/a").await;
    assert!(receive(&mut plain).await.is_none());
    let mut stream = shake(server.address, &trusted, "http/1.1").await.unwrap();
    stream.write_all(b"GET /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let started = Instant::now();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with("/a secure=true"), "{answer} after {:?}", started.elapsed());
    server.shutdown.force();
}
