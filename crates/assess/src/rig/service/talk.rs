//! HTTP/1.1 as a service speaks it, written by hand: it must also be able to speak it wrongly.

use std::io::{Error, ErrorKind, Result};

use http::StatusCode;
use ring::digest::{Context, SHA256};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::Seen;

/// Longest line of a head.
const LINE: u64 = 256 * 1024;
/// Bytes of a body that are kept.
const KEPT: usize = 64 * 1024;

/// A connection with a caller.
pub struct Talk {
    pub(super) stream: BufReader<TcpStream>,
    framing: Framing,
    digest: Context,
    kept: Vec<u8>,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// This many bytes are left.
    Counted(u64),
    /// Chunks until an empty one.
    Chunked,
}

/// An answer before it is written.
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// A value as JSON.
    pub fn json(status: u16, value: &serde_json::Value) -> Answer {
        Answer { status, fields: vec![("content-type".into(), "application/json".into())], body: value.to_string().into_bytes() }
    }
    pub fn field(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.fields.push((name.into(), value.into()));
        self
    }
}

impl Talk {
    pub fn new(stream: TcpStream) -> Talk {
        Talk { stream: BufReader::new(stream), framing: Framing::Counted(0), digest: Context::new(&SHA256), kept: Vec::new() }
    }

    /// The next request's head; nothing when the caller has closed.
    pub async fn request(&mut self) -> Result<Option<Seen>> {
        let first = self.line().await?;
        if first.is_empty() {
            return Ok(None);
        }
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(ErrorKind::InvalidData.into()) };
        let mut seen = Seen { method: method.into(), target: target.into(), ..Seen::default() };
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(ErrorKind::InvalidData)?;
            seen.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        self.framing = if seen.header("transfer-encoding").is_some() {
            Framing::Chunked
        } else {
            Framing::Counted(seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0))
        };
        self.digest = Context::new(&SHA256);
        self.kept.clear();
        Ok(Some(seen))
    }

    /// Reads the body; `came` hears the length of every piece.
    pub async fn body(&mut self, seen: &Seen, mut came: impl FnMut(u64)) -> Result<()> {
        if seen.header("expect").is_some_and(|expect| expect.eq_ignore_ascii_case("100-continue")) {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        match self.framing {
            Framing::Counted(length) => self.take(length, &mut came).await?,
            Framing::Chunked => loop {
                let line = self.line().await?;
                let length = line.split(';').next().unwrap_or_default().trim();
                let length = u64::from_str_radix(length, 16).map_err(|_| Error::from(ErrorKind::InvalidData))?;
                if length == 0 {
                    while !self.line().await?.is_empty() {}
                    break;
                }
                self.take(length, &mut came).await?;
                self.line().await?;
            },
        }
        Ok(())
    }

    /// The first part of the body that was read, and the SHA-256 of all of it.
    pub fn read(&self) -> (&[u8], String) {
        let sum = self.digest.clone().finish();
        (&self.kept, sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    async fn take(&mut self, mut length: u64, came: &mut impl FnMut(u64)) -> Result<()> {
        while length > 0 {
            let piece = self.stream.fill_buf().await?;
            if piece.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let count = piece.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            self.digest.update(&piece[..count]);
            let room = KEPT.saturating_sub(self.kept.len()).min(count);
            self.kept.extend_from_slice(&piece[..room]);
            self.stream.consume(count);
            length -= count as u64;
            came(count as u64);
        }
        Ok(())
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(LINE).read_until(b'\n', &mut line).await?;
        if read as u64 == LINE {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Returns when the caller has closed its side; never while it waits for its answer.
    pub async fn gone(&mut self) {
        // A caller that sends on has not left.
        if !matches!(self.stream.fill_buf().await, Ok([]) | Err(_)) {
            std::future::pending::<()>().await;
        }
    }

    /// Writes a whole answer, without its body where `method` is `HEAD`.
    pub async fn answer(&mut self, method: &str, answer: &Answer) -> Result<()> {
        let mut out = head(answer.status, &answer.fields);
        let bare = matches!(answer.status, 100..200 | 204 | 304);
        if !bare {
            out.push_str(&format!("content-length: {}\r\n", answer.body.len()));
        }
        out.push_str("\r\n");
        let mut out = out.into_bytes();
        if method != "HEAD" && !bare {
            out.extend_from_slice(&answer.body);
        }
        self.write(&out).await
    }

    /// Writes bytes and sends them off.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).await?;
        self.stream.get_mut().flush().await
    }
}

/// A head without the empty line at its end.
pub fn head(status: u16, fields: &[(String, String)]) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Status");
    let mut out = format!("HTTP/1.1 {status} {reason}\r\n");
    for (name, value) in fields {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out
}
