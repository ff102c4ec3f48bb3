//! Where log lines go: a buffer, and a thread that writes it out.
//!
//! A request copies its finished line into the buffer and goes on; it never waits for a terminal,
//! a pipe or a disk. The thread takes the whole buffer at once, so under load a hundred lines cost
//! one system call, and nobody is woken while it is still busy.
//!
//! **What happens when the reader is too slow** is declared here: the buffer holds 4 MiB. When it
//! is full, an access line is dropped and counted (`plimsoll_log_lines_dropped_total`); an event
//! of level `warn` or `error` waits up to 50 ms for room first. The schema of a line stands in
//! [`super::line`].

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use plimsoll_core::{Code, Result};

const ROOM: usize = 4 << 20;
const PATIENCE: Duration = Duration::from_millis(50);
/// How long the thread gathers lines after it has written some.
const GATHER: Duration = Duration::from_millis(10);
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// How much a line matters when there is no room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// Dropped and counted.
    Routine,
    /// Waits a moment for room, then dropped and counted.
    Important,
}

/// The log's entrance; lines leave by a thread of its own until this is dropped.
pub struct Log {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// For the writer: there is something to do.
    wake: Condvar,
    /// For everyone else: the writer has taken or written something.
    moved: Condvar,
    room: usize,
    patience: Duration,
    dropped: AtomicU64,
    failed: AtomicU64,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    accepted: u64,
    written: u64,
    parked: bool,
    hurry: bool,
    stop: bool,
}

impl Log {
    /// Begins to write to `sink`.
    ///
    /// # Errors
    /// `Internal` when the machine gives no thread.
    pub fn to(sink: impl Write + Send + 'static) -> Result<Log> {
        Log::with_room(sink, ROOM, PATIENCE)
    }

    /// Begins to write to the end of a file, which is made when it is missing.
    ///
    /// # Errors
    /// `ConfigInvalid` when the file cannot be opened for writing.
    pub fn to_file(path: &Path) -> Result<Log> {
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|cause| {
            Code::ConfigInvalid
                .because(format!("telemetry.log_file: {} cannot be opened for writing ({})", path.display(), cause.kind()))
                .caused_by(cause)
        })?;
        Log::to(file)
    }

    fn with_room(sink: impl Write + Send + 'static, room: usize, patience: Duration) -> Result<Log> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            moved: Condvar::new(),
            room,
            patience,
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let writer = shared.clone();
        let thread = std::thread::Builder::new().name("log".into()).spawn(move || writer.write_out(sink))?;
        Ok(Log { shared, thread: Some(thread) })
    }

    /// Hands over one finished line, line break included.
    pub fn push(&self, line: &[u8], worth: Worth) {
        let shared = &*self.shared;
        let mut state = shared.lock();
        let full = |state: &State| !state.buffer.is_empty() && state.buffer.len() + line.len() > shared.room;
        if full(&state) && worth == Worth::Important {
            state.hurry = true;
            shared.wake.notify_one();
            state = shared.moved.wait_timeout_while(state, shared.patience, |state| full(state)).unwrap_or_else(PoisonError::into_inner).0;
        }
        if full(&state) {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.buffer.extend_from_slice(line);
        state.accepted += 1;
        let half = shared.room / 2;
        let filled = state.buffer.len() >= half && state.buffer.len() - line.len() < half;
        let wake = std::mem::take(&mut state.parked) || filled;
        drop(state);
        if wake {
            shared.wake.notify_one();
        }
    }

    /// Waits until everything handed over so far is written, two seconds at most. False when it is not.
    pub fn flush(&self) -> bool {
        let mut state = self.shared.lock();
        let target = state.accepted;
        state.hurry = true;
        self.shared.wake.notify_one();
        let waited = self.shared.moved.wait_timeout_while(state, FLUSH_LIMIT, |state| state.written < target);
        waited.unwrap_or_else(PoisonError::into_inner).0.written >= target
    }

    /// Lines that found no room.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
    /// Writes that the terminal, pipe or disk refused.
    pub fn failed(&self) -> u64 {
        self.shared.failed.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_out(&self, mut sink: impl Write) {
        let mut batch = Vec::with_capacity(64 << 10);
        loop {
            let mut state = self.lock();
            while state.buffer.is_empty() && !state.stop {
                state.parked = true;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.parked = false;
            if state.buffer.is_empty() {
                return;
            }
            std::mem::swap(&mut state.buffer, &mut batch);
            let taken = state.accepted;
            drop(state);
            self.moved.notify_all();
            if all(&mut sink, &batch).is_err() {
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
            batch.clear();
            let mut state = self.lock();
            state.written = taken;
            self.moved.notify_all();
            let idle = |state: &mut State| !state.stop && !state.hurry && state.buffer.len() < self.room / 2;
            state = self.wake.wait_timeout_while(state, GATHER, idle).unwrap_or_else(PoisonError::into_inner).0;
            state.hurry = false;
        }
    }
}

fn all(sink: &mut impl Write, batch: &[u8]) -> io::Result<()> {
    sink.write_all(batch)?;
    sink.flush()
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
        self.shared.lock().stop = true;
        self.shared.wake.notify_one();
        // A sink that hangs must not hang the end of the process: the thread is only joined when
        // it has nothing left to write.
        let idle = {
            let state = self.shared.lock();
            state.written == state.accepted
        };
        if let Some(thread) = self.thread.take().filter(|_| idle) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A sink that keeps what it gets and, while it is told to, does not move.
    #[derive(Clone, Default)]
    struct Paper(Arc<(Mutex<Written>, Condvar)>);
    #[derive(Default)]
    struct Written {
        text: Vec<u8>,
        held: bool,
    }
    impl Paper {
        fn hold(&self, held: bool) {
            self.0.0.lock().unwrap().held = held;
            self.0.1.notify_all();
        }
        fn text(&self) -> String {
            String::from_utf8(self.0.0.lock().unwrap().text.clone()).unwrap()
        }
    }
    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.1.wait_while(self.0.0.lock().unwrap(), |state| state.held).unwrap();
            state.text.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_arrive_whole_and_in_order() {
        let paper = Paper::default();
        let log = Log::to(paper.clone()).unwrap();
        let expected: String = (0..1000).map(|n| format!("line {n}\n")).collect();
        expected.split_inclusive('\n').for_each(|line| log.push(line.as_bytes(), Worth::Routine));
        assert!(log.flush());
        assert_eq!(paper.text(), expected);
        log.push(b"last\n", Worth::Routine);
        drop(log);
        assert!(paper.text().ends_with("last\n"), "the end of the log must not be lost");
    }

    #[test]
    fn a_slow_reader_costs_lines_and_never_a_wait() {
        let paper = Paper::default();
        paper.hold(true);
        let log = Log::with_room(paper.clone(), 64, Duration::from_secs(60)).unwrap();
        (0..100).for_each(|_| log.push(b"0123456789abcde\n", Worth::Routine));
        let dropped = log.dropped();
        assert!((90..100).contains(&dropped), "{dropped}");
        paper.hold(false);
        assert!(log.flush());
        assert_eq!(paper.text().lines().count() as u64, 100 - dropped, "what was not dropped was written");
    }

    #[test]
    fn an_important_line_waits_for_room() {
        let paper = Paper::default();
        paper.hold(true);
        let log = Arc::new(Log::with_room(paper.clone(), 64, Duration::from_secs(60)).unwrap());
        (0..100).for_each(|_| log.push(b"0123456789abcde\n", Worth::Routine));
        let (begun, started) = mpsc::channel();
        let other = {
            let (log, paper) = (log.clone(), paper.clone());
            std::thread::spawn(move || {
                started.recv().unwrap();
                paper.hold(false);
                log.flush()
            })
        };
        begun.send(()).unwrap();
        log.push(b"important\n", Worth::Important);
        other.join().unwrap();
        log.flush();
        assert!(paper.text().contains("important"));
    }
}
