//! Bytes on a connection, for what no well-behaved client would send.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::Trouble;

/// The most that is kept of what comes back.
const LARGEST: usize = 1024 * 1024;

/// A connection to write to and read from piece by piece.
pub struct Wire {
    stream: TcpStream,
    until: Instant,
}

impl Wire {
    pub(super) async fn open(base: &str, until: Instant) -> Result<Wire, Trouble> {
        let address = base.trim_start_matches("http://");
        match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Pieces must leave as they are written.
                let _ = stream.set_nodelay(true);
                Ok(Wire { stream, until })
            }
            Ok(Err(error)) => Err(Trouble::new(format!("no connection to {address}: {error}"))),
            Err(_) => Err(Trouble::new(format!("no connection to {address} in time"))),
        }
    }

    /// Writes all of `bytes`; false when the other side has closed.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let done = async { self.stream.write_all(bytes.as_ref()).await.is_ok() && self.stream.flush().await.is_ok() };
        timeout_at(self.until, done).await.unwrap_or(false)
    }

    /// Everything that comes until the other side closes or `limit` passes, and whether it closed.
    pub async fn rest(&mut self, limit: Duration) -> (String, bool) {
        let mut heard = Vec::new();
        let mut piece = [0u8; 8192];
        let end = (Instant::now() + limit).min(self.until);
        let closed = loop {
            match timeout_at(end, self.stream.read(&mut piece)).await {
                Ok(Ok(0) | Err(_)) => break true,
                Ok(Ok(count)) => heard.extend_from_slice(&piece[..count]),
                Err(_) => break false,
            }
            if heard.len() > LARGEST {
                break false;
            }
        };
        (String::from_utf8_lossy(&heard).into_owned(), closed)
    }

    /// What comes until this text is in it, the other side closes, or `limit` passes.
    pub async fn until(&mut self, limit: Duration, wanted: &str) -> String {
        let mut heard = String::new();
        let mut piece = [0u8; 8192];
        let end = (Instant::now() + limit).min(self.until);
        while !heard.contains(wanted) && heard.len() <= LARGEST {
            match timeout_at(end, self.stream.read(&mut piece)).await {
                Ok(Ok(count)) if count > 0 => heard.push_str(&String::from_utf8_lossy(&piece[..count])),
                _ => break,
            }
        }
        heard
    }

    /// What comes until a whole head (and what came with it) is there, or `limit` passes.
    pub async fn head(&mut self, limit: Duration) -> String {
        let mut heard = Vec::new();
        let mut piece = [0u8; 8192];
        let reading = async {
            while let Ok(count) = self.stream.read(&mut piece).await {
                heard.extend_from_slice(&piece[..count]);
                if count == 0 || heard.windows(4).any(|end| end == b"\r\n\r\n") {
                    break;
                }
            }
        };
        let _ = timeout(limit, reading).await;
        String::from_utf8_lossy(&heard).into_owned()
    }
}

/// The status of an answer read from a wire; 0 where there is none.
pub fn status_of(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok()).unwrap_or(0)
}
