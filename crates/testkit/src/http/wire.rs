//! Bytes on a connection, for what no well-behaved client would send.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long [`raw`] and [`Wire::open`] wait.
const BOUND: Duration = Duration::from_secs(30);

/// Sends `bytes` to `address` (`127.0.0.1:8080`, or a URL with nothing after the port) and
/// returns everything that comes back until the server closes, so the request should ask for
/// that (`connection: close`) or be refused.
///
/// # Panics
/// When there is no connection, or the server does not close it within 30 seconds.
pub async fn raw(address: &str, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut wire = Wire::open(address).await;
    // A server that refuses may close before it has read everything; its answer counts.
    let _ = wire.write(bytes).await;
    wire.rest(BOUND).await
}

/// A connection to write to and read from piece by piece.
pub struct Wire {
    stream: TcpStream,
    address: String,
    /// What was read and not yet handed out.
    read: Vec<u8>,
}

impl Wire {
    /// Connects to `address` as in [`raw`].
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn open(address: &str) -> Wire {
        let address = address.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stream = match tokio::time::timeout(BOUND, TcpStream::connect(&address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => panic!("cannot connect to {address}: {e}"),
            Err(_) => panic!("cannot connect to {address} within {BOUND:?}"),
        };
        Wire::of(stream, address)
    }

    /// A connection that is there already.
    pub(super) fn of(stream: TcpStream, address: String) -> Wire {
        // Pieces must leave as they are written.
        let _ = stream.set_nodelay(true);
        Wire { stream, address, read: Vec::new() }
    }

    /// Writes all of `bytes` at once.
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Writes `bytes` in pieces of `piece` bytes with a pause after each. Stops early, without an
    /// error, once the server has closed the connection or answered: a server that loses
    /// patience does one of them. Returns how many bytes went out.
    ///
    /// # Errors
    /// When the connection fails in another way.
    pub async fn trickle(&mut self, bytes: impl AsRef<[u8]>, piece: usize, pause: Duration) -> io::Result<usize> {
        let mut sent = 0;
        for piece in bytes.as_ref().chunks(piece.max(1)) {
            match self.write(piece).await {
                Ok(()) => sent += piece.len(),
                Err(e) if matches!(e.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => return Ok(sent),
                Err(e) => return Err(e),
            }
            match tokio::time::timeout(pause, self.more()).await {
                Ok(_) => return Ok(sent),
                Err(_) => continue,
            }
        }
        Ok(sent)
    }

    /// Says that nothing more will be written; the other direction stays open.
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub async fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Reads until what has come satisfies `enough`, or the server closes; returns what has come
    /// and was not handed out before.
    ///
    /// # Panics
    /// When neither happens within `bound`; the message shows what did come.
    pub async fn until(&mut self, bound: Duration, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let started = Instant::now();
        while !enough(&self.read) {
            let left = bound.saturating_sub(started.elapsed());
            match tokio::time::timeout(left, self.more()).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => panic!("{} sent no more within {bound:?} than {:?}", self.address, String::from_utf8_lossy(&self.read)),
            }
        }
        std::mem::take(&mut self.read)
    }

    /// Reads until the server closes.
    ///
    /// # Panics
    /// When it does not within `bound`; the message shows what did come.
    pub async fn rest(&mut self, bound: Duration) -> Vec<u8> {
        self.until(bound, |_| false).await
    }

    /// Reads once; false at the end. A reset is an end: the server wanted no more.
    async fn more(&mut self) -> bool {
        !matches!(self.stream.read_buf(&mut self.read).await, Ok(0) | Err(_))
    }
}
