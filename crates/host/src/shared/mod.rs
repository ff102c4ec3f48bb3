//! What several processes share: one connection to a Redis server, kept in the background.
//!
//! The promise is to the hot path. A request waits for the server at most [`RedisConfig::timeout`],
//! and only while the server counts as there. The first answer that fails or does not come makes
//! it lost; from then on every request learns so at once, without waiting, until the keeper in
//! the background has found it again and it took a write. What a lost server means is decided by
//! who asked: a cache misses, a limit does what its declaration says.
//!
//! One server, or the primary behind one address. A cluster that shards keys is not supported:
//! the scripts touch several keys at once.

pub mod config;

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll_core::{Code, Result};
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisResult, TlsCertificates, aio::MultiplexedConnection};
use tokio::sync::Notify;

use self::config::RedisConfig;

/// How often a server that is there is asked whether it still is.
const BEAT: Duration = Duration::from_secs(1);
/// Losses closer together than this are followed by a pause, so that a server that answers every
/// other time is not connected to without end.
const FLAPPING: Duration = Duration::from_secs(5);

/// The server is away, or did not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

/// The way to the shared server.
pub struct Shared {
    client: Client,
    prefix: String,
    timeout: Duration,
    connect_timeout: Duration,
    pause: Duration,
    connection: Mutex<Option<MultiplexedConnection>>,
    wake: Arc<Notify>,
    lost_at: Mutex<Option<Instant>>,
    calls: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    losses: AtomicU64,
}

/// How the shared server is used, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauges {
    /// Whether it answers.
    pub there: bool,
    /// Calls that were answered.
    pub answered: u64,
    /// Calls that failed or were not answered in time.
    pub failed: u64,
    /// Calls that were not made because it was lost.
    pub skipped: u64,
    /// How often it was lost.
    pub losses: u64,
}

/// The client for the section; nothing where no address is set.
fn client(section: &RedisConfig) -> Result<Option<Client>> {
    let Some(url) = &section.url else { return Ok(None) };
    // The library's own words may repeat the address, and with it the password.
    let wrong = |_| Code::ConfigInvalid.because("the address of the Redis server cannot be read; write redis://:password@host:6379/0");
    let made = match &section.root_certificates {
        None => Client::open(url.expose()).map_err(wrong)?,
        Some(path) => {
            let pem = std::fs::read(path)
                .map_err(|cause| Code::ConfigInvalid.because("the file with certificates for Redis cannot be read").caused_by(cause))?;
            let tls = TlsCertificates { client_tls: None, root_cert: Some(pem) };
            Client::build_with_tls(url.expose(), tls).map_err(wrong)?
        }
    };
    Ok(Some(made))
}

impl Shared {
    /// What the section says; nothing where no server is named. Nothing is connected yet.
    ///
    /// # Errors
    /// `ConfigInvalid` for an address that cannot be read.
    pub fn new(section: &RedisConfig) -> Result<Option<Arc<Shared>>> {
        Ok(client(section)?.map(|client| {
            Arc::new(Shared {
                client,
                prefix: section.prefix.clone(),
                timeout: section.timeout.duration(),
                connect_timeout: section.connect_timeout.duration(),
                pause: section.pause.duration(),
                connection: Mutex::default(),
                wake: Arc::default(),
                lost_at: Mutex::default(),
                calls: AtomicU64::new(0),
                failed: AtomicU64::new(0),
                skipped: AtomicU64::new(0),
                losses: AtomicU64::new(0),
            })
        }))
    }

    /// A key of ours.
    pub fn key(&self, kind: &str, rest: &str) -> String {
        format!("{}:{kind}:{rest}", self.prefix)
    }

    /// Whether the server answered last.
    pub fn is_there(&self) -> bool {
        lock(&self.connection).is_some()
    }

    /// How it is used.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            there: self.is_there(),
            answered: self.calls.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            losses: self.losses.load(Ordering::Relaxed),
        }
    }

    /// One command.
    ///
    /// # Errors
    /// [`Lost`], at once where the server is known to be away, after the timeout otherwise.
    pub async fn command<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, Lost> {
        self.with(|mut connection| async move { command.query_async(&mut connection).await }).await
    }

    /// Several commands in one go.
    ///
    /// # Errors
    /// As [`command`](Shared::command).
    pub async fn pipe(&self, pipe: &redis::Pipeline) -> Result<(), Lost> {
        self.with(|mut connection| async move { pipe.query_async(&mut connection).await }).await
    }

    /// One script, which runs as a whole or not at all.
    ///
    /// # Errors
    /// As [`command`](Shared::command).
    pub async fn script<T: FromRedisValue>(&self, script: &redis::ScriptInvocation<'_>) -> Result<T, Lost> {
        self.with(|mut connection| async move { script.invoke_async(&mut connection).await }).await
    }

    async fn with<T, F: Future<Output = RedisResult<T>>>(&self, ask: impl FnOnce(MultiplexedConnection) -> F) -> Result<T, Lost> {
        let Some(connection) = lock(&self.connection).clone() else {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return Err(Lost);
        };
        match tokio::time::timeout(self.timeout, ask(connection)).await {
            Ok(Ok(answer)) => {
                self.calls.fetch_add(1, Ordering::Relaxed);
                Ok(answer)
            }
            Ok(Err(error)) => Err(self.lose(&error.to_string())),
            Err(_) => Err(self.lose("it did not answer in time")),
        }
    }

    /// From now on nobody waits for it; the keeper looks for it.
    fn lose(&self, why: &str) -> Lost {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if lock(&self.connection).take().is_some() {
            self.losses.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                cause = why,
                "the shared Redis server is lost; limits do what they declare, and the cache stays in this process"
            );
            self.wake.notify_one();
        }
        Lost
    }

    /// Connects, and believes it only once the server took a write.
    async fn find(&self) -> RedisResult<()> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(self.connect_timeout));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        alive(&self.key("alive", "at")).query_async::<()>(&mut connection).await?;
        *lock(&self.connection) = Some(connection);
        Ok(())
    }

    /// Keeps the connection for as long as the value lives.
    pub fn keep(self: &Arc<Shared>) {
        tokio::spawn(keep(Arc::downgrade(self), self.wake.clone()));
    }

    /// Connects now, if that can be done; the keeper goes on trying otherwise.
    pub async fn connect(&self) {
        if let Err(cause) = self.find().await {
            tracing::warn!(cause = %cause, "the shared Redis server is not to be reached; it is looked for in the background");
        }
    }

    /// Asks the server whether it is there, for the report of health.
    ///
    /// # Errors
    /// `UpstreamUnreachable` while it is lost.
    pub async fn check(&self) -> Result<()> {
        let there = self.command::<()>(&redis::cmd("PING")).await;
        there.map_err(|Lost| {
            Code::UpstreamUnreachable.because("the shared Redis server is lost; limits do what they declare, the cache is local")
        })
    }

    /// Asks the server for its version, on a connection of its own: for a person who wants to know.
    ///
    /// # Errors
    /// `UpstreamUnreachable` with what went wrong, without the address.
    pub async fn version(&self) -> Result<String> {
        let away = |cause: String| Code::UpstreamUnreachable.because(format!("the Redis server does not answer: {cause}"));
        let asked = async {
            self.find().await?;
            let Some(mut connection) = lock(&self.connection).clone() else { return Ok(String::new()) };
            redis::cmd("INFO").arg("server").query_async::<String>(&mut connection).await
        };
        let told = tokio::time::timeout(self.connect_timeout * 2, asked).await.map_err(|_| away("it took too long".to_owned()))?;
        let told = told.map_err(|cause| away(cause.to_string()))?;
        let version = told.lines().find_map(|line| line.strip_prefix("redis_version:"));
        Ok(version.unwrap_or("unknown").trim().to_owned())
    }
}

/// A write: a server that is full, or a copy that only reads, is of no use to a counter.
fn alive(key: &str) -> redis::Cmd {
    let mut command = redis::cmd("SET");
    command.arg(key).arg(1).arg("PX").arg(10_000);
    command
}

async fn keep(shared: Weak<Shared>, wake: Arc<Notify>) {
    loop {
        let Some(here) = shared.upgrade() else { return };
        let rest = if here.is_there() {
            // What fails is noted by the call itself.
            let _ = here.command::<()>(&alive(&here.key("alive", "at"))).await;
            BEAT
        } else {
            match here.find().await {
                Ok(()) => {
                    tracing::info!("the shared Redis server answers");
                    BEAT
                }
                Err(_) => here.pause,
            }
        };
        drop(here);
        let woken = tokio::time::timeout(rest, wake.notified()).await.is_ok();
        let Some(here) = shared.upgrade() else { return };
        if woken {
            let before = lock(&here.lost_at).replace(Instant::now());
            if before.is_some_and(|before| before.elapsed() < FLAPPING) {
                let pause = here.pause;
                drop(here);
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// A panic cannot leave one of these half written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
