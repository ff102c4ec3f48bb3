//! Ports nobody listens on.

use std::{
    collections::HashSet,
    net::TcpListener,
    sync::{Mutex, PoisonError},
};

/// A port of 127.0.0.1 that nobody listened on a moment ago. Never the same one twice in a
/// process; another process may still be quicker, so whoever listens on it must be ready to ask
/// for another (as [`crate::process::Plimsoll::start`] does).
///
/// # Panics
/// When the machine has no free port.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    for _ in 0..1_000 {
        let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = bound.unwrap_or_else(|e| panic!("no free port on 127.0.0.1: {e}")).port();
        if given.insert(port) {
            return port;
        }
    }
    panic!("every free port of 127.0.0.1 has been given out in this process")
}

/// Whether somebody listens on the port of 127.0.0.1.
pub(crate) fn taken(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_err()
}
