//! A service that misbehaves as it is told, and counts what reaches it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Answers with 200.
    Well,
    /// Answers after so many milliseconds.
    Slow(u64),
    /// Reads and never answers.
    Silent,
    /// Resets the connection.
    Reset,
    /// Announces a thousand bytes, sends ten and closes.
    Half,
    /// Announces four bytes and sends a whole second answer behind them.
    Lie,
    /// Answers with what is no HTTP.
    Garbage,
    /// Answers with this status.
    Status(u16),
    /// Answers 503 to the first so many requests, 200 to the others.
    FailFirst(usize),
    /// Takes no connection.
    Away,
}

/// The service.
pub struct Bad {
    /// Where it listens, whether it does at the moment or not.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    manner: Mutex<Manner>,
    arrived: AtomicUsize,
    open: AtomicUsize,
    heads: Mutex<Vec<String>>,
    gone: AtomicBool,
}

impl Bad {
    /// One that behaves.
    pub async fn start() -> Arc<Bad> {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)));
        let shared = Arc::new(Shared {
            manner: Mutex::new(Manner::Well),
            arrived: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            heads: Mutex::default(),
            gone: AtomicBool::new(false),
        });
        let bad = Bad { address: listener.local_addr().unwrap(), shared, listening: Mutex::default() };
        bad.take(listener);
        Arc::new(bad)
    }

    /// How it behaves from now on, also on connections that are open.
    pub fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
        self.shared.heads.lock().unwrap().clear();
        self.shared.arrived.store(0, Ordering::SeqCst);
        let mut listening = self.listening.lock().unwrap();
        if manner == Manner::Away {
            self.shared.gone.store(true, Ordering::SeqCst);
            if let Some(task) = listening.take() {
                task.abort();
            }
        } else if listening.is_none() {
            drop(listening);
            self.shared.gone.store(false, Ordering::SeqCst);
            self.take(listen(self.address));
        }
    }

    /// Requests since it last changed its manner.
    pub fn arrived(&self) -> usize {
        self.shared.arrived.load(Ordering::SeqCst)
    }
    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
    /// The heads of the requests since it last changed its manner.
    pub fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }
    /// Its address as a setting.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn take(&self, listener: TcpListener) {
        let shared = self.shared.clone();
        *self.listening.lock().unwrap() = Some(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                tokio::spawn(async move {
                    shared.open.fetch_add(1, Ordering::SeqCst);
                    shared.serve(stream).await;
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        }));
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(1024).unwrap()
}

impl Shared {
    async fn serve(&self, mut stream: TcpStream) {
        while let Some(head) = request(&mut stream).await {
            if self.gone.load(Ordering::SeqCst) {
                return;
            }
            let number = self.arrived.fetch_add(1, Ordering::SeqCst) + 1;
            {
                let mut heads = self.heads.lock().unwrap();
                if heads.len() < 100 {
                    heads.push(head);
                }
            }
            let manner = *self.manner.lock().unwrap();
            let ok = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nwell";
            let failing = |status| format!("HTTP/1.1 {status} Failing\r\ncontent-length: 3\r\n\r\nbad");
            let answer = match manner {
                Manner::Well => ok.to_owned(),
                Manner::Slow(millis) => {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    ok.to_owned()
                }
                Manner::Silent => {
                    // Until the other side gives up.
                    let _ = stream.read(&mut [0; 1]).await;
                    return;
                }
                Manner::Reset => {
                    let _ = stream.set_zero_linger();
                    return;
                }
                Manner::Half => "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n0123456789".to_owned(),
                Manner::Lie => format!("{ok}{}", ok.replace("well", "EVIL")),
                Manner::Garbage => "\0\0\0 what is this\r\n\r\n".to_owned(),
                Manner::Status(status) => failing(status),
                Manner::FailFirst(first) => {
                    if number <= first {
                        failing(503)
                    } else {
                        ok.to_owned()
                    }
                }
                Manner::Away => return,
            };
            if stream.write_all(answer.as_bytes()).await.is_err() || matches!(manner, Manner::Half | Manner::Garbage) {
                return;
            }
        }
    }
}

/// The head of the next request; its body is read and thrown away.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length: Option<usize> = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(head)
}
