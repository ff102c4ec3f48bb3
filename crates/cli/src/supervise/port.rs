//! A port for the service, and whether something answers on it.
//!
//! The port is taken from *below* the range the system gives to outgoing connections. In that
//! range two things go wrong while the service is not listening yet: any outgoing connection of any
//! process may occupy the port before the service binds it, and a connection attempt to it can be
//! given the very same port as its own, meet itself, and look like a service that answers.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use plimsoll::{Code, Result};
use plimsoll_core::Seed;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Where the range of outgoing connections begins unless the system says otherwise.
const OUTGOING: u16 = 32_768;
/// How far below it ports are taken from.
const WIDTH: u16 = 12_000;
/// How many ports are tried.
const TRIES: u32 = 200;
/// How long a look at the service may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many bytes of an answer are read to find its status.
const STATUS_LINE: usize = 64;

/// A free port of this machine.
///
/// # Errors
/// [`Code::ServiceFailed`] when none was found.
pub fn free(seed: &Seed) -> Result<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let top = range.split_whitespace().next().and_then(|low| low.parse().ok()).unwrap_or(OUTGOING);
    if let Some(bottom) = top.checked_sub(WIDTH).filter(|bottom| *bottom >= 1024) {
        for _ in 0..TRIES {
            let port = bottom + u16::try_from(seed.below(u64::from(WIDTH))).unwrap_or_default();
            if is_free(port) {
                return Ok(port);
            }
        }
    }
    // A system that gives out nearly every port leaves no better choice.
    let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    any.map(|address| address.port()).map_err(|cause| Code::ServiceFailed.because("this machine has no free port left").caused_by(cause))
}

/// Whether nobody listens on the port, neither on this machine's own address nor on all of them.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

/// How far the service has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nobody listens.
    Nothing,
    /// Somebody listens, and the answer that was asked for has not come.
    Listens,
    /// It answers.
    Answers,
}

/// Looks once: a connection is enough, or, with a path, an answer to it below 500.
pub async fn look(port: u16, path: Option<&str>) -> Seen {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(Ok(mut stream)) = tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await else { return Seen::Nothing };
    if stream.local_addr().ok() == Some(address) {
        return Seen::Nothing;
    }
    let Some(path) = path else { return Seen::Answers };
    match tokio::time::timeout(PATIENCE, status(&mut stream, port, path)).await {
        Ok(Some(..500)) => Seen::Answers,
        _ => Seen::Listens,
    }
}

/// The status with which a path is answered.
async fn status(stream: &mut TcpStream, port: u16, path: &str) -> Option<u16> {
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nuser-agent: plimsoll\r\naccept: */*\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut read = Vec::with_capacity(STATUS_LINE);
    while !read.contains(&b'\n') && read.len() < STATUS_LINE {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            break;
        }
    }
    let line = std::str::from_utf8(read.split(|byte| *byte == b'\r').next()?).ok()?;
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_not_given_out() {
        let seed = Seed::fixed(4);
        let first = free(&seed).unwrap();
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        assert!(!is_free(first));
        assert_ne!(free(&Seed::fixed(4)).unwrap(), first, "the same chance, but the port is taken now");
        drop(held);
        let everywhere = TcpListener::bind((Ipv4Addr::UNSPECIFIED, first)).unwrap();
        assert!(!is_free(first));
        drop(everywhere);
    }

    #[tokio::test]
    async fn listening_and_answering_are_told_apart() {
        let port = free(&Seed::system()).unwrap();
        assert_eq!(look(port, None).await, Seen::Nothing);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        assert_eq!(look(port, None).await, Seen::Answers);
        for (line, seen) in [
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", Seen::Listens),
            ("HTTP/1.1 404 Not Found\r\n\r\n", Seen::Answers),
            ("HTTP/1.0 200 OK\r\n\r\n", Seen::Answers),
            ("SSH-2.0-OpenSSH\r\n", Seen::Listens),
            ("", Seen::Listens),
        ] {
            let serve = async {
                // The look before may have left a connection without a request.
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap() > 0 {}
                    if !request.is_empty() {
                        assert!(request.starts_with(b"GET /up HTTP/1.1\r\n"));
                        stream.write_all(line.as_bytes()).await.unwrap();
                        return;
                    }
                }
            };
            let (found, ()) = tokio::join!(look(port, Some("/up")), serve);
            assert_eq!(found, seen, "{line}");
        }
    }
}
