//! A foreign service for the host to stand in front of, made of what probes need.
//!
//! It answers by the path, below any prefix, and remembers by key: a request that carries
//! `?key=K` is counted and kept under `K`, can be held back and made to fail, and two probes with
//! keys of their own do not notice each other. What it is told to do it does at once, so that
//! nobody has to wait for luck.
//!
//! | Path | Answer |
//! |---|---|
//! | `…/echo` | the request as JSON: `method`, `target`, `headers` (name and value, in order), `body` |
//! | `…/status/N` | status N |
//! | `…/slow?ms=N` | 200 after N milliseconds; `ms` means the same at every path |
//! | `…/reset` | none: the connection is closed |
//! | `…/half` | 200 that announces 1,000 bytes, and half of them |
//! | `…/effect` | counts one effect of the key; its number as `effect` |
//! | `…/effect-then-reset` | counts one effect of the key, and closes without an answer |
//! | `…/drip?n=N` | N server-sent events (`type=T`: of this media type); while the key is held, only the first |
//! | `…/cacheable` | the number of the key's arrival as `number`, with the fields of cache control asked for |
//! | `…/fields?name=value` | 200 with these header fields (`status=N`: that status) |
//! | `…/bytes?n=N` | N bytes |
//! | `…/upload` | `length` and `sha256` of the body |
//! | `…/early?status=N` | status N before the body was read, and closes |
//! | `…/raw` | the body's bytes as they are, as the whole answer, and closes |
//! | `…/socket` | a WebSocket that says everything again |
//! | `…/openapi.json` | what [`Service::describe`] was given |
//!
//! `/cacheable` understands `max_age`, `s_maxage`, `swr`, `sie` (seconds), `private`, `no_store`,
//! `no_cache`, `cc` (the whole value), `etag`, `last_modified`, `vary`, `age`, `status`, `body`.

mod answers;
mod socket;
mod talk;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinHandle,
};

pub use self::socket::{accept, frame};
use super::{Reply, Trouble};

/// Connections that may wait to be taken.
const QUEUE: u32 = 1024;

/// A request as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query as they were written.
    pub target: String,
    /// Names in lower case and values, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The first 64 KiB of the body; what is no UTF-8 is replaced.
    pub body: String,
    /// Bytes of the body that have come so far.
    pub length: u64,
}

impl Seen {
    /// What `…/echo` told of a request; nothing where the answer is none of `echo`.
    pub fn told(reply: &Reply) -> Option<Seen> {
        let told = reply.json();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let pair = |pair: &Value| Some((text(&pair[0])?, text(&pair[1])?));
        Some(Seen {
            method: text(&told["method"])?,
            target: text(&told["target"])?,
            headers: told["headers"].as_array()?.iter().filter_map(pair).collect(),
            body: text(&told["body"])?,
            length: told["length"].as_u64()?,
        })
    }
    /// The first value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
    /// Every value of a header field.
    pub fn every(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }
}

/// What is known and wanted of one key.
#[derive(Debug, Default)]
struct Key {
    seen: Vec<Seen>,
    effects: u64,
    waiting: usize,
    left: u64,
    held: bool,
    ails: Option<u16>,
    /// So many requests ail, where not all do.
    ailing: Option<u64>,
}

impl Key {
    /// The status of a request that is to fail.
    fn failure(&mut self) -> Option<u16> {
        match &mut self.ailing {
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                self.ails
            }
            None => self.ails,
        }
    }
}

/// How the service stands. `cuts` tells connections from before from those after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Door {
    open: bool,
    cuts: u64,
}

/// What came of the door's orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Standing {
    listens: bool,
    connections: usize,
    ever: u64,
}

/// What connections share with the handle.
struct State {
    keys: Mutex<BTreeMap<String, Key>>,
    description: Mutex<Option<Value>>,
    /// Told whenever something of a key changes.
    changes: watch::Sender<()>,
    standing: watch::Sender<Standing>,
}

impl State {
    fn keys(&self) -> MutexGuard<'_, BTreeMap<String, Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn with<T>(&self, key: &str, change: impl FnOnce(&mut Key) -> T) -> T {
        let done = change(self.keys().entry(key.to_owned()).or_default());
        self.changes.send_replace(());
        done
    }
    fn look<T: Default>(&self, key: &str, look: impl FnOnce(&Key) -> T) -> T {
        self.keys().get(key).map(look).unwrap_or_default()
    }
    /// Returns as soon as `wanted` is true of the key.
    async fn until(&self, key: &str, wanted: impl Fn(&Key) -> bool) {
        let mut changes = self.changes.subscribe();
        while !wanted(self.keys().entry(key.to_owned()).or_default()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

/// The service. It ends when this is dropped.
pub struct Service {
    /// Its address, such as `http://127.0.0.1:41000`.
    pub base: String,
    state: Arc<State>,
    door: Arc<watch::Sender<Door>>,
    task: JoinHandle<()>,
}

impl Service {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Service, Trouble> {
        let no_port = |error: std::io::Error| Trouble::new(format!("no port for a service: {error}"));
        // This socket never listens. It keeps the port ours while the service refuses connections.
        let keeper = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).map_err(no_port)?;
        let address = keeper.local_addr().map_err(no_port)?;
        let listener = bound(address).and_then(|socket| socket.listen(QUEUE)).map_err(no_port)?;
        let state = Arc::new(State {
            keys: Mutex::default(),
            description: Mutex::default(),
            changes: watch::Sender::new(()),
            standing: watch::Sender::new(Standing { listens: true, ..Standing::default() }),
        });
        let door = Arc::new(watch::Sender::new(Door { open: true, cuts: 0 }));
        let task = tokio::spawn(serve(keeper, address, listener, state.clone(), door.clone()));
        Ok(Service { base: format!("http://{address}"), state, door, task })
    }

    /// How many effects requests with this key have had.
    pub fn effects(&self, key: &str) -> u64 {
        self.state.look(key, |key| key.effects)
    }
    /// The requests with this key, in the order they arrived.
    pub fn seen(&self, key: &str) -> Vec<Seen> {
        self.state.look(key, |key| key.seen.clone())
    }
    /// How many requests with this key arrived.
    pub fn arrivals(&self, key: &str) -> usize {
        self.state.look(key, |key| key.seen.len())
    }
    /// How many requests with this key are held back right now.
    pub fn waiting(&self, key: &str) -> usize {
        self.state.look(key, |key| key.waiting)
    }
    /// How many callers of requests with this key left before their answer.
    pub fn left(&self, key: &str) -> u64 {
        self.state.look(key, |key| key.left)
    }
    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.state.standing.borrow().connections
    }
    /// How many connections there have ever been.
    pub fn connected(&self) -> u64 {
        self.state.standing.borrow().ever
    }

    /// Holds requests with this key back before their answer, until [`Service::release`].
    pub fn hold(&self, key: &str) {
        self.state.with(key, |key| key.held = true);
    }
    /// Lets requests with this key be answered.
    pub fn release(&self, key: &str) {
        self.state.with(key, |key| key.held = false);
    }
    /// Answers every request with this key with this status from now on, or again as its path says.
    pub fn ail(&self, key: &str, status: Option<u16>) {
        self.state.with(key, |key| (key.ails, key.ailing) = (status, None));
    }
    /// Answers so many requests with this key with this status, and then again as its path says.
    pub fn ail_for(&self, key: &str, status: u16, requests: u64) {
        self.state.with(key, |key| (key.ails, key.ailing) = (Some(status), Some(requests)));
    }
    /// What `…/openapi.json` answers from now on; 404 before.
    pub fn describe(&self, document: Value) {
        *self.state.description.lock().unwrap_or_else(PoisonError::into_inner) = Some(document);
    }

    /// Waits until this many requests with this key have arrived; false when `limit` passes before.
    pub async fn arrived(&self, key: &str, count: usize, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.state.until(key, |key| key.seen.len() >= count)).await.is_ok()
    }
    /// Waits until this many requests with this key are held back; false when `limit` passes before.
    pub async fn holding(&self, key: &str, count: usize, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.state.until(key, |key| key.waiting >= count)).await.is_ok()
    }
    /// Waits until this many bytes of the body of the last request with this key have come; false
    /// when `limit` passes before.
    pub async fn received(&self, key: &str, bytes: u64, limit: Duration) -> bool {
        let there = |key: &Key| key.seen.last().is_some_and(|seen| seen.length >= bytes);
        tokio::time::timeout(limit, self.state.until(key, there)).await.is_ok()
    }
    /// Waits until this many callers with this key left before their answer; false when `limit`
    /// passes before.
    pub async fn deserted(&self, key: &str, count: u64, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.state.until(key, |key| key.left >= count)).await.is_ok()
    }

    /// Refuses connections and breaks those there are, or takes connections again on the same port.
    /// When it returns, it is so.
    pub async fn refuse(&self, refuse: bool) {
        self.door.send_modify(|door| {
            door.cuts += u64::from(door.open && refuse);
            door.open = !refuse;
        });
        let mut standing = self.state.standing.subscribe();
        let _ = standing.wait_for(|now| if refuse { !now.listens && now.connections == 0 } else { now.listens }).await;
    }
    /// Breaks every connection; new ones are taken.
    pub fn cut(&self) {
        self.door.send_modify(|door| door.cuts += 1);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn serve(keeper: TcpSocket, address: SocketAddr, first: TcpListener, state: Arc<State>, door: Arc<watch::Sender<Door>>) {
    let mut orders = door.subscribe();
    let mut listener = Some(first);
    loop {
        let Some(listening) = &listener else {
            if orders.wait_for(|door| door.open).await.is_err() {
                break;
            }
            listener = bound(address).and_then(|socket| socket.listen(QUEUE)).ok();
            state.standing.send_modify(|standing| standing.listens = listener.is_some());
            continue;
        };
        let taken = tokio::select! {
            taken = listening.accept() => taken.ok(),
            _ = orders.wait_for(|door| !door.open) => None,
        };
        let now = *door.borrow();
        match taken {
            _ if !now.open => {
                listener = None;
                state.standing.send_modify(|standing| standing.listens = false);
            }
            Some((stream, _)) => {
                state.standing.send_modify(|standing| {
                    standing.connections += 1;
                    standing.ever += 1;
                });
                tokio::spawn(attend(stream, state.clone(), door.subscribe(), now));
            }
            None => {}
        }
    }
    drop(keeper);
}

/// One connection, until it ends or the door is shut.
async fn attend(stream: TcpStream, state: Arc<State>, mut orders: watch::Receiver<Door>, begun: Door) {
    let _ = stream.set_nodelay(true);
    tokio::select! {
        _ = answers::converse(stream, &state) => {}
        _ = orders.wait_for(|door| *door != begun) => {}
    }
    state.standing.send_modify(|standing| standing.connections -= 1);
}
