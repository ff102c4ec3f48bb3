//! What the service prints, line by line, on its way into our log.
//!
//! **Promises.** No line grows without bound: 16 KiB are kept, and the log says how much was cut.
//! The service is never held up for long: it may have to wait a moment for a log that is busy, but
//! for one that stands still or crawls it waits a fifth of a second in all. Then lines are dropped
//! until half of the queue is free again, counted, and the count is written down. Whatever is not
//! text is shown as far as it is.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll::telemetry::{Level, Redactor};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    sync::{mpsc, oneshot},
};

use super::words::Ear;

/// How much of a line is kept, in bytes.
const LONGEST: usize = 16 << 10;
/// How many lines may wait to be written.
const WAITING: usize = 256;
/// How long the service may be held up in all when there is no room.
const PATIENCE: Duration = Duration::from_millis(200);
/// A wait of this length costs no patience: on a busy machine every thread waits for its turn. A log
/// that stands still takes longer for each line ([`plimsoll::telemetry::log`]).
const SHORT: Duration = Duration::from_millis(40);
/// How often at most the loss of lines is written down while it goes on.
const REPORT: Duration = Duration::from_secs(1);
/// Patience grows back so much slower than time passes.
const REGROWTH: u32 = 20;
/// How many lines are remembered to be shown when the service fails.
const REMEMBERED: usize = 20;

/// Which of its outputs a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    const fn name(self) -> &'static str {
        match self {
            Stream::Out => "stdout",
            Stream::Err => "stderr",
        }
    }
}

enum Item {
    Line { stream: Stream, bytes: Vec<u8>, cut: usize },
    Mark(oneshot::Sender<()>),
}

/// Writes lines into the log, on a thread of its own: a log that has no room makes it wait.
pub struct Capture {
    lines: mpsc::Sender<Item>,
    lost: Arc<AtomicU64>,
    last: Arc<Mutex<VecDeque<String>>>,
}

impl Capture {
    /// Begins to write lines of the service called `service`. The thread ends when this value and
    /// everything that reads for it have gone.
    pub fn new(service: String, redactor: Redactor) -> Capture {
        let (lines, items) = mpsc::channel(WAITING);
        let last: Arc<Mutex<VecDeque<String>>> = Arc::default();
        let lost: Arc<AtomicU64> = Arc::default();
        let (remembered, losses) = (last.clone(), lost.clone());
        // Without a thread nobody receives, and every line counts as lost: the service goes on.
        let _ =
            std::thread::Builder::new().name("service-log".into()).spawn(move || write(&service, &redactor, items, &losses, &remembered));
        Capture { lines, lost, last }
    }

    /// Reads one of its outputs until it ends.
    pub fn read(&self, stream: Stream, source: impl AsyncRead + Unpin + Send + 'static) -> tokio::task::JoinHandle<()> {
        tokio::spawn(forward(stream, source, self.lines.clone(), self.lost.clone()))
    }

    /// Waits until everything that was read has been written.
    pub async fn written(&self) {
        let (mark, passed) = oneshot::channel();
        if self.lines.send(Item::Mark(mark)).await.is_ok() {
            let _ = passed.await;
        }
    }

    /// Waits until everything that was read has been written, and answers with the last lines.
    pub async fn last(&self) -> Vec<String> {
        self.written().await;
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Forgets the last lines: those of the next process are to be shown.
    pub fn forget(&self) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// What is left of the patience with a log that has no room.
struct Patience {
    left: Duration,
    at: Instant,
}

impl Patience {
    fn new() -> Patience {
        Patience { left: PATIENCE, at: Instant::now() }
    }

    /// Waits for room as long as there is patience; whether there is room.
    async fn room<'l>(&mut self, lines: &'l mpsc::Sender<Item>) -> Option<mpsc::Permit<'l, Item>> {
        let begun = Instant::now();
        self.left = PATIENCE.min(self.left + (begun - self.at) / REGROWTH);
        self.at = begun;
        let room = tokio::time::timeout(self.left.max(SHORT), lines.reserve()).await;
        let waited = begun.elapsed();
        if waited > SHORT {
            self.left = self.left.saturating_sub(waited);
        }
        room.ok().and_then(Result::ok)
    }
}

async fn forward(stream: Stream, source: impl AsyncRead + Unpin, lines: mpsc::Sender<Item>, lost: Arc<AtomicU64>) {
    let mut source = BufReader::new(source);
    let (mut dropping, mut patience) = (false, Patience::new());
    while let Some((bytes, cut)) = next(&mut source).await {
        let shown = bytes.iter().any(|byte| !byte.is_ascii_whitespace());
        if !shown {
            continue;
        }
        // Once begun, dropping goes on until the log has really caught up. Until then lines wait in
        // the queue, and whoever takes them sees the count.
        dropping &= lines.capacity() <= lines.max_capacity() / 2;
        let place = if dropping { None } else { patience.room(&lines).await };
        match place {
            Some(place) => place.send(Item::Line { stream, bytes, cut }),
            None => {
                dropping = true;
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// The next line without its end, and how many bytes of it were cut; nothing at the end.
async fn next(source: &mut (impl AsyncBufReadExt + Unpin)) -> Option<(Vec<u8>, usize)> {
    let (mut kept, mut cut, mut begun) = (Vec::new(), 0usize, false);
    loop {
        let Ok(some) = source.fill_buf().await else { return None };
        if some.is_empty() {
            return begun.then_some((kept, cut));
        }
        begun = true;
        let end = some.iter().position(|byte| *byte == b'\n');
        let piece = &some[..end.unwrap_or(some.len())];
        let room = LONGEST.saturating_sub(kept.len()).min(piece.len());
        kept.extend_from_slice(&piece[..room]);
        cut += piece.len() - room;
        let used = end.map_or(some.len(), |end| end + 1);
        source.consume(used);
        if end.is_some() {
            if cut == 0 && kept.last() == Some(&b'\r') {
                kept.pop();
            }
            return Some((kept, cut));
        }
    }
}

/// A line as an event. The level of an event has to be known when it is compiled; so five of them.
macro_rules! event {
    ($level:expr, $($fields:tt)*) => {
        match $level {
            Level::Error => tracing::error!(target: "plimsoll::service", $($fields)*),
            Level::Warn => tracing::warn!(target: "plimsoll::service", $($fields)*),
            Level::Info => tracing::info!(target: "plimsoll::service", $($fields)*),
            Level::Debug => tracing::debug!(target: "plimsoll::service", $($fields)*),
            Level::Trace => tracing::trace!(target: "plimsoll::service", $($fields)*),
        }
    };
}

fn write(service: &str, redactor: &Redactor, mut items: mpsc::Receiver<Item>, lost: &AtomicU64, last: &Mutex<VecDeque<String>>) {
    let mut reported = Instant::now();
    let mut ears = [Ear::default(), Ear::default()];
    while let Some(item) = items.blocking_recv() {
        match item {
            Item::Line { stream, bytes, cut } => {
                let text = String::from_utf8_lossy(&bytes);
                let said = ears[stream as usize].hear(&text, redactor);
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.len() == REMEMBERED {
                    last.pop_front();
                }
                last.push_back(redactor.text(&said.message).into_owned());
                drop(last);
                let cut_bytes = (cut > 0).then_some(cut as u64);
                event!(said.level, service, stream = stream.name(), fields = said.fields.as_deref(), cut_bytes, "{}", said.message);
            }
            Item::Mark(passed) => drop(passed.send(())),
        }
        if lost.load(Ordering::Relaxed) > 0 && (items.is_empty() || reported.elapsed() > REPORT) {
            let lines = lost.swap(0, Ordering::Relaxed);
            tracing::warn!(service, lines, "the log was too slow for what the service prints; these lines are lost");
            reported = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn all(bytes: &[u8]) -> Vec<(Vec<u8>, usize)> {
        let mut source = BufReader::with_capacity(100, bytes);
        let mut found = Vec::new();
        while let Some(line) = next(&mut source).await {
            found.push(line);
        }
        found
    }

    #[tokio::test]
    async fn lines_are_split_bounded_and_never_lost_at_the_end() {
        let found = all(b"one\ntwo\r\n\nlast without end").await;
        let texts: Vec<&[u8]> = found.iter().map(|(bytes, _)| bytes.as_slice()).collect();
        assert_eq!(texts, [b"one".as_slice(), b"two", b"", b"last without end"]);
        assert!(all(b"").await.is_empty());

        let long = [vec![b'x'; LONGEST + 1234], b"\nnext\n".to_vec()].concat();
        let found = all(&long).await;
        assert_eq!((found[0].0.len(), found[0].1), (LONGEST, 1234));
        assert_eq!(found[1], (b"next".to_vec(), 0));
    }

    /// Prints 5,000 lines into a queue that `take` empties; how long it took, and what was taken and lost.
    async fn flooded(pause: Duration) -> (Duration, u64, u64) {
        let (mut service, source) = tokio::io::duplex(1024);
        let (lines, mut items) = mpsc::channel(16);
        let lost: Arc<AtomicU64> = Arc::default();
        let reading = tokio::spawn(forward(Stream::Out, source, lines, lost.clone()));
        let (fast, mut hurry) = tokio::sync::watch::channel(false);
        let taking = tokio::spawn(async move {
            let mut seen = 0;
            while items.recv().await.is_some() {
                seen += 1;
                if !pause.is_zero() && !*hurry.borrow() {
                    let _ = tokio::time::timeout(pause, hurry.changed()).await;
                }
            }
            seen
        });
        let begun = Instant::now();
        for number in 0..5_000 {
            service.write_all(format!("line {number}\n").as_bytes()).await.unwrap();
        }
        let took = begun.elapsed();
        fast.send_replace(true);
        drop(service);
        reading.await.unwrap();
        (took, taking.await.unwrap(), lost.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_log_that_stands_still_or_crawls_does_not_hold_up_the_service_and_the_loss_is_counted() {
        for pause in [Duration::from_secs(3600), Duration::from_millis(50)] {
            let (took, seen, lost) = flooded(pause).await;
            assert!(took < Duration::from_secs(5), "a line per {pause:?} is written, and the service goes on: {took:?}");
            assert!(seen >= 16 && lost > 4_000, "{seen} {lost}");
            assert_eq!(seen + lost, 5_000, "every line is either written or counted");
        }
    }

    #[tokio::test]
    async fn a_log_that_keeps_up_loses_nothing() {
        let (_, seen, lost) = flooded(Duration::ZERO).await;
        assert_eq!((seen, lost), (5_000, 0));
    }

    #[tokio::test]
    async fn the_last_lines_are_remembered_with_secrets_masked() {
        let capture = Capture::new("shop".into(), Redactor::default());
        let mut text = (0..30).map(|number| format!("line {number}\n")).collect::<String>().into_bytes();
        text.extend_from_slice(b"password=hunter2\nno \xff text\n");
        capture.read(Stream::Err, std::io::Cursor::new(text)).await.unwrap();
        let last = capture.last().await;
        assert_eq!(last.len(), REMEMBERED);
        assert_eq!(last[REMEMBERED - 1], "no \u{fffd} text");
        assert_eq!(last[REMEMBERED - 2], "password=***");
        assert_eq!(last[REMEMBERED - 3], "line 29");
        capture.forget();
        assert!(capture.last().await.is_empty());
    }
}
