//! What the service prints, line by line, on its way into our log.
//!
//! **Promises.** No line grows without bound: 16 KiB are kept, and the log says how much was cut.
//! The service is never held up for long: when our log is too slow, it waits a tenth of a second
//! once, and from then on lines are dropped until there is room again, counted, and the count is
//! written down. Whatever is not text is shown as far as it is.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
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
/// How long the service may be held up when there is no room.
const PATIENCE: Duration = Duration::from_millis(100);
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
    Dropped(u64),
    Mark(oneshot::Sender<()>),
}

/// Writes lines into the log, on a thread of its own: a log that has no room makes it wait.
pub struct Capture {
    lines: mpsc::Sender<Item>,
    last: Arc<Mutex<VecDeque<String>>>,
}

impl Capture {
    /// Begins to write lines of the service called `service`. The thread ends when this value and
    /// everything that reads for it have gone.
    pub fn new(service: String, redactor: Redactor) -> Capture {
        let (lines, items) = mpsc::channel(WAITING);
        let last: Arc<Mutex<VecDeque<String>>> = Arc::default();
        let remembered = last.clone();
        // Without a thread nobody receives, and every line counts as lost: the service goes on.
        let _ = std::thread::Builder::new().name("service-log".into()).spawn(move || write(&service, &redactor, items, &remembered));
        Capture { lines, last }
    }

    /// Reads one of its outputs until it ends.
    pub fn read(&self, stream: Stream, source: impl AsyncRead + Unpin + Send + 'static) -> tokio::task::JoinHandle<()> {
        tokio::spawn(forward(stream, source, self.lines.clone()))
    }

    /// Waits until everything that was read has been written, and answers with the last lines.
    pub async fn last(&self) -> Vec<String> {
        let (mark, passed) = oneshot::channel();
        if self.lines.send(Item::Mark(mark)).await.is_ok() {
            let _ = passed.await;
        }
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Forgets the last lines: those of the next process are to be shown.
    pub fn forget(&self) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn forward(stream: Stream, source: impl AsyncRead + Unpin, lines: mpsc::Sender<Item>) {
    let mut source = BufReader::new(source);
    let mut dropped = 0u64;
    while let Some((bytes, cut)) = next(&mut source).await {
        let shown = bytes.iter().any(|byte| !byte.is_ascii_whitespace());
        if !shown {
            continue;
        }
        let line = Item::Line { stream, bytes, cut };
        if dropped > 0 {
            // No waiting any more until there is room for the count and for a line.
            let room = lines.try_reserve_many(2);
            match room {
                Ok(mut places) => {
                    for item in [Item::Dropped(dropped), line] {
                        if let Some(place) = places.next() {
                            place.send(item);
                        }
                    }
                    dropped = 0;
                }
                Err(_) => dropped += 1,
            }
        } else if lines.send_timeout(line, PATIENCE).await.is_err() {
            dropped = 1;
        }
    }
    if dropped > 0 {
        let _ = lines.send_timeout(Item::Dropped(dropped), PATIENCE).await;
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

fn write(service: &str, redactor: &Redactor, mut items: mpsc::Receiver<Item>, last: &Mutex<VecDeque<String>>) {
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
            Item::Dropped(lines) => {
                tracing::warn!(service, lines, "the log was too slow for what the service prints; these lines are lost");
            }
            Item::Mark(passed) => drop(passed.send(())),
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

    #[tokio::test]
    async fn a_log_that_stands_still_does_not_hold_up_the_service_and_the_loss_is_counted() {
        let (mut service, source) = tokio::io::duplex(1024);
        let (lines, mut items) = mpsc::channel(4);
        let reading = tokio::spawn(forward(Stream::Out, source, lines));
        let begun = std::time::Instant::now();
        for number in 0..5_000 {
            service.write_all(format!("line {number}\n").as_bytes()).await.unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "nobody reads the log, and the service goes on: {:?}", begun.elapsed());
        // Now somebody reads again.
        let (mut seen, mut lost) = (0, 0);
        drop(service);
        while let Some(item) = items.recv().await {
            match item {
                Item::Line { .. } => seen += 1,
                Item::Dropped(lines) => lost += lines,
                Item::Mark(_) => {}
            }
        }
        reading.await.unwrap();
        assert!(seen >= 4 && lost > 4_000, "{seen} {lost}");
        assert_eq!(seen + lost, 5_000, "every line is either written or counted");
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
