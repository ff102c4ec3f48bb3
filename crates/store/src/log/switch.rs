//! Turning the log on and off, reading it, and removing what was shipped.

use std::time::{Duration, Instant};

use plimsoll_core::{Code, Result, Seed, Time};

use super::{Entry, Mark, Position};
use crate::{Scope, Store, Tx, bind, dialect};

/// How the log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    /// Its id; another one each time that it is turned on.
    pub id: String,
    /// When it began: a snapshot from then on can be brought forward with it.
    pub since: Time,
    /// How many entries wait to be shipped.
    pub entries: i64,
    /// How many bytes they hold.
    pub bytes: i64,
    /// When the oldest of them was committed.
    pub oldest: Option<Time>,
}

/// How long a transaction from before may go on when the log is turned on.
const PATIENCE: Duration = Duration::from_secs(60);

impl Store {
    /// Turns the change log on or off, for all processes that use this database. Once this has
    /// returned, every change is in the log; changing nothing is no error.
    ///
    /// # Errors
    /// As for [`Store::commit`]; [`Code::DatabaseBusy`] where a transaction on the server does not
    /// end: the log has not begun then, and the next call goes on from there.
    pub async fn log_changes(&self, on: bool) -> Result<()> {
        let id = self.commit(Scope::Host, move |tx| tx.switch(on)).await?;
        let Some(id) = id else { return Ok(()) };
        if let Some(snapshot) = dialect::newest_transaction(self.kind()) {
            // Whoever looked before the switch was turned may still change something unlogged.
            let (newest, started) = (self.ask(move |tx| tx.row::<i64>(snapshot.0, &[])).await?, Instant::now());
            while self.ask(move |tx| tx.row::<i64>(snapshot.1, &[])).await? < newest {
                if started.elapsed() > PATIENCE {
                    return Err(Code::DatabaseBusy
                        .because("The change log could not begin: a transaction on the database server has not ended for a minute.")
                        .retry_after(5));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        self.commit(Scope::Host, move |tx| tx.begin_log(&id)).await
    }

    /// How the log stands; `None` where it is off.
    ///
    /// # Errors
    /// As for [`Store::ping`].
    pub async fn log_state(&self) -> Result<Option<LogState>> {
        self.ask(|tx| tx.log_state()).await
    }
}

impl Tx<'_> {
    /// Turns the switch; the log's id where it has still to begin.
    fn switch(&mut self, on: bool) -> Result<Option<String>> {
        let found: Option<(bool, String, Option<i64>)> = self.maybe("SELECT logging, log_id, since FROM change_switch", &[])?;
        match (on, found) {
            (true, Some((true, id, since))) => Ok(since.is_none().then_some(id)),
            (true, _) => {
                let chance: [u8; 12] = Seed::system().bytes();
                let id: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
                self.write(
                    "INSERT INTO change_switch (one, logging, log_id) VALUES (1, 1, :id)
                     ON CONFLICT (one) DO UPDATE SET logging = 1, log_id = excluded.log_id, since = NULL",
                    bind! { id: id },
                )?;
                Ok(Some(id))
            }
            (false, Some((true, ..))) => {
                self.write("UPDATE change_switch SET logging = 0, since = NULL", &[])?;
                self.mark(&Mark::Ends)?;
                Ok(None)
            }
            (false, _) => Ok(None),
        }
    }

    fn begin_log(&mut self, id: &str) -> Result<()> {
        let now = self.moment()?;
        let begun = self.write(
            "UPDATE change_switch SET since = :now WHERE logging = 1 AND log_id = :id AND since IS NULL",
            bind! { now: now, id: id },
        )?;
        if begun > 0 { self.mark(&Mark::Begins(id.to_owned())) } else { Ok(()) }
    }

    /// Writes a mark into the log.
    fn mark(&mut self, mark: &Mark) -> Result<()> {
        let now = self.moment()?;
        self.write(dialect::append(self.kind()), bind! { at: now, body: mark.body() }).map(drop)
    }

    /// What time it is for the log: when the transaction began by the server's clock, or on SQLite by the
    /// store's. Asked first in a transaction it is not after the snapshot.
    ///
    /// # Errors
    /// As for [`Tx::rows`].
    pub fn moment(&self) -> Result<Time> {
        match dialect::moment(self.kind()) {
            Some(sql) => self.row(sql, &[]),
            None => Ok(self.clock().now()),
        }
    }

    /// As [`Store::log_state`], on the snapshot of this transaction.
    ///
    /// # Errors
    /// As for [`Tx::rows`].
    pub fn log_state(&self) -> Result<Option<LogState>> {
        let found: Option<(String, Time)> =
            self.maybe("SELECT log_id, since FROM change_switch WHERE logging = 1 AND since IS NOT NULL", &[])?;
        let Some((id, since)) = found else { return Ok(None) };
        let (entries, bytes, oldest): (i64, i64, Option<Time>) =
            self.row("SELECT COUNT(*), COALESCE(SUM(length(body)), 0), MIN(at) FROM change_log", &[])?;
        Ok(Some(LogState { id, since, entries, bytes, oldest }))
    }

    /// Which entries of the log this snapshot holds, those that were shipped and removed included.
    ///
    /// # Errors
    /// As for [`Tx::rows`].
    pub fn log_position(&self) -> Result<Position> {
        self.row::<String>(dialect::position(self.kind()), &[])?.parse()
    }

    /// The entries that wait to be shipped, in the order of their numbers, until `enough` bytes
    /// have been read.
    ///
    /// # Errors
    /// As for [`Tx::rows`].
    pub fn log_entries(&self, enough: usize) -> Result<Vec<Entry>> {
        let (mut out, mut read) = (Vec::new(), 0);
        self.visited("SELECT seq, at, xid, body FROM change_log ORDER BY seq", &mut |row| {
            let body: Vec<u8> = row.get(3)?;
            read += body.len();
            out.push(Entry { seq: row.get(0)?, at: row.get(1)?, transaction: row.get(2)?, body });
            Ok(read < enough)
        })?;
        Ok(out)
    }

    /// Makes `who` the one process that ships the log until `until`, unless another one is that
    /// now; whether it is.
    ///
    /// # Errors
    /// As for [`Tx::write`].
    pub fn log_claim(&mut self, who: &str, now: Time, until: Time) -> Result<bool> {
        let sql = "UPDATE change_switch SET shipper = :who, shipper_until = :until
            WHERE logging = 1 AND (shipper IS NULL OR shipper = :who OR shipper_until < :now)";
        Ok(self.write(sql, bind! { who: who, now: now, until: until })? > 0)
    }

    /// Removes exactly these entries, which are now kept elsewhere; how many were there.
    ///
    /// # Errors
    /// [`Code::Internal`] outside of the host's scope; else as for [`Tx::write`].
    pub fn log_trim(&mut self, shipped: &[i64]) -> Result<u64> {
        if self.scope() != Scope::Host {
            return Err(Code::Internal.error().caused_by("the log is trimmed in the host's scope"));
        }
        let mut numbers = shipped.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        let (mut gone, mut at) = (0, 0);
        while at < numbers.len() {
            // A number that is missing may belong to an entry that is not visible yet, so a range
            // holds none.
            let mut end = at;
            while end + 1 < numbers.len() && numbers[end + 1] == numbers[end] + 1 {
                end += 1;
            }
            gone += self.write("DELETE FROM change_log WHERE seq BETWEEN :from AND :to", bind! { from: numbers[at], to: numbers[end] })?;
            at = end + 1;
        }
        Ok(gone)
    }
}
