//! A service that writes down what reaches it, and understands nothing that is not said exactly.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use super::Wire;

/// A request as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// `GET /path HTTP/1.1`.
    pub line: String,
    /// Names as they were spelt, and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Fields behind a chunked body.
    pub trailers: Vec<(String, String)>,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    /// What is wrong with it for a strict reader; such a connection is closed.
    pub fault: Option<String>,
}

impl Seen {
    /// The values of a header, whatever its case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }
    /// The one value of a header; `None` where it is absent.
    ///
    /// # Panics
    /// When there are several.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} came {} times: {self:?}", all.len());
        all.first().copied()
    }
}

type Script = dyn Fn(&Seen) -> Vec<u8> + Send + Sync;

/// The service. It ends when it is dropped.
pub struct Recorder {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    accepting: AbortHandle,
}

impl Recorder {
    /// Answers each request with the bytes that `script` gives for it: a whole answer, or part of
    /// one. No bytes, and an answer with `connection: close`, end the connection.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(script: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|e| panic!("no port is free: {e}"));
        let port = listener.local_addr().map_or(0, |address| address.port());
        let (seen, connections): (Arc<Mutex<Vec<Seen>>>, Arc<AtomicUsize>) = Default::default();
        let (noting, counting, script): (_, _, Arc<Script>) = (seen.clone(), connections.clone(), Arc::new(script));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (counting, noting, script) = (counting.clone(), noting.clone(), script.clone());
                tokio::spawn(async move {
                    // One that only looks whether somebody is there says nothing.
                    if speaks(&stream).await {
                        serve(stream, counting.fetch_add(1, Ordering::SeqCst), noting, script).await;
                    }
                });
            }
        });
        Recorder { port, seen, connections, accepting: accepting.abort_handle() }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
    /// What has arrived since this was last asked.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
    /// How many connections have been made on which something was said.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Waits for the first byte; false where none comes before the end.
async fn speaks(stream: &TcpStream) -> bool {
    stream.peek(&mut [0]).await.is_ok_and(|length| length > 0)
}

async fn serve(mut stream: TcpStream, connection: usize, seen: Arc<Mutex<Vec<Seen>>>, script: Arc<Script>) {
    let mut waiting = Vec::new();
    loop {
        let mut request = Seen { connection, ..Seen::default() };
        match read(&mut stream, &mut waiting, &mut request).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(fault) => request.fault = Some(fault.to_string()),
        }
        let broken = request.fault.is_some();
        let answer = script(&request);
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let ends = answer.is_empty() || String::from_utf8_lossy(&answer).to_ascii_lowercase().contains("connection: close");
        if broken || stream.write_all(&answer).await.is_err() || ends {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

fn wrong(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// One line without its end, which must be exactly CR LF; nothing where the peer closed in front of it.
async fn line(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        if let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let mut line: Vec<u8> = waiting.drain(..=end).collect();
            line.pop();
            if line.pop() != Some(b'\r') || line.contains(&b'\r') || line.contains(&0) {
                return Err(wrong(format!("a line does not end in CR LF: {:?}", String::from_utf8_lossy(&line))));
            }
            return String::from_utf8(line).map(Some).map_err(|_| wrong("a line is no text"));
        }
        if stream.read_buf(waiting).await? == 0 {
            return if waiting.is_empty() {
                Ok(None)
            } else {
                Err(wrong(format!("ends within a line: {:?}", String::from_utf8_lossy(waiting))))
            };
        }
    }
}

async fn bytes(stream: &mut TcpStream, waiting: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    while waiting.len() < length {
        if stream.read_buf(waiting).await? == 0 {
            return Err(wrong("ends within a body"));
        }
    }
    let rest = waiting.split_off(length);
    Ok(std::mem::replace(waiting, rest))
}

async fn fields(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> io::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    while let Some(text) = line(stream, waiting).await? {
        if text.is_empty() {
            return Ok(fields);
        }
        let (name, value) = text.split_once(':').ok_or_else(|| wrong(format!("no field: {text:?}")))?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte)) {
            return Err(wrong(format!("no name of a field: {name:?}")));
        }
        fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
    }
    Err(wrong("ends within its head"))
}

/// Reads one request; false where the peer closed before it began.
async fn read(stream: &mut TcpStream, waiting: &mut Vec<u8>, request: &mut Seen) -> io::Result<bool> {
    let Some(first) = line(stream, waiting).await? else { return Ok(false) };
    request.line = first;
    if request.line.split(' ').count() != 3 || !request.line.ends_with(" HTTP/1.1") {
        return Err(wrong("the first line is none"));
    }
    request.headers = fields(stream, waiting).await?;
    let (lengths, codings) = (request.all("content-length").join("|"), request.all("transfer-encoding").join("|"));
    match (lengths.as_str(), codings.as_str()) {
        ("", "") => {}
        (length, "") => {
            let length = length.parse().map_err(|_| wrong(format!("no length: {length:?}")))?;
            request.body = bytes(stream, waiting, length).await?;
        }
        ("", "chunked") => loop {
            let size = line(stream, waiting).await?.ok_or_else(|| wrong("ends within its chunks"))?;
            let size = usize::from_str_radix(&size, 16).map_err(|_| wrong(format!("no size of a chunk: {size:?}")))?;
            if size == 0 {
                request.trailers = fields(stream, waiting).await?;
                break;
            }
            let chunk = bytes(stream, waiting, size + 2).await?;
            request.body.extend_from_slice(chunk.strip_suffix(b"\r\n").ok_or_else(|| wrong("a chunk does not end where it says"))?);
        },
        _ => return Err(wrong(format!("framed by {lengths:?} and {codings:?}"))),
    }
    Ok(true)
}

/// A service whose part the test plays itself, byte by byte.
pub struct Stage {
    listener: TcpListener,
    address: String,
}

impl Stage {
    /// Listens.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn open() -> Stage {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|e| panic!("no port is free: {e}"));
        let address = listener.local_addr().map_or_else(|_| String::new(), |address| address.to_string());
        Stage { listener, address }
    }
    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    /// The next connection on which something is said; others are let go.
    ///
    /// # Panics
    /// When none is made within 30 seconds.
    pub async fn accept(&self) -> Wire {
        let next = async {
            loop {
                if let Ok((stream, peer)) = self.listener.accept().await
                    && speaks(&stream).await
                {
                    return Wire::of(stream, peer.to_string());
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), next).await {
            Ok(wire) => wire,
            Err(_) => panic!("nobody speaks to {}", self.address),
        }
    }
}
