//! The threads of a PostgreSQL store: each has a connection, loses it with the server, and makes
//! a new one when there is work.

use std::{cell::RefCell, sync::Arc, thread::Builder, time::Instant};

use plimsoll_core::{Code, Result};
use postgres::SimpleQueryMessage;

use super::{dial::Dial, session::Session};
use crate::{
    Lanes, Scope,
    failure::Failure,
    gauges::{Busy, add},
    queue::Queue,
    settings::Settings,
    tx::{Link, Shared, Tx},
    work::{BATCH_TIME, Batch, Change, Look, Verdict, refuse},
};

/// Savepoints that keep changes of one transaction apart stay cheap up to this many.
const BATCH: usize = 60;

/// Starts the threads; they connect on their own, whether or not the server is there yet.
///
/// # Errors
/// [`Code::Internal`] where the system gives no threads.
pub(crate) fn open(dial: Arc<Dial>, settings: &Settings, shared: &Arc<Shared>) -> Result<Lanes> {
    let lanes = Lanes::new(settings.queue, settings.writers.max(1));
    let mut threads = Vec::new();
    for number in 0..=settings.readers.max(1) {
        let mut line = Line::new(dial.clone(), shared.clone());
        let queue = if number == 0 { lanes.pulse.clone() } else { lanes.looks.clone() };
        threads.push(Builder::new().name(format!("store-reader-{number}")).spawn(move || line.read(&queue))?);
    }
    for (number, queue) in lanes.changes.iter().enumerate() {
        let (mut line, queue) = (Line::new(dial.clone(), shared.clone()), queue.clone());
        threads.push(Builder::new().name(format!("store-writer-{number}")).spawn(move || line.write(&queue))?);
    }
    lanes.keep(threads);
    Ok(lanes)
}

/// Runs a read on a connection that is opened for it and has no limit on statements.
///
/// # Errors
/// What `f` returns; [`Code::DatabaseUnavailable`] where there is no server.
pub(crate) fn long<T>(dial: &Dial, shared: &Shared, scope: Scope, f: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
    let mut session = dial.connect(shared).map_err(|failure| failure.error())?;
    let text = format!(
        "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
         BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL plimsoll.tenant = '{}'",
        key(scope)
    );
    session.control(&text).map_err(|failure| failure.error())?;
    // The connection's end ends the snapshot.
    f(&Tx::new(Link::Pg(&RefCell::new(session)), shared, scope, None))
}

/// One thread's connection, when there is one.
struct Line {
    dial: Arc<Dial>,
    shared: Arc<Shared>,
    session: Option<RefCell<Session>>,
    connected_before: bool,
}

/// The name of a scope, as row security and the lock rows know it. Safe inside quotes: an id
/// prints as letters, digits and an underscore.
fn key(scope: Scope) -> String {
    match scope {
        Scope::Tenant(id) => id.to_string(),
        Scope::Host => "*".to_string(),
    }
}

impl Line {
    fn new(dial: Arc<Dial>, shared: Arc<Shared>) -> Line {
        Line { dial, shared, session: None, connected_before: false }
    }

    fn connect(&mut self) -> Result<(), Failure> {
        if self.session.is_none() {
            self.session = Some(RefCell::new(self.dial.connect(&self.shared)?));
            if self.connected_before {
                add(&self.shared.counts.reconnects);
            }
            self.connected_before = true;
        }
        Ok(())
    }

    /// Sends the words that open a transaction. Nothing has been done yet, so a connection that
    /// turns out to be dead is replaced once.
    fn begin(&mut self, text: &str) -> Result<Vec<SimpleQueryMessage>, Failure> {
        let fresh = self.session.is_none();
        self.connect()?;
        let opened = self.ask(text);
        let opened = match opened {
            Err(failure) if failure.lost && !fresh && self.dial.renew => {
                self.session = None;
                self.connect()?;
                self.ask(text)
            }
            other => other,
        };
        if opened.is_err() {
            self.abandon();
        }
        opened
    }

    fn session(&self) -> Result<&RefCell<Session>, Failure> {
        self.session.as_ref().ok_or_else(Failure::away)
    }

    fn ask(&mut self, text: &str) -> Result<Vec<SimpleQueryMessage>, Failure> {
        let Some(session) = &mut self.session else { return Err(Failure::away()) };
        let session = session.get_mut();
        session.client.simple_query(text).map_err(|error| session.failed(&error))
    }

    /// Leaves a transaction behind, and the connection with it where that does not work.
    fn abandon(&mut self) {
        if let Some(session) = &mut self.session
            && (session.get_mut().client.is_closed() || session.get_mut().control("ROLLBACK").is_err())
        {
            self.session = None;
        }
    }

    fn read(&mut self, queue: &Queue<Look>) {
        // A first request should not pay for the connection; a server that is away is no news yet.
        let _ = self.connect();
        while let Some(job) = queue.pop() {
            if job.claim.start() {
                self.snapshot(job);
            }
        }
    }

    /// Runs a read in one snapshot.
    fn snapshot(&mut self, job: Look) {
        let shared = self.shared.clone();
        let _busy = Busy::new(&shared.counts.busy);
        add(&shared.counts.reads);
        let text = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL plimsoll.tenant = '{}'", key(job.scope));
        let begun = self.begin(&text).and_then(|_| self.session());
        match begun {
            Err(failure) => (job.work)(Err(failure.error())),
            Ok(session) => {
                // The caller has its answer before the snapshot ends: nothing depends on that.
                (job.work)(Ok(&Tx::new(Link::Pg(session), &shared, job.scope, None)));
                self.abandon();
            }
        }
    }

    fn write(&mut self, queue: &Queue<Change>) {
        let _ = self.connect();
        while let Some(job) = queue.pop() {
            self.group(job, queue);
        }
    }

    /// Opens a transaction in which this scope has no other writer, here or on another server's
    /// copy of this program.
    /// Also tells whether changes are logged: asked when the lock is held, so that whoever turns
    /// the log on can wait for all who asked before.
    fn turn(&mut self, scope: Scope) -> Result<(&RefCell<Session>, bool), Failure> {
        let key = key(scope);
        let take = format!(
            "SELECT 'turn' FROM plimsoll_scope WHERE scope = '{key}' FOR UPDATE; SELECT 'log' FROM change_switch WHERE logging = 1"
        );
        let told = |answer: &[SimpleQueryMessage], word: &str| {
            answer.iter().any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some(word)))
        };
        let mut answer = self
            .begin(&format!("BEGIN; SET LOCAL plimsoll.tenant = '{key}'; {take}; SAVEPOINT change"))
            .map_err(|failure| if failure.no_table { Failure::unmigrated() } else { failure })?;
        if !told(&answer, "turn") {
            let first = format!("INSERT INTO plimsoll_scope (scope) VALUES ('{key}') ON CONFLICT (scope) DO NOTHING; {take}");
            // The savepoint must come after the lock, or undoing the first change would free it.
            let text = format!("RELEASE SAVEPOINT change; {first}; SAVEPOINT change");
            answer = match self.ask(&text) {
                Ok(answer) => answer,
                Err(failure) => {
                    self.abandon();
                    return Err(failure);
                }
            };
        }
        let logging = told(&answer, "log");
        Ok((self.session()?, logging))
    }

    /// One transaction for everything of one scope that waits.
    fn group(&mut self, first: Change, queue: &Queue<Change>) {
        let (shared, scope) = (self.shared.clone(), first.scope);
        if !first.claim.start() {
            return;
        }
        let (session, logging) = match self.turn(scope) {
            Ok(turn) => turn,
            Err(failure) => return refuse(&shared, first, &failure),
        };
        let (mut batch, started) = (Batch::new(&shared, logging), Instant::now());
        let mut before = run(session, first, &mut batch);
        while batch.len() < BATCH && started.elapsed() < BATCH_TIME {
            let Ok(after) = &before else { break };
            let Some(job) = queue.pop_fitting(|job| job.scope == scope) else { break };
            if job.claim.start() {
                let opened = session.borrow_mut().control(after.next());
                before = match opened {
                    Ok(()) => run(session, job, &mut batch),
                    Err(failure) => {
                        batch.refuse(job, &failure);
                        Err(failure)
                    }
                };
            }
        }
        match before.map(|after| session.borrow_mut().control(&format!("{}{}COMMIT", after.end(), batch.words()))) {
            Ok(Ok(())) => batch.end(None),
            Ok(Err(failure)) => {
                let verdict = if failure.lost { Failure::unknown_outcome() } else { failure };
                self.abandon();
                batch.end(Some(&verdict));
            }
            Err(failure) => {
                self.abandon();
                batch.end(Some(&Failure::neighbour(&failure)));
            }
        }
    }
}

/// Where a transaction stands after one of its changes.
enum After {
    Kept,
    Undone,
}

impl After {
    /// The words before the next change,
    fn next(&self) -> &'static str {
        match self {
            After::Kept => "RELEASE SAVEPOINT change; SAVEPOINT change",
            After::Undone => "ROLLBACK TO SAVEPOINT change",
        }
    }
    /// and those before the last. Sent together with what precedes them: each trip to the server counts.
    fn end(&self) -> &'static str {
        match self {
            After::Kept => "",
            After::Undone => "ROLLBACK TO SAVEPOINT change; ",
        }
    }
}

/// Runs one change.
///
/// # Errors
/// Where the connection is gone, and with it the whole transaction.
fn run(session: &RefCell<Session>, job: Change, batch: &mut Batch<'_>) -> Result<After, Failure> {
    let (verdict, broken) = batch.run(Link::Pg(session), job);
    if broken == Some(Code::DatabaseUnavailable) || session.borrow().client_is_closed() {
        return Err(Failure::away().caused("the connection was lost in the middle of the transaction").lost());
    }
    Ok(match verdict {
        Verdict::Keep => After::Kept,
        Verdict::Undo => After::Undone,
    })
}
