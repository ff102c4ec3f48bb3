//! The supervised process of `plimsoll run`.
//!
//! **Promises.** The service is started with a port of its own and started again when it ends;
//! requests reach it only while it answers; what it prints is in our log; it is asked to end only
//! after the requests in flight have been answered; and nothing of it outlives us, however we end
//! (see [`shepherd`]).
//!
//! **Does not promise** that a program in the background stays: one that ends its first process and
//! goes on in another counts as ended, and what it left behind is killed.

mod command;
mod lines;
mod listening;
mod pace;
pub mod port;
mod process;
pub mod shepherd;
pub mod signals;
mod words;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll::{
    Code, Error,
    telemetry::Redactor,
    upstream::{config::ServiceConfig, lifecycle::Lifecycle},
};
use plimsoll_core::Seed;
use rustix::process::Signal;
use tokio::sync::{mpsc, watch};

pub use command::CommandLine;
use lines::{Capture, Stream};
use pace::Pace;
use port::Seen;
use process::{End, Process};

/// Pauses between two looks at a service that is starting: doubled from the first to the last.
const LOOKS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];
/// How long what a service printed may take to arrive after its end.
const REST: Duration = Duration::from_secs(2);

/// What a running supervisor is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Pass a signal on.
    Signal(Signal),
    /// End the service, with time to finish.
    Stop,
    /// End it at once.
    Kill,
}

/// Why a service is given up.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// The last lines it printed, secrets masked.
    pub last: Vec<String>,
}

/// Starts a service and keeps it running.
pub struct Supervisor {
    /// What to start.
    pub command: CommandLine,
    /// The port it gets.
    pub port: u16,
    /// The section `[service]`.
    pub config: ServiceConfig,
    /// Chance, for the pauses between two starts.
    pub seed: Seed,
    /// Masks what the log must not show.
    pub redactor: Redactor,
    /// Where the service's state is told.
    pub state: watch::Sender<Lifecycle>,
    /// What is known about it besides.
    pub facts: Arc<Facts>,
}

/// What others may want to know about a supervised service.
#[derive(Debug, Default)]
pub struct Facts {
    /// Processes that were started.
    pub starts: AtomicU64,
    /// Whether the running process can be reached from other machines, past the host.
    pub exposed: AtomicBool,
}

/// How one life of the service ended.
enum Life {
    /// By itself.
    Ended { end: End, lived: Duration, ready: Option<Duration> },
    /// By us, because it was not ready in time; why not.
    Late(String),
    /// It was not even begun, because somebody else has the port.
    Taken,
    /// The system did not start it.
    Refused(Error),
    /// By us, because we were told to.
    Stopped,
}

impl Supervisor {
    /// Runs the service until it is told to stop, or until the service fails for good.
    ///
    /// # Errors
    /// The service cannot be started, or it has failed as often as it may before it was ever ready.
    pub async fn run(self, mut orders: mpsc::Receiver<Order>) -> Result<(), Failure> {
        let capture = Capture::new(self.config.name.clone(), self.redactor.clone());
        let done = self.keep(&capture, &mut orders).await;
        self.state.send_replace(Lifecycle::Stopped);
        let last = capture.last().await;
        done.map_err(|error| Failure { error, last })
    }

    async fn keep(&self, capture: &Capture, orders: &mut mpsc::Receiver<Order>) -> Result<(), Error> {
        let (mut pace, mut was_ready) = (Pace::default(), false);
        let service = &self.config.name;
        for start in 1u64.. {
            self.state.send_replace(if was_ready { Lifecycle::Restarting } else { Lifecycle::Starting });
            capture.forget();
            let (what, ready) = match self.live(capture, orders).await {
                Life::Stopped => return Ok(()),
                Life::Refused(error) if start == 1 => return Err(error),
                Life::Refused(error) => (error.public().to_owned(), None),
                Life::Taken => (format!("cannot have its port {}: another process listens there", self.port), None),
                Life::Late(why) => (why, None),
                Life::Ended { end, lived, ready } => (format!("{end} after {:.1} s", lived.as_secs_f64()), ready),
            };
            was_ready |= ready.is_some();
            let pause = pace.after(ready, &self.seed);
            let failures = pace.failures();
            if !was_ready && failures >= self.config.start_attempts {
                return Err(Code::ServiceFailed.because(self.given_up(failures, &what)));
            }
            self.state.send_replace(if was_ready { Lifecycle::Restarting } else { Lifecycle::Starting });
            let next_start_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(service, failures, next_start_ms, "the service {what}; it is started again");
            if !rest(pause, orders).await {
                return Ok(());
            }
        }
        Ok(())
    }

    fn given_up(&self, failures: u32, what: &str) -> String {
        let name = self.command.name();
        let times = if failures == 1 { "once".to_owned() } else { format!("{failures} times") };
        // `--port $PORT` without quotes reaches us without a port: the commonest mistake, and the
        // program's own complaint about it does not lead there.
        let quotes = if self.command.names_port() || what.contains("$PORT") {
            ""
        } else {
            "; if `$PORT` stood in the command, the shell has replaced it before we could: put it in single quotes"
        };
        format!("`{name}` was started {times} and was never ready; the last time it {what}{quotes}")
    }

    async fn live(&self, capture: &Capture, orders: &mut mpsc::Receiver<Order>) -> Life {
        if !port::is_free(self.port) {
            return Life::Taken;
        }
        let mut variables = vec![("PORT", self.port.to_string()), ("HOST", "127.0.0.1".to_owned())];
        if std::env::var_os("PYTHONUNBUFFERED").is_none() {
            // Otherwise Python keeps lines back until it has 8 KiB of them, and loses them when it is killed.
            variables.push(("PYTHONUNBUFFERED", "1".to_owned()));
        }
        let (mut process, printed) = match Process::start(&self.command.with_port(self.port), &variables).await {
            Ok(started) => started,
            Err(error) => return Life::Refused(error),
        };
        self.facts.starts.fetch_add(1, Ordering::Relaxed);
        tracing::info!(service = self.config.name, pid = process.pid, port = self.port, "the service's process has started");
        let readers = [capture.read(Stream::Out, printed.stdout), capture.read(Stream::Err, printed.stderr)];
        let life = self.watch(&mut process, orders).await;
        for reader in readers {
            let stop = reader.abort_handle();
            // Its end is the end of everything the service started; what got away keeps it open.
            if tokio::time::timeout(REST, reader).await.is_err() {
                stop.abort();
            }
        }
        // Its last words stand before its end; a log that stands still must not hold up ours.
        let _ = tokio::time::timeout(REST, capture.written()).await;
        if let (Some(end), Life::Stopped | Life::Late(_)) = (process.known_end(), &life) {
            tracing::info!(service = self.config.name, "the service {end}");
        }
        life
    }

    /// Watches a process from its start to its end.
    async fn watch(&self, process: &mut Process, orders: &mut mpsc::Receiver<Order>) -> Life {
        let (service, begun) = (&self.config.name, Instant::now());
        let mut ready: Option<Instant> = None;
        let (mut pause, mut seen) = (LOOKS[0], Seen::Nothing);
        let patience = self.config.start_timeout.duration();
        let mut late = pin!(tokio::time::sleep(patience));
        loop {
            // A look that is broken off by another event is only begun again.
            let look = async {
                tokio::time::sleep(pause).await;
                port::look(self.port, self.config.ready_path.as_deref()).await
            };
            tokio::select! {
                end = process.ended() => return Life::Ended { end, lived: begun.elapsed(), ready: ready.map(|since| since.elapsed()) },
                found = look, if ready.is_none() => {
                    pause = (pause * 2).min(LOOKS[1]);
                    seen = found;
                    if found == Seen::Answers {
                        ready = Some(Instant::now());
                        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                        tracing::info!(service, took_ms, "the service is ready");
                        self.look_for_exposure(process.pid).await;
                        self.state.send_replace(Lifecycle::Ready);
                    }
                }
                () = &mut late, if ready.is_none() => {
                    let why = self.why_late(seen, process.pid, patience);
                    return if self.stop(process, orders).await { Life::Stopped } else { Life::Late(why) };
                }
                order = orders.recv() => match order {
                    Some(Order::Signal(signal)) => {
                        tracing::info!(service, signal = process::name(signal), "passed on to the service");
                        process.signal(signal).await;
                    }
                    Some(Order::Kill) => {
                        process.kill().await;
                        return Life::Stopped;
                    }
                    Some(Order::Stop) | None => {
                        self.stop(process, orders).await;
                        return Life::Stopped;
                    }
                },
            }
        }
    }

    /// A service that other machines reach past the host is not protected by it.
    async fn look_for_exposure(&self, pid: i32) {
        let port = self.port;
        let exposed = tokio::task::spawn_blocking(move || listening::exposed(pid, port)).await.unwrap_or_default();
        self.facts.exposed.store(exposed, Ordering::Relaxed);
        if exposed {
            tracing::warn!(
                service = self.config.name,
                port,
                "the service listens on every address of this machine: whoever reaches the machine reaches it past the host. \
                 Bind it to 127.0.0.1, as with `--bind 127.0.0.1:$PORT`"
            );
        }
    }

    /// Asks the process to end and kills it when it does not in time. True when we were told to
    /// stop meanwhile.
    async fn stop(&self, process: &mut Process, orders: &mut mpsc::Receiver<Order>) -> bool {
        let (service, patience) = (&self.config.name, self.config.stop_timeout.duration());
        let mut told = false;
        process.signal(Signal::TERM).await;
        let mut late = pin!(tokio::time::sleep(patience));
        loop {
            tokio::select! {
                _ = process.ended() => return told,
                () = &mut late => break,
                order = orders.recv(), if !told || !orders.is_closed() => match order {
                    Some(Order::Signal(_)) => {}
                    Some(Order::Stop) | None => told = true,
                    Some(Order::Kill) => {
                        told = true;
                        break;
                    }
                },
            }
        }
        let waited_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(service, waited_ms, "the service did not end when it was asked to, and is killed");
        process.kill().await;
        told
    }

    /// Why it is not ready, with what can be seen from outside.
    fn why_late(&self, seen: Seen, pid: i32, patience: Duration) -> String {
        let (port, seconds) = (self.port, patience.as_secs_f64());
        if seen == Seen::Listens {
            let path = self.config.ready_path.as_deref().unwrap_or("/");
            return format!("took connections on port {port}, but did not answer `{path}` with a status below 500 within {seconds} s");
        }
        let elsewhere: Vec<String> = listening::ports(pid).iter().map(u16::to_string).collect();
        let mut why = format!("did not listen on 127.0.0.1:{port} within {seconds} s");
        if !elsewhere.is_empty() {
            why = format!("{why} but on port {}", elsewhere.join(", "));
        }
        if !self.command.names_port() {
            why = format!(
                "{why}; the command line does not name $PORT, and not every program reads the variable PORT: \
                 hand it over as the program wants it, such as `--port '$PORT'`"
            );
        }
        why
    }
}

/// Waits before the next start; false when we are told to stop.
async fn rest(pause: Duration, orders: &mut mpsc::Receiver<Order>) -> bool {
    let mut over = pin!(tokio::time::sleep(pause));
    loop {
        tokio::select! {
            () = &mut over => return true,
            order = orders.recv() => match order {
                // Nobody is there to get it.
                Some(Order::Signal(_)) => {}
                Some(Order::Stop | Order::Kill) | None => return false,
            },
        }
    }
}
