//! A foreign service whose effects outlive it, and the ground it stands on.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use plimsoll_testkit::{Scratch, free_port, wait};

use crate::BOUND;

const SCRIPT: &str = include_str!("effects.py");

/// The service. It ends with the test, and can be ended before.
pub struct Upstream {
    port: u16,
    place: Scratch,
    running: Mutex<Option<Child>>,
}

impl Upstream {
    /// Starts it; no effects yet.
    pub async fn start() -> Upstream {
        let upstream = Upstream { port: free_port(), place: Scratch::new(), running: Mutex::default() };
        std::fs::write(upstream.place.path().join("effects.py"), SCRIPT).unwrap();
        std::fs::write(upstream.place.path().join("effects"), "").unwrap();
        upstream.again().await;
        upstream
    }

    /// Starts it again, on the same port and with the effects it had.
    pub async fn again(&self) {
        let child = Command::new("python3")
            .arg(self.place.path().join("effects.py"))
            .arg(self.port.to_string())
            .arg(self.place.path().join("effects"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        *self.running.lock().unwrap() = Some(child);
        let port = self.port;
        wait::until(BOUND, || async move { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() }).await;
    }

    /// Ends it without warning.
    pub fn crash(&self) {
        if let Some(mut child) = self.running.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How often it did what, by name.
    pub fn effects(&self) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        for line in std::fs::read_to_string(self.place.path().join("effects")).unwrap().lines() {
            *found.entry(line.to_owned()).or_default() += 1;
        }
        found
    }

    /// How often it did this.
    pub fn effect(&self, name: &str) -> usize {
        self.effects().get(name).copied().unwrap_or_default()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.crash();
    }
}
