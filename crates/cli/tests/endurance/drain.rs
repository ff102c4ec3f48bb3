//! Told to stop under load: what was begun is finished, and balancers hear of it in time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use plimsoll_testkit::{Db, both, http::Wire, process::Signal, wait};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    BOUND,
    service::{Service, add, artists, binary},
};

const CLIENTS: usize = 16;
const SLOW: usize = 4;

/// What came back for one request.
enum Answer {
    /// All of it: status, whether the server closes the connection now, body.
    Whole(u16, bool, String),
    /// Not a byte.
    Nothing,
    /// A part of it.
    Broken(String),
}

/// Sends one request and reads its answer.
async fn exchange(stream: &mut TcpStream, request: &str) -> Answer {
    if stream.write_all(request.as_bytes()).await.is_err() {
        return Answer::Nothing;
    }
    let mut read = Vec::new();
    loop {
        if let Some(answer) = whole(&read) {
            return answer;
        }
        match stream.read_buf(&mut read).await {
            Ok(0) | Err(_) if read.is_empty() => return Answer::Nothing,
            Ok(0) | Err(_) => return Answer::Broken(String::from_utf8_lossy(&read).into_owned()),
            Ok(_) => {}
        }
    }
}

fn whole(read: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(read).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let head = head.to_ascii_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().unwrap();
    let status = head.split(' ').nth(1)?.parse().unwrap();
    (body.len() >= length).then(|| Answer::Whole(status, head.contains("connection: close"), body.to_owned()))
}

/// What the clients have seen.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    /// Kept connections that ended between two requests: a client sends the next one again.
    retried: AtomicUsize,
    dropped: Mutex<Vec<String>>,
    acknowledged: Mutex<Vec<String>>,
}

impl Tally {
    /// Writes and reads in turns on a kept connection until nobody listens any more.
    async fn client(self: Arc<Tally>, address: String, key: String, number: usize) {
        let mut kept: Option<TcpStream> = None;
        for n in 0.. {
            let fresh = kept.is_none();
            let mut stream = match kept.take() {
                Some(stream) => stream,
                None => match TcpStream::connect(&address).await {
                    Ok(stream) => stream,
                    Err(_) => return,
                },
            };
            let name = format!("client {number} request {n}");
            let (request, right) = if n % 2 == 0 { (write_request(&key, &name), 201) } else { (read_request(&key), 200) };
            match exchange(&mut stream, &request).await {
                Answer::Whole(status, closes, body) => {
                    if status == right {
                        self.answered.fetch_add(1, Ordering::SeqCst);
                    } else {
                        self.dropped.lock().unwrap().push(format!("{status} {body}"));
                    }
                    if status == 201 {
                        self.acknowledged.lock().unwrap().push(name);
                    }
                    kept = (!closes).then_some(stream);
                }
                Answer::Nothing if !fresh => drop(self.retried.fetch_add(1, Ordering::SeqCst)),
                Answer::Nothing => self.dropped.lock().unwrap().push(format!("{name}: no answer on a connection that was accepted")),
                Answer::Broken(part) => self.dropped.lock().unwrap().push(format!("{name}: only {part:?}")),
            }
        }
    }
}

fn read_request(key: &str) -> String {
    format!("GET /v1/artists?page_size=5 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n")
}

fn write_request(key: &str, name: &str) -> String {
    let body = format!("{{\"name\":\"{name}\"}}");
    let length = body.len();
    format!(
        "POST /v1/artists HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Waits until no connection is accepted any more.
async fn closed(address: &str) {
    wait::until(BOUND, || async { TcpStream::connect(address).await.is_err() }).await;
}

both! {
    async fn a_stop_under_load_loses_no_request(db: Db) {
        let mut service = Service::new(db).await;
        service.plimsoll = service.plimsoll.env("PLIMSOLL_SERVER__DRAIN_NOTICE", "2s");
        let running = service.plimsoll.start().await;
        let address = running.url().trim_start_matches("http://").to_owned();
        let tally = Arc::new(Tally::default());
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| tokio::spawn(tally.clone().client(address.clone(), service.key.clone(), number))).collect();
        let mut slow = Vec::new();
        for number in 0..SLOW {
            let request = write_request(&service.key, &format!("slow {number}"));
            let (begin, rest) = request.split_at(request.len() - 8);
            let mut wire = Wire::open(&address).await;
            wire.write(begin).await.unwrap();
            slow.push((wire, rest.to_owned()));
        }
        wait::until(BOUND, || async { tally.answered.load(Ordering::SeqCst) >= 300 }).await;

        running.signal(Signal::Term);
        wait::until(BOUND, || async { running.client().get("/health/ready").await.code() == 503 }).await;
        add(&service.client(&running), "while balancers are told").await.expect(201);
        running.client().get("/health/live").await.expect(200);

        closed(&address).await;
        for (number, (wire, rest)) in slow.iter_mut().enumerate() {
            wire.write(rest.as_bytes()).await.unwrap();
            let answer = String::from_utf8(wire.rest(BOUND).await).unwrap();
            assert!(answer.starts_with("HTTP/1.1 201") && answer.contains("connection: close"), "slow {number}: {answer}");
        }
        for client in clients {
            client.await.unwrap();
        }
        assert_eq!(running.wait().await.code(), Some(0), "{}", running.stderr());
        assert_eq!(*tally.dropped.lock().unwrap(), Vec::<String>::new());
        let (answered, retried) = (tally.answered.load(Ordering::SeqCst), tally.retried.load(Ordering::SeqCst));
        println!("{db:?}: {answered} answered, {SLOW} slow ones finished, 0 dropped, {retried} connections closed between requests");

        let running = service.plimsoll.start().await;
        let found: BTreeMap<String, i64> = artists(&service.client(&running)).await;
        let missing: Vec<_> = tally.acknowledged.lock().unwrap().iter().filter(|name| !found.contains_key(*name)).cloned().collect();
        assert_eq!(missing, Vec::<String>::new());
        assert!((0..SLOW).all(|number| found.contains_key(&format!("slow {number}"))));
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    both::run(async {
        let mut service = Service::on(Db::Sqlite.ground(), binary()).await;
        for wait in ["DRAIN_TIMEOUT", "BODY_TIMEOUT", "HANDLER_TIMEOUT"] {
            service.plimsoll = service.plimsoll.env(format!("PLIMSOLL_SERVER__{wait}"), "20m");
        }
        let running = service.plimsoll.start().await;
        let address = running.url().trim_start_matches("http://").to_owned();
        let request = write_request(&service.key, "never finished");
        let mut wire = Wire::open(&address).await;
        wire.write(&request[..request.len() - 1]).await.unwrap();
        // The next connection is served, so the one before has been taken in.
        running.client().get("/health/live").await.expect(200);

        running.signal(Signal::Term);
        closed(&address).await;
        assert!(running.ended().is_none(), "a request is in flight");
        running.signal(Signal::Int);
        let status = running.wait().await;
        assert_eq!(status.code(), Some(0), "{}", running.stderr());
        assert!(running.stderr().contains("1 connections were cut"), "{}", running.stderr());
        assert_eq!(wire.rest(BOUND).await, b"", "nothing was promised");
    });
}

#[test]
fn a_closed_terminal_is_a_stop_like_any_other() {
    both::run(async {
        let service = Service::on(Db::Sqlite.ground(), binary()).await;
        let running = service.plimsoll.start().await;
        running.signal(Signal::Hup);
        assert_eq!(running.wait().await.code(), Some(0), "{}", running.stderr());
        assert!(running.stderr().contains("SIGHUP"), "{}", running.stderr());
    });
}
