//! A Redis server of the prober's own, for what several processes share.

use std::{env, net::TcpListener, path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::{Trouble, scratch::Scratch};

/// How long a start may take on a machine that has much else to do.
const START: Duration = Duration::from_secs(10);

/// The server. It ends when this is dropped.
pub struct Redis {
    port: u16,
    child: Child,
    _home: Scratch,
}

impl Redis {
    /// Starts one that keeps nothing on disk.
    ///
    /// # Errors
    /// Where no such program is installed, or it does not start.
    pub async fn start() -> Result<Redis, Trouble> {
        let program = program()
            .ok_or_else(|| Trouble::new("this needs a Redis server, and neither redis-server nor valkey-server is installed here"))?;
        let home = Scratch::new()?;
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = port.map_err(|error| Trouble::new(format!("no port for Redis: {error}")))?.port();
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"]).arg(home.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().map_err(|error| Trouble::new(format!("Redis cannot be run: {error}")))?;
        let end = Instant::now() + START;
        while !answers(port).await {
            if Instant::now() >= end {
                return Err(Trouble::new("Redis did not start in time"));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(Redis { port, child, _home: home })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Ends it as a crash would.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn kill(&mut self) -> Result<(), Trouble> {
        self.child.kill().await.map_err(|error| Trouble::new(format!("Redis cannot be ended: {error}")))
    }
}

fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    ["redis-server", "valkey-server"].iter().find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|file| file.is_file()))
}

async fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
    let mut told = [0; 5];
    stream.write_all(b"PING\r\n").await.is_ok() && stream.read_exact(&mut told).await.is_ok() && &told == b"+PONG"
}
