//! A wire between an instance and its database server that can be cut.

use std::sync::Arc;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use super::Trouble;

/// How the wire stands. `cuts` tells connections from before a cut that was mended at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wire {
    whole: bool,
    cuts: u64,
}

/// Passes bytes on until it is cut; then open connections break and new ones are closed at once.
#[derive(Debug)]
pub struct Relay {
    /// The port of 127.0.0.1 it listens on.
    pub port: u16,
    wire: Arc<watch::Sender<Wire>>,
    task: JoinHandle<()>,
}

impl Relay {
    /// A relay to `target`, a host and a port.
    pub async fn to(target: String) -> Result<Relay, Trouble> {
        let bound = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = bound.map_err(|error| Trouble::new(format!("no port for a relay: {error}")))?;
        let port = listener.local_addr().map_err(|error| Trouble::new(error.to_string()))?.port();
        let (wire, _) = watch::channel(Wire { whole: true, cuts: 0 });
        let wire = Arc::new(wire);
        let cut = wire.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (mut state, target) = (cut.subscribe(), target.clone());
                tokio::spawn(async move {
                    let begun = *state.borrow();
                    if !begun.whole {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(&target).await else { return };
                    let _ = (near.set_nodelay(true), far.set_nodelay(true));
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = state.wait_for(|now| *now != begun) => {}
                    }
                });
            }
        });
        Ok(Relay { port, wire, task })
    }

    /// Takes the server away, or gives it back.
    pub fn set(&self, whole: bool) {
        self.wire.send_modify(|wire| {
            wire.cuts += u64::from(wire.whole && !whole);
            wire.whole = whole;
        });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.set(false);
        self.task.abort();
    }
}

/// Host and port in a database URL, and the URL with another host and port in their place.
pub fn rerouted(url: &str, port: u16) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (who, server) = authority.rsplit_once('@').map_or(("", authority), |(who, server)| (who, server));
    if server.is_empty() || server.contains(',') {
        return None;
    }
    let target = if server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        server.to_owned()
    } else {
        format!("{server}:5432")
    };
    let who = if who.is_empty() { String::new() } else { format!("{who}@") };
    Some((target, format!("{scheme}://{who}127.0.0.1:{port}{tail}")))
}

#[cfg(test)]
mod tests {
    use super::rerouted;

    #[test]
    fn only_the_server_of_a_url_changes() {
        let cases = [
            (
                "postgres://u:p@db.internal:6000/x?sslmode=require",
                Some(("db.internal:6000", "postgres://u:p@127.0.0.1:9/x?sslmode=require")),
            ),
            ("postgres://u@db/x", Some(("db:5432", "postgres://u@127.0.0.1:9/x"))),
            ("postgres://[::1]:5432/x", Some(("[::1]:5432", "postgres://127.0.0.1:9/x"))),
            ("postgres:///x?host=/tmp", None),
            ("x", None),
        ];
        for (url, expected) in cases {
            let expected = expected.map(|(target, url)| (target.to_owned(), url.to_owned()));
            assert_eq!(rerouted(url, 9), expected, "{url}");
        }
    }
}
