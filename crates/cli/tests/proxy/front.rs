//! A server with one service behind it.

use plimsoll_testkit::{
    Scratch,
    http::{Recorder, Seen, Wire},
    process::{Plimsoll, Running},
};
use serde_json::Value;

/// How long an answer may take on a machine that has much else to do.
pub const BOUND: std::time::Duration = std::time::Duration::from_secs(30);

/// The server and the command line beside it.
pub struct Front {
    pub running: Running,
    pub plimsoll: Plimsoll,
    _data: Scratch,
}

impl Front {
    /// In front of the service at `url`, with further settings. Everybody may ask for everything
    /// unless a rule says otherwise.
    pub async fn of(url: &str, settings: &[(&str, &str)]) -> Front {
        let data = Scratch::new();
        let mut plimsoll = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).data(&data).env("PLIMSOLL_SERVICE__URL", url);
        // What arrives at the service is what a test has sent, and not the host's look for a description.
        plimsoll = plimsoll.env("PLIMSOLL_ROUTES__DEFAULT", "public: a test").env("PLIMSOLL_SERVICE__OPENAPI", "off");
        for policy in ["ADDRESS", "PRINCIPAL", "TENANT", "WRITE", "AUTH"] {
            plimsoll = plimsoll.env(format!("PLIMSOLL_LIMITS__{policy}"), "off");
        }
        for (name, value) in settings {
            plimsoll = plimsoll.env(name, value);
        }
        let running = plimsoll.start().await;
        Front { running, plimsoll, _data: data }
    }

    /// A key of a fresh tenant, and the tenant's id.
    pub async fn key(&self, role: &str) -> (String, String) {
        let run = async |words: &[&str]| -> Value { self.plimsoll.run(words.iter().copied().chain(["--json"])).await.expect(0).json() };
        let tenant = run(&["tenant", "create", "acme"]).await;
        let key = run(&["key", "create", "--tenant", "acme", "--role", role]).await;
        (key["key"].as_str().unwrap().to_owned(), tenant["id"].as_str().unwrap().to_owned())
    }

    pub async fn wire(&self) -> Wire {
        Wire::open(&self.running.url()).await
    }

    /// Writes a whole request whose connection is to be closed, and reads all that comes back.
    pub async fn ask(&self, request: impl AsRef<[u8]>) -> String {
        let mut wire = self.wire().await;
        let _ = wire.write(request).await;
        String::from_utf8_lossy(&wire.rest(BOUND).await).into_owned()
    }

    /// `GET path` with these header lines.
    pub async fn get(&self, path: &str, lines: &str) -> String {
        self.ask(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n")).await
    }
}

/// A service that says `ok`.
pub async fn recorder() -> Recorder {
    Recorder::start(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec()).await
}

/// The one request that has arrived.
#[track_caller]
pub fn only(recorder: &Recorder) -> Seen {
    let mut seen = recorder.take();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    let seen = seen.remove(0);
    assert_eq!(seen.fault, None, "{seen:#?}");
    seen
}

#[track_caller]
pub fn assert_status(answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "expected {status}: {answer}");
}

/// Whether these bytes hold the end of an answer's head.
pub fn has_head(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|four| four == b"\r\n\r\n")
}
